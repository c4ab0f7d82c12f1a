"""The verdict of a storm finds every defect: each of these worlds breaks one promise."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from events.wire.identity import command_uid
from ops.local.kafka_messages import Heard, Sent
from ops.simulator.books import Effect
from tests.storm.load import NOBODY_READS, OTHERWISE, Load
from tests.storm.remains import Books, Microsoft, Remains
from tests.storm.verdict import (
    Line,
    accepted_as_sent,
    column_of,
    every_record_became_something,
    files_stand_as_answered,
    nothing_stays_in_scratch,
    nothing_took_effect_twice,
)
from tests.support.harness import SOURCE
from worker.files.scratch import LOCK, PREFIX

CUSTOMER = "9c0f6a1e-2f4b-4d0a-9a55-0d2c6f1b7a01"
FIRST, SECOND = (Sent("SuspendPlan", CUSTOMER, id=f"c-{number}", source=SOURCE) for number in (1, 2))
CONFLICT = replace(SECOND, data=OTHERWISE)
UIDS = {sent.id: str(command_uid(SOURCE, sent.id)) for sent in (FIRST, SECOND)}
EFFECT = Effect(0.0, "subscription.suspended", "p", CUSTOMER, "plan", request=1, correlation_id="run-1")
ROWS = {UIDS["c-1"]: {"seq": 1}, UIDS["c-2"]: {"seq": 2}}
LETTERS = [
    {"code": "id_reused", "partition": 0, "position": 3},
    {"code": "invalid_json", "partition": 0, "position": 4},
]


def record(offset: int, sent: Sent | None) -> Heard:
    """A record of the commands topic. None makes a record that nobody can read."""
    if sent is None:
        return Heard(None, b"{", {"ce_id": f"{NOBODY_READS}1"}, 0, offset)
    return Heard(None, sent.value, {"ce_id": sent.id}, 0, offset)


@pytest.fixture
def kept() -> Remains:
    """Two commands, one of them twice, one id with other content, one unreadable record. Every promise is kept."""
    records = [record(n, sent) for n, sent in enumerate((FIRST, SECOND, FIRST, CONFLICT, None))]
    reused = SimpleNamespace(id="e-1", event=type("CommandIdReused", (), {})(), command_id="c-2")
    return Remains(
        load=Load([], {"c-1": FIRST, "c-2": SECOND}, {CUSTOMER: ["c-1", "c-2"]}),
        simulator=Microsoft(Books([], [], [], [EFFECT])),
        runs={"run-1": UIDS["c-1"]},
        records=records,
        committed={0: 5},
        database="",
        folder=Path(),
        _said=[reused],  # type: ignore[list-item]
        _letters=[],
    )


def test_a_good_storm_has_no_findings(kept: Remains) -> None:
    """The sum of commands, repeats, conflicts and dead letters is the number of sent records."""
    assert list(every_record_became_something(kept, ROWS, LETTERS)) == []
    assert list(nothing_took_effect_twice(kept)) == []
    assert list(accepted_as_sent(kept, ROWS)) == []


def test_a_command_that_the_journal_lacks_is_lost(kept: Remains) -> None:
    """Two commands are on the topic, one is in the journal."""
    (found,) = every_record_became_something(kept, {UIDS["c-1"]: ROWS[UIDS["c-1"]]}, LETTERS)
    assert column_of(found) == "lost"


@pytest.mark.parametrize("missing", [0, 1])
def test_a_dead_letter_that_is_not_there_is_lost(kept: Remains, missing: int) -> None:
    """The other content and the unreadable record each need a dead letter; one is missing."""
    letters = [letter for number, letter in enumerate(LETTERS) if number != missing]
    (found,) = every_record_became_something(kept, ROWS, letters)
    assert column_of(found) == "lost"


def test_a_sender_who_was_not_told_of_the_other_content_is_found(kept: Remains) -> None:
    """The event CommandIdReused is missing."""
    (found,) = every_record_became_something(replace(kept, _said=[]), ROWS, LETTERS)
    assert "known ids came with other content" in found


def test_an_offset_that_was_not_committed_is_found(kept: Remains) -> None:
    """The group stands before the last record."""
    (found,) = every_record_became_something(replace(kept, committed={0: 4}), ROWS, LETTERS)
    assert column_of(found) == "lost"


def test_an_effect_that_was_caused_twice_by_one_command_is_doubled(kept: Remains) -> None:
    """A suspension happened again later."""
    twice = replace(kept, simulator=Microsoft(Books([], [], [], [EFFECT, replace(EFFECT, at=9.0)])))
    (found,) = nothing_took_effect_twice(twice)
    assert column_of(found) == "doubled"


def test_an_effect_that_no_run_explains_is_found(kept: Remains) -> None:
    """Every effect must belong to a run of a command."""
    (found,) = nothing_took_effect_twice(replace(kept, runs={}))
    assert "no run is known" in found


def test_commands_accepted_in_another_order_are_out_of_order(kept: Remains) -> None:
    """The second stands before the first, although both lie on one partition."""
    (found,) = accepted_as_sent(kept, {UIDS["c-1"]: {"seq": 2}, UIDS["c-2"]: {"seq": 1}})
    assert column_of(found) == "order_violations"


@pytest.mark.parametrize(
    ("sentence", "column"),
    [
        ("G1: c-1 is not in the journal", "lost"),
        ("G3: c-1 is still waiting (retry)", "lost"),
        ("G3: c-1 has no answer", "lost"),
        ("G3: c-1 has 2 answers in story 0", "doubled"),
        ("G2: customer k was sold 2 plans", "doubled"),
        ("G4: customer k was served out of order: []", "order_violations"),
        ("the story 0 of c-1 is told out of order: []", "order_violations"),
        ("G6: c-1 was answered with {}, but it bought nothing", "other"),
        ("worker-1 ended by itself", "other"),
    ],
)
def test_each_finding_stands_in_its_column_and_in_the_exit_code(sentence: str, column: str) -> None:
    """A line with any finding is not clean."""
    line = Line("kill")
    assert line.clean
    line.find(sentence)
    assert column_of(sentence) == column
    assert getattr(line, column) == 1
    assert not line.clean


def exported(kept: Remains, told: str, name: str = "InvoiceLinesExported") -> Remains:
    """The same storm with an export and this answer to it."""
    sent = Sent("ExportInvoiceLines", CUSTOMER, {"invoiceId": "G1"}, id="x-1", source=SOURCE)
    event, record = type(name, (), {"terminal": True})(), SimpleNamespace(value=told.encode())
    answer: Any = SimpleNamespace(event=event, record=record, command_id=sent.id)
    return replace(kept, load=Load([], {sent.id: sent}), _said=[answer])


def test_an_answer_whose_files_have_other_bytes_is_a_lie(kept: Remains, tmp_path: Path) -> None:
    """A file with its bytes is no finding; another one is."""
    (tmp_path / "part").write_bytes(b"lines")
    for sha256, findings in ((hashlib.sha256(b"lines").hexdigest(), 0), ("00" * 32, 1)):
        file = {"uri": f"{tmp_path.as_uri()}/part", "sha256": sha256}
        dataset = {"manifestUri": "file:///v1/lines=usage/version=1/manifest.json", "version": "1", "files": [file]}
        told = json.dumps({"datasets": [dataset]})
        assert len(list(files_stand_as_answered(exported(kept, told)))) == findings


def test_a_dataset_with_two_versions_of_data_that_never_changed_is_doubled(kept: Remains) -> None:
    """Answers name different versions of one dataset."""
    both = [{"manifestUri": f"file:///v1/version={n}/manifest.json", "version": n, "files": []} for n in "12"]
    (found,) = files_stand_as_answered(exported(kept, json.dumps({"datasets": both})))
    assert column_of(found) == "doubled"


def test_an_export_that_did_not_end_in_files_is_found(kept: Remains) -> None:
    """It failed although Microsoft had everything."""
    (found,) = files_stand_as_answered(exported(kept, '{"code": "retries_exhausted"}', "CommandFailed"))
    assert "retries_exhausted" in found


def test_a_folder_that_no_start_removes_is_found(tmp_path: Path) -> None:
    """A folder with its lock goes with the next start; a folder without one stays."""
    for name in ("one", "other"):
        (tmp_path / f"{PREFIX}{name}").mkdir()
    (tmp_path / f"{PREFIX}one{LOCK}").touch()
    (found,) = nothing_stays_in_scratch(tmp_path)
    assert f"{PREFIX}other" in found
