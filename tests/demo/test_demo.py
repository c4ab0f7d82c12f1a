"""`azplan demo`: from one word to a summary, with nothing left behind."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ops.demo import run
from ops.demo.child_process import Child, ChildEnded
from ops.demo.scenes import ACCOUNT, CUSTOMERS, scenes
from ops.demo.stage import NotReady
from ops.local.azplan import environment
from ops.local.waiting import wait_until
from ops.simulator.seed import PROFILES
from worker.cli.exit_codes import Stop
from worker.cli.verbs.demo import demo

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.xdist_group("demo")  # one at a time: each is a broker, a simulator and a worker


RECIPES = (
    ("azplan commands list --state failed", 3),
    ("azplan dead-letters list", 0),
    ("azplan dead-letters redrive --code order_failed --canary 5 --rate 60 --yes", 3),
    ("azplan replay plan --from 2020-01-01T00:00:00Z --to 2099-01-01T00:00:00Z --why 'a bad deployment'", 0),
    ("azplan replay show latest", 0),
    ("azplan replay apply latest --canary 5 --yes", 0),
    ("azplan replay plan --to 2020-01-01T00:00:00Z", 3),
    ("azplan replay plan --offsets 0:0-1", 0),
    ("azplan pause --type SuspendPlan --why 'a flood' --yes", 0),
    ("azplan commands cancel --type SuspendPlan --from 2020-01-01T00:00:00Z --yes", 3),
    ("azplan pause --list", 0),
    ("azplan resume --type SuspendPlan --yes", 0),
    ("azplan commands list --code outcome_unknown", 3),
    ("azplan dead-letters show 1 --export record.json", 0),
    ("azplan dead-letters archive 1 --yes", 0),
    ("azplan dead-letters restore 1 --yes", 0),
    ("azplan journal stats", 0),
    ("azplan topics apply --yes", 0),
    ("AZPLAN_KAFKA__COMMANDS_TOPIC=other azplan topics apply --yes", 69),
    ("azplan journal rebuild --yes", 78),
    ("AZPLAN_JOURNAL__URL=sqlite:///lost.db azplan journal rebuild --yes", 0),
)
"""The exit codes of the recipes of docs/recipes.md in the demo. 3 means that the demo has nothing of that kind."""


class Demo:
    """`azplan demo` as a process, with a folder of its own for temporary files."""

    def __init__(self, *words: str, folder: Path) -> None:
        self.folder = folder
        self.said = folder / "said.txt"
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        env = environment({"PYTHONPATH": str(ROOT), "TMPDIR": str(self.temporary), "COLUMNS": "180"})
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "worker.cli", "demo", *words], env=env, cwd=folder, stdout=said, stderr=said
            )

    @property
    def text(self) -> str:
        """The output so far."""
        return self.said.read_text()

    def wait_for(self, text: str, *, within: float = 60) -> None:
        """Return as soon as the output has this text. Fails if the demo ends before."""
        wait_until(
            lambda: text in self.text or self.process.poll() is not None, f"the demo says {text!r}", within=within
        )
        assert text in self.text, self.text

    def children(self) -> list[psutil.Process]:
        """The running processes that the demo has started."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def worker(self) -> psutil.Process | None:
        """The `azplan run` of the demo."""
        return next((child for child in self.children() if child.cmdline()[-1:] == ["run"]), None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder in which the demo starts."""
    return tmp_path


@pytest.fixture
def kept(folder: Path) -> Iterator[Demo]:
    """A demo that has been played and stays up."""
    demo = Demo("--keep", folder=folder)
    try:
        demo.wait_for("Everything stays up until Ctrl-C")
        yield demo
    finally:
        demo.process.send_signal(signal.SIGINT)
        demo.process.wait(60)


def test_it_shows_every_scene_sums_up_and_leaves_nothing_behind(folder: Path) -> None:
    """One word is enough. The exit code is 0 within a minute, and no processes or files are left."""
    demo = Demo(folder=folder)
    demo.wait_for("starting azplan run")
    children = demo.children()
    assert demo.process.wait(120) == 0, demo.text
    for scene in scenes():
        assert scene.about in demo.text
        assert scene.ends in " ".join(demo.text.split())
    assert "Everything came as expected." in demo.text
    assert "\x1b" not in demo.text
    assert children
    assert not [child for child in children if child.is_running()]
    assert list(demo.temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "code", "moment"),
    [
        (signal.SIGTERM, 143, "starting a simulated Partner Center"),
        (signal.SIGTERM, 143, "starting azplan run"),
        (signal.SIGINT, 130, "CommandAccepted"),
        (signal.SIGTERM, 143, "AzurePlanCreated"),
    ],
)
def test_a_signal_ends_it_with_all_its_children(number: signal.Signals, code: int, moment: str, folder: Path) -> None:
    """SIGTERM and Ctrl-C work while the demo starts and while it plays. No unknown child is left."""
    demo = Demo(folder=folder)
    demo.wait_for(moment)
    children = demo.children()
    demo.process.send_signal(number)
    assert demo.process.wait(60) == code
    assert not [child for child in children if child.is_running()]
    assert "Traceback" not in demo.text
    assert list(demo.temporary.iterdir()) == []


def test_a_demo_that_is_kept_can_be_worked_with_as_it_says(kept: Demo) -> None:
    """A shell that has read the settings runs the commands exactly as printed."""
    lines = [line.strip() for line in kept.text.splitlines()]
    source = next(line for line in lines if line.startswith("source "))
    tries = [line for line in lines if line.startswith("azplan ") and "watch" not in line]
    assert len(tries) >= 5
    for line in tries:
        ended = in_shell(kept, source, line)
        assert ended.returncode == 0, (line, ended.stdout, ended.stderr)
        assert ended.stdout
    for line, code in RECIPES:
        ended = in_shell(kept, source, line)
        assert ended.returncode == code, (line, ended.stdout, ended.stderr)
        assert "something went wrong" not in ended.stderr


def in_shell(demo: Demo, source: str, line: str) -> subprocess.CompletedProcess[str]:
    """Run a line like a person who has read the demo's settings."""
    return subprocess.run(
        ["bash", "-c", f"{source}\n{line.replace('azplan', f'{shlex.quote(sys.executable)} -m worker.cli', 1)}"],
        env=environment({"PYTHONPATH": str(ROOT)}),
        cwd=demo.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_when_something_on_the_stage_dies_it_says_so_and_keeps_the_logs(folder: Path) -> None:
    """The exit code is 1, the message names the log, and the folder stays for a closer look."""
    demo = Demo(folder=folder)
    demo.wait_for("starting azplan run")
    wait_until(lambda: demo.worker() is not None, "the worker is started", within=10)
    worker = demo.worker()
    assert worker is not None
    worker.kill()
    assert demo.process.wait(30) == 1
    assert "worker ended with exit code" in demo.text
    (left,) = demo.temporary.iterdir()
    assert f"kept in {left}" in demo.text
    assert (left / "worker.log").exists()


def test_a_part_that_does_not_start_is_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message about a part that is not ready in time names its log."""

    def never(*_: object) -> None:
        raise NotReady("worker was not ready within 30 seconds (log: /somewhere/worker.log)")

    monkeypatch.setattr(run, "staged", never)
    assert run.run(keep=False) == 1
    said = capsys.readouterr().out
    assert "/somewhere/worker.log" in said
    kept = Path(said.rpartition("kept in ")[2].strip())
    assert kept.is_dir()
    kept.rmdir()


def test_a_child_that_ends_tells_its_last_words(folder: Path) -> None:
    """The error has the last line of the child's log."""
    child = Child(
        "short", [sys.executable, "-c", "print('no port is free'); raise SystemExit(69)"], env=os.environ, folder=folder
    )
    wait_until(lambda: not _runs(child), "the child ends", within=10)
    with pytest.raises(ChildEnded, match=r"short ended with exit code 69: no port is free \(log: .*short.log\)"):
        child.insist()
    child.end()


def test_a_child_that_does_not_listen_is_killed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This holds whatever the child does with SIGTERM."""
    monkeypatch.setattr("ops.demo.child_process._POLITE_SECONDS", 0.2)
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
    child = Child("deaf", [sys.executable, "-c", deaf], env=os.environ, folder=folder)
    wait_until(lambda: "deaf" in child.log.read_text(), "the child ignores SIGTERM", within=10)
    child.end()
    assert not _runs(child)


def _runs(child: Child) -> bool:
    try:
        child.insist()
    except ChildEnded:
        return False
    return True


def test_each_customer_has_a_profile_of_the_simulator_and_one_is_a_stranger() -> None:
    """A misspelt profile would make one more stranger."""
    assert set(CUSTOMERS.values()) <= set(PROFILES)
    assert {scene.customer for scene in scenes()} - set(CUSTOMERS) == {"nobody", ACCOUNT}


@pytest.mark.parametrize(
    ("absent", "advice"),
    [("ops.demo.run", "clone the repository"), ("confluent_kafka", "azplan[demo]"), ("trustme", "azplan[demo]")],
)
def test_without_its_parts_the_demo_says_how_to_install_them(
    absent: str, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An installed wheel has no simulator. The exit code is 69, and the message says what to do."""
    monkeypatch.setattr("worker.cli.verbs.demo._is_here", lambda module: module != absent)
    with pytest.raises(Stop) as stopped:
        demo(keep=False)
    assert stopped.value.code == 69
    assert advice in (stopped.value.advice or "")
