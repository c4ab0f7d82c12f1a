"""Compares an invoice and writes its FOCUS dataset from Parquet parts: a program of a child process."""

from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from worker.files.comparison.job import compared
from worker.files.comparison.shape import not_compared
from worker.files.comparison.sums import LINE_COLUMNS, USAGE_COLUMNS, Sums
from worker.files.conversion.child import answer
from worker.files.conversion.exact_lines import number_in
from worker.files.conversion.totals import written
from worker.files.focus.coded_texts import CODED, coded
from worker.files.focus.dataset import Parts, costs_file, lines_of, tables_of
from worker.files.focus.usage_rows import READ, Bill
from worker.partner_center.answers.exact_json import whole_text

AMOUNT = "billingPreTaxTotal"
SUM = pa.decimal256(76, 20)
GROUPED = (*USAGE_COLUMNS, AMOUNT)
"""The columns of usage that a comparison needs."""


def invoice_job(job: Mapping[str, Any]) -> dict[str, Any]:
    """The job: sums of both kinds of lines, the comparison, and the dataset where `costs` names its file."""
    usage, lines = _parts(job["usage"]), _parts(job["reconciliation"])
    bill, taken = bill_of(job), ExitStack()
    sums = Sums(currency=bill.currency)
    with taken:
        costs = None
        if job["costs"] is not None and usage is not None:
            costs = taken.enter_context(costs_file(Path(job["costs"]), bill))
        for table in () if usage is None else tables_of(usage.paths, GROUPED if costs is None else READ, code=True):
            add_usage(sums, table)
            if costs is not None and usage is not None:
                rows = costs.usage_rows(table, usage.version)
                del table
                costs.write(rows)
                del rows
        for line in () if lines is None else lines_of(lines.paths, LINE_COLUMNS):
            sums.add_line(line)
        if costs is not None and lines is not None:
            costs.add_lines(lines, sums)
    shape, complete = not_compared(), False
    if usage is not None and lines is not None and job["invoice"] is not None:
        result = compared(sums, job)
        shape, complete = dict(result.shape), result.complete
    if costs is None:
        return {"comparison": shape, "focus": None}
    billed = [{"currency": name, "total": written(total)} for name, total in sorted(costs.sums.billed.items())]
    complete = complete and costs.sums.are(sums)
    focus = {"rows": costs.sums.rows, "billedCost": billed, "complete": complete, "taxIncluded": costs.has_tax}
    return {"comparison": shape, "focus": focus}


def add_usage(sums: Sums, table: Any) -> None:
    """Add a table of usage lines, whose texts are coded, to the sums. Arrow groups them by the places of texts."""
    texts = {name: coded(table.column(name)) for name in USAGE_COLUMNS if name in table.schema.names}
    amounts = table.column(AMOUNT) if AMOUNT in table.schema.names else pa.nulls(table.num_rows, SUM)
    if amounts.type == CODED:
        for row in pa.table([*texts.values(), amounts], names=[*texts, AMOUNT]).to_pylist():
            sums.add_usage(row, number_in(row[AMOUNT]))
        return
    places = {name: column.indices for name, column in texts.items()} | {AMOUNT: amounts.cast(SUM)}
    grouped = pa.table(places).group_by(list(texts), use_threads=False).aggregate([(AMOUNT, "sum"), ([], "count_all")])
    words = {name: column.dictionary.to_pylist() for name, column in texts.items()}
    for row in grouped.to_pylist():
        named = {name: None if row[name] is None else each[row[name]] for name, each in words.items()}
        sums.add_usage(named, row[f"{AMOUNT}_sum"], row["count_all"])


def bill_of(job: Mapping[str, Any]) -> Bill:
    """What all rows have in common."""
    year, month = (int(part) for part in job["month"].split("-"))
    begins = datetime(year, month, 1, tzinfo=UTC)
    ends = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    document, partner = job["invoice"] or {"id": None, "currency": ""}, job["partner"]
    currency = document["currency"].upper()
    return Bill(partner["tenantId"], whole_text(partner["name"]), document["id"], begins, ends, currency)


def _parts(given: Mapping[str, Any] | None) -> Parts | None:
    return None if given is None else Parts([Path(path) for path in given["paths"]], given["version"])


if __name__ == "__main__":
    answer(invoice_job)
