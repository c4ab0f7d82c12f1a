"""New events of all commands, read from the journal while workers write them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

from worker.errors import JournalUnavailable
from worker.journal.operator_journal import OperatorJournal
from worker.journal.reading.views import Change
from worker.journal.selection import Selection
from worker.operators.selection import check_partner
from worker.settings.model import Settings

LOOK_EVERY: Final = 0.5
"""Seconds between two looks."""


class EventWatch:
    """Watches the events of commands that match. Make one with `watch_events`."""

    def __init__(self, journal: OperatorJournal, selection: Selection, since: int) -> None:
        """`since`: number of the newest event that is not to be told."""
        self._journal = journal
        self._selection = selection
        self._since = since
        self._told: set[int] = set()

    async def changes(self) -> AsyncIterator[Change | JournalUnavailable]:
        """Every new event that matches, without end, each once. While the database is away: the error, at each look."""
        while True:
            try:
                async for page in self.pages():
                    for change in page:
                        yield change
            except JournalUnavailable as error:
                yield error
            await asyncio.sleep(LOOK_EVERY)

    async def pages(self) -> AsyncIterator[Sequence[Change]]:
        """The new events up to now that match, a page at a time. Raises `JournalUnavailable`."""
        after, settled = self._since, self._since
        while True:
            changes, up_to = await self._journal.commands.changes(after)
            settled = max(settled, up_to)
            yield [each for each in changes if each.event.seq not in self._told and self._matches(each)]
            self._told.update(each.event.seq for each in changes)
            if not changes:
                break
            after = changes[-1].event.seq
        # An event with a lower number may still appear behind the newest ones, so the next look begins before them.
        self._since = settled
        self._told = {number for number in self._told if number > settled}

    def _matches(self, change: Change) -> bool:
        command = change.command
        return self._selection.holds(command.partner, command.customer, command.type)


async def watch_events(journal: OperatorJournal, settings: Settings, selection: Selection) -> EventWatch:
    """A watch for the events of commands of this partner, customer and type, from now on.

    Raises `InvalidValue` for a partner account that does not exist.
    """
    await check_partner(journal, settings, selection.partner)
    since = await journal.commands.newest_event_number()
    return EventWatch(journal, await journal.commands.with_current_partner(selection), since)
