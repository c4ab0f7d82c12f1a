"""Commands that export lines, and the files that they leave."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

from events.messages.invoice_lines import ExportedDataset, ExportInvoiceLines, InvoiceLinesExported
from tests.handlers.stage import Cast, Stage
from tests.support.destinations import ChildAtOnce
from worker.files.conversion.process import ChildFailed

INVOICE = "G016907411"

without_trust = pytest.mark.parametrize("cast", [Cast(files={"trust_etag": False})], indirect=True, ids=["no_trust"])
"""For tests with AZPLAN_FILES__TRUST_ETAG=false."""


def command(stage: Stage, invoice: str | None = INVOICE, **members: object) -> ExportInvoiceLines:
    """A command about the partner account."""
    named = {} if invoice is None else {"invoiceId": invoice}
    customer = {"customerId": stage.simulator.partner.tenant_id}
    return ExportInvoiceLines.model_validate({**customer, **named, **members})


async def export(stage: Stage, invoice: str | None = INVOICE, **members: object) -> InvoiceLinesExported:
    """Export, and require success."""
    return await stage.done(InvoiceLinesExported, command(stage, invoice, **members))


async def one_kind(stage: Stage, lines: str = "usage", **members: object) -> ExportedDataset:
    """Export one kind of lines of the invoice."""
    (dataset,) = (await export(stage, lines=[lines], **members)).datasets
    return dataset


def kill_children(monkeypatch: pytest.MonkeyPatch, program: str, times: int) -> None:
    """Let the processes that run this program end without an answer, so many times."""
    left, ask = [*range(times)], ChildAtOnce.ask

    async def killed(child: ChildAtOnce, job: Mapping[str, Any]) -> dict[str, Any]:
        if child._program == program and left:
            left.pop()
            raise ChildFailed("was ended by SIGKILL", "Killed")
        return await ask(child, job)

    monkeypatch.setattr(ChildAtOnce, "ask", killed)


def local(uri: str) -> Path:
    """The file of a `file:` address."""
    return Path(url2pathname(urlsplit(uri).path))
