"""Replays beside running workers: harmless, each command once, stopped by failures, resumable."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

from events.messages.command_status import CommandAccepted, CommandFailed
from events.messages.plans import CreateAzurePlan, SuspendPlan
from events.wire.record import Outgoing, Record
from ops.simulator.simulator import Customer
from tests.operators.asking import WHO, WHY, beside, types, uid
from tests.support.harness import COMMANDS, EVENTS, World
from worker.journal.operating.replay_items import ReplayItem, ReplayPlan
from worker.journal.operator_journal import OperatorJournal
from worker.journal.processing.lane_prefixes_of_accounts import Directory, Tenant
from worker.journal.records import State
from worker.journal.selection import Selection
from worker.operators.replay.applying import Applier, Ended, Manner
from worker.operators.replay.canary_pace import Pace
from worker.operators.replay.candidates import Candidate, of_journal, of_records
from worker.operators.replay.decisions import Wanted
from worker.operators.replay.planning import Order, make
from worker.runtime import intake_rules
from worker.runtime.conclusion import Sender

Play = Callable[..., None]
EVERYTHING = Selection()


def desk(world: World) -> intake_rules.IntakeRules:
    """The values by which the worker of this world decides about records."""
    tenants = Directory({name: Tenant(name, name) for name in world.settings.partners})
    return intake_rules.IntakeRules(tenants.resolve, Sender("azplan-worker", "test"), 1e9)


async def each(found: Iterable[Record] | Iterable[Candidate]) -> AsyncIterator:
    """Yield one record after the other, like a stream."""
    for one in found:
        yield one


async def plan_of_topic(
    world: World, journal: OperatorJournal, which: Selection = EVERYTHING, **wanted: bool
) -> ReplayPlan:
    """A plan for everything on the commands topic."""
    found = of_records(journal, each(world.broker.records(COMMANDS)), desk(world), which)
    return await make(journal, found, Order(WHO, WHY, {}, Wanted(**wanted)), {"contoso": 500})


async def plan_of_journal(journal: OperatorJournal, which: Selection) -> ReplayPlan:
    """A plan for the commands of the journal."""
    return await make(journal, of_journal(journal, which), Order(WHO, WHY, {}, Wanted()), {"contoso": 500})


async def apply(
    world: World, journal: OperatorJournal, plan: ReplayPlan, *, re_emit: bool = False, **pace: float
) -> Ended:
    """Carry out a replay plan."""

    async def enter(items: Sequence[ReplayItem]) -> None:
        taken = [intake_rules.intake(item.record, journal.now(), desk(world)) for item in items if item.record]
        await journal.accept(taken, lambda item, error: intake_rules.refused_by_database(item, error, desk(world)))

    applier = Applier(journal, world.clock, enter=enter, tell=lambda _: None)
    return await applier.apply(plan, Manner(WHO, Pace(**pace), re_emit))


async def failures(world: World, number: int) -> tuple[list[str], list[Customer]]:
    """Commands that failed because Microsoft ended their orders."""
    customers = world.simulator.customers(number, "order_fails")
    sent = [await world.send(CreateAzurePlan(customer_id=customer.id)) for customer in customers]
    for command_id in sent:
        assert isinstance(await world.answer(command_id), CommandFailed)
    return sent, customers


def answered_twice(world: World, sent: Sequence[str]) -> bool:
    """Whether each of these commands has the answers of exactly two stories."""
    return all(len(world.answers(command_id)) == 2 for command_id in sent)


def test_replaying_finished_commands_does_nothing_at_all(play: Play) -> None:
    """Concluded commands cause no call of Partner Center, no event and no dead letter, for any range of the topic."""

    async def story(world: World) -> None:
        await world.begin()
        for customer in world.simulator.customers(5):
            await world.do(CreateAzurePlan(customer_id=customer.id))
        calls, said = len(world.simulator.books.requests), len(world.said())
        async with beside(world) as journal:
            plan = await plan_of_topic(world, journal)
            assert (plan.commands, plan.outcomes, plan.calls) == (5, {"nothing": 5}, 0)
            ended = await apply(world, journal, plan)
        assert ended.standing.sent == 0
        assert (len(world.simulator.books.requests), len(world.said())) == (calls, said)

    play(story)


def test_recorded_events_are_published_again_with_the_same_ids_and_bytes(play: Play) -> None:
    """If the person asks for that, every event of the command is published once more, in its order."""

    async def story(world: World) -> None:
        await world.begin()
        customer = world.simulator.customer()
        command_id = await world.send(CreateAzurePlan(customer_id=customer.id))
        await world.answer(command_id)
        first = [(each.record.key, each.record.value, each.record.headers) for each in world.said(command_id)]
        calls = len(world.simulator.books.requests)
        async with beside(world) as journal:
            plan = await plan_of_topic(world, journal, re_emit=True)
            assert plan.outcomes == {"reEmit": 1}
            await apply(world, journal, plan)
            await apply(world, journal, plan)
        await world.until(lambda: len(world.said(command_id)) == 2 * len(first), "all of it was said again")
        again = [(each.record.key, each.record.value, each.record.headers) for each in world.said(command_id)]
        assert again == first * 2
        assert len(world.simulator.books.requests) == calls

    play(story)


def test_a_record_that_is_not_known_enters_by_the_same_intake(play: Play) -> None:
    """A replay of unread records starts them once and answers them."""

    async def story(world: World) -> None:
        worker = await world.begin()
        customer = world.simulator.customer()
        await worker.stop()
        command_id = await world.send(CreateAzurePlan(customer_id=customer.id))
        await world.broker.write(COMMANDS, Outgoing(b"k", b"no json", ()))
        async with beside(world) as journal:
            plan = await plan_of_topic(world, journal)
            assert plan.outcomes == {"start": 1, "needsPerson": 1}
            assert plan.calls > 0
            await world.begin()
            ended = await apply(world, journal, plan)
        assert (ended.standing.ended, ended.standing.failed) == (1, 0)
        await world.answer(command_id)
        assert types(world, command_id).count("AzurePlanCreated 0") == 1
        assert len(world.simulator.books.effects_of(kind="order.created")) == 1

    play(story)


def test_failures_of_one_code_are_redriven_with_a_canary_first(play: Play) -> None:
    """The canary goes alone. When it has ended well, the others follow, and each has one more answer."""

    async def story(world: World) -> None:
        await world.begin()
        sent, customers = await failures(world, 6)
        for customer in customers:
            customer.overrides.clear()
        async with beside(world) as journal:
            plan = await plan_of_journal(journal, Selection(code="order_failed"))
            assert plan.outcomes == {"resume": 6}
            ended = await apply(world, journal, plan, canary=2)
        assert (ended.standing.ended, ended.standing.failed, ended.stopped) == (6, 0, False)
        await world.until(lambda: answered_twice(world, sent), "all have a second answer")
        begun = sorted(
            each.at for each in world.said() if isinstance(each.event, CommandAccepted) and each.event.redrive == 1
        )
        ends = sorted(each.at for each in world.said() if each.event.terminal and each.event.redrive == 1)
        assert ends[1] <= begun[2]

    play(story)


def test_a_replay_stops_by_itself_when_the_canary_fails(play: Play) -> None:
    """The cause of the failures is still there. The other commands do not begin and stay planned."""

    async def story(world: World) -> None:
        await world.begin()
        await failures(world, 6)
        async with beside(world) as journal:
            plan = await plan_of_journal(journal, Selection(state=State.FAILED))
            ended = await apply(world, journal, plan, canary=2)
        assert ended.stopped
        assert ended.standing.planned == 4
        assert 1 <= ended.standing.failed <= 2
        rows = await world.rows("SELECT redrive FROM command")
        assert sorted(row["redrive"] for row in rows) == [0, 0, 0, 0, 1, 1]

    play(story)


def test_two_applies_at_once_and_two_plans_that_overlap_run_no_command_twice(play: Play) -> None:
    """Each failure begins one more story, however many people apply plans."""

    async def story(world: World) -> None:
        await world.begin()
        sent, customers = await failures(world, 8)
        for customer in customers:
            customer.overrides.clear()
        async with beside(world) as one, beside(world) as other:
            plan = await plan_of_journal(one, EVERYTHING)
            overlapping = await plan_of_journal(other, Selection(type=CreateAzurePlan.wire_type()))
            await asyncio.gather(apply(world, one, plan), apply(world, other, plan), apply(world, other, overlapping))
        await world.until(lambda: answered_twice(world, sent), "all have a second answer")
        rows = await world.rows("SELECT redrive, state FROM command")
        assert [(row["redrive"], row["state"]) for row in rows] == [(1, "succeeded")] * 8

    play(story)


def test_an_apply_that_died_is_continued_where_it_was(play: Play) -> None:
    """A second apply begins only commands that had not begun."""

    async def story(world: World) -> None:
        await world.begin()
        sent, customers = await failures(world, 12)
        for customer in customers:
            customer.overrides.clear()
        async with beside(world) as journal:
            plan = await plan_of_journal(journal, EVERYTHING)
            dying = asyncio.create_task(apply(world, journal, plan, rate=60))
            await asyncio.sleep(4)
            dying.cancel()
            await asyncio.wait([dying])
        async with beside(world) as journal:
            begun = await journal.replay_plans.states(plan.id, ["resume"])
            assert 0 < begun["planned"] < 12
            ended = await apply(world, journal, plan)
        assert ended.standing.ended == 12
        await world.until(lambda: answered_twice(world, sent), "all have a second answer")

    play(story)


def test_other_content_under_a_known_id_is_a_conflict_that_nothing_comes_of(play: Play) -> None:
    """The first command and its answer stay unchanged. The plan counts both records."""

    async def story(world: World) -> None:
        await world.begin()
        customer = world.simulator.customer()
        command_id = await world.send(CreateAzurePlan(customer_id=customer.id))
        await world.answer(command_id)
        await world.send(SuspendPlan(customer_id=customer.id), id=command_id)
        await world.until(lambda: "CommandIdReused 0" in types(world, command_id), "the other content is refused")
        said = len(world.broker.records(EVENTS))
        async with beside(world) as journal:
            plan = await plan_of_topic(world, journal)
            assert plan.outcomes == {"nothing": 1, "conflict": 1}
            await apply(world, journal, plan)
        assert len(world.broker.records(EVENTS)) == said
        assert (await world.rows("SELECT uid FROM command"))[0]["uid"] == uid(command_id)

    play(story)
