"""A person says "try now": waiting commands are due at once, and open circuits are probed at once."""

from collections.abc import Callable

from events.codes import WaitingReason
from events.messages.plans import CreateAzurePlan, PlanSuspended, SuspendPlan
from tests.operators.asking import WHO, WHY, beside, later, types, uid
from tests.support.harness import World, settings_of
from worker.journal.selection import Selection

Play = Callable[..., None]
RETRY = WaitingReason.RETRY.value
CUSTOMERS = 12


async def wake(world: World, which: Selection) -> int:
    """A person wakes waiting commands."""
    async with beside(world) as journal:
        return await journal.wakeups.wake(WHO, WHY, which)


async def after_an_outage(world: World, workers: int = 1) -> list[str]:
    """Commands that still wait just after an outage of Partner Center of a quarter of an hour. Returns their ids."""
    for _ in range(workers):
        await world.begin()
    world.simulator.faults.add("error_before", status=503, count=None)
    customers = world.simulator.customers(CUSTOMERS, "quiet_plan")
    sent = [await world.send(SuspendPlan(customer_id=customer.id)) for customer in customers]
    await world.until(later(world, 900), "it was down for a quarter of an hour")
    world.simulator.faults.clear()
    return sent


async def answered_within(world: World, sent: list[str]) -> float:
    """Seconds until all of these commands have a successful answer."""
    begun = world.clock.monotonic()
    for each in sent:
        assert isinstance(await world.answer(each), PlanSuspended)
    return float(world.clock.monotonic() - begun)


def test_what_an_outage_left_waiting_goes_on_at_once(play: Play) -> None:
    """Without the person they would wait for minutes. Woken, all are answered within a minute."""

    async def story(world: World) -> None:
        sent = await after_an_outage(world)
        await world.until(later(world, 60), "a minute has passed")
        assert not any(world.answers(each) for each in sent)
        assert await wake(world, Selection()) == CUSTOMERS
        assert await answered_within(world, sent) < 60

    play(story, attention=0.5)


def test_every_worker_probes(play: Play) -> None:
    """A worker that the person did not address probes its circuits at once too."""

    async def story(world: World) -> None:
        sent = await after_an_outage(world, workers=2)
        await wake(world, Selection(reason="partner_center_unavailable"))
        await wake(world, Selection(reason=RETRY))
        assert await answered_within(world, sent) < 60

    play(story, attention=0.5)


def test_a_pause_is_stronger(play: Play) -> None:
    """Commands held by a pause stay held, even when everything is woken."""

    async def story(world: World) -> None:
        await world.begin()
        customer = world.simulator.customer("quiet_plan")
        async with beside(world) as journal:
            await journal.pauses.pause(WHO, WHY, Selection(customer=customer.id))
        sent = await world.send(SuspendPlan(customer_id=customer.id))
        await world.until(later(world, 5), "it is held")
        assert await wake(world, Selection()) == 0
        await world.until(later(world, 5), "nothing has come of it")
        assert not world.simulator.books.requests
        assert not world.answers(sent)

    play(story)


def test_only_selected_commands_are_woken(play: Play) -> None:
    """The selection is one command by id, a wait reason or a partner. The others keep their time; the act is signed."""

    async def story(world: World) -> None:
        await world.begin()
        world.simulator.faults.add("error_before", status=503, count=None)
        customers = world.simulator.customers(3, "quiet_plan")
        sent = [await world.send(SuspendPlan(customer_id=customer.id)) for customer in customers]
        await world.until(later(world, 1_800), "they wait ever longer")
        async with beside(world) as journal:
            waking = journal.wakeups
            assert sum((await waking.count(Selection(partner="contoso"))).values()) == len(sent)
            assert await waking.count(Selection(partner="fabrikam")) == {}
            assert await waking.count(Selection(reason="throttled")) == {}
            assert await waking.wake(WHO, WHY, Selection(uid=uid(sent[0]))) == 1
        signed = await world.rows("SELECT who, why, verb, uid FROM act WHERE verb = 'wake'")
        assert [dict(row) for row in signed] == [{"who": WHO, "why": WHY, "verb": "wake", "uid": uid(sent[0])}]

    play(story)


def test_a_partner_is_called_by_the_name_that_its_account_has_now(play: Play) -> None:
    """The new name wakes a command that waits from before the rename of its account."""

    async def story(world: World) -> None:
        worker = await world.begin()
        sent = await world.send(CreateAzurePlan(customer_id=world.simulator.customer().id))
        await world.until(lambda: "CommandWaiting 0" in types(world, sent), "it waits for its order")
        await worker.stop()
        world.settings = settings_of(("renamed",))
        await world.begin()
        async with beside(world) as journal:
            waking = journal.wakeups
            assert await waking.count(Selection(partner="fabrikam")) == {}
            assert sum((await waking.count(Selection(partner="renamed"))).values()) == 1

    play(story)
