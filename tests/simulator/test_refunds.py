"""Reservations at Azure Resource Manager: their list, quotes of a return, and returns."""

import contextlib
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from ops.simulator.faults import Kind
from ops.simulator.reserved import Reservation
from ops.simulator.simulator import Simulator
from ops.simulator.state import Customer
from tests.simulator.caller import Answered, ArmCaller, Caller

VERSION = "2022-11-01"
PROVIDER = "/providers/Microsoft.Capacity"


@dataclass
class Owned:
    """One reservation of an order, as a caller sees it."""

    arm: ArmCaller
    order: Reservation
    number: int = -1

    @property
    def path(self) -> str:
        """The fully qualified id of the order."""
        return f"{PROVIDER}/reservationOrders/{self.order.id}"

    def body(self, **changes: object) -> dict[str, Any]:
        """What both requests have; a change of None leaves a member out."""
        wanted = {"reservationId": f"{self.path}/reservations/{self.order.items[self.number].id}", "quantity": 1}
        properties = {"scope": "Reservation", "reservationToReturn": wanted, **changes}
        return {"id": self.path, "properties": {name: each for name, each in properties.items() if each is not None}}

    async def quote(self, **changes: object) -> Answered:
        """Calculate the refund."""
        return await self.arm.call("POST", f"{self.path}/calculateRefund", self.body(**changes), version=VERSION)

    async def give_back(self, quote: Answered, **changes: object) -> Answered:
        """Return the reservation with the session of a quote."""
        session = quote.body["properties"]["sessionId"]
        body = self.body(**{"sessionId": session, "returnReason": "Plan is suspended", **changes})
        return await self.arm.call("POST", f"{self.path}/return", body, version=VERSION)

    async def listed(self) -> list[dict[str, Any]]:
        """The properties of every reservation of the order."""
        answer = await self.arm.call("GET", f"{self.path}/reservations", version=VERSION)
        return [each["properties"] for each in answer.body["value"]]

    async def state(self) -> tuple[str, int]:
        """State and quantity of the reservation."""
        path = f"{self.path}/reservations/{self.order.items[self.number].id}"
        properties = (await self.arm.call("GET", path, version=VERSION)).body["properties"]
        return properties["provisioningState"], properties["quantity"]


def owned(simulator: Simulator, customer: Customer, number: int = -1) -> Owned:
    """One reservation order of a customer."""
    return Owned(ArmCaller(simulator, customer), customer.reservations[number])


@pytest.fixture
def mine(simulator: Simulator) -> Owned:
    """The one reservation of a customer with a plan."""
    return owned(simulator, simulator.customer("reserved", azure_subscriptions=0))


def amount(answer: Answered) -> tuple[float, str]:
    """The refund of a quote."""
    refund = answer.body["properties"]["billingRefundAmount"]
    return refund["amount"], refund["currencyCode"]


async def test_the_order_that_partner_center_names_lists_its_reservations(simulator: Simulator, caller: Caller) -> None:
    """Fact sheet 13.5 and 14.2: ``entitledArtifacts[].resourceId`` is the order. Its split history is in the list."""
    customer = simulator.customer("split_reserved")
    query = {"entitlementType": "reservedInstance"}
    (item,) = (await caller.get(f"/customers/{customer.id}/entitlements", query)).body["items"]
    mine = owned(simulator, customer)
    assert item["entitledArtifacts"][0]["resourceId"] == mine.order.id
    assert item["quantity"] == 2
    found = await mine.listed()
    assert [each["provisioningState"] for each in found] == ["Cancelled", "Succeeded", "Succeeded"]
    assert [each["quantity"] for each in found] == [2, 1, 1]
    assert found[0]["extendedStatusInfo"]["statusCode"] == "Split"


async def test_the_list_has_pages(simulator: Simulator) -> None:
    """``nextLink`` is absolute, with the version in it."""
    simulator.change(reservations_per_page=2)
    mine = owned(simulator, simulator.customer("split_reserved"))
    first = await mine.arm.call("GET", f"{mine.path}/reservations", version=VERSION)
    second = await mine.arm.call("GET", first.body["nextLink"], version=None)
    assert (len(first.body["value"]), len(second.body["value"])) == (2, 1)
    assert "nextLink" not in second.body


async def test_a_quote_names_its_session_and_the_refund(mine: Owned) -> None:
    """Fact sheet 14.2: members of the answer. Nothing changes, and both currencies are named."""
    quote = await mine.quote()
    properties = quote.body["properties"]
    assert (quote.status, properties["quantity"], amount(quote)) == (200, 1, (1051.2, "USD"))
    assert properties["pricingRefundAmount"] == {"currencyCode": "USD", "amount": 1051.2}
    policy = properties["policyResult"]["properties"]
    assert (policy["consumedRefundsTotal"]["amount"], policy["maxRefundLimit"]["amount"]) == (0, 50000)
    assert policy["policyErrors"] == []
    assert await mine.state() == ("Succeeded", 1)
    assert mine.arm.simulator.books.effects == []


async def test_the_billing_currency_is_the_customers(simulator: Simulator) -> None:
    """Fact sheet 14.2: ``billingRefundAmount`` and ``pricingRefundAmount`` differ."""
    mine = owned(simulator, simulator.customer("reserved", country="DE"))
    assert amount(await mine.quote()) == (946.08, "EUR")


async def test_quotes_become_lower_with_time_and_on_wish(mine: Owned) -> None:
    """A quote some minutes later is another amount; a knob changes each one."""
    simulator = mine.arm.simulator
    first = await mine.quote()
    simulator.clock.advance(600)
    later = await mine.quote()
    simulator.change(quote_change=5)
    quotes = [amount(each)[0] for each in (first, later, await mine.quote())]
    assert quotes == [1051.2, 1051.18, 1041.18]
    assert len({each.body["properties"]["sessionId"] for each in (first, later)}) == 2


async def test_a_return_is_accepted_and_ends_an_hour_later(mine: Owned, caller: Caller) -> None:
    """Fact sheet 14.2: 202 with the refund's details. The operation and the reservation itself tell of the end."""
    simulator, quote = mine.arm.simulator, await mine.quote()
    answer = await mine.give_back(quote)
    assert (answer.status, amount(answer), answer.headers["Retry-After"]) == (202, amount(quote), "15")
    assert await mine.state() == ("PendingBilling", 1)
    assert [effect.kind for effect in simulator.books.effects] == ["reservation.return_requested"]
    assert await followed(mine, answer) == (202, "InProgress")
    simulator.clock.advance(3600)
    assert await followed(mine, answer) == (200, "Succeeded")
    assert await mine.state() == ("Cancelled", 1)
    (_, effect) = simulator.books.effects
    assert (effect.kind, effect.detail["amount"], effect.detail["currency"]) == ("reservation.returned", 1051.2, "USD")


async def followed(mine: Owned, answer: Answered) -> tuple[int, str]:
    """Where both addresses of a 202 lead: the status of the one, the word of the other."""
    for header in ("Location", "Azure-AsyncOperation"):
        assert answer.headers[header].startswith("http://arm/providers/")
    result = await mine.arm.call("GET", answer.headers["Location"], version=None)
    status = await mine.arm.call("GET", answer.headers["Azure-AsyncOperation"], version=None)
    return result.status, status.body["status"]


@pytest.mark.parametrize(
    ("form", "names"),
    [("location", {"location"}), ("async", {"azure-asyncoperation"}), ("both", {"location", "azure-asyncoperation"})],
)
async def test_a_return_names_one_address_or_both(mine: Owned, form: str, names: set[str]) -> None:
    """Fact sheet 14.2 knows ``Location``; other operations of this provider have both."""
    mine.arm.simulator.change(return_headers=form)
    answer = await mine.give_back(await mine.quote())
    assert {"location", "azure-asyncoperation"} & set(answer.headers) == names


async def test_a_return_can_be_done_at_once(mine: Owned) -> None:
    """Fact sheet 14.2: 200 with the order."""
    mine.arm.simulator.change(return_status=200)
    answer = await mine.give_back(await mine.quote())
    assert (answer.status, answer.body["id"]) == (200, mine.path)
    assert await mine.state() == ("Cancelled", 1)


async def test_partner_center_shows_a_return_ten_minutes_after_its_end(mine: Owned, caller: Caller) -> None:
    """Fact sheet 12.3 and 13.5: until then the plan cannot be suspended, 403/900115."""
    simulator, customer = mine.arm.simulator, mine.arm.customer
    simulator.change(return_status=200)
    await mine.give_back(await mine.quote())
    (plan,) = customer.subscriptions.values()
    path = f"/customers/{customer.id}/subscriptions/{plan.id}"
    body = (await caller.get(path)).body | {"status": "suspended"}
    seen = []
    for seconds in (599, 1):
        simulator.clock.advance(seconds)
        (item,) = (await caller.get(f"/customers/{customer.id}/entitlements")).body["items"]
        seen.append((item["quantityDetails"], (await caller.call("PATCH", path, body)).status))
    assert seen == [
        ([{"quantity": 1, "status": "active"}], 403),
        ([{"quantity": 1, "status": "cancelled"}], 200),
    ]


async def test_a_second_return_is_refused(mine: Owned) -> None:
    """With the same session or a fresh quote's, while the first is under way and after it."""
    simulator, quotes = mine.arm.simulator, [await mine.quote(), await mine.quote()]
    await mine.give_back(quotes[0])
    for seconds in (1, 3600):
        simulator.clock.advance(seconds - 1)
        for quote in quotes:
            answer = await mine.give_back(quote)
            assert (answer.status, answer.arm_code) == (400, "OperationCannotBePerformedInCurrentState")
    assert (await mine.quote()).arm_code == "OperationCannotBePerformedInCurrentState"
    assert len(simulator.books.effects_of(kind="reservation.return_requested")) == 1


async def test_a_repeated_return_may_get_the_first_answer(mine: Owned) -> None:
    """Whether a session can be used again is documented nowhere: the same operation, and no second refund."""
    mine.arm.simulator.change(return_repeat="first_answer")
    quotes = [await mine.quote(), await mine.quote()]
    first, again = await mine.give_back(quotes[0]), await mine.give_back(quotes[0])
    assert (again.status, again.headers["Location"]) == (202, first.headers["Location"])
    assert (await mine.give_back(quotes[1])).status == 400
    assert len(mine.arm.simulator.books.returns) == 1


async def test_a_return_under_way_may_not_show(mine: Owned) -> None:
    """What the reservation says meanwhile is documented nowhere: it may look untouched."""
    mine.arm.simulator.change(return_state="Succeeded")
    quote = await mine.quote()
    await mine.give_back(quote)
    assert await mine.state() == ("Succeeded", 1)
    assert (await mine.give_back(quote)).arm_code == "OperationCannotBePerformedInCurrentState"


async def test_a_return_that_fails_leaves_the_reservation(mine: Owned) -> None:
    """The operation says why, and the reservation can be returned again."""
    simulator = mine.arm.simulator
    simulator.change(return_outcome="failed")
    answer = await mine.give_back(await mine.quote())
    simulator.clock.advance(3600)
    assert await followed(mine, answer) == (400, "Failed")
    status = await mine.arm.call("GET", answer.headers["Azure-AsyncOperation"], version=None)
    assert status.body["error"]["code"] == "FulfillmentError"
    assert await mine.state() == ("Succeeded", 1)
    assert (await mine.give_back(await mine.quote())).status == 202


async def test_a_person_ends_a_return(mine: Owned) -> None:
    """One that never ends by itself."""
    simulator = mine.arm.simulator
    simulator.change(return_outcome="never")
    answer = await mine.give_back(await mine.quote())
    simulator.clock.advance(7 * 86400)
    assert await followed(mine, answer) == (202, "InProgress")
    (identity,) = mine.arm.customer.returns
    simulator.end_return(identity)
    assert await followed(mine, answer) == (200, "Succeeded")


async def test_a_session_expires(mine: Owned) -> None:
    """Fact sheet 14.2: the return needs the session of a quote, which is good for a while."""
    quote = await mine.quote()
    mine.arm.simulator.clock.advance(900)
    assert (await mine.give_back(quote)).arm_code == "ActivateQuoteFailed"
    assert (await mine.give_back(await mine.quote())).status == 202


@pytest.mark.parametrize("through", ["customer", "reservation"])
async def test_a_policy_error_stands_in_the_quote_and_refuses_the_return(simulator: Simulator, through: str) -> None:
    """Fact sheet 14.2: a quote with ``policyErrors`` is 200, and its return will not be accepted."""
    customer = simulator.customer("two_reserved")
    mine, other = owned(simulator, customer, 0), owned(simulator, customer, 1)
    if through == "customer":
        customer.overrides["policy_error"] = "SelfServiceRefundNotSupported"
    else:
        simulator.change_reservation(mine.order.items[0].id, policy_error="SelfServiceRefundNotSupported")
    quotes = [await each.quote() for each in (mine, other)]
    errors = [each.body["properties"]["policyResult"]["properties"]["policyErrors"] for each in quotes]
    assert errors[0][0]["code"] == "SelfServiceRefundNotSupported"
    assert bool(errors[1]) == (through == "customer")
    assert (await mine.give_back(quotes[0])).arm_code == "SelfServiceRefundNotSupported"


async def test_of_two_returns_the_second_can_exceed_the_limit(simulator: Simulator) -> None:
    """Both quotes are without policy errors. The refund of the first leaves too little for the second."""
    simulator.change(refund_limit=1500)
    customer = simulator.customer("two_reserved")
    both = [owned(simulator, customer, number) for number in (0, 1)]
    quotes = [await each.quote() for each in both]
    assert [(await each.give_back(quote)).status for each, quote in zip(both, quotes, strict=True)] == [202, 400]
    fresh = (await both[1].quote()).body["properties"]["policyResult"]["properties"]
    assert fresh["consumedRefundsTotal"]["amount"] == 1051.2
    assert fresh["policyErrors"][0]["code"] == "RefundLimitExceeded"


async def test_a_part_of_a_reservation_is_returned(simulator: Simulator) -> None:
    """The rest stays."""
    simulator.change(return_status=200)
    customer = simulator.customer("reserved")
    mine = owned(simulator, customer)
    simulator.change_reservation(mine.order.items[0].id, quantity=3)
    quote = await mine.quote()
    assert (await mine.give_back(quote)).status == 200
    assert await mine.state() == ("Succeeded", 2)


async def test_a_lost_answer_has_returned_the_reservation(mine: Owned) -> None:
    """The books have one return, whatever the caller saw."""
    simulator, quote = mine.arm.simulator, await mine.quote()
    simulator.faults.add("reset_after", operation="arm.reservations.return", customer=mine.arm.customer.id)
    with pytest.raises(httpx.ReadError):
        await mine.give_back(quote)
    assert await mine.state() == ("PendingBilling", 1)
    assert simulator.books.counts()["reservation.return_requested"] == 1


ACTS = {
    **dict.fromkeys(("refused", "reset_before", "error_before", "throttle", "gateway", "fault_in_200"), False),
    **dict.fromkeys(("reset_after", "error_after", "truncated", "cut_json", "empty", "garbage", "slow_answer"), True),
    **dict.fromkeys(("late", "delay"), True),
}


@pytest.mark.parametrize("kind", Kind)
async def test_every_fault_meets_a_return_and_acts_or_not(mine: Owned, kind: Kind) -> None:
    """Whatever the caller sees, the books have one return or none; a second try is refused or works accordingly."""
    simulator, quote = mine.arm.simulator, await mine.quote()
    simulator.faults.add(kind, operation="arm.reservations.return")
    with contextlib.suppress(httpx.NetworkError):
        await mine.give_back(quote)
    assert len(simulator.books.returns) == ACTS[kind]
    assert (await mine.give_back(quote)).status == (400 if ACTS[kind] else 202)
    assert len(simulator.books.returns) == 1


async def test_a_late_return_finds_its_session_expired(mine: Owned) -> None:
    """It acts by the clock of the moment when it arrives."""
    simulator, quote = mine.arm.simulator, await mine.quote()
    simulator.faults.add("late", operation="arm.reservations.return", seconds=901)
    with pytest.raises(httpx.ReadError):
        await mine.give_back(quote)
    simulator.clock.advance(901)
    assert simulator.books.returns == []
    (request,) = simulator.books.requests_of("arm.reservations.return")
    assert (request.status, request.outcome) == (None, 400)


WRONG_ID = "/providers/microsoft.capacity/reservationOrders/x/reservations/y"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"scope": "Order"}, "InvalidRequestContent"),
        ({"reservationToReturn": None}, "InvalidRequestContent"),
        ({"reservationToReturn": {"reservationId": WRONG_ID, "quantity": 1}}, "InvalidRequestContent"),
        ({"quantity": 0}, "InvalidRefundQuantity"),
        ({"quantity": 2}, "InvalidRefundQuantity"),
        ({"quantity": "1"}, "InvalidRefundQuantity"),
    ],
)
async def test_a_body_that_is_not_whole_is_refused(mine: Owned, changes: dict[str, Any], code: str) -> None:
    """Fact sheet 14.2: both bodies. Codes are those of the specification."""
    if "quantity" in changes:
        changes = {"reservationToReturn": mine.body()["properties"]["reservationToReturn"] | changes}
    quote = await mine.quote()
    for answer in (await mine.quote(**changes), await mine.give_back(quote, **changes)):
        assert (answer.status, answer.arm_code) == (400, code)
    assert mine.arm.simulator.books.effects == []


async def test_a_return_needs_a_session_of_this_reservation_and_a_reason(simulator: Simulator) -> None:
    """Fact sheet 14.2: the same properties, the session and the reason."""
    customer = simulator.customer("two_reserved")
    mine, other = owned(simulator, customer, 0), owned(simulator, customer, 1)
    quote, foreign = await mine.quote(), await other.quote()
    for answer in (
        await mine.give_back(foreign),
        await mine.give_back(quote, sessionId=None),
        await mine.give_back(quote, returnReason=""),
    ):
        assert (answer.status, answer.arm_code) == (400, "InvalidRequestContent")
    whole = mine.body()
    nameless = await mine.arm.call("POST", f"{mine.path}/calculateRefund", whole | {"id": other.path}, version=VERSION)
    assert nameless.arm_code == "InvalidRequestContent"


async def test_unknown_orders_and_missing_roles_are_told_apart(simulator: Simulator) -> None:
    """Fact sheet 14: the role on reservations is another one than that on Azure subscriptions."""
    customer = simulator.customer("reserved", reservation_role="reader")
    mine = owned(simulator, customer)
    assert (await mine.state())[0] == "Succeeded"
    assert ((await mine.quote()).status, (await mine.quote()).arm_code) == (403, "AuthorizationFailed")
    elsewhere = owned(simulator, simulator.customer("reserved"))
    for path, refusal in {
        elsewhere.path: (404, "ReservationOrderNotFound"),
        f"{PROVIDER}/reservationOrders/mine": (400, "InvalidReservationOrderId"),
    }.items():
        answer = await mine.arm.call("GET", f"{path}/reservations", version=VERSION)
        assert (answer.status, answer.arm_code) == refusal
    missing = await mine.arm.call("GET", f"{mine.path}/reservations/{customer.id}", version=VERSION)
    assert (missing.status, missing.arm_code) == (404, "ReservationIdNotInReservationOrder")


async def test_an_expired_reservation_cannot_be_returned(mine: Owned) -> None:
    """Its state is Expired."""
    mine.arm.simulator.clock.advance(366 * 86400)
    assert (await mine.state())[0] == "Expired"
    assert (await mine.quote()).arm_code == "OperationCannotBePerformedInCurrentState"
