"""The client's connection to a simulator in the same process, and tokens that the simulator issues itself."""

from collections.abc import Callable, Mapping
from typing import Literal

import httpx

from tests.support.in_process import InProcessTransport
from worker.clock import Clock
from worker.partner_center.client.call import BoundAccount
from worker.partner_center.client.state_shared_by_calls import AccountState, Service
from worker.partner_center.client.streams.storage import Storage
from worker.partner_center.client.tokens import AccessToken
from worker.partner_center.client.trouble_explanations import Trouble
from worker.partner_center.operation import Api
from worker.partner_center.port import PartnerCenter, Run

Issue = Callable[[Literal["app", "user"]], str]
Apps = Mapping[Api, object]
IssueAtCustomer = Callable[[str], str]
ACCOUNT = "contoso"


class InProcess(InProcessTransport):
    """Calls an ASGI application where the client's transport would open a connection."""

    def __init__(self, app: object, base_url: str, *, call_timeout: float) -> None:
        super().__init__(httpx.ASGITransport(app), base_url, call_timeout=call_timeout)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        return await self._client.send(request)


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
