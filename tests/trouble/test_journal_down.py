"""The journal's database is gone or read-only: nothing is committed, and the worker goes on by itself afterwards."""

import pytest
import structlog
from structlog.testing import LogCapture

from events.messages.plans import AzurePlanCreated, CreateAzurePlan
from tests.operators.asking import later
from tests.support.boundaries import Life, Script
from tests.support.harness import COMMANDS, GROUP, World
from tests.support.invariants import check
from tests.trouble.conftest import Play
from tests.trouble.ledger import rest
from worker.broker.port import Partition
from worker.errors import SILENT_JOURNAL, JournalUnavailable
from worker.journal.database.transactions import Transactions
from worker.runtime.observability.readiness import Readiness

DOWN = 240.0
"""Seconds of an outage: several times a lease."""
LATENCY = 0.2
LEASE = 60.0
MOST_WRITES = 10 * DOWN


class Silent(Script):
    """A database that takes no writes while `down`. `writes` counts the attempts meanwhile."""

    def __init__(self) -> None:
        self.down = False
        self.writes = 0

    async def at(self, life: Life, point: str) -> None:
        """Refuse to write."""
        if self.down and point == "journal: before a write":
            self.writes += 1
            if self.writes > MOST_WRITES:
                life.end()  # the loop would go on for ever without any time passing
            raise JournalUnavailable("PostgreSQL: cannot execute INSERT in a read-only transaction")


@pytest.mark.parametrize("readable", [True, False], ids=["read only", "gone"])
def test_while_the_journal_is_silent_nothing_is_committed_and_afterwards_everything_is_done(
    play: Play, monkeypatch: pytest.MonkeyPatch, readable: bool
) -> None:
    """G1, G2: intake stops and says why, runs end without an event, retries are slow, and work resumes by itself."""
    database = Silent()
    read = Transactions.read

    async def look(journal: Transactions, query: object) -> object:
        if database.down and not readable:
            raise JournalUnavailable("PostgreSQL: connection refused")
        return await read(journal, query)  # type: ignore[arg-type]

    monkeypatch.setattr(Transactions, "read", look)

    async def story(world: World) -> None:
        worker = await world.begin(database)
        world.simulator.change(latency=(LATENCY, LATENCY))
        customers = world.simulator.customers(12)
        sent = [await world.send(CreateAzurePlan(customer_id=each.id)) for each in customers[:6]]
        await world.until(later(world, 2), "some of it has begun")
        database.down = True
        began, committed = world.clock.monotonic(), dict(world.broker.committed(GROUP))
        sent += [await world.send(CreateAzurePlan(customer_id=each.id)) for each in customers[6:]]
        await world.until(later(world, DOWN), "it was down for its time")
        assert not worker.life.dead, "the database is asked now and then, and not as fast as the machine can"
        assert world.broker.committed(GROUP) == committed
        now = worker.service.readiness()
        assert now.reasons[0] == SILENT_JOURNAL
        assert "PostgreSQL" not in str(now), "the database's words are for the log"
        assert worker.service.stuck() == [], "a restart would not help"
        assert world.simulator.books.requests[-1].at < began + LEASE, "without a lease nothing leaves"
        database.down = False
        await rest(world)
        assert {type(await world.answer(each)) for each in sent} == {AzurePlanCreated}
        assert worker.service.readiness() == Readiness()
        await check(world)

    play(story)


def test_a_read_only_journal_is_reported_even_without_new_commands(play: Play) -> None:
    """The heartbeat notices within seconds: readiness says so, and the log has the database's own words."""
    log, database = LogCapture(), Silent()

    async def story(world: World) -> None:
        structlog.configure(processors=[log], wrapper_class=structlog.BoundLogger)
        worker = await world.begin(database)
        await world.until(later(world, 10), "it is at its work")
        assert worker.service.readiness() == Readiness()
        database.down = True
        await world.until(later(world, 10), "a heartbeat has failed")
        assert worker.service.readiness() == Readiness((SILENT_JOURNAL,))
        database.down = False
        await world.until(later(world, 10), "a heartbeat has come through")
        assert worker.service.readiness() == Readiness()

    before = structlog.get_config()
    try:
        play(story)
    finally:
        structlog.configure(**before)
    warnings = {(each["event"], each["error"]) for each in log.entries if each["log_level"] == "warning"}
    assert warnings == {("journal.unavailable", "PostgreSQL: cannot execute INSERT in a read-only transaction")}


def test_records_that_were_read_while_the_journal_was_silent_come_again_to_another_member(play: Play) -> None:
    """G1: the group reads uncommitted records again if their first reader never gets to write them."""
    database = Silent()

    async def story(world: World) -> None:
        first = await world.begin(database)
        database.down = True
        customer = world.simulator.customer()
        sent = await world.send(CreateAzurePlan(customer_id=customer.id), partition=1)
        await world.until(later(world, 60), "it was read, and not written down")
        assert world.broker.committed(GROUP).get(Partition(COMMANDS, 1)) is None
        await first.kill()
        await world.begin()
        assert isinstance(await world.answer(sent), AzurePlanCreated)
        await rest(world)
        await check(world)

    play(story)
