"""The file `costs.parquet`: usage, what no usage explains, rounding and tax."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from worker.files.comparison.currency_units import minor_unit
from worker.files.comparison.sums import LINE_KEYS, NONE, Sums
from worker.files.conversion.parquet import ROW_GROUP, parquet_file
from worker.files.conversion.totals import EXACT
from worker.files.focus.columns import SCHEMA, rows_of
from worker.files.focus.line_rows import TAX, columns_of, purchase_row, rounding_row, tax_row
from worker.files.focus.usage_rows import Bill, usage_rows

AT_ONCE = 4_096
"""Lines that are Python values at once."""


@dataclass(slots=True)
class CostSums:
    """What is in the file: rows, and the sum of `BilledCost` by currency."""

    rows: int = 0
    billed: dict[str, Decimal] = field(default_factory=dict)

    def add(self, table: Any) -> Any:
        """Count this table, and return it."""
        self.rows += table.num_rows
        costs = pa.table(
            {
                "currency": table.column("BillingCurrency"),
                "cost": table.column("BilledCost").cast(pa.decimal256(76, 20)),
            }
        )
        for row in costs.group_by("currency", use_threads=False).aggregate([("cost", "sum")]).to_pylist():
            currency = (row["currency"] or "").upper()
            self.billed[currency] = EXACT.add(self.billed.get(currency, NONE), row["cost_sum"])
        return table

    def are(self, sums: Sums) -> bool:
        """Whether they are the totals of the reconciliation lines, to the last digit."""
        totals = {currency: each.total for currency, each in sums.currencies.items()}
        return all(self.billed.get(name, NONE) == totals.get(name, NONE) for name in {*totals, *self.billed})


@dataclass(frozen=True, slots=True)
class Parts:
    """The Parquet parts of one kind of lines, and their version."""

    paths: Sequence[Path]
    version: str


class CostsFile:
    """The file `costs.parquet` under way: first the usage, then the rest."""

    def __init__(self, writer: Any, bill: Bill) -> None:
        """`writer`: of a Parquet file of FOCUS rows, see `costs_file`."""
        self._writer = writer
        self._bill = bill
        self.sums = CostSums()
        self.has_tax = False
        """Whether a row of tax is in the file."""

    def usage_rows(self, table: Any, version: str) -> Any:
        """The rows of a table of usage lines of this version, whose texts are coded: to be written."""
        return usage_rows(table, self._bill, version)

    def add_lines(self, lines: Parts, sums: Sums) -> None:
        """Write the rows of these reconciliation lines. `sums`: of them and of all usage."""
        for rows in _at_once(_line_rows(self._bill, lines, sums)):
            self.has_tax = self.has_tax or any(row["ChargeCategory"] == TAX for row in rows)
            self.write(rows_of(columns_of(rows), len(rows)))

    def write(self, rows: Any) -> None:
        """Write these rows."""
        self._writer.write_table(self.sums.add(rows), row_group_size=ROW_GROUP)


@contextmanager
def costs_file(target: Path, bill: Bill) -> Iterator[CostsFile]:
    """The file, which is there when the block has ended."""
    unfinished = target.with_suffix(".unfinished")
    with parquet_file(unfinished, SCHEMA) as writer:
        yield CostsFile(writer, bill)
    unfinished.replace(target)


def tables_of(paths: Iterable[Path], columns: Sequence[str], *, code: bool = False) -> Iterator[Any]:
    """The row groups of these Parquet parts, one at a time, with these columns. Absent columns are left out.

    `code`: texts are coded.
    """
    for path in paths:
        schema = pq.read_schema(path)
        there = [name for name in columns if name in schema.names]
        texts = [name for name in there if code and pa.types.is_string(schema.field(name).type)]
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            for number in range(file.num_row_groups):
                yield file.read_row_group(number, columns=there, use_threads=False)


def lines_of(paths: Iterable[Path], columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """The lines of these Parquet parts, one at a time."""
    for path in paths:
        with pq.ParquetFile(path) as file:
            there = None if columns is None else [name for name in columns if name in file.schema_arrow.names]
            for batch in file.iter_batches(AT_ONCE, columns=there, use_threads=False):
                yield from batch.to_pylist()


def _line_rows(bill: Bill, lines: Parts, sums: Sums) -> Iterator[Mapping[str, Any]]:
    for line in lines_of(lines.paths):
        group = sums.group_of(line, LINE_KEYS)
        kind = sums.kind_of(line, group)
        if kind != "consumption" or not sums.groups[group].usage_lines:
            yield purchase_row(line, kind, bill, lines.version)
    if bill.invoice_id is None:
        return
    for group, each in sums.groups.items():
        if each.usage_lines and each.apart and each.in_bound(minor_unit(group.currency)):
            yield rounding_row(group, each.apart, sums.names, bill, lines.version)
    taxes: dict[tuple[str, str], Decimal] = {}
    for (group, _, _), part in sums.breakdown.items():
        key = group.customer, group.currency
        taxes[key] = EXACT.add(taxes.get(key, NONE), part.tax)
    for (customer, currency), tax in taxes.items():
        if tax:
            yield tax_row(customer, currency, tax, sums.names, bill, lines.version)


def _at_once(rows: Iterator[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    some: list[Mapping[str, Any]] = []
    for row in rows:
        some.append(row)
        if len(some) == AT_ONCE:
            yield some
            some = []
    if some:
        yield some
