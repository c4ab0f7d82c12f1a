"""The pace of a replay: the canary first, then growing portions, until too many commands fail. Pure."""

from dataclasses import dataclass

FIRST_PORTION = 10
"""How many commands are under way after the canary, or at the beginning if there is no canary. Later twice as many as
have ended."""
MOST_AT_ONCE = 500
SHARE = 0.1
"""A replay stops if more than this share of the ended commands failed."""
TOO_FEW = 10
"""Below this many results no failure rate is computed; the replay stops at the second failure."""
MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a replay is, in commands. `patient` commands wait only for Microsoft, which can take days."""

    planned: int = 0
    under_way: int = 0
    patient: int = 0
    done: int = 0
    failed: int = 0

    @property
    def ended(self) -> int:
        """How many commands have shown a result. A patient command has done its part."""
        return self.done + self.failed + self.patient

    @property
    def sent(self) -> int:
        """How many commands were begun."""
        return self.under_way + self.ended


@dataclass(frozen=True, slots=True)
class Pace:
    """`canary`: how many commands run first, and alone. `rate`: the most commands a minute; None for no such limit."""

    canary: int = 0
    rate: float | None = None


def portion(now: Standing, pace: Pace, *, begun: int, seconds: float) -> int:
    """How many commands to begin now. This run has begun `begun` commands in the `seconds` since it started."""
    if now.sent < pace.canary:
        room = pace.canary - now.sent
    elif now.done + now.failed < pace.canary:
        return 0  # a canary that waits for Microsoft has shown no result yet
    else:
        room = max(FIRST_PORTION, min(MOST_AT_ONCE, 2 * now.ended)) - now.under_way
    if pace.rate is not None:
        room = min(room, 1 + int(seconds * pace.rate / MINUTE) - begun)
    return max(0, min(room, now.planned))


def too_many_failed(now: Standing, pace: Pace) -> bool:
    """Whether the replay must stop: any failure of the canary, or later more than `SHARE` of the ended commands."""
    if now.failed == 0:
        return False
    if now.sent <= pace.canary:
        return True
    if now.ended < TOO_FEW:
        return now.failed > 1
    return now.failed > SHARE * now.ended
