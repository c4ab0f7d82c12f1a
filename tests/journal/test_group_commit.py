"""Group commit: many callers, few transactions, and an answer of its own for each caller."""

import asyncio

import pytest

from tests.journal.bench import (
    Bench,
    accept,
    claim,
    command,
    ended,
    engine,
    event,
    instead,
    intent,
    letter,
    only,
    rows,
    waiting,
)
from worker.clock import Clock
from worker.errors import JournalUnavailable, LaneLost
from worker.journal.database.protocol import Transaction
from worker.journal.database.transactions import Transactions
from worker.journal.intake_records import Intake, Taken
from worker.journal.journal import Journal
from worker.journal.records import Note, State

TOO_LARGE = 2**63
"""A number that no database holds."""


def unstorable(id: str, **facts: object) -> Intake:  # noqa: A002
    """A command that every database refuses."""
    return command(id, timestamp=TOO_LARGE, **facts)


async def test_a_record_that_the_database_refuses_becomes_a_dead_letter_and_holds_nobody_up(bench: Bench) -> None:
    """The batch is halved until the record is alone. All other records are accepted in order (promise G7)."""
    one = await bench.worker()
    refused = unstorable("2")

    def sound(item: Intake, error: Exception):
        return letter(command(item.command.id, offset=item.record.offset).record, "internal_error")

    items = [command("1"), refused, *(command(str(n)) for n in range(3, 9))]
    assert await one.accept(items, sound) == [Taken.NEW, Taken.DEAD_LETTER, *[Taken.NEW] * 6]
    order = [row["id"] for row in await rows(one, "SELECT id FROM command ORDER BY turn")]
    assert order == ["1", "3", "4", "5", "6", "7", "8"]
    assert [row.type for row in await one.unsent(20) if row.letter] == ["internal_error"]


async def test_text_that_no_database_holds_is_made_storable(bench: Bench) -> None:
    """U+0000 and halves of surrogate pairs become U+FFFD in every text. No such text is refused."""
    one = await bench.worker()
    odd = "a\x00b\ud800c"
    assert await accept(one, command("1", type=odd)) == [Taken.NEW]
    work = await only(one)
    assert work.type == "a\ufffdb\ufffdc"
    await one.intend(work, intent(odd), 1.0, odd)
    await one.conclude(work, waiting(notes=[Note(1, odd, odd)], memory={odd: odd}))
    again = await only(one)
    assert (list(again.steps), again.memory == {odd: odd}) == (["a\ufffdb\ufffdc"], True)
    await one.conclude(again, ended(again, State.FAILED, code=odd))


async def test_values_of_many_megabytes_are_kept(bench: Bench) -> None:
    """The bytes are in columns without an index: no size is refused."""
    one = await bench.worker()
    large = bytes(range(256)) * 40_000
    item = command("1", key=large, headers=(("h", large),))
    assert await accept(one, item) == [Taken.NEW]
    assert (await only(one)).record == item.record


async def test_names_as_long_as_an_envelope_allows_fit_every_index(bench: Bench) -> None:
    """Id, source, type, partner and customer may all have 1 024 bytes that do not compress."""
    one = await bench.worker()
    long = "".join(chr(0x10000 + (n * 7919) % 0xFFFF) for n in range(256))
    item = command(long, source=long, type=long, partner=long, customer=long[:36])
    assert await accept(one, item) == [Taken.NEW]
    (work,) = await claim(one, partners=[long])
    await one.intend(work, intent(), 1.0, "azure-plan")
    await one.conclude(work, ended(work, State.FAILED, keep_effects=True))


async def test_a_write_that_fails_fails_alone(bench: Bench) -> None:
    """Of many writes committed together, only the caller of the failed one gets an error."""
    one = await bench.worker()
    await accept(one, *(command(str(n), customer=str(n)) for n in range(30)))
    works = await claim(one)
    ends = [one.conclude(work, ended(work, attempts=TOO_LARGE if work.id == "17" else 1)) for work in works]
    results = await asyncio.gather(*ends, return_exceptions=True)
    failed = [work.id for work, result in zip(works, results, strict=True) if result is not None]
    assert failed == ["17"]
    assert [work.id for work in await claim(one)] == ["17"]


async def test_an_operation_that_raises_undoes_only_itself(bench: Bench) -> None:
    """The operation had written before it raised. Its neighbours of the same group are kept."""
    one = await bench.worker()

    async def breaks(tx: Transaction) -> None:
        await tx.run("INSERT INTO meta (name, value) VALUES ('broken', '')")
        raise KeyError("a defect of ours")

    async def writes(tx: Transaction) -> None:
        await tx.run("INSERT INTO meta (name, value) VALUES ('sound', '')")

    results = await asyncio.gather(
        one.transactions.write(breaks),
        one.transactions.write(writes),
        one.transactions.write(breaks),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [KeyError, type(None), KeyError]
    assert await rows(one, "SELECT name FROM meta") == [{"name": "sound"}]


async def test_a_caller_that_is_cancelled_stops_waiting_and_its_write_is_made(bench: Bench) -> None:
    """No other caller hears of the cancellation, and the journal goes on."""
    one = await bench.worker()
    await accept(one, command("1"), command("2", customer="fabrikam"))
    first, second = await claim(one)
    task = asyncio.create_task(one.conclude(first, ended(first)))
    beside = asyncio.create_task(one.conclude(second, ended(second)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await beside
    await one.sent([])
    assert await claim(one) == []


async def test_a_reader_that_is_cancelled_disturbs_nobody(bench: Bench) -> None:
    """The query ends by itself, and the connection serves the next reader."""
    one = await bench.worker()
    await accept(one, command("1"))
    for _ in range(20):
        task = asyncio.create_task(one.claim(["us"], 10, ()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert len(await claim(one)) == 1


async def test_an_end_that_comes_late_does_not_undo_a_newer_one(bench: Bench) -> None:
    """The first caller was cancelled and the command claimed again. The first write stands."""
    one = await bench.worker()
    await accept(one, command("1"))
    old, new = await only(one), await only(one)
    abandoned = asyncio.create_task(one.conclude(old, waiting(3600)))
    await asyncio.sleep(0)
    abandoned.cancel()
    results = await asyncio.gather(abandoned, one.conclude(new, ended(new)), return_exceptions=True)
    (state,) = await rows(one, "SELECT state, revision FROM command")
    expected = "waiting" if isinstance(results[1], LaneLost) else "succeeded"
    assert state == {"state": expected, "revision": 1}


async def test_closing_commits_submitted_writes(url: str) -> None:
    """A closed journal says so to its callers."""
    journal = Journal(Transactions(engine(url), Clock()))
    await journal.open()
    await journal.register("one", "1", 60)
    writing = asyncio.create_task(journal.accept([command("1")], instead))
    await asyncio.sleep(0)
    await journal.close()
    assert await writing == [Taken.NEW]
    with pytest.raises(JournalUnavailable, match="closed"):
        await journal.gauges()
    with pytest.raises(JournalUnavailable, match="closed"):
        await journal.retire()


async def test_everything_is_there_after_a_restart(url: str) -> None:
    """Another process finds commands, steps, events, dead letters and instants."""
    first = Bench(url)
    async with first:
        one = await first.worker("one")
        await accept(one, command("1"), command("2"))
        work = await only(one)
        step = await one.intend(work, intent(details={"cart": 1}), 900.0, "azure-plan")
        await one.conclude(work, waiting(0, memory={"m": 1}, events=[event("w")], notes=[]))
    second = Bench(url)
    async with second:
        two = await second.worker("two")
        await lapse_all(two)
        assert await two.take_lanes(10) == 1
        again = await only(two)
        assert (again.id, again.memory, again.steps) == ("1", {"m": 1}, {"checkout": step})
        assert len(await two.unsent(10)) == 3
        await two.conclude(again, ended(again))
        assert (await only(two)).settle_until == step.until


async def lapse_all(journal: Journal) -> None:
    """Silence every worker but this one for longer than its lease."""

    async def write(tx: Transaction) -> None:
        await tx.run("UPDATE worker SET expires_at = 1 WHERE id <> ?", journal.worker)

    await journal.transactions.write(write)


async def test_the_journal_knows_the_databases_time_without_asking(bench: Bench) -> None:
    """The estimate is off by a moment at most and is never ahead."""
    one = await bench.worker()

    async def now(tx: Transaction) -> int:
        return tx.now

    known = one.now()
    asked = await one.transactions.read(now)
    assert asked - 1_000_000 < known <= asked
