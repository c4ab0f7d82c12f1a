"""The simulator over real sockets: MSAL over TLS, connections that really drop, and the process itself."""

import asyncio
import hashlib
import json
import signal
import ssl
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msal
import pytest
import requests

from ops.local.waiting import eventually
from ops.simulator.clock import Clock
from ops.simulator.server import Addresses, Ports, serving, write_ca
from ops.simulator.simulator import Simulator, build
from tests.simulator.conftest import PROMPT
from tests.support.accepted import accepted

SCOPE = "https://api.partnercenter.microsoft.com/.default"


@pytest.fixture
def running() -> Simulator:
    """A simulator that follows the machine's clock."""
    return build(clock=Clock.wall(), settings=PROMPT)


@pytest.fixture
async def addresses(running: Simulator) -> AsyncIterator[Addresses]:
    """The addresses of that simulator."""
    async with serving(running, Ports()) as found:
        yield found


@pytest.fixture
async def client(running: Simulator, addresses: Addresses) -> AsyncIterator[httpx.AsyncClient]:
    """A caller over a socket, as the partner's user."""
    bearer = {"Authorization": f"Bearer {running.token(user=True)}"}
    async with httpx.AsyncClient(base_url=f"{addresses.api}/v1", headers=bearer, trust_env=False) as found:
        yield found


def application(
    addresses: Addresses, simulator: Simulator, ca_file: Path, secret: str, *, tenant: str | None = None
) -> Any:
    """MSAL, which trusts the CA and asks no other host."""
    session = requests.Session()
    session.verify, session.trust_env = str(ca_file), False
    return msal.ConfidentialClientApplication(
        simulator.partner.client_id,
        client_credential=secret,
        authority=f"{addresses.authority}/{tenant or simulator.partner.tenant_id}",
        instance_discovery=False,
        http_client=session,
    )


async def test_an_answer_waits_for_nothing_on_its_way(
    running: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """API, control port and authority send small packets at once: measurements against them are not random."""
    with accepted(monkeypatch) as connections:
        async with serving(running, Ports()) as addresses:
            write_ca(addresses, tmp_path / "ca.pem")
            tls = ssl.create_default_context(cafile=tmp_path / "ca.pem")
            async with httpx.AsyncClient(verify=tls, trust_env=False) as client:
                for address in (addresses.api, addresses.control, addresses.authority):
                    await client.get(address)
        assert connections.without_delay() == [True, True, True]


async def test_msal_gets_tokens_over_tls(
    running: Simulator, addresses: Addresses, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    """Discovery, client credentials and a refresh token with rotation work. A wrong secret is reported."""
    ca_file = tmp_path / "deep" / "ca.pem"
    write_ca(addresses, ca_file)

    def talk() -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        good = application(addresses, running, ca_file, running.partner.client_secret)
        bad = application(addresses, running, ca_file, "wrong")
        own = good.acquire_token_for_client([SCOPE])
        user = good.acquire_token_by_refresh_token(running.refresh_token(), [SCOPE])
        return own, user, bad.acquire_token_for_client([SCOPE])

    own, user, denied = await asyncio.to_thread(talk)
    assert (await client.get("/customers", headers=_bearer(own))).status_code == 200
    assert (await client.get("/agreements", headers=_bearer(own))).status_code == 403
    assert (await client.get("/agreements", headers=_bearer(user))).status_code == 200
    assert user["refresh_token"]
    assert denied["error"] == "invalid_client"


async def test_an_export_is_downloaded_over_tls(running: Simulator, addresses: Addresses, tmp_path: Path) -> None:
    """MSAL gets a token for Microsoft Graph; the manifest leads to the storage, which has a certificate of the CA."""
    write_ca(addresses, tmp_path / "ca.pem")
    running.invoice(usage_lines=60_000, groups=20, blobs=1)

    def token() -> dict[str, Any]:
        app = application(addresses, running, tmp_path / "ca.pem", running.partner.client_secret)
        found: dict[str, Any] = app.acquire_token_for_client(["https://graph.microsoft.com/.default"])
        return found

    bearer = _bearer(await asyncio.to_thread(token))
    tls = ssl.create_default_context(cafile=tmp_path / "ca.pem")
    async with httpx.AsyncClient(verify=tls, trust_env=False, timeout=60) as client:
        export = f"{addresses.graph}/reports/partners/billing/usage/billed/export"
        begun = await client.post(export, json={"invoiceId": "G000000001"}, headers=bearer)
        manifest = (await client.get(begun.headers["Location"], headers=bearer)).json()["resourceLocation"]
        assert manifest["rootDirectory"].startswith(addresses.storage)
        blob = await client.get(f"{manifest['rootDirectory']}/{manifest['blobs'][0]['name']}?{manifest['sasToken']}")
        running.faults.add("truncated", operation="storage.blob")
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(f"{manifest['rootDirectory']}/{manifest['blobs'][0]['name']}?{manifest['sasToken']}")
    (books,) = running.figures("G000000001").blobs
    assert hashlib.sha256(blob.content).hexdigest() == books.sha256


async def test_msal_gets_a_token_of_a_customers_tenant_for_azure_resource_manager(
    running: Simulator, addresses: Addresses, tmp_path: Path
) -> None:
    """Fact sheet 2.6: the customer's authority and the partner's refresh token. A missing consent is reported."""
    write_ca(addresses, tmp_path / "ca.pem")
    agreed, other = running.customer("reserved"), running.customer("no_consent")

    def talk(tenant: str) -> dict[str, Any]:
        secret = running.partner.client_secret
        app = application(addresses, running, tmp_path / "ca.pem", secret, tenant=tenant)
        scopes = ["https://management.azure.com/.default"]
        found: dict[str, Any] = app.acquire_token_by_refresh_token(running.refresh_token(), scopes)
        return found

    token = await asyncio.to_thread(talk, agreed.id)
    query = {"api-version": "2022-11-01"}
    path = f"/providers/Microsoft.Capacity/reservationOrders/{agreed.reservations[0].id}/reservations"
    async with httpx.AsyncClient(base_url=addresses.arm, headers=_bearer(token), trust_env=False) as arm:
        assert (await arm.get(path, params=query)).status_code == 200
        running.faults.add("truncated", operation="arm.*")
        with pytest.raises(httpx.RemoteProtocolError, match="complete message"):
            await arm.get(path, params=query)
    denied = await asyncio.to_thread(talk, other.id)
    assert (denied["error"], denied["error_codes"], denied["suberror"]) == (
        "invalid_grant",
        [65001],
        "consent_required",
    )


async def test_dropped_connections_really_drop(running: Simulator, client: httpx.AsyncClient) -> None:
    """The reset comes before, after, or in the middle of a body. The next request succeeds."""
    customer = running.customer()
    for kind in ("refused", "reset_before", "reset_after", "late"):
        running.faults.add(kind)
        with pytest.raises(httpx.NetworkError):
            await client.get(f"/customers/{customer.id}")
        assert (await client.get(f"/customers/{customer.id}")).status_code == 200
    running.faults.add("truncated")
    with pytest.raises(httpx.RemoteProtocolError, match="complete message"):
        await client.get(f"/customers/{customer.id}")
    assert (await client.get(f"/customers/{customer.id}")).status_code == 200


async def test_the_token_endpoint_drops_connections_too(
    running: Simulator, addresses: Addresses, tmp_path: Path
) -> None:
    """It then behaves like an authority that is down."""
    write_ca(addresses, tmp_path / "ca.pem")
    running.faults.add("reset_before", operation="token.*")

    def ask() -> Any:
        app = application(addresses, running, tmp_path / "ca.pem", running.partner.client_secret)
        return app.acquire_token_for_client([SCOPE])

    with pytest.raises(requests.ConnectionError):
        await asyncio.to_thread(ask)


async def test_a_caller_who_leaves_does_not_stop_a_sent_request(running: Simulator, client: httpx.AsyncClient) -> None:
    """A delayed check-out acts although the socket was closed long ago."""
    customer = running.customer()
    shelf = await client.get("/products/DZH318Z0BPS6/skus/0001/availabilities", params={"country": "US"})
    line = {"catalogItemId": shelf.json()["items"][-1]["catalogItemId"], "quantity": 1, "billingCycle": "one_time"}
    cart = (await client.post(f"/customers/{customer.id}/carts", json={"lineItems": [line]})).json()["id"]
    running.faults.add("delay", operation="carts.checkout", seconds=0.3)
    with pytest.raises(httpx.ReadTimeout):
        await client.post(f"/customers/{customer.id}/carts/{cart}/checkout", timeout=0.1)
    assert running.books.orders == []
    await eventually(lambda: running.books.orders, "the delayed check-out bought something", within=10)


async def test_the_api_can_speak_tls(running: Simulator, tmp_path: Path) -> None:
    """A host other than loopback needs that, with a certificate for its name."""
    async with serving(running, Ports(api_tls=True, names=("simulator",))) as addresses:
        write_ca(addresses, tmp_path / "ca.pem")
        assert addresses.api.startswith("https://")
        assert addresses.arm.startswith("https://")
        trusting = ssl.create_default_context(cafile=tmp_path / "ca.pem")
        async with httpx.AsyncClient(verify=trusting, trust_env=False) as client:
            assert (await client.get(f"{addresses.api}/v1/customers")).status_code == 401


async def test_the_process_says_where_it_is_and_ends_on_sigterm(tmp_path: Path) -> None:
    """One line of JSON has all values that a worker needs, with files for the CA and the refresh token."""
    ca_file, refresh_file = tmp_path / "ca.pem", tmp_path / "secrets" / "refresh"
    process = await _start(
        *("--api-port=0", "--control-port=0", "--authority-port=0", "--scale=60", "--no-hostility"),
        "--arm-port=0",
        "--graph-port=0",
        "--storage-port=0",
        *("--customers=plan=2", "--customers=3", f"--ca-file={ca_file}", f"--refresh-token-file={refresh_file}"),
        *("--partner=5E11E500-0000-4000-8000-0000000000AA:app:se:cret", "--set=page_size=7"),
    )
    try:
        assert process.stdout is not None
        ready = json.loads(await asyncio.wait_for(process.stdout.readline(), timeout=30))
        async with httpx.AsyncClient(base_url=ready["control"], trust_env=False) as control:
            assert len((await control.get("/customers")).json()) == ready["customers"] == 5
            assert (await control.get("/settings")).json()["page_size"] == 7
            nobody = await control.get(f"{ready['arm']}/subscriptions/x?api-version=2022-12-01")
            assert nobody.json()["error"]["code"] == "AuthenticationFailed"
            nobody = await control.get(f"{ready['graph']}/reports/partners/billing/operations/x")
            assert nobody.json()["error"]["code"] == "InvalidAuthenticationToken"
        assert ready["storage"].startswith("https://localhost:")
        assert ready["partners"][0]["authority"].endswith("/5e11e500-0000-4000-8000-0000000000aa")
        assert "se:cret" not in json.dumps(ready)
        assert ca_file.read_bytes().startswith(b"-----BEGIN CERTIFICATE-----")
        assert refresh_file.stat().st_mode & 0o777 == 0o600
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), timeout=30) == 0


@pytest.mark.parametrize(
    ("flag", "word"),
    [("--partner=only", "TENANT:CLIENT:SECRET"), ("--customers=nice=3", "nice"), ("--set=rudeness=1", "rudeness")],
)
async def test_a_mistaken_flag_is_explained(flag: str, word: str) -> None:
    """The exit code is 2, and a sentence has the wrong word."""
    process = await _start(flag)
    _, errors = await asyncio.wait_for(process.communicate(), timeout=30)
    assert process.returncode == 2
    assert word in errors.decode()


async def test_a_port_that_is_taken_is_explained(addresses: Addresses) -> None:
    """The exit code is 69, and the message says what to do."""
    process = await _start(
        f"--api-port={httpx.URL(addresses.api).port}", "--control-port=0", "--authority-port=0", "--arm-port=0"
    )
    _, errors = await asyncio.wait_for(process.communicate(), timeout=30)
    assert process.returncode == 69
    assert "--api-port" in errors.decode()


async def test_flags_come_from_the_environment_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists use semicolons, because values have commas."""
    for port in ("API", "CONTROL", "AUTHORITY", "ARM", "GRAPH", "STORAGE"):
        monkeypatch.setenv(f"SIMULATOR_{port}_PORT", "0")
    monkeypatch.setenv("SIMULATOR_CUSTOMERS", "plan=1;2")
    monkeypatch.setenv("SIMULATOR_SET", "order_list_lag=[1,2];checkout_repeat=800065")
    monkeypatch.setenv("SIMULATOR_HOSTILITY", "no")
    process = await _start()
    try:
        assert process.stdout is not None
        ready = json.loads(await asyncio.wait_for(process.stdout.readline(), timeout=30))
        async with httpx.AsyncClient(base_url=ready["control"], trust_env=False) as control:
            knobs = (await control.get("/settings")).json()
        assert ready["customers"] == 3
        assert knobs["order_list_lag"] == [1, 2]
        assert knobs["checkout_repeat"] == "800065"
        assert knobs["hostility"]["bom"] == "never"
    finally:
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), timeout=30) == 0


async def _start(*flags: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "ops.simulator", *flags),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )


def _bearer(answer: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {answer['access_token']}"}
