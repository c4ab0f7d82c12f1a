"""What other processes have written, heard of at once where the database can tell: PostgreSQL by its notifications.

Only a hint. Every loop that is woken here looks by itself too, now and then, and what it then finds is the truth.
"""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from worker.errors import JournalUnavailable
from worker.journal.journal import Journal

log = structlog.get_logger("azplan.hints")

PATIENCE = 60.0
"""Seconds for which a call is waited for before it is waited for anew."""
PAUSE = 0.1
"""Seconds between two calls that are followed, so that a busy neighbour costs few looks."""
LANES = 200
"""So many free lanes are taken at a call; those that are left are taken at the next heartbeat."""


class Hints:
    """Listens until cancelled, and wakes those who may have something to do."""

    def __init__(self, journal: Journal, wake: Sequence[Callable[[], None]]) -> None:
        self._journal = journal
        self._wake = wake

    async def run(self) -> None:
        """Take what is free, since the call may be about a lane that nobody owns, and wake everybody."""
        while True:
            if not await self._journal.hinted(PATIENCE):
                continue
            try:
                await self._journal.take_lanes(LANES)
            except JournalUnavailable as error:
                log.debug("journal.unavailable", error=str(error))
            for wake in self._wake:
                wake()
            await asyncio.sleep(PAUSE)
