"""Sends one request and reads its answer. Knows connections and time-outs; no operation, token or meaning of an answer.

httpx is the interface: a prepared `httpx.Request` goes to an httpx transport, without the layers of an `AsyncClient`
for redirects, cookies and authentication: azplan uses none of them. Exceptions do not tell whether a request may have
arrived. So this module does not rely on exceptions: the transport calls `Departure.leave` when the connection is ready,
and the `Departure` remembers that call.

With a proxy, opening the tunnel is not the departure: the request departs when it enters the tunnel.
"""

import asyncio
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal, cast
from urllib.parse import urlsplit

import aiohttp
import httpx
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong

from worker.loopback import is_loopback
from worker.partner_center.client.proxy import Proxy
from worker.partner_center.client.streams.open_reply import LARGEST_PIECE, OpenReply, Undecodable
from worker.partner_center.client.unreachable_cause import why_unreachable
from worker.partner_center.http_transport import CHUNK, LONGEST_HEADER, ConnectionTransport
from worker.partner_center.operation import LARGEST

CONNECT_TIMEOUT = 10.0
"""Seconds for a place in the pool, name resolution, TCP and TLS together."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer: every byte arrived."""

    status: int
    reason: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class NoReply(Exception):
    """No whole answer. With the cause `connect` the request certainly did not arrive; otherwise it may have arrived.

    `unreadable`: an answer came that is not readable HTTP, or is too large.
    """

    def __init__(
        self, cause: Literal["connect", "timeout", "lost", "unreadable"], reason: str, trouble: str = "connect"
    ) -> None:
        super().__init__(f"{cause}: {reason}")
        self.cause = cause
        self.reason = reason
        self.trouble = trouble
        """Why there is no connection, as a kind of `trouble_explanations.tsv`."""


class _TooLarge(Exception):
    """The body of the answer is larger than it may be."""

    def __init__(self, most: int) -> None:
        super().__init__(f"the answer is larger than {most} bytes")


class Departure:
    """Tells whether one request has left, and lets the gate hold it back."""

    def __init__(self, gate: Callable[[], None]) -> None:
        """`gate` is called at the instant the request leaves. If the gate raises, the request does not leave."""
        self._gate = gate
        self.left = False
        """Whether the request has left. From then on it may have arrived."""
        self.held_back: Exception | None = None
        """The exception that the gate raised."""
        self.on_leaving: Callable[[], None] = lambda: None
        """Called when the request leaves."""

    def leave(self) -> None:
        """Called when the connection is ready. Raises the exception of the gate; raises on a second departure."""
        if self.left:
            raise ConnectionAbortedError("the connection broke, and the request is not repeated")
        try:
            self._gate()
        except Exception as refusal:
            self.held_back = refusal
            raise
        self.on_leaving()
        self.left = True


class Transport:
    """The connections of one account to Partner Center: HTTP/1.1, kept alive, at most `connections`."""

    _proxy: Proxy | None = None

    def __init__(
        self,
        base_url: str,
        tls: ssl.SSLContext,
        *,
        connections: int,
        call_timeout: float,
        proxy: Proxy | None = None,
    ) -> None:
        """`call_timeout`: seconds from the departure of a request to the last byte of its answer.

        Raises ValueError for a base URL that is invalid or would send tokens unencrypted.
        """
        self.base_url = checked_base_url(base_url)
        self.free_connection = asyncio.Semaphore(connections)
        """A caller holds it during a request. So callers wait for a connection here, and not in aiohttp's pool."""
        self._call_timeout = call_timeout
        self._proxy = proxy if proxy is not None and proxy.serves(base_url) else None
        tunnels = _asked_for_tunnels(self._proxy) if self._proxy else None
        self._http = ConnectionTransport(
            self.base_url, tls, connections=connections, connect_timeout=CONNECT_TIMEOUT, proxy=tunnels
        )
        self._url, address = httpx.URL(self.base_url), urlsplit(self.base_url)
        self._path = address.path
        self._headers = {
            "Host": address.netloc,
            "Accept-Encoding": "gzip, deflate",
            "Connection": "keep-alive",
        }

    async def send(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes,
        departure: Departure,
        *,
        patience: float = 1.0,
        most: int = LARGEST,
    ) -> Reply:
        """Send one request, once, and read its answer. Raises `NoReply`, or the exception of the gate.

        `patience`: how many times as long as the time-out the answer may take. `most`: bytes of the largest body,
        decompressed.
        """
        try:
            async with self._limited(departure, patience):
                response = await self._respond(method, target, headers, body, departure)
                return await _read(response, most)
        except Exception as error:  # whatever failed, only `departure` tells whether the request had left
            raise self._failed(error, departure, patience) from error

    async def open(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        departure: Departure,
        *,
        patience: float = 1.0,
        plain: bool = False,
    ) -> OpenReply:
        """Send one request without a body, once, and read the head of its answer. The rest is read from the result.

        `patience` is for the head; the time-out is for each silence behind it. `plain`: see `OpenReply`. Raises
        `NoReply`, or the exception of the gate.
        """
        try:
            async with self._limited(departure, patience):
                response = await self._respond(method, target, headers, b"", departure, chunk=LARGEST_PIECE)
        except Exception as error:
            raise self._failed(error, departure, patience) from error
        return self._opened(response, departure, plain=plain)

    def _opened(self, response: httpx.Response, departure: Departure, *, plain: bool) -> OpenReply:
        return OpenReply(
            response, idle=self._call_timeout, explain=lambda error: self._no_reply(error, departure), plain=plain
        )

    @asynccontextmanager
    async def _limited(self, departure: Departure, patience: float) -> AsyncIterator[None]:
        """The time-out of an answer, from the departure of its request."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(None) as limit:
            departure.on_leaving = lambda: limit.reschedule(loop.time() + self._call_timeout * patience)
            yield

    def _failed(self, error: Exception, departure: Departure, patience: float) -> Exception:
        return departure.held_back or self._no_reply(error, departure, patience)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def _respond(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes,
        departure: Departure,
        *,
        chunk: int = CHUNK,
    ) -> httpx.Response:
        length = {} if method == "GET" else {"Content-Length": str(len(body))}
        request = httpx.Request(
            method,
            self._url,
            headers={**self._headers, **headers, **length},
            stream=httpx.ByteStream(body),
            # The target is written already: to parse it into a URL again would be the dearest part of a request.
            extensions={"target": (self._path + target).encode("ascii"), "leave": departure.leave, "chunk": chunk},
        )
        return await self._http.handle_async_request(request)

    def _no_reply(self, error: Exception, departure: Departure, patience: float = 1.0) -> NoReply:
        cause = error.__cause__ if isinstance(error, httpx.TransportError) and error.__cause__ else error
        words = f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__
        if not departure.left:
            why = why_unreachable(error, proxied=self._proxy is not None)
            return NoReply("connect", words if str(cause) else f"no connection within {CONNECT_TIMEOUT:g} s", why)
        if isinstance(cause, TimeoutError):
            return NoReply("timeout", f"no whole answer within {self._call_timeout * patience:g} s")
        unreadable = _why_unreadable(cause)
        return NoReply("unreadable", unreadable) if unreadable else NoReply("lost", words)


def checked_base_url(base_url: str) -> str:
    """`base_url` without a slash at its end. Raises ValueError unless it is https, or http of a loopback host."""
    address = urlsplit(base_url)
    if not address.hostname or address.username or address.query or address.fragment:
        raise ValueError(f"{base_url!r} is no base URL: write https://host, with at most a port and a path after it")
    if address.scheme != "https" and not (address.scheme == "http" and is_loopback(address.hostname)):
        raise ValueError(f"{base_url!r} would send tokens unencrypted: use https (http is for loopback hosts only)")
    return base_url.rstrip("/")


def _asked_for_tunnels(proxy: Proxy) -> httpx.Proxy:
    if proxy.user is None:
        return httpx.Proxy(proxy.url)
    account = aiohttp.encode_basic_auth(proxy.user, proxy.password, encoding="utf-8")
    return httpx.Proxy(proxy.url, headers={"Proxy-Authorization": account})


async def _read(response: httpx.Response, most: int) -> Reply:
    names = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw}
    try:
        compressed = "content-encoding" in names
        pieces = response.aiter_bytes() if compressed else cast("httpx.AsyncByteStream", response.stream)
        whole = await _whole(pieces, most)
    finally:
        await response.aclose()
    return Reply(response.status_code, response.reason_phrase, names, whole)


async def _whole(chunks: AsyncIterable[bytes], most: int) -> bytes:
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > most:
            raise _TooLarge(most)
    return bytes(body)


def _why_unreadable(cause: BaseException) -> str | None:
    """Why an answer cannot be read. The library's own text would quote the answer. None if the connection broke."""
    match cause:
        case _TooLarge() | Undecodable():
            return str(cause)
        case httpx.DecodingError():
            return "the body of the answer cannot be decompressed"
        case HttpProcessingError():
            broken = cause.__cause__ or cause
            if isinstance(broken, LineTooLong):
                return f"a header of the answer is longer than {LONGEST_HEADER} bytes"
            return f"the answer is not readable HTTP ({type(broken).__name__})"
        case _:
            return None
