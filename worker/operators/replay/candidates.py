"""Finds the commands to replay: in records of the commands topic, read outside the group, or in the journal."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from events.wire.record import Record
from worker.broker.port import Admin, Partition
from worker.journal.intake_records import Intake
from worker.journal.operator_journal import OperatorJournal
from worker.journal.reading.known_commands import KnownCommand
from worker.journal.selection import Selection
from worker.operators.replay.decisions import Known
from worker.runtime.intake_rules import IntakeRules, intake

PORTION = 500


class NotThere(Exception):
    """The topic does not have the records that a person asked for. The message says which records it has."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A command that may be replayed, as it stands on the topic or in the journal."""

    type: str
    customer: str | None
    partner: str | None
    known: Known | None
    item: Intake | None = None


async def ranges(
    admin: Admin,
    topic: str,
    *,
    begin: datetime | None = None,
    end: datetime | None = None,
    offsets: Sequence[tuple[int, range]] = (),
) -> Mapping[Partition, range]:
    """The offsets to read of each partition: `offsets`, or else the span of time from `begin` to `end`, both included.

    Raises `NotThere` for offsets that the topic never had or no longer has.
    """
    if offsets:
        return await _given(admin, topic, offsets)
    first = await admin.beginnings(topic) if begin is None else await admin.offsets_at(topic, begin)
    after = await admin.ends(topic) if end is None else await admin.offsets_at(topic, end + timedelta(milliseconds=1))
    return {each: range(start, after[each]) for each, start in first.items() if after[each] > start}


async def shortened(admin: Admin, topic: str, begin: datetime) -> list[int]:
    """The partitions in which records since `begin` may be deleted, because no older record is left in them."""
    beginnings, first = await admin.beginnings(topic), await admin.offsets_at(topic, begin)
    return sorted(each.number for each, start in beginnings.items() if 0 < start == first[each])


async def _given(admin: Admin, topic: str, offsets: Sequence[tuple[int, range]]) -> Mapping[Partition, range]:
    beginnings, ends = await admin.beginnings(topic), await admin.ends(topic)
    wanted: dict[Partition, range] = {}
    for number, asked in offsets:
        each = Partition(topic, number)
        if each not in beginnings:
            numbers = sorted(known.number for known in beginnings)
            raise NotThere(f"{topic} has no partition {number}: it has {numbers[0]} to {numbers[-1]}")
        first, end = beginnings[each], ends[each]
        if asked.start < first:
            raise NotThere(
                f"partition {number} of {topic} begins at offset {first} now: earlier records are deleted. "
                "--journal finds the commands that the journal knows"
            )
        if asked.start >= end:
            raise NotThere(f"partition {number} of {topic} ends before offset {end}: no record is at {asked.start} yet")
        wanted[each] = range(asked.start, min(asked.stop, end))
    return wanted


async def of_records(
    journal: OperatorJournal, records: AsyncIterator[Record], desk: IntakeRules, wanted: Selection
) -> AsyncIterator[Candidate]:
    """The commands in these records that match.

    Each command comes once, with its first record, and once more with the first record of its id with other content.
    """
    seen: set[tuple[str, bool]] = set()
    portion: list[Intake] = []
    meant = await journal.commands.with_current_partner(wanted)
    async for record in records:
        portion.append(intake(record, journal.now(), desk))
        if len(portion) == PORTION:
            for candidate in await _candidates(journal, portion):
                if fresh(candidate, seen) and fits(candidate, meant):
                    yield candidate
            portion = []
    for candidate in await _candidates(journal, portion):
        if fresh(candidate, seen) and fits(candidate, meant):
            yield candidate


async def of_journal(
    journal: OperatorJournal, wanted: Selection, *, begin: int = 0, end: int | None = None
) -> AsyncIterator[Candidate]:
    """The commands of the journal that match and were received from `begin` to `end`, the oldest first."""
    after = 0
    while page := await journal.commands.following(wanted, after, PORTION):
        after = page[-1].seq
        meant = [each.uid for each in page if each.received_at >= begin and (end is None or each.received_at <= end)]
        for candidate in await of_commands(journal, meant):
            yield candidate


async def of_commands(journal: OperatorJournal, uids: Sequence[str]) -> list[Candidate]:
    """These commands of the journal, in this order. A uid without a command is left out."""
    found: list[Candidate] = []
    for start in range(0, len(uids), PORTION):
        portion = uids[start : start + PORTION]
        by_uid = {each.uid: each for each in await journal.commands.known(portion)}
        found.extend(_remembered(by_uid[uid]) for uid in portion if uid in by_uid)
    return found


def fresh(candidate: Candidate, seen: set[tuple[str, bool]]) -> bool:
    """Whether `seen` does not have this identity yet, with the same content or with other content."""
    if candidate.item is None or candidate.item.command is None:
        return True
    same = candidate.known is None or candidate.known.same_content
    key = (candidate.item.command.uid, same)
    if key in seen:
        return False
    seen.add(key)
    return True


def fits(candidate: Candidate, wanted: Selection) -> bool:
    """Whether a command is in the selection."""
    return wanted.holds(candidate.partner, candidate.customer, candidate.type) and (
        wanted.code is None or (candidate.known is not None and candidate.known.code == wanted.code)
    )


async def _candidates(journal: OperatorJournal, items: Sequence[Intake]) -> list[Candidate]:
    uids = sorted({item.command.uid for item in items if item.command})
    known = {each.uid: each for each in await journal.commands.known(uids)} if uids else {}
    return [_candidate(item, known) for item in items]


def _candidate(item: Intake, known: Mapping[str, KnownCommand]) -> Candidate:
    command = item.command
    if command is None:
        return Candidate(type="", customer=None, partner=None, known=None, item=item)
    found = known.get(command.uid)
    if found is None:
        return Candidate(command.type, command.customer, command.partner, None, item)
    if command.is_same(found.fingerprint, found.algorithm):
        return _remembered(found, item)
    other = Known(found.uid, found.type, found.state, found.code, found.redrive, same_content=False)
    return Candidate(found.type, found.customer, found.partner, other, item)


def _remembered(found: KnownCommand, item: Intake | None = None) -> Candidate:
    known = Known(
        found.uid, found.type, found.state, found.code, found.redrive, pruned=found.pruned, archived=found.archived
    )
    return Candidate(found.type, found.customer, found.partner, known, item)
