"""Shows the demo: on a terminal a live table; elsewhere a line for each event, and the table at the end."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from events.wire.event_reader import PublishedEvent
from events.wire.text import visible
from ops.demo.play import Performance, Watcher, outcome
from worker.operators.wording.message_types import short

_STYLES = {"CommandRejected": "yellow", "CommandIdReused": "yellow", "CommandFailed": "bold red"}
_WIDE = 150
"""Characters of a line without a terminal."""


class Screen:
    """Shows the demo on standard output."""

    def __init__(self) -> None:
        alive = sys.stdout.isatty()
        self._console = Console(highlight=False, emoji=False, markup=False, width=None if alive else _WIDE)
        self._live: Live | None = None

    def say(self, text: str, style: str | None = None) -> None:
        """Print `text` on lines of its own."""
        self._console.print("\n".join(map(visible, text.split("\n"))), style=style)

    def step(self, text: str) -> None:
        """Print a step of the preparation."""
        self._console.print(f"· {text}", style="dim")

    @contextmanager
    def playing(self) -> Iterator[Watcher]:
        """Keep the table up to date while the scenes play."""
        if not self._console.is_terminal:
            yield Watcher(told=self._line, refreshed=lambda _: None)
            return
        with Live(console=self._console, auto_refresh=False) as live:

            def refreshed(performances: Sequence[Performance]) -> None:
                live.update(table(performances), refresh=True)

            yield Watcher(told=lambda *_: None, refreshed=refreshed)

    def show(self, performances: Sequence[Performance]) -> None:
        """Print the table at the end; on a terminal the live table is there already."""
        if not self._console.is_terminal:
            self._console.print(table(performances, wide=True))

    def _line(self, performance: Performance, event: PublishedEvent) -> None:
        scene = performance.scene
        self._console.print(f"  {performance.number:>2}  {short(scene.kind.wire_type()):<24} {visible(outcome(event))}")


def table(performances: Sequence[Performance], *, wide: bool = False) -> Table:
    """A table of the scenes with their events, seconds and calls. `wide`: only the events may take several lines."""
    made = Table(
        "", "command", "what it shows", "events", "s", "calls", box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold"
    )
    made.columns[4].justify = made.columns[5].justify = "right"
    made.columns[1].no_wrap = True
    made.columns[2].no_wrap = wide
    for performance in performances:
        scene = performance.scene
        seconds = "" if performance.seconds is None else f"{performance.seconds:.1f}"
        calls = str(performance.calls) if scene.ends and scene.ends != "CommandIdReused" else ""
        made.add_row(
            str(performance.number), short(scene.kind.wire_type()), scene.about, _events(performance), seconds, calls
        )
    return made


def _events(performance: Performance) -> Text:
    if not performance.scene.ends:
        return Text("nothing new: its answer came before", style="dim")
    shown = Text()
    for event in performance.events:
        shown.append(" › " if shown.plain else "", style="dim")
        text, style = _event(event)
        shown.append(visible(text), style)
    if performance.ended and not performance.as_expected:
        shown.append(f"  (expected: {performance.scene.ends})", style="bold red")
    return shown


def _event(event: PublishedEvent) -> tuple[str, str]:
    name = short(event.event.wire_type())
    if event.event.terminal or name in _STYLES:
        return outcome(event), _STYLES.get(name, "bold green")
    reason = getattr(event.event, "reason", None)
    status = getattr(event.event, "status", None) or getattr(event.event, "stage", None)
    return reason or status or name.removeprefix("Command").removeprefix("Product"), "cyan"
