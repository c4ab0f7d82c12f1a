"""What is to be replayed: records of the commands topic, read from outside the group, or commands of the journal."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from events.wire.record import Record
from worker.broker.port import Admin, Partition
from worker.journal.database.columns import PARTNER_OF_COMMAND
from worker.journal.database.protocol import Transaction
from worker.journal.journal import Journal
from worker.journal.reading import timeline
from worker.journal.records import Intake, State
from worker.journal.selection import Selection
from worker.operators.replay.decisions import Known
from worker.runtime.intake import Desk, intake

PORTION = 500


class NotThere(Exception):
    """Records were asked for that the topic does not have. The message says which it has."""


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
    """Which offsets of which partitions are meant: those given, or those of a span of time with both ends included.

    Raises `NotThere` for offsets that the topic never had or has no more.
    """
    if offsets:
        return await _given(admin, topic, offsets)
    first = await admin.beginnings(topic) if begin is None else await admin.offsets_at(topic, begin)
    after = await admin.ends(topic) if end is None else await admin.offsets_at(topic, end + timedelta(milliseconds=1))
    return {each: range(start, after[each]) for each, start in first.items() if after[each] > start}


async def shortened(admin: Admin, topic: str, begin: datetime) -> list[int]:
    """The partitions of which records of that instant, or later ones, may be deleted: nothing older is left of them."""
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
                f"partition {number} of {topic} begins at offset {first} by now: what came before is deleted there, "
                "and what the journal knows of it is found with --journal"
            )
        if asked.start >= end:
            raise NotThere(f"partition {number} of {topic} ends before offset {end}: nothing is at {asked.start} yet")
        wanted[each] = range(asked.start, min(asked.stop, end))
    return wanted


async def of_records(
    journal: Journal, records: AsyncIterator[Record], desk: Desk, wanted: Selection
) -> AsyncIterator[Candidate]:
    """The commands in these records that match, each once: its first record, and the first one of other content."""
    seen: set[tuple[str, bool]] = set()
    portion: list[Intake] = []
    meant = await journal.read(lambda tx: timeline.as_called_now(tx, wanted))
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
    journal: Journal, wanted: Selection, *, begin: int = 0, end: int | None = None
) -> AsyncIterator[Candidate]:
    """The commands of the journal that match and were received in this span, the oldest first."""
    after = 0
    while page := await journal.read(lambda tx, after=after: timeline.following(tx, wanted, after, PORTION)):  # type: ignore[misc]
        after = page[-1].seq
        meant = [each.uid for each in page if each.received_at >= begin and (end is None or each.received_at <= end)]
        for candidate in await of_commands(journal, meant):
            yield candidate


async def of_commands(journal: Journal, uids: Sequence[str]) -> list[Candidate]:
    """These commands of the journal, in this order."""
    found: list[Candidate] = []
    for start in range(0, len(uids), PORTION):
        rows = await journal.read(lambda tx, start=start: _known(tx, uids[start : start + PORTION]))  # type: ignore[misc]
        by_uid = {candidate.known.uid: candidate for candidate, _, _ in rows if candidate.known}
        found.extend(by_uid[uid] for uid in uids[start : start + PORTION] if uid in by_uid)
    return found


def fresh(candidate: Candidate, seen: set[tuple[str, bool]]) -> bool:
    """Whether this identity has not been met before, with this or other content."""
    if candidate.item is None or candidate.item.command is None:
        return True
    same = candidate.known is None or candidate.known.same_content
    key = (candidate.item.command.uid, same)
    if key in seen:
        return False
    seen.add(key)
    return True


def fits(candidate: Candidate, wanted: Selection) -> bool:
    """Whether a command is one of those that were asked for."""
    return wanted.holds(candidate.partner, candidate.customer, candidate.type) and (
        wanted.code is None or (candidate.known is not None and candidate.known.code == wanted.code)
    )


async def _candidates(journal: Journal, items: Sequence[Intake]) -> list[Candidate]:
    uids = sorted({item.command.uid for item in items if item.command})
    rows = await journal.read(lambda tx: _known(tx, uids)) if uids else []
    known = {
        candidate.known.uid: (candidate, print_, algorithm) for candidate, print_, algorithm in rows if candidate.known
    }
    return [_candidate(item, known) for item in items]


def _candidate(item: Intake, known: Mapping[str, tuple[Candidate, str, int]]) -> Candidate:
    command = item.command
    if command is None:
        return Candidate(type="", customer=None, partner=None, known=None, item=item)
    found = known.get(command.uid)
    if found is None:
        return Candidate(command.type, command.customer, command.partner, None, item)
    there, fingerprint, algorithm = found
    assert there.known is not None  # noqa: S101 - it is what the dictionary was made by
    remembered = there.known if command.is_same(fingerprint, algorithm) else _other(there.known)
    return Candidate(there.type, there.customer, there.partner, remembered, item)


def _other(known: Known) -> Known:
    return Known(known.uid, known.type, known.state, known.code, known.redrive, same_content=False)


async def _known(tx: Transaction, uids: Sequence[str]) -> list[tuple[Candidate, str, int]]:
    rows = await tx.rows(
        f"""SELECT uid, type, customer, {PARTNER_OF_COMMAND} AS partner, state, code, redrive, pruned_at,
              fingerprint, algorithm,
              CASE WHEN EXISTS (SELECT 1 FROM dead_letter AS letter WHERE letter.uid = command.uid
                AND letter.state = 'archived' AND letter.redrive = command.redrive) THEN 1 ELSE 0 END AS archived
            FROM command WHERE {tx.among("uid")}""",
        list(uids),
    )
    found = []
    for row in rows:
        known = Known(
            uid=row["uid"],
            type=row["type"],
            state=State(row["state"]),
            code=row["code"],
            redrive=row["redrive"],
            pruned=row["pruned_at"] is not None,
            archived=bool(row["archived"]),
        )
        candidate = Candidate(row["type"], row["customer"], row["partner"] or None, known)
        found.append((candidate, row["fingerprint"], row["algorithm"]))
    return found
