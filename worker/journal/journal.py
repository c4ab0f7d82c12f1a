"""The journal as a worker uses it: each method is one transaction and says what it promises.

Every method that reaches the database raises `JournalUnavailable` when the database does not answer. A write that
raises `JournalUnavailable` may have been made or not: the caller looks again later and assumes nothing.

People use the journal through `OperatorJournal`.
"""

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType

from events.wire.record import Record
from worker.errors import LaneLost
from worker.journal.database.protocol import LaneKey
from worker.journal.database.transactions import Transactions
from worker.journal.intake_records import Intake, Taken
from worker.journal.operating import rebuild_statements, wakeups
from worker.journal.operating.pauses import Pauses
from worker.journal.operating.retention import Retention
from worker.journal.processing import (
    chore_lease,
    consumer_group,
    intake,
    lane_ownership,
    lane_prefixes_of_accounts,
    move_when_account_known,
    outbox,
    pauses,
    repeated_records,
    runnable_commands,
    runs,
    unknown_rows,
)
from worker.journal.processing.exports import Exports
from worker.journal.processing.lane_prefixes_of_accounts import Directory
from worker.journal.processing.requests import LaneRequests
from worker.journal.processing.shared_ceilings import SharedCeilings
from worker.journal.reading import counts, seen_lags
from worker.journal.records import Call, Claim, Conclusion, Micros, NewDeadLetter, Pause, Step, UnknownRow, Unsent, Work


class EffectHeld(Exception):
    """Another command of the customer has this effect open."""

    def __init__(self, uid: str) -> None:
        super().__init__(f"the effect is held by command {uid}")
        self.uid = uid


class Journal:
    """The commands, the results and the events of azplan, for one worker.

    `requests`: the requests of people about commands of this worker's lanes. `retention`: forgets finished work.
    `ceilings`: the request ceilings that all processes on the journal share. `exports`: datasets and their versions.
    """

    def __init__(self, transactions: Transactions) -> None:
        """`transactions`: an `OperatorJournal` may use the same."""
        self.transactions = transactions
        self.worker = ""
        self.requests = LaneRequests(transactions, lambda: self.worker)
        self.retention = Retention(transactions)
        self.ceilings = SharedCeilings(transactions)
        self.exports = Exports(transactions)
        self._pauses = Pauses(transactions)
        self._looked_up_to = ""

    async def open(self) -> None:
        """Connect. Raises `JournalRefused` with what to do, and `JournalMissing`."""
        await self.transactions.open()

    async def close(self) -> None:
        """Commit what was submitted and close every connection, within a few seconds even if the database is silent."""
        await self.transactions.close()

    def now(self) -> Micros:
        """The database's clock, estimated without asking the database: never ahead of it."""
        return self.transactions.now()

    @property
    def warnings(self) -> Sequence[str]:
        """Settings of the database that weaken what the journal promises, one sentence each."""
        return self.transactions.warnings

    # ---- group, topic and accounts

    async def is_empty(self) -> bool:
        """True if no record was ever stored and the journal was never bound to a consumer group."""
        return await self.transactions.read(consumer_group.is_empty)

    async def is_half_rebuilt(self) -> bool:
        """True if a rebuild of this journal has begun and has not ended."""
        return await self.transactions.read(rebuild_statements.unfinished)

    async def bind(self, group: str, topic: str) -> None:
        """Remember, once, the consumer group and the commands topic that this journal belongs to.

        Raises `JournalRefused` if the journal belongs to another group or topic.
        """
        await self.transactions.write(lambda tx: consumer_group.bind(tx, group, topic))

    async def register_tenants(self, accounts: Mapping[str, str]) -> Directory:
        """Remember the tenants and the present names of these accounts, from account names to tenant ids.

        Raises `JournalRefused` if the journal holds unfinished work of an account with an unknown tenant.
        """
        return await self.transactions.write(lambda tx: lane_prefixes_of_accounts.register(tx, accounts))

    # ---- workers and lanes

    async def register(self, name: str, version: str, lease: float) -> None:
        """Become a worker with a new id, alive for `lease` seconds."""
        worker, alone = str(uuid.uuid4()), self.transactions.alone
        await self.transactions.write(lambda tx: lane_ownership.register(tx, worker, name, version, lease, alone=alone))
        self.worker = worker

    async def heartbeat(self, lease: float) -> bool:
        """Stay alive for another `lease` seconds. False: the lease is over, and every lane may have another owner.

        Waits for no lane and behind no other write.
        """
        worker = self.worker
        return await self.transactions.write_at_once(lambda tx: lane_ownership.heartbeat(tx, worker, lease))

    async def retire(self) -> None:
        """Stop being a worker: all lanes are free at once. Waits for no lane and behind no other write."""
        worker = self.worker
        await self.transactions.write_at_once(lambda tx: lane_ownership.retire(tx, worker))

    async def touch(self) -> None:
        """Write as little as possible: shows whether the database takes writes at all."""
        await self.transactions.write(lane_ownership.touch)

    async def take_lanes(self, limit: int) -> int:
        """Take at most `limit` of the oldest unfinished lanes without a living owner. Returns how many were taken."""
        worker = self.worker
        return await self.transactions.write(lambda tx: lane_ownership.take(tx, worker, limit))

    async def give_back(self, limit: int) -> int:
        """Check the next `limit` lanes of this worker and give back the finished ones. Returns how many."""
        worker, after = self.worker, self._looked_up_to
        finished, self._looked_up_to = await self.transactions.read(
            lambda tx: lane_ownership.finished_lanes(tx, worker, after, limit)
        )
        if not finished:
            return 0
        return await self.transactions.write(lambda tx: lane_ownership.give_back(tx, worker, finished), lanes=finished)

    async def hinted(self, seconds: float) -> bool:
        """Wait until another process has something for this worker to look at. False if no hint came in `seconds`.

        A hint may come late, without a reason, or not at all: work is found by looking, not by hints.
        """
        return await self.transactions.hinted(self.worker, seconds)

    async def take_chore(self, name: str, lease: float) -> bool:
        """Take or keep a chore, which one worker does for all, for `lease` seconds. False while another has it."""
        worker = self.worker
        return await self.transactions.write(lambda tx: chore_lease.take(tx, name, worker, lease))

    # ---- intake

    async def repeated(self, records: Sequence[Record]) -> list[str | None]:
        """For each record of one topic the type of the command as which this very record is in the journal already.

        None for a record that takes the ordinary way: nothing is known about it. In a small batch that is every record.
        """
        if len(records) < repeated_records.FEWEST:
            return [None] * len(records)
        return await self.transactions.read_statement(lambda tx: repeated_records.repeated(tx, records))

    async def accept(
        self, items: Sequence[Intake], instead: Callable[[Intake, Exception], NewDeadLetter]
    ) -> list[Taken]:
        """Store every record of a batch. When it returns, the offsets of the records may be committed.

        If the database refuses a record, `instead` makes the dead letter that is stored for it. The other records are
        stored all the same.
        """
        return await intake.accept_all(self.transactions, self.worker, items, instead)

    # ---- commands

    async def claim(
        self,
        partners: Sequence[str],
        limit: int,
        running: Collection[str],
        without: Mapping[str, Collection[tuple[str, str]]] = MappingProxyType({}),
    ) -> Claim:
        """Commands of this worker's lanes that can run now, at most `limit` for each partner.

        `without`: kinds of commands that are left out, by partner.
        """
        worker, busy = self.worker, set(running)
        return await self.transactions.read_statement(
            lambda tx: runnable_commands.claim(tx, worker, partners, limit, busy, without)
        )

    async def partners(self) -> list[str]:
        """The partners of all commands that wait for their turn; "" if a command names none."""
        return await self.transactions.read_statement(runnable_commands.partners)

    async def runnable(self, limit: int) -> int:
        """How many commands of this worker's lanes can run now and are not paused. The count stops at `limit`."""
        worker = self.worker
        return await self.transactions.read_statement(lambda tx: runnable_commands.runnable(tx, worker, limit))

    async def put_off(self, found: Sequence[UnknownRow]) -> list[UnknownRow]:
        """Make commands that this azplan does not understand due later. Returns those put off for the first time."""
        locked = sorted({each.lane for each in found})
        return await self.transactions.write(lambda tx: unknown_rows.put_off(tx, found), lanes=locked)

    async def intend(self, item: Work, step: Step, within: float, key: str | None = None) -> Step:
        """Store durably, before a request of this step leaves, that it may arrive within the next `within` seconds.

        Returns the step as it stands now. Raises `LaneLost`; `EffectHeld` if another command has the effect `key` open.
        """
        held = await self.transactions.write(lambda tx: runs.intend(tx, item, step, within, key), item, in_full=True)
        if held is None:
            raise LaneLost(item.lane)
        if isinstance(held, str):
            raise EffectHeld(held)
        return held

    async def record(self, item: Work, step: Step, calls: Sequence[Call] = (), *, spent: bool = False) -> None:
        """Store the known state of a step durably. `spent`: no request of the command can change anything any more.

        Raises `LaneLost`.
        """
        insist(
            await self.transactions.write(lambda tx: runs.record(tx, item, step, spent=spent, calls=calls), item), item
        )

    async def put_away(self, item: Work, names: Sequence[str]) -> None:
        """Archive finished steps, which frees their names for new steps. Raises `LaneLost`."""
        insist(await self.transactions.write(lambda tx: runs.put_away(tx, item, names), item), item)

    async def close_effect(self, item: Work, key: str) -> None:
        """Close an effect that an earlier command left open: its outcome is known now. Raises `LaneLost`."""
        insist(await self.transactions.write(lambda tx: runs.close_effect(tx, item, key), item), item)

    async def conclude(self, item: Work, end: Conclusion) -> None:
        """Store durably how the run ended, with its events and its dead letter. Raises `LaneLost`."""
        letters = [lane_ownership.dead_letter_lane(end.letter.source.partition)] if end.letter else []
        insist(await self.transactions.write(lambda tx: runs.conclude(tx, item, end), item, new_lanes=letters), item)

    async def move_to_lane(self, item: Work, to: LaneKey, account: str) -> bool:
        """Move a failed command and its open requests into another lane; its events name `account` from now on.

        False if the command stays: it has written something, its answer is not published yet, or it has changed.
        """
        return await self.transactions.write(
            lambda tx: move_when_account_known.move(tx, item, to, account), item, new_lanes=[to]
        )

    # ---- outbox

    async def unsent(self, limit: int, after: tuple[int, int] = (0, 0)) -> list[Unsent]:
        """The oldest events and dead letters of this worker's lanes that Kafka has not acknowledged.

        `after`: the sequence numbers of an event and a dead letter to begin behind. A lane that has an unsent event
        before them is left out, so the caller begins at (0, 0) again now and then.
        """
        worker = self.worker
        return await self.transactions.read_statement(lambda tx: outbox.unsent(tx, worker, limit, after))

    async def sent(self, rows: Sequence[Unsent]) -> None:
        """Remember that Kafka has acknowledged these events and dead letters."""
        await self.transactions.write(lambda tx: outbox.sent(tx, rows), exact=False)

    # ---- pauses, probes and counts

    async def pauses(self) -> list[Pause]:
        """All pauses, the oldest first, with partners as in `Work`."""
        return await self.transactions.read_statement(pauses.pauses)

    async def release_paused(self) -> int:
        """Make commands of this worker's lanes due that waited for a pause and are held by none. Returns how many."""
        return await self._pauses.release(self.worker)

    async def probe_asked_at(self) -> Micros:
        """When a person last asked for open circuits to be probed; 0 if nobody did."""
        return await self.transactions.read_statement(wakeups.probe_asked_at)

    async def seen_lags(self) -> list[seen_lags.KeptLag]:
        """How late things showed at Partner Center: the newest observations of each account, the oldest first."""
        return await self.transactions.read(seen_lags.newest)

    async def gauges(self) -> counts.Gauges:
        """Open commands, unsent events and open dead letters, in numbers, for metrics."""
        return await self.transactions.read(counts.gauges)


def insist(held: bool, item: Work) -> None:  # noqa: FBT001 - the result of a conditional write
    """Raise `LaneLost` if a conditional write changed nothing."""
    if not held:
        raise LaneLost(item.lane)
