"""Tokens of a customer's tenant, for the partner's user and the partner's application."""

from typing import Any

import httpx
import pytest

from ops.simulator.simulator import Simulator, build
from ops.simulator.state import Customer, Partner
from tests.simulator.caller import ArmCaller, only_azure_subscription
from tests.simulator.test_token_endpoint import ask, form_of

SCOPE = "https://management.azure.com/.default"


async def redeem(simulator: Simulator, customer: Customer, **changes: str) -> httpx.Response:
    """Redeem a refresh token of the partner at the customer's authority."""
    token = changes.pop("refresh_token", None) or simulator.refresh_token()
    form = form_of(simulator.partner, grant_type="refresh_token", refresh_token=token, scope=SCOPE, **changes)
    return await ask(simulator, form, tenant=customer.id)


async def test_the_partners_refresh_token_brings_a_token_of_the_customers_tenant(simulator: Simulator) -> None:
    """Fact sheet 2.3 and 2.6: the same refresh token, the customer's authority, the other resource."""
    customer = simulator.customer("plan")
    answer = await redeem(simulator, customer)
    assert (answer.status_code, answer.json()["expires_in"]) == (200, 3599)
    arm = ArmCaller(simulator, customer, answer.json()["access_token"])
    assert await arm.state(only_azure_subscription(customer).id) == "Enabled"
    (request,) = simulator.books.requests_of("token.refresh_token", customer.id)
    assert request.partner == simulator.partner.tenant_id


async def test_the_first_version_of_the_endpoint_takes_a_resource(simulator: Simulator) -> None:
    """Fact sheet 2.3: as the documented sample asks."""
    customer = simulator.customer("plan")
    changes = {"grant_type": "refresh_token", "refresh_token": simulator.refresh_token(), "scope": ""}
    form = form_of(simulator.partner, resource="https://management.azure.com", **changes)
    answer = (await ask(simulator, form, "oauth2/token", customer.id)).json()
    assert answer["resource"] == "https://management.azure.com"


async def test_discovery_knows_customers_too(simulator: Simulator) -> None:
    """Fact sheet 2.6: MSAL asks it for the customer's authority."""
    customer = simulator.customer()
    transport = httpx.ASGITransport(app=simulator.authority)
    async with httpx.AsyncClient(transport=transport, base_url="https://login", trust_env=False) as client:
        found = (await client.get(f"/{customer.id}/v2.0/.well-known/openid-configuration")).json()
    assert found["token_endpoint"] == f"https://login/{customer.id}/oauth2/v2.0/token"


@pytest.mark.parametrize(
    ("changes", "error", "number"),
    [
        ({"consent": "missing"}, "invalid_grant", 65001),
        ({"consent": "unknown_application"}, "unauthorized_client", 700016),
        ({"related": False}, "unauthorized_client", 700016),
        ({"delegated": False}, "invalid_grant", 50020),
    ],
)
async def test_a_tenant_that_did_not_agree_gives_no_token(
    simulator: Simulator, changes: dict[str, Any], error: str, number: int
) -> None:
    """Fact sheet 2.3 and 4.2 E: it works through DAP or GDAP and the application's consent."""
    answer = await redeem(simulator, simulator.customer("plan", **changes))
    assert (answer.status_code, answer.json()["error"], answer.json()["error_codes"]) == (400, error, [number])
    assert answer.json()["error_description"].startswith(f"AADSTS{number}: ")


async def test_a_missing_consent_is_marked(simulator: Simulator) -> None:
    """Entra adds ``suberror`` where a person can consent."""
    answer = await redeem(simulator, simulator.customer("no_consent"))
    assert answer.json()["suberror"] == "consent_required"


async def test_a_user_without_a_second_factor_is_no_guest(simulator: Simulator) -> None:
    """Fact sheet 14: multifactor authentication applies."""
    answer = await redeem(simulator, simulator.customer("plan"), refresh_token=simulator.refresh_token(mfa=False))
    assert answer.json()["error_codes"] == [50076]


async def test_a_refresh_token_of_a_customers_tenant_is_good_for_nothing_else(simulator: Simulator) -> None:
    """The partner's own one stays good: who keeps the other one in its place loses the partner's consent."""
    customer, other = simulator.customers(2, "plan")
    own = simulator.refresh_token()
    foreign = (await redeem(simulator, customer, refresh_token=own)).json()["refresh_token"]
    assert (await redeem(simulator, customer, refresh_token=foreign)).status_code == 200
    assert (await redeem(simulator, other, refresh_token=foreign)).json()["error"] == "invalid_grant"
    home = form_of(simulator.partner, grant_type="refresh_token", refresh_token=foreign)
    assert (await ask(simulator, home)).json()["error"] == "invalid_grant"
    assert (await redeem(simulator, other, refresh_token=own)).status_code == 200


async def test_another_partners_customer_does_not_know_the_application(simulator: Simulator) -> None:
    """Fact sheet 2.3: the application is not in that directory."""
    other = Partner("5e11e500-0000-4000-8000-000000000002", "other-client", "secret")
    simulator.world.partners[other.tenant_id] = other
    answer = await redeem(simulator, simulator.customer("plan", partner=other.tenant_id))
    assert answer.json()["error_codes"] == [700016]


async def test_an_application_gets_a_token_there_and_has_no_role(simulator: Simulator) -> None:
    """Fact sheet 14: app+user only. Consent gives the application a token; nobody gave it a role."""
    customer = simulator.customer("plan")
    token = (await ask(simulator, form_of(simulator.partner, scope=SCOPE), tenant=customer.id)).json()["access_token"]
    arm = ArmCaller(simulator, customer, token)
    refused = await arm.call("GET", f"/subscriptions/{only_azure_subscription(customer).id}")
    assert (refused.status, refused.arm_code) == (403, "AuthorizationFailed")
    customer.consent = "missing"
    denied = await ask(simulator, form_of(simulator.partner, scope=SCOPE), tenant=customer.id)
    assert denied.json()["error_codes"] == [65001]


async def test_another_cloud_has_another_audience() -> None:
    """Fact sheet 14: hosts and audiences of the other clouds."""
    simulator = build(arm_audience="https://management.usgovcloudapi.net")
    customer = simulator.customer("plan")
    path = f"/subscriptions/{only_azure_subscription(customer).id}"
    assert (await ArmCaller(simulator, customer).call("GET", path)).status == 200
    public = (await redeem(simulator, customer)).json()["access_token"]
    answer = await ArmCaller(simulator, customer, public).call("GET", path)
    assert answer.arm_code == "InvalidAuthenticationTokenAudience"


async def test_the_token_endpoint_of_one_customer_meets_its_faults(simulator: Simulator) -> None:
    """Faults choose by customer, as everywhere."""
    one, other = simulator.customers(2, "plan")
    simulator.faults.add("error_before", operation="token.refresh_token", customer=one.id, status=503, code=0)
    assert (await redeem(simulator, other)).status_code == 200
    assert (await redeem(simulator, one)).json()["error"] == "temporarily_unavailable"
