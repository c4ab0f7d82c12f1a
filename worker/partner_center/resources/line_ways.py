"""By which way the lines of an invoice are had: exports of Microsoft Graph, pages of Partner Center, or none. A table.

Sources: graph/api/partners-billing-*-export, partner-center/developer/get-invoiceline-items and their notes about what
is retired; techcommunity 4403389 (Graph has nothing of legacy invoices).
"""

from dataclasses import dataclass
from typing import Literal

WayName = Literal["graph", "v1", "none"]
LineType = Literal["billinglineitems", "usagelineitems"]

RECONCILIATION, USAGE, AGGREGATED_USAGE = "reconciliation", "usage", "aggregatedUsage"
LEGACY = "D"
"""The first letter of the ids of invoices of legacy commerce."""
GRAPH_SINCE = {RECONCILIATION: "2024-02", USAGE: "2022-09"}
"""The first billing period whose lines Microsoft Graph exports."""
LINE_TYPES: dict[str, LineType] = {RECONCILIATION: "billinglineitems", USAGE: "usagelineitems"}
LEGACY_PROVIDERS = {RECONCILIATION: ("office", "azure"), USAGE: ("azure",)}
RETIRED = {
    RECONCILIATION: "Microsoft ended these pages on 2025-04-21 for new commerce; Microsoft Graph has periods since "
    f"{GRAPH_SINCE[RECONCILIATION]} in their place",
    USAGE: "Microsoft ended these pages on 2025-04-21 for new commerce; Microsoft Graph has periods since "
    f"{GRAPH_SINCE[USAGE]} in their place",
}
"""What is said where the only way are pages that answer no more."""


@dataclass(frozen=True, slots=True)
class Way:
    """The way to one kind of lines."""

    name: WayName
    providers: tuple[str, ...] = ()
    """Of pages: the providers, each with pages of its own."""
    line_type: LineType | None = None
    """Of pages: the type of their items."""
    ended: bool = False
    """Of pages: whether Microsoft has ended them. A page without lines then says nothing about the invoice."""
    reason: str | None = None
    """Why there is none, or why the pages may answer no more: since when, and what is there instead."""


GRAPH = Way("graph")


def way_to(lines: str, *, invoice_id: str | None = None, month: str | None = None) -> Way:
    """The way to these lines of an invoice; without an invoice, to those of a month that has none yet.

    `month`: the invoice's billing period, such as `2026-11`. None counts as a recent one.
    """
    if invoice_id is None:
        if lines == AGGREGATED_USAGE:
            return Way("none", reason="Microsoft exports aggregated usage of invoices only: ask for lines `usage`")
        return GRAPH
    if number_of(invoice_id).upper().startswith(LEGACY):
        return _legacy(lines)
    since = GRAPH_SINCE.get(lines)
    if since is None or month is None or month >= since:
        return GRAPH
    return Way("v1", ("onetime",), LINE_TYPES[lines], ended=True, reason=RETIRED[lines])


def _legacy(lines: str) -> Way:
    if lines == AGGREGATED_USAGE:
        reason = "Microsoft exports aggregated usage of invoices of new commerce only (G…): ask for lines `usage`"
        return Way("none", reason=reason)
    return Way("v1", LEGACY_PROVIDERS[lines], LINE_TYPES[lines], reason="Microsoft has these lines as pages only")


def number_of(invoice_id: str) -> str:
    """The id without the type that Partner Center may put before it, as in `OneTime-G000000001`. Files are named so."""
    return invoice_id.rpartition("-")[2]
