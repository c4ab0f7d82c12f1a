"""What the comparison needs of the documents of invoices."""

from decimal import Decimal
from typing import Any

import pytest

from worker.exports.accounts.invoice_document import earlier, facts_of
from worker.exports.asked_invoice import named
from worker.partner_center.resources.spending.invoices import InvoiceDocument

NOTE = {
    "id": "G2",
    "totalCharges": "-20",
    "currencyCode": "EUR",
    "amendsOf": "G1",
    "invoiceDate": "2026-11-08T00:00:00Z",
}
INVOICE = {"id": "G1", "totalCharges": "100.5", "currencyCode": "EUR", "invoiceDate": "2026-11-07T00:00:00Z"}


def document(id_: str, month: int, **members: Any) -> InvoiceDocument:
    """An invoice of this year's month."""
    given = {"id": id_, "invoiceDate": f"2026-{month:02}-08T00:00:00Z", "currencyCode": "EUR", "totalCharges": 1}
    return InvoiceDocument.model_validate({**given, **members})


def test_invoices_are_named_as_their_datasets_are() -> None:
    """Partner Center may put a type before an id, and a command may write the id in another case."""
    listed = [
        document("OneTime-G000000001", 1),
        document("OneTime-G000000002", 2),
        document("OneTime-G000000003", 3),
        document("OneTime-G000000004", 2, currencyCode="USD"),
    ]
    assert earlier(listed, "g000000003") == ["G000000002", "G000000001"]
    found = facts_of(listed, "g000000003")
    assert found is not None
    assert found.id == "G000000003"


@pytest.mark.parametrize(
    "listed", [[INVOICE | {"amendments": [NOTE]}], [INVOICE, NOTE], [INVOICE | {"amendments": [NOTE]}, NOTE]]
)
def test_an_amendment_is_a_document_of_its_own_wherever_it_stands(listed: list[dict[str, object]]) -> None:
    """Its lines can be exported, and it counts once for the invoice that it amends."""
    documents = [InvoiceDocument.model_validate(each) for each in listed]

    note, invoice = facts_of(documents, "OneTime-G2"), facts_of(documents, "G1")

    assert named(documents, "G3") is None
    assert note is not None
    assert (note.total, note.amendments, note.month) == (Decimal(-20), 0, "2026-10")
    assert invoice is not None
    assert (invoice.total, invoice.amendments) == (Decimal("100.5"), -20)
