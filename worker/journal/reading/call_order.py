"""Puts the calls of a command in order with the other rows of its timeline, by cause and effect. Pure.

Instants in the journal are by the database's clock. Only the instants of calls that an older worker stored are by the
clock of its machine. In each story a call comes after the acceptance of the command and before its answer, and calls
are stored in the order in which they were made. Instants that contradict this show how far the clocks are apart.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from worker.journal.records import SECOND, Call, Micros, Note

APART: Micros = 1 * SECOND
"""A smaller difference between two clocks is not reported."""
CLOCK = "clock"
"""The kind of the note that says how far clocks are apart."""


@dataclass(frozen=True, slots=True)
class Span:
    """Begin and end of a story, by the database's clock. `end` is None while the story runs."""

    begin: Micros
    end: Micros | None = None


def by_cause(calls: Sequence[tuple[int, Call]], spans: Mapping[int, Span]) -> tuple[list[Call], list[Note]]:
    """Move calls to instants that fit the spans of their stories.

    `calls` have the numbers of their stories and are in the order in which they were stored. Returns the calls, the
    earliest of each story first, and a note for each story in which the clocks were apart.
    """
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
    """A sentence that says how far a clock is ahead of the database's clock, or behind it."""
    way = "ahead of" if ahead > 0 else "behind"
    return f"the clock {whose} is {abs(ahead) / SECOND:.1f} s {way} the database's; instants here are the database's"


def _shift(calls: Sequence[Call], span: Span) -> Micros:
    """The microseconds to add to the instants of these calls. Then no call is before the begin of the story and, if
    possible, none is after its end."""
    early = span.begin - min(call.at for call in calls)
    if early > 0:
        return early
    late = 0 if span.end is None else max(call.at + call.duration_ms * 1_000 for call in calls) - span.end
    return -min(late, -early) if late > 0 else 0


def _within(at: Micros, span: Span) -> Micros:
    """The instant, moved to the nearest end of the span if it is outside: the clock may also run faster or slower."""
    return max(span.begin, at if span.end is None else min(at, span.end))


def _in_order(calls: Sequence[Call]) -> Iterator[Call]:
    """The calls in order: the runs as they were stored, and the calls of one run by their common clock."""
    floor = 0
    for run in _runs(calls):
        shift = max(0, floor - min(call.at for call in run))
        for call in sorted(run, key=lambda each: each.at):
            moved = replace(call, at=call.at + shift)
            floor = max(floor, moved.at)
            yield moved


def _runs(calls: Sequence[Call]) -> list[list[Call]]:
    """The calls by run. Each run has another correlation id."""
    runs: list[list[Call]] = []
    for call in calls:
        if runs and runs[-1][0].correlation_id == call.correlation_id:
            runs[-1].append(call)
        else:
            runs.append([call])
    return runs
