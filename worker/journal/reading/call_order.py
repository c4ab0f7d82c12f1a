"""The calls of a command in their place among its other events, by cause and effect. Pure.

Everything in the journal has its instant by the database's clock. Calls that an older worker wrote down have theirs by
the clock of its machine. In each story a call comes after the command was accepted and before its answer, and calls
were written down in the order in which they were made: where the instants say otherwise, clocks were that far apart.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from worker.journal.records import SECOND, Call, Micros, Note

APART: Micros = 1 * SECOND
"""Clocks that are closer to each other are not worth a word."""
CLOCK = "clock"
"""The kind of the note that says how far clocks are apart."""


@dataclass(frozen=True, slots=True)
class Span:
    """From when until when a story ran, by the database's clock; None: it still runs."""

    begin: Micros
    end: Micros | None = None


def by_cause(calls: Sequence[tuple[int, Call]], spans: Mapping[int, Span]) -> tuple[list[Call], list[Note]]:
    """Calls, each with the number of its story and in the order in which they were written down, at instants that fit
    the spans of their stories, the earliest first; and what is to be said about clocks."""
    placed: list[Call] = []
    notes: list[Note] = []
    for story in sorted({number for number, _ in calls}):
        own = [call for number, call in calls if number == story]
        span = spans.get(story)
        if span is not None:
            shift = _shift(own, span)
            own = [replace(call, at=_within(call.at + shift, span)) for call in own]
            if abs(shift) >= APART:
                notes.append(Note(at=own[0].at, kind=CLOCK, detail=told(-shift, "of the worker that made these calls")))
        placed.extend(_in_order(own))
    return placed, notes


def told(ahead: Micros, whose: str) -> str:
    """How far a clock is ahead of the database's, in a sentence."""
    way = "ahead of" if ahead > 0 else "behind"
    return f"the clock {whose} is {abs(ahead) / SECOND:.1f} s {way} the database's; instants here are the database's"


def _shift(calls: Sequence[Call], span: Span) -> Micros:
    """What must be added to the instants of these calls, so that none is before the story began, or after it ended."""
    early = span.begin - min(call.at for call in calls)
    if early > 0:
        return early
    late = 0 if span.end is None else max(call.at + call.duration_ms * 1_000 for call in calls) - span.end
    return -min(late, -early) if late > 0 else 0


def _within(at: Micros, span: Span) -> Micros:
    """A clock that also runs faster or slower leaves calls outside: they are at the nearest end."""
    return max(span.begin, at if span.end is None else min(at, span.end))


def _in_order(calls: Sequence[Call]) -> Iterator[Call]:
    """Runs follow each other as they were written down; the calls of one run have one clock, and go by it."""
    floor = 0
    for run in _runs(calls):
        shift = max(0, floor - min(call.at for call in run))
        for call in sorted(run, key=lambda each: each.at):
            moved = replace(call, at=call.at + shift)
            floor = max(floor, moved.at)
            yield moved


def _runs(calls: Sequence[Call]) -> list[list[Call]]:
    """The calls by their runs: each run has a correlation id of its own."""
    runs: list[list[Call]] = []
    for call in calls:
        if runs and runs[-1][0].correlation_id == call.correlation_id:
            runs[-1].append(call)
        else:
            runs.append([call])
    return runs
