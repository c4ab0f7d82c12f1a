"""FetchInvoiceStatement: the PDF of an invoice in a file, whatever comes in its place."""

import hashlib

import pytest

from events.codes import RejectedCode
from events.messages.invoice_statements import FetchInvoiceStatement, InvoiceStatementFetched
from tests.handlers.exports import INVOICE, local
from tests.handlers.stage import Cast, Stage


def command(stage: Stage, **members: object) -> FetchInvoiceStatement:
    """A command about the partner account."""
    about = {"customerId": stage.simulator.partner.tenant_id, "invoiceId": INVOICE}
    return FetchInvoiceStatement.model_validate({**about, **members})


async def test_the_statement_is_a_file_named_after_its_content(stage: Stage) -> None:
    """Fetched again, the same PDF is the same file."""
    stage.simulator.invoice(id=INVOICE)

    first = await stage.done(InvoiceStatementFetched, command(stage))
    again = await stage.done(InvoiceStatementFetched, command(stage))

    content = local(first.uri).read_bytes()
    assert content.startswith(b"%PDF-")
    assert (first.bytes, first.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert first.uri.endswith(f"/v1/partner=contoso/statements/{INVOICE}/{first.sha256[:12]}.pdf")
    assert (first.already_fetched, again.already_fetched) == (False, True)
    assert (again.uri, again.sha256) == (first.uri, first.sha256)


async def test_a_tax_receipt_has_a_file_too(stage: Stage) -> None:
    """Taiwan: a receipt of an invoice."""
    stage.simulator.invoice(id=INVOICE, receipts=["R-1"])

    told = await stage.done(InvoiceStatementFetched, command(stage, receiptId="R-1"))

    assert (told.invoice_id, told.receipt_id) == (INVOICE, "R-1")
    assert local(told.uri).read_bytes().startswith(b"%PDF-")


@pytest.mark.parametrize("receipt", [None, "R-2"])
async def test_what_is_not_there_is_refused(stage: Stage, receipt: str | None) -> None:
    """404 becomes `invoice_not_found`."""
    if receipt is not None:
        stage.simulator.invoice(id=INVOICE)

    no = await stage.rejected(command(stage, receiptId=receipt))

    assert no.code is RejectedCode.INVOICE_NOT_FOUND
    assert INVOICE in no.detail


@pytest.mark.parametrize("cast", [Cast(user=False)], indirect=True, ids=["app"])
async def test_a_pdf_takes_a_users_token(stage: Stage) -> None:
    """Microsoft gives it to an application with a user only."""
    stage.simulator.invoice(id=INVOICE)

    assert (await stage.rejected(command(stage))).code is RejectedCode.NOT_PERMITTED


@pytest.mark.parametrize("kind", ["garbage", "empty", "truncated", "reset_after", "error_before"])
async def test_a_page_in_place_of_the_pdf_is_no_pdf(stage: Stage, kind: str) -> None:
    """The command asks again, and keeps nothing but the PDF."""
    stage.simulator.invoice(id=INVOICE)
    stage.fault(kind, "invoices.statement", count=2)

    told = await stage.done(InvoiceStatementFetched, command(stage))

    assert local(told.uri).read_bytes().startswith(b"%PDF-")
    assert len(list(stage.files_folder.rglob("*.pdf"))) == 1


async def test_only_asked_fetches_no_file(stage: Stage) -> None:
    """The document is opened, and not kept."""
    stage.simulator.invoice(id=INVOICE)

    assert await stage.would_do(command(stage)) == []
    assert not list(stage.files_folder.rglob("*.pdf"))
