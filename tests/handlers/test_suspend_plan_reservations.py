"""SuspendPlan that returns reservations: quotes first, one return each, and money that moves once."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from events.codes import BlockerKind, FailedCode, RejectedCode
from events.messages.command_status import CommandFailed, CommandValidated
from events.messages.plans import PlanSuspended, SuspendPlan
from ops.simulator.reserved import Reservation, ReservedItem
from ops.simulator.resource_manager import refunds
from ops.simulator.state import Customer
from tests.handlers.stage import IMPATIENT, POLICY, Cast, Stage
from tests.support.virtual_time import START

RETURN, QUOTE, LIST = "arm.reservations.return", "arm.reservations.quote", "arm.reservations.list"


def give_back(customer: Customer, **members: object) -> SuspendPlan:
    """The command that cancels and returns whatever is in use."""
    asks = {"active_assets": "cancel", "reservations": "return", **members}
    return SuspendPlan.model_validate({"customer_id": customer.id, **asks})


def reserved(customer: Customer) -> list[tuple[Reservation, ReservedItem]]:
    """The customer's reservations with their orders, without what was split."""
    return [(order, item) for order in customer.reservations for item in order.items if item.status_code is None]


def returned(stage: Stage, customer: Customer) -> list[str]:
    """The ids of the reservations whose returns Azure Resource Manager accepted."""
    return [each.target for each in stage.simulator.books.effects_of(customer.id, "reservation.return_requested")]


@pytest.mark.parametrize("profile", ["reserved", "two_reserved", "split_reserved"])
@pytest.mark.parametrize("status", [200, 202])
async def test_every_reservation_is_returned_before_the_plan_is_suspended(
    stage: Stage, profile: str, status: int
) -> None:
    """Each is returned once, whole. The answer names it with the refund of its quote, and the sum of all."""
    stage.simulator.change(return_status=status)
    customer = stage.simulator.customer(profile)
    answer = await stage.done(PlanSuspended, give_back(customer))
    wanted = [item.id for _, item in reserved(customer)]
    assert sorted(returned(stage, customer)) == sorted(wanted)
    named = [each for each in answer.cancelled_assets if each.kind is BlockerKind.RESERVATION]
    assert sorted(each.id for each in named) == sorted(wanted)
    paid = {each.quote.item_id: each.quote for each in customer.returns.values()}
    for each in named:
        assert each.refund is not None
        assert str(each.refund.amount) == str(paid[each.id].amount)
        assert (each.refund.currency, each.status) == (paid[each.id].currency, "cancelled")
    (total,) = answer.refunds
    assert total.amount == sum(Decimal(str(quote.amount)) for quote in paid.values())
    assert not stage.simulator.books.warnings
    assert await stage.open_effects() == []


async def test_the_default_refuses_and_asks_azure_resource_manager_nothing(stage: Stage) -> None:
    """Without `reservations` the refusal names the reservations, as it always did."""
    customer = stage.simulator.customer("reserved")
    rejected = await stage.rejected(give_back(customer, reservations="refuse"))
    assert rejected.code is RejectedCode.ACTIVE_ASSETS
    assert {each.kind for each in rejected.blockers} == {BlockerKind.AZURE_SUBSCRIPTION, BlockerKind.RESERVATION}
    assert not [call for call in stage.calls() if call.startswith("arm.")]


# ---- before anything is changed


async def test_azure_subscriptions_that_may_not_be_cancelled_refuse_before_any_quote(stage: Stage) -> None:
    """`activeAssets: refuse` is judged first: nobody is asked for a refund in vain."""
    customer = stage.simulator.customer("reserved")
    rejected = await stage.rejected(give_back(customer, active_assets="refuse"))
    assert rejected.code is RejectedCode.ACTIVE_ASSETS
    assert {each.kind for each in rejected.blockers} == {BlockerKind.AZURE_SUBSCRIPTION, BlockerKind.RESERVATION}
    assert not [call for call in stage.calls() if call.startswith("arm.")]


async def test_every_quote_comes_before_any_return_and_any_cancellation(stage: Stage) -> None:
    """A refusal that a quote tells costs nothing. Each order is read once before that."""
    stage.simulator.change(return_status=200)
    await stage.done(PlanSuspended, give_back(stage.simulator.customer("two_reserved")))
    named = [call for call in stage.calls() if call in {LIST, QUOTE, RETURN, "azure_entitlements.cancel"}]
    assert named[:7] == [LIST, LIST, QUOTE, QUOTE, RETURN, RETURN, LIST]
    assert "azure_entitlements.cancel" in named[7:]


async def test_a_policy_error_of_one_quote_refuses_the_command(stage: Stage) -> None:
    """The reservation is in `blockers` with Microsoft's code and words. The other one is not returned either."""
    customer = stage.simulator.customer("two_reserved")
    (_, _), (_, kept) = reserved(customer)
    stage.simulator.change_reservation(kept.id, policy_error="SelfServiceRefundNotSupported")
    rejected = await stage.rejected(give_back(customer))
    assert rejected.code is RejectedCode.ACTIVE_ASSETS
    (blocker,) = rejected.blockers
    assert (blocker.kind, blocker.id) == (BlockerKind.RESERVATION, kept.id)
    assert (blocker.reason or "").startswith("SelfServiceRefundNotSupported: This reservation cannot be returned")
    assert "SelfServiceRefundNotSupported" in rejected.detail
    assert stage.simulator.books.effects == []


async def test_a_command_that_only_asks_is_told_what_would_come_back(stage: Stage) -> None:
    """`validateOnly` quotes, which changes nothing, and names each reservation with its refund."""
    customer = stage.simulator.customer("two_reserved")
    answer = await stage.done(CommandValidated, give_back(customer, validate_only=True))
    quotes = list(customer.quotes.values())
    for quote in quotes:
        said = [each for each in answer.would_do if each.startswith(f"{RETURN}: ") and quote.item_id in each]
        assert len(said) == 1
        assert f"for {quote.amount} {quote.currency}" in said[0]
    assert len(quotes) == 2
    assert stage.simulator.books.effects == []


async def test_a_reservation_whose_order_is_not_named_is_in_the_way(stage: Stage) -> None:
    """Azure Resource Manager finds a reservation by its order alone."""
    customer = stage.simulator.customer("reserved")
    customer.reservations[0].id = ""
    rejected = await stage.rejected(give_back(customer))
    assert (rejected.code, len(rejected.blockers)) == (RejectedCode.ACTIVE_ASSETS, 1)


@pytest.mark.parametrize("profile", ["no_consent", "no_azure_role"])
async def test_a_missing_right_is_told_before_anything_is_changed(stage: Stage, profile: str) -> None:
    """The advice names the role that is missing."""
    rejected = await stage.rejected(give_back(stage.simulator.customer(profile)))
    assert rejected.code is RejectedCode.NOT_PERMITTED
    assert "Reservations Administrator" in rejected.advice
    assert stage.simulator.books.effects == []


@pytest.mark.parametrize("cast", [Cast(user=False)], indirect=True, ids=["app_only"])
async def test_reservations_take_a_users_token(stage: Stage) -> None:
    """An account without a user's token returns nothing, and says which setting is missing."""
    rejected = await stage.rejected(give_back(stage.simulator.customer("reserved")))
    assert rejected.code is RejectedCode.NOT_PERMITTED
    assert "REFRESH_TOKEN_FILE" in rejected.advice
    assert stage.simulator.books.effects == []


async def test_reservations_on_several_pages_are_all_returned(stage: Stage) -> None:
    """The order's list is read to its end."""
    stage.simulator.change(reservations_per_page=1)
    customer = stage.simulator.customer("split_reserved")
    answer = await stage.done(PlanSuspended, give_back(customer))
    assert len(returned(stage, customer)) == 2
    assert answer.refunds[0].amount > 0


async def test_nothing_comes_back_for_a_plan_without_reservations(stage: Stage) -> None:
    """`refunds` is then empty, and Azure Resource Manager is not asked."""
    answer = await stage.done(PlanSuspended, give_back(stage.simulator.customer("plan")))
    assert answer.refunds == ()
    assert not [call for call in stage.calls() if call.startswith("arm.")]


async def test_reservations_of_a_suspended_plan_are_left_alone(stage: Stage) -> None:
    """A suspended plan is left as it is, with everything that the customer has."""
    customer = stage.simulator.customer("reserved", plan_status="suspended")
    answer = await stage.done(PlanSuspended, give_back(customer))
    assert (answer.already_suspended, answer.refunds, returned(stage, customer)) == (True, (), [])


# ---- returns


async def test_a_return_that_takes_an_hour_is_waited_for(stage: Stage) -> None:
    """The wait is `assets_stopping`. Its looks read the return alone, until that has ended."""
    stage.simulator.change(return_seconds=(3600, 3600))
    customer = stage.simulator.customer("reserved")
    sent = await stage.send(give_back(customer))
    answer = await stage.answer(sent)
    assert isinstance(answer, PlanSuspended)
    assert (await stage.waits(sent))[0] == "assets_stopping"
    calls = stage.calls()
    waiting = calls[calls.index(RETURN) + 1 : calls.index("subscriptions.get", calls.index(RETURN))]
    assert set(waiting) <= {"arm.reservations.return_result", "arm.operations.get"}
    assert len(waiting) > 2
    assert returned(stage, customer) == [item.id for _, item in reserved(customer)]


async def test_azure_subscriptions_keep_running_until_the_returns_have_ended(stage: Stage) -> None:
    """A return that ends badly keeps the plan active: nothing under it is then cancelled in vain."""
    stage.simulator.change(return_outcome="failed")
    customer = stage.simulator.customer("reserved")
    rejected = await stage.rejected(give_back(customer))
    assert rejected.code is RejectedCode.REFUSED_BY_PARTNER_CENTER
    ((order, item),) = reserved(customer)
    assert f"changed at Microsoft before that: return {order.id}/{item.id}" in rejected.detail
    assert "FulfillmentError: The return could not be carried out." in (rejected.blockers[0].reason or "")
    assert stage.effects("entitlement.cancel_requested") == 0


async def test_a_second_return_that_is_refused_names_the_first(stage: Stage) -> None:
    """Both quotes were good. The detail names what was returned; Microsoft's words are with the other one."""
    stage.simulator.change(refund_limit=1_500.0, return_status=200)
    customer = stage.simulator.customer("two_reserved")
    rejected = await stage.rejected(give_back(customer))
    (first,) = returned(stage, customer)
    assert rejected.code is RejectedCode.REFUSED_BY_PARTNER_CENTER
    assert f"{first})" in rejected.detail.partition("changed at Microsoft before that: ")[2]
    (blocker,) = rejected.blockers
    assert blocker.id != first
    assert (blocker.reason or "").startswith("RefundLimitExceeded: ")
    assert rejected.partner_center is not None
    assert rejected.partner_center.code == "RefundLimitExceeded"
    assert stage.effects("entitlement.cancel_requested") == 0
    assert await stage.open_effects() == []


@pytest.mark.parametrize("cast", [Cast(policy=replace(POLICY, quote_age=6.0))], indirect=True, ids=["six_seconds"])
async def test_a_quote_that_is_too_old_is_quoted_again(stage: Stage) -> None:
    """A quote is used for `AZPLAN_WAITS__QUOTE_AGE`. Here the next call takes longer than that."""
    stage.simulator.change(latency=(7.0, 7.0), return_status=200)
    customer = stage.simulator.customer("two_reserved")
    await stage.done(PlanSuspended, give_back(customer))
    used = {each.quote.id for each in customer.returns.values()}
    assert stage.calls().count(QUOTE) == 4
    assert len([note for note in await stage.notes() if "was too old" in note]) == 2
    assert used == set(list(customer.quotes)[2:])


async def test_a_quote_that_microsoft_has_forgotten_is_quoted_again_once(stage: Stage) -> None:
    """The reservation is read before that. A second refusal is the answer."""
    stage.simulator.change(quote_lifetime=0.0)
    rejected = await stage.rejected(give_back(stage.simulator.customer("reserved")))
    assert rejected.code is RejectedCode.REFUSED_BY_PARTNER_CENTER
    assert "ActivateQuoteFailed" in rejected.detail
    assert [call for call in stage.calls() if call in {QUOTE, RETURN}].count(RETURN) == 2
    assert stage.simulator.books.effects == []


async def test_a_return_that_somebody_else_made_is_waited_for(stage: Stage) -> None:
    """Partner Center shows it later. The answer claims no refund."""
    customer = stage.simulator.customer("reserved")
    ((_, item),) = reserved(customer)
    stage.simulator.change_reservation(item.id, state="Cancelled")
    customer.reservations[0].quantity = 1
    sent = await stage.send(give_back(customer))
    await stage.until("subscriptions.patch", 2)
    customer.reservations[0].quantity = 0
    answer = await stage.answer(sent)
    assert isinstance(answer, PlanSuspended), answer
    assert (answer.refunds, answer.already_suspended) == ((), False)
    assert "assets_stopping" in await stage.waits(sent)


@IMPATIENT
async def test_a_return_that_never_ends_is_handed_to_a_person(stage: Stage) -> None:
    """The failure names the reservation. Nothing else is touched."""
    stage.simulator.change(return_outcome="never")
    customer = stage.simulator.customer("reserved")
    failed = await stage.failed(give_back(customer))
    assert failed.code is FailedCode.OUTCOME_UNKNOWN
    assert returned(stage, customer) == [item.id for _, item in reserved(customer)]
    assert stage.effects("entitlement.cancel_requested") == 0


@IMPATIENT
async def test_a_redrive_goes_on_where_the_return_was(stage: Stage) -> None:
    """The next story returns nothing again, and its answer names the refund of the first."""
    stage.simulator.change(return_outcome="never")
    customer = stage.simulator.customer("reserved")
    sent = await stage.send(give_back(customer))
    assert isinstance(await stage.answer(sent), CommandFailed)
    stage.simulator.change(return_outcome="completed")
    stage.simulator.end_return(next(iter(customer.returns)))
    answer = await stage.redrive(sent)
    assert isinstance(answer, PlanSuspended), answer
    assert len(returned(stage, customer)) == 1
    assert [each.amount for each in answer.refunds] == [
        Decimal(str(each.quote.amount)) for each in customer.returns.values()
    ]


async def test_no_return_begins_after_the_deadline(stage: Stage) -> None:
    """The quotes are reads, and nothing is changed."""
    customer = stage.simulator.customer("reserved")
    rejected = await stage.rejected(give_back(customer, deadline=START - timedelta(seconds=1)))
    assert rejected.code is RejectedCode.DEADLINE_PASSED
    assert stage.simulator.books.effects == []


# ---- lost answers


async def test_another_refund_after_a_lost_answer_is_said(stage: Stage) -> None:
    """The first request never arrived, and Microsoft quotes less now. The timeline and the answer say it."""
    stage.simulator.change(return_status=200, quote_change=10.0)
    customer = stage.simulator.customer("reserved")
    stage.fault("reset_before", RETURN)
    answer = await stage.done(PlanSuspended, give_back(customer))
    first, last = next(iter(customer.quotes.values())), next(iter(customer.returns.values())).quote
    assert first.amount > last.amount
    said = f"{last.amount} {last.currency} are quoted now instead of {first.amount} {first.currency}"
    assert any(said in note for note in await stage.notes())
    assert answer.refunds[0].amount == Decimal(str(last.amount))


@pytest.mark.parametrize(
    "cast", [Cast(policy=replace(POLICY, settle=1.0, call_timeout=10.0))], indirect=True, ids=["fast"]
)
async def test_the_same_refund_after_a_lost_answer_is_asked_for_under_the_same_session(stage: Stage) -> None:
    """Microsoft takes a session once: the first request cannot return anything when it arrives all the same."""
    stage.simulator.change(return_status=200)
    customer = stage.simulator.customer("reserved")
    stage.fault("reset_before", RETURN)
    await stage.done(PlanSuspended, give_back(customer))
    assert len(customer.quotes) > 1
    assert next(iter(customer.returns.values())).quote is next(iter(customer.quotes.values()))


async def test_nothing_is_asked_again_while_a_lost_request_may_arrive(stage: Stage) -> None:
    """The reservation looks as before; until the request has settled, nobody quotes and nobody returns."""
    customer = stage.simulator.customer("reserved")
    stage.fault("late", RETURN, seconds=250)
    sent = await stage.send(give_back(customer))
    answer = await stage.answer(sent)
    assert isinstance(answer, PlanSuspended), answer
    assert (stage.calls().count(RETURN), stage.calls().count(QUOTE)) == (1, 1)
    assert "settling" in await stage.waits(sent)


@IMPATIENT
async def test_a_return_that_looks_unmade_and_is_not_is_not_made_again(stage: Stage) -> None:
    """Azure Resource Manager shows the reservation in force while the return goes on, and refuses another quote.

    The command waits, and fails with an unknown outcome if the wait ends first. A later command is refused until a look
    shows what became of it.
    """
    stage.simulator.change(return_outcome="never", return_state="Succeeded")
    customer = stage.simulator.customer("reserved")
    stage.fault("reset_after", RETURN)
    failed = await stage.failed(give_back(customer))
    ((order, item),) = reserved(customer)
    assert failed.code is FailedCode.OUTCOME_UNKNOWN
    assert [each.id for each in failed.blockers] == [item.id]
    assert await stage.open_effects() == [f"reservation-return:{order.id}/{item.id}"]
    rejected = await stage.rejected(give_back(customer))
    assert rejected.code is RejectedCode.EARLIER_OUTCOME_UNKNOWN
    stage.simulator.end_return(next(iter(customer.returns)))
    answer = await stage.done(PlanSuspended, give_back(customer))
    assert answer.refunds == ()
    assert len(returned(stage, customer)) == 1
    assert await stage.open_effects() == []


@IMPATIENT
async def test_a_quantity_that_changes_after_a_lost_answer_is_handed_to_a_person(stage: Stage) -> None:
    """The reservation is in force, and not as it was quoted: whether a part was returned is not guessed."""
    customer = stage.simulator.customer("reserved")
    ((_, item),) = reserved(customer)
    stage.fault("reset_before", RETURN)
    sent = await stage.send(give_back(customer))
    await stage.until(RETURN)
    stage.simulator.change_reservation(item.id, quantity=item.quantity + 1)
    failed = await stage.answer(sent)
    assert isinstance(failed, CommandFailed), failed
    assert failed.code is FailedCode.OUTCOME_UNKNOWN
    assert "its quantity is" in failed.detail
    assert returned(stage, customer) == []


@pytest.mark.parametrize("seconds", [600.0, 3600.0])
async def test_the_sum_of_all_refunds_tells_a_return_that_nothing_else_shows(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    """The answer was lost, the reservation looks as before, and Microsoft would quote and return it once more.

    What the customer has got back has grown by this refund: the command waits, and returns nothing again.
    """
    monkeypatch.setattr(refunds, "_refuse_unless_active", lambda *_: None)
    stage.simulator.change(return_state="Succeeded", return_seconds=(seconds, seconds), quote_change=10.0)
    customer = stage.simulator.customer("two_reserved")
    stage.fault("reset_after", RETURN, count=2)
    answer = await stage.done(PlanSuspended, give_back(customer))
    assert sorted(returned(stage, customer)) == sorted(item.id for _, item in reserved(customer))
    assert answer.refunds[0].amount == sum(Decimal(str(each.quote.amount)) for each in customer.returns.values())
