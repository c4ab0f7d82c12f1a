"""The owner of the lane carries out each request about a command once, whatever the command is doing meanwhile."""

from collections.abc import Callable

import pytest

from events.messages.command_status import CommandFailed, CommandRejected
from events.messages.plans import AzurePlanCreated, CreateAzurePlan, PlanSuspended, SuspendPlan
from ops.simulator.simulator import Customer
from tests.operators.asking import WHO, WHY, ask, beside, later, types, uid
from tests.support.boundaries import Life, Script
from tests.support.harness import World, settings_of
from worker.journal.operating.retention_kinds import Ages
from worker.journal.selection import Selection
from worker.metrics import REGISTRY

Play = Callable[..., None]


def create(customer: Customer) -> CreateAzurePlan:
    """Buy a plan for this customer."""
    return CreateAzurePlan(customer_id=customer.id)


def redrives(outcome: str) -> float:
    """The number of redriven stories of CreateAzurePlan with this end."""
    labels = {"command": "CreateAzurePlan", "outcome": outcome}
    return REGISTRY.get_sample_value("azplan_redrives_total", labels) or 0.0


async def failed(world: World) -> tuple[str, Customer]:
    """A command whose order Microsoft ended."""
    customer = world.simulator.customer("order_fails")
    command_id = await world.send(create(customer))
    answer = await world.answer(command_id)
    assert isinstance(answer, CommandFailed)
    return command_id, customer


def test_a_redriven_command_begins_its_next_story_with_accepted_and_ends_it_with_one_answer(play: Play) -> None:
    """The new story has its own accepted and terminal event. The plan is bought once that is possible."""

    async def story(world: World) -> None:
        await world.begin()
        command_id, customer = await failed(world)
        customer.overrides.clear()
        before = redrives("succeeded")
        assert await ask(world, "redrive", command_id) == "done"
        await world.until(lambda: len(world.answers(command_id)) == 2, "the second story has its answer")
        said = types(world, command_id)
        assert next(each for each in said if each.endswith(" 1")) == "CommandAccepted 1"
        assert said[-1] == "AzurePlanCreated 1"
        assert redrives("succeeded") == before + 1
        assert (await world.rows("SELECT state FROM dead_letter"))[0]["state"] == "redriven"

    play(story)


def test_a_command_that_did_not_fail_is_not_redriven(play: Play) -> None:
    """The person is told why, and no event is written."""

    async def story(world: World) -> None:
        await world.begin()
        command_id = await world.send(create(world.simulator.customer()))
        await world.answer(command_id)
        before = types(world, command_id)
        assert await ask(world, "redrive", command_id) == "only a failed command can be redriven; this one is succeeded"
        assert types(world, command_id) == before

    play(story)


def test_a_redrive_that_was_planned_for_an_earlier_story_does_nothing(play: Play) -> None:
    """Two overlapping plans redrive a command once."""

    async def story(world: World) -> None:
        await world.begin()
        command_id, _ = await failed(world)
        assert await ask(world, "redrive", command_id, {"redrive": 0}) == "done"
        await world.until(lambda: len(world.answers(command_id)) == 2, "the second story has its answer")
        answer = await ask(world, "redrive", command_id, {"redrive": 0})
        assert answer == "the command was redriven meanwhile: its story is number 1 now"
        assert len(world.answers(command_id)) == 2

    play(story)


def test_a_command_without_an_account_moves_into_its_customers_lane_when_it_is_redriven(play: Play) -> None:
    """When the account is known, the command queues in the lane of its customer."""

    async def story(world: World) -> None:
        worker = await world.begin()
        customer = world.simulator.customer()
        command_id = await world.send(create(customer))
        answer = await world.answer(command_id)
        assert isinstance(answer, CommandFailed)
        assert answer.code == "partner_not_configured"
        await worker.stop()
        world.settings = settings_of()
        await world.begin()
        assert await ask(world, "redrive", command_id) == "done"
        await world.until(lambda: len(world.answers(command_id)) == 2, "the second story has its answer")
        assert isinstance(world.answers(command_id)[1].event, AzurePlanCreated)
        row = (await world.rows("SELECT lane, partner FROM command"))[0]
        assert (row["lane"], row["partner"]) == (f"contoso/{customer.id}", "contoso")

    play(story, settings=settings_of(("contoso", "fabrikam")))


def test_a_command_that_has_written_stays_in_its_lane(play: Play) -> None:
    """Only that lane knows its possible effects at Partner Center: in another lane it could buy beside itself.

    The name of its account now belongs to another tenant. The command does not begin for that tenant.
    """

    async def story(world: World) -> None:
        worker = await world.begin()
        command_id, customer = await failed(world)
        await worker.stop()
        world.settings = settings_of(("elsewhere", "contoso")).model_copy()
        del world.settings.partners["elsewhere"]
        await world.begin()
        assert await ask(world, "redrive", command_id) == "done"
        await world.until(lambda: len(world.answers(command_id)) == 2, "the second story has its answer")
        answer = world.answers(command_id)[1].event
        assert isinstance(answer, CommandFailed)
        assert answer.code == "partner_not_configured"
        assert (await world.rows("SELECT lane FROM command"))[0]["lane"] == f"contoso/{customer.id}"

    play(story)


def test_a_command_that_waits_is_cancelled_and_the_next_of_its_lane_goes_on(play: Play) -> None:
    """The answer is cancelled_by_operator, nothing reaches Partner Center, and the order behind it is kept."""

    async def story(world: World) -> None:
        await world.begin()
        customer = world.simulator.customer("order_never_ends")
        first = await world.send(create(customer), partition=0)
        second = await world.send(SuspendPlan(customer_id=customer.id), partition=0)
        third = await world.send(SuspendPlan(customer_id=customer.id), partition=0)
        await world.until(lambda: len(world.said(third)) == 1, "all are accepted")
        assert await ask(world, "cancel", second) == "done"
        answer = await world.answer(second)
        assert isinstance(answer, CommandRejected)
        assert (answer.code, answer.redrive) == ("cancelled_by_operator", 0)
        assert "the ordering system went wrong" in answer.detail
        assert not world.answers(first)
        assert not world.answers(third)

    play(story)


def test_a_command_that_has_begun_to_write_is_not_cancelled(play: Play) -> None:
    """A running write is never cut off. The person is told its name, and the command goes on to its end."""

    async def story(world: World) -> None:
        await world.begin()
        customer = world.simulator.customer("order_never_ends")
        command_id = await world.send(create(customer))
        await world.until(lambda: "CommandWaiting 0" in types(world, command_id), "it waits for its order")
        assert (await ask(world, "cancel", command_id)).startswith("the command has begun to write (")
        assert not world.answers(command_id)

    play(story)


def test_a_command_whose_write_never_got_through_is_cancelled(play: Play) -> None:
    """Partner Center refuses every suspension. Nothing was changed, so the whole flood can be cancelled."""

    async def story(world: World) -> None:
        await world.begin()
        customer = world.simulator.customer("quiet_plan")
        world.simulator.faults.add("throttle", operation="subscriptions.patch", retry_after=600, count=None)
        command_id = await world.send(SuspendPlan(customer_id=customer.id))
        await world.until(lambda: "CommandWaiting 0" in types(world, command_id), "it is throttled")
        assert [row["state"] for row in await world.rows("SELECT state FROM step")] == ["not_applied"]
        assert await ask(world, "cancel", command_id) == "done"
        answer = await world.answer(command_id)
        assert isinstance(answer, CommandRejected)
        assert answer.code == "cancelled_by_operator"
        assert not world.simulator.books.effects_of(customer=customer.id)

    play(story)


async def unknown(world: World, *, effect: bool) -> tuple[str, Customer]:
    """A command that ended in outcome_unknown. Its check-out was never answered, and may have taken effect."""
    customer = world.simulator.customer()
    world.simulator.faults.add("reset_after" if effect else "reset_before", operation="carts.checkout")
    world.simulator.faults.add("error_before", operation="carts.get", status=403, code=900308, count=None)
    command_id = await world.send(create(customer))
    answer = await world.answer(command_id)
    assert isinstance(answer, CommandFailed)
    assert (answer.code, answer.outcome_unknown) == ("outcome_unknown", True)
    world.simulator.faults.clear()
    return command_id, customer


@pytest.mark.parametrize("found", ["applied", "not_applied"])
def test_resolving_ends_an_unknown_outcome_and_nothing_is_bought_twice(play: Play, found: str) -> None:
    """The next story goes on from the person's finding. Exactly one plan is bought in both cases."""

    async def story(world: World) -> None:
        await world.begin()
        command_id, customer = await unknown(world, effect=found == "applied")
        assert await ask(world, "resolve", command_id, {"found": found}) == "done"
        await world.until(lambda: len(world.answers(command_id)) == 2, "the second story has its answer")
        answer = world.answers(command_id)[1].event
        assert isinstance(answer, AzurePlanCreated), answer
        assert answer.redrive == 1
        assert len(world.simulator.books.effects_of(kind="order.created", customer=customer.id)) == 1

    play(story)


def test_what_was_resolved_as_applied_is_never_bought_again(play: Play) -> None:
    """If the look does not find the plan that the person reported, the command fails again and buys nothing."""

    async def story(world: World) -> None:
        await world.begin()
        command_id, customer = await unknown(world, effect=False)
        assert await ask(world, "resolve", command_id, {"found": "applied"}) == "done"
        await world.until(lambda: len(world.answers(command_id)) == 2, "the second story has its answer")
        answer = world.answers(command_id)[1].event
        assert isinstance(answer, CommandFailed)
        assert answer.code == "outcome_unknown"
        assert not world.simulator.books.effects_of(kind="order.created", customer=customer.id)

    play(story)


def test_a_suspension_that_was_resolved_as_applied_is_not_made_again(play: Play) -> None:
    """The plan is active. The person is told so and decides; no request changes anything."""

    async def story(world: World) -> None:
        await world.begin()
        customer = world.simulator.customer("quiet_plan")
        world.simulator.faults.add("reset_before", operation="subscriptions.patch")
        for operation in ("subscriptions.get", "subscriptions.list"):
            world.simulator.faults.add("error_before", operation=operation, status=403, code=900308, skip=1, count=None)
        command_id = await world.send(SuspendPlan(customer_id=customer.id))
        answer = await world.answer(command_id)
        assert isinstance(answer, CommandFailed)
        assert (answer.code, answer.outcome_unknown) == ("outcome_unknown", True)
        world.simulator.faults.clear()
        writes = len(world.simulator.books.requests_of(operation="subscriptions.patch"))
        assert await ask(world, "resolve", command_id, {"found": "applied"}) == "done"
        await world.until(lambda: len(world.answers(command_id)) == 2, "the second story has its answer")
        answer = world.answers(command_id)[1].event
        assert isinstance(answer, CommandFailed)
        assert answer.code == "outcome_unknown"
        assert "a look does not find the effect" in answer.detail
        assert len(world.simulator.books.requests_of(operation="subscriptions.patch")) == writes
        assert await ask(world, "resolve", command_id, {"found": "not_applied"}) == "done"
        await world.until(lambda: len(world.answers(command_id)) == 3, "the third story has its answer")
        assert isinstance(world.answers(command_id)[2].event, PlanSuspended)

    play(story)


def test_a_request_about_a_command_that_is_not_known_is_refused_at_once(play: Play) -> None:
    """The journal has no such command, so no lane's owner could carry out the request."""

    async def story(world: World) -> None:
        await world.begin()
        with pytest.raises(LookupError):
            await ask(world, "cancel", uid("never sent"))

    play(story)


def test_a_command_whose_bytes_are_forgotten_is_not_redriven(play: Play) -> None:
    """The person is told the alternative at once, and the request does not stay open."""

    async def story(world: World) -> None:
        await world.begin()
        command_id, _ = await failed(world)
        async with beside(world) as journal:
            numbers = [each.letter.seq for each in await journal.dead_letters.search(Selection(), "open")]
            await journal.dead_letters.archive(WHO, WHY, numbers)
            await world.until(later(world, 60), "everything is sent")
            assert (await journal.retention.forget_all(Ages(1e9, 0.0))).details == 1
        answer = await ask(world, "redrive", command_id)
        assert answer == "the command's bytes are forgotten: send the command again, with a new id"
        assert await world.rows("SELECT seq FROM act WHERE done_at IS NULL") == []

    play(story)


class FewLooks(Script):
    """Ends a worker that reads its journal endlessly: a loop without a pause fails the test."""

    looked, most = 0, 20_000

    def looks(self, life: Life) -> None:
        self.looked += 1
        if self.looked > self.most:
            life.end()


def test_requests_that_cannot_be_carried_out_yet_keep_no_other_waiting(play: Play) -> None:
    """A cancel behind 120 redrives that wait for Kafka is answered at once, and the redrives cost few looks.

    The redrives are carried out when Kafka is back.
    """

    async def story(world: World) -> None:
        first = await world.begin()
        failed = [await world.send(create(customer)) for customer in world.simulator.customers(120)]
        for each in failed:
            await world.answer(each)
        await first.stop()
        world.settings = settings_of()
        script = FewLooks()
        await world.begin(script)
        async with beside(world) as journal:
            acts = journal.requests
            held = world.simulator.customer()
            await journal.pauses.pause(WHO, WHY, Selection(customer=held.id))
            cancelled = await world.send(create(held))
            await world.until(later(world, 5), "it is held")
            world.broker.down = True
            await journal.transactions.write(
                lambda tx: tx.run("UPDATE event SET sent_at = NULL WHERE uid <> ?", uid(cancelled))
            )
            for each in failed:
                await acts.ask(WHO, WHY, "redrive", uid(each))
            await world.until(later(world, 60), "they wait")
            waiting = "SELECT count(*) AS n FROM act WHERE verb = 'redrive' AND done_at IS NULL"
            assert (await world.rows(waiting))[0]["n"] == 120
            number = await acts.ask(WHO, WHY, "cancel", uid(cancelled))
            await world.until(later(world, 1), "a second has passed")
            assert await acts.answer(number) == "done"
            script.looked, script.most = 0, 60 * 40
            await world.until(later(world, 60), "a minute of waiting has passed")
            world.broker.down, script.most = False, 20_000
        for each in failed:
            await world.until(lambda each=each: len(world.answers(each)) == 2, "its second story has its answer")  # type: ignore[misc]

    play(story, settings=settings_of(("contoso", "fabrikam")), attention=0.5)
