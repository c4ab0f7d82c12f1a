"""The progress of something long: a bar on a terminal, a line now and then elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from events.wire.text import visible
from worker.cli.output.console import say, standard_error
from worker.operators.replay.canary_pace import Standing

Tell = Callable[[Standing], None]
MIB = 1_048_576
LONG = 256 * MIB
"""Bytes above which reading takes so long that a person is told how far it is."""


class Advance(Protocol):
    """Moves a bar to `completed`. `rest` is shown behind the bar."""

    def __call__(self, completed: int, rest: str) -> None: ...


@contextmanager
def bar(total: int, name: str) -> Iterator[Advance | None]:
    """A bar that fills up to `total`; None without a terminal."""
    console = standard_error()
    if not console.is_terminal:
        yield None
        return
    rest = TextColumn("{task.fields[rest]}", markup=False)
    with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), rest, console=console) as shown:
        task = shown.add_task(name, total=total, rest="")
        yield lambda completed, rest: shown.update(task, completed=completed, rest=visible(rest))


@contextmanager
def replay_progress(number: int) -> Iterator[Tell]:
    """Shows how far a replay of so many commands is."""
    with bar(number, "replay") as advance:
        yield _lines() if advance is None else lambda now: advance(now.ended, _rest(now))


def _lines() -> Tell:
    told: list[Standing] = []

    def tell(now: Standing) -> None:
        if not told or told[-1] != now:
            told.append(now)
            say(f"{now.done} done, {now.failed} failed, {now.under_way} under way, {now.planned} to come{_rest(now)}")

    return tell


def _rest(now: Standing) -> str:
    return f", {now.patient} wait for Microsoft" if now.patient else ""


@contextmanager
def read_progress(total: int, name: str) -> Iterator[Callable[[int], None]]:
    """Shows how much of so many bytes is read: in MiB on a terminal, every tenth of it elsewhere."""
    done = told = 0
    with bar(max(1, total // MIB), name) as advance:

        def read(more: int) -> None:
            nonlocal done, told
            done += more
            if advance is not None:
                advance(done // MIB, "MiB")
            elif total > LONG and done * 10 // total > told:
                told = done * 10 // total
                say(f"{name}: {told * 10} % of {total // MIB} MiB read")

        yield read
