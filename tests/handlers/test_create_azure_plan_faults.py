"""CreateAzurePlan under faults: one plan is bought and no unknown outcome is guessed, whatever is lost, late or cut."""

import asyncio
from datetime import timedelta

import pytest

from events.codes import FailedCode, RejectedCode
from events.messages.base import Event
from events.messages.command_status import CommandFailed, CommandRejected
from events.messages.plans import AzurePlanCreated, CreateAzurePlan
from ops.simulator.state import Customer
from tests.handlers.faults import REMEMBERED
from tests.handlers.portal import buy_plan
from tests.handlers.stage import IMPATIENT, Stage
from tests.support.virtual_time import START


def create(customer: Customer, **members: object) -> CreateAzurePlan:
    """The command for a customer."""
    return CreateAzurePlan.model_validate({"customer_id": customer.id, **members})


def insist_on_one_plan(stage: Stage, answer: Event) -> AzurePlanCreated:
    """The answer and the books have the same bought plan."""
    assert isinstance(answer, AzurePlanCreated), answer
    (order,) = stage.simulator.books.orders
    (plan,) = stage.simulator.books.subscriptions
    assert not answer.already_existed
    assert (answer.subscription_id, answer.order_id, answer.cart_id) == (plan.id, order.id, order.cart_id)
    assert answer.catalog_item_id == order.lines[0].offer_id
    return answer


@pytest.mark.parametrize("repeat", ["first_result", "800065"])
@pytest.mark.parametrize("lag", [0, 900])
async def test_a_check_out_that_arrives_unnoticed_buys_one_plan(stage: Stage, repeat: str, lag: int) -> None:
    """The lost request arrives between the last look and the repetition.

    The order's id is in the answer or is found.
    """
    stage.simulator.change(checkout_repeat=repeat, order_list_lag=[lag, lag], order_provisioning=[600, 600])
    stage.fault("late", "carts.checkout", seconds=8)
    stage.fault("slow_answer", "carts.get", seconds=5, count=2)
    sent = await stage.send(create(stage.simulator.customer()))
    insist_on_one_plan(stage, await stage.answer(sent))
    assert "settling" not in await stage.waits(sent)
    assert [each.code for each in stage.simulator.books.requests_of("carts.checkout")][1:] == [
        800065 if repeat == "800065" else None
    ]


@REMEMBERED
async def test_a_cart_that_is_being_worked_on_is_looked_at_again(stage: Stage, memory: bool) -> None:
    """A second check-out beside the first is refused with 800064. The first goes on."""
    slow = {"checkout_seconds": [55, 55], "order_provisioning": [200, 200]}
    stage.simulator.change(remember_request_ids=memory, **slow)
    sent = await stage.send(create(stage.simulator.customer()))
    insist_on_one_plan(stage, await stage.answer(sent))
    assert "order_provisioning" in await stage.waits(sent)


@IMPATIENT
@pytest.mark.parametrize("operation", ["carts.create", "carts.checkout"])
async def test_a_conflict_that_never_passes_is_an_unknown_outcome(stage: Stage, operation: str) -> None:
    """Partner Center says until the end of the wait that it is working on another request of the command."""
    stage.fault("error_before", operation, status=409, code=800064, count=None)
    failed = await stage.failed(create(stage.simulator.customer()))
    assert failed.code is FailedCode.OUTCOME_UNKNOWN
    assert failed.outcome_unknown


async def test_an_order_in_progress_is_waited_for(stage: Stage) -> None:
    """800060 asks for a look in a few minutes. Nothing else is bought meanwhile."""
    stage.fault("error_before", "carts.checkout", status=409, code=800060, count=3)
    insist_on_one_plan(stage, await stage.do(create(stage.simulator.customer())))


@pytest.mark.parametrize("lag", [0, 900])
async def test_a_lost_order_that_fails_is_found_in_the_list(stage: Stage, lag: int) -> None:
    """The answer was lost and no plan comes. The list of orders shows the order up to 15 minutes late."""
    customer = stage.simulator.customer(settings={"order_outcome": "error", "order_list_lag": [lag, lag]})
    stage.fault("reset_after", "carts.checkout")
    failed = await stage.failed(create(customer))
    (order,) = stage.simulator.books.orders
    assert failed.code is FailedCode.ORDER_FAILED
    assert [each.id for each in failed.blockers] == [order.id]


@IMPATIENT
async def test_a_lost_order_that_never_appears_is_an_unknown_outcome(stage: Stage) -> None:
    """The cart is ordered and no order appears. At the deadline a person gets the cart. Nothing is bought again.

    Promises G2, G6.
    """
    customer = stage.simulator.customer(settings={"order_outcome": "never", "order_list_lag": [1e9, 1e9]})
    stage.fault("reset_after", "carts.checkout")
    failed = await stage.failed(create(customer))
    (cart,) = stage.simulator.books.carts
    assert failed.code is FailedCode.OUTCOME_UNKNOWN
    assert failed.outcome_unknown
    assert [(each.kind, each.id, each.name) for each in failed.blockers] == [("order", cart.id, "cart")]
    assert len(stage.simulator.books.orders) == 1


async def test_an_older_order_is_not_taken_for_the_lost_one(stage: Stage) -> None:
    """The list also has an earlier, failed order for a plan. The wanted order is not older than the cart."""
    customer = stage.simulator.customer(settings={"order_outcome": "error", "order_list_lag": [0, 0]})
    await stage.failed(create(customer))
    customer.overrides.update(order_outcome="completed", order_provisioning=[1200, 1200])
    stage.fault("reset_after", "carts.checkout")
    created = await stage.done(AzurePlanCreated, create(customer))
    assert created.order_id == stage.simulator.books.orders[1].id


async def test_a_lost_correction_of_a_cart_is_not_unknown_after_a_look(stage: Stage) -> None:
    """When the order fails later, no step of the command is in doubt."""
    stage.fault("throttle", "carts.checkout", retry_after=60)
    stage.fault("reset_after", "carts.update")
    sent = await stage.send(create(stage.simulator.customer("order_fails")))
    await stage.until("carts.checkout")
    stage.simulator.rotate_catalog()
    failed = await stage.answer(sent)
    assert isinstance(failed, CommandFailed), failed
    assert (failed.code, failed.outcome_unknown) == (FailedCode.ORDER_FAILED, False)


@pytest.mark.parametrize("operation", ["carts.get", "subscriptions.list", "orders.list"])
@pytest.mark.parametrize("status", [403, 404])
async def test_a_look_that_is_refused_proves_nothing(stage: Stage, operation: str, status: int) -> None:
    """If Partner Center no longer allows the look, the outcome is unknown, and the command is not refused.

    Promise G6.
    """
    customer = stage.simulator.customer(settings={"order_provisioning": [1e9, 1e9]})
    stage.fault("reset_after", "carts.checkout")
    sent = await stage.send(create(customer))
    await stage.until("carts.checkout")
    stage.fault("error_before", operation, status=status, code=900308, count=None)
    failed = await stage.answer(sent)
    assert isinstance(failed, CommandFailed), failed
    assert failed.code is FailedCode.OUTCOME_UNKNOWN
    assert failed.outcome_unknown
    assert failed.partner_center is not None
    assert failed.partner_center.operation == operation
    assert await stage.open_effects() == ["azure_plan"]


async def test_an_order_that_may_not_be_looked_at_is_an_unknown_outcome(stage: Stage) -> None:
    """After a purchase, a refused look is no refusal of the command."""
    stage.fault("error_before", "orders.get", status=403, code=20002, count=None)
    failed = await stage.failed(create(stage.simulator.customer()))
    assert failed.code is FailedCode.OUTCOME_UNKNOWN
    assert [each.id for each in failed.blockers] == [order.id for order in stage.simulator.books.orders]


# ---- expired carts


async def test_a_cart_that_expired_before_any_check_out_is_replaced(stage: Stage) -> None:
    """No check-out of the cart was ever sent. A new cart is made at once."""
    customer = stage.simulator.customer(settings={"cart_lifetime": 60.0})
    stage.fault("throttle", "carts.checkout", retry_after=300)
    sent = await stage.send(create(customer))
    await stage.until("carts.checkout")
    customer.overrides.clear()
    insist_on_one_plan(stage, await stage.answer(sent))
    assert stage.effects("cart.created") == 2
    assert "settling" not in await stage.waits(sent)


@pytest.mark.parametrize("kind", ["reset_before", "reset_after", "late"])
async def test_a_cart_that_expired_after_a_lost_check_out_is_replaced_late(stage: Stage, kind: str) -> None:
    """By then the list would show the order. If the list has it, or there is a plan, nothing else is bought."""
    slow = {"order_list_lag": [800, 800], "order_provisioning": [1500, 1500]}
    customer = stage.simulator.customer(settings={"cart_lifetime": 10.0, **slow})
    stage.fault(kind, "carts.checkout", seconds=5)
    stage.fault("slow_answer", "carts.get", seconds=38)
    sent = await stage.send(create(customer))
    await stage.until("carts.get")
    customer.overrides["cart_lifetime"] = 86_400.0
    insist_on_one_plan(stage, await stage.answer(sent))
    assert stage.effects("cart.created") == (2 if kind == "reset_before" else 1)
    assert stage.effects("order.created") == 1


@IMPATIENT
async def test_a_cart_that_is_always_gone_is_not_replaced_for_ever(stage: Stage) -> None:
    """The attempts end, and nothing is in doubt."""
    failed = await stage.failed(create(stage.simulator.customer(settings={"cart_lifetime": -60.0})))
    assert failed.code is FailedCode.RETRIES_EXHAUSTED
    assert not failed.outcome_unknown
    assert stage.simulator.books.orders == []


# ---- no early refusal


@pytest.mark.parametrize(("kind", "bought"), [("late", True), ("reset_before", False)])
async def test_after_a_lost_check_out_the_missed_deadline_is_published_when_it_is_certain(
    stage: Stage, kind: str, bought: bool
) -> None:
    """After the deadline the command still looks: it answers an order that arrives and is otherwise refused."""
    stage.fault(kind, "carts.checkout", seconds=200)
    command = create(stage.simulator.customer(), deadline=START + timedelta(seconds=2))
    stage.fault("error_before", "carts.get", status=500)
    sent = await stage.send(command)
    answer = await stage.answer(sent)
    assert "settling" in await stage.waits(sent)
    if bought:
        insist_on_one_plan(stage, answer)
    else:
        assert isinstance(answer, CommandRejected), answer
        assert answer.code is RejectedCode.DEADLINE_PASSED
        assert stage.simulator.books.orders == []
        assert await stage.open_effects() == []


@pytest.mark.parametrize(("kind", "bought"), [("late", True), ("reset_before", False)])
async def test_a_refusal_waits_until_no_lost_check_out_can_arrive(stage: Stage, kind: str, bought: bool) -> None:
    """The credit runs out between two check-outs. The refusal waits until the first can no longer arrive.

    Rule SettledNo, promise G6.
    """
    customer = stage.simulator.customer()
    stage.fault(kind, "carts.checkout", seconds=200)
    sent = await stage.send(create(customer))
    await stage.until("carts.checkout")
    stage.fault("error_before", "carts.checkout", status=403, code=800023, count=None)
    answer = await stage.answer(sent)
    if bought:
        insist_on_one_plan(stage, answer)
    else:
        assert isinstance(answer, CommandRejected), answer
        assert answer.code is RejectedCode.CREDIT_OR_REVIEW
    assert "settling" in await stage.waits(sent)


async def test_when_no_attempt_is_left_a_purchase_that_never_was_is_known(stage: Stage) -> None:
    """Every check-out fails and none takes effect. After settling, the cart shows that."""
    stage.fault("error_before", "carts.checkout", status=500, count=None)
    failed = await stage.failed(create(stage.simulator.customer()))
    assert failed.code is FailedCode.RETRIES_EXHAUSTED
    assert not failed.outcome_unknown
    assert await stage.open_effects() == []


@pytest.mark.parametrize(("kind", "ours"), [("reset_before", False), ("late", True)])
async def test_a_plan_bought_elsewhere_answers_when_the_lost_check_out_cannot_arrive_any_more(
    stage: Stage, kind: str, ours: bool
) -> None:
    """The command's request was lost and a person buys in the portal. The answer waits until its plan is certain."""
    customer = stage.simulator.customer(settings={"order_provisioning": [5, 5]})
    stage.fault(kind, "carts.checkout", seconds=200)
    stage.fault("error_before", "carts.get", status=500, count=3)
    sent = await stage.send(create(customer))
    await stage.until("carts.checkout")
    await buy_plan(stage.simulator, customer)
    created = await stage.answer(sent)
    assert isinstance(created, AzurePlanCreated), created
    assert created.already_existed is not ours
    assert len(stage.simulator.books.orders) == 1 + ours
    assert stage.calls(customer).count("carts.checkout") == 2  # the command's and the portal's: neither was repeated
    assert stage.clock.now() >= START + timedelta(seconds=200)


# ---- other commands of the lane


async def test_the_next_command_waits_until_a_lost_check_out_cannot_arrive(stage: Stage) -> None:
    """A customer's second command neither writes nor ends before the first one's request has settled.

    Rule Settle, promise G4.
    """
    customer = stage.simulator.customer()
    stage.fault("reset_before", "carts.checkout")
    stage.fault("error_before", "carts.get", status=403, code=900308)
    stage.fault("error_before", "carts.get", status=403, code=900308)
    first, second = await stage.send(create(customer)), await stage.send(create(customer))
    assert isinstance(await stage.answer(first), CommandFailed)
    assert stage.clock.now() >= START + timedelta(seconds=300)
    assert isinstance(await stage.answer(second), AzurePlanCreated)
    assert len(stage.simulator.books.orders) == 1


async def test_two_commands_for_one_customer_buy_one_plan(stage: Stage) -> None:
    """The second command finds the plan of the first, even if the first one's answer was lost.

    A cart that is known to be ordered can buy nothing more. Therefore no command waits for it to settle.
    """
    customer = stage.simulator.customer(settings={"order_provisioning": [20, 20]})
    stage.fault("reset_after", "carts.checkout")
    first, second = await stage.send(create(customer)), await stage.send(create(customer))
    insist_on_one_plan(stage, await stage.answer(first))
    answer = await stage.answer(second)
    assert isinstance(answer, AzurePlanCreated)
    assert answer.already_existed
    assert stage.clock.now() < START + timedelta(seconds=300)


# ---- open effects of an earlier command


async def _leave_open(stage: Stage, customer: Customer, *, kind: str) -> CommandFailed:
    """A command whose check-out was lost and that could never look."""
    stage.fault(kind, "carts.checkout")
    blind = stage.fault("error_before", "carts.get", status=403, code=900308, count=None)
    failed = await stage.failed(create(customer))
    stage.simulator.faults.remove(blind)
    assert failed.code is FailedCode.OUTCOME_UNKNOWN
    assert await stage.open_effects() == ["azure_plan"]
    return failed


async def test_an_earlier_purchase_that_never_was_is_closed(stage: Stage) -> None:
    """Its cart was never ordered and can no longer be ordered: the next command buys."""
    customer = stage.simulator.customer()
    await _leave_open(stage, customer, kind="reset_before")
    insist_on_one_plan(stage, await stage.do(create(customer)))
    assert await stage.open_effects() == []


async def test_an_earlier_purchase_whose_plan_is_there_is_closed(stage: Stage) -> None:
    """The plan is the answer to both."""
    customer = stage.simulator.customer()
    await _leave_open(stage, customer, kind="reset_after")
    created = await stage.done(AzurePlanCreated, create(customer))
    assert created.already_existed
    assert await stage.open_effects() == []
    assert len(stage.simulator.books.orders) == 1


async def test_an_earlier_purchase_whose_order_failed_is_closed(stage: Stage) -> None:
    """An order that Microsoft ended can no longer become a plan: the next command buys."""
    customer = stage.simulator.customer(settings={"order_outcome": "error"})
    await _leave_open(stage, customer, kind="reset_after")
    await asyncio.sleep(1200)
    customer.overrides.clear()
    created = await stage.done(AzurePlanCreated, create(customer))
    assert not created.already_existed
    assert await stage.open_effects() == []


@pytest.mark.parametrize("lag", [0, 1e9], ids=["order_seen", "order_not_seen"])
async def test_an_earlier_purchase_that_is_open_still_is_not_repeated(stage: Stage, lag: float) -> None:
    """Its order is pending or not visible. The next command is refused and names everything that is known.

    Rule OpenEffect, promise G2.
    """
    settings = {"order_outcome": "never", "order_list_lag": [lag, lag]}
    customer = stage.simulator.customer(settings=settings)
    await _leave_open(stage, customer, kind="reset_after")
    rejected = await stage.rejected(create(customer))
    (order,) = stage.simulator.books.orders
    assert rejected.code is RejectedCode.EARLIER_OUTCOME_UNKNOWN
    (blocker,) = rejected.blockers
    assert (blocker.kind, blocker.id) == ("order", order.id if lag == 0 else order.cart_id)
    assert "command-1" in rejected.detail
    assert await stage.open_effects() == ["azure_plan"]


@pytest.mark.parametrize("kind", ["reset_after", "reset_before"])
async def test_an_earlier_purchase_whose_cart_is_gone_is_told_by_the_list_of_orders(stage: Stage, kind: str) -> None:
    """The list is late: until it would show the order, nothing is bought. An order missing afterwards was never placed.

    Rule OpenEffect, promise G2.
    """
    late = {"order_list_lag": [900, 900], "order_outcome": "never", "cart_lifetime": 300.0}
    customer = stage.simulator.customer(settings=late)
    await _leave_open(stage, customer, kind=kind)
    customer.overrides["cart_lifetime"] = 86_400.0
    rejected = await stage.rejected(create(customer))
    assert rejected.code is RejectedCode.EARLIER_OUTCOME_UNKNOWN
    await asyncio.sleep(1_300)
    if kind == "reset_before":
        customer.overrides["order_outcome"] = "completed"
        assert isinstance(await stage.do(create(customer)), AzurePlanCreated)
    else:
        rejected = await stage.rejected(create(customer))
        assert rejected.code is RejectedCode.EARLIER_OUTCOME_UNKNOWN
        assert [each.id for each in rejected.blockers] == [order.id for order in stage.simulator.books.orders]
    assert len(stage.simulator.books.orders) == 1


async def test_an_earlier_purchase_that_may_not_be_looked_at_is_not_repeated(stage: Stage) -> None:
    """If Partner Center still refuses the look, the next command is refused, and nothing is bought."""
    customer = stage.simulator.customer()
    await _leave_open(stage, customer, kind="reset_before")
    stage.fault("error_before", "carts.get", status=403, code=900308, count=None)
    rejected = await stage.rejected(create(customer))
    assert rejected.code is RejectedCode.EARLIER_OUTCOME_UNKNOWN
    assert [each.name for each in rejected.blockers] == ["cart"]
    assert rejected.partner_center is not None
    assert stage.simulator.books.orders == []


@IMPATIENT
async def test_an_earlier_order_that_never_ended_is_named(stage: Stage) -> None:
    """After the wait the order is known. If its plan comes later, that plan is the answer."""
    customer = stage.simulator.customer("order_never_ends")
    await stage.failed(create(customer))
    (order,) = stage.simulator.books.orders
    rejected = await stage.rejected(create(customer))
    assert rejected.code is RejectedCode.EARLIER_OUTCOME_UNKNOWN
    assert [(each.id, each.status) for each in rejected.blockers] == [(order.id, "pending")]
    stage.simulator.end_order(order)
    assert (await stage.done(AzurePlanCreated, create(customer))).already_existed
    assert await stage.open_effects() == []


# ---- dying workers


@REMEMBERED
@pytest.mark.parametrize(
    ("operation", "seconds"),
    [(operation, seconds) for operation in ("carts.create", "carts.checkout", "orders.get") for seconds in (0.5, 60)],
)
async def test_a_worker_that_dies_in_the_middle_is_followed_by_another(
    stage: Stage, operation: str, seconds: float, memory: bool
) -> None:
    """The worker was killed before an answer. The request acts at once or a minute later. One plan is bought."""
    stage.simulator.change(remember_request_ids=memory)
    stage.fault("delay", operation, seconds=seconds)
    sent = await stage.send(create(stage.simulator.customer()))
    await stage.until(operation)
    await stage.kill()
    await stage.begin_work()
    answer = insist_on_one_plan(stage, await stage.answer(sent))
    assert answer.cart_id == stage.simulator.books.orders[0].cart_id
