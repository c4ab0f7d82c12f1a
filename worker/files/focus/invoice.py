"""Compares an invoice and writes its FOCUS dataset from Parquet parts: a program of a child process."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from worker.files.comparison.job import compared
from worker.files.comparison.shape import not_compared
from worker.files.comparison.sums import LINE_COLUMNS, USAGE_KEYS, Sums, group_of
from worker.files.conversion.child import answer
from worker.files.conversion.exact_lines import number_in
from worker.files.conversion.totals import written
from worker.files.focus.dataset import Parts, lines_of, tables_of, write_costs
from worker.files.focus.usage_rows import Bill

AMOUNT = "billingPreTaxTotal"
SUM = pa.decimal256(76, 20)


def invoice_job(job: Mapping[str, Any]) -> dict[str, Any]:
    """The job: sums of both kinds of lines, the comparison, and the dataset where `costs` names its file."""
    usage, lines = _parts(job["usage"]), _parts(job["reconciliation"])
    sums = Sums()
    if usage is not None:
        add_usage(sums, usage)
    if lines is not None:
        for line in lines_of(lines.paths, LINE_COLUMNS):
            sums.add_line(line)
    shape, complete = not_compared(), False
    if usage is not None and lines is not None and job["invoice"] is not None:
        result = compared(sums, job)
        shape, complete = dict(result.shape), result.complete
    focus = None
    if job["costs"] is not None and usage is not None:
        costs = write_costs(Path(job["costs"]), bill_of(job), usage, lines, sums)
        billed = [{"currency": name, "total": written(total)} for name, total in sorted(costs.billed.items())]
        taxed = any(each.tax for each in sums.currencies.values())
        focus = {"rows": costs.rows, "billedCost": billed, "complete": complete, "taxIncluded": taxed}
    return {"comparison": shape, "focus": focus}


def add_usage(sums: Sums, usage: Parts) -> None:
    """Add the usage lines of these parts to the sums, grouped by Arrow a row group at a time."""
    for table in tables_of(usage.paths, [*USAGE_KEYS, AMOUNT]):
        if AMOUNT not in table.schema.names or pa.types.is_string(table.schema.field(AMOUNT).type):
            for row in table.to_pylist():
                sums.add_usage(group_of(row, USAGE_KEYS), number_in(row.get(AMOUNT)), 1)
            continue
        wide = table.set_column(table.schema.get_field_index(AMOUNT), AMOUNT, table.column(AMOUNT).cast(SUM))
        grouped = wide.group_by(list(USAGE_KEYS), use_threads=False).aggregate([(AMOUNT, "sum"), ([], "count_all")])
        for row in grouped.to_pylist():
            sums.add_usage(group_of(row, USAGE_KEYS), row[f"{AMOUNT}_sum"], row["count_all"])


def bill_of(job: Mapping[str, Any]) -> Bill:
    """What all rows have in common."""
    year, month = (int(part) for part in job["month"].split("-"))
    begins = datetime(year, month, 1, tzinfo=UTC)
    ends = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    invoice = job["invoice"]
    return Bill(job["partner"]["tenantId"], job["partner"]["name"], invoice and invoice["id"], begins, ends)


def _parts(given: Mapping[str, Any] | None) -> Parts | None:
    return None if given is None else Parts([Path(path) for path in given["paths"]], given["version"])


if __name__ == "__main__":
    pa.set_memory_pool(pa.system_memory_pool())  # its peak is some 20 MB lower here
    answer(invoice_job)
