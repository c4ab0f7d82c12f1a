"""What all calls of one account share: tokens, connections, ceilings, circuits. Knows no operation and no run."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import structlog

from worker import metrics
from worker.clock import Clock
from worker.partner_center.client.circuit import Circuit, Pass, State
from worker.partner_center.client.quota import Quota, Shared
from worker.partner_center.client.tokens import Tokens
from worker.partner_center.client.transport import Departure, Transport
from worker.partner_center.errors import CallError, GateClosed, NeverSent, Unanswered, Unavailable
from worker.partner_center.operation import Operation

T = TypeVar("T")

log = structlog.get_logger("azplan.partner_center")

PATIENCE = 2.0
"""Seconds that a call waits for its turn before it gives its place up and comes back later."""
NO_TOKEN = "Commands wait, and no attempt is used up"  # noqa: S105 - said to people


class Opening:
    """Shows the circuit of a family, and says when it opened and when it closed: not each probe in between."""

    def __init__(self, account: str, family: str, clock: Clock) -> None:
        self._account = account
        self._family = family
        self._clock = clock
        self._since: float | None = None
        self.reason = ""
        """What the last request that was not answered came to."""

    def changed(self, state: State) -> None:
        """The circuit is in another state."""
        metrics.set_circuit(f"{self._account}/{self._family}", state)
        now = self._clock.monotonic()
        if state is State.OPEN and self._since is None:
            self._since = now
            log.warning("circuit.opened", partner=self._account, family=self._family, reason=self.reason)
        elif state is State.CLOSED and self._since is not None:
            seconds, self._since = round(now - self._since, 1), None
            log.info("circuit.closed", partner=self._account, family=self._family, open_seconds=seconds)


class Lines:
    """The lines of one account to Partner Center."""

    def __init__(
        self,
        account: str,
        tokens: Tokens,
        transport: Transport,
        clock: Clock,
        *,
        limit: int,
        shared: Shared,
        jitter: Callable[[], float],
    ) -> None:
        """`limit`: requests in any 60 seconds per resource family."""
        self.account = account
        self.tokens = tokens
        self.transport = transport
        self.clock = clock
        self.jitter = jitter
        self.user_only: set[str] = set()
        """Names of operations of which Partner Center said (900329) that they take only a user's token."""
        self._limit = limit
        self._shared = shared
        self._quotas: dict[str, Quota] = {}
        self._circuits: dict[str, Circuit] = {}
        self._openings: dict[str, Opening] = {}
        self._under_way: set[asyncio.Task[Any]] = set()

    def quota(self, family: str) -> Quota:
        """The ceiling of a resource family."""
        if family not in self._quotas:
            waited = metrics.THROTTLE_WAIT.labels("partner").inc
            self._quotas[family] = Quota(
                family,
                self._limit,
                self.clock,
                shared=self._shared,
                patience=PATIENCE,
                waited=waited,
                account=self.account,
            )
        return self._quotas[family]

    @contextmanager
    def circuit(self, operation: Operation[Any], command: object) -> Iterator[None]:
        """Go through the circuit of the operation's family: it learns from the `CallError` that comes out.

        Raises `Unavailable` where it is open.
        """
        circuit = self._circuit(operation.family)
        leave = circuit.admit(self.clock.monotonic())
        if not isinstance(leave, Pass):
            what = f"Partner Center does not answer for {operation.family} just now, so nothing is sent there"
            raise Unavailable(operation.name, what, leave)
        try:
            yield
        except CallError as error:
            if isinstance(error, GateClosed):
                circuit.abandoned(leave)
            elif is_silence(error) or is_odd(error):
                self._openings[operation.family].reason = str(error)
                circuit.failed(leave, self.clock.monotonic(), odd_for=command if is_odd(error) else None)
                error.outage = circuit.outage(self.clock.monotonic())
            else:
                circuit.answered(leave)
            raise
        except BaseException:
            circuit.abandoned(leave)
            raise
        else:
            circuit.answered(leave)

    def ceilings(self) -> Iterator[tuple[str, int, int]]:
        """Of each family that was called: its name, its ceiling now, and the requests of the last minute."""
        for family, quota in self._quotas.items():
            yield (family, *quota.standing())

    def try_now(self) -> None:
        """A person says that it is worth trying: circuits are probed and tokens asked for without a further pause."""
        self.tokens.try_now()
        for circuit in self._circuits.values():
            circuit.probe_now()

    def complaints(self) -> tuple[str, ...]:
        """Why calls cannot be made, as sentences for people; none where nothing is wrong."""
        silent = (
            f"Partner Center does not answer for {family}"
            for family, circuit in self._circuits.items()
            if circuit.state is not State.CLOSED
        )
        refused = (f"{reason} {NO_TOKEN}" for reason in self.tokens.trouble)
        return tuple(f"account {self.account}: {reason}" for reason in (*refused, *silent))

    async def uninterrupted(self, talk: Coroutine[Any, Any, T], departure: Departure, *, write: bool) -> T:
        """Run `talk`, and do not let a cancelled caller cut a write off once it has left.

        The caller's cancellation is raised at once in any case. A write that has left goes on to its answer, which is
        told to the run: cutting the connection would not call the request back, it would only lose the answer.
        """
        task = asyncio.create_task(talk)
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if not (write and departure.left):
                task.cancel()
            raise

    async def close(self, patience: float) -> None:
        """Wait for what is under way, `patience` seconds at most, and close the connections."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=patience)
        await self.transport.close()

    def _circuit(self, family: str) -> Circuit:
        if family not in self._circuits:
            told = self._openings[family] = Opening(self.account, family, self.clock)
            metrics.set_circuit(f"{self.account}/{family}", State.CLOSED)
            self._circuits[family] = Circuit(self.jitter, changed=told.changed)
        return self._circuits[family]

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()


def is_silence(error: CallError) -> bool:
    """Whether it means that Partner Center, or the way there, is down: no answer, or a 5xx."""
    return isinstance(error, NeverSent | Unanswered) and not is_odd(error)


def is_odd(error: CallError) -> bool:
    """Whether there was an answer that Partner Center did not write: to one odd request, or of an outage on the way."""
    return isinstance(error, Unanswered) and error.says_nothing
