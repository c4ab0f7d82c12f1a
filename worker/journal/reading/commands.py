"""Finds the commands of the journal, their stories and their events, for people."""

from collections.abc import Mapping, Sequence

from worker.journal.database.transactions import Transactions
from worker.journal.reading import command_queries, known_commands, selected_commands
from worker.journal.reading.known_commands import KnownCommand
from worker.journal.reading.selected_commands import SelectedCount
from worker.journal.reading.views import Change, Story, Summary
from worker.journal.selection import Selection


class Commands:
    """Reads commands. Every method raises `JournalUnavailable` if the database does not answer."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def find(self, id: str, source: str | None = None) -> list[Summary]:  # noqa: A002 - the attribute's name
        """The commands with this id, of one source or of all. There are several if sources share the id."""
        return await self._transactions.read(lambda tx: command_queries.find(tx, id, source))

    async def newest(self, wanted: Selection, limit: int = 0) -> list[Summary]:
        """The commands that match, the newest first, at most `limit` of them; 0 for all."""
        return await self._transactions.read(lambda tx: command_queries.newest(tx, wanted, limit))

    async def following(self, wanted: Selection, after: int, limit: int) -> list[Summary]:
        """The next `limit` commands that match, the oldest first: with numbers above `after`."""
        return await self._transactions.read(lambda tx: command_queries.following(tx, wanted, after, limit))

    async def with_current_partner(self, wanted: Selection) -> Selection:
        """The same selection, with the present name of the partner's account, as in a `Summary`."""
        return await self._transactions.read(lambda tx: command_queries.with_current_partner(tx, wanted))

    async def count(self, wanted: Selection) -> SelectedCount:
        """How many commands match now."""
        return await self._transactions.read(lambda tx: selected_commands.count(tx, wanted))

    async def page(self, wanted: Selection, after: int, last: int, limit: int) -> list[Summary]:
        """The next `limit` commands that match, the oldest first: with numbers above `after` and up to `last`."""
        return await self._transactions.read(lambda tx: selected_commands.page(tx, wanted, after, last, limit))

    async def named(self, uids: Sequence[str]) -> Mapping[str, Summary]:
        """These commands by their uids, in any state. A uid without a command is left out."""
        return await self._transactions.read(lambda tx: selected_commands.named(tx, uids))

    async def story(self, uid: str) -> Story | None:
        """The whole story of a command; None if there is no command with this uid."""
        return await self._transactions.read(lambda tx: command_queries.show(tx, uid))

    async def known(self, uids: Sequence[str]) -> list[KnownCommand]:
        """The facts about these commands that a replay needs. A uid without a command is left out."""
        return await self._transactions.read(lambda tx: known_commands.known(tx, uids))

    async def changes(self, since: int) -> tuple[list[Change], int]:
        """The next events with numbers above `since`, the oldest first, and the number to ask from later.

        Ask again at once from the number of the last event. The second number stays behind the newest events for a
        minute, because an event with a lower number may still be committed. Asked from there, events come again.
        """
        return await self._transactions.read(lambda tx: command_queries.changes(tx, since))

    async def newest_event_number(self) -> int:
        """The number of the newest event; 0 if there is none."""
        return await self._transactions.read(command_queries.newest_event_number)
