"""State that all calls of one account share: tokens, connections, request ceilings, circuits.

Knows no particular operation and no run.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog

from events.codes import WaitingReason
from worker import metrics
from worker.clock import Clock
from worker.errors import Wait
from worker.partner_center.client.ceilings.leases import Leases
from worker.partner_center.client.ceilings.quota import Quota
from worker.partner_center.client.ceilings.run_needs import Kind, RunNeeds
from worker.partner_center.client.circuit import Circuit, Permit, State
from worker.partner_center.client.streams.storage import Storage
from worker.partner_center.client.tokens import Tokens
from worker.partner_center.client.transport import Departure, Transport
from worker.partner_center.errors import CallError, GateClosed, NeverSent, Unanswered, Unavailable
from worker.partner_center.operation import FAMILIES, SERVICES, Api, Operation
from worker.partner_center.recent_answers import RecentAnswers

T = TypeVar("T")

log = structlog.get_logger("azplan.partner_center")

PATIENCE = 2.0
"""Seconds that a call waits for a slot under the ceiling. After that the command waits, without a connection."""
CATALOG_SECONDS = 900.0
"""Seconds that an item of the catalog is used again. Its id changes over time, and Microsoft does not say how often."""
MOST_COUNTRIES = 300
NO_TOKEN = "Commands wait, and no attempt is used up"  # noqa: S105 - a sentence for people


@dataclass(frozen=True, slots=True)
class Service:
    """One of Microsoft's services, as an account calls it."""

    transport: Transport
    limit: int
    """Requests in any 60 seconds, for each resource family of the service."""
    root: str = ""
    """The path of the address, if the paths of requests hold it: its last segment is the version. Else empty."""


class CircuitReporter:
    """Reports the circuit of one resource family: each state as a metric, opening and closing (not probes) as logs."""

    def __init__(self, account: str, family: str, clock: Clock) -> None:
        self._account = account
        self._family = family
        self._clock = clock
        self._since: float | None = None
        self.reason = ""
        """Why the last unanswered request failed."""

    def changed(self, state: State) -> None:
        """Report a new state."""
        metrics.set_circuit(f"{self._account}/{self._family}", state)
        now = self._clock.monotonic()
        if state is State.OPEN and self._since is None:
            self._since = now
            log.warning("circuit.opened", partner=self._account, family=self._family, reason=self.reason)
        elif state is State.CLOSED and self._since is not None:
            seconds, self._since = round(now - self._since, 1), None
            log.info("circuit.closed", partner=self._account, family=self._family, open_seconds=seconds)


class AccountState:
    """Tokens, connections, request ceilings and circuits of one account."""

    def __init__(
        self,
        account: str,
        tokens: Tokens,
        services: Mapping[Api, Service],
        clock: Clock,
        *,
        storage: Storage,
        jitter: Callable[[], float],
    ) -> None:
        """`storage`: where files are downloaded from. `jitter` returns numbers from 0 to 1."""
        self.account = account
        self.tokens = tokens
        self.storage = storage
        self.clock = clock
        self.jitter = jitter
        self.user_only: set[str] = set()
        """Names of operations for which Partner Center demanded a user's token (900329)."""
        self.catalog_items: RecentAnswers[str] = RecentAnswers(clock, seconds=CATALOG_SECONDS, most=MOST_COUNTRIES)
        """Items found in the catalog of this account, by country."""
        self._services = services
        self._limits = {FAMILIES[api]: service.limit for api, service in services.items() if api in FAMILIES}
        self._needs = RunNeeds()
        self._leases: tuple[str, Leases] | None = None
        self._quotas: dict[str, Quota] = {}
        self._circuits: dict[str, Circuit] = {}
        self._reporters: dict[str, CircuitReporter] = {}
        self._under_way: set[asyncio.Task[Any]] = set()

    def service(self, operation: Operation[Any]) -> Service:
        """The service that the operation belongs to."""
        return self._services[operation.api]

    def share(self, leases: Leases, tenant: str) -> None:
        """Share the request ceilings, before the first call, with all processes that call them `tenant`'s."""
        self._leases = tenant, leases

    def quota(self, family: str) -> Quota:
        """The request ceiling of a resource family."""
        if family not in self._quotas:
            tenant, leases = self._leases or ("", None)
            quota = self._quotas[family] = Quota(
                family,
                self._limits.get(family, self._services[Api.CENTER].limit),
                self.clock,
                patience=PATIENCE,
                waited=metrics.THROTTLE_WAIT.labels("partner").inc,
                account=self.account,
                exchanges=leases,
                needs=self._needs,
            )
            if leases is not None:
                leases.join((tenant, family), quota)
        return self._quotas[family]

    def wait_for(self, kind: Kind, lacking: dict[str, Wait]) -> Wait | None:
        """The wait of a run of this kind, with the seconds until it should begin; None if nothing is in its way.

        A family that does not answer or whose ceiling is spent is in its way, if earlier runs of the kind needed it.
        That family is added to `lacking`. A run that needs a family of `lacking` stays behind the run that lacks it.
        """
        for family, number in (self._needs.of(kind) or {}).items():
            wait = lacking.get(family) or self._wait_for(family, number)
            if wait is not None:
                lacking[family] = wait
                return wait
        return None

    def _wait_for(self, family: str, number: int) -> Wait | None:
        delay = self._circuit(family).wait_for(self.clock.monotonic(), self._needs.runs(family))
        if delay:
            return Wait(WaitingReason.PARTNER_CENTER_UNAVAILABLE, silent(family), delay=delay)
        delay = self.quota(family).wait_for(number)
        if delay:
            return Wait(WaitingReason.THROTTLED, spent(self.account, family), delay=delay)
        return None

    def begin(self, who: Hashable, kind: Kind) -> None:
        """A run of the command `who` begins."""
        self._needs.begin(who, kind)

    def end(self, who: Hashable) -> None:
        """The run of the command `who` has ended: nothing is kept for it any more."""
        self._needs.end(who)
        for quota in self._quotas.values():
            quota.leave(who)

    @contextmanager
    def circuit(self, operation: Operation[Any], command: object) -> Iterator[None]:
        """Make one request through the circuit of the operation's family. The circuit learns from a raised `CallError`.

        Raises `Unavailable` while the circuit is open.
        """
        permit = self.admit(operation)
        try:
            yield
        except BaseException as error:
            self.learn(operation, permit, error, command)
            raise
        self.learn(operation, permit, None, command)

    def admit(self, operation: Operation[Any]) -> Permit:
        """A permit for one request, whose result `learn` must be told. Raises `Unavailable` while the circuit is open.

        The circuit is that of the operation's family.
        """
        permit = self._circuit(operation.family).admit(self.clock.monotonic())
        if not isinstance(permit, Permit):
            raise Unavailable(operation.name, silent(operation.family), permit)
        return permit

    def learn(self, operation: Operation[Any], permit: Permit, error: BaseException | None, command: object) -> None:
        """Tell the circuit what became of a request. `error`: None for a success."""
        circuit = self._circuit(operation.family)
        if isinstance(error, CallError) and (is_outage(error) or is_foreign_answer(error)):
            self._reporters[operation.family].reason = str(error)
            foreign_for = command if is_foreign_answer(error) else None
            circuit.failed(permit, self.clock.monotonic(), foreign_for=foreign_for)
            error.outage = circuit.outage(self.clock.monotonic())
        elif error is None or (isinstance(error, CallError) and not isinstance(error, GateClosed)):
            circuit.answered(permit)
        else:
            circuit.abandoned(permit)

    def ceilings(self) -> Iterator[tuple[str, int, int]]:
        """For each resource family that was called: name, ceiling, requests of this worker in the last minute."""
        for family, quota in self._quotas.items():
            yield (family, *quota.standing())

    def try_now(self) -> None:
        """Let open circuits send their probe at once, and let tokens be requested without a further pause."""
        self.tokens.try_now()
        for circuit in self._circuits.values():
            circuit.probe_now()

    def complaints(self) -> tuple[str, ...]:
        """Why calls fail, as sentences for people. Empty if nothing is wrong."""
        silent = (unanswered(family) for family, circuit in self._circuits.items() if circuit.state is not State.CLOSED)
        refused = (f"{reason} {NO_TOKEN}" for reason in self.tokens.trouble)
        return tuple(f"account {self.account}: {reason}" for reason in (*refused, *silent))

    async def uninterrupted(self, attempt: Coroutine[Any, Any, T], departure: Departure) -> T:
        """Run `attempt`, a write. If the caller is cancelled after it has left, it goes on in the background.

        The caller is cancelled at once in any case. The write goes on to its answer, which is reported to the run:
        closing the connection would not call the request back, it would only lose the answer.
        """
        task = asyncio.create_task(attempt)
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if not departure.left:
                task.cancel()
            raise

    async def close(self, patience: float) -> None:
        """Wait for writes under way, at most `patience` seconds, then close the connections."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=patience)
        for service in self._services.values():
            await service.transport.close()
        await self.storage.close()

    def _circuit(self, family: str) -> Circuit:
        if family not in self._circuits:
            reporter = self._reporters[family] = CircuitReporter(self.account, family, self.clock)
            metrics.set_circuit(f"{self.account}/{family}", State.CLOSED)
            self._circuits[family] = Circuit(self.jitter, changed=reporter.changed)
        return self._circuits[family]

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()


def silent(family: str) -> str:
    """What a command is told that needs a resource family which does not answer."""
    return f"{unanswered(family)} at present, so azplan sends none"


def unanswered(family: str) -> str:
    """The beginning of a sentence about a resource family which does not answer."""
    api = next((api for api, name in FAMILIES.items() if name == family), None)
    if api is not None:
        return f"{SERVICES[api]} does not answer"
    return f"Partner Center does not answer requests for {family}"


def spent(account: str, family: str) -> str:
    """What a command is told that needs a resource family whose request ceiling is reached."""
    return f"the account {account} has reached its request ceiling for {family}"


def is_outage(error: CallError) -> bool:
    """Whether the error means that Partner Center, or the network to it, is down: no answer, or a 5xx."""
    return isinstance(error, NeverSent | Unanswered) and not is_foreign_answer(error)


def is_foreign_answer(error: CallError) -> bool:
    """Whether something other than Partner Center wrote the answer: because of this request, or of an outage."""
    return isinstance(error, Unanswered) and error.is_foreign
