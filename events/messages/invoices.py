"""The invoices of a partner account, what is still to pay, and where estimates are. The command reads only."""

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field

from events.messages.base import Command, Event, Message, Subject
from events.messages.fields import CurrencyCode, Day, Instant, InvoiceId, Label, Prose, Quantity

WayName = Literal["graph", "v1", "none"]
Extra = Literal["balances", "estimateLinks"]


class InvoiceAmendment(Message):
    """A document that amends an invoice."""

    id: Label
    date: Instant | None
    total: Quantity | None
    currency: Label | None
    type: Label | None
    document_type: Label | None
    status: Label | None


class InvoiceDetail(Message):
    """A kind of lines that Microsoft names for an invoice."""

    lines: Label | None
    """In Microsoft's words: `billing_line_items` or `usage_line_items`."""
    provider: Label | None
    """In Microsoft's words, such as `one_time`, `office` or `azure`."""


class InvoiceWays(Message):
    """The way to each kind of lines: Microsoft Graph, pages of Partner Center (`v1`), or none."""

    reconciliation: WayName
    usage: WayName


class ExportedVersions(Message):
    """The newest version of each kind of lines at the destination of files; null where there is none."""

    reconciliation: Label | None
    usage: Label | None


class Invoice(Message):
    """An invoice or a credit note of the partner account."""

    id: Label
    """`G…` for new commerce, `D…` for legacy commerce."""
    date: Instant | None
    period_start: Instant | None
    """First day of the billing period; null where Microsoft does not say it: the list of invoices has none."""
    period_end: Instant | None
    """Last day of the billing period, as Microsoft writes it."""
    total: Quantity | None
    """What Microsoft charges; below 0 on a credit note."""
    paid: Quantity | None
    currency: Label | None
    type: Label | None
    """`Recurring` or `OneTime`, or another word of Microsoft's."""
    document_type: Label | None
    """`invoice`, `void_note`, `adjustment_note`, or another word of Microsoft's."""
    status: Label | None
    amends: Label | None
    """Id of the document that this one amends."""
    amendments: tuple[InvoiceAmendment, ...]
    receipts: tuple[Label, ...]
    """Ids of tax receipts (Taiwan)."""
    details: tuple[InvoiceDetail, ...]
    ways: InvoiceWays
    exported: ExportedVersions


class Balance(Message):
    """What is to pay in one currency."""

    currency: Label | None
    balance: Quantity | None
    last_payment: Instant | None
    last_payment_amount: Quantity | None
    latest_invoice: Instant | None


class EstimateLink(Message):
    """Where Microsoft has estimates of what is not billed yet. azplan does not follow the link."""

    type: Label | None
    period: Label | None
    title: Label | None
    uri: Prose | None


class InvoicesReported(Event):
    """The invoices, and what was asked for beside them."""

    terminal: ClassVar[bool] = True

    invoices: tuple[Invoice, ...]
    """The newest first; at most 500."""
    balances: tuple[Balance, ...] | None
    """One for each currency. Null if they were not asked for, and for an account without a user's token."""
    estimate_links: tuple[EstimateLink, ...]
    """Empty if they were not asked for."""


class ReportInvoices(Command):
    """Report invoices of the partner account, one or those of some months. Changes nothing."""

    answered_by: ClassVar[type[Event]] = InvoicesReported
    reads: ClassVar[bool] = True
    subject: ClassVar[Subject] = "partner_account"

    invoice_id: InvoiceId | None = None
    """One invoice; takes a user's token. Without it: all invoices from `from` to `to`."""
    since: Day | None = Field(default=None, alias="from")
    """First date of the invoices. Default: 13 months before `to`, or before today."""
    until: Day | None = Field(default=None, alias="to")
    """Last date of the invoices. Default: the newest."""
    currency: CurrencyCode | None = None
    """Only invoices and balances in this currency."""
    include: list[Extra] = Field(["balances"])
    """What to report beside invoices: `balances`, `estimateLinks`."""

    def problem_on_receipt(self, received_at: datetime) -> str | None:
        """An invoice has its own date, and a time has a beginning before its end."""
        if self.invoice_id is not None and (self.since is not None or self.until is not None):
            return "invoiceId names one invoice: leave from and to out"
        if self.since is not None and self.until is not None and self.since > self.until:
            return "from must not be after to"
        return None
