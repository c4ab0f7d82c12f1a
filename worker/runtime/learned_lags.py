"""How late things show at Partner Center, by partner account: first estimates, until the account has shown its own."""

from collections.abc import Callable, Mapping

from worker.journal.journal import Journal
from worker.looks.awaited import Awaited
from worker.looks.lag_distribution import Interval
from worker.looks.next_look import Lags, lags
from worker.runtime.controls.sleep import Sleeper

EVERY = 120.0
"""Seconds between two looks into the journal: what a wait has shown need not be known at once."""

Key = tuple[str, str]
"""A partner as in `Work`, and the name of what is waited for."""


class LearnedLags:
    """What this worker knows of the lags of each account. Reads the journal until cancelled."""

    def __init__(self, journal: Journal, longest: float, spread: Callable[[], float]) -> None:
        """`longest`: AZPLAN_WAITS__MAX in seconds; `spread` gives numbers from 0 to 1."""
        self._journal = journal
        self._longest = longest
        self._spread = spread
        self._seen: Mapping[Key, tuple[Interval, ...]] = {}
        self._known: dict[Key, Lags] = {}

    def of(self, partner: str | None, awaited: Awaited) -> Lags:
        """What is known of this wait. `partner` as in `Work`."""
        key = (partner or "", awaited.name)
        if key not in self._known:
            self._known[key] = lags(awaited, self._longest, self._seen.get(key, ()))
        return self._known[key]

    async def run(self) -> None:
        """Read what all workers have seen, at once and then now and then. Outlives a journal that is down."""
        await Sleeper().look_every(EVERY * (1 + self._spread() / 4), self.look)

    async def look(self) -> None:
        """Read what all workers have seen. Raises `JournalUnavailable`."""
        found: dict[Key, list[Interval]] = {}
        for each in await self._journal.seen_lags():
            found.setdefault((each.partner, each.awaited), []).append((each.after, each.by))
        seen = {key: tuple(intervals) for key, intervals in found.items()}
        changed = [key for key in self._known if seen.get(key) != self._seen.get(key)]
        self._seen = seen
        for key in changed:
            del self._known[key]
