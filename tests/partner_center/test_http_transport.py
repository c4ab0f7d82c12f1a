"""The httpx transport against a real socket: what it sends, what it gives back, and when it asks."""

import gzip
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from tests.partner_center.wire import Wire, answers, raw, wire
from worker.partner_center.http_transport import ConnectionTransport

OK = answers(200, {"id": "1"})


@asynccontextmanager
async def transport_to(server: Wire) -> AsyncIterator[ConnectionTransport]:
    """A transport that is closed at the end."""
    made = ConnectionTransport(server.url, ssl.create_default_context(), connections=4)
    try:
        yield made
    finally:
        await made.aclose()


async def test_an_httpx_client_can_use_it() -> None:
    """The transport is one of httpx: people who know httpx can wrap it, measure it or replace it."""
    async with wire() as server, transport_to(server) as transport:
        server.will(answers(201, {"id": "1"}), OK)
        async with httpx.AsyncClient(transport=transport, base_url=server.url) as client:
            made = await client.post("/v1/things", json={"a": 1})
            await client.get("/v1/things")
        seen = server.seen[0]
    assert (made.status_code, made.reason_phrase, made.json()) == (201, "Scripted", {"id": "1"})
    assert (seen.method, seen.target, seen.json(), server.connections) == ("POST", "/v1/things", {"a": 1}, 1)


async def test_a_request_asks_once_before_its_first_byte() -> None:
    """The extension `leave` is called when the connection is there. If it raises, no byte of the request is written."""
    asked: list[int] = []

    def leave() -> None:
        asked.append(server.connections)
        if len(asked) == 1:
            raise KeyError("held back")

    async with wire() as server, transport_to(server) as transport:
        server.will(OK)
        request = httpx.Request("GET", f"{server.url}/v1/things", extensions={"leave": leave})
        with pytest.raises(KeyError):
            await transport.handle_async_request(request)
        assert server.seen == []
        response = await transport.handle_async_request(request)
        await response.aread()
    assert (asked, len(server.seen)) == ([1, 2], 1)


@pytest.mark.parametrize("value", ["a\r\nX-Planted: 1", "a\nX-Planted: 1", "a\rb", "a\0b"])
async def test_a_header_cannot_add_another_header(value: str) -> None:
    """A line break in a value, from wherever it came, is refused before there is a connection."""
    async with wire() as server, transport_to(server) as transport:
        with pytest.raises(ValueError, match="line break"):
            await transport.handle_async_request(httpx.Request("GET", server.url, headers={"X-Given": value}))
        assert server.connections == 0


async def test_a_written_target_is_sent_as_it_is() -> None:
    """The extension `target` of httpx spares parsing an address that is known to be right. It cannot end its line."""
    async with wire() as server, transport_to(server) as transport:
        server.will(OK)
        request = httpx.Request("GET", server.url, extensions={"target": b"/v1/a%2Fb?c=d%20e"})
        response = await transport.handle_async_request(request)
        await response.aread()
        assert server.seen[0].target == "/v1/a%2Fb?c=d%20e"
        for broken in (b"/a b", b"/a\r\nX-Planted: 1"):
            with pytest.raises(ValueError, match="address"):
                await transport.handle_async_request(httpx.Request("GET", server.url, extensions={"target": broken}))


async def test_interim_answers_are_not_the_answer() -> None:
    """A server may say 100 or 103 before it answers."""
    async with wire() as server, transport_to(server) as transport:
        interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        server.will(raw(interim + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
        response = await transport.handle_async_request(httpx.Request("GET", server.url))
        assert (response.status_code, await response.aread()) == (200, b"{}")


async def test_a_compressed_body_is_read_by_httpx() -> None:
    """The transport gives the bytes of the wire; the response decompresses them as its headers say."""
    async with wire() as server, transport_to(server) as transport:
        server.will(answers(200, gzip.compress(b"{}"), Content_Encoding="gzip"))
        response = await transport.handle_async_request(httpx.Request("GET", server.url))
        assert await response.aread() == b"{}"


async def test_a_body_comes_in_small_chunks() -> None:
    """A reader that decompresses a body can stop in time: no chunk stands for more than a few megabytes."""
    async with wire() as server, transport_to(server) as transport:
        server.will(answers(200, b"x" * 300_000))
        response = await transport.handle_async_request(httpx.Request("GET", server.url))
        sizes = [len(chunk) async for chunk in response.aiter_raw()]
        await response.aclose()
    assert (sum(sizes), max(sizes) <= 16 * 1024) == (300_000, True)


async def test_a_body_without_a_length_ends_with_its_connection() -> None:
    """Such an answer is whole when the server closes; the connection is not used again."""
    async with wire() as server, transport_to(server) as transport:
        server.will(raw(b"HTTP/1.1 200 OK\r\n\r\n{}"), OK)
        for _ in range(2):
            response = await transport.handle_async_request(httpx.Request("GET", server.url))
            await response.aread()
            await response.aclose()
        assert (response.status_code, server.connections) == (200, 2)


async def test_an_answer_that_is_left_unread_closes_its_connection() -> None:
    """The rest of one answer never stands before the next."""
    async with wire() as server, transport_to(server) as transport:
        server.will(answers(200, b"x" * 3_000_000), OK)
        response = await transport.handle_async_request(httpx.Request("GET", server.url))
        await response.aclose()
        response = await transport.handle_async_request(httpx.Request("GET", server.url))
        assert (await response.aread(), server.connections) == (b'{"id": "1"}', 2)


async def test_failures_are_those_of_httpx() -> None:
    """No connection is a ConnectError, a lost answer a ReadError: code that handles httpx's errors handles these."""
    async with wire() as server, transport_to(server) as transport:
        server.will(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), raw(b""))
        response = await transport.handle_async_request(httpx.Request("GET", server.url))
        with pytest.raises(httpx.ReadError):
            await response.aread()
        await response.aclose()
        with pytest.raises(httpx.ReadError):
            await transport.handle_async_request(httpx.Request("GET", server.url))
        url = server.url
    nobody = ConnectionTransport("http://127.0.0.1:1", ssl.create_default_context(), connections=1)
    with pytest.raises(httpx.ConnectError):
        await nobody.handle_async_request(httpx.Request("GET", url))
    await nobody.aclose()
