"""`azplan invoices compare`: reads the files of an export, and says whether the invoice adds up."""

import gzip
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ops.bench.invoices import book
from tests.cli.conftest import Azplan
from tests.files.test_comparison import found_in, last_rate, summed
from tests.support.standing import stand
from worker.files.comparison.shape import breakdown, described, not_compared
from worker.files.folder import FolderStore
from worker.files.layout import Dataset

VERSION = "20261108T081959Z-6b1f0c9d2a47"


@pytest.fixture
def place(clean_place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a destination, and one partner account."""
    monkeypatch.setenv("AZPLAN_FILES__URL", "file:files")
    for key, value in {"TENANT_ID": "contoso.example", "CLIENT_ID": "app", "CLIENT_SECRET": "secret"}.items():
        monkeypatch.setenv(f"AZPLAN_PARTNERS__CONTOSO__{key}", value)
    return clean_place


def publish(
    place: Path,
    *,
    short: bool = False,
    off: str = "0",
    foreign: bool = False,
    collection: str = "focus=1.2",
    attributes: str = "full",
) -> None:
    """What an export of this invoice publishes of its comparison."""
    made = book(5, tax="hidden", usage_lines=300)
    made.total += Decimal(off)
    if short:
        made.usage = made.usage[:200]
    if foreign:
        made.reconciliation[0]["currency"] = "GBP"
    dataset = Dataset("contoso", collection, invoice_id="G016907411", attributes=attributes)
    lines = "".join(json.dumps(each) + "\n" for each in breakdown(summed(made)))
    more: dict[str, Any] = {
        "comparison": described(found_in(made, **last_rate(made))),
        "month": "2026-10",
        "inputs": [{"lines": "usage", "rows": 300}, {"lines": "reconciliation", "rows": len(made.reconciliation)}],
    }
    groups = {"groups.jsonl.gz": ("comparison", gzip.compress(lines.encode()))}
    stand(place / "files", dataset, VERSION, groups, **more)


@pytest.mark.parametrize("collection", ["focus=1.2", "comparison=1"])
def test_an_invoice_that_adds_up_is_exit_code_0(collection: str, place: Path, azplan: Azplan) -> None:
    """Beside a FOCUS dataset or alone."""
    publish(place, collection=collection)
    ended = azplan("invoices", "compare", "G016907411")

    assert ended.code == 0
    assert "G016907411 · October 2026 · EUR · equal before tax" in ended.out
    assert "unexplained 0.00" in ended.out


def test_a_different_invoice_is_exit_code_1(place: Path, azplan: Azplan) -> None:
    """What is unexplained stands beside the invoice."""
    publish(place, off="12.50")
    ended = azplan("invoices", "compare", "G016907411")
    assert (ended.code, "unexplained 12.50" in ended.out) == (1, True)


def test_nothing_is_left_of_files_that_were_copied_to_be_read(
    place: Path, azplan: Azplan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files of an object store are copied to scratch."""
    publish(place)
    monkeypatch.setattr(FolderStore, "local", lambda *_: None)
    monkeypatch.setenv("AZPLAN_FILES__SCRATCH", "scratch")

    assert azplan("invoices", "compare", "G016907411", "--by", "customer").code == 0

    assert list((place / "scratch").iterdir()) == []


def test_the_number_of_lines_is_told_where_there_is_one_currency(place: Path, azplan: Azplan) -> None:
    """It is that of all lines, whatever their currency."""
    publish(place, foreign=True)
    told = azplan("invoices", "compare", "G016907411").out
    assert re.findall(r"^  usage lines +(.*\.\d\d)", told, re.MULTILINE)[-1] == "0.00"
    assert len(re.findall("usage lines", told)) == 2


def test_incomplete_usage_is_exit_code_5(place: Path, azplan: Azplan) -> None:
    """The groups that are short are in the JSON."""
    publish(place, short=True)
    ended = azplan("invoices", "compare", "G016907411", "--json")

    assert (ended.code, ended.json["status"]) == (5, "incomplete")
    assert ended.json["differences"]


def test_what_was_never_compared_is_exit_code_3(place: Path, azplan: Azplan) -> None:
    """The advice is to export it."""
    ended = azplan("invoices", "compare", "G016907411")

    assert ended.code == 3
    assert "azplan invoices export G016907411" in ended.err
    assert azplan("invoices", "compare", "../G1").code == 2


@pytest.mark.parametrize("flags", [(), ("--by", "customer")])
def test_costs_that_nothing_was_compared_with_are_exit_code_3_too(
    flags: tuple[str, ...], place: Path, azplan: Azplan
) -> None:
    """Those of usage alone have no comparison. One beside them is found."""
    costs = Dataset("contoso", "focus=1.2", invoice_id="G016907411")
    stand(
        place / "files",
        costs,
        VERSION,
        {"costs.parquet": ("focus", b"rows")},
        comparison=not_compared(),
        month="2026-10",
        inputs=[],
    )
    assert azplan("invoices", "compare", "G016907411", *flags).code == 3
    publish(place, collection="comparison=1")
    assert azplan("invoices", "compare", "G016907411", *flags).code == 0


def test_the_comparison_of_basic_attributes_is_found_too(place: Path, azplan: Azplan) -> None:
    """It has a folder of its own."""
    publish(place, attributes="basic")
    assert azplan("invoices", "compare", "G016907411", "--by", "product").code == 0


@pytest.mark.parametrize("by", ["customer", "chargeType", "product"])
def test_the_sums_can_be_divided(by: str, place: Path, azplan: Azplan) -> None:
    """The parts sum to the whole; the largest come first."""
    publish(place)
    ended = azplan("invoices", "compare", "G016907411", "--by", by, "--json")
    sums = [Decimal(each["lines"]) for each in ended.json["sums"]]
    assert sum(sums) == Decimal(ended.json["currencies"][0]["linesBeforeTax"])
    assert sum(Decimal(each["usage"]) for each in ended.json["sums"]) == Decimal(ended.json["currencies"][0]["usage"])
    assert sums == sorted(sums, reverse=True)
    top = azplan("invoices", "compare", "G016907411", "--by", by, "--top", "1")
    assert ended.json["sums"][0]["name"] in top.out
    assert azplan("invoices", "compare", "G016907411", "--top", "1").code == 2


def test_the_chart_is_a_file_and_blocks(place: Path, azplan: Azplan) -> None:
    """A file that cannot be written is said."""
    publish(place)
    ended = azplan("invoices", "compare", "G016907411", "--chart", "bridge.svg")

    assert ended.code == 0
    assert "█" in ended.out
    drawn = (place / "bridge.svg").read_text("utf-8")
    assert drawn.startswith("<svg")
    assert VERSION in drawn
    assert azplan("invoices", "compare", "G016907411", "--chart", "none/bridge.svg").code == 1
