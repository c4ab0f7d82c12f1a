"""Through a proxy: a tunnel to the base URL and to the authority, none to this machine, and the gate as late as ever.

The servers of these tests have the name `pc.example`, which nobody can resolve: only the proxy knows where they are.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme

from tests.partner_center.authority import AUDIENCE, CLIENT, TENANT
from tests.partner_center.conftest import Recorder
from tests.partner_center.wire import Move, Seen, Wire, answers, hangs_up, wire
from tests.support.proxy import Tunnels, tunnels
from worker.clock import Clock
from worker.partner_center.client import transport as module
from worker.partner_center.client.account import Account, AccountConfig
from worker.partner_center.client.proxy import Proxy
from worker.partner_center.client.token_requests import Identity, NoToken
from worker.partner_center.client.tokens import Tokens
from worker.partner_center.client.transport import Departure, NoReply, Reply, Transport
from worker.partner_center.errors import GateClosed
from worker.partner_center.resources import billing_exports
from worker.trusted_certificates import tls_context

NAME = "pc.example"
OK = answers(200, {"id": "1"})
PASSWORD = "canary/p@ss wörd"


@dataclass
class Behind:
    """A server that can only be reached through a proxy."""

    wire: Wire
    ca_file: Path
    hellos: list[str] = field(default_factory=list)
    """The server names of the TLS handshakes."""

    @property
    def url(self) -> str:
        """The base URL of the server."""
        return f"https://{NAME}:{self.wire.port}"


@pytest.fixture
async def behind(tmp_path: Path) -> AsyncIterator[Behind]:
    """A running server behind TLS."""
    certificates = trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificates.issue_cert(NAME).configure_cert(tls)
    ca_file = tmp_path / "ca.pem"
    certificates.cert_pem.write_to_path(str(ca_file))
    hellos: list[str] = []
    tls.sni_callback = lambda _socket, name, _context: hellos.append(name)
    async with wire(tls) as server:
        yield Behind(server, ca_file, hellos)


def through(proxy: Tunnels, *, user: str | None = None, password: str = "") -> Proxy:
    """The proxy, as an account knows it."""
    return Proxy(proxy.url, user, password)


@asynccontextmanager
async def transport_to(behind: Behind, proxy: Proxy | None) -> AsyncIterator[Transport]:
    """A transport that is closed at the end."""
    made = Transport(behind.url, tls_context(behind.ca_file), connections=4, call_timeout=5.0, proxy=proxy)
    try:
        yield made
    finally:
        await made.close()


async def send(transport: Transport, departure: Departure | None = None) -> Reply:
    """Send a small request."""
    return await transport.send(
        "POST", "/v1/x", {"Authorization": "Bearer canary"}, b"{}", departure or Departure(lambda: None)
    )


@pytest.mark.parametrize(("user", "password"), [(None, ""), ("contoso", PASSWORD)], ids=["no password", "password"])
async def test_a_call_goes_through_a_tunnel(behind: Behind, user: str | None, password: str) -> None:
    """A kept connection has one CONNECT. The proxy sees the host and nothing else."""
    async with tunnels(user=user, password=password) as proxy:
        behind.wire.will(OK, OK)
        async with transport_to(behind, through(proxy, user=user, password=password)) as transport:
            assert (await send(transport)).status == 200
            assert (await send(transport)).status == 200
    assert (proxy.asked, proxy.others) == ([f"{NAME}:{behind.wire.port}"], [])
    assert "proxy-authorization" not in behind.wire.seen[0].headers, "the password is the proxy's alone"


@pytest.mark.parametrize(("user", "password"), [(None, ""), ("contoso", PASSWORD)], ids=["no password", "password"])
async def test_a_token_is_asked_for_through_a_tunnel(behind: Behind, user: str | None, password: str) -> None:
    """The authority is reached as Partner Center is."""
    behind.wire.react = authority_at(behind.url)
    async with tunnels(user=user, password=password) as proxy:
        source = tokens_of(behind, through(proxy, user=user, password=password)).app
        assert (await source.get()).value == "t"
    assert set(proxy.asked) == {f"{NAME}:{behind.wire.port}"}
    assert proxy.others == []


async def test_microsoft_graph_and_storage_are_reached_through_tunnels(behind: Behind) -> None:
    """The authority of certificates and the proxy of the account count for both. The signed address is inside."""
    sign_in = authority_at(behind.url)

    def react(seen: Seen) -> Move:
        if seen.target.startswith("/v1.0/"):
            files = {"rootDirectory": f"{behind.url}/files", "sasToken": "sig=canary", "blobs": [{"name": "x"}]}
            return answers(200, {"status": "succeeded", "resourceLocation": files})
        return answers(200, b"lines") if seen.target.startswith("/files") else sign_in(seen)

    behind.wire.react = react
    async with tunnels() as proxy:
        config = AccountConfig(
            "contoso",
            Identity(f"{behind.url}/{TENANT}", CLIENT, AUDIENCE, client_secret="canary-secret"),
            base_url=behind.url,
            ca_file=behind.ca_file,
            proxy=through(proxy),
            graph_url=f"{behind.url}/v1.0",
            storage_hosts=(".example",),
        )
        account = Account(config, Clock(), call_timeout=5.0)
        center = account.center(Recorder())
        found = (await billing_exports.look(center, "/v1.0/reports/1")).manifest
        assert found is not None
        async with billing_exports.blob(center, found, found.blobs[0]) as answer:
            assert [piece async for piece in answer] == [b"lines"]
        await account.close()
    assert set(proxy.asked) == {f"{NAME}:{behind.wire.port}"}
    assert proxy.others == []


async def test_the_gate_is_asked_when_the_request_goes_into_the_tunnel(behind: Behind) -> None:
    """The tunnel is no departure: the gate sees a connection with TLS, and an exception of the gate holds the request
    back.

    Rule GateAtSend, promises G2, G4.
    """
    order: list[str] = []

    def closed() -> None:
        order.append(f"gate, {len(proxy.asked)} tunnel, TLS with {behind.hellos}")
        raise GateClosed("carts.checkout", "the lane was lost")

    async with tunnels() as proxy, transport_to(behind, through(proxy)) as transport:
        departure = Departure(closed)
        with pytest.raises(GateClosed):
            await send(transport, departure)
    assert order == [f"gate, 1 tunnel, TLS with ['{NAME}']"]
    assert (departure.left, behind.wire.seen) == (False, [])


@pytest.mark.parametrize(
    ("answer", "why"), [(407, "proxy_auth"), (403, "proxy"), (502, "proxy")], ids=["password", "forbidden", "no way"]
)
async def test_a_proxy_that_makes_no_tunnel(behind: Behind, answer: int, why: str) -> None:
    """The request never left. The reason says whether a password is missing."""
    async with tunnels(answer=answer) as proxy, transport_to(behind, through(proxy)) as transport:
        departure = Departure(lambda: None)
        with pytest.raises(NoReply) as caught:
            await send(transport, departure)
        with pytest.raises(NoToken) as refused:
            await tokens_of(behind, through(proxy)).app.get()
    assert (caught.value.cause, caught.value.trouble, departure.left) == ("connect", why, False)
    assert refused.value.trouble.kind == why
    assert behind.wire.seen == []


async def test_a_proxy_that_is_not_there(behind: Behind) -> None:
    """The error names the proxy, and not the host. The proxy's own name may be the unknown one."""
    for address in ("http://127.0.0.1:1", "http://proxy.invalid:3128"):
        async with transport_to(behind, Proxy(address)) as transport:
            with pytest.raises(NoReply) as caught:
                await send(transport)
        with pytest.raises(NoToken) as refused:
            await tokens_of(behind, Proxy(address)).app.get()
        assert (caught.value.cause, caught.value.trouble) == ("connect", "proxy"), address
        assert refused.value.trouble.kind == "proxy", address


async def test_a_wrong_password_is_no_token_and_shows_nowhere(behind: Behind) -> None:
    """The password is neither in the error nor in the printed form of the account's proxy."""
    async with tunnels(user="contoso", password="right") as proxy:
        given = through(proxy, user="contoso", password=PASSWORD)
        with pytest.raises(NoToken) as caught:
            await tokens_of(behind, given).app.get()
    assert caught.value.trouble.kind == "proxy_auth"
    assert "AZPLAN_PARTNERS__CONTOSO__PROXY" in caught.value.trouble.advice
    assert "canary" not in f"{caught.value} {given!r} {[given]}"


async def test_a_certificate_of_an_unknown_authority_is_not_the_proxys_fault(behind: Behind) -> None:
    """A company's proxy may sign with its own authority. The remedy is to trust that authority."""
    async with tunnels() as proxy:
        untrusting = Transport(behind.url, tls_context(None), connections=1, call_timeout=5.0, proxy=through(proxy))
        with pytest.raises(NoReply) as caught:
            await send(untrusting)
        await untrusting.close()
    assert caught.value.trouble == "tls_untrusted"


async def test_this_very_machine_is_never_reached_through_a_proxy() -> None:
    """A simulator on loopback is called directly, whatever the account's proxy."""
    async with tunnels() as proxy, wire() as server:
        server.will(OK)
        direct = Transport(server.url, tls_context(None), connections=1, call_timeout=5.0, proxy=through(proxy))
        assert (await send(direct)).status == 200
        await direct.close()
        assert (proxy.asked, proxy.others) == ([], [])


async def test_a_tunnel_that_dies_is_not_used_twice(behind: Behind) -> None:
    """Nothing is sent again when a kept connection is lost, with or without a proxy."""
    async with tunnels() as proxy, transport_to(behind, through(proxy)) as transport:
        behind.wire.will(OK, hangs_up, OK)
        await send(transport)
        departure = Departure(lambda: None)
        with pytest.raises(NoReply) as caught:
            await send(transport, departure)
    assert (caught.value.cause, departure.left, len(behind.wire.seen)) == ("lost", True, 2)


async def test_a_proxy_that_says_nothing(behind: Behind, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time-out for a connection includes the tunnel. Nothing has left."""
    monkeypatch.setattr(module, "CONNECT_TIMEOUT", 0.3)
    silence = asyncio.Event()

    async def mute(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await silence.wait()
        writer.close()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    proxy = Proxy(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with transport_to(behind, proxy) as transport:
        departure = Departure(lambda: None)
        with pytest.raises(NoReply) as caught:
            await send(transport, departure)
    silence.set()
    server.close()
    assert (caught.value.cause, caught.value.trouble, departure.left) == ("connect", "timeout", False)


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("http://proxy:3128", Proxy("http://proxy:3128")),
        ("http://u:p%40ss%2F%C3%A9@proxy:3128", Proxy("http://proxy:3128", "u", "p@ss/é")),
        ("http://u@[::1]:3128", Proxy("http://[::1]:3128", "u", "")),
    ],
)
def test_user_and_password_are_percent_encoded(url: str, read: Proxy) -> None:
    """User and password are no part of the address."""
    assert Proxy.read(url) == read


def authority_at(url: str) -> Callable[[Seen], Move]:
    """An authority that gives a token to every caller."""

    def react(seen: Seen) -> Move:
        if seen.method == "GET":
            token = f"{url}/{TENANT}/oauth2/v2.0/token"
            found = {"issuer": f"{url}/{TENANT}", "authorization_endpoint": f"{token}x", "token_endpoint": token}
            return answers(200, found)
        return answers(200, {"token_type": "Bearer", "access_token": "t", "expires_in": 3599})

    return react


def tokens_of(behind: Behind, proxy: Proxy) -> Tokens:
    """The tokens of an account whose authority is behind the proxy."""
    who = Identity(f"{behind.url}/{TENANT}", CLIENT, AUDIENCE, client_secret="canary-secret")
    return Tokens("contoso", who, tls_context(behind.ca_file), None, Clock(), proxy)
