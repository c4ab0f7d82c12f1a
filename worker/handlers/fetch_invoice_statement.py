"""FetchInvoiceStatement: the PDF of an invoice, or of one of its tax receipts, in a file. Reads only.

Vendor pages: partner-center/developer/get-invoice-statement, get-invoice-receipt-statement.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

from events.codes import RejectedCode
from events.messages.base import Event
from events.messages.invoice_statements import FetchInvoiceStatement, InvoiceStatementFetched
from worker.errors import Rejected, Validated
from worker.exports.blobs import save
from worker.files.layout import STATEMENTS
from worker.handling import Context, facts, handles
from worker.partner_center.errors import Refused
from worker.partner_center.resources.spending import invoice_documents


@handles(FetchInvoiceStatement)
async def fetch_invoice_statement(ctx: Context, command: FetchInvoiceStatement) -> Event:
    """Stream the PDF into a file that is named after its content. The same PDF again is the same file."""
    ctx.end_in_time()
    with ctx.files.scratch() as folder:
        path = folder / "statement.pdf"
        try:
            async with _pdf(ctx, command) as answer:
                if ctx.validate_only:
                    raise Validated([])
                await save(ctx.files.in_thread, answer, path)
        except Refused as no:
            if no.status != 404:
                raise
            what = f"receipt {command.receipt_id} of invoice" if command.receipt_id else "invoice"
            detail = f"Partner Center has no PDF of {what} {command.invoice_id}"
            raise Rejected(RejectedCode.INVOICE_NOT_FOUND, detail, partner_center=facts(no)) from no
        document = await ctx.files.document(f"{STATEMENTS}/{command.invoice_id}/{{sha}}.pdf", path)
    return ctx.answer(
        InvoiceStatementFetched,
        invoice_id=command.invoice_id,
        receipt_id=command.receipt_id,
        uri=document.uri,
        sha256=document.sha256,
        bytes=document.bytes,
        already_fetched=document.already,
    )


def _pdf(ctx: Context, command: FetchInvoiceStatement) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
    if command.receipt_id is None:
        return invoice_documents.statement(ctx.center, command.invoice_id)
    return invoice_documents.receipt(ctx.center, command.invoice_id, command.receipt_id)
