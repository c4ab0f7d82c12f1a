"""The door to Azure Resource Manager: tokens of customers' tenants, and the meaning of its answers."""

import asyncio
from pathlib import Path

import pytest

from tests.partner_center.authority import TENANT, Authority
from tests.partner_center.conftest import CORRELATION, MakeAccount, Recorder
from tests.partner_center.wire import Move, Wire, answers
from tests.support.virtual_time import LoopClock
from worker.partner_center.client import tokens as kept
from worker.partner_center.client.account import Account
from worker.partner_center.errors import (
    CallError,
    NotPermitted,
    Refused,
    Throttled,
    TokenUnavailable,
    Unanswered,
)
from worker.partner_center.port import PartnerCenter
from worker.partner_center.resources import arm_reservations, arm_subscriptions

C = "0a1b2c3d-0000-4000-8000-00000000cafe"
OTHER = "0a1b2c3d-0000-4000-8000-00000000beef"
S = "c7a0c1f2-0000-4000-8000-000000000001"
RO = "0d0e0000-0000-4000-8000-000000000001"
SUBSCRIPTION = {"subscriptionId": S, "state": "Enabled"}
DONE = {"subscriptionId": S}


@pytest.fixture
def refresh_token(tmp_path: Path) -> Path:
    """The file of a refresh token."""
    file = tmp_path / "refresh-token"
    file.write_text("the-refresh-token")
    return file


@pytest.fixture
def with_user(make_account: MakeAccount, refresh_token: Path) -> Account:
    """An account with a user's token."""
    return make_account(refresh_token_file=refresh_token)


@pytest.fixture
def door(with_user: Account, run: Recorder) -> PartnerCenter:
    """The account with a user's token, bound to the run."""
    return with_user.center(run)


def refusal(code: str, message: str = "no") -> dict[str, object]:
    """The form of its errors."""
    return {"error": {"code": code, "message": message}}


async def test_a_token_of_the_customers_tenant(door: PartnerCenter, arm: Wire, tokens: Authority) -> None:
    """The account's refresh token is redeemed at the customer's tenant for the audience of Azure Resource Manager."""
    arm.will(answers(200, SUBSCRIPTION))
    await arm_subscriptions.get(door, C, S)
    form = tokens.asked[-1]
    assert tokens.tenants == [C] != [TENANT]
    assert (form["grant_type"], form["refresh_token"]) == ("refresh_token", "the-refresh-token")
    assert "https://management.azure.com/.default" in form["scope"]
    assert arm.seen[0].headers["authorization"] == f"Bearer {tokens.issued[-1]}"
    arm.will(answers(200, SUBSCRIPTION))
    await arm_subscriptions.get(door, OTHER, S)
    assert tokens.asked[-1]["refresh_token"] == "the-refresh-token", "a refresh token that comes back is not kept"


async def test_one_token_for_each_customer(door: PartnerCenter, arm: Wire, tokens: Authority) -> None:
    """A customer's token is used again for this customer, and for no other."""
    arm.will(*(answers(200, SUBSCRIPTION) for _ in range(4)))
    for customer in (C, OTHER, C, OTHER):
        await arm_subscriptions.get(door, customer, S)
    assert tokens.tenants == [C, OTHER]
    used = [seen.headers["authorization"].removeprefix("Bearer ") for seen in arm.seen]
    assert used == [*tokens.issued, *tokens.issued]


async def test_the_tokens_of_customers_are_bounded(
    door: PartnerCenter, arm: Wire, tokens: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The customer that was called longest ago is forgotten first."""
    assert kept.MOST_CUSTOMERS == 1_000
    monkeypatch.setattr(kept, "MOST_CUSTOMERS", 2)
    arm.will(*(answers(200, SUBSCRIPTION) for _ in range(6)))
    third = C.replace("cafe", "f00d")
    for customer in (C, OTHER, C, third, C, OTHER):
        await arm_subscriptions.get(door, customer, S)
    assert tokens.tenants == [C, OTHER, third, OTHER]


async def test_the_ids_of_a_request(door: PartnerCenter, arm: Wire, run: Recorder) -> None:
    """Azure Resource Manager has other headers for the same ids; the headers of Partner Center are not sent."""
    arm.will(answers(200, SUBSCRIPTION))
    await arm_subscriptions.get(door, C, S)
    headers = arm.seen[0].headers
    assert headers["x-ms-client-request-id"] == run.calls[0].request_id
    assert headers["x-ms-correlation-request-id"] == CORRELATION
    assert not {"ms-requestid", "ms-correlationid", "x-locale", "ms-partnercenter-application"} & headers.keys()


async def test_without_a_user_nothing_is_sent(account: Account, run: Recorder, arm: Wire) -> None:
    """The application alone has no rights there."""
    center = account.center(run)
    assert not center.permits(arm_subscriptions.GET)
    with pytest.raises(NotPermitted, match="takes a user's token"):
        await arm_subscriptions.get(center, C, S)
    assert arm.seen == []


@pytest.mark.parametrize("code", ["AADSTS65001", "AADSTS700016", "AADSTS50020"])
async def test_a_tenant_that_does_not_let_the_partner_in(
    door: PartnerCenter, arm: Wire, tokens: Authority, with_user: Account, code: str
) -> None:
    """The refusal names what is missing. The account itself is not in trouble, and other customers are served."""
    tokens.refusal = {"error": "invalid_grant", "error_description": f"{code}: not here"}
    for _ in range(2):
        with pytest.raises(NotPermitted, match=code) as refused:
            await arm_subscriptions.get(door, C, S)
        assert "Owner of the Azure subscription" in refused.value.advice
        assert refused.value.code == code
        assert ("consented" in refused.value.advice) == (code != "AADSTS50020")
    assert arm.seen == []
    assert with_user.complaints() == ()
    tokens.refusal = None
    arm.will(answers(200, SUBSCRIPTION))
    await arm_subscriptions.get(door, OTHER, S)


async def test_a_tenant_that_lets_the_partner_in_is_asked_again_soon(
    door: PartnerCenter, arm: Wire, tokens: Authority
) -> None:
    """Somebody grants access after several refusals and sends the command again: the refusals do not add up."""
    tokens.refusal = {"error": "invalid_grant", "error_description": "AADSTS65001: not here"}
    for _ in range(3):
        with pytest.raises(NotPermitted):
            await arm_subscriptions.get(door, C, S)
        await asyncio.sleep(0.6)
    assert len(tokens.asked) == 3
    tokens.refusal = None
    arm.will(answers(200, SUBSCRIPTION))
    await arm_subscriptions.get(door, C, S)


async def test_another_trouble_of_the_sign_in_is_waited_for(door: PartnerCenter, tokens: Authority) -> None:
    """A busy authority or an expired credential passes, or a person of the partner resolves it."""
    tokens.down = True
    with pytest.raises(TokenUnavailable):
        await arm_subscriptions.get(door, C, S)


async def test_a_refused_token_is_replaced_once(door: PartnerCenter, arm: Wire, tokens: Authority) -> None:
    """A second 401 for a fresh token is a matter of audience or authority, as the advice says."""
    arm.will(answers(401, refusal("ExpiredAuthenticationToken")), answers(200, SUBSCRIPTION))
    await arm_subscriptions.get(door, C, S)
    assert len(tokens.issued) == 2
    arm.will(*(answers(401, refusal("InvalidAuthenticationTokenAudience")) for _ in range(2)))
    with pytest.raises(TokenUnavailable) as refused:
        await arm_subscriptions.get(door, OTHER, S)
    assert "AZPLAN_PARTNERS__CONTOSO__ARM_AUDIENCE" in refused.value.advice


NOT_ITS_OWN: list[Move] = [
    answers(403, b"<html>blocked</html>"),
    answers(403, {"error": "Forbidden", "message": "by the proxy", "status": 403}),
    answers(404, {"statusCode": 404, "message": "Resource not found"}),
    answers(409, {"error": {"code": 409, "message": "a number is no code of Azure Resource Manager"}}),
    answers(400, {"error": {"code": "BadRequest"}}),
    answers(403, b""),
]


@pytest.mark.parametrize("answer", NOT_ITS_OWN)
async def test_an_answer_of_something_else_tells_nothing_about_a_write(
    door: PartnerCenter, arm: Wire, answer: Move
) -> None:
    """A gateway's page does not mean that nothing was cancelled."""
    arm.will(answer)
    with pytest.raises(Unanswered) as unknown:
        await arm_subscriptions.cancel(door, C, S)
    assert unknown.value.in_doubt


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (answers(403, refusal("AuthorizationFailed")), NotPermitted),
        (answers(401, refusal("InvalidAuthenticationTokenTenant")), NotPermitted),
        (answers(400, refusal("BadRequest", "resources")), Refused),
        (answers(400, {"code": "BadRequest", "message": "without the envelope"}), Refused),
        (answers(403, {"Error": {"Code": "AuthorizationFailed", "Message": "in capitals"}}), NotPermitted),
        (answers(409, {"ERROR": {"CODE": "Conflict", "MESSAGE": "in capitals"}}), Refused),
        (answers(200, {"Error": {"Code": "BadRequest", "Message": "in a success"}}), Unanswered),
        (answers(409, refusal("Conflict")), Refused),
        (answers(404, refusal("SubscriptionNotFound")), Refused),
        (answers(429, refusal("TooManyRequests"), Retry_After="60"), Throttled),
        (answers(200, refusal("BadRequest")), Unanswered),
        (answers(200, {"code": "BadRequest", "message": "in a success"}), Unanswered),
        (answers(400, refusal("InternalServerError")), Unanswered),
        (answers(500, refusal("InternalServerError")), Unanswered),
        (answers(503, refusal("ServiceUnavailable")), Unanswered),
        (answers(204, b""), None),
        (answers(202, b""), None),
        (answers(200, {"subscriptionId": S, "error": None}), None),
        (answers(200, b""), Unanswered),
    ],
)
async def test_the_meaning_of_an_answer_to_a_cancellation(
    door: PartnerCenter, arm: Wire, answer: Move, error: type[CallError] | None
) -> None:
    """Only an error of its own, with a status of an error, says that nothing was done."""
    arm.will(answer)
    if error is None:
        await arm_subscriptions.cancel(door, C, S)
        return
    with pytest.raises(error) as raised:
        await arm_subscriptions.cancel(door, C, S)
    assert raised.type is error
    assert raised.value.in_doubt == (error is Unanswered)
    if error is NotPermitted:
        assert "Owner of the Azure subscription" in raised.value.advice


async def test_a_missing_role_for_reservations_is_named(door: PartnerCenter, arm: Wire) -> None:
    """The role differs from that for Azure subscriptions."""
    arm.will(answers(403, refusal("AuthorizationFailed")))
    with pytest.raises(NotPermitted) as refused:
        await arm_reservations.list_all(door, C, RO)
    assert "Reservations Administrator" in refused.value.advice


async def test_reservations_are_read_page_by_page(door: PartnerCenter, arm: Wire, tokens: Authority) -> None:
    """The next page has an absolute address, which must be at the same host."""
    path = f"/providers/Microsoft.Capacity/reservationOrders/{RO}/reservations"
    follows = f"{arm.url}{path}?api-version=2022-11-01&$skiptoken=1"
    arm.will(
        answers(200, {"value": [{"id": f"{path}/a"}], "nextLink": follows}), answers(200, {"value": [{"id": "x/b"}]})
    )
    assert [each.reservation_id for each in await arm_reservations.list_all(door, C, RO)] == ["a", "b"]
    assert arm.seen[1].target == f"{path}?api-version=2022-11-01&$skiptoken=1"
    assert tokens.tenants == [C]
    arm.will(answers(200, {"value": [], "nextLink": "https://elsewhere.example/x"}))
    with pytest.raises(Unanswered, match="another host"):
        await arm_reservations.list_all(door, C, RO)


@pytest.mark.parametrize(
    ("answer", "goes_on"),
    [
        (answers(202, b""), True),
        (answers(202, {"properties": {"sessionId": "5"}}), True),
        (answers(204, b""), False),
        (answers(201, {"id": "/x"}), False),
        (answers(200, {"Status": "INPROGRESS", "Error": {}}), True),
        (answers(200, {"properties": {"sessionId": "5"}}), False),
        (answers(200, {"id": "/x", "status": "InProgress"}), True),
        (answers(200, {"status": "Running"}), True),
        (answers(200, {"status": "Succeeded"}), False),
    ],
)
async def test_a_return_that_goes_on_is_followed(
    door: PartnerCenter, arm: Wire, answer: Move, *, goes_on: bool
) -> None:
    """By the status of the answer, or by the status in its body."""
    arm.will(answer)
    assert await arm_reservations.is_under_way(door, C, f"{arm.url}/o/1?api-version=2022-11-01") is goes_on


@pytest.mark.parametrize(
    "answer",
    [
        answers(400, refusal("FulfillmentError", "why")),
        answers(200, {"status": "Failed", "error": {"code": "FulfillmentError", "message": "why"}}),
        answers(200, {"id": "/x", "status": "Failed", "error": {"code": "FulfillmentError", "message": "why"}}),
    ],
)
async def test_a_return_that_ended_badly_is_a_refusal(door: PartnerCenter, arm: Wire, answer: Move) -> None:
    """The refusal has Microsoft's code and words."""
    arm.will(answer)
    with pytest.raises(Refused, match="why") as refused:
        await arm_reservations.is_under_way(door, C, "/o/1?api-version=2022-11-01")
    assert refused.value.code == "FulfillmentError"


async def test_it_has_a_ceiling_of_its_own(
    make_account: MakeAccount, run: Recorder, arm: Wire, refresh_token: Path
) -> None:
    """A spent ceiling of Azure Resource Manager holds nothing else back, and its own requests wait."""
    center = make_account(refresh_token_file=refresh_token, limit=1, arm_limit=2, clock=LoopClock()).center(run)
    arm.will(*(answers(200, SUBSCRIPTION) for _ in range(2)))
    await arm_subscriptions.get(center, C, S)
    await arm_subscriptions.get(center, C, S)
    with pytest.raises(Throttled, match="ceiling for arm"):
        await arm_subscriptions.get(center, C, S)
    assert len(arm.seen) == 2
