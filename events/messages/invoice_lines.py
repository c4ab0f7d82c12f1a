"""The lines of an invoice, or of a month without one: exported into files. The command reads only."""

from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from events.messages.base import Command, Event, Message, Subject
from events.messages.fields import LEFT_OUT, Count, CurrencyCode, Instant, InvoiceId, Label, Quantity

Lines = Literal["reconciliation", "usage", "aggregatedUsage"]
Attributes = Literal["full", "basic"]
Format = Literal["source", "parquet", "focus"]
Period = Literal["current", "previous"]
Stage = Literal["preparing", "downloading", "converting", "publishing", "comparing"]
Way = Literal["graph", "v1"]

USUAL_LINES: tuple[Lines, ...] = ("reconciliation", "usage")

_TIMEDELTA = TypeAdapter(timedelta)


def duration_of(text: str) -> timedelta | None:
    """The ISO 8601 duration in `text`; None if it is none, or less than 0."""
    if not text.startswith("P"):
        return None
    try:
        length = _TIMEDELTA.validate_python(text)
    except ValidationError:
        return None
    return length if length >= timedelta(0) else None


def _max_age(text: str) -> str:
    if duration_of(text) is None:
        raise PydanticCustomError("duration", "must be an ISO 8601 duration such as PT1H")
    return text


MaxAge = Annotated[str, AfterValidator(_max_age), WithJsonSchema({"type": "string", "format": "duration"})]
"""An ISO 8601 duration of at least 0, as its sender wrote it."""


class UnbilledPeriod(Message):
    """A month without an invoice yet."""

    period: Period
    """`current`: the month of the moment at which Microsoft is asked, in UTC. `previous`: the month before it."""
    currency: CurrencyCode
    """The partner's billing currency."""


class AskedPeriod(UnbilledPeriod):
    """A month without an invoice yet, in a command."""

    model_config = ConfigDict(extra="forbid", strict=True)


class InvoiceExportProgressed(Event):
    """The export of one kind of lines has come to another stage, or is still in it a minute later."""

    place: ClassVar[str] = "export-progress"
    numbered: ClassVar[bool] = True

    lines: Lines
    stage: Stage
    operation_id: Label | None = None
    """Microsoft's operation that makes the export; null where Microsoft answers with pages instead."""
    blobs_done: Count
    """Parts that are downloaded, checked and stored."""
    blobs: Count | None = None
    """Parts in all; null while Microsoft has not said."""
    rows: Count
    """Lines in these parts."""
    bytes: Count
    """Bytes of these parts, compressed as Microsoft sends them."""


class LineSource(Message):
    """Which data of Microsoft's a version was made from."""

    e_tag: Label | None = None
    """Microsoft's name for this state of the data; null where the lines came in pages."""
    created_at: Instant
    """When Microsoft made the data; when the reading ended, where the lines came in pages."""
    content_sha256: Label
    """SHA-256, in hexadecimal, over the list of the parts: number, SHA-256 and bytes of each."""
    blobs: Count
    bytes: Count


class DatasetFile(Message):
    """A file of a published version."""

    uri: str
    format: Format
    rows: Count
    bytes: Count
    sha256: Label


class LineTotal(Message):
    """The sum of the lines of one currency and one type of charge, exact."""

    currency: Label | None
    charge_type: Label | None
    """Type of charge in Microsoft's words, for example `new`."""
    rows: Count
    before_tax: Quantity
    tax: Quantity | None = LEFT_OUT
    """Left out where these lines carry no tax: usage."""
    total: Quantity | None = LEFT_OUT
    """With tax. Left out where these lines carry no tax: usage."""


class ExportedDataset(Message):
    """One kind of lines, in files."""

    lines: Lines
    way: Way
    """`graph`: an export of Microsoft Graph. `v1`: pages of Partner Center."""
    version: Label
    supersedes: Label | None = None
    """The version that was the latest before; null if there was none."""
    already_exported: bool
    """Whether this version had been published before."""
    source: LineSource
    rows: Count
    manifest_uri: str
    manifest_sha256: Label
    files: tuple[DatasetFile, ...]
    """At most 500 of them; the manifest names all."""
    totals: tuple[LineTotal, ...]
    notices: tuple[Label, ...] = ()


class CurrencyTotal(Message):
    """An amount in one currency."""

    currency: Label
    total: Quantity


class FocusDataset(Message):
    """The lines as one FOCUS dataset."""

    version: Label
    uri: str
    rows: Count
    billed_cost: tuple[CurrencyTotal, ...]
    complete: bool
    tax_included: bool


class Explained(Message):
    """A part of the difference between usage lines and invoice that has a name."""

    kind: Label
    amount: Quantity
    rate: Quantity | None = LEFT_OUT
    rate_known: bool | None = LEFT_OUT
    bound: Quantity | None = LEFT_OUT
    groups: Count | None = LEFT_OUT


class Recomputed(Message):
    """How many consumption lines Microsoft's own formula gives."""

    equal: Count
    off_by_cent: Count
    other: Count


class ComparedCurrency(Message):
    """The comparison in one currency."""

    currency: Label
    invoice: Quantity
    lines: Quantity
    lines_before_tax: Quantity
    usage: Quantity
    explained: tuple[Explained, ...] = ()
    unexplained: Quantity
    recomputed: Recomputed


class ComparedGroup(Message):
    """A group of lines whose usage and reconciliation differ by more than rounding can do."""

    customer_id: Label | None
    subscription_id: Label | None
    product_id: Label | None
    sku_id: Label | None
    usage: Quantity
    lines: Quantity
    beyond_bound: Quantity


class Comparison(Message):
    """Whether usage lines, reconciliation lines and invoice add up."""

    status: Literal["equal", "equal_before_tax", "within_rounding", "different", "incomplete", "not_compared"]
    currencies: tuple[ComparedCurrency, ...] = ()
    differences: tuple[ComparedGroup, ...] = ()


class InvoiceLinesExported(Event):
    """The lines that the command asked for are in files."""

    terminal: ClassVar[bool] = True

    invoice_id: Label | None
    unbilled: UnbilledPeriod | None
    datasets: tuple[ExportedDataset, ...]
    focus: FocusDataset | None = None
    """Null where the format `focus` was not asked for."""
    comparison: Comparison | None = None
    """Null where nothing was compared."""

    @property
    def nothing_done(self) -> bool:
        """Whether every version was published before."""
        return all(dataset.already_exported for dataset in self.datasets)


class ExportInvoiceLines(Command):
    """Export the lines of an invoice, or of a month without one, into files. Changes nothing at Microsoft."""

    answered_by: ClassVar[type[Event]] = InvoiceLinesExported
    subject: ClassVar[Subject] = "partner_account"

    invoice_id: InvoiceId | None = None
    """Either this or `unbilled`."""
    unbilled: AskedPeriod | None = None
    lines: list[Lines] = Field(list(USUAL_LINES), min_length=1)
    """The kinds of lines: `reconciliation`, `usage`, `aggregatedUsage`."""
    attributes: Attributes = "full"
    formats: list[Format] | None = Field(None, min_length=1)
    """`source` (Microsoft's bytes), `parquet`, `focus`; null for those of AZPLAN_FILES__FORMATS."""
    max_age: MaxAge = "PT0S"
    """A published version that is younger than this is the answer, and Microsoft is not asked."""

    def problem_on_receipt(self, received_at: datetime) -> str | None:
        """The lines are those of one invoice, or of one month."""
        if (self.invoice_id is None) == (self.unbilled is None):
            return "invoiceId or unbilled must be given, and not both"
        return None
