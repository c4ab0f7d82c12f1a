"""Pauses: every replica holds paused commands within a second, loses none, and later carries them out in order."""

from collections.abc import Callable

from events.messages.command_status import CommandWaiting
from events.messages.plans import CreateAzurePlan, PlanSuspended, SuspendPlan
from tests.operators.asking import WHO, WHY, beside, later, types
from tests.support.harness import World, settings_of
from worker import metrics
from worker.journal.selection import Selection

Play = Callable[..., None]
SUSPENSIONS = Selection(type=SuspendPlan.wire_type())
SECOND = 1.0


async def pause(world: World, which: Selection) -> None:
    """A person pauses commands."""
    async with beside(world) as journal:
        await journal.pauses.pause(WHO, WHY, which)


async def resume(world: World, which: Selection) -> None:
    """A person resumes commands."""
    async with beside(world) as journal:
        await journal.pauses.resume(WHO, WHY, which)


def test_a_flood_stops_within_a_second_on_all_replicas_and_others_go_on(play: Play) -> None:
    """No suspension reaches Partner Center a second after the pause. Commands of another type are answered."""

    async def story(world: World) -> None:
        for _ in range(3):
            await world.begin()
        world.simulator.faults.add("slow_answer", operation="subscriptions.*", seconds=0.7, count=None)
        flood = world.simulator.customers(60, "quiet_plan")
        sent = [await world.send(SuspendPlan(customer_id=customer.id)) for customer in flood]
        await world.until(lambda: bool(world.answers(sent[0])), "the flood is on its way")
        await pause(world, SUSPENSIONS)
        await world.until(later(world, SECOND), "a second has passed")
        stopped = len(world.simulator.books.requests)
        await world.until(later(world, 60), "a minute has passed")
        assert len(world.simulator.books.requests) == stopped
        held = [each for each in sent if not world.answers(each)]
        assert held
        await world.do(CreateAzurePlan(customer_id=world.simulator.customer().id))
        await resume(world, SUSPENSIONS)
        for each in sent:
            assert isinstance(await world.answer(each), PlanSuspended)

    play(story, settings=settings_of(worker={"concurrency": 4}), attention=0.5)


def test_the_head_of_a_paused_lane_says_so_once_however_long_it_is_held(play: Play) -> None:
    """There is one CommandWaiting with the reason paused and the operator's words.

    The commands behind have no event.
    """

    async def story(world: World) -> None:
        await world.begin()
        customer = world.simulator.customer("quiet_plan")
        await pause(world, Selection(customer=customer.id))
        first = await world.send(SuspendPlan(customer_id=customer.id), partition=0)
        second = await world.send(SuspendPlan(customer_id=customer.id), partition=0)
        await world.until(later(world, 600), "ten minutes have passed")
        waiting = [each.event for each in world.said(first) if isinstance(each.event, CommandWaiting)]
        assert [(each.reason, each.attempt) for each in waiting] == [("paused", 0)]
        assert waiting[0].detail == f"an operator has paused customer {customer.id}: {WHY}"
        assert types(world, second) == ["CommandAccepted 0"]
        assert not world.simulator.books.requests

    play(story)


def test_what_was_paused_goes_on_at_once_and_in_its_order(play: Play) -> None:
    """After the resume the lane's commands take effect in the order of acceptance, without further waiting."""

    async def story(world: World) -> None:
        await world.begin()
        customer = world.simulator.customer("quiet_plan")
        which = Selection(partner="contoso", customer=customer.id)
        await pause(world, which)
        sent = [await world.send(SuspendPlan(customer_id=customer.id), partition=0) for _ in range(3)]
        await world.until(later(world, 100), "they are held")
        await resume(world, which)
        begun = world.clock.monotonic()
        for each in sent:
            await world.answer(each)
        assert world.clock.monotonic() - begun < 15
        done = await world.rows("SELECT id FROM command ORDER BY concluded_at")
        assert [row["id"] for row in done] == sent
        first = world.answers(sent[0])[0].event
        assert isinstance(first, PlanSuspended)
        assert not first.already_suspended

    play(story)


def test_two_pauses_hold_until_both_are_ended(play: Play) -> None:
    """The end of one pause does not free commands that the other holds."""

    async def story(world: World) -> None:
        await world.begin()
        customer = world.simulator.customer("quiet_plan")
        await pause(world, SUSPENSIONS)
        await pause(world, Selection(customer=customer.id))
        command_id = await world.send(SuspendPlan(customer_id=customer.id))
        await world.until(later(world, 10), "it is held")
        await resume(world, SUSPENSIONS)
        await world.until(later(world, 300), "one of the pauses is over")
        assert not world.answers(command_id)
        await resume(world, Selection(customer=customer.id))
        assert isinstance(await world.answer(command_id), PlanSuspended)

    play(story)


def test_readiness_and_a_gauge_show_a_pause_in_force_and_name_nobody(play: Play) -> None:
    """Readiness and a gauge show the pause within a second.

    The worker stays ready. No customer, person or reason is named.
    """

    async def story(world: World) -> None:
        worker = await world.begin()
        customer = world.simulator.customer("quiet_plan")
        assert (worker.service.readiness().degraded, metrics.PAUSES._value.get()) == ((), 0)
        await pause(world, Selection(customer=customer.id))
        await world.until(later(world, SECOND), "a second has passed")
        now = worker.service.readiness()
        assert now.ready
        (said,) = now.degraded
        assert said.startswith("a pause is in force")
        assert metrics.PAUSES._value.get() == 1
        for secret in (customer.id, WHO, WHY):
            assert secret not in said
        await pause(world, SUSPENSIONS)
        await world.until(later(world, SECOND), "a second has passed")
        assert worker.service.readiness().degraded[0].startswith("2 pauses are in force")
        await resume(world, SUSPENSIONS)
        await resume(world, Selection(customer=customer.id))
        await world.until(later(world, SECOND), "a second has passed")
        assert (worker.service.readiness().degraded, metrics.PAUSES._value.get()) == ((), 0)

    play(story, attention=0.5)


def test_what_is_paused_costs_nothing(play: Play) -> None:
    """Each waiting command has one turn, publishes its wait without a time, and is due when resumed."""

    async def story(world: World) -> None:
        await world.begin()
        await pause(world, SUSPENSIONS)
        sent = [
            await world.send(SuspendPlan(customer_id=each.id)) for each in world.simulator.customers(60, "quiet_plan")
        ]
        await world.until(later(world, 600), "ten minutes have passed")
        rows = await world.rows("SELECT state, reason, due_at, revision, attempts FROM command")
        assert {tuple(row.values()) for row in rows} == {("waiting", "paused", None, 1, 0)}
        (waiting,) = (each.event for each in world.said(sent[0]) if isinstance(each.event, CommandWaiting))
        assert waiting.until is None
        await resume(world, SUSPENSIONS)
        begun = world.clock.monotonic()
        for each in sent:
            assert isinstance(await world.answer(each), PlanSuspended)
        assert world.clock.monotonic() - begun < 60

    play(story)


async def end_pauses_and_die(world: World) -> None:
    """A person resumed, and the process died before any command was due."""
    async with beside(world) as journal:
        await journal.transactions.write(lambda tx: tx.run("DELETE FROM pause"))


def test_the_process_that_resumes_may_die_before_it_wakes_a_command(play: Play) -> None:
    """Workers see the end of the pause and wake the held commands. A worker that begins later does so too."""

    async def story(world: World) -> None:
        worker = await world.begin()
        await pause(world, SUSPENSIONS)
        first = await world.send(SuspendPlan(customer_id=world.simulator.customer("quiet_plan").id))
        await world.until(later(world, 60), "it is held")
        await end_pauses_and_die(world)
        begun = world.clock.monotonic()
        await world.answer(first)
        assert world.clock.monotonic() - begun < 10
        await pause(world, SUSPENSIONS)
        second = await world.send(SuspendPlan(customer_id=world.simulator.customer("quiet_plan").id))
        await world.until(later(world, 60), "it is held")
        await worker.kill()
        await end_pauses_and_die(world)
        await world.begin()
        await world.answer(second)

    play(story, attention=0.5)
