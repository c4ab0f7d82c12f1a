"""The result of a comparison as the event and the files have it: amounts are texts with all their digits."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from worker.files.comparison.rules import CurrencyResult, Difference, Result, Status
from worker.files.comparison.sums import Sums
from worker.files.conversion.totals import written

MOST_DIFFERENCES = 500
"""Differences in an event. All of them are in `comparison.jsonl.gz`."""


def not_compared() -> dict[str, Any]:
    """The comparison of lines without an invoice, or without one of the two kinds of lines."""
    return {"status": Status.NOT_COMPARED.value, "currencies": [], "differences": []}


def described(result: Result) -> dict[str, Any]:
    """The comparison as `InvoiceLinesExported` has it."""
    return {
        "status": result.status.value,
        "currencies": [_currency(currency, each) for currency, each in result.currencies.items()],
        "differences": [_difference(each) for each in result.differences[:MOST_DIFFERENCES]],
    }


def all_differences(result: Result, sums: Sums) -> Iterator[dict[str, Any]]:
    """The lines of `comparison.jsonl.gz`: every difference, then consumption lines that the formula does not give."""
    for each in result.differences:
        yield {**_difference(each), "found": each.found.value, "reasons": list(each.reasons)}
    for group, how, amount, formula in sums.not_recomputed:
        yield {
            "customerId": group.customer,
            "subscriptionId": group.subscription,
            "productId": group.product,
            "skuId": group.sku,
            "currency": group.currency,
            "lines": written(amount),
            "formula": written(formula),
            "found": "notByFormula" if how == "other" else how,
        }


def breakdown(sums: Sums) -> Iterator[dict[str, Any]]:
    """The lines of `groups.jsonl.gz`: the sums of each group, kind of line and kind of charge."""
    for (group, kind, charge), each in sums.breakdown.items():
        yield {
            "customerId": group.customer,
            "customerName": sums.names.get(group.customer),
            "subscriptionId": group.subscription,
            "productId": group.product,
            "productName": sums.names.get(group.product),
            "skuId": group.sku,
            "currency": group.currency,
            "kind": kind,
            "chargeType": charge,
            "usage": written(each.usage),
            "lines": written(each.lines),
            "tax": written(each.tax),
        }


def _currency(currency: str, each: CurrencyResult) -> dict[str, Any]:
    explained: list[dict[str, Any]] = []
    if each.tax is not None:
        rate = f"{each.tax.rate:f}"
        explained.append(
            {"kind": "tax", "amount": written(each.tax.amount), "rate": rate, "rateKnown": each.tax.rate_known}
        )
    if each.rounding_groups:
        amounts = {"amount": written(each.rounding), "bound": written(each.rounding_bound)}
        explained.append({"kind": "rounding", **amounts, "groups": each.rounding_groups})
    if each.sums.not_in_usage:
        parts = [{"kind": kind, "amount": written(amount)} for kind, amount in sorted(each.sums.not_in_usage.items())]
        whole = sum(each.sums.not_in_usage.values(), Decimal(0))
        explained.append({"kind": "notInUsage", "amount": written(whole), "parts": parts})
    return {
        "currency": currency,
        "invoice": written(each.invoice),
        "lines": written(each.sums.total),
        "linesBeforeTax": written(each.sums.before_tax),
        "usage": written(each.usage),
        "explained": explained,
        "unexplained": written(each.unexplained),
        "recomputed": dict(each.sums.recomputed),
    }


def _difference(each: Difference) -> dict[str, Any]:
    return {
        "customerId": each.group.customer,
        "subscriptionId": each.group.subscription,
        "productId": each.group.product,
        "skuId": each.group.sku,
        "currency": each.group.currency,
        "usage": written(each.usage),
        "lines": written(each.lines),
        "beyondBound": written(each.beyond),
    }
