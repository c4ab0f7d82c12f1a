"""Requests against a real socket that misbehaves: whether they left, and how they failed."""

import asyncio
import gzip
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from tests.partner_center.wire import Move, answers, cuts, hangs_up, raw, resets, says_nothing, stalls, wire
from worker.partner_center.client import transport as module
from worker.partner_center.client.transport import Departure, NoReply, Reply, Transport, checked_base_url
from worker.partner_center.errors import GateClosed
from worker.trusted_certificates import tls_context

OK = answers(200, {"id": "1"})


@asynccontextmanager
async def transport_to(url: str, *, ca_file: Path | None = None, call_timeout: float = 5.0) -> AsyncIterator[Transport]:
    """A transport that is closed at the end."""
    made = Transport(url, tls_context(ca_file), connections=4, call_timeout=call_timeout)
    try:
        yield made
    finally:
        await made.close()


def open_gate() -> None:
    """A departure whose gate is open."""


async def send(
    transport: Transport, *, method: str = "POST", departure: Departure | None = None, most: int = 10_000
) -> Reply:
    """Send a small request."""
    headers = {"Content-Type": "application/json", "Authorization": "Bearer x"}
    departure = departure or Departure(open_gate)
    return await transport.send(method, "/v1/things?a=b%20c", headers, b"{}", departure, most=most)


async def failure(transport: Transport, *, method: str = "POST", most: int = 10_000) -> tuple[NoReply, bool]:
    """Send a request that fails. Returns the error, and whether the request had left."""
    departure = Departure(open_gate)
    with pytest.raises(NoReply) as caught:
        await send(transport, method=method, departure=departure, most=most)
    return caught.value, departure.left


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


async def test_a_request_arrives_as_it_was_written() -> None:
    """Method, path, query, headers and body are on the wire as given, and the answer comes back whole."""
    async with wire() as server, transport_to(server.url) as transport:
        server.will(answers(201, b"\xef\xbb\xbf{}", MS_Thing="yes"))
        reply = await send(transport)
        seen = server.seen[0]
    assert (seen.method, seen.target, seen.body) == ("POST", "/v1/things?a=b%20c", b"{}")
    assert seen.headers["authorization"] == "Bearer x"
    assert (reply.status, reply.body, reply.headers["ms-thing"]) == (201, b"\xef\xbb\xbf{}", "yes")


async def test_the_path_of_the_base_url_stands_before_every_path() -> None:
    """A gateway of the company may serve Partner Center under a path of its own."""
    async with wire() as server, transport_to(f"{server.url}/partner-center/") as transport:
        server.will(OK)
        await send(transport)
        assert server.seen[0].target == "/partner-center/v1/things?a=b%20c"
        assert server.seen[0].headers["host"] == f"localhost:{server.port}"


async def test_an_empty_post_says_that_it_is_empty() -> None:
    """A check-out has no body: Content-Length is 0, and there is no content type."""
    async with wire() as server, transport_to(server.url) as transport:
        server.will(OK)
        await transport.send("POST", "/v1/x", {}, b"", Departure(open_gate))
        headers = server.seen[0].headers
    assert (headers["content-length"], headers.get("content-type")) == ("0", None)


async def test_a_connection_is_used_again() -> None:
    """HTTP/1.1 keep-alive sends two requests over one connection."""
    async with wire() as server, transport_to(server.url) as transport:
        server.will(OK, OK)
        await send(transport)
        await send(transport)
        assert server.connections == 1


async def test_nothing_listens() -> None:
    """The connection is refused and the request never left."""
    async with transport_to(f"http://127.0.0.1:{free_port()}") as transport:
        silence, left = await failure(transport)
    assert (silence.cause, left) == ("connect", False)


async def test_a_name_that_does_not_resolve() -> None:
    """There is no address, and the request never left."""
    async with transport_to("https://nowhere.invalid") as transport:
        silence, left = await failure(transport)
    assert (silence.cause, left) == ("connect", False)


async def test_a_connection_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A listener with a full queue does not answer the handshake: no connection in time, and nothing left."""
    monkeypatch.setattr(module, "CONNECT_TIMEOUT", 0.3)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    fill = [socket.socket() for _ in range(4)]
    for each in fill:
        each.setblocking(False)
        each.connect_ex(listener.getsockname())
    try:
        async with transport_to(f"http://127.0.0.1:{listener.getsockname()[1]}") as transport:
            silence, left = await failure(transport)
    finally:
        for each in (*fill, listener):
            each.close()
    assert (silence.cause, left) == ("connect", False)


async def test_a_server_that_does_not_speak_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """The TLS handshake fails or never ends: nothing left."""
    monkeypatch.setattr(module, "CONNECT_TIMEOUT", 0.5)
    async with wire() as server, transport_to(f"https://localhost:{server.port}") as transport:
        silence, left = await failure(transport)
    assert (silence.cause, left, server.seen) == ("connect", False, [])


async def test_a_certificate_of_an_unknown_authority(tmp_path: Path) -> None:
    """Nothing is sent to an unknown authority. With its CA file beside the usual ones it is trusted."""
    authority = trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(tls)
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    async with wire(tls) as server:
        async with transport_to(server.url) as transport:
            silence, left = await failure(transport)
            assert (silence.cause, left, server.seen) == ("connect", False, [])
        async with transport_to(server.url, ca_file=ca_file) as transport:
            server.will(OK)
            assert (await send(transport)).status == 200


@pytest.mark.parametrize("move", [hangs_up, resets])
async def test_a_server_that_hangs_up_without_an_answer(move: Move) -> None:
    """The request had left and may have arrived."""
    async with wire() as server, transport_to(server.url) as transport:
        server.will(move)
        silence, left = await failure(transport)
    assert (silence.cause, left) == ("lost", True)


@pytest.mark.parametrize(
    "move",
    [
        cuts,
        raw(b'HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n{"id"'),
        raw(b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc"),
    ],
    ids=["reset in the body", "short body", "short chunk"],
)
async def test_an_answer_that_is_cut(move: Move) -> None:
    """An answer that is not whole is no answer, whatever its status."""
    async with wire() as server, transport_to(server.url) as transport:
        server.will(move)
        silence, left = await failure(transport)
    assert (silence.cause, left) == ("lost", True)


@pytest.mark.parametrize("move", [says_nothing, stalls])
async def test_an_answer_that_does_not_come_in_time(move: Move) -> None:
    """The time-out covers everything from departure to the last byte."""
    async with wire() as server, transport_to(server.url, call_timeout=0.3) as transport:
        server.will(move)
        silence, left = await failure(transport)
    assert (silence.cause, left) == ("timeout", True)
    assert "0.3 s" in silence.reason


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "PATCH"])
@pytest.mark.parametrize("move", [hangs_up, resets])
async def test_nothing_is_sent_twice_when_a_kept_connection_dies(move: Move, method: str) -> None:
    """aiohttp would repeat GET and PUT by itself. Here every request leaves once, and the loss is reported."""
    async with wire() as server, transport_to(server.url) as transport:
        server.will(OK, move, OK)
        await send(transport)
        silence, left = await failure(transport, method=method)
        assert [each.method for each in server.seen] == ["POST", method]
    assert (silence.cause, left) == ("lost", True)


async def test_a_closed_gate_holds_the_request_back() -> None:
    """The gate is asked when there is a connection. The caller gets the gate's exception, and no request arrives."""

    def closed() -> None:
        raise GateClosed("carts.checkout", "the lane was lost")

    async with wire() as server, transport_to(server.url) as transport:
        departure = Departure(closed)
        with pytest.raises(GateClosed, match="the lane was lost"):
            await send(transport, departure=departure)
        server.will(OK)
        assert (await send(transport)).status == 200
        assert (departure.left, len(server.seen)) == (False, 1)


async def test_the_gate_is_asked_at_the_last_moment() -> None:
    """A request that waits for a connection is judged when it leaves, not when it was prepared.

    Rule GateAtSend, promises G2, G4.
    """
    order: list[str] = []

    async with wire() as server, transport_to(server.url) as transport:
        server.will(OK)
        departure = Departure(lambda: order.append(f"gate, {server.connections} connection"))
        await send(transport, departure=departure)
    assert order == ["gate, 1 connection"]


async def test_a_cancelled_request_closes_its_connection() -> None:
    """A caller that gives up leaves no half-read answer for the next one."""
    async with wire() as server, transport_to(server.url) as transport:
        server.will(stalls, OK)
        task = asyncio.create_task(send(transport))
        await server.arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await send(transport)).status == 200
        assert server.connections == 2


async def test_cookies_are_neither_kept_nor_sent() -> None:
    """A cookie of one answer is not in the next request."""
    async with wire() as server, transport_to(server.url) as transport:
        server.will(answers(200, {}, Set_Cookie="lane=1; Path=/"), OK)
        await send(transport)
        await send(transport)
        assert "cookie" not in server.seen[1].headers


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    """The token goes to no other address."""
    async with wire() as server, transport_to(server.url) as transport:
        server.will(answers(307, b"", Location="/elsewhere"), OK)
        assert (await send(transport)).status == 307
        assert len(server.seen) == 1


async def test_an_answer_without_end_is_given_up() -> None:
    """No answer can use more memory than the limit."""
    async with wire() as server, transport_to(server.url) as transport:
        server.will(answers(200, b"x" * 2000))
        silence, _ = await failure(transport, most=1000)
    assert (silence.cause, silence.reason) == ("unreadable", "the answer is larger than 1000 bytes")


async def test_a_small_answer_that_decompresses_without_end_is_given_up() -> None:
    """The limit counts decompressed bytes: few bytes on the wire can stand for very many."""
    async with wire() as server, transport_to(server.url) as transport:
        server.will(answers(200, gzip.compress(b"x" * 2000), Content_Encoding="gzip"))
        silence, _ = await failure(transport, most=1000)
        assert len(gzip.compress(b"x" * 2000)) < 1000
    assert (silence.cause, silence.reason) == ("unreadable", "the answer is larger than 1000 bytes")


async def test_a_compressed_answer_is_read() -> None:
    """Requests say that azplan reads gzip."""
    async with wire() as server, transport_to(server.url) as transport:
        server.will(answers(200, gzip.compress(b"{}"), Content_Encoding="gzip"))
        assert (await send(transport)).body == b"{}"
        assert "gzip" in server.seen[0].headers["accept-encoding"]


async def test_a_header_of_almost_64_kib_is_read() -> None:
    """Gateways and content security policies write long headers."""
    async with wire() as server, transport_to(server.url) as transport:
        server.will(answers(200, {"id": "1"}, X_Long="a" * 65_000))
        reply = await send(transport)
    assert reply.headers["x-long"] == "a" * 65_000


UNREADABLE: dict[str, tuple[Move, str]] = {
    "a longer header": (
        answers(200, {}, X_Long="s3cret" * 20_000),
        "a header of the answer is longer than 65536 bytes",
    ),
    "a thousand headers": (
        raw(b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: a\r\n" % each for each in range(1000)) + b"\r\n"),
        "the answer is not readable HTTP (BadHttpMessage)",
    ),
    "a bad status": (raw(b"HTTP/1.1 nonsense\r\n\r\n"), "the answer is not readable HTTP (BadStatusLine)"),
    "no HTTP": (raw(b"s3cret nonsense\r\n\r\n"), "the answer is not readable HTTP (BadStatusLine)"),
    "two lengths": (
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
        "the answer is not readable HTTP (BadHttpMessage)",
    ),
    "broken chunks": (
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ns3cret\r\n0\r\n\r\n"),
        "the answer is not readable HTTP (BadHttpMessage)",
    ),
    "no gzip": (answers(200, b"s3cret", Content_Encoding="gzip"), "the body of the answer cannot be decompressed"),
}


@pytest.mark.parametrize(("move", "reason"), UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_an_answer_that_cannot_be_read_is_no_lost_connection(move: Move, reason: str) -> None:
    """A server answered, so the request arrived. No byte of the answer is quoted."""
    async with wire() as server, transport_to(server.url) as transport:
        server.will(move)
        silence, left = await failure(transport)
    assert (silence.cause, silence.reason, left) == ("unreadable", reason, True)


async def test_the_environments_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy variable for other programs does not get the tokens."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    async with wire() as server, transport_to(server.url) as transport:
        server.will(OK)
        assert (await send(transport)).status == 200


@pytest.mark.parametrize(
    "url",
    ["http://api.example.com", "ftp://localhost", "https://", "https://user:pw@host", "https://host/?x=1", "host"],
)
def test_a_base_url_that_would_give_tokens_away_is_refused(url: str) -> None:
    """Only https is allowed, and plain http to this machine."""
    with pytest.raises(ValueError, match="https"):
        checked_base_url(url)


@pytest.mark.parametrize("url", ["http://localhost:1/", "http://127.0.0.1:8080", "http://[::1]:1", "https://host/pc/"])
def test_a_base_url_that_is_fine(url: str) -> None:
    """The slash at its end is removed."""
    assert checked_base_url(url) == url.rstrip("/")
