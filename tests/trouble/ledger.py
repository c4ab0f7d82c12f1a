"""What became of every record: the accounts of journal and topics, compared with the sent records."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

from events.codes import RecordCode
from events.wire.codec import AcceptedCommand, RefusedCommand, decode
from events.wire.record import Record
from tests.support.harness import COMMANDS, GROUP, World
from worker.broker.port import Partition
from worker.journal.database.columns import load_headers

Place = tuple[int, int]
"""Partition and offset on the commands topic."""

LETTERS = "SELECT partition, position, code, detail, key, value, original_headers FROM dead_letter"
COMMAND_ROWS = "SELECT uid, partition, position, fingerprint, state FROM command"
OPEN = (
    "SELECT id FROM command WHERE state IN ('accepted', 'waiting')",
    "SELECT id FROM event WHERE sent_at IS NULL",
    "SELECT seq FROM dead_letter WHERE sent_at IS NULL",
    "SELECT id FROM lane WHERE unfinished = 1",
)
RECORD_CODES = {code.value for code in RecordCode}


async def accounts(world: World) -> Counter[str]:
    """How many records became what. Fails if a record became nothing or two things, or lost a byte."""
    records = {(each.partition, each.offset): each for each in world.broker.records(COMMANDS)}
    letters = {place_of(row): row for row in await world.rows(LETTERS) if row["code"] in RECORD_CODES}
    rows = await world.rows(COMMAND_ROWS)
    commands = {place_of(row): row for row in rows}
    by_uid = {row["uid"]: row for row in rows}
    became: Counter[str] = Counter()
    for place, record in records.items():
        assert not (place in letters and place in commands), f"{record} became two things"
        if place in letters:
            same_bytes(letters[place], record)
            became[letters[place]["code"]] += 1
        elif place in commands:
            became["refused" if isinstance(decode(record), RefusedCommand) else "command"] += 1
        else:
            assert repeats(record, by_uid), f"{record} became nothing"
            became["repeat"] += 1
    assert became.total() == len(records)
    everything_is_committed(world, records)
    every_command_is_answered_once(world, len(rows))
    the_topic_has(world, records, letters)
    return became


def place_of(row: Mapping[str, Any]) -> Place:
    """The place of a row's record."""
    return row["partition"], row["position"]


def same_bytes(letter: Mapping[str, Any], record: Record) -> None:
    """The journal keeps the record of a dead letter byte for byte, with the reason."""
    assert letter["detail"]
    assert (letter["key"], letter["value"]) == (record.key, record.value)
    assert load_headers(letter["original_headers"]) == record.headers


def repeats(record: Record, commands: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether the record says the same as an earlier record of a known command."""
    decoded = decode(record)
    if not isinstance(decoded, AcceptedCommand | RefusedCommand):
        return False
    known = commands.get(str(decoded.envelope.uid))
    return known is not None and known["fingerprint"] == decoded.fingerprint


def everything_is_committed(world: World, records: Mapping[Place, Record]) -> None:
    """The group is at the end of every partition that holds a record."""
    ends = Counter(partition for partition, _ in records)
    committed = world.broker.committed(GROUP)
    assert {number: committed.get(Partition(COMMANDS, number)) for number in ends} == dict(ends)


def the_topic_has(world: World, records: Mapping[Place, Record], letters: Mapping[Place, Mapping[str, Any]]) -> None:
    """Each dead letter is on its topic with place, code and reason, and with its bytes unless they do not fit."""
    told = {}
    for letter in world.letters():
        names = {name: (value or b"").decode() for name, value in letter.headers if name.startswith("azplan_dlq_")}
        if names["azplan_dlq_code"] in RECORD_CODES:
            told[int(names["azplan_dlq_partition"]), int(names["azplan_dlq_offset"])] = (letter, names)
    assert set(told) == set(letters)
    for place, (letter, names) in told.items():
        assert names["azplan_dlq_code"] == letters[place]["code"]
        assert names["azplan_dlq_detail"] == letters[place]["detail"]
        if names.get("azplan_dlq_truncated") != "true":
            assert (letter.key, letter.value) == (records[place].key, records[place].value)


def every_command_is_answered_once(world: World, commands: int) -> None:
    """There are as many stories as commands, each with one terminal event."""
    stories = {(each.event.command_source, each.event.command_id) for each in world.said()}
    answers = {
        (each.event.command_source, each.event.command_id, each.id) for each in world.said() if each.event.terminal
    }
    assert len(stories) == len(answers) == commands


async def rest(world: World, within: float = 7_200.0) -> None:
    """Return when every command is over and Kafka has acknowledged all of its events."""
    end = world.clock.monotonic() + within
    while open_ := [row for sql in OPEN for row in await world.rows(sql)]:
        assert world.clock.monotonic() < end, f"still open after {within:g} s: {open_[:5]}"
        await asyncio.sleep(5.0)
