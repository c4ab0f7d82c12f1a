"""ExportInvoiceLines: the lines of an invoice, or of a month without one, in files. Reads only.

Vendor pages: graph/api/resources/partners-billing-api-overview, partner-center/developer/get-invoiceline-items.
"""

from events.codes import FailedCode, RejectedCode
from events.messages.base import Event
from events.messages.invoice_lines import ExportInvoiceLines, InvoiceLinesExported
from worker.clock import instant, micros
from worker.errors import Failed, Rejected, Validated, Wait
from worker.exports.asked_invoice import InvoiceFacts, invoice_facts, refuse_unknown_currency
from worker.exports.datasets import AskedDataset, asked_datasets
from worker.exports.export_run import ExportRun
from worker.files.conversion.process import ExtraMissing, extra_installed
from worker.files.layout import SOURCE, UnsafeName
from worker.handling import Context, handles

ASKED_AT = "asked at"
"""The name in `Context.known` of the instant that decides about the month of unbilled lines."""


@handles(ExportInvoiceLines)
async def export_invoice_lines(ctx: Context, command: ExportInvoiceLines) -> Event:
    """Export every kind of lines that the command asks for; each becomes a version of its dataset, once."""
    formats = _formats(ctx, command)
    run = ExportRun(ctx, command)
    asked = _asked(ctx, command, InvoiceFacts(), formats)
    datasets = await run.recent(asked)
    if datasets is None:
        asked = _asked(ctx, command, await _invoice(ctx, command), formats)
    if ctx.validate_only:
        raise Validated([])
    try:
        if datasets is None:
            datasets = await run.exported(asked)
        costs = await run.costs(asked, datasets)
    except Wait as wait:
        run.end_in_time(wait)
        raise
    return ctx.answer(
        InvoiceLinesExported,
        invoice_id=command.invoice_id,
        unbilled=command.unbilled and command.unbilled.model_dump(by_alias=False),
        datasets=datasets,
        focus=costs.focus,
        comparison=costs.comparison,
    )


async def _invoice(ctx: Context, command: ExportInvoiceLines) -> InvoiceFacts:
    """What decides about the way to the lines. Raises `Rejected` for an unknown invoice or currency."""
    if command.invoice_id is not None:
        return await invoice_facts(ctx, command.invoice_id)
    if command.unbilled is not None:
        await refuse_unknown_currency(ctx, command.unbilled.currency)
    return InvoiceFacts()


def _asked(
    ctx: Context, command: ExportInvoiceLines, invoice: InvoiceFacts, formats: frozenset[str]
) -> list[AskedDataset]:
    """The datasets. The first run of a story decides about the month of unbilled lines."""
    asked_at = ctx.known.setdefault(ASKED_AT, micros(ctx.now()))
    try:
        return asked_datasets(command, ctx.center.account, instant(asked_at), invoice, formats)
    except UnsafeName as no:
        raise Rejected(RejectedCode.INVALID_COMMAND, f"no folder can have this name: {no}") from no


def _formats(ctx: Context, command: ExportInvoiceLines) -> frozenset[str]:
    """The formats that are wanted. Raises `Failed` (`files_unavailable`) for one that this worker cannot write."""
    formats = frozenset(command.formats or ctx.files.options.formats)
    if formats != {SOURCE} and not extra_installed():
        raise Failed(FailedCode.FILES_UNAVAILABLE, str(ExtraMissing()))
    return formats
