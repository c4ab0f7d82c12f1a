"""An account is renamed: its customers keep their lanes and their running commands."""

from collections.abc import Callable
from pathlib import Path

import pytest

from events.messages.command_status import CommandFailed, CommandWaiting
from events.messages.plans import AzurePlanCreated, CreateAzurePlan
from events.wire.codec import encode_command
from tests.operators.asking import WHO, WHY, ask, beside, later, types
from tests.operators.test_rebuild import lose, rebuild
from tests.support.harness import COMMANDS, GROUP, SOURCE, World, settings_of
from worker.errors import JournalRefused
from worker.journal.selection import Selection

Play = Callable[..., None]
SWAPPED = settings_of(("renamed", "contoso"))
"""The tenant is called `renamed`. Its old name belongs to another tenant."""


async def send(world: World, command: CreateAzurePlan, command_id: str, partner: str) -> str:
    """Send a command for an account, by the account's name."""
    outgoing = encode_command(command, id=command_id, source=SOURCE, time=world.clock.now(), partner=partner)
    ack = await world.broker.write(COMMANDS, outgoing)
    world.sent[command_id] = world.written[ack.partition.number, ack.offset] = command
    return command_id


def orders(world: World) -> int:
    """The number of orders that Partner Center has made."""
    return len(world.simulator.books.effects_of(kind="order.created"))


async def lanes(world: World) -> set[str]:
    """The lanes in which the commands stand."""
    return {row["lane"] for row in await world.rows("SELECT DISTINCT lane FROM command")}


def test_a_command_goes_on_with_the_account_that_its_tenant_has_now(play: Play) -> None:
    """The old name may belong to another tenant by now. All events name the account for which the command was sent."""

    async def story(world: World) -> None:
        worker = await world.begin()
        customer = world.simulator.customer()
        first = await world.send(CreateAzurePlan(customer_id=customer.id))
        await world.until(lambda: "CommandWaiting 0" in types(world, first), "it waits for its order")
        await worker.stop()
        world.settings = SWAPPED
        await world.begin()
        answer = await world.answer(first)
        assert isinstance(answer, AzurePlanCreated)
        assert not answer.already_existed
        assert {said.event.partner for said in world.said(first)} == {"contoso"}
        second = await send(world, CreateAzurePlan(customer_id=customer.id), "second", "renamed")
        again = await world.answer(second)
        assert isinstance(again, AzurePlanCreated)
        assert again.already_existed
        assert {said.event.partner for said in world.said(second)} == {"renamed"}
        assert orders(world) == 1
        assert await lanes(world) == {f"contoso/{customer.id}"}

    play(story)


def test_a_name_of_another_tenant_never_serves_the_old_ones_commands(play: Play) -> None:
    """The tenant is no longer configured. The command's answer says so, and it goes on when the tenant is back."""

    async def story(world: World) -> None:
        worker = await world.begin()
        customer = world.simulator.customer("order_never_ends")
        first = await world.send(CreateAzurePlan(customer_id=customer.id))
        await world.until(lambda: "CommandWaiting 0" in types(world, first), "it waits for its order")
        await worker.stop()
        calls = len(world.simulator.books.requests)
        world.settings = settings_of(("elsewhere", "contoso")).model_copy()
        del world.settings.partners["elsewhere"]
        second = await world.begin()
        answer = await world.answer(first)
        assert isinstance(answer, CommandFailed)
        assert "no account of the tenant is configured" in answer.detail
        await world.until(later(world, 3_600), "an hour has passed")
        assert len(world.simulator.books.requests) == calls
        await second.stop()
        world.settings = SWAPPED
        await world.begin()
        assert await ask(world, "redrive", first) == "done"
        await world.until(lambda: "CommandWaiting 1" in types(world, first), "it waits for its order again")
        assert orders(world) == 1

    play(story)


def test_what_was_sent_for_the_old_name_is_read_after_the_rename(play: Play) -> None:
    """The command was on the topic meanwhile. If another tenant has the name by now, the command is that tenant's."""

    async def story(world: World) -> None:
        worker = await world.begin()
        await worker.stop()
        late = await send(world, CreateAzurePlan(customer_id=world.simulator.customer().id), "late", "contoso")
        world.settings = settings_of(("renamed",))
        third = await world.begin()
        assert isinstance(await world.answer(late), AzurePlanCreated)
        await third.stop()
        world.settings = SWAPPED
        await world.begin()
        stranger = await send(world, CreateAzurePlan(customer_id=world.simulator.customer().id), "other", "contoso")
        await world.until(lambda: "CommandAccepted 0" in types(world, stranger), "it is accepted")
        assert {row["partner"] for row in await world.rows("SELECT partner FROM command WHERE id = 'other'")} != {
            "contoso"
        }

    play(story)


def test_two_replicas_that_call_one_tenant_differently_buy_once(play: Play) -> None:
    """Each replica takes in a command of one customer at the same time.

    There is one order, and the second command finds it.
    """

    async def story(world: World) -> None:
        await world.begin()
        world.settings = settings_of(("renamed",))
        await world.begin()
        customer = world.simulator.customer()
        for partition in range(3):
            await world.send(CreateAzurePlan(customer_id=customer.id), id=f"c-{partition}", partition=partition)
        answers = [await world.answer(f"c-{partition}") for partition in range(3)]
        assert [isinstance(answer, AzurePlanCreated) for answer in answers] == [True] * 3
        assert sorted(answer.already_existed for answer in answers) == [False, True, True]
        assert orders(world) == 1
        assert await lanes(world) == {f"contoso/{customer.id}"}

    play(story)


def test_a_pause_outlives_a_rename(play: Play) -> None:
    """Commands paused by the old name are held under the new one. The pause shows the new name."""

    async def story(world: World) -> None:
        worker = await world.begin()
        async with beside(world) as journal:
            await journal.pauses.pause(WHO, WHY, Selection(partner="contoso"))
        await worker.stop()
        world.settings = settings_of(("renamed",))
        await world.begin()
        held = await world.send(CreateAzurePlan(customer_id=world.simulator.customer().id))
        await world.until(later(world, 600), "ten minutes have passed")
        (waiting,) = [each.event for each in world.said(held) if isinstance(each.event, CommandWaiting)]
        assert (waiting.reason, waiting.detail) == ("paused", f"an operator has paused partner renamed: {WHY}")
        assert not world.simulator.books.requests
        async with beside(world) as journal:
            assert await journal.pauses.resume(WHO, WHY, Selection(partner="renamed")) == 1
        assert isinstance(await world.answer(held), AzurePlanCreated)

    play(story)


def test_a_rebuild_after_a_rename_ends_in_the_same_lanes(play: Play, tmp_path: Path) -> None:
    """The lost journal knew the account's former name. A person gives the name, and one order is made."""

    async def story(world: World) -> None:
        worker = await world.begin()
        done = world.simulator.customer()
        assert isinstance(await world.do(CreateAzurePlan(customer_id=done.id)), AzurePlanCreated)
        customer = world.simulator.customer()
        opened = await send(world, CreateAzurePlan(customer_id=customer.id), "opened", "contoso")
        await world.until(lambda: orders(world) == 2, "it is ordered")
        await worker.stop()
        world.settings = settings_of(("renamed",))
        second = await world.begin()
        behind = await send(world, CreateAzurePlan(customer_id=customer.id), "behind", "renamed")
        await world.until(lambda: "CommandAccepted 0" in types(world, behind), "it is accepted")
        await second.kill()
        assert not world.answers(opened)
        before = await lanes(world)
        lose(tmp_path)
        with pytest.raises(JournalRefused, match=r"events name the account contoso.*--renamed contoso=NAME"):
            await rebuild(world)
        with pytest.raises(JournalRefused, match="no account is named nobody"):
            await rebuild(world, ("contoso", "nobody"))
        found = await rebuild(world, ("contoso", "renamed"))
        assert (found.commands, found.open) == (3, 2)
        assert {lane.split("/")[1] for lane in await lanes(world)} == {lane.split("/")[1] for lane in before}
        assert len(await lanes(world)) == len(before) == 2
        assert {row["account"] for row in await world.rows("SELECT account FROM command")} == {"contoso", "renamed"}
        await world.begin()
        for each in (opened, behind):
            answer = await world.answer(each)
            assert isinstance(answer, AzurePlanCreated)
            assert answer.already_existed
        assert orders(world) == 2

    play(story)


def test_a_rebuild_needs_no_account_whose_commands_are_all_done(play: Play, tmp_path: Path) -> None:
    """No command of theirs can be in doubt, so nobody has to name their former tenants."""

    async def story(world: World) -> None:
        worker = await world.begin()
        done = await world.send(CreateAzurePlan(customer_id=world.simulator.customer().id))
        await world.answer(done)
        await worker.stop()
        lose(tmp_path)
        world.settings = settings_of(("renamed",))
        assert (await rebuild(world)).concluded == 1
        world.broker.rewind(GROUP, COMMANDS)
        await world.begin()
        await world.until(later(world, 600), "everything has been read again")
        assert types(world, done)[-1] == "AzurePlanCreated 0"
        assert orders(world) == 1

    play(story)


def test_a_rebuild_puts_a_command_back_where_it_stood_when_its_account_could_not_be_told(
    play: Play, tmp_path: Path
) -> None:
    """By today's settings its record would belong to another account."""

    async def story(world: World) -> None:
        worker = await world.begin()
        customer = world.simulator.customer()
        stray = await world.send(CreateAzurePlan(customer_id=customer.id))
        assert isinstance(await world.answer(stray), CommandFailed)
        await world.until(lambda: len(world.letters()) == 1, "its dead letter is published")
        await worker.stop()
        lose(tmp_path)
        world.settings = settings_of()
        await rebuild(world)
        assert await lanes(world) == {f"/{customer.id}"}

    play(story, settings=settings_of(("contoso", "fabrikam")))
