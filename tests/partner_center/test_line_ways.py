"""The way to the lines of an invoice, as a table."""

import pytest

from worker.partner_center.resources.line_ways import Way, way_to


@pytest.mark.parametrize(
    ("lines", "invoice", "month", "way"),
    [
        ("reconciliation", "G016907411", "2026-10", ("graph", ())),
        ("reconciliation", "G016907411", "2024-02", ("graph", ())),
        ("reconciliation", "G016907411", "2024-01", ("v1", ("onetime",))),
        ("reconciliation", "G016907411", None, ("graph", ())),
        ("usage", "G016907411", "2022-09", ("graph", ())),
        ("usage", "G016907411", "2022-08", ("v1", ("onetime",))),
        ("usage", "OneTime-G000000001", "2022-08", ("v1", ("onetime",))),
        ("aggregatedUsage", "G016907411", "2020-01", ("graph", ())),
        ("reconciliation", "D030000001", "2026-10", ("v1", ("office", "azure"))),
        ("reconciliation", "Recurring-D030000001", None, ("v1", ("office", "azure"))),
        ("usage", "d030000001", None, ("v1", ("azure",))),
        ("aggregatedUsage", "D030000001", None, ("none", ())),
        ("reconciliation", None, None, ("graph", ())),
        ("usage", None, None, ("graph", ())),
        ("aggregatedUsage", None, None, ("none", ())),
    ],
)
def test_the_way_follows_from_kind_invoice_and_month(
    lines: str, invoice: str | None, month: str | None, way: tuple[str, tuple[str, ...]]
) -> None:
    """Legacy invoices are never asked for at Graph, and new ones only for what Graph has."""
    found = way_to(lines, invoice_id=invoice, month=month)

    assert (found.name, found.providers) == way


@pytest.mark.parametrize("found", [way_to("usage", invoice_id="G1", month="2020-01"), way_to("aggregatedUsage")])
def test_a_way_that_may_lead_nowhere_says_what_is_there_instead(found: Way) -> None:
    """The words become the detail of `not_available`."""
    assert found.reason
