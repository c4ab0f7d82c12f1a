"""What a worker knows of the lags of each account, read from the journal now and then."""

import asyncio
from typing import Any

import pytest

from events.codes import WaitingReason
from events.messages.base import Event
from events.messages.plans import PlanSuspended
from tests.runtime.bench import ACCOUNT, Bench
from worker.errors import JournalUnavailable, Wait
from worker.handling import Context
from worker.journal.reading.seen_lags import KeptLag
from worker.partner_center.resources import carts, orders
from worker.runtime.learned_lags import EVERY, LearnedLags


async def kept(bench: Bench, partner: str, seconds: int, count: int = 20) -> None:
    """The journal keeps that this often an order took so long."""
    sql = "INSERT INTO lag (partner, awaited, not_before, shown_by) VALUES (?, 'order_completed', ?, ?)"
    values = [(partner, seconds * 990_000, seconds * 1_010_000)] * count
    await bench.journal.transactions.write(lambda tx: tx.many(sql, values))


async def test_each_account_has_its_own_lags(bench: Bench) -> None:
    """One partner's orders take ten minutes, the other's nobody has seen."""
    learned = LearnedLags(bench.journal, 300.0, lambda: 0.0)
    before = learned.of(ACCOUNT, orders.COMPLETION)
    await kept(bench, ACCOUNT, 600)
    await learned.look()
    assert learned.of(ACCOUNT, orders.COMPLETION).known.time_of(0.5) == pytest.approx(600, rel=0.1)
    assert learned.of("other", orders.COMPLETION).known.time_of(0.5) == before.known.time_of(0.5)
    assert learned.of(None, orders.COMPLETION).known.time_of(0.5) == before.known.time_of(0.5)


async def test_an_estimate_is_made_anew_only_if_something_was_seen(bench: Bench) -> None:
    """Most looks into the journal find nothing new about most waits."""
    learned = LearnedLags(bench.journal, 300.0, lambda: 0.0)
    await kept(bench, ACCOUNT, 600)
    await learned.look()
    first = learned.of(ACCOUNT, orders.COMPLETION)
    await kept(bench, "other", 30)
    await learned.look()
    assert learned.of(ACCOUNT, orders.COMPLETION) is first
    await kept(bench, ACCOUNT, 30)
    await learned.look()
    assert learned.of(ACCOUNT, orders.COMPLETION) is not first


async def test_a_silent_journal_changes_nothing_and_is_asked_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker goes on with what it knows."""
    learned, asked = LearnedLags(bench.journal, 300.0, lambda: 0.0), []

    async def silent() -> list[KeptLag]:
        asked.append(bench.clock.monotonic())
        raise JournalUnavailable("down")

    monkeypatch.setattr(bench.journal, "seen_lags", silent)
    task = asyncio.create_task(learned.run())
    await asyncio.sleep(2.5 * EVERY)
    task.cancel()
    assert len(asked) == 3
    assert learned.of(ACCOUNT, orders.COMPLETION).own is None


async def test_a_run_that_finds_what_the_command_waited_for_stores_how_late_it_was(bench: Bench) -> None:
    """Another worker carries out the second run, and the interval is the same: the journal has the beginning."""
    busy = [True]

    async def handler(ctx: Context, _command: Any) -> Event:
        if busy:
            busy.clear()
            raise Wait(WaitingReason.ORDER_PROVISIONING, "busy", awaits=carts.FREEDOM)
        return ctx.answer(PlanSuspended, subscription_id="s-1", already_suspended=False)

    work = await bench.begin()
    await bench.dispatch(handler)(work)
    await asyncio.sleep(40)
    assert await bench.journal.seen_lags() == []
    await bench.dispatch(handler)(await bench.again(work))
    (lag,) = await bench.journal.seen_lags()
    assert (lag.partner, lag.awaited, lag.after) == (ACCOUNT, "cart_free", 0.0)
    assert lag.by == pytest.approx(40.0, abs=0.1)
