"""The next story of a failed command, after a redrive or a person's decision: its effects at Microsoft stay its own."""

import asyncio

import pytest

from events.codes import FailedCode, RejectedCode
from events.messages.command_status import CommandFailed, CommandRejected
from events.messages.plans import AzurePlanCreated, CreateAzurePlan, PlanSuspended, SuspendPlan
from events.messages.upgrades import (
    ProductUpgradeCompleted,
    ProductUpgradeProgressed,
    ProductUpgradeStarted,
    StartProductUpgrade,
)
from ops.simulator.state import Customer
from tests.handlers.stage import IMPATIENT, Stage


async def _failed(stage: Stage, command_id: str, code: FailedCode) -> CommandFailed:
    failed = await stage.answer(command_id)
    assert isinstance(failed, CommandFailed), failed
    assert failed.code is code
    return failed


async def _blind(stage: Stage, customer: Customer, kind: str) -> str:
    """A command whose check-out was lost and that could never look."""
    stage.fault(kind, "carts.checkout")
    blind = stage.fault("error_before", "carts.get", status=403, code=900308, count=None)
    sent = await stage.send(CreateAzurePlan(customer_id=customer.id))
    await _failed(stage, sent, FailedCode.OUTCOME_UNKNOWN)
    stage.simulator.faults.remove(blind)
    return sent


async def test_after_an_order_that_failed_a_redrive_buys_again(stage: Stage) -> None:
    """Microsoft ended the order, so the command may buy again."""
    customer = stage.simulator.customer("order_fails")
    sent = await stage.send(CreateAzurePlan(customer_id=customer.id))
    await _failed(stage, sent, FailedCode.ORDER_FAILED)
    customer.overrides.clear()
    created = await stage.redrive(sent)
    assert isinstance(created, AzurePlanCreated), created
    assert (created.already_existed, created.redrive) == (False, 1)
    assert created.order_id == stage.simulator.books.orders[1].id


@IMPATIENT
async def test_an_order_that_is_still_open_is_followed_by_the_redrive(stage: Stage) -> None:
    """Nothing is bought again. The next story waits for the order of the first."""
    customer = stage.simulator.customer("order_never_ends")
    sent = await stage.send(CreateAzurePlan(customer_id=customer.id))
    await _failed(stage, sent, FailedCode.OUTCOME_UNKNOWN)
    (order,) = stage.simulator.books.orders
    stage.simulator.end_order(order)
    created = await stage.redrive(sent)
    assert isinstance(created, AzurePlanCreated), created
    assert (created.order_id, created.cart_id, created.already_existed) == (order.id, order.cart_id, False)
    assert len(stage.simulator.books.orders) == 1
    assert await stage.open_effects() == []


async def test_after_attempts_that_all_failed_the_redrive_checks_out_the_same_cart(stage: Stage) -> None:
    """The cart belongs to the command, whichever story made it."""
    broken = stage.fault("error_before", "carts.checkout", status=500, count=None)
    sent = await stage.send(CreateAzurePlan(customer_id=stage.simulator.customer().id))
    await _failed(stage, sent, FailedCode.RETRIES_EXHAUSTED)
    stage.simulator.faults.remove(broken)
    created = await stage.redrive(sent)
    assert isinstance(created, AzurePlanCreated), created
    assert stage.effects("cart.created") == 1


@pytest.mark.parametrize("kind", ["reset_after", "reset_before"])
async def test_a_redrive_looks_before_it_buys(stage: Stage, kind: str) -> None:
    """There is one order, whether or not the lost check-out took effect."""
    sent = await _blind(stage, stage.simulator.customer(), kind)
    created = await stage.redrive(sent)
    assert isinstance(created, AzurePlanCreated), created
    assert not created.already_existed
    assert len(stage.simulator.books.orders) == 1
    assert await stage.open_effects() == []


async def test_a_purchase_resolved_as_applied_is_looked_for_and_answered(stage: Stage) -> None:
    """The next story goes on as if the call had been answered."""
    sent = await _blind(stage, stage.simulator.customer(), "reset_after")
    created = await stage.resolve(sent, "applied")
    assert isinstance(created, AzurePlanCreated), created
    assert created.order_id == stage.simulator.books.orders[0].id


async def test_a_purchase_resolved_as_applied_and_not_found_stays_unknown(stage: Stage) -> None:
    """The next story buys nothing, because a person said that the plan was bought."""
    sent = await _blind(stage, stage.simulator.customer(), "reset_before")
    failed = await stage.resolve(sent, "applied")
    assert isinstance(failed, CommandFailed), failed
    assert failed.code is FailedCode.OUTCOME_UNKNOWN
    assert stage.simulator.books.orders == []


@IMPATIENT
async def test_a_purchase_resolved_as_not_applied_is_closed_for_good(stage: Stage) -> None:
    """A new cart is made and bought, although the old order still looks open."""
    customer = stage.simulator.customer("order_never_ends")
    sent = await stage.send(CreateAzurePlan(customer_id=customer.id))
    await _failed(stage, sent, FailedCode.OUTCOME_UNKNOWN)
    customer.overrides.clear()
    created = await stage.resolve(sent, "not_applied")
    assert isinstance(created, AzurePlanCreated), created
    void, bought = stage.simulator.books.orders
    assert void.status == "pending"
    assert created.order_id == bought.id
    assert stage.effects("cart.created") == 2


@IMPATIENT
async def test_a_suspension_that_waited_too_long_goes_on(stage: Stage) -> None:
    """The next story finds the Azure subscription inactive, suspends the plan, and still names what was cancelled."""
    customer = stage.simulator.customer("plan", settings={"entitlement_flip": [10_800, 10_800]})
    sent = await stage.send(SuspendPlan(customer_id=customer.id, active_assets="cancel"))
    await _failed(stage, sent, FailedCode.OUTCOME_UNKNOWN)
    await asyncio.sleep(3_700)
    suspended = await stage.redrive(sent)
    assert isinstance(suspended, PlanSuspended), suspended
    assert len(suspended.cancelled_assets) == 1
    assert stage.effects("entitlement.cancel_requested") == 1


@IMPATIENT
async def test_a_redriven_suspension_checks_again_for_resources_in_use(stage: Stage) -> None:
    """The suspension of its first story never showed. Azure subscriptions that became active since prevent it."""
    customer = stage.simulator.customer("quiet_plan", settings={"patch_mode": "slow", "patch_seconds": [1e9, 1e9]})
    (plan,) = customer.subscriptions.values()
    sent = await stage.send(SuspendPlan(customer_id=customer.id))
    await _failed(stage, sent, FailedCode.OUTCOME_UNKNOWN)
    plan.azure_subscriptions[0].status = "active"
    refused = await stage.redrive(sent)
    assert isinstance(refused, CommandRejected), refused
    assert refused.code is RejectedCode.ACTIVE_ASSETS
    assert "suspend" in refused.detail
    assert stage.calls().count("subscriptions.patch") == 1


async def test_after_an_upgrade_that_failed_a_redrive_starts_another(stage: Stage) -> None:
    """The customer is still eligible, and no command follows the failed upgrade any more."""
    customer = stage.simulator.customer("upgrade_fails")
    sent = await stage.send(StartProductUpgrade(customer_id=customer.id))
    await _failed(stage, sent, FailedCode.UPGRADE_FAILED)
    customer.overrides.clear()
    completed = await stage.redrive(sent)
    assert isinstance(completed, ProductUpgradeCompleted), completed
    assert (completed.adopted, completed.upgrade_id) == (False, stage.simulator.books.upgrades[1].id)


@IMPATIENT
async def test_an_upgrade_that_still_runs_is_followed_by_the_redrive(stage: Stage) -> None:
    """The next story publishes the upgrade again and does not start it again."""
    customer = stage.simulator.customer("legacy", settings={"upgrade_outcome": "never"})
    sent = await stage.send(StartProductUpgrade(customer_id=customer.id))
    await _failed(stage, sent, FailedCode.OUTCOME_UNKNOWN)
    (made,) = stage.simulator.books.upgrades
    following = asyncio.create_task(stage.redrive(sent))
    await asyncio.sleep(600)
    stage.simulator.move_upgrade(made, "completed")
    completed = await following
    assert isinstance(completed, ProductUpgradeCompleted), completed
    assert (completed.adopted, completed.upgrade_id) == (False, made.id)
    told = [type(event) for event in await stage.events(sent) if event.redrive == 1]
    assert told.count(ProductUpgradeStarted) == told.count(ProductUpgradeProgressed) == 1
    assert len(stage.simulator.books.upgrades) == 1
