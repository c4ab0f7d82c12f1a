"""The client's transport with an application of the same process behind it, in place of connections."""

import asyncio
from abc import abstractmethod
from collections.abc import Mapping

import httpx

from worker.partner_center.client.streams.open_reply import OpenReply
from worker.partner_center.client.transport import Departure, NoReply, Reply, Transport
from worker.partner_center.operation import LARGEST


class InProcessTransport(Transport):
    """Calls an ASGI application where the client's transport would open a connection. The rest is the same."""

    def __init__(self, transport: httpx.AsyncBaseTransport, base_url: str, *, call_timeout: float) -> None:
        self.base_url = base_url
        self.free_connection = asyncio.Semaphore(100)
        self._call_timeout = call_timeout
        self._client = httpx.AsyncClient(transport=transport)

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
        """Send as the real transport does."""
        response = await self._send(self._request(method, target, headers, body), departure, patience)
        if len(response.content) > most:
            raise NoReply("unreadable", f"the answer is larger than {most} bytes")
        names = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, response.reason_phrase, names, response.content)

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
        """Open an answer as the real transport does."""
        response = await self._send(self._request(method, target, headers, b""), departure, patience)
        return self._opened(_to_be_read(response), departure, plain=plain)

    async def close(self) -> None:
        """Close the client."""
        await self._client.aclose()

    async def _send(self, request: httpx.Request, departure: Departure, patience: float) -> httpx.Response:
        """The answer to a request that leaves now. Raises `NoReply` as the real transport does."""
        await self._leave(request)
        departure.leave()
        try:
            async with asyncio.timeout(self._call_timeout * patience):
                return await self._answer(request)
        except (httpx.TransportError, TimeoutError) as error:
            departure.left = not isinstance(error, httpx.ConnectError)
            raise self._no_reply(error, departure, patience) from error

    async def _leave(self, request: httpx.Request) -> None:
        """Called before the request leaves."""

    @abstractmethod
    async def _answer(self, request: httpx.Request) -> httpx.Response:
        """The application's answer."""

    def _request(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> httpx.Request:
        return self._client.build_request(method, self.base_url + target, headers=dict(headers), content=body)


def _to_be_read(response: httpx.Response) -> httpx.Response:
    """The same answer, whose body is still to be read."""
    headers = [(name, value) for name, value in response.headers.multi_items() if name.lower() != "content-encoding"]
    return httpx.Response(response.status_code, headers=headers, stream=httpx.ByteStream(response.content))
