"""What must be true of the commands topic when every record has been taken in: every record is accounted for.

`tests.support.invariants` checks the commands. This module checks the records, and the effect of a replay of all
records.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from events.codes import FailedCode, RejectedCode
from events.messages.command_status import CommandFailed, CommandRejected
from events.wire.identity import TERMINAL, command_uid, event_id
from events.wire.record import Record
from tests.support.harness import COMMANDS, GROUP, SOURCE, World
from tests.support.invariants import Findings
from tests.support.virtual_time import START
from worker.broker.port import Partition
from worker.journal.records import SECOND

BESIDE_THE_LANE = ("azplan.StartProductUpgrade.", "azplan.ExportInvoiceLines.")
"""How the types of commands begin that others of their lane do not wait for."""

MONEY = frozenset({"carts.checkout", "upgrades.create"})
TICK = 0.001
"""Seconds by which the clocks of books and journal may differ."""
WRITES = MONEY | {"carts.create", "carts.update", "subscriptions.patch", "azure_entitlements.cancel"}
REJECTIONS = frozenset(RejectedCode)


async def check_topic(world: World) -> None:
    """Raise `Findings` if a record was not treated as it should be, or a write was repeated blindly."""
    rows = await world.rows("SELECT * FROM command ORDER BY seq")
    letters = await world.rows("SELECT * FROM dead_letter")
    findings = [
        *_everything_is_taken_in(world),
        *_poison_is_known(world, letters),
        *_contents_are_kept_apart(world, rows, letters),
        *_answers_have_the_ids_that_follow(world),
        *_accepted_in_the_order_of_offsets(rows),
        *_one_of_a_lane_at_a_time(world, rows),
        *_nobody_acts_again_without_looking(world),
        *await _parked_with_evidence(world),
    ]
    if findings:
        raise Findings(findings)


# ---- G1, G7


def _everything_is_taken_in(world: World) -> Iterator[str]:
    """The group has committed every record. If it stopped, it stopped at a record that nobody can read."""
    committed = world.broker.committed(GROUP)
    ends: dict[int, int] = defaultdict(int)
    for record in world.broker.records(COMMANDS):
        ends[record.partition] = max(ends[record.partition], record.offset + 1)
    for number, end in ends.items():
        place = committed.get(Partition(COMMANDS, number), 0)
        if place < end:
            poison = [offset for offset in range(place, end) if (number, offset) in world.poisoned]
            promise, why = ("G7", f", and {poison[0]} cannot be read") if poison else ("G1", "")
            yield f"{promise}: {COMMANDS}/{number} is committed up to {place} of {end}{why}"


def _poison_is_known(world: World, letters: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Each unreadable record is a dead letter with its reason and its bytes, or a refusal."""
    codes = {(row["partition"], row["position"]): row["code"] for row in letters}
    records = {(record.partition, record.offset): record for record in world.broker.records(COMMANDS)}
    published = {_place(letter): letter for letter in world.letters()}
    refusals = {each.command_id: each.event.code for each in world.said() if isinstance(each.event, CommandRejected)}
    for place, code in world.poisoned.items():
        if code in REJECTIONS:
            name = dict(records[place].headers)["ce_id"].decode()
            if refusals.get(name) != code:
                yield f"G7: {name} should have been refused with {code}, and was with {refusals.get(name)}"
        elif codes.get(place) != code:
            yield f"G7: the record at {place} should be a dead letter {code}, and is {codes.get(place)}"
        elif place not in published or _bytes(published[place]) != _bytes(records[place]):
            yield f"G7: the dead letter of the record at {place} does not have its bytes"


def _place(letter: Record) -> tuple[int, int]:
    headers = dict(letter.headers)
    return int(headers["azplan_dlq_partition"] or b"0"), int(headers["azplan_dlq_offset"] or b"0")


def _bytes(record: Record) -> tuple[bytes | None, bytes | None]:
    return record.key, record.value


def _contents_are_kept_apart(
    world: World, rows: Sequence[Mapping[str, Any]], letters: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    """Each other content of a known id gets one refusal and one dead letter. No other record gets either."""
    kept = {row["id"]: world.written.get((row["partition"], row["position"])) for row in rows}
    others: dict[str, set[str]] = defaultdict(set)
    for place, command in world.written.items():
        name = _id_at(world, place)
        if kept.get(name) is not None and command != kept[name]:
            others[name].add(json.dumps(command.wire_data(), sort_keys=True) + command.wire_type())
    told: dict[str, set[Any]] = defaultdict(set)
    for each in world.said():
        if type(each.event).__name__ == "CommandIdReused":
            told[each.command_id].add(each.id)
    for name in others.keys() | told.keys():
        if len(told[name]) != len(others[name]):
            yield f"G5: {name} came with {len(others[name])} other contents, and {len(told[name])} were told so"
    reused = {(row["partition"], row["position"]) for row in letters if row["code"] == "id_reused"}
    wrong = {place for place in reused if world.written.get(place) == kept.get(_id_at(world, place))}
    if wrong:
        yield f"G5: the records at {sorted(wrong)} are repeats, and dead letters"


def _id_at(world: World, place: tuple[int, int]) -> str:
    record = world.broker.read(Partition(COMMANDS, place[0]), place[1], 1)[0]
    return (dict(record.headers)["ce_id"] or b"").decode()


# ---- G3, G4


def _answers_have_the_ids_that_follow(world: World) -> Iterator[str]:
    for each in world.said():
        if each.event.terminal and each.event.command_source == SOURCE:
            wanted = event_id(SOURCE, each.command_id, each.event.redrive, TERMINAL)
            if each.id != wanted:
                yield f"G3: the answer of {each.command_id} has the id {each.id} and not the one that follows, {wanted}"


def _accepted_in_the_order_of_offsets(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    places: dict[tuple[str, int], list[int]] = defaultdict(list)
    for row in rows:
        places[row["lane"], row["partition"]].append(row["position"])
    for (lane, partition), found in places.items():
        if found != sorted(found):
            yield f"G4: of {COMMANDS}/{partition} the commands of {lane} were accepted in the order {found}"


def _one_of_a_lane_at_a_time(world: World, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A command asks nothing of Partner Center before the commands ahead of it have ended.

    Except running upgrades and exports: they leave the lane.
    """
    begun: dict[str, float] = {}
    for request in world.simulator.books.requests:
        begun.setdefault(world.runs.get(request.correlation_id or "", ""), request.at)
    ahead: dict[str, tuple[str, float]] = {}
    for row in rows:
        name, concluded = ahead.get(row["lane"], ("", 0.0))
        if row["uid"] in begun and begun[row["uid"]] < concluded - TICK:
            yield f"G4: {row['id']} was begun at {begun[row['uid']]:.3f}, and {name} ended at {concluded:.3f}"
        if not row["type"].startswith(BESIDE_THE_LANE) and row["concluded_at"] is not None:
            ended = row["concluded_at"] / SECOND - START.timestamp()
            ahead[row["lane"]] = max(ahead.get(row["lane"], ("", 0.0)), (row["id"], ended), key=lambda each: each[1])


# ---- G6


def _nobody_acts_again_without_looking(world: World) -> Iterator[str]:
    """Within a run, the command looks at Partner Center before each request for a money effect.

    No look is needed after a clear refusal. Requests of two runs may arrive in any order if a worker has died between
    them.
    """
    looked: dict[tuple[str, str], bool] = {}
    names = {str(command_uid(SOURCE, name)): name for name in world.sent}
    for request in world.simulator.books.requests:
        run = request.correlation_id or ""
        uid = world.runs.get(run, "")
        if request.operation not in WRITES:
            looked.update({(run, operation): True for operation in MONEY})
        elif request.operation in MONEY:
            if not looked.get((run, request.operation)):
                yield f"G6: {names.get(uid, uid)} asked for {request.operation} again without looking"
            clear = request.fault == "refused" or request.status == 429 or 400 <= (request.status or 500) < 500
            looked[run, request.operation] = clear


async def _parked_with_evidence(world: World) -> Iterator[str]:
    """Every unknown outcome shows a person what the command did: steps, or the calls whose results are unknown."""
    evidence = {row["uid"] for row in await world.rows("SELECT uid FROM step UNION SELECT uid FROM call")}
    parked = [
        each
        for each in world.said()
        if isinstance(each.event, CommandFailed) and each.event.code == FailedCode.OUTCOME_UNKNOWN
    ]
    return iter(
        f"G6: {each.command_id} is parked without evidence"
        for each in parked
        if str(command_uid(SOURCE, each.command_id)) not in evidence
    )


# ---- G5


@dataclass(frozen=True, slots=True)
class Replay:
    """What a world had done and published before every record was brought again."""

    requests: int
    effects: int
    events: frozenset[Any]
    letters: frozenset[Any]

    @classmethod
    def of(cls, world: World) -> "Replay":
        """The state of the world now."""
        return cls(
            requests=len(world.simulator.books.requests),
            effects=sum(effect.request is not None for effect in world.simulator.books.effects),
            events=frozenset((each.id, each.record.value) for each in world.said()),
            letters=frozenset((each.value, each.headers) for each in world.letters()),
        )

    def differences(self, world: World) -> list[str]:
        """What the replay changed, one sentence each."""
        now = Replay.of(world)
        found = [*_everything_is_taken_in(world)]
        for what, before, after in (
            ("effects at Partner Center", self.effects, now.effects),
            ("requests to Partner Center", self.requests, now.requests),
            ("different events", len(self.events), len(now.events)),
            ("different dead letters", len(self.letters), len(now.letters)),
        ):
            if after > before:
                found.append(f"G5: a replay of the whole topic caused {after - before} {what}")
        return found
