"""The statement of an invoice: its PDF, fetched into a file. The command reads only."""

from typing import ClassVar

from events.messages.base import Command, Event, Subject
from events.messages.fields import Count, InvoiceId, Label


class InvoiceStatementFetched(Event):
    """The PDF is in a file."""

    terminal: ClassVar[bool] = True

    invoice_id: Label
    receipt_id: Label | None = None
    """The tax receipt whose PDF this is; null for the invoice's statement."""
    uri: str
    sha256: Label
    bytes: Count
    already_fetched: bool
    """Whether the same PDF had been fetched before."""

    @property
    def nothing_done(self) -> bool:
        """Whether the same PDF had been fetched before."""
        return self.already_fetched


class FetchInvoiceStatement(Command):
    """Fetch the PDF of an invoice, or of one of its tax receipts, into a file. Changes nothing at Microsoft."""

    answered_by: ClassVar[type[Event]] = InvoiceStatementFetched
    reads: ClassVar[bool] = True
    subject: ClassVar[Subject] = "partner_account"

    invoice_id: InvoiceId
    receipt_id: InvoiceId | None = None
    """A tax receipt of the invoice (Taiwan)."""
