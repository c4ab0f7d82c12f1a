"""How fast a replay goes: the canary first, then growing portions, until too many fail. Pure."""

from dataclasses import dataclass

FIRST_PORTION = 10
"""So many at once after a canary, or at the beginning where there is none; then twice as many as have ended."""
MOST_AT_ONCE = 500
SHARE = 0.1
"""More failures than this share of those that ended stop a replay."""
TOO_FEW = 10
"""Below this many results no failure rate is computed; the replay stops at the second failure."""
MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a replay is. `patient` are under way and wait for Microsoft alone, which can take days."""

    planned: int = 0
    under_way: int = 0
    patient: int = 0
    done: int = 0
    failed: int = 0

    @property
    def ended(self) -> int:
        """Those that are known to have gone well or badly."""
        return self.done + self.failed + self.patient

    @property
    def sent(self) -> int:
        """Those that were ever begun."""
        return self.under_way + self.ended


@dataclass(frozen=True, slots=True)
class Pace:
    """`canary`: so many go first, and alone. `rate`: commands a minute, None for as many as the ramp gives."""

    canary: int = 0
    rate: float | None = None


def portion(now: Standing, pace: Pace, *, begun: int, seconds: float) -> int:
    """How many to begin now. `begun` were begun by this run in the `seconds` since it started."""
    if now.sent < pace.canary:
        room = pace.canary - now.sent
    elif now.done + now.failed < pace.canary:
        return 0  # a canary that waits for Microsoft has told nothing yet
    else:
        room = max(FIRST_PORTION, min(MOST_AT_ONCE, 2 * now.ended)) - now.under_way
    if pace.rate is not None:
        room = min(room, 1 + int(seconds * pace.rate / MINUTE) - begun)
    return max(0, min(room, now.planned))


def too_many_failed(now: Standing, pace: Pace) -> bool:
    """Whether the replay must stop: any failure of the canary, or more than the share of those that ended."""
    if now.failed == 0:
        return False
    if now.sent <= pace.canary:
        return True
    if now.ended < TOO_FEW:
        return now.failed > 1
    return now.failed > SHARE * now.ended
