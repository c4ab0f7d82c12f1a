"""How late things show at Partner Center, by partner account: first estimates, until the account has shown its own."""

from worker.looks.awaited import Awaited
from worker.looks.next_look import Lags, lags


class LearnedLags:
    """What this worker knows of the lags of each account."""

    def __init__(self, longest: float) -> None:
        """`longest`: AZPLAN_WAITS__MAX in seconds."""
        self._longest = longest
        self._known: dict[tuple[str, str], Lags] = {}

    def of(self, partner: str | None, awaited: Awaited) -> Lags:
        """What is known of this wait. `partner` as in `Work`."""
        key = (partner or "", awaited.name)
        if key not in self._known:
            self._known[key] = lags(awaited, self._longest)
        return self._known[key]
