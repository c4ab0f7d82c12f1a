"""The comparison as a job of a child process: what it is told, and the files that it writes."""

import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from worker.files.comparison.rules import InvoiceAmounts, Status, compare
from worker.files.comparison.shape import all_differences, breakdown, described
from worker.files.comparison.sums import Sums
from worker.files.comparison.tax_rate import LastRate


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison: as the event has it, and whether it found nothing that is missing or wrong."""

    shape: Mapping[str, Any]
    complete: bool


def compared(sums: Sums, job: Mapping[str, Any]) -> Compared:
    """Compare as the job says, and write its files `differences` and `groups`: gzip JSON lines."""
    invoice = job["invoice"]
    amounts = InvoiceAmounts(invoice["currency"], Decimal(invoice["total"]), Decimal(invoice["amendments"]))
    last = {
        currency: LastRate(Decimal(rate["beforeTax"]), Decimal(rate["tax"])) for currency, rate in job["last"].items()
    }
    result = compare(sums, amounts, last, Decimal(job["tolerance"]))
    write_lines(Path(job["differences"]), all_differences(result, sums))
    write_lines(Path(job["groups"]), breakdown(sums))
    return Compared(described(result), result.status not in {Status.INCOMPLETE, Status.DIFFERENT})


def write_lines(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """Write gzip JSON lines. The same lines make the same bytes."""
    with path.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as file:
        for line in lines:
            file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
