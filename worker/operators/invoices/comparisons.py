"""The comparison of an invoice, read from the files that its export published. Asks nobody but the destination."""

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

from worker.files.comparison.rules import Status
from worker.files.comparison.shape import MOST_DIFFERENCES
from worker.files.destination import Destination, Published
from worker.files.layout import GROUPS, ROOT, Dataset, UnsafeName, datasets_of_comparison
from worker.operators.errors import InvalidRequest, NothingFound

COMPARISON = "comparison"
BY: Mapping[str, tuple[str, str | None]] = {
    "customer": ("customerId", "customerName"),
    "chargeType": ("chargeType", None),
    "product": ("productId", "productName"),
}
"""What the sums can be divided by: the member of a line of `groups.jsonl.gz`, and the member with its name."""
_EXACT = Context(prec=400)


@dataclass(frozen=True, slots=True)
class ComparedInvoice:
    """An invoice with its comparison, as the files have it."""

    account: str
    invoice_id: str
    month: str
    comparison: Mapping[str, Any]
    version: str
    as_of: str
    rows: Mapping[str, int]
    """Lines by kind."""
    groups: Sequence[Mapping[str, Any]]

    @property
    def has_all_differences(self) -> bool:
        """Whether the comparison names every group that is apart, and not the largest ones only."""
        return len(self.comparison["differences"]) < MOST_DIFFERENCES


@dataclass(slots=True)
class Share:
    """The sums of one customer, kind of charge or product."""

    key: str
    name: str
    currency: str
    usage: Decimal = Decimal(0)
    lines: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)


async def compared_invoice(
    destination: Destination, accounts: Iterable[str], invoice_id: str, *, with_groups: bool = False
) -> ComparedInvoice:
    """The newest comparison of this invoice. Raises `NothingFound` where no export has compared it."""
    for account in accounts:
        try:
            datasets = datasets_of_comparison(account, invoice_id)
        except UnsafeName as no:
            raise InvalidRequest(str(no)) from no
        found = [published for each in datasets if (published := await destination.latest(each)) is not None]
        compared = [each for each in found if each.manifest.more[COMPARISON]["status"] != Status.NOT_COMPARED]
        if compared:
            published = max(compared, key=lambda each: each.manifest.published_at)
            groups = await _groups(destination, published.manifest.dataset, published) if with_groups else []
            return _compared(account, invoice_id, published, groups)
    raise NothingFound(
        f"no export has compared the invoice {invoice_id} at {destination.uri(ROOT)}.",
        "A comparison takes usage and reconciliation lines in one export: run"
        f" `azplan invoices export {invoice_id}` without --lines first. If that was done, AZPLAN_FILES__URL names"
        " another place here than for the worker; or Partner Center's list does not say the amount of the invoice.",
    )


def shares(groups: Iterable[Mapping[str, Any]], by: str) -> list[Share]:
    """The sums by customer, kind of charge or product, the largest lines first."""
    key, name = BY[by]
    found: dict[tuple[str, str], Share] = {}
    for each in groups:
        word = each[key] or "-"
        share = found.setdefault((word, each["currency"]), Share(word, word, each["currency"]))
        share.name = (each.get(name) if name else None) or share.name
        share.usage = _EXACT.add(share.usage, Decimal(each["usage"]))
        share.lines = _EXACT.add(share.lines, Decimal(each["lines"]))
        share.tax = _EXACT.add(share.tax, Decimal(each["tax"]))
    return sorted(found.values(), key=lambda share: (-share.lines, share.key))


def _compared(
    account: str, invoice_id: str, published: Published, groups: Sequence[Mapping[str, Any]]
) -> ComparedInvoice:
    more = published.manifest.more
    rows = {each["lines"]: each["rows"] for each in more["inputs"]}
    as_of = published.manifest.published_at.strftime("%Y-%m-%d %H:%M UTC")
    return ComparedInvoice(account, invoice_id, more["month"], more[COMPARISON], published.version, as_of, rows, groups)


async def _groups(destination: Destination, dataset: Dataset, published: Published) -> list[Mapping[str, Any]]:
    async with destination.local(f"{dataset.version_folder(published.version)}/{GROUPS}") as path:
        return list(_lines(path.read_bytes()))


def _lines(content: bytes) -> Iterator[Mapping[str, Any]]:
    for line in gzip.decompress(content).splitlines():
        yield json.loads(line)
