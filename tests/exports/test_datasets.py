"""Which datasets a command asks for."""

from datetime import UTC, datetime

import pytest

from events.messages.invoice_lines import ExportInvoiceLines
from worker.exports.asked_invoice import InvoiceFacts
from worker.exports.datasets import asked_datasets, month_of
from worker.files.layout import UnsafeName

TENANT = "5e11e500-0000-4000-8000-000000000001"
NOW = datetime(2026, 11, 8, 10, 20, tzinfo=UTC)


def command(**members: object) -> ExportInvoiceLines:
    """A command with these members."""
    return ExportInvoiceLines.model_validate({"customerId": TENANT, **members})


def test_datasets_are_always_in_the_same_order() -> None:
    """Two commands that ask for the same lines never wait for each other in a circle."""
    lines = ["usage", "aggregatedUsage", "reconciliation", "usage"]

    found = asked_datasets(command(invoiceId="G1", lines=lines), "contoso", NOW, InvoiceFacts())

    assert [each.lines for each in found] == ["aggregatedUsage", "reconciliation", "usage"]


def test_a_dataset_of_an_invoice_has_a_folder_of_its_own_for_basic_attributes() -> None:
    """Full and basic lines are two datasets."""
    (full,) = asked_datasets(command(invoiceId="G1", lines=["usage"]), "contoso", NOW, InvoiceFacts())
    (basic,) = asked_datasets(
        command(invoiceId="G1", lines=["usage"], attributes="basic"), "contoso", NOW, InvoiceFacts()
    )

    assert full.dataset.path == "partner=contoso/lines=usage/billed/invoice=G1"
    assert basic.dataset.path == f"{full.dataset.path}/attributes=basic"
    assert (basic.wanted.invoice_id, basic.wanted.attributes) == ("G1", "basic")


def test_unbilled_lines_are_a_dataset_of_their_month() -> None:
    """The month is that of the instant at which Microsoft is asked, in UTC."""
    unbilled = {"period": "previous", "currency": "eur"}

    (found,) = asked_datasets(command(unbilled=unbilled, lines=["usage"]), "contoso", NOW, InvoiceFacts())

    assert found.dataset.path == "partner=contoso/lines=usage/unbilled/currency=EUR/month=2026-10"
    assert (found.wanted.currency, found.wanted.period) == ("EUR", "previous")


@pytest.mark.parametrize(
    ("period", "now", "month"),
    [
        ("current", datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC), "2026-11"),
        ("current", datetime(2026, 12, 1, tzinfo=UTC), "2026-12"),
        ("previous", datetime(2026, 12, 1, tzinfo=UTC), "2026-11"),
        ("previous", datetime(2027, 1, 31, tzinfo=UTC), "2026-12"),
        ("previous", datetime(2028, 3, 31, tzinfo=UTC), "2028-02"),
    ],
)
def test_the_month_of_a_period(period: str, now: datetime, month: str) -> None:
    """Months end at different days."""
    assert month_of(period, now) == month


def test_an_account_whose_name_no_folder_may_have_is_refused() -> None:
    """Names of folders are made from it."""
    with pytest.raises(UnsafeName):
        asked_datasets(command(invoiceId="G1"), ".hidden", NOW, InvoiceFacts())
