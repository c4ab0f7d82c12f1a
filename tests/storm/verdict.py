"""What must be true of the remains of a scene, and the figures of its line in the table."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from events.wire.identity import command_uid
from ops.local.kafka_messages import Heard
from tests.storm.load import NOBODY_READS, OTHERWISE
from tests.storm.remains import Remains
from tests.support.harness import SOURCE
from tests.support.invariants import CHANGES, Findings, check
from worker.files.scratch import Scratch

ORDER = ("G4", "order")
DOUBLED = ("G2", "G3")
LOST = ("G1", "is still", "has no answer")


@dataclass
class Line:
    """A scene's line in the table."""

    scene: str
    commands: int = 0
    kills: int = 0
    effects: int = 0
    lost: int = 0
    doubled: int = 0
    order_violations: int = 0
    other: int = 0
    seconds: float = 0.0
    findings: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether the line has no findings."""
        return not self.findings

    def find(self, sentence: str) -> None:
        """Count a finding in its column."""
        self.findings.append(sentence)
        column = column_of(sentence)
        setattr(self, column, getattr(self, column) + 1)

    def wire(self) -> dict[str, Any]:
        """The line as JSON has it."""
        renamed = {"order_violations": "orderViolations"}
        return {renamed.get(name, name): value for name, value in asdict(self).items()}


def column_of(sentence: str) -> str:
    """The column in which a finding of `invariants` or of the storm is counted."""
    if any(word in sentence for word in LOST):
        return "lost"
    if sentence.startswith(DOUBLED):
        return "doubled"
    return "order_violations" if any(word in sentence for word in ORDER) else "other"


async def judge(remains: Remains, line: Line) -> None:
    """Fill the line in with the findings."""
    commands = {row["uid"]: row for row in await remains.rows("SELECT * FROM command")}
    line.commands = len(remains.load.sent)
    line.effects = sum(effect.kind in CHANGES for effect in remains.simulator.books.effects)
    try:
        await check(remains)  # type: ignore[arg-type]  # it has the shape of a world
    except Findings as found:
        for sentence in found.sentences:
            line.find(sentence)
    letters = await remains.rows("SELECT code, partition, position FROM dead_letter")
    for sentence in (
        *every_record_became_something(remains, commands, letters),
        *nothing_took_effect_twice(remains),
        *accepted_as_sent(remains, commands),
        *files_stand_as_answered(remains),
        *nothing_stays_in_scratch(remains.folder / "scratch"),
    ):
        line.find(sentence)


def every_record_became_something(
    remains: Remains, commands: Mapping[str, Any], letters: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    """Sent records = commands + repeats + conflicts + dead letters, and the group has committed all of them."""
    kinds = dict(kinds_of(remains.records))
    counted = Counter(kinds.values())
    if counted["command"] != len(commands):
        yield f"G1: {counted['command']} commands lie on the topic, and the journal has {len(commands)}"
    for kind, codes in (("conflict", {"id_reused"}), ("unreadable", {"invalid_json"})):
        wanted = {place for place, found in kinds.items() if found == kind}
        found = {(row["partition"], row["position"]) for row in letters if row["code"] in codes}
        if wanted != found:
            yield f"G1: of kind {kind} are the records {sorted(wanted)}, and the dead letters are of {sorted(found)}"
    reused = {each.id for each in remains.said() if type(each.event).__name__ == "CommandIdReused"}
    distinct = {(r.headers["ce_id"], r.value) for r in remains.records if kinds[r.partition, r.offset] == "conflict"}
    if len(reused) != len(distinct):
        yield f"G1: {len(distinct)} known ids came with other content, and {len(reused)} were told so"
    ends: dict[int, int] = defaultdict(int)
    for record in remains.records:
        ends[record.partition] = max(ends[record.partition], record.offset + 1)
    behind = {partition: end for partition, end in ends.items() if remains.committed.get(partition, 0) < end}
    if behind:
        yield f"G1: the group has not committed {behind}, but {dict(remains.committed)}"


def kinds_of(records: Iterable[Heard]) -> Iterator[tuple[tuple[int, int], str]]:
    """The kind of each record of the topic, by its place: a command, a repeat, a conflict, or unreadable."""
    values: dict[str, set[bytes]] = defaultdict(set)
    for record in records:
        if record.headers["ce_id"].startswith(NOBODY_READS):
            kind = "unreadable"
        elif OTHERWISE["deadline"].encode() in (record.value or b""):
            kind = "conflict"
        else:
            known = values[record.headers["ce_id"]]
            kind = "repeat" if known else "command"
            known.add(record.value or b"")
        yield (record.partition, record.offset), kind


def nothing_took_effect_twice(remains: Remains) -> Iterator[str]:
    """One command changes one thing in one way once, and every change belongs to a command."""
    done: Counter[tuple[str, str, str]] = Counter()
    names = {str(command_uid(SOURCE, name)): name for name in remains.load.sent}
    for effect in remains.simulator.books.effects:
        if effect.kind not in CHANGES or effect.request is None:
            continue
        name = names.get(remains.runs.get(effect.correlation_id or "", ""))
        if name is None:
            yield f"no run is known behind {effect.kind} {effect.target} ({effect.correlation_id})"
        else:
            done[name, effect.kind, effect.target] += 1
    yield from (f"G2: {name} caused {n} times {kind} {target}" for (name, kind, target), n in done.items() if n > 1)


def accepted_as_sent(remains: Remains, commands: Mapping[str, Any]) -> Iterator[str]:
    """If a customer's records lie on one partition, its commands were accepted in sending order."""
    for customer, ids in remains.load.straight.items():
        known = [commands.get(str(command_uid(SOURCE, name))) for name in ids]
        places = [row["seq"] for row in known if row is not None]
        if places != sorted(places):
            yield f"G4: the commands of {customer} were accepted in the order {places}, and sent as {ids}"


FILES = {"ExportInvoiceLines": "InvoiceLinesExported", "FetchInvoiceStatement": "InvoiceStatementFetched"}
"""The answer of each command for files: nothing in a storm lasts long enough for another one."""


def files_stand_as_answered(remains: Remains) -> Iterator[str]:
    """Each command for files is answered with files, which are there, byte for byte; one version of each dataset."""
    versions: dict[str, set[str]] = defaultdict(set)
    for name, sent in remains.load.sent.items():
        for answer in remains.answers(name)[:1] if sent.type in FILES else ():
            told = json.loads(answer.record.value or b"{}")
            if type(answer.event).__name__ != FILES[sent.type]:
                yield f"{name} was answered with {told.get('code')}: {told.get('detail')}"
                continue
            for file in (told, *(each for dataset in told.get("datasets", ()) for each in dataset["files"])):
                path = Path(unquote(urlsplit(file.get("uri", "")).path))
                if "uri" in file and not (path.is_file() and file["sha256"] == _sha256(path)):
                    yield f"G6: {name} was answered with {path}, which is not there with these bytes"
            for dataset in told.get("datasets", ()):
                versions[dataset["manifestUri"].partition("/version=")[0]].add(dataset["version"])
    yield from (f"G2: {folder} has {len(names)} versions" for folder, names in versions.items() if len(names) > 1)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def nothing_stays_in_scratch(root: Path) -> Iterator[str]:
    """Files under way of workers that were killed go with the next start, all of them."""
    if not root.is_dir():
        return
    next_start = Scratch(root)
    with next_start.folder():
        pass
    next_start.close()
    yield from (f"a killed worker has left {path} for good" for path in root.iterdir())
