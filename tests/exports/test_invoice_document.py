"""What the comparison needs of the documents of invoices."""

from typing import Any

from worker.exports.accounts.invoice_document import earlier, facts_of
from worker.partner_center.resources.spending.invoices import InvoiceDocument


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
