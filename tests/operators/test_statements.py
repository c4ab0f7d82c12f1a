"""The statements behind the operators' tools, on both databases."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from events.messages.base import Event, Origin
from events.messages.command_status import CommandAccepted, CommandFailed
from events.messages.plans import CreateAzurePlan, PlanSuspended, SuspendPlan
from events.wire.codec import encode, encode_command
from events.wire.identity import TERMINAL, event_id
from events.wire.record import Outgoing, Record
from tests.operators.asking import WHO, WHY
from tests.operators.memory_admin import MemoryAdmin
from tests.operators.test_replay import each
from tests.support.memory_broker import MemoryBroker
from worker.assembly.parts import open_engine
from worker.clock import Clock
from worker.journal.database.transactions import Transactions
from worker.journal.journal import Journal
from worker.journal.operating.retention_kinds import Ages
from worker.journal.operator_journal import OperatorJournal
from worker.journal.processing.lane_prefixes_of_accounts import Directory, Tenant
from worker.journal.reading.dead_letter_search import groups
from worker.journal.selection import Selection
from worker.operators.rebuild import Rebuild, Sources
from worker.operators.replay.candidates import of_journal, of_records
from worker.operators.replay.decisions import Wanted
from worker.operators.replay.planning import Order, make
from worker.runtime import intake_rules
from worker.runtime.conclusion import Sender
from worker.settings.model import Journal as JournalSettings
from worker.settings.model import Settings

COMMANDS, EVENTS = "commands", "events"
SUSPENDED, FAILED, OPEN = (f"c0ffee00-0000-4000-8000-00000000000{number}" for number in (1, 2, 3))
PLAN = "5e11e500-0000-4000-8000-000000000009"
TENANT = "5e11e500-0000-4000-8000-000000000001"
TENANTS = Directory({"contoso": Tenant("contoso", "contoso")})
DESK = intake_rules.IntakeRules(lambda _: Tenant("contoso", "contoso"), Sender("group", "test"), 1e9)
ENGINES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(params=ENGINES)
async def journal(request: pytest.FixtureRequest) -> AsyncIterator[OperatorJournal]:
    """An empty journal on either database."""
    url = str(request.getfixturevalue(f"{request.param}_url"))
    clock = Clock()
    opened = OperatorJournal(
        Transactions(open_engine(Settings(journal=JournalSettings(url=url)), clock, exclusive=True), clock)
    )
    await opened.open()
    yield opened
    await opened.close()


async def topics() -> MemoryBroker:
    """Three commands: one done, one failed in its second story, one only accepted. One more record is no command."""
    broker = MemoryBroker(Clock(), {COMMANDS: 1, EVENTS: 1})
    for customer in (SUSPENDED, FAILED, OPEN):
        command = SuspendPlan(customer_id=customer)
        await broker.write(COMMANDS, encode_command(command, id=customer, source="/crm", time=datetime.now(UTC)))
    await broker.write(COMMANDS, Outgoing(b"k", b"no json", ()))
    now = datetime.now(UTC)
    failed = {"code": "retries_exhausted", "detail": "it kept failing", "attempts": 10, "outcome_unknown": False}
    done = {"subscription_id": PLAN, "already_suspended": False, "cancelled_assets": []}
    for customer, redrive, place, kind, members in (
        (SUSPENDED, 0, CommandAccepted.place, CommandAccepted, {"received_at": now}),
        (SUSPENDED, 0, TERMINAL, PlanSuspended, done),
        (FAILED, 0, CommandAccepted.place, CommandAccepted, {"received_at": now}),
        (FAILED, 0, TERMINAL, CommandFailed, failed),
        (FAILED, 1, CommandAccepted.place, CommandAccepted, {"received_at": now}),
        (FAILED, 1, TERMINAL, CommandFailed, failed),
        (OPEN, 0, CommandAccepted.place, CommandAccepted, {"received_at": now}),
    ):
        await broker.write(EVENTS, published(customer, redrive, place, kind, members))
    return broker


def published(customer: str, redrive: int, place: str, kind: type[Event], members: dict[str, object]) -> Outgoing:
    """An event as it was published."""
    origin = Origin(customer, "/crm", SuspendPlan.wire_type(), customer, "contoso", redrive)
    return encode(
        kind.of(origin, **members),
        id=event_id("/crm", customer, redrive, place),
        time=datetime.now(UTC),
        correlation_id=customer,
        causation_id=customer,
    )


async def rebuilt(journal: OperatorJournal) -> MemoryBroker:
    """The journal, rebuilt from the topics."""
    broker = await topics()
    await journal.tenants.enrol({"contoso": TENANT}, [])
    sources = Sources(MemoryAdmin(broker), COMMANDS, EVENTS, "group", DESK, TENANTS, 1240.0)
    found = await Rebuild(journal, sources, lambda _: None).run(WHO, WHY, alone=False)
    assert (found.events, found.commands, found.concluded, found.open, found.gone) == (7, 3, 2, 1, 0)
    return broker


async def test_a_rebuilt_journal_has_the_state_of_each_command(journal: OperatorJournal) -> None:
    """Done, failed in the newest story, or open behind the guard. The unreadable record is a dead letter."""
    await rebuilt(journal)
    rows = await journal.transactions.read(
        lambda tx: tx.rows("SELECT id, state, code, redrive FROM command ORDER BY id")
    )
    assert [(row["id"], row["state"], row["code"], row["redrive"]) for row in rows] == [
        (SUSPENDED, "succeeded", None, 0),
        (FAILED, "failed", "retries_exhausted", 1),
        (OPEN, "accepted", None, 0),
    ]
    counted = await journal.transactions.read(lambda tx: groups(tx, Selection(), "open"))
    assert sorted((group.code, group.type, group.number) for group in counted) == [
        ("invalid_json", None, 1),
        ("retries_exhausted", SuspendPlan.wire_type(), 1),
    ]
    worker = Journal(journal.transactions)
    await worker.register("worker", "test", 60)
    assert await worker.take_lanes(10) == 4
    claim = await worker.claim(["contoso"], 10, ())
    assert [work.id for work in claim.work] == [OPEN]
    assert claim.work[0].settle_until > journal.now()
    assert [row.letter for row in await worker.unsent(10)] == [True]


async def test_a_rebuild_twice_is_a_rebuild_once(journal: OperatorJournal) -> None:
    """The second rebuild finds the rows of the first: nothing is doubled."""
    broker = await rebuilt(journal)
    sources = Sources(MemoryAdmin(broker), COMMANDS, EVENTS, "group", DESK, TENANTS, 1240.0)
    again = await Rebuild(journal, sources, lambda _: None).run(WHO, WHY, alone=False)
    assert (again.commands, again.concluded, again.gone) == (0, 0, 0)
    counted = await journal.transactions.read(lambda tx: tx.rows("SELECT count(*) AS n FROM event"))
    assert counted[0]["n"] == 7


async def test_a_plan_is_kept_found_by_its_beginning_and_sent_once(journal: OperatorJournal) -> None:
    """A few characters of its id find the plan. Its items say what would happen. Each redrive is requested once."""
    broker = await rebuilt(journal)
    fresh = encode_command(CreateAzurePlan(customer_id=OPEN), id="new", source="/crm", time=datetime.now(UTC))
    await broker.write(COMMANDS, fresh)
    records: list[Record] = broker.records(COMMANDS)
    found = of_records(journal, each(records), DESK, Selection())
    plan = await make(journal, found, Order(WHO, WHY, {"from": None}, Wanted()), {"contoso": 500})
    assert plan.outcomes == {"nothing": 2, "resume": 1, "needsPerson": 1, "start": 1}
    kept = (await journal.replay_plans.find(plan.id[:8]))[0]
    assert (kept.commands, kept.calls, kept.outcomes) == (5, plan.calls, plan.outcomes)
    start = (await journal.replay_plans.planned(plan.id, ["start"], 10))[0]
    assert start.record == records[-1]
    items = await journal.replay_plans.planned(plan.id, ["resume"], 10)
    sent = [await journal.replay_plans.send_redrives(kept, items, WHO) for _ in range(2)]
    assert sent == [1, 0]
    (under_way,) = await journal.replay_plans.under_way(plan.id)
    assert (under_way.asked, under_way.answer, under_way.state, under_way.redrive) == (True, None, "failed", 1)
    await journal.replay_plans.end_items(plan.id, [(under_way.number, "left", "why")])
    assert await journal.replay_plans.states(plan.id, ["resume", "start"]) == {
        "left": 1,
        "planned": 1,
    }


async def test_old_plans_are_forgotten_with_other_details(journal: OperatorJournal) -> None:
    """Plans hold the bytes of records. These bytes are kept no longer than those of commands."""
    await rebuilt(journal)
    for _ in range(2):
        await make(journal, of_journal(journal, Selection()), Order(WHO, WHY, {}, Wanted()), {})
    await journal.retention.forget_all(Ages(1e9, 3_600.0))
    assert len(await journal.replay_plans.find("")) == 2
    await journal.retention.forget_all(Ages(1e9, 0.0))
    assert await journal.replay_plans.find("") == []
    assert await journal.transactions.read(lambda tx: tx.rows("SELECT number FROM plan_item")) == []


async def test_recorded_events_are_due_again_once(journal: OperatorJournal) -> None:
    """They are unsent again, in their order, and some worker owns their lane."""
    await rebuilt(journal)
    done = [each async for each in of_journal(journal, Selection(customer=SUSPENDED))]
    plan = await make(journal, each(done), Order(WHO, WHY, {}, Wanted(re_emit=True)), {})
    items = await journal.replay_plans.planned(plan.id, ["reEmit"], 10)
    again = [await journal.replay_plans.send_again(plan, items, WHO) for _ in range(2)]
    assert again == [1, 0]
    worker = Journal(journal.transactions)
    await worker.register("worker", "test", 60)
    await worker.take_lanes(10)
    unsent = [row.type for row in await worker.unsent(10) if not row.letter]
    assert unsent == [CommandAccepted.wire_type(), PlanSuspended.wire_type()]


async def test_dead_letters_are_found_with_their_commands(journal: OperatorJournal) -> None:
    """The filters are code, type, customer and account.

    The dead letter of a record that is no command has no command.
    """
    await rebuilt(journal)
    everything = Selection("contoso", FAILED, SuspendPlan.wire_type(), code="retries_exhausted")
    (found,) = await journal.dead_letters.search(everything, "open", 5)
    assert (found.id, found.letter.redrive, found.letter.sent_at is not None) == (FAILED, 1, True)
    (none,) = await journal.dead_letters.search(Selection(code="invalid_json"))
    assert (none.id, none.type) == (None, None)
    assert await journal.replay_plans.calls_by_type() == {}
