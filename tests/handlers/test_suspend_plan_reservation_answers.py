"""SuspendPlan that returns reservations, with answers of Azure Resource Manager that are seldom and lawful."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal

import pytest

from events.codes import BlockerKind
from events.messages.plans import PlanSuspended
from tests.handlers.connection import InProcess
from tests.handlers.stage import Stage
from tests.handlers.test_suspend_plan_reservations import RETURN, give_back, reserved, returned
from worker.partner_center.client.transport import Departure, Reply

Rewrite = Callable[[str, Reply], Reply]


def rewrites(monkeypatch: pytest.MonkeyPatch, rewrite: Rewrite) -> None:
    """Let every answer be changed on its way. `rewrite` gets the target of the request."""
    send = InProcess.send

    async def changed(
        self: InProcess,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes,
        departure: Departure,
        **others: float,
    ) -> Reply:
        return rewrite(target, await send(self, method, target, headers, body, departure, **others))

    monkeypatch.setattr(InProcess, "send", changed)


def is_return(target: str) -> bool:
    """Whether the request returns a reservation."""
    return target.partition("?")[0].endswith("/return")


@pytest.mark.parametrize("address", ["https://elsewhere.example/operations/1?api-version=2022-11-01", "/a/../b"])
async def test_an_address_that_cannot_be_followed_is_no_harm(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """No token goes there. The reservation itself tells when the return has ended."""

    def elsewhere(target: str, reply: Reply) -> Reply:
        if not is_return(target):
            return reply
        return replace(reply, headers={**reply.headers, "location": address})

    rewrites(monkeypatch, elsewhere)
    customer = stage.simulator.customer("reserved")
    answer = await stage.done(PlanSuspended, give_back(customer))
    assert len(returned(stage, customer)) == len(answer.refunds) == 1
    assert stage.calls().count(RETURN) == 1


@pytest.mark.parametrize("status", [200, 204])
async def test_the_end_of_a_return_may_be_told_without_a_body(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """The reservation is looked at then."""

    def bare(target: str, reply: Reply) -> Reply:
        is_end = "OperationResults" in target and reply.status == 200
        return replace(reply, status=status, body=b"") if is_end else reply

    rewrites(monkeypatch, bare)
    customer = stage.simulator.customer("reserved")
    answer = await stage.done(PlanSuspended, give_back(customer))
    assert len(returned(stage, customer)) == len(answer.refunds) == 1


@pytest.mark.parametrize("status", [200, 202])
async def test_a_returned_reservation_that_is_not_listed_any_more_is_named(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """The answer names it with the refund of its quote, although its order lists only what is in force."""

    def in_force(target: str, reply: Reply) -> Reply:
        if not target.partition("?")[0].endswith("/reservations"):
            return reply
        page = json.loads(reply.body)
        page["value"] = [each for each in page["value"] if each["properties"]["provisioningState"] != "Cancelled"]
        return replace(reply, body=json.dumps(page).encode())

    rewrites(monkeypatch, in_force)
    stage.simulator.change(return_status=status)
    customer = stage.simulator.customer("reserved")
    ((_, item),) = reserved(customer)
    answer = await stage.done(PlanSuspended, give_back(customer))
    (named,) = [each for each in answer.cancelled_assets if each.kind is BlockerKind.RESERVATION]
    (made,) = customer.returns.values()
    assert named.id == item.id
    assert named.refund == answer.refunds[0]
    assert answer.refunds[0].amount == Decimal(str(made.quote.amount))
