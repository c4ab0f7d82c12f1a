"""The client's connection to a simulator in the same process, and tokens that the simulator issues itself."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Literal

import httpx

from tests.support.in_process import again, whole
from worker.clock import Clock
from worker.partner_center.client.call import BoundAccount
from worker.partner_center.client.state_shared_by_calls import AccountState, Service
from worker.partner_center.client.streams.open_reply import OpenReply
from worker.partner_center.client.streams.storage import Storage
from worker.partner_center.client.tokens import AccessToken
from worker.partner_center.client.transport import Departure, Reply, Transport
from worker.partner_center.client.trouble_explanations import Trouble
from worker.partner_center.operation import Api
from worker.partner_center.port import PartnerCenter, Run

Issue = Callable[[Literal["app", "user"]], str]
Apps = Mapping[Api, object]
IssueAtCustomer = Callable[[str], str]
ACCOUNT = "contoso"


class InProcess(Transport):
    """Calls an ASGI application where the client's transport would open a connection. The rest is the same."""

    def __init__(self, app: object, base_url: str, *, call_timeout: float) -> None:
        self.base_url = base_url
        self.free_connection = asyncio.Semaphore(100)
        self._call_timeout = call_timeout
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app))

    async def send(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes,
        departure: Departure,
        *,
        patience: float = 1.0,
    ) -> Reply:
        """Send as the real transport does. The departure is known without a connection."""
        return whole(await self._answered(method, target, headers, body, departure, patience))

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
        response = await self._answered(method, target, headers, b"", departure, patience)
        return self._opened(again(response), departure, plain=plain)

    async def _answered(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes,
        departure: Departure,
        patience: float,
    ) -> httpx.Response:
        within = self._client.build_request(method, self.base_url + target, headers=dict(headers), content=body)
        departure.leave()
        try:
            async with asyncio.timeout(self._call_timeout * patience):
                return await self._client.send(within)
        except (httpx.TransportError, TimeoutError) as error:
            departure.left = not isinstance(error, httpx.ConnectError)
            raise self._no_reply(error, departure, patience) from error

    async def close(self) -> None:
        """Close the client."""
        await self._client.aclose()


class Issued:
    """A source of tokens that never fails: the simulator makes the tokens."""

    def __init__(self, issue: Callable[[], str]) -> None:
        self._issue = issue
        self.trouble = None

    async def get(self) -> AccessToken:
        """A fresh token, which outlives the call."""
        return AccessToken(self._issue(), 0.0, 0.0)

    async def replace(self, _refused: AccessToken) -> AccessToken:
        """Get another token."""
        return await self.get()

    def refused(self, reason: str, _why: Trouble) -> None:
        """Do nothing: the simulator refuses its own tokens only as a fault."""

    def taken(self) -> None:
        """Do nothing: a taken token is the normal case."""


class IssuedTokens:
    """The tokens of an account: the application's, and a user's if `user` is set, also in customers' tenants."""

    trouble = ()

    def __init__(self, issue: Issue, issue_at: IssueAtCustomer, at_graph: Issue, *, user: bool) -> None:
        self.app = Issued(lambda: issue("app"))
        self.user = Issued(lambda: issue("user")) if user else None
        self.graph_app = Issued(lambda: at_graph("app"))
        self.graph_user = Issued(lambda: at_graph("user")) if user else None
        self._issue_at = issue_at

    def of_customer(self, tenant: str) -> Issued:
        """A source of tokens of the customer's tenant."""
        return Issued(lambda: self._issue_at(tenant))


class InProcessAccount:
    """A partner account whose calls go to ASGI applications: one for each service."""

    def __init__(self, apps: Apps, tokens: IssuedTokens, clock: Clock, *, call_timeout: float) -> None:
        def connect(api: Api, url: str) -> InProcess:
            return InProcess(apps[api], url, call_timeout=call_timeout)

        services = {
            Api.CENTER: Service(connect(Api.CENTER, "https://api.partnercenter.microsoft.com"), 500),
            Api.ARM: Service(connect(Api.ARM, "https://management.azure.com"), 600),
            Api.GRAPH: Service(connect(Api.GRAPH, "https://graph.microsoft.com"), 500, "/v1.0"),
        }
        storage = Storage((".blob.core.windows.net",), lambda origin: connect(Api.STORAGE, origin))
        self._state = AccountState(ACCOUNT, tokens, services, clock, storage=storage, jitter=lambda: 0.5)

    def center(self, run: Run) -> PartnerCenter:
        """This account for one run of a command."""
        return BoundAccount(self._state, run)

    async def close(self) -> None:
        """Wait for the running writes, and close."""
        await self._state.close(60.0)
