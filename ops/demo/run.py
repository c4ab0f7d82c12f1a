"""Runs the demo: sets the stage, plays the scenes, sums up, and stays if asked to."""

import asyncio
import shlex
import shutil
import tempfile
import threading
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from events.wire.instants import format_instant
from ops.demo import scenes
from ops.demo.child_process import ChildEnded
from ops.demo.interrupts import Interrupted, Interrupts
from ops.demo.play import Performance, play
from ops.demo.screen import Screen
from ops.demo.stage import NotReady, Stage, staged
from worker.broker.port import BrokerError
from worker.clock import Clock

FAILED: Final = 1


def run(*, keep: bool) -> int:
    """Run the demo. Returns the exit code: 0 if every scene ended as expected."""
    screen = Screen()
    folder = Path(tempfile.mkdtemp(prefix="azplan-demo-"))
    with Interrupts() as interrupts:
        try:
            code = _run(screen, folder, interrupts, keep=keep)
        except Interrupted as interrupted:
            screen.say("\nStopped.")
            code = interrupted.code
    if code == FAILED:
        screen.say(f"Logs and journal are kept in {folder}", style="yellow")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return code


def _run(screen: Screen, folder: Path, interrupts: Interrupts, *, keep: bool) -> int:
    screen.say("azplan: commands from Kafka, calls to Partner Center, events back. All on this machine.\n")
    try:
        with staged(folder, list(scenes.CUSTOMERS.values()), screen.step, interrupts) as stage:
            screen.say("")
            with screen.playing() as watcher:
                performances, letters = asyncio.run(play(stage, scenes.scenes(), watcher))
            screen.show(performances)
            problems = _problems(stage, performances, letters)
            _sum_up(screen, stage, performances, problems)
            if keep and not problems:
                _stay(screen, stage)
    except (NotReady, ChildEnded, BrokerError) as error:
        screen.say(f"The demo cannot go on: {error}", style="red")
        return FAILED
    return FAILED if problems else 0


def _problems(stage: Stage, performances: Sequence[Performance], letters: int) -> list[str]:
    """Differences from the expected result, a sentence each."""
    found = [
        f"{each.number} ({each.scene.about}) did not end in {each.scene.ends or 'nothing'}."
        for each in performances
        if not each.as_expected
    ]
    if not stage.verified():
        found.append("the exported files are not what their manifests say.")
    books = stage.books()
    counted = {
        "orders": (books["orders"], scenes.ORDERS),
        "upgrades": (books["upgrades"], scenes.UPGRADES),
        "returned reservations": (books["returns"], scenes.RETURNS),
        "dead letters": (letters, scenes.DEAD_LETTERS),
    }
    return found + [
        f"there are {has} {what} instead of {must}." for what, (has, must) in counted.items() if has != must
    ]


def _sum_up(screen: Screen, stage: Stage, performances: Sequence[Performance], problems: Sequence[str]) -> None:
    seconds = max((each.seconds or 0.0 for each in performances), default=0.0)
    requests = stage.books()["requests"]
    screen.say(f"{len(performances)} records, answered within {seconds:.1f} s with {requests} requests to Microsoft.")
    if not problems:
        screen.say("The first came twice: Partner Center sold one plan for it.", style="green")
        told = "Every exported file has the hash of its manifest. Everything came as expected."
        screen.say(told, style="green")
    for problem in problems:
        screen.say(f"Not as expected: {problem}", style="red")


def _stay(screen: Screen, stage: Stage) -> None:
    """Print what to try next, and stay until a signal ends the demo."""
    settings = stage.folder / "settings.sh"
    lines = (f"export {name}={shlex.quote(value)}" for name, value in sorted(stage.settings.items()))
    settings.touch(mode=0o600)
    settings.write_text("\n".join(lines) + "\n")
    begin = format_instant(Clock().now() - timedelta(minutes=10))
    new, busy = scenes.scenes()[0].customer_id, scenes.scenes()[4].customer_id
    screen.say(
        f"""
Everything stays up until Ctrl-C. In another terminal:

  source {settings}
  azplan check
  azplan commands list
  azplan commands show demo-04
  azplan send CreateAzurePlan --customer {new} --wait 30s
  azplan send ReactivatePlan --customer {busy} --wait 30s
  azplan usage
  azplan budgets
  azplan invoices
  azplan files
  azplan files verify
  azplan replay plan --from {begin}
  azplan replay list
  azplan topics plan
  azplan commands watch
  azplan errors explain active_assets

  broker         {stage.settings["AZPLAN_KAFKA__BOOTSTRAP_SERVERS"]}
  health         {stage.health}/readyz
  metrics        {stage.metrics}
  simulator      {stage.control}/books (what Partner Center counted; {stage.control}/customers)
  logs, journal  {stage.folder}
"""
    )
    waiting = threading.Event()
    while not waiting.wait(1.0):
        stage.insist()
