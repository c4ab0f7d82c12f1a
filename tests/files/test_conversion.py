"""Source parts become Parquet parts in which every cell equals the source."""

import asyncio
import gzip
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest

from ops.bench.invoices import book, on_the_wire, write_part
from worker.files.conversion import process
from worker.files.conversion.child import WORKER_IS_GONE
from worker.files.conversion.exact_lines import UnreadableLines, timestamp_of
from worker.files.conversion.layout import Layout
from worker.files.conversion.part import Written
from worker.files.conversion.part import write_part as convert
from worker.files.conversion.process import Converter, ExtraMissing, LinesUnreadable, SourcePart
from worker.files.conversion.totals import Totals
from worker.files.conversion.totals import written as as_text
from worker.files.errors import DestinationRefused, DestinationUnavailable
from worker.files.scratch import Scratch
from worker.operating_system import NICE

USAGE = Layout("usage")


def made(folder: Path, *lines: str, layout: Layout = USAGE, ordinal: int = 0) -> tuple[Written, list[dict[str, Any]]]:
    """What becomes of these lines: the summary, and the rows of the Parquet part."""
    write_part(folder / "source.gz", lines)
    target = folder / "part.parquet"
    written = convert(folder / "source.gz", target, ordinal, layout)
    return written, pq.read_table(target).to_pylist() if target.exists() else []


@pytest.mark.parametrize("numbers", ["number", "text", "exponent"])
@pytest.mark.parametrize("export", [True, False], ids=["PascalCase", "camelCase"])
@pytest.mark.parametrize("kind", ["usage", "reconciliation"])
def test_every_cell_equals_the_source(tmp_path: Path, kind: str, export: bool, numbers: str) -> None:
    """Both casings, both sets of names, and numbers of any form become the same exact cells, on the fast way."""
    lines = getattr(book(7), kind)
    wire = [on_the_wire(line, export=export, numbers=numbers) for line in lines]
    written, rows = made(tmp_path, *wire, layout=Layout(kind))

    assert (written.way, written.rows, written.layout.notices()) == ("fast", len(lines), [])
    for number, (line, row) in enumerate(zip(lines, rows, strict=True)):
        assert (row["_part"], row["_line"]) == (0, number)
        for name, value in line.items():
            expected = timestamp_of(value) if name.endswith("Date") else value
            assert row[name] == expected, (name, number)


ODD = {
    "an empty text where a number belongs": ('{"Quantity":""}', "quantity", None),
    "a number of another form": ('{"Quantity":" 1.50 "}', "quantity", Decimal("1.5")),
    "a key twice": ('{"Quantity":1,"Quantity":2}', "quantity", Decimal(2)),
    "an object in a text column": ('{"Tags":{"a":1.50}}', "tags", '{"a":1.50}'),
    "a list in a text column": ('{"MeterName":["AddOn",1e2]}', "meterName", '["AddOn",1e2]'),
    "a fraction in a text column": ('{"MpnId":1.50}', "mpnId", "1.50"),
    "an exponent in a text column": ('{"MpnId":1.5e3}', "mpnId", "1500"),
    "an unknown attribute with a number": ('{"partnerPrice":0.10}', "partnerPrice", "0.10"),
    "half a character": ('{"MeterName":"Caf\\ud83d"}', "meterName", "Caf\ufffd"),
    "half a character in an object": ('{"Tags":{"a":"\\ud83d"}}', "tags", '{"a":"\\ud83d"}'),
    "lists at a depth of 500": ('{"Tags":' + "[" * 500 + "]" * 500 + "}", "tags", "[" * 500 + "]" * 500),
    "objects at a depth of 400": (
        '{"Tags":' + '{"a":' * 400 + "1.50" + "}" * 401,
        "tags",
        '{"a":' * 400 + "1.50" + "}" * 400,
    ),
    "half a character in a name": ('{"caf\\ud83d":"x"}', "caf\ufffd", "x"),
    "texts and numbers in one text column": ('{"MpnId":"1"}\n{"MpnId":2}', "mpnId", "1"),
}


@pytest.mark.parametrize("odd", ODD)
def test_odd_lines_take_the_slow_way_and_keep_their_digits(tmp_path: Path, odd: str) -> None:
    """Where the fast way raises, Python's decoder reads the part, and no digit is lost."""
    line, name, value = ODD[odd]
    written, rows = made(tmp_path, *['{"CustomerId":"c"}'] * 300, line)

    assert written.way == "exact"
    assert rows[300][name] == value


def test_an_unknown_attribute_is_kept_with_a_notice(tmp_path: Path) -> None:
    """A new attribute in a late line is a text column under its own name; the part stays on the fast way."""
    lines = ['{"CustomerId":"c","Quantity":1.5}'] * 300
    written, rows = made(tmp_path, *lines, '{"CustomerId":"c","PriceBenefits":"none"}')

    assert written.way == "fast"
    assert written.layout.notices() == ["new_attribute:priceBenefits"]
    assert [row["priceBenefits"] for row in rows] == [None] * 300 + ["none"]
    assert {"name": "priceBenefits", "wire": "PriceBenefits", "type": "text"} in written.layout.described()


@pytest.mark.parametrize("way", ["fast", "exact"])
@pytest.mark.parametrize(
    ("wires", "columns"),
    [
        (["_part", "_line"], ["_part_", "_line_"]),
        (["_Part"], ["_Part_"]),
        (["_LINE", "_line"], ["_line_", "_line_"]),
        (["_line", "_LINE_"], ["_line__", "_LINE_"]),
    ],
)
def test_no_attribute_takes_the_place_of_the_way_back_to_the_source(
    tmp_path: Path, wires: list[str], columns: list[str], way: str
) -> None:
    """Arrow cannot read a file with two columns of one name, and other readers compare names without case."""
    odd = {"fast": '"x"', "exact": '{"a":1.5}'}[way]
    lines = [f'{{"CustomerId":"c","{wire}":"{wire}","Tags":{odd}}}' for wire in wires]

    written, rows = made(tmp_path, *lines)

    assert written.way == way
    assert [row[column] for row, column in zip(rows, columns, strict=True)] == wires
    assert [(row["_part"], row["_line"]) for row in rows] == [(0, at) for at in range(len(wires))]
    described = [each["name"] for each in written.layout.described()]
    assert len({str(name).lower() for name in described} | {"_part", "_line"}) == len(described) + 2
    assert written.layout.notices() == [f"new_attribute:{name}" for name in sorted(set(columns))]


@pytest.mark.parametrize(
    "number", ["0.000000000000000000001", "99999999999999999999", "1000000000000000000", "1e-21", '"12,5"', '"١"']
)
def test_a_number_that_does_not_fit_makes_its_column_text(tmp_path: Path, number: str) -> None:
    """More than 20 decimals or 18 digits before the point: the column is text for this version, and never rounded."""
    written, rows = made(tmp_path, '{"Quantity":1.50,"UnitPrice":2}', f'{{"Quantity":{number}}}')

    expected = "0.000000000000000000001" if number == "1e-21" else number.strip('"')
    assert [row["quantity"] for row in rows] == ["1.50", expected]
    assert rows[0]["unitPrice"] == Decimal(2)
    assert written.layout.notices() == ["decimals_as_text:quantity"]


def test_a_percentage_in_a_text_column_is_a_fraction_with_spaces_around_it_too(tmp_path: Path) -> None:
    """A text that is no number stays as it is. Every number of the column has the factor of its name."""
    percentages = ('" 15 "', '".5"', '"n/a"', '"1e-150"', '"٥"')
    lines = [f'{{"PartnerEarnedCreditPercentage":{each}}}' for each in percentages]

    _, rows = made(tmp_path, *lines)

    assert [row["rateOfPartnerEarnedCredit"] for row in rows] == ["0.15", "0.005", "n/a", f"0.{'0' * 151}1", "٥"]


def test_the_largest_and_the_finest_number_fit(tmp_path: Path) -> None:
    """18 digits before the point and 20 behind it are exact on the fast way."""
    written, rows = made(tmp_path, '{"Quantity":-999999999999999999.99999999999999999999}', '{"Quantity":1e-20}')

    assert written.way == "fast"
    assert [row["quantity"] for row in rows] == [Decimal("-999999999999999999.99999999999999999999"), Decimal("1e-20")]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-10-01T00:00:00Z", datetime(2026, 10, 1, tzinfo=UTC)),
        ("2026-10-01T00:00:00", datetime(2026, 10, 1, tzinfo=UTC)),
        ("2026-10-01", datetime(2026, 10, 1, tzinfo=UTC)),
        ("2026-10-01T02:30:00+02:00", datetime(2026, 10, 1, 0, 30, tzinfo=UTC)),
        ("2026-10-01T00:00:00+02:00", datetime(2026, 10, 1, tzinfo=UTC)),
        ("2026-10-01T00:00:00.0000000-07:00", datetime(2026, 10, 1, tzinfo=UTC)),
        ("2026-10-31T23:59:59+02:00", datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC)),
        ("2019-02-04T09:22:40.1767993-08:00", datetime(2019, 2, 4, 17, 22, 40, 176799, tzinfo=UTC)),
        ("0001-01-01T00:00:00", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("", None),
    ],
)
def test_timestamps_are_in_utc(tmp_path: Path, text: str, moment: datetime | None) -> None:
    """A time without a zone is UTC, and year 1 is no time."""
    written, rows = made(tmp_path, f'{{"UsageDate":"{text}"}}')

    assert (written.way, rows[0]["usageDate"]) == ("fast", moment)


def test_a_time_of_another_form_makes_its_column_text(tmp_path: Path) -> None:
    """Nothing is guessed and nothing is lost."""
    written, rows = made(tmp_path, '{"UsageDate":"10/31/2026"}')

    assert rows[0]["usageDate"] == "10/31/2026"
    assert written.layout.notices() == ["timestamps_as_text:usageDate"]


def test_two_names_of_one_attribute_fill_one_column(tmp_path: Path) -> None:
    """A part may change its spelling; two different values in one line are said in a notice."""
    written, rows = made(tmp_path, '{"Unit":"1 Hour"}', '{"unitOfMeasure":"1 GB"}', '{"unit":null,"UNIT":"1 Day"}')
    assert [row["unitOfMeasure"] for row in rows] == ["1 Hour", "1 GB", "1 Day"]
    assert written.layout.notices() == []

    written, rows = made(tmp_path, '{"Unit":"1 Hour","unitOfMeasure":"1 GB"}')
    assert written.layout.notices() == ["doubled_attribute:unitOfMeasure"]


def test_two_ways_to_write_one_value_are_one_value(tmp_path: Path) -> None:
    """A percentage beside its fraction, and a number with more zeros, are no second value."""
    written, rows = made(
        tmp_path,
        '{"PartnerEarnedCreditPercentage":15.0,"rateOfPartnerEarnedCredit":0.15,"Quantity":2,"quantity":"2.00"}',
        '{"UsageDate":"2026-10-01","usageDate":"2026-10-01T00:00:00Z"}',
    )
    assert written.layout.notices() == []
    assert [rows[0][name] for name in ("rateOfPartnerEarnedCredit", "quantity")] == [Decimal("0.15"), Decimal(2)]


def test_an_unknown_attribute_is_one_column_in_every_case(tmp_path: Path) -> None:
    """DuckDB and Spark compare names of columns without case: two such columns cannot be read there."""
    written, rows = made(tmp_path, '{"ARR":"a","NewFlag":true}', '{"arr":"b","newFlag":false}', '{"newFLAG":null}')

    assert written.layout.notices() == ["new_attribute:arr", "new_attribute:newFlag"]
    assert [(row["arr"], row["newFlag"]) for row in rows] == [("a", "true"), ("b", "false"), (None, None)]
    before = made(tmp_path, '{"ARR":"a"}')[0].layout
    assert list(made(tmp_path, '{"arr":"b"}', layout=before)[0].layout.columns()).count("arr") == 1


UNREADABLE = {
    "no gzip": b"not gzip",
    "cut": gzip.compress(b'{"a":1}\n' * 9)[:-9],
    "a list": gzip.compress(b'{"a":1}\n[1]\n'),
    "null": gzip.compress(b'{"a":1}\nnull\n'),
    "not UTF-8": gzip.compress(b'{"a":"\xff"}\n'),
    "cut JSON": gzip.compress(b'{"a":1}\n{"a":'),
}


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE)
async def test_unreadable_lines_are_said_with_their_part(tmp_path: Path, content: bytes) -> None:
    """Also where such a line ends the child: Arrow ends the process at a line with `null`."""
    (tmp_path / "source.gz").write_bytes(content)

    with pytest.raises(LinesUnreadable, match="part 4: "):
        await Converter().parquet("usage", [SourcePart(4, tmp_path / "source.gz")], tmp_path)


def test_bytes_that_are_not_utf8_do_not_pass(tmp_path: Path) -> None:
    """Arrow lets them pass; we look."""
    (tmp_path / "source.gz").write_bytes(gzip.compress(b'{"Tags":"a"}\n' * 300 + b'{"Tags":"\xff"}\n'))

    with pytest.raises(UnreadableLines, match="line 301"):
        convert(tmp_path / "source.gz", tmp_path / "part.parquet", 0, USAGE)


def test_no_lines_make_no_parquet_part(tmp_path: Path) -> None:
    """An empty Parquet file would break readers."""
    written, _ = made(tmp_path)

    assert (written.rows, (tmp_path / "part.parquet").exists()) == (0, False)


def test_a_file_has_large_row_groups_and_its_kinds_of_columns(tmp_path: Path) -> None:
    """zstd, decimals of 38 digits, microseconds in UTC."""
    made(tmp_path, *['{"Quantity":1,"UsageDate":"2026-10-01","Tags":"a"}'] * 70_000)
    file = pq.ParquetFile(tmp_path / "part.parquet")

    assert [file.metadata.row_group(at).num_rows for at in range(2)] == [65_536, 4_464]
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    types = {
        name: str(file.schema_arrow.field(name).type) for name in ("quantity", "usageDate", "tags", "_part", "_line")
    }
    assert types == {
        "quantity": "decimal128(38, 20)",
        "usageDate": "timestamp[us, tz=UTC]",
        "tags": "string",
        "_part": "int32",
        "_line": "int64",
    }


async def test_all_parts_of_a_version_have_the_same_columns(tmp_path: Path) -> None:
    """A part that needs another column, or a column as text, makes the parts before it be made again."""
    for at, line in enumerate(
        ['{"Quantity":1.50}', '{"Quantity":2,"New":"x"}', '{"Quantity":1e-30}', '{"Quantity":4}']
    ):
        write_part(tmp_path / f"{at}.gz", [line])
    sources = [SourcePart(at, tmp_path / f"{at}.gz") for at in range(4)]
    converted = await Converter().parquet("usage", sources, tmp_path)

    tables = [pq.read_table(part.path) for part in converted.parts if part.path]
    assert len({str(table.schema) for table in tables}) == 1
    assert [table.column("quantity")[0].as_py() for table in tables] == ["1.50", "2", f"0.{'0' * 29}1", "4"]
    assert converted.layout.notices() == ["new_attribute:new", "decimals_as_text:quantity"]
    assert converted.rows == 4


async def test_sums_equal_the_books_by_currency_and_kind_of_charge(tmp_path: Path) -> None:
    """To the last digit, over several parts."""
    whole = book(11, tax="shown")
    wire = [on_the_wire(line) for line in whole.reconciliation]
    for at in range(3):
        write_part(tmp_path / f"{at}.gz", wire[at::3])
    sources = [SourcePart(at, tmp_path / f"{at}.gz") for at in range(3)]
    converted = await Converter().parquet("reconciliation", sources, tmp_path)

    expected = Totals()
    for line in whole.reconciliation:
        amounts = {"beforeTax": line["subtotal"], "tax": line["taxTotal"], "total": line["totalForCustomer"]}
        expected.add(line["currency"], line["chargeType"], 1, amounts)
    assert converted.totals.described() == expected.described()


@pytest.mark.parametrize("odd", ["", '{"Currency":"EUR","Amount":"n/a"}'], ids=["decimals", "texts"])
def test_each_line_has_the_first_amount_that_it_names(tmp_path: Path, odd: str) -> None:
    """Licenses with and without a subtotal are in one part."""
    lines = ['{"OfferId":"o","Currency":"EUR","Subtotal":1.5,"Amount":2}', '{"Currency":"EUR","Amount":10}']

    written, _ = made(tmp_path, *lines, *filter(None, [odd]), layout=Layout("reconciliation"))

    (total,) = written.totals.described()
    assert (total["beforeTax"], total["rows"]) == ("11.50", 3 if odd else 2)


async def test_one_child_runs_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two exports of one worker do not convert at once."""
    running, most = 0, 0

    class Counted(process.Child):
        async def ask(self, job: Mapping[str, Any]) -> dict[str, Any]:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1
            return {"rows": 0, "layout": job["layout"], "totals": {"sums": [], "days": {}}, "way": "fast"}

    monkeypatch.setattr(process, "Child", Counted)
    converter = Converter()
    sources = [SourcePart(0, tmp_path), SourcePart(1, tmp_path)]
    await asyncio.gather(*(converter.parquet("usage", sources, tmp_path) for _ in range(3)))

    assert most == 1


async def test_the_parts_of_a_version_are_not_compared_after_each_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With hundreds of parts, the event loop would be held up for tens of milliseconds after each."""

    class Instant(process.Child):
        async def ask(self, job: Mapping[str, Any]) -> dict[str, Any]:
            return {"rows": 0, "layout": job["layout"], "totals": {"sums": [], "days": {}}, "way": "fast"}

    calls = 0
    columns = Layout.columns

    def counted(layout: Layout) -> Any:
        nonlocal calls
        calls += 1
        return columns(layout)

    monkeypatch.setattr(process, "Child", Instant)
    monkeypatch.setattr(Layout, "columns", counted)
    sources = [SourcePart(number, tmp_path) for number in range(200)]
    converted = await Converter().parquet("usage", sources, tmp_path)

    assert len(converted.parts) == 200
    assert calls < 200


async def test_the_child_ends_with_its_work_and_when_it_is_cancelled(tmp_path: Path) -> None:
    """A drain leaves no process behind."""
    write_part(tmp_path / "0.gz", ['{"Quantity":1}'] * 10)
    work = asyncio.create_task(Converter().parquet("usage", [SourcePart(0, tmp_path / "0.gz")], tmp_path))
    await asyncio.sleep(0.1)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work

    children = [" ".join(child.cmdline()) for child in psutil.Process().children(recursive=True)]
    assert [child for child in children if "conversion" in child] == []


async def test_the_child_gives_way_to_the_worker(tmp_path: Path) -> None:
    """The worker has promised to answer within milliseconds, and nobody waits for Parquet like that."""
    write_part(tmp_path / "0.gz", ['{"Quantity":1}'] * 10)
    found = []

    async def look(_: object) -> None:
        children = psutil.Process().children()
        found.extend(child.nice() for child in children if process.PART in child.cmdline())

    await Converter().parquet("usage", [SourcePart(0, tmp_path / "0.gz")], tmp_path, on_part=look)

    assert found == [NICE]


async def test_a_part_that_only_the_slow_way_finds_broken_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its blob can be downloaded again then."""
    ask = process.Child.ask

    async def ends_first(child: process.Child, job: Mapping[str, Any]) -> dict[str, Any]:
        if not job["exact"]:
            raise process.ChildFailed("killed")
        return await ask(child, job)

    monkeypatch.setattr(process.Child, "ask", ends_first)
    write_part(tmp_path / "0.gz", ["{"])
    with pytest.raises(LinesUnreadable, match="part 7: line 1") as no:
        await Converter().parquet("usage", [SourcePart(7, tmp_path / "0.gz")], tmp_path)
    assert no.value.ordinal == 7


ENDLESS = """
import sys, time
from worker.files.conversion.child import answer
def job(_):
    print("begun", file=sys.stderr, flush=True)
    time.sleep(600)
answer(job)
"""


def test_a_child_does_not_outlive_its_worker() -> None:
    """A worker that is killed takes the child with it, in the middle of a job: the pipe between them ends."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    child = subprocess.Popen([sys.executable, "-c", ENDLESS], **pipes)  # type: ignore[call-overload]
    child.stdin.write(b"{}\n")
    child.stdin.flush()
    assert child.stderr.readline() == b"begun\n"
    child.stdin.close()
    try:
        assert child.wait(timeout=20) == WORKER_IS_GONE
    finally:
        child.kill()
        child.stderr.close()


SESSION = """
import os
from worker.files.conversion.child import answer

def look(_):
    priority, cores = os.getpriority(os.PRIO_PROCESS, 0), len(os.sched_getaffinity(0))
    return {"leads": os.getsid(0) == os.getpid(), "nice": priority, "cores": cores}

answer(look)
"""
"""Looks when it has a job: the worker lets it give way before it sends the first one."""


async def test_a_child_gives_way_in_a_session_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux shares the cores between sessions. And Ctrl-C at a terminal goes to the worker, which ends the child."""
    (tmp_path / "session_of_child.py").write_text(SESSION)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    async with Converter().child("session_of_child") as child:
        told = await child.ask({})
    assert told == {"leads": True, "nice": NICE, "cores": max(len(os.sched_getaffinity(0)) - 1, 1)}


DYING = """
import os, signal
from worker.files.conversion.child import answer
def job(asked):
    os.write(1, asked["said"].encode())
    if asked["signal"]:
        os.kill(os.getpid(), asked["signal"])
    raise LookupError("no such column")
answer(job)
"""


@pytest.mark.parametrize(
    ("number", "told", "words"),
    [
        (0, "ended with 1", "LookupError: no such column"),
        (9, "was ended by SIGKILL, as Linux does where memory is short", ""),
        (6, "was ended by SIGABRT", ""),
        (40, "was ended by signal 40", ""),
    ],
)
@pytest.mark.parametrize("said", ["", '{"done": {"rows": 1'], ids=["nothing", "the begin of an answer"])
async def test_the_end_of_a_child_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, told: str, words: str, said: str
) -> None:
    """A person reads it in the answer of the command; the log has its last words too. The next job has a new child."""
    (tmp_path / "dying.py").write_text(DYING)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    async with Converter().child("dying") as child:
        for _ in range(2):
            with pytest.raises(process.ChildFailed) as failed:
                await child.ask({"signal": number, "said": said})
            assert failed.value.plain == f"the process that converts lines {told}"
            assert str(failed.value).endswith(words or told)


FULL = """
import errno, os
from worker.files.conversion.child import answer
def job(_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
answer(job)
"""


async def test_a_full_disk_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that cannot write its file has said nothing wrong about the lines, and the command does not fail."""
    (tmp_path / "full_disk.py").write_text(FULL)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    async with Converter().child("full_disk") as child:
        with pytest.raises(DestinationUnavailable, match="AZPLAN_FILES__SCRATCH: No space left on device"):
            await child.ask({})


def test_the_process_of_the_worker_never_loads_arrow() -> None:
    """The base install has none, and the child alone needs its memory."""
    modules = "worker.app, worker.cli.main, worker.files.conversion.process, worker.files.comparison.from_sources"
    code = f"import sys, {modules}; sys.exit('pyarrow' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_a_worker_without_a_folder_for_temporary_files_uses_its_scratch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container's file system is read-only but for its volumes."""
    monkeypatch.setattr(tempfile, "_get_default_tempdir", no_folder)
    monkeypatch.setattr(tempfile, "tempdir", None)
    write_part(tmp_path / "0.gz", ['{"Quantity":1.50}'])
    scratch = Scratch(tmp_path / "scratch")
    converted = await Converter(scratch).parquet("usage", [SourcePart(0, tmp_path / "0.gz")], tmp_path)
    assert converted.rows == 1
    with pytest.raises(DestinationRefused, match="No usable") as no, Scratch(None).folder():
        pass
    assert "AZPLAN_FILES__SCRATCH" in no.value.advice
    scratch.close()


def no_folder(*_: object) -> str:
    """What Python says where it may write nowhere."""
    raise FileNotFoundError(2, "No usable temporary directory found")


async def test_without_the_extra_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The base install exports the source only."""
    monkeypatch.setattr(process, "extra_installed", lambda: False)

    with pytest.raises(ExtraMissing, match=r"azplan\[finance\]"):
        await Converter().parquet("usage", [], tmp_path)


def test_an_amount_keeps_its_digits_as_text() -> None:
    """At least two decimals, and no zeros behind them."""
    texts = [as_text(Decimal(text)) for text in ("1", "1.5", "71204.11820311420000000000", "-0.00", "1E+3")]
    assert texts == ["1.00", "1.50", "71204.1182031142", "0.00", "1000.00"]
