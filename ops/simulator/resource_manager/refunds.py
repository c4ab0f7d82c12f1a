"""Returns of reservations: calculate the refund, return, and read how a return ended.

Specification: github.com Azure/azure-rest-api-specs, Microsoft.Capacity 2022-11-01 (calculateRefund, return, error
codes); asynchronous operations: learn.microsoft.com azure/azure-resource-manager/management/async-operations.
"""

import re

from ops.simulator.clock import wire_date
from ops.simulator.commerce.purchase_rules import whole_number
from ops.simulator.commerce.refunds import accept, calculate, find, policy_errors, refunded
from ops.simulator.requests.answers import Answer, Json, present
from ops.simulator.reserved import Quote, Reservation, ReservedItem, Return
from ops.simulator.resource_manager.calls import ArmCall, ArmOperation, ArmRefused
from ops.simulator.resource_manager.reservations import (
    ORDER,
    PROVIDER,
    VERSION,
    find_item,
    find_order,
    order_body,
    order_path,
)

RESERVATION = re.compile(r"/providers/microsoft\.capacity/reservationorders/([^/]+)/reservations/([^/]+)/?")
POLL_SECONDS = "15"
FAILURE = {"code": "FulfillmentError", "message": "The return could not be carried out."}


def calculate_refund(call: ArmCall) -> Answer:
    """Quote a return, which changes nothing; policy errors stand in the answer."""
    reservation = find_order(call)
    if str(call.body.get("id") or "").lower().rstrip("/") != order_path(reservation).lower():
        raise _invalid("id must be the fully qualified id of the reservation order")
    item, quantity = _asked(call, reservation)
    _refuse_unless_active(call, reservation, item)
    quote = calculate(call.world, call.customer, reservation, item, quantity)
    return Answer(200, _refund_body(call, quote))


def return_reservation(call: ArmCall) -> Answer:
    """Return a reservation for the refund of a quote, once."""
    reservation = find_order(call)
    item, quantity = _asked(call, reservation)
    quote = call.customer.quotes.get(str(_properties(call).get("sessionid") or "").lower())
    if quote is None or (quote.item_id, quote.quantity) != (item.id, quantity):
        raise _invalid("sessionId is of no quote of this reservation and quantity")
    if not str(_properties(call).get("returnreason") or ""):
        raise _invalid("returnReason is missing")
    if call.settings.return_repeat == "first_answer":
        for accepted in (each for each in call.customer.returns.values() if each.quote is quote):
            return _accepted(call, reservation, accepted)
    _refuse_unless_active(call, reservation, item)
    if quote.used or quote.expires_at <= call.world.now:
        raise ArmRefused(400, "ActivateQuoteFailed", "The session has expired or was used; calculate the refund again.")
    errors = policy_errors(call.world, call.customer, item, quote.pricing_amount)
    if errors:
        raise ArmRefused(400, errors[0]["code"], errors[0]["message"])
    return _accepted(call, reservation, accept(call.world, call.customer, item, quote, call.received))


def return_result(call: ArmCall) -> Answer:
    """Answer where ``Location`` leads: 202 until the return has ended."""
    find_order(call)
    accepted = _find_return(call)
    if accepted.status == "InProgress":
        return _under_way(call, accepted)
    if accepted.status == "Failed":
        raise ArmRefused(400, FAILURE["code"], FAILURE["message"])
    return Answer(200, _refund_body(call, accepted.quote))


def operation_status(call: ArmCall) -> Answer:
    """Answer where ``Azure-AsyncOperation`` leads: always 200, with a status."""
    accepted = _find_return(call)
    call.allow(call.customer.reservation_role, PROVIDER)
    date = call.world.clock.date
    body = present(
        id=f"{PROVIDER}/operationStatuses/{accepted.id}",
        name=accepted.id,
        status=accepted.status,
        startTime=wire_date(date(accepted.started_at)),
        endTime=wire_date(date(accepted.ended_at)) if accepted.ended_at is not None else None,
        error=FAILURE if accepted.status == "Failed" else None,
    )
    return Answer(200, body, headers={"Retry-After": POLL_SECONDS} if accepted.status == "InProgress" else {})


def _asked(call: ArmCall, reservation: Reservation) -> tuple[ReservedItem, int]:
    """Return what a body wants to return; raises ArmRefused."""
    if _properties(call).get("scope") != "Reservation":
        raise _invalid("scope must be Reservation")
    wanted = _properties(call).get("reservationtoreturn")
    if not isinstance(wanted, dict):
        raise _invalid("reservationToReturn is missing")
    named = RESERVATION.fullmatch(str(wanted.get("reservationid")).lower())
    if named is None or named[1] != reservation.id:
        raise _invalid("reservationId must be the fully qualified id of a reservation of this order")
    item = find_item(reservation, named[2])
    given = wanted.get("quantity")
    quantity = None if isinstance(given, str) else whole_number(given)
    if quantity is None or not 1 <= quantity <= item.quantity:
        raise ArmRefused(400, "InvalidRefundQuantity", f"The quantity must be from 1 to {item.quantity}.")
    return item, quantity


def _properties(call: ArmCall) -> Json:
    properties = call.body.get("properties")
    if not isinstance(properties, dict):
        raise _invalid("properties are missing")
    return properties


def _refuse_unless_active(call: ArmCall, reservation: Reservation, item: ReservedItem) -> None:
    if item.returning or item.state != "Succeeded" or reservation.expires_at <= call.world.now:
        state = "being returned" if item.returning else item.state
        text = f"The operation cannot be performed: the reservation is {state}."
        raise ArmRefused(400, "OperationCannotBePerformedInCurrentState", text)


def _refund_body(call: ArmCall, quote: Quote) -> Json:
    settings, total = call.settings, refunded(call.customer)
    _, item = find(call.customer, quote.order_id, quote.item_id)
    errors = [] if quote.used else policy_errors(call.world, call.customer, item, quote.pricing_amount)
    paid = {"currencyCode": quote.currency, "amount": quote.amount}
    return {
        "id": f"{PROVIDER}/reservationOrders/{quote.order_id}/reservations/{quote.item_id}",
        "properties": {
            "sessionId": quote.id,
            "quantity": quote.quantity,
            "billingRefundAmount": paid,
            "pricingRefundAmount": {"currencyCode": "USD", "amount": quote.pricing_amount},
            "policyResult": {
                "properties": {
                    "consumedRefundsTotal": {"currencyCode": "USD", "amount": total},
                    "maxRefundLimit": {"currencyCode": "USD", "amount": settings.refund_limit},
                    "policyErrors": errors,
                }
            },
            "billingInformation": {
                "billingPlan": "Upfront",
                "completedTransactions": 1,
                "totalTransactions": 1,
                "billingCurrencyTotalPaidAmount": paid,
                "billingCurrencyProratedAmount": {"currencyCode": quote.currency, "amount": 0.0},
                "billingCurrencyRemainingCommitmentAmount": {"currencyCode": quote.currency, "amount": 0.0},
            },
        },
    }


def _accepted(call: ArmCall, reservation: Reservation, accepted: Return) -> Answer:
    if call.settings.return_status == 200:
        return Answer(200, order_body(call.world, reservation))
    return _under_way(call, accepted)


def _under_way(call: ArmCall, accepted: Return) -> Answer:
    form = call.settings.return_headers
    order = f"{PROVIDER}/reservationOrders/{accepted.quote.order_id}"
    headers = {"Retry-After": POLL_SECONDS}
    if form in ("both", "location"):
        headers["Location"] = f"{call.base}{order}/returnOperationResults/{accepted.id}?api-version={VERSION}"
    if form in ("both", "async"):
        path = f"{PROVIDER}/operationStatuses/{accepted.id}"
        headers["Azure-AsyncOperation"] = f"{call.base}{path}?api-version={VERSION}"
    return Answer(202, _refund_body(call, accepted.quote), headers=headers)


def _find_return(call: ArmCall) -> Return:
    found = call.customer.returns.get(call.params["operation_id"].lower())
    if found is None:
        raise ArmRefused(404, "NotFound", "There is no such operation.")
    return found


def _invalid(text: str) -> ArmRefused:
    return ArmRefused(400, "InvalidRequestContent", f"The request content was invalid: {text}.")


OPERATIONS = (
    ArmOperation(
        "arm.reservations.quote",
        "POST",
        f"{ORDER}/calculateRefund",
        calculate_refund,
        VERSION,
        "Microsoft.Capacity/reservationOrders/calculateRefund/action",
    ),
    ArmOperation(
        "arm.reservations.return",
        "POST",
        f"{ORDER}/return",
        return_reservation,
        VERSION,
        "Microsoft.Capacity/reservationOrders/return/action",
    ),
    ArmOperation(
        "arm.reservations.return_result",
        "GET",
        f"{ORDER}/returnOperationResults/{{operation_id}}",
        return_result,
        VERSION,
        "Microsoft.Capacity/reservationOrders/read",
    ),
    ArmOperation(
        "arm.operations.get",
        "GET",
        f"{PROVIDER}/operationStatuses/{{operation_id}}",
        operation_status,
        VERSION,
        "Microsoft.Capacity/operations/read",
    ),
)
