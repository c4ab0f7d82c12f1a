"""What every request to Azure Resource Manager must have, and what every answer has."""

from typing import Any

import httpx
import pytest

from ops.simulator.behaviour import Hostility
from ops.simulator.operations import ARM_OPERATIONS
from ops.simulator.simulator import Simulator, build, routes
from ops.simulator.state import Customer
from tests.simulator.caller import ArmCaller, Caller, only_azure_subscription

PARTNER_CENTER = "https://api.partnercenter.microsoft.com"


@pytest.fixture
def customer(simulator: Simulator) -> Customer:
    """A customer with a plan and one Azure subscription."""
    return simulator.customer("plan")


@pytest.fixture
def arm(simulator: Simulator, customer: Customer) -> ArmCaller:
    """The partner's user in that customer's tenant."""
    return ArmCaller(simulator, customer)


def path_of(customer: Customer) -> str:
    """The path of the customer's one Azure subscription."""
    return f"/subscriptions/{only_azure_subscription(customer).id}"


def test_every_operation_has_a_route_of_its_own(simulator: Simulator) -> None:
    """Fact sheet 14: cancel, enable and the state of an Azure subscription; quote and return of a reservation."""
    for operation in ARM_OPERATIONS:
        path = operation.template.replace("{", "").replace("}", "")
        assert simulator.operation(operation.method, path) == operation.name
        assert (operation.method, operation.template) in routes()


async def test_the_api_version_is_checked_first_and_strictly(arm: ArmCaller, customer: Customer) -> None:
    """Fact sheet 14: each operation names its version. Without one even a stranger hears what is missing."""
    for given, code in ((None, "MissingApiVersionParameter"), ("2099-01-01", "InvalidApiVersionParameter")):
        answer = await arm.call("GET", path_of(customer), version=given)
        assert (answer.status, answer.arm_code) == (400, code)
    stranger = await arm.call("GET", path_of(customer), version=None, headers={"Authorization": ""})
    assert stranger.arm_code == "MissingApiVersionParameter"


@pytest.mark.parametrize(
    ("details", "code"),
    [
        ({"audience": PARTNER_CENTER}, "InvalidAuthenticationTokenAudience"),
        ({"lifetime": 0}, "ExpiredAuthenticationToken"),
        ({"tenant": None}, "InvalidAuthenticationTokenTenant"),
    ],
    ids=["another audience", "expired", "the partner's own tenant"],
)
async def test_a_token_must_be_for_this_service_and_tenant(
    simulator: Simulator, customer: Customer, details: dict[str, Any], code: str
) -> None:
    """Fact sheet 14: a customer-tenant token for the audience of Azure Resource Manager. All else is 401 in shape F."""
    caller = ArmCaller(simulator, customer, simulator.arm_token(customer, **details))
    answer = await caller.call("GET", path_of(customer))
    assert (answer.status, answer.arm_code) == (401, code)
    assert "authorization_uri" in answer.headers["WWW-Authenticate"]


async def test_a_token_of_another_customer_opens_nothing(simulator: Simulator, customer: Customer) -> None:
    """Fact sheet 14: the refusal names the right tenant."""
    other = ArmCaller(simulator, simulator.customer("plan"))
    answer = await other.call("GET", path_of(customer))
    assert (answer.status, answer.arm_code) == (401, "InvalidAuthenticationTokenTenant")
    assert customer.id in answer.body["error"]["message"]


async def test_missing_and_foreign_tokens_are_told_apart(simulator: Simulator, arm: ArmCaller) -> None:
    """No header, no token of this authority, and a revoked token."""
    path = path_of(arm.customer)
    assert (await arm.call("GET", path, headers={"Authorization": ""})).arm_code == "AuthenticationFailed"
    elsewhere = build()
    foreign = elsewhere.arm_token(elsewhere.customer("plan", identity=arm.customer.id))
    for token in ("a.b.c", foreign):
        answer = await arm.call("GET", path, headers={"Authorization": f"Bearer {token}"})
        assert answer.arm_code == "InvalidAuthenticationToken"
    arm.token = simulator.arm_token(arm.customer)
    simulator.tokens.revoke_all()
    assert (await arm.call("GET", path)).arm_code == "InvalidAuthenticationToken"


async def test_partner_center_takes_no_token_of_a_customers_tenant(simulator: Simulator, customer: Customer) -> None:
    """Fact sheet 1: each service has an audience of its own."""
    tokens = (simulator.arm_token(customer), simulator.arm_token(customer, audience=PARTNER_CENTER))
    for caller in (Caller(simulator, token=token) for token in tokens):
        assert (await caller.get("/customers")).status == 401


@pytest.mark.parametrize(
    ("changes", "read", "cancel"),
    [
        ({}, 200, 200),
        ({"azure_role": "reader"}, 200, 403),
        ({"azure_role": None}, 403, 403),
    ],
)
async def test_a_missing_gdap_role_is_authorization_failed(
    simulator: Simulator, changes: dict[str, Any], read: int, cancel: int
) -> None:
    """Fact sheet 4.2 F and 14: the answer names the action and the scope. A reader reads."""
    customer = simulator.customer("plan", **changes)
    arm = ArmCaller(simulator, customer)
    path = path_of(customer)
    answers = [await arm.call("GET", path), await arm.turn(only_azure_subscription(customer).id, "cancel")]
    assert [answer.status for answer in answers] == [read, cancel]
    for answer in answers:
        if answer.status == 403:
            assert answer.arm_code == "AuthorizationFailed"
            assert path in answer.body["error"]["message"]


async def test_an_application_without_a_user_has_no_role(simulator: Simulator, customer: Customer) -> None:
    """Fact sheet 14: app+user through GDAP."""
    app = ArmCaller(simulator, customer, simulator.arm_token(customer, user=False))
    assert (await app.call("GET", path_of(customer))).arm_code == "AuthorizationFailed"


async def test_unknown_things_are_told_apart(arm: ArmCaller, customer: Customer) -> None:
    """No such Azure subscription, no GUID, no such path, another method, and a body that is no JSON."""
    expected = {
        ("GET", f"/subscriptions/{customer.id}"): (404, "SubscriptionNotFound"),
        ("GET", "/subscriptions/mine"): (400, "InvalidSubscriptionId"),
        ("GET", "/tenants"): (404, "NotFound"),
        ("DELETE", path_of(customer)): (405, "HttpMethodNotSupported"),
    }
    for (method, path), refusal in expected.items():
        answer = await arm.call(method, path)
        assert (answer.status, answer.arm_code) == refusal
    wrong = await arm.call("GET", path_of(customer), {}, headers={"Content-Type": "text/plain"})
    assert wrong.arm_code == "InvalidRequestContent"


async def test_request_ids_are_made_and_echoed_on_request(arm: ArmCaller, customer: Customer) -> None:
    """Azure Resource Manager echoes the caller's id where that is asked for, and takes over the correlation id."""
    sent = {"x-ms-client-request-id": "c-1", "x-ms-correlation-request-id": "k-1"}
    quiet = await arm.call("GET", path_of(customer), headers=sent)
    assert "x-ms-client-request-id" not in quiet.headers
    assert len(quiet.headers["x-ms-request-id"]) == 36
    assert quiet.headers["x-ms-correlation-request-id"] == "k-1"
    echoed = await arm.call("GET", path_of(customer), headers={**sent, "x-ms-return-client-request-id": "true"})
    assert echoed.headers["x-ms-client-request-id"] == "c-1"
    assert echoed.headers["x-ms-request-id"] != quiet.headers["x-ms-request-id"]
    seen = arm.simulator.books.requests_of("arm.subscriptions.get", customer.id)
    assert [(each.request_id, each.correlation_id) for each in seen] == [("c-1", "k-1")] * 2


async def test_calls_are_counted_and_throttled_for_each_azure_subscription(
    simulator: Simulator, arm: ArmCaller, customer: Customer
) -> None:
    """Reads and writes have budgets of their own, and headers tell what is left. One too many is 429 with a wait."""
    simulator.change(azure_reads_per_hour=2)
    left = [
        (await arm.call("GET", path_of(customer))).headers["x-ms-ratelimit-remaining-subscription-reads"]
        for _ in range(2)
    ]
    assert left == ["1", "0"]
    simulator.clock.advance(1000)
    answer = await arm.call("GET", path_of(customer))
    assert (answer.status, answer.arm_code) == (429, "SubscriptionRequestsThrottled")
    assert answer.headers["Retry-After"] == "2600"
    written = await arm.turn(only_azure_subscription(customer).id, "cancel")
    assert written.headers["x-ms-ratelimit-remaining-subscription-writes"] == "1199"
    assert (await ArmCaller(simulator, simulator.customer("plan")).call("GET", path_of(customer))).status == 401


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"kind": "error_before", "status": 500}, 500, "InternalServerError"),
        ({"kind": "error_after", "status": 409, "code": "Conflict"}, 409, "Conflict"),
        ({"kind": "throttle", "retry_after": 7}, 429, "TooManyRequests"),
        ({"kind": "throttle", "retry_after": None}, 429, "TooManyRequests"),
        ({"kind": "fault_in_200", "code": 5}, 200, "BadRequest"),
    ],
)
async def test_faults_speak_as_azure_resource_manager_does(
    simulator: Simulator, arm: ArmCaller, fault: dict[str, Any], status: int, code: str
) -> None:
    """Fact sheet 4.2 F: shape F, whatever the fault. The control port's faults meet these operations too."""
    simulator.faults.add_from({**fault, "operation": "arm.subscriptions.*", "customer": arm.customer.id})
    answer = await arm.call("GET", path_of(arm.customer))
    assert (answer.status, answer.arm_code) == (status, code)
    assert (await arm.call("GET", path_of(arm.customer))).status == 200


async def test_a_lost_answer_has_acted(simulator: Simulator, arm: ArmCaller, customer: Customer) -> None:
    """Fact sheet 14.1: the service side can take long and the client disconnects; then the state tells."""
    azure = only_azure_subscription(customer)
    simulator.faults.add("reset_after", operation="arm.subscriptions.cancel")
    with pytest.raises(httpx.ReadError):
        await arm.turn(azure.id, "cancel")
    simulator.clock.advance(5)
    assert await arm.state(azure.id) == "Warned"


async def test_answers_are_slightly_hostile() -> None:
    """A byte order mark, members that no page documents, other cases of states, and flat errors of the provider."""
    simulator = build()
    customer = simulator.customer("plan")
    arm, azure = ArmCaller(simulator, customer), only_azure_subscription(customer)
    answers = [await arm.call("GET", f"/subscriptions/{azure.id}") for _ in range(40)]
    assert all(answer.content.startswith(b"\xef\xbb\xbf") for answer in answers)
    assert "serviceHints" in answers[0].body
    assert {"Enabled", "ENABLED"} <= {answer.body["state"] for answer in answers}
    azure.has_resources = True
    bodies = [(await arm.turn(azure.id, "cancel")).body for _ in range(20)]
    assert {"error" in body for body in bodies} == {True, False}
    simulator.change(hostility=Hostility.off())
    assert (await arm.call("GET", f"/subscriptions/{azure.id}")).body["state"] == "Enabled"
