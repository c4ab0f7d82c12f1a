"""The documents of an invoice: its statement, and in Taiwan its tax receipts. As PDF, read piece by piece."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from worker.partner_center.answers.exact_json import NotJson, loads
from worker.partner_center.errors import CallError
from worker.partner_center.operation import Auth, EffectClass, Operation
from worker.partner_center.port import AnswerStream, PartnerCenter

DOCS = "https://learn.microsoft.com/partner-center/developer/"
PDF = "application/pdf"
BEGINNING = b"%PDF-"
_WITHIN = 1024
"""A PDF has its beginning within so many bytes (ISO 32000, annex H), whatever Microsoft calls the content."""

STATEMENT: Operation[None] = Operation(
    name="invoices.statement",
    method="GET",
    path="/invoices/{invoice_id}/documents/statement",
    effect=EffectClass.READ,
    auth=Auth.USER,
    source=DOCS + "get-invoice-statement",
    accept=PDF,
    patient=True,
)

RECEIPT: Operation[None] = Operation(
    name="invoices.receipt",
    method="GET",
    path="/invoices/{invoice_id}/receipts/{receipt_id}/documents/statement",
    effect=EffectClass.READ,
    auth=Auth.USER,
    source=DOCS + "get-invoice-tax-receipt-statement",
    accept=PDF,
    patient=True,
)


def statement(center: PartnerCenter, invoice_id: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
    """The pieces of the statement. Raises the errors of `PartnerCenter.stream`; iterating raises them for no PDF."""
    return _document(center, STATEMENT, {"invoice_id": invoice_id})


def receipt(
    center: PartnerCenter, invoice_id: str, receipt_id: str
) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
    """The pieces of a tax receipt. Raises the same errors as `statement`."""
    return _document(center, RECEIPT, {"invoice_id": invoice_id, "receipt_id": receipt_id})


@asynccontextmanager
async def _document(
    center: PartnerCenter, operation: Operation[Any], path: Mapping[str, str]
) -> AsyncIterator[AsyncIterator[bytes]]:
    async with center.stream(operation, path) as answer:
        yield _pieces(answer)


async def _pieces(answer: AnswerStream) -> AsyncIterator[bytes]:
    head = bytearray()
    known = False
    async for piece in answer:
        if known:
            yield piece
            continue
        head += piece
        if BEGINNING in head[: _WITHIN + len(BEGINNING)]:
            known = True
            yield bytes(head)
        elif len(head) > _WITHIN:
            break
    if not known:
        raise _no_document(answer, bytes(head))


def _no_document(answer: AnswerStream, body: bytes) -> CallError:
    try:
        fault = answer.fault_in(loads(body))
    except NotJson:
        fault = None
    return fault or answer.unreadable("its body is no PDF")
