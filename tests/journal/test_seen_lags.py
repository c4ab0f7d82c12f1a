"""How late things showed at Partner Center is stored with the run that found them, and read by every worker."""

import pytest

from tests.journal.bench import Bench, accept, change, claim, command, ended, only, rows, waiting
from worker.errors import LaneLost
from worker.journal.database import schema
from worker.journal.journal import Journal
from worker.journal.operating.retention import Retention
from worker.journal.operating.retention_kinds import Ages
from worker.journal.reading.counts import Statistics
from worker.journal.reading.seen_lags import MOST, KeptLag, LagSummary
from worker.journal.records import SECOND, SeenLag, State


async def seen(journal: Journal, lag: SeenLag, number: int = 1, **given: str) -> None:
    """A command ends after it has waited for something."""
    await accept(journal, command(str(number), customer=f"c{number}", **given))
    (work,) = await claim(journal, partners=(given.get("partner", "us"),))
    await journal.conclude(work, ended(work, State.SUCCEEDED, lag=lag))


async def test_another_worker_reads_what_a_run_has_seen(bench: Bench) -> None:
    """In seconds, and with the partner as lanes name it."""
    one, other = await bench.worker("one"), await bench.worker("other")
    await seen(one, SeenLag("order_completed", 20 * SECOND, 35_500_000))
    assert await other.seen_lags() == [KeptLag("us", "order_completed", 20.0, 35.5)]


async def test_a_wait_for_something_else_tells_too(bench: Bench) -> None:
    """The first thing has shown when the command waits for the second."""
    one = await bench.worker()
    await accept(one, command())
    await one.conclude(await only(one), waiting(60, lag=SeenLag("azure_subscription_inactive", 1, 2)))
    assert [each.awaited for each in await one.seen_lags()] == ["azure_subscription_inactive"]


async def test_a_worker_that_has_lost_the_lane_has_seen_nothing(bench: Bench) -> None:
    """What it saw is stored with its conclusion or not at all."""
    one, other = await bench.worker("one"), await bench.worker("other")
    await accept(one, command())
    work = await only(one)
    await one.retire()
    await other.take_lanes(10)
    with pytest.raises(LaneLost):
        await one.conclude(work, ended(work, State.SUCCEEDED, lag=SeenLag("order_completed", 1, 2)))
    assert await other.seen_lags() == []


async def test_the_newest_of_each_account_and_wait_are_read_and_the_others_are_forgotten(bench: Bench) -> None:
    """A busy account takes no place from a quiet one, and the table does not grow."""
    one = await bench.worker()
    await seen(one, SeenLag("order_completed", 1 * SECOND, 2 * SECOND), 1, partner="quiet")
    filled = "INSERT INTO lag (partner, awaited, not_before, shown_by) VALUES ('busy', 'order_completed', ?, ?)"
    for number in range(MOST + 60):
        await change(one, filled, number * SECOND, (number + 1) * SECOND)
    read = await one.seen_lags()
    assert [each.after for each in read if each.partner == "busy"] == [float(60 + n) for n in range(MOST)]
    assert [each.partner for each in read].count("quiet") == 1
    await Retention(one.transactions).forget_all(Ages(1e9, 1e9))
    assert (await rows(one, "SELECT count(*) AS n FROM lag"))[0]["n"] == MOST + 1
    assert await one.seen_lags() == read


async def test_a_journal_of_before_learns_from_now_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its open commands go on. The older worker beside the newer one goes on too."""
    known = schema.migrations()
    before = next(number for number, script in known if "CREATE TABLE lag" in script) - 1
    with monkeypatch.context() as patch:
        patch.setattr(schema, "migrations", lambda: [each for each in known if each[0] <= before])
        older = await bench.worker("older")
    await accept(older, command("1", customer="a"))
    newer = await bench.worker("newer")
    assert await newer.seen_lags() == []
    work = await only(older)
    await older.conclude(work, ended(work, State.SUCCEEDED))
    await seen(newer, SeenLag("order_completed", 1, 2), 2)
    assert len(await newer.seen_lags()) == 1


async def test_people_see_within_what_time_waits_were_over(bench: Bench) -> None:
    """Half of them and nine of ten, by the present name of the account."""
    one = await bench.worker()
    await one.register_tenants({"contoso": "5e11e500-0000-4000-8000-000000000001"})
    await one.register_tenants({"renamed": "5e11e500-0000-4000-8000-000000000001"})
    filled = "INSERT INTO lag (partner, awaited, not_before, shown_by) VALUES ('contoso', 'order_completed', 0, ?)"
    for number in range(1, 11):
        await change(one, filled, number * SECOND)
    found = await Statistics(one.transactions).whole()
    assert found.lags == [LagSummary("renamed", "order_completed", 10, 5.0, 9.0)]
