"""ReportInvoices: invoices of the partner account, what is to pay, and where estimates are. Reads only.

Vendor pages: partner-center/developer/get-a-collection-of-invoices, get-invoice-by-id, get-invoice-summaries,
get-invoice-estimate-links.
"""

from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from events.codes import RejectedCode
from events.messages.base import Event
from events.messages.invoices import EstimateLink, ExportedVersions, InvoicesReported, ReportInvoices
from worker.errors import Rejected
from worker.files.layout import Dataset, UnsafeName, collection_of
from worker.files.store import look_up_each
from worker.handling import Context, facts, handles
from worker.partner_center.errors import CallError, NotPermitted, Refused, Unanswered
from worker.partner_center.resources.line_ways import RECONCILIATION, USAGE, number_of
from worker.partner_center.resources.spending import invoices
from worker.partner_center.resources.spending.invoices import BalanceSummary, InvoiceDocument
from worker.spending.invoice_facts import (
    NOTHING_EXPORTED,
    balance,
    estimate_link,
    invoice,
    is_from,
    is_in,
    months_before,
)
from worker.spending.repeated_refusals import BEFORE_A_REPORT_IS_SHORT, came_again

T = TypeVar("T")
MONTHS = 13
"""How far back a report without `from` goes."""
NOT_SHOWN = frozenset({400, 403, 404, 410})
LONG_AGO = datetime.min.replace(tzinfo=UTC)


@handles(ReportInvoices)
async def report_invoices(ctx: Context, command: ReportInvoices) -> Event:
    """Report one invoice, or those of the asked time; the newest first."""
    ctx.end_in_time()
    listed = [await _one(ctx, command)] if command.invoice_id else await invoices.list_all(ctx.center)
    balances = await _balances(ctx) if "balances" in command.include or command.currency else None
    if command.currency is not None:
        _refuse_unknown_currency(command.currency, listed, balances)
    wanted = [each for each in listed if each.id and _is_wanted(ctx, command, each)]
    wanted.sort(key=lambda each: (each.invoice_date or LONG_AGO, each.id or ""), reverse=True)
    exported = await look_up_each(partial(_exported, ctx), [each.id or "" for each in wanted])
    reported = [invoice(*each) for each in zip(wanted, exported, strict=True)]
    shown = [each for each in map(balance, balances or ()) if command.currency in (None, each.currency)]
    return ctx.answer(
        InvoicesReported,
        invoices=reported,
        balances=shown if balances is not None and "balances" in command.include else None,
        estimate_links=await _links(ctx, command, listed, balances),
    )


async def _one(ctx: Context, command: ReportInvoices) -> InvoiceDocument:
    """The invoice by its id. Raises `Rejected` (`invoice_not_found`)."""
    wanted = command.invoice_id or ""
    try:
        return await invoices.get(ctx.center, wanted)
    except Refused as no:
        if no.status != 404:
            raise
        detail = f"Partner Center has no invoice {wanted} for the account {ctx.center.account}"
        raise Rejected(RejectedCode.INVOICE_NOT_FOUND, detail, partner_center=facts(no)) from no


def _is_wanted(ctx: Context, command: ReportInvoices, document: InvoiceDocument) -> bool:
    if command.invoice_id is not None:
        return True
    since = command.since or months_before(command.until or ctx.now().date(), MONTHS)
    return is_from(document, since, command.until) and is_in(document, command.currency)


async def _balances(ctx: Context) -> list[BalanceSummary] | None:
    """What is to pay in each currency; None without a user's token, and where Partner Center does not show it."""
    if not ctx.center.permits(invoices.SUMMARIES):
        return None
    return await _or_none(ctx, "the balances", invoices.summaries(ctx.center))


async def _or_none(ctx: Context, what: str, reading: Coroutine[Any, Any, T]) -> T | None:
    """What is read; None where it is refused: the invoices are answered without it, and a note says why."""
    try:
        return await reading
    except (NotPermitted, Refused) as no:
        refused: CallError = no
    except Unanswered as no:
        if not no.is_foreign or no.status not in NOT_SHOWN or no.outage is not None:
            raise
        if not came_again(ctx, what, BEFORE_A_REPORT_IS_SHORT):
            raise
        refused = no
    ctx.note(f"{what} could not be read: {refused.description}")
    return None


def _refuse_unknown_currency(
    currency: str, listed: Sequence[InvoiceDocument], balances: Sequence[BalanceSummary] | None
) -> None:
    """Refuse a currency in which the account has no balance and no invoice. Without balances nothing is refused."""
    if balances is None:
        return
    known = _currencies(listed, balances)
    if currency not in known:
        detail = f"the account has nothing in {currency}: its currencies are {', '.join(sorted(known)) or 'not known'}"
        raise Rejected(RejectedCode.CURRENCY_UNKNOWN, detail)


async def _links(
    ctx: Context,
    command: ReportInvoices,
    listed: Sequence[InvoiceDocument],
    balances: Sequence[BalanceSummary] | None,
) -> list[EstimateLink]:
    """Where estimates are, in the asked currency, or in each that the account has."""
    if "estimateLinks" not in command.include:
        return []
    links: list[EstimateLink] = []
    for currency in [command.currency] if command.currency else sorted(_currencies(listed, balances or ())):
        found = await _or_none(ctx, "the links to estimates", invoices.estimate_links(ctx.center, currency))
        links += map(estimate_link, found or ())
    return links


def _currencies(listed: Sequence[InvoiceDocument], balances: Sequence[BalanceSummary]) -> set[str]:
    """The currencies that the account has invoices or balances in."""
    codes = [each.currency_code for each in listed] + [each.currency_code for each in balances]
    return {code.upper() for code in codes if code}


async def _exported(ctx: Context, invoice_id: str) -> ExportedVersions:
    """The newest version of each kind of lines, as the destination of files has it."""
    account, lines = ctx.center.account, (RECONCILIATION, USAGE)
    try:
        datasets = [Dataset(account, collection_of(each), invoice_id=number_of(invoice_id)) for each in lines]
    except UnsafeName:
        return NOTHING_EXPORTED
    reconciliation, usage = [await ctx.files.latest(dataset) for dataset in datasets]
    return ExportedVersions(reconciliation=reconciliation and reconciliation.version, usage=usage and usage.version)
