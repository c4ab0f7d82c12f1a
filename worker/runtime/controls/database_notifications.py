"""Wakes the worker's loops when another process has written, if the database notifies azplan. PostgreSQL does.

A notification is a hint only. Every loop that is woken here also looks by itself, and acts only on the rows it reads.
"""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from worker.errors import JournalUnavailable
from worker.journal.journal import Journal

log = structlog.get_logger("azplan.hints")

PATIENCE = 60.0
"""The longest wait for a notification, in seconds. The next wait follows at once."""
PAUSE = 0.1
"""The shortest time between two wake-ups, in seconds: a busy neighbour causes few looks."""
LANES = 200
"""The most free lanes taken at one notification. The next heartbeat takes the others."""


class Wakeups:
    """Listens for notifications and wakes the loops that may have something to do."""

    def __init__(self, journal: Journal, wake: Sequence[Callable[[], None]]) -> None:
        self._journal = journal
        self._wake = wake

    async def run(self) -> None:
        """Listen until cancelled. At each notification take lanes that became free, and wake all loops."""
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
