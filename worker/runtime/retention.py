"""Deletes what `RETENTION` and `DETAIL_RETENTION` no longer keep, in small portions.

Every worker looks. A worker that finds old rows takes the chore: one worker at a time deletes.
"""

import asyncio
from collections.abc import Callable

import structlog

from worker.clock import Clock
from worker.errors import JournalUnavailable
from worker.journal.journal import Journal
from worker.journal.operating.retention_kinds import KINDS, Ages, Kind

log = structlog.get_logger("azplan.forgetting")

REST = 600.0
"""Seconds between two searches of the whole journal."""
SOON = 60.0
"""Seconds until the first search."""
PORTION = 50
"""Rows of a page, and of a transaction."""
PAUSE = 1.0
SHARE = 10.0
"""After each page the worker rests this many times as long as the page took, and `PAUSE` seconds at least."""
CHORE = "forgetting"
LEASE = 60.0
"""Seconds for which each portion extends the worker's hold on the chore."""


class Retention:
    """Deletes old rows until cancelled."""

    def __init__(self, journal: Journal, ages: Ages, clock: Clock, spread: Callable[[], float], rest: float) -> None:
        """`rest`: seconds between two searches of the whole journal; `spread` gives numbers from 0 to 1."""
        self._journal = journal
        self._ages = ages
        self._clock = clock
        self._spread = spread
        self._rest = rest

    async def run(self) -> None:
        """Search the whole journal now and then. Outlives a journal that is down."""
        pause = min(self._rest, SOON)
        while True:
            await asyncio.sleep(pause * (1 + self._spread() / 4))
            pause = self._rest
            try:
                await self._all()
            except JournalUnavailable as error:
                log.debug("journal.unavailable", error=str(error))

    async def _all(self) -> None:
        """Delete what is old enough, or leave that to the worker that has the chore."""
        forgotten = {kind.name: await self._kind(kind) for kind in KINDS}
        if any(forgotten.values()):
            log.info("journal.forgotten", **{name.replace(" ", "_"): number for name, number in forgotten.items()})

    async def _kind(self, kind: Kind) -> int:
        number, place = 0, kind.begin
        while True:
            begun = self._clock.monotonic()
            page = await self._journal.retention.page(kind, self._ages, place, PORTION)
            if page.found and not await self._mine():
                return number
            number += await self._journal.retention.forget(kind, self._ages, page)
            if page.end is None:
                return number
            place = page.end
            await asyncio.sleep(max(PAUSE, SHARE * (self._clock.monotonic() - begun)))

    async def _mine(self) -> bool:
        return await self._journal.take_chore(CHORE, LEASE)
