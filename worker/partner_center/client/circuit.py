"""Circuits: stop asking a part of Partner Center that does not answer, and try it with one request at a time. Pure.

When it answers again, those who waited do not all rush in: two requests may be under way, then one more with each
answer, until so many are that nobody need be counted.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

RUSH = 32
"""Requests under way at once from which on a recovery is over."""


class State(StrEnum):
    """What the circuit lets through."""

    CLOSED = "closed"
    """Everything; after an opening little at first, and more with each answer."""
    OPEN = "open"
    """Nothing."""
    HALF_OPEN = "half_open"
    """One request at a time."""


@dataclass(frozen=True, slots=True)
class Pass:
    """Leave to make one request; `probe` where its end decides about the circuit."""

    probe: bool = False


class Circuit:
    """Opens after several failures in a row, for a growing time; one answer of any kind closes it.

    A failure is a request without an answer, or a 5xx. An answer that Partner Center did not write (a gateway's page)
    is one too, but the failures of one command alone, however many, may come of what it asks for: they open nothing.
    It is told the time, and `jitter` gives numbers from 0 to 1.
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
        """`first` and `longest`: seconds for which it stays open; `changed` is told each new state."""
        self._jitter = jitter
        self._most_failures = failures
        self._first = first
        self._longest = longest
        self._changed = changed
        self._failures = 0
        self._alone: object = None
        """The one whose odd answers are all the failures in a row; None where there are none, or others'."""
        self._openings = 0
        self._open_until = -math.inf
        self._probing = False
        self._under_way = 0
        self._room = math.inf
        self.state = State.CLOSED

    def admit(self, now: float) -> Pass | float:
        """Leave to make a request, or the seconds after which to ask again."""
        if self.state is State.OPEN and now >= self._open_until:
            self._become(State.HALF_OPEN)
        if self.state is State.OPEN:
            return self._open_until - now + self._jitter() * self._first
        if self._probing or self._under_way >= self._room:
            return self._first * (1 + self._jitter())
        self._under_way += 1
        self._probing = self.state is State.HALF_OPEN
        return Pass(probe=self._probing)

    def answered(self, leave: Pass) -> None:
        """The request was answered, whatever the answer: the other side is there."""
        self._release(leave)
        self._failures = self._openings = 0
        if self.state is State.CLOSED:
            self._room = self._room + 1 if self._room < RUSH else math.inf
        else:
            self._room = 2
        self._become(State.CLOSED)

    def failed(self, leave: Pass, now: float, *, odd_for: object = None) -> None:
        """The request was not answered, or with a 5xx; or, for the command `odd_for`, not by Partner Center itself."""
        self._release(leave)
        self._alone = odd_for if self._failures == 0 or odd_for == self._alone else None
        self._failures += 1
        widespread = self._alone is None and self._failures >= self._most_failures
        if leave.probe or (self.state is State.CLOSED and widespread):
            pause = min(self._first * 2.0**self._openings, self._longest)
            self._openings = min(self._openings + 1, 30)
            self._open_until = now + pause * (1 + self._jitter() / 4)
            self._become(State.OPEN)

    def probe_now(self) -> None:
        """A person says that it is worth trying: the next request is the probe, however long was still to be waited."""
        self._open_until = -math.inf
        self._openings = 0

    def abandoned(self, leave: Pass) -> None:
        """The request was not made after all, or nobody waited for its end."""
        self._release(leave)

    def outage(self, now: float) -> float | None:
        """For one whose request has just failed: None where only that is known, or else the seconds to stay away.

        Those who failed come behind those who were turned away, so that the next probe is somebody else's: what fails
        for one customer alone does not keep the circuit open. A command that fails alone, again and again, while nobody
        else asks, stays away too: whether others would be answered is not known.
        """
        if self.state is State.CLOSED:
            times = self._failures - self._most_failures
            if self._alone is None or times < 0:
                return None
            return min(self._first * 2.0 ** min(times, 30), self._longest) * (1 + self._jitter() / 4)
        return max(self._open_until - now, 0.0) + self._first * (1 + self._jitter())

    def _release(self, leave: Pass) -> None:
        self._under_way = max(self._under_way - 1, 0)
        if leave.probe:
            self._probing = False

    def _become(self, state: State) -> None:
        if state is not self.state:
            self.state = state
            self._changed(state)
