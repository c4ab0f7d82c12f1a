"""Circuit breakers: stop sending to a resource family that does not answer, then probe it one request at a time. Pure.

When the family answers again, the waiting callers do not all send at once: two requests may be under way, then one more
with each answer, until `RUSH` may be. From then on nobody is counted.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

RUSH = 32
"""A recovery is over when this many requests may be under way at once."""


class State(StrEnum):
    """Which requests the circuit admits."""

    CLOSED = "closed"
    """All; after an opening few at first, and more with each answer."""
    OPEN = "open"
    """None."""
    HALF_OPEN = "half_open"
    """One at a time."""


@dataclass(frozen=True, slots=True)
class Permit:
    """Permission to make one request. The result of a `probe` decides whether the circuit closes or opens again."""

    probe: bool = False


class Circuit:
    """Opens after several failures in a row, for a growing time. One answer of any kind closes it.

    A failure is a request without an answer, or a 5xx. An answer that Partner Center did not write (a gateway's page)
    is a failure too. But if all foreign answers in a row are to one command, its request may be the cause: they do not
    open the circuit. The caller passes the time. `jitter` returns numbers from 0 to 1.
    """

    def __init__(
        self,
        jitter: Callable[[], float],
        *,
        failures: int = 5,
        first: float = 5.0,
        longest: float = 300.0,
        changed: Callable[[State], None] = lambda _: None,
    ) -> None:
        """`first`, `longest`: seconds that the circuit stays open. `changed` is called with each new state."""
        self._jitter = jitter
        self._most_failures = failures
        self._first = first
        self._longest = longest
        self._changed = changed
        self._failures = 0
        self._only_for: object = None
        """The command to which all failures in a row were foreign answers. None if there is no such command."""
        self._openings = 0
        self._open_until = -math.inf
        self._probing = False
        self._under_way = 0
        self._room = math.inf
        self.state = State.CLOSED

    def admit(self, now: float) -> Permit | float:
        """A permit to make a request, or the seconds after which to ask again."""
        if self.state is State.OPEN and now >= self._open_until:
            self._become(State.HALF_OPEN)
        if self.state is State.OPEN:
            return self._open_until - now + self._jitter() * self._first
        if self._probing or self._under_way >= self._room:
            return self._first * (1 + self._jitter())
        self._under_way += 1
        self._probing = self.state is State.HALF_OPEN
        return Permit(probe=self._probing)

    def wait_for(self, now: float, others: int) -> float:
        """Seconds until one more command should begin that needs this family, beside `others` under way; 0 for now."""
        if self.state is State.OPEN and now < self._open_until:
            return self._open_until - now
        most = self._room if self.state is State.CLOSED else 1
        return 0.0 if others < most else self._first / 2

    def answered(self, permit: Permit) -> None:
        """The request was answered, whatever the answer: Partner Center is there."""
        self._release(permit)
        self._failures = self._openings = 0
        if self.state is State.CLOSED:
            self._room = self._room + 1 if self._room < RUSH else math.inf
        else:
            self._room = 2
        self._become(State.CLOSED)

    def failed(self, permit: Permit, now: float, *, foreign_for: object = None) -> None:
        """The request got no answer, or a 5xx. `foreign_for`: the command that got a foreign answer instead."""
        self._release(permit)
        self._only_for = foreign_for if self._failures == 0 or foreign_for == self._only_for else None
        self._failures += 1
        widespread = self._only_for is None and self._failures >= self._most_failures
        if permit.probe or (self.state is State.CLOSED and widespread):
            pause = min(self._first * 2.0**self._openings, self._longest)
            self._openings = min(self._openings + 1, 30)
            self._open_until = now + pause * (1 + self._jitter() / 4)
            self._become(State.OPEN)

    def probe_now(self) -> None:
        """A person says that trying is worthwhile: the next request is a probe, even before the wait is over."""
        self._open_until = -math.inf
        self._openings = 0

    def abandoned(self, permit: Permit) -> None:
        """The request was not made after all, or its caller did not wait for the result."""
        self._release(permit)

    def outage(self, now: float) -> float | None:
        """How long the caller of a failed request should wait, in seconds.

        None while the circuit is closed: the failure may concern this caller only. While the circuit is open, the
        caller waits longer than callers that were not admitted. So the next probe is another caller's, and a request
        that fails for one customer only does not keep the circuit open. A command that alone gets foreign answers again
        and again waits too: nobody knows whether other commands would be answered.
        """
        if self.state is State.CLOSED:
            times = self._failures - self._most_failures
            if self._only_for is None or times < 0:
                return None
            return min(self._first * 2.0 ** min(times, 30), self._longest) * (1 + self._jitter() / 4)
        return max(self._open_until - now, 0.0) + self._first * (1 + self._jitter())

    def _release(self, permit: Permit) -> None:
        self._under_way = max(self._under_way - 1, 0)
        if permit.probe:
            self._probing = False

    def _become(self, state: State) -> None:
        if state is not self.state:
            self.state = state
            self._changed(state)
