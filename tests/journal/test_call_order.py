"""Calls stand in the timeline after their causes, whatever the clocks of workers say."""

import pytest

from tests.journal.bench import Bench, accept, change, command, ended, only
from worker.journal.reading.call_order import CLOCK, Span, by_cause
from worker.journal.reading.command_queries import show
from worker.journal.records import SECOND, Call, Micros


def call(at: float, run: str = "run-1", *, seconds: float = 0.5) -> Call:
    """A call that was begun at this second."""
    return Call(
        at=int(at * SECOND),
        step="",
        operation="carts.get",
        status="200",
        duration_ms=int(seconds * 1000),
        request_id=f"{at} {run}",
        correlation_id=run,
        code=None,
        key="key",
        answered=True,
    )


def span(begin: float, end: float | None = None) -> Span:
    """The instants of a story, in seconds."""
    return Span(int(begin * SECOND), None if end is None else int(end * SECOND))


CASES = {
    "clocks that agree change nothing": ([(0, call(11)), (0, call(12))], {0: span(10, 20)}, [11, 12], []),
    "a clock behind: no call before the command was accepted": (
        [(0, call(3)), (0, call(4)), (0, call(9, "run-2"))],
        {0: span(10, 30)},
        [10, 11, 16],
        ["7.0 s behind"],
    ),
    "a clock ahead: no call after the answer": (
        [(0, call(18)), (0, call(27, seconds=1))],
        {0: span(10, 20)},
        [10, 19],
        ["8.0 s ahead of"],
    ),
    "a clock that also goes wrong: all are within the story": (
        [(0, call(0)), (0, call(50))],
        {0: span(10, 20)},
        [10, 20],
        ["10.0 s behind"],
    ),
    "less than a second is not worth a word": ([(0, call(9.5))], {0: span(10, 20)}, [10], []),
    "a later run is later, whichever worker made it": (
        [(0, call(15)), (0, call(12, "run-2")), (0, call(14, "run-2"))],
        {0: span(10)},
        [15, 15, 17],
        [],
    ),
    "the calls of one run go by their clock": ([(0, call(14)), (0, call(12))], {0: span(10)}, [12, 14], []),
    "each story has its own span": (
        [(0, call(3)), (1, call(40, "run-2"))],
        {0: span(10, 20), 1: span(30, 50)},
        [10, 40],
        ["7.0 s behind"],
    ),
    "a story of which nothing was said is left alone": ([(3, call(1))], {}, [1], []),
    "no call": ([], {0: span(10)}, [], []),
}


@pytest.mark.parametrize(("calls", "spans", "at", "said"), CASES.values(), ids=CASES.keys())
def test_calls_are_placed_by_cause_and_effect(
    calls: list[tuple[int, Call]], spans: dict[int, Span], at: list[Micros], said: list[str]
) -> None:
    """Calls stand after the command's acceptance and before its answer, in the order in which they were written."""
    placed, notes = by_cause(calls, spans)
    assert [each.at / SECOND for each in placed] == at
    assert [note.kind for note in notes] == [CLOCK] * len(said)
    for note, words in zip(notes, said, strict=True):
        assert words in note.detail


async def test_a_story_of_an_older_worker_is_told_in_its_order(bench: Bench) -> None:
    """Its calls have the instants of a clock that was a minute behind. The story says so."""
    worker = await bench.worker()
    await accept(worker, command("1"))
    work = await only(worker)
    late = call(worker.now() / SECOND - 60)
    await worker.conclude(work, ended(work, calls=[late]))
    await change(worker, "UPDATE event SET at = (SELECT received_at FROM command) WHERE type LIKE '%Accepted%'")
    await change(worker, "UPDATE event SET at = (SELECT concluded_at FROM command) WHERE type LIKE '%Suspended%'")
    story = await worker.transactions.read(lambda tx: show(tx, work.uid))
    assert story is not None
    (made,), (note,) = story.calls, story.notes
    assert story.command.received_at <= made.at <= (story.command.concluded_at or 0)
    assert "behind the database's" in note.detail
