"""Requests of persons to try Partner Center again now. Every worker reads such a request within half a second."""

from collections.abc import Callable, Sequence

import structlog

from worker.journal.journal import Journal
from worker.runtime.controls.sleep import Sleeper

log = structlog.get_logger("azplan.probing")

EVERY = 0.5
"""Seconds between two looks."""


class ProbeRequests:
    """Makes each account try Partner Center again when a person has asked for a try since the last look."""

    def __init__(self, journal: Journal, try_now: Sequence[Callable[[], None]], every: float = EVERY) -> None:
        self._journal = journal
        self._try_now = try_now
        self._every = every
        self._sleeper = Sleeper()
        self._seen: int | None = None

    def wake(self) -> None:
        """Look now: a person may have asked."""
        self._sleeper.wake()

    async def run(self) -> None:
        """Look until cancelled. Goes on while the journal is down."""
        await self._sleeper.look_every(self._every, self.look)

    async def look(self) -> None:
        """Try again if a person has asked since the last look. Raises `JournalUnavailable`.

        A request from before this worker began is over: the circuits of this worker are new.
        """
        before, self._seen = self._seen, await self._journal.probe_asked_at()
        if before is not None and self._seen != before:
            log.info("circuits.probed", asked_by="an operator")
            for try_now in self._try_now:
                try_now()
