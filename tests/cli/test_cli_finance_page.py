"""The recipes of docs/finance.md, typed as they are written, beside a worker that exports in all formats."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from ops.local.azplan import ROOT, Azplan
from ops.local.simulator import SimulatorProcess
from ops.local.topics import Topics
from tests.cli.conftest import Azplan as Verb
from tests.files.validator_environment import environment

PAGE = (ROOT / "docs/finance.md").read_text("utf-8")
INVOICE = "G016907411"
"""The invoice of the page."""
QUICK = {
    "AZPLAN_WAITS__EXPORT_FIRST": "0.2",
    "AZPLAN_WAITS__EXPORT_MAX": "0.2",
    "AZPLAN_HTTP__PORT": "0",
    "AZPLAN_METRICS__PORT": "0",
}


def recipe(heading: str, language: str) -> str:
    """The block of code below a heading."""
    block = re.search(rf"^## {re.escape(heading)}\n[^#]*?^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert block, f"docs/finance.md has no {language} below {heading!r}"
    return block[1]


@pytest.fixture
def center(
    topics: Topics, sqlite_url: str, clean_place: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SimulatorProcess]:
    """A Partner Center, and a worker whose settings are those of the verbs too."""
    with ExitStack() as ending:
        simulator = SimulatorProcess(clean_place, "--set", "quota_per_minute=100000", user=True)
        ending.callback(simulator.stop)
        simulator.start()
        simulator.change(export_queued=[0, 0], export_seconds=[0, 0], export_retry_after=1)
        settings = {**topics.env, **simulator.env, **QUICK, "AZPLAN_JOURNAL__URL": sqlite_url}
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        worker = Azplan(settings=settings, cwd=clean_place)
        ending.callback(worker.stop)
        worker.start()
        yield simulator


def numbers(text: str) -> list[Decimal]:
    """The amounts in a printed line, which has groups of three digits and a real minus."""
    found = re.findall(r"[-−]?\d+(?: \d{3})*\.\d+(?: \d+)*", text)
    return [Decimal(each.replace(" ", "").replace("−", "-")) for each in found]


@pytest.mark.kafka
def test_the_recipes_of_finance_say_what_the_books_say(center: SimulatorProcess, azplan: Verb, tmp_path: Path) -> None:
    """Who is over budget; whether an invoice adds up, with its picture; and what last year cost, in DuckDB."""
    over, under = center.customers("plan", 2)
    for customer, budget in ((over, "1250.50"), (under, "9000")):
        center.change_customer(customer, budget=budget, currency="EUR")
        center.set_usage(customer, "2000")
    last_year = datetime.now(UTC).year - 1
    lines = {"currency": "EUR", "pricing_currencies": ["USD", "EUR"], "tax": "shown"}
    center.invoice(id=INVOICE, month=f"{last_year}-06", **lines)

    def followed(heading: str) -> Iterator[str]:
        for line in recipe(heading, "console").splitlines():
            ended = azplan(*shlex.split(line.removeprefix("$ azplan ")))
            assert ended.code == 0, f"{line}:\n{ended.out}{ended.err}"
            yield ended.out

    budgets, usage = followed("Who is over budget?")
    assert [numbers(line) for line in budgets.splitlines() if "EUR" in line] == [
        [Decimal("1250.50"), Decimal(2000), Decimal("159.9")]
    ]
    assert re.search(r"^total +4\s000\.00 EUR", usage, re.MULTILINE)
    assert usage.index("1 250.50") < usage.index("9 000.00")

    books = center.figures(INVOICE, "reconciliation")
    before_tax, whole = (sum(Decimal(each[name]) for each in books["totals"]) for name in ("before_tax", "total"))
    assert whole == Decimal(books["invoice_total"])
    exported, compared, by_customer, drawn = followed("Does this invoice add up?")
    for each in books["totals"]:
        amounts = (
            rf"reconciliation +new +{each['rows']} +EUR +{each['charge_type']} +{each['before_tax']} +{each['total']}"
        )
        assert re.search(amounts, exported), exported
    assert "June" in compared
    assert "within rounding" in compared
    assert [numbers(line) for line in compared.splitlines() if line.startswith("  invoice")] == [[whole, Decimal(0)]]
    shares = [numbers(line)[1] for line in by_customer.splitlines() if line.startswith("Tailspin")]
    assert sum(shares) == before_tax
    assert "█" in drawn
    assert ET.parse(tmp_path / "bridge.svg").getroot().tag.endswith("svg")

    code = "import duckdb, sys; print(duckdb.execute(sys.stdin.read()).fetchall())"
    asked = [environment() / "bin" / "python", "-c", code]
    sql = recipe("What did last year cost, by service?", "sql")
    ran = subprocess.run(asked, cwd=tmp_path, input=sql, capture_output=True, text=True, check=True).stdout
    assert sum(map(Decimal, re.findall(r"Decimal\('([^']+)'\)", ran))) == whole
    assert set(re.findall(r"\((\d+), '([^']+)', 'EUR'", ran)) >= {
        (str(last_year), "Compute"),
        (str(last_year), "Other"),
    }


def test_no_command_of_the_page_is_left_out() -> None:
    """Every command stands in a recipe."""
    told = [
        *recipe("Who is over budget?", "console").splitlines(),
        *recipe("Does this invoice add up?", "console").splitlines(),
    ]
    assert told == re.findall(r"^\$ .*$", PAGE, re.MULTILINE)
