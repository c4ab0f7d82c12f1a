"""Brings an empty or older journal up to the commands and events topics. No worker may live meanwhile.

A command with an answer is concluded. Any other is open again and may have begun: the id of its cart is lost. Its lane
waits until every unanswered request has arrived and every order shows. Then its handler looks before it buys.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from events.codes import FailedCode
from events.messages.base import Origin
from events.messages.command_status import CommandFailed
from events.wire import identity
from events.wire.dead_letter import Failure, dead_letter_headers
from events.wire.event_reader import PublishedEvent, SkippedRecord, SkippedRecords, read_event
from events.wire.identity import command_uid
from events.wire.record import Record
from worker.broker.port import Admin, Partition
from worker.clock import duration_micros, micros
from worker.errors import JournalRefused
from worker.journal.database.columns import account, load_headers, source
from worker.journal.database.protocol import LaneKey, Row
from worker.journal.intake_records import Intake, Taken
from worker.journal.operating.rebuild_statements import BroughtUp, CommandWithoutRecord, EventCopy
from worker.journal.operator_journal import OperatorJournal
from worker.journal.processing.lane_prefixes_of_accounts import Directory, Tenant
from worker.journal.records import Micros, NewDeadLetter, NewEvent, State
from worker.operators.sending.genuine_events import PublishedEvents
from worker.operators.tenants_of_events import PublishedAccounts
from worker.runtime.conclusion import Sender, event_at
from worker.runtime.intake_rules import IntakeRules, intake, lane_of, refused_by_database

PORTION = 500
GONE = "the journal was rebuilt, and neither the record of the command nor an answer is on the topics any more"


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a rebuild reads, and by which rules. `guard`: seconds that lanes of open and failed commands wait first."""

    admin: Admin
    commands_topic: str
    events_topic: str
    group: str
    desk: IntakeRules
    tenants: Directory
    guard: float


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How many events and commands a rebuild found.

    `gone` counts open commands without a record on the topic. `passed` are records of the events topic that azplan
    would not write.
    """

    events: int
    commands: int
    concluded: int
    open: int
    kept: int
    gone: int
    passed: SkippedRecords


class Rebuild:
    """Rebuilds a journal. A rebuild that was interrupted can be run again: it keeps what is stored already."""

    def __init__(self, journal: OperatorJournal, sources: Sources, tell: Callable[[str], None]) -> None:
        """`tell` is called with a sentence at the begin of each part of the work."""
        self._journal = journal
        self._sources = sources
        self._tell = tell
        self._accounts = PublishedAccounts(journal)
        self._told = PublishedEvents(sources.admin, sources.commands_topic)

    async def run(self, who: str, why: str, *, alone: bool) -> Rebuilt:
        """Bring the journal up to the topics. `alone`: no other process can have it open.

        Raises `JournalRefused` while a worker lives, if the journal belongs to another group or topic, and if events
        name an account that has unfinished work and an unknown tenant.
        """
        journal, sources = self._journal, self._sources
        if not alone:
            await refuse_beside_workers(journal)
        await journal.bind(sources.group, sources.commands_topic)
        await journal.rebuild.begin()
        self._tell(f"copying the events of {sources.events_topic}")
        copied = await self._copy()
        await self._accounts.refuse_unknown()
        if not alone:
            await refuse_beside_workers(journal)  # a worker may have begun between the first look and the mark
        self._tell(f"reading the commands of {sources.commands_topic}")
        entered = await self._enter()
        await self._enter_bare()
        self._tell("bringing commands up to their events")
        opened = await self._bring_up()
        await self._bury()
        gone = await self._give_up()
        await journal.rebuild.end(who, why)
        return Rebuilt(copied, entered, opened.concluded, opened.open - gone, opened.kept, gone, self._told.passed)

    async def _copy(self) -> int:
        number = 0
        async for records in self._portions(self._sources.events_topic):
            told = [(record, event) for record in records if (event := await self._told.event(record))]
            found = [copied(record, event, await self._accounts.tenant(event.event.partner)) for record, event in told]
            await self._journal.rebuild.copy(found)
            number += len(found)
        return number

    async def _enter(self) -> int:
        desk, number = self._sources.desk, 0

        def instead(item: Intake, error: Exception) -> NewDeadLetter:
            return refused_by_database(item, error, desk)

        async for records in self._portions(self._sources.commands_topic):
            items = [intake(record, self._journal.now(), desk) for record in records]
            uids = sorted({item.command.uid for item in items if item.command})
            told = await self._journal.rebuild.events_of_newest_stories(uids)
            items = [await self._as_told(item, told) for item in items]
            taken = await self._journal.accept(items, instead)
            number += sum(each in (Taken.NEW, Taken.REFUSED) for each in taken)
        return number

    async def _as_told(self, item: Intake, told: Mapping[str, Row]) -> Intake:
        """The command with the account and the lane of its events, not of today's settings. A command that has events
        is not new, so it is never too old, however old its record is."""
        if item.command is None or item.command.uid not in told:
            return item
        found = stored(told[item.command.uid])
        if isinstance(found, SkippedRecord):
            return replace(item, too_old=None)
        tenant = await self._accounts.tenant(found.event.partner)
        command = replace(
            item.command,
            lane=lane_of(tenant, item.command.customer),
            partner=tenant.lanes if tenant else None,
            account=tenant.account if tenant else None,
        )
        return replace(item, command=command, too_old=None)

    async def _enter_bare(self) -> None:
        while rows := await self._journal.rebuild.events_without_command(PORTION):
            found = [each for row in rows if (each := await self._bare(row))]
            strange = {row["uid"] for row in rows} - {each.uid for each in found}
            await self._journal.rebuild.forget(sorted(strange))
            await self._journal.rebuild.enter_without_record(found)

    async def _bare(self, row: Row) -> CommandWithoutRecord | None:
        found = stored(row)
        if isinstance(found, SkippedRecord):
            return None
        return bare(row["uid"], found, await self._accounts.tenant(found.event.partner))

    async def _guard_strays(self, rows: Sequence[Row], guard: int) -> None:
        """Let a customer's lanes of all accounts wait if the account of an open command is unknown: it may be any."""
        customers = [row["customer"] for row in rows if not row["partner"] and State(row["state"]).is_open]
        lanes = [
            LaneKey(lane_of(tenant, customer), tenant.lanes, customer)
            for customer in dict.fromkeys(customers)
            for tenant in self._sources.tenants.accounts.values()
        ]
        if lanes:
            await self._journal.rebuild.guard_lanes(lanes, guard)

    async def _bring_up(self) -> BroughtUp:
        after, total, guard = 0, BroughtUp(), duration_micros(self._sources.guard)
        while rows := await self._journal.rebuild.commands(after, PORTION):
            after = rows[-1]["seq"]
            more = await self._journal.rebuild.bring_up(rows, guard)
            await self._guard_strays(rows, guard)
            total = BroughtUp(total.concluded + more.concluded, total.open + more.open, total.kept + more.kept)
        return total

    async def _bury(self) -> None:
        while rows := await self._journal.rebuild.failed_without_dead_letter(PORTION):
            found = [(row["uid"], letter(row, self._sources.desk.sender)) for row in rows]
            await self._journal.rebuild.add_dead_letters(found)

    async def _give_up(self) -> int:
        number = 0
        while rows := await self._journal.rebuild.open_without_record(PORTION):
            for row in rows:
                event = gone(row, self._journal.now())
                await self._journal.rebuild.give_up(row, FailedCode.OUTCOME_UNKNOWN, event)
            number += len(rows)
        return number

    async def _portions(self, topic: str) -> AsyncIterator[list[Record]]:
        """All records of the topic up to its present end, in portions."""
        admin = self._sources.admin
        beginnings, ends = await admin.beginnings(topic), await admin.ends(topic)
        wanted: Mapping[Partition, range] = {each: range(first, ends[each]) for each, first in beginnings.items()}
        portion: list[Record] = []
        async for record in admin.read({each: offsets for each, offsets in wanted.items() if offsets}):
            portion.append(record)
            if len(portion) == PORTION:
                yield portion
                portion = []
        if portion:
            yield portion


async def refuse_beside_workers(journal: OperatorJournal) -> None:
    """Raises `JournalRefused` while a worker lives."""
    living = await journal.statistics.living_workers()
    if living:
        names = ", ".join(sorted({worker.name for worker in living}))
        raise JournalRefused(
            f"{len(living)} workers live on this journal ({names}), and a journal cannot be rebuilt under them. Stop "
            "the workers. A killed worker counts as living until its lease (AZPLAN_WORKER__LEASE) is over."
        )


def copied(record: Record, found: PublishedEvent, tenant: Tenant | None) -> EventCopy:
    """The copy of an event for the journal, in the lane of its customer and tenant."""
    event = found.event
    at = micros(found.time) if found.time else (record.timestamp or 0) * 1_000
    return EventCopy(
        id=found.id,
        uid=str(command_uid(event.command_source, event.command_id)),
        redrive=event.redrive,
        type=event.wire_type(),
        lane=lane_of(tenant, event.customer_id),
        key=record.key or b"",
        value=record.value or b"",
        headers=record.headers,
        at=at,
    )


def stored(row: Row) -> PublishedEvent | SkippedRecord:
    """The event in a row of the journal. Another version of azplan may have copied it."""
    return read_event(Record("", 0, 0, None, row["key"], row["value"], load_headers(row["headers"])))


def bare(uid: str, found: PublishedEvent, tenant: Tenant | None) -> CommandWithoutRecord:
    """The command of an event, without the command's record."""
    event = found.event
    return CommandWithoutRecord(
        uid=uid,
        source=event.command_source,
        id=event.command_id,
        type=event.command_type,
        lane=lane_of(tenant, event.customer_id),
        partner=tenant.lanes if tenant else None,
        account=event.partner,
        customer=event.customer_id,
        correlation_id=found.correlation_id or event.command_id,
    )


def letter(row: Row, sender: Sender) -> NewDeadLetter:
    """The dead letter of a failed command, from its record and from the event of its failure."""
    said = CommandFailed.model_validate_json(row["said"])
    record = source(row)
    failure = Failure(
        group=sender.group,
        code=said.code,
        detail=said.detail,
        attempts=said.attempts,
        first_failed_at=None,
        worker_version=sender.version,
        correlation_id=row["correlation_id"],
        redrive=row["redrive"],
    )
    return NewDeadLetter(
        code=said.code,
        detail=said.detail,
        source=record,
        headers=dead_letter_headers(record, failure),
        redrive=row["redrive"],
        attempts=said.attempts,
        correlation_id=row["correlation_id"],
    )


def gone(row: Row, now: Micros) -> NewEvent:
    """The terminal event of a command that no worker can run any more."""
    origin = Origin(row["id"], row["source"], row["type"], row["customer"], account(row), row["redrive"])
    event = CommandFailed.of(
        origin, code=FailedCode.OUTCOME_UNKNOWN, detail=GONE, attempts=row["attempts"], outcome_unknown=True
    )
    return event_at(
        event,
        id=identity.event_id(row["source"], row["id"], row["redrive"], identity.TERMINAL),
        at=now,
        correlation_id=row["correlation_id"],
        causation_id=row["id"],
    )
