"""An httpx transport over aiohttp's connections: HTTP/1.1, kept alive, one request at a time on each connection.

Any `httpx.Request` can be handed to `ConnectionTransport` directly, or to an `httpx.AsyncClient` around it. What a
client adds is not here: no redirects, no cookies, no authentication, no proxies of the environment, no time-out of a
whole request.
Nothing is sent twice. A request can have three extensions:

| extension | does |
|---|---|
| `target` | stands on the wire in place of the path of the URL, as in httpx's own transport |
| `leave` | is called when the connection is ready, before the first byte is written; if it raises, nothing is written |
| `chunk` | largest number of bytes of the body that are handed over at once, in place of `CHUNK` |

aiohttp's session is left out, because it builds for each request what is the same for all requests. Its pool, tunnels,
TLS and parser are used directly. Source: aiohttp 3.14, `ClientSession._request` and what that calls.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator

import aiohttp
import httpx
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import RawResponseMessage
from aiohttp.streams import StreamReader
from yarl import URL

IDLE = 4.0
"""Seconds that an idle connection is kept. Servers keep them longer, so few requests meet a closing connection."""
LONGEST_HEADER = 64 * 1024
"""Largest number of bytes of one header of an answer, or of its first line."""

CHUNK = 16 * 1024
"""Largest number of bytes of a body that are handed over at once. Compressed, they can stand for a thousand times as
many."""

_FAILURES = (aiohttp.ClientError, HttpProcessingError, OSError)


class ConnectionTransport(httpx.AsyncBaseTransport):
    """Connections to one origin, at most `connections`."""

    def __init__(
        self,
        origin: str,
        tls: ssl.SSLContext,
        *,
        connections: int,
        connect_timeout: float | None = None,
        proxy: httpx.Proxy | None = None,
    ) -> None:
        """`origin`: an address with the scheme, host and port of every request. A proxy gets its own headers only.

        `connect_timeout`: seconds for a place in the pool, name resolution, TCP and TLS together.
        """
        self._origin = URL(origin)
        self._tls = tls
        self._connections = connections
        self._limit = aiohttp.ClientTimeout(connect=connect_timeout)
        self._proxy = proxy
        self._pool: aiohttp.TCPConnector | None = None
        self._destination: ClientRequest

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request and read the head of its answer; the body is read from the response, which must be closed.

        Raises `httpx.TransportError` from the cause, or what `leave` raises. ValueError: the request has a line break
        or another character that no head can hold.
        """
        head = _head(request)
        body = request.read() if isinstance(request.stream, httpx.ByteStream) else await request.aread()
        try:
            connection = await self._connected()
        except _FAILURES as error:
            raise httpx.ConnectError(str(error)) from error
        try:
            protocol, wire = _ready(connection)
            if (leave := request.extensions.get("leave")) is not None:
                leave()
            wire.write(head + body)
            message, payload = await _answer(protocol)
        except _FAILURES as error:
            connection.close()
            raise httpx.ReadError(str(error)) from error
        except BaseException:
            connection.close()
            raise
        return httpx.Response(
            message.code,
            headers=message.raw_headers,
            stream=_Body(connection, payload, request.extensions.get("chunk", CHUNK)),
            request=request,
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": message.reason.encode("ascii", "ignore")},
        )

    async def aclose(self) -> None:
        """Close all connections."""
        if self._pool is not None:
            await self._pool.close()

    async def _connected(self) -> Connection:
        if self._pool is None:  # only here is a loop running
            self._pool = aiohttp.TCPConnector(limit=self._connections, ssl=self._tls, keepalive_timeout=IDLE)
            self._destination = self._asked_for_connections()
        return await self._pool.connect(self._destination, traces=[], timeout=self._limit)

    def _asked_for_connections(self) -> ClientRequest:
        """What the pool is asked with: it reads the address and the proxy, and sends nothing of it."""
        proxy, headers = None, None
        if self._proxy is not None:
            proxy, headers = URL(str(self._proxy.url)), dict(self._proxy.headers.items())
            # The pool adds this header for the tunnel, and recognizes connections by the headers of their tunnel.
            headers["Host"] = self._origin.host_port_subcomponent or ""
        return ClientRequest("GET", self._origin, loop=asyncio.get_running_loop(), proxy=proxy, proxy_headers=headers)


class _Body(httpx.AsyncByteStream):
    """The body of an answer. Closing it gives the connection back if the body was read to its end, else closes it."""

    def __init__(self, connection: Connection, payload: StreamReader, chunk: int) -> None:
        self._connection = connection
        self._payload = payload
        self._chunk = chunk

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while chunk := await self._payload.read(self._chunk):
                yield chunk
        except _FAILURES as error:
            raise httpx.ReadError(str(error)) from error

    async def aclose(self) -> None:
        if self._payload.at_eof():
            self._connection.release()
        else:
            self._connection.close()


def _head(request: httpx.Request) -> bytes:
    """The head on the wire. Raises ValueError if a header or the address would break out of its place."""
    target = request.extensions.get("target") or request.url.raw_path
    lines = [b"%b %b HTTP/1.1" % (request.method.encode("ascii"), target)]
    lines += [b"%b: %b" % header for header in request.headers.raw]
    head = b"\r\n".join(lines)
    if head.count(b"\n") != len(lines) - 1 or head.count(b"\r") != len(lines) - 1 or b"\0" in head:
        raise ValueError("the request cannot be sent: its address or a header has a line break or a NUL")
    if b" " in target:
        raise ValueError("the request cannot be sent: its address has a space")
    return head + b"\r\n\r\n"


def _ready(connection: Connection) -> tuple[ResponseHandler, asyncio.Transport]:
    """The open connection, ready to read one answer. Raises if the server has closed it meanwhile."""
    protocol, wire = connection.protocol, connection.transport
    if protocol is None or wire is None or wire.is_closing():
        raise aiohttp.ClientConnectionResetError("the connection was closed before the request was sent")
    protocol.set_response_params(
        read_until_eof=True,
        auto_decompress=False,
        max_line_size=LONGEST_HEADER,
        max_field_size=LONGEST_HEADER,
    )
    return protocol, wire


async def _answer(protocol: ResponseHandler) -> tuple[RawResponseMessage, StreamReader]:
    """The head of the answer, after interim answers (1xx), and its body to be read."""
    while True:
        message, payload = await protocol.read()
        if not 100 <= message.code < 200 or message.code == 101:
            return message, payload
