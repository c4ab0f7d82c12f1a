"""The methods by which a rebuild reads and writes the journal."""

from collections.abc import Mapping, Sequence

from worker.journal.database.protocol import LaneKey, Row
from worker.journal.database.transactions import Transactions
from worker.journal.operating import rebuild_statements
from worker.journal.operating.rebuild_statements import BroughtUp, CommandWithoutRecord, EventCopy
from worker.journal.processing.lane_ownership import dead_letter_lane
from worker.journal.records import Micros, NewDeadLetter, NewEvent


class RebuildStore:
    """Writes a journal from published records. Every method raises `JournalUnavailable`.

    A rebuild calls `begin` first and `end` last. Between the two no worker begins on the journal.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def begin(self) -> None:
        """Mark the journal as unfinished."""
        await self._transactions.write(rebuild_statements.begin)

    async def end(self, who: str, why: str) -> None:
        """Make the heads of all lanes due, mark the journal as whole, and remember who rebuilt it and why."""
        await self._transactions.write(lambda tx: rebuild_statements.end(tx, who, why))

    async def copy(self, found: Sequence[EventCopy]) -> None:
        """Store published events with their ids and times. An event that is there already stays."""
        await self._transactions.write(lambda tx: rebuild_statements.copy(tx, found))

    async def events_of_newest_stories(self, uids: Sequence[str]) -> Mapping[str, Row]:
        """For each of these commands with a published event: one event of its newest story."""
        return await self._transactions.read(lambda tx: rebuild_statements.events_of_newest_stories(tx, uids))

    async def unsettled(self, lanes: str) -> bool:
        """Whether a story in the lanes of a tenant has no answer, or failed: a write may still be in doubt.

        `lanes` is the word that the lanes of the tenant begin with.
        """
        return await self._transactions.read(lambda tx: rebuild_statements.unsettled(tx, lanes))

    async def guard_lanes(self, lanes: Sequence[LaneKey], guard: Micros) -> None:
        """Let these lanes wait for `guard` microseconds before anything runs in them."""
        await self._transactions.write(lambda tx: rebuild_statements.guard_lanes(tx, lanes, guard), new_lanes=lanes)

    async def events_without_command(self, limit: int) -> Sequence[Row]:
        """The first event of each of the next `limit` commands that the journal does not have."""
        return await self._transactions.read(lambda tx: rebuild_statements.events_without_command(tx, limit))

    async def forget(self, uids: Sequence[str]) -> None:
        """Delete the copied events of commands that the journal does not have."""
        await self._transactions.write(lambda tx: rebuild_statements.forget(tx, uids))

    async def enter_without_record(self, found: Sequence[CommandWithoutRecord]) -> None:
        """Store commands of which only events are left: their ids stay known and their answers stay."""
        lanes = {each.lane: LaneKey(each.lane, each.partner or "", each.customer) for each in found}
        await self._transactions.write(
            lambda tx: rebuild_statements.enter_without_record(tx, found), new_lanes=list(lanes.values())
        )

    async def commands(self, after: int, limit: int) -> Sequence[Row]:
        """The next `limit` commands with numbers above `after`, as they stand."""
        return await self._transactions.read(lambda tx: rebuild_statements.commands(tx, after, limit))

    async def bring_up(self, rows: Sequence[Row], guard: Micros) -> BroughtUp:
        """Bring these commands to the state that their published events say.

        The lanes of open and failed commands wait for `guard` microseconds: by then every request that a worker sent
        has arrived and its effect shows.
        """
        return await self._transactions.write(lambda tx: rebuild_statements.bring_up(tx, rows, guard))

    async def failed_without_dead_letter(self, limit: int) -> Sequence[Row]:
        """The next `limit` failed commands without a dead letter, with the value of their failure's event as `said`."""
        return await self._transactions.read(lambda tx: rebuild_statements.failed_without_dead_letter(tx, limit))

    async def add_dead_letters(self, found: Sequence[tuple[str, NewDeadLetter]]) -> None:
        """Store dead letters, by the uids of their commands, as published."""
        lanes = dict.fromkeys(dead_letter_lane(each.source.partition) for _, each in found)
        await self._transactions.write(lambda tx: rebuild_statements.add_dead_letters(tx, found), new_lanes=list(lanes))

    async def open_without_record(self, limit: int) -> Sequence[Row]:
        """The next `limit` open commands without their bytes. No worker can run such a command."""
        return await self._transactions.read(lambda tx: rebuild_statements.open_without_record(tx, limit))

    async def give_up(self, row: Row, code: str, event: NewEvent) -> None:
        """Fail a command that no worker can run, with this code and this event."""
        await self._transactions.write(lambda tx: rebuild_statements.give_up(tx, row, code, event))
