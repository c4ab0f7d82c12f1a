"""The authority: discovery, both versions of the token endpoint, and errors in Entra's shape."""

import time
from collections.abc import Mapping
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ops.simulator.clock import Clock
from ops.simulator.delivery import ConnectionDropped
from ops.simulator.simulator import Simulator, build
from ops.simulator.state import Partner
from tests.simulator.caller import Caller
from tests.simulator.conftest import PROMPT

HOST = "https://login.example"
SCOPE = "https://api.partnercenter.microsoft.com/.default"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def form_of(partner: Partner, **changes: str) -> dict[str, str]:
    """An application's request for a token of the second version. An empty value leaves a member out."""
    form = {"grant_type": "client_credentials", "client_id": partner.client_id, "client_secret": partner.client_secret}
    return {name: value for name, value in {**form, "scope": SCOPE, **changes}.items() if value}


async def ask(
    simulator: Simulator, form: Mapping[str, str], path: str = "oauth2/v2.0/token", tenant: str | None = None
) -> httpx.Response:
    """Post a form to the authority."""
    transport = httpx.ASGITransport(app=simulator.authority)
    async with httpx.AsyncClient(transport=transport, base_url=HOST, trust_env=False) as client:
        return await client.post(f"/{tenant or simulator.partner.tenant_id}/{path}", data=dict(form))


async def test_discovery_leads_to_this_very_host(simulator: Simulator) -> None:
    """MSAL asks this first. An unknown tenant is an error that MSAL can show."""
    transport = httpx.ASGITransport(app=simulator.authority)
    async with httpx.AsyncClient(transport=transport, base_url=HOST, trust_env=False) as client:
        tenant = simulator.partner.tenant_id
        found = (await client.get(f"/{tenant}/v2.0/.well-known/openid-configuration")).json()
        assert found["token_endpoint"] == f"{HOST}/{tenant}/oauth2/v2.0/token"
        assert found["issuer"] == f"{HOST}/{tenant}/v2.0"
        unknown = await client.get(f"/{simulator.partner.client_id}/v2.0/.well-known/openid-configuration")
        assert (unknown.status_code, unknown.json()["error"]) == (400, "invalid_tenant")
        query = {"authorization_endpoint": f"{HOST}/{tenant}/oauth2/v2.0/authorize", "api-version": "1.0"}
        instance = (await client.get("/common/discovery/instance", params=query)).json()
        assert instance["tenant_discovery_endpoint"] == f"{HOST}/{tenant}/v2.0/.well-known/openid-configuration"


async def test_an_application_gets_a_token_that_works(simulator: Simulator) -> None:
    """In the second version numbers are numbers."""
    answer = await ask(simulator, form_of(simulator.partner))
    assert answer.status_code == 200
    assert answer.json()["expires_in"] == 3599
    assert "refresh_token" not in answer.json()
    assert (await Caller(simulator, token=answer.json()["access_token"]).get("/customers")).status == 200


async def test_the_first_version_writes_numbers_as_text(simulator: Simulator) -> None:
    """It takes a resource in place of a scope."""
    form = form_of(simulator.partner, scope="", resource="https://api.partnercenter.microsoft.com/")
    answer = (await ask(simulator, form, "oauth2/token")).json()
    assert answer["expires_in"] == "3599"
    assert answer["resource"] == "https://api.partnercenter.microsoft.com"
    assert int(answer["expires_on"]) > int(answer["not_before"])


async def test_a_refresh_token_brings_a_users_token_and_the_next_refresh_token(simulator: Simulator) -> None:
    """Each redemption gives a new one. The old one still works, unless the knob says no."""
    old = simulator.refresh_token()
    form = form_of(simulator.partner, grant_type="refresh_token", refresh_token=old)
    first = (await ask(simulator, form)).json()
    assert first["refresh_token"] != old
    user = Caller(simulator, token=first["access_token"])
    assert (await user.get("/agreements")).status == 200
    assert (await ask(simulator, form)).status_code == 200
    simulator.change(refresh_token_reuse=False)
    denied = await ask(simulator, form)
    assert (denied.status_code, denied.json()["error"]) == (400, "invalid_grant")
    assert (await ask(simulator, form | {"refresh_token": first["refresh_token"]})).status_code == 200


async def test_a_refresh_token_dies_after_ninety_idle_days(simulator: Simulator) -> None:
    """It also dies when a person revokes it. One without mfa gives tokens without mfa."""
    form = form_of(simulator.partner, grant_type="refresh_token", refresh_token=simulator.refresh_token())
    simulator.clock.advance(90 * 86400)
    assert (await ask(simulator, form)).json()["error_codes"] == [700082]
    weak = (await ask(simulator, form | {"refresh_token": simulator.refresh_token(mfa=False)})).json()
    assert (await Caller(simulator, token=weak["access_token"]).get("/customers")).code == 900421
    fresh = simulator.refresh_token()
    simulator.grants.revoke_refresh_tokens()
    assert (await ask(simulator, form | {"refresh_token": fresh})).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("changes", "status", "error", "number"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_secret": ""}, 401, "invalid_client", 7000218),
        ({"client_id": "another"}, 400, "unauthorized_client", 700016),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        ({"scope": "https://example.com/.default"}, 400, "invalid_resource", 500011),
        ({"grant_type": "refresh_token", "refresh_token": "stolen"}, 400, "invalid_grant", 9002313),
    ],
)
async def test_each_wrong_request_has_entras_error(
    simulator: Simulator, changes: dict[str, str], status: int, error: str, number: int
) -> None:
    """The error has word, number, trace id and time."""
    answer = await ask(simulator, form_of(simulator.partner, **changes))
    body = answer.json()
    assert (answer.status_code, body["error"], body["error_codes"]) == (status, error, [number])
    assert body["error_description"].startswith(f"AADSTS{number}:")
    assert {"timestamp", "trace_id", "correlation_id"} <= set(body)


async def test_an_unknown_tenant_is_an_error(simulator: Simulator) -> None:
    """The code is 90002."""
    answer = await ask(simulator, form_of(simulator.partner), tenant=simulator.partner.client_id)
    assert answer.json()["error_codes"] == [90002]


async def test_a_token_can_be_had_for_an_audience_that_partner_center_refuses(simulator: Simulator) -> None:
    """The old graph is such an audience: the token is issued here, and the API refuses it with 900420."""
    answer = await ask(simulator, form_of(simulator.partner, scope="https://graph.windows.net/.default"))
    assert (await Caller(simulator, token=answer.json()["access_token"]).get("/customers")).code == 900420


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    """An application's key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def with_certificate(key: rsa.RSAPrivateKey) -> Simulator:
    """A partner whose application signs assertions."""
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    partner = Partner("5e11e500-0000-4000-8000-0000000000ce", "app", "secret", certificate=pem.decode())
    return build(clock=Clock.wall(), settings=PROMPT, partners=[partner])


def signed(simulator: Simulator, key: rsa.RSAPrivateKey, **changes: Any) -> dict[str, str]:
    """A request with a client assertion."""
    claims = {
        "iss": "app",
        "sub": "app",
        "aud": f"{HOST}/{simulator.partner.tenant_id}/oauth2/v2.0/token",
        "exp": time.time() + 600,
    }
    assertion = jwt.encode({**claims, **changes}, key, algorithm="PS256")
    return form_of(simulator.partner, client_secret="", client_assertion=assertion, client_assertion_type=ASSERTION)


async def test_an_application_may_sign_in_place_of_a_secret(key: rsa.RSAPrivateKey) -> None:
    """The assertion is signed with the key of its certificate, for this endpoint, within its time."""
    simulator = with_certificate(key)
    assert (await ask(simulator, signed(simulator, key))).status_code == 200
    for changes in ({"aud": "https://elsewhere.example"}, {"sub": "another"}, {"exp": time.time() - 1}):
        answer = await ask(simulator, signed(simulator, key, **changes))
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert (await ask(simulator, signed(simulator, other))).json()["error_codes"] == [700027]


async def test_a_federated_subject_is_taken_as_it_is(key: rsa.RSAPrivateKey) -> None:
    """For a workload identity the subject counts. The issuer's signature is not checked."""
    partner = Partner("5e11e500-0000-4000-8000-0000000000fe", "app", "secret", federated_subject="pod:azplan")
    simulator = build(settings=PROMPT, partners=[partner])
    assert (await ask(simulator, signed(simulator, key, sub="pod:azplan"))).status_code == 200
    assert (await ask(simulator, signed(simulator, key, sub="pod:other"))).status_code == 401


async def test_faults_reach_the_token_endpoint_too(simulator: Simulator) -> None:
    """There may be an outage, a refusal or a dropped connection. The books have the requested grants."""
    form = form_of(simulator.partner)
    simulator.faults.add("error_before", operation="token.client_credentials", status=503)
    assert (await ask(simulator, form)).status_code == 503
    simulator.faults.add("error_before", operation="token.*", status=401, code=1)
    assert (await ask(simulator, form)).json()["error"] == "invalid_client"
    simulator.faults.add("reset_before", operation="token.*")
    with pytest.raises(ConnectionDropped):
        await ask(simulator, form)
    assert (await ask(simulator, form)).status_code == 200
    assert [each.status for each in simulator.books.requests_of("token.client_credentials")] == [503, 401, None, 200]
