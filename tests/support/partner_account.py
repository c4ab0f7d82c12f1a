"""A partner account whose requests go to a simulator in the same process: the client's code, without its sockets."""

import asyncio
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass

import httpx

from ops.simulator.simulator import Simulator
from tests.support.boundaries import Killed, Life, elsewhere
from tests.support.customer_tokens import token_at
from tests.support.in_process import InProcessTransport
from worker.clock import Clock
from worker.errors import Wait
from worker.partner_center.client.call import BoundAccount
from worker.partner_center.client.ceilings.leases import Leases
from worker.partner_center.client.ceilings.run_needs import Kind
from worker.partner_center.client.state_shared_by_calls import AccountState, Service
from worker.partner_center.client.streams.storage import Storage
from worker.partner_center.client.token_requests import NoToken
from worker.partner_center.client.tokens import AccessToken
from worker.partner_center.client.trouble_explanations import Trouble
from worker.partner_center.operation import Api
from worker.partner_center.port import PartnerCenter, Run
from worker.settings.partner import Partner

URLS = {
    Api.CENTER: "https://api.partnercenter.microsoft.com",
    Api.ARM: "https://management.azure.com",
    Api.GRAPH: "https://graph.microsoft.com",
}
TOKEN_SECONDS = 1800.0
TOKEN_PAUSE = 10.0
"""Seconds until the authority is asked again."""


class Wire(InProcessTransport):
    """The way from a worker to the simulator, with boundaries before a request leaves and before its answer arrives.

    A request that has left goes on without the worker: nothing calls it back.
    """

    def __init__(
        self, simulator: Simulator, life: Life, *, call_timeout: float, api: Api = Api.CENTER, origin: str | None = None
    ) -> None:
        """`api`: the service that the way leads to. `origin`: of storage, the scheme and host of its files."""
        super().__init__(_transport(simulator, api), origin or URLS[api], call_timeout=call_timeout)
        self.simulator = simulator
        self._life = life

    async def _leave(self, request: httpx.Request) -> None:
        name = self._name(request)
        self._life.alive()  # of what a dead worker would do next, nothing arrives
        try:
            await self._life.reach(f"{name}: before it leaves")
        except Killed:
            late = self._life.script.arrives_late(name)
            if late is not None:
                elsewhere(self._arrive(request, late)).add_done_callback(_heard)
            raise

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        answered = elsewhere(self._client.send(request))
        try:
            response = await asyncio.shield(answered)
            await self._life.reach(f"{self._name(request)}: acted, not answered")
            return response
        finally:
            answered.add_done_callback(_heard)

    def _name(self, request: httpx.Request) -> str:
        """The operation of the request; its path if the simulator does not know it."""
        path = request.url.path
        return self.simulator.operation(request.method, path, dict(request.url.params)) or path

    async def _arrive(self, request: httpx.Request, seconds: float) -> httpx.Response:
        await asyncio.sleep(seconds)
        return await self._client.send(request)


@dataclass
class Authority:
    """The authority that issues tokens.

    While `down` it issues none; held tokens work until Partner Center refuses them.
    """

    down: bool = False


class Issued:
    """A source of tokens. The simulator makes the tokens; each is used until it grows old or is refused."""

    def __init__(self, issue: Callable[[], str], clock: Clock, authority: Authority) -> None:
        self._issue = issue
        self._clock = clock
        self._authority = authority
        self._token = ""
        self._issued_at = -TOKEN_SECONDS
        self.trouble: str | None = None

    async def get(self) -> AccessToken:
        """A token that outlives the call."""
        now = self._clock.monotonic()
        if now - self._issued_at >= TOKEN_SECONDS:
            if self._authority.down:
                raise NoToken("the authority does not answer", TOKEN_PAUSE)
            self._token, self._issued_at = self._issue(), now
        return AccessToken(self._token, 0.0, 0.0)

    async def replace(self, _refused: AccessToken) -> AccessToken:
        """Get another token."""
        self._issued_at = -TOKEN_SECONDS
        return await self.get()

    def refused(self, reason: str, _why: Trouble) -> None:
        """Partner Center refused a token of its own simulator, as a fault may demand."""
        self.trouble = reason

    def taken(self) -> None:
        """Partner Center took the token."""
        self.trouble = None


class IssuedTokens:
    """The tokens of an account: the application's, a user's, and the user's in customers' tenants."""

    trouble = ()

    def __init__(self, simulator: Simulator, tenant: str, clock: Clock, authority: Authority) -> None:
        self.app = Issued(lambda: simulator.token(partner=tenant), clock, authority)
        self.user = Issued(lambda: simulator.token(user=True, partner=tenant), clock, authority)
        self.graph_app = Issued(lambda: simulator.graph_token(partner=tenant), clock, authority)
        self.graph_user = Issued(lambda: simulator.graph_token(user=True, partner=tenant), clock, authority)
        self._customers: dict[str, Issued] = {}
        self._of = lambda customer: Issued(lambda: token_at(simulator, customer), clock, authority)

    def of_customer(self, tenant: str) -> Issued:
        """The source of tokens of the customer's tenant."""
        return self._customers.setdefault(tenant, self._of(tenant))

    def try_now(self) -> None:
        """Do nothing: these tokens are never held back after a refusal."""


class SimulatedAccount:
    """A partner account at a simulator, as one worker sees it."""

    def __init__(
        self,
        name: str,
        partner: Partner,
        wires: Mapping[Api, Wire],
        storage: Callable[[str], Wire],
        runs: dict[str, str],
        clock: Clock,
        authority: Authority,
    ) -> None:
        """`runs` learns which command each MS-CorrelationId belongs to. `storage` makes the way to a host of files."""
        tokens = IssuedTokens(wires[Api.CENTER].simulator, partner.tenant_id, clock, authority)
        self._runs = runs
        self._state = AccountState(
            name,
            tokens,
            {
                Api.CENTER: Service(wires[Api.CENTER], partner.requests_per_minute),
                Api.ARM: Service(wires[Api.ARM], partner.arm_requests_per_minute),
                Api.GRAPH: Service(wires[Api.GRAPH], partner.graph_requests_per_minute, "/v1.0"),
            },
            clock,
            storage=Storage(partner.storage_hosts.split(","), storage),
            jitter=lambda: 0.5,
        )

    def center(self, run: Run) -> PartnerCenter:
        """This account for one run of a command."""
        self._runs[run.correlation_id] = str(run.command)
        return BoundAccount(self._state, run)

    def share(self, leases: Leases, tenant: str) -> None:
        """As the real account does."""
        self._state.share(leases, tenant)

    def wait_for(self, kind: Kind, lacking: dict[str, Wait]) -> Wait | None:
        """As the real account does."""
        return self._state.wait_for(kind, lacking)

    def begin(self, who: Hashable, kind: Kind) -> None:
        """As the real account does."""
        self._state.begin(who, kind)

    def end(self, who: Hashable) -> None:
        """As the real account does."""
        self._state.end(who)

    def ceilings(self) -> Iterable[tuple[str, int, int]]:
        """As the real account does."""
        return self._state.ceilings()

    def try_now(self) -> None:
        """As the real account does."""
        self._state.try_now()

    def complaints(self) -> tuple[str, ...]:
        """As the real account does."""
        return self._state.complaints()


def _heard(answered: "asyncio.Task[httpx.Response]") -> None:
    if not answered.cancelled():
        answered.exception()  # if the caller is gone, nobody else asks for the result


def _transport(simulator: Simulator, api: Api) -> httpx.ASGITransport:
    match api:
        case Api.CENTER:
            return simulator.transport()
        case Api.ARM:
            return simulator.arm_transport()
        case Api.GRAPH:
            return simulator.graph_transport()
        case Api.STORAGE:
            return simulator.storage_transport()
