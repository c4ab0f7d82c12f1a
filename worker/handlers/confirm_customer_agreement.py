"""ConfirmCustomerAgreement: record that the customer accepted the Microsoft Customer Agreement.

Vendor pages: partner-center/developer/confirm-customer-consent-customer-agreement,
get-confirmation-customer-agreement, get-customer-agreement-metadata.
"""

from events.codes import RejectedCode
from events.messages.agreements import ConfirmCustomerAgreement, CustomerAgreementConfirmed
from events.messages.base import Event
from events.wire.instants import format_instant, parse_instant
from worker.customers.agreement import Acceptance, attested, signed_directly
from worker.errors import Rejected
from worker.handling import Change, Context, facts, handles
from worker.partner_center.errors import Refused
from worker.partner_center.port import PartnerCenter
from worker.partner_center.reject_codes import reject_code
from worker.partner_center.resources import agreements, customers
from worker.partner_center.resources.customers import Customer
from worker.step_view import Result
from worker.steps import State

ATTEST = "attest"
SAME_CONTACT = "600061"
DIRECTLY = (
    "Have the customer accept the agreement directly: in Partner Center open the customer's account page and send the"
    " customer the invitation to the Microsoft Customer Agreement; a global administrator of the customer accepts it in"
    " the Microsoft 365 admin center."
)
OFF = f"{DIRECTLY} To let azplan record acceptances, set AZPLAN_PARTNERS__<NAME>__ATTESTATION to legacy."


@handles(ConfirmCustomerAgreement)
async def confirm_customer_agreement(ctx: Context, command: ConfirmCustomerAgreement) -> Event:
    """Record the acceptance once. An acceptance that is on record, attested or direct, answers the command too."""
    customer = await customers.get(ctx.center, command.customer_id)
    accepted = await _on_record(ctx, command.customer_id)
    if accepted is None:
        accepted = await _attest(ctx, command, customer)
    else:
        await ctx.step(ATTEST, State(there=True, act=_never))
    return ctx.answer(
        CustomerAgreementConfirmed,
        agreed_on=accepted.agreed_on,
        how=accepted.how,
        already_confirmed=not ctx.step_state(ATTEST).is_ours,
        template_id=accepted.template_id,
    )


async def _on_record(ctx: Context, customer_id: str) -> Acceptance | None:
    return await attested(ctx.center, customer_id) or await signed_directly(ctx.center, customer_id)


async def _attest(ctx: Context, command: ConfirmCustomerAgreement, customer: Customer) -> Acceptance:
    """Record the acceptance, which a look of this run did not find. Raises `Rejected` (`not_permitted` and others)."""
    taken = ctx.step_state(ATTEST)
    if taken.is_applied:
        return _recorded(taken.result)
    await ctx.confirm_absent(ATTEST)
    if ctx.account_policy.attestation == "off":
        detail = f"the account {ctx.center.account} is set up to record no acceptance, and the customer has none"
        raise Rejected(RejectedCode.NOT_PERMITTED, detail, advice=OFF)
    template = await _template(ctx)
    ctx.about_to(_change(command, customer, template))
    contact = command.primary_contact.model_dump(by_alias=True, exclude_none=True)

    async def act(center: PartnerCenter) -> Result:
        made = await agreements.confirm(center, command.customer_id, contact, command.date_agreed, template)
        agreed_on = made.date_agreed and format_instant(made.date_agreed)
        return {"agreedOn": agreed_on, "templateId": made.template_id}

    try:
        return _recorded(await ctx.step(ATTEST, State(there=False, act=act)))
    except Refused as no:
        accepted = await _on_record(ctx, command.customer_id) if no.code == SAME_CONTACT else None
        if accepted is None:
            raise _refused(no) from no
    await ctx.step(ATTEST, State(there=True, act=_never))
    return accepted


async def _never(_center: PartnerCenter) -> Result:
    raise AssertionError("an acceptance that is on record is not recorded again")


async def _template(ctx: Context) -> str:
    """The newest template of the agreement. Raises `Rejected` if Partner Center has none."""
    known = [each for each in await agreements.metadata(ctx.center) if each.template_id]
    newest = max(known, key=lambda each: each.version_rank or 0, default=None)
    if newest is None or newest.template_id is None:
        detail = "Partner Center names no template of the Microsoft Customer Agreement"
        raise Rejected(RejectedCode.REFUSED_BY_PARTNER_CENTER, detail, advice=DIRECTLY)
    return newest.template_id


def _change(command: ConfirmCustomerAgreement, customer: Customer, template: str) -> Change:
    """The change in words, with the customer's own name, country and language where the command gives none."""
    contact = command.primary_contact
    company = command.company_name or customer.name or command.customer_id
    place = ", ".join(filter(None, (command.country or customer.country, command.language or customer.language)))
    return Change(
        agreements.CONFIRM,
        f"record that {contact.first_name} {contact.last_name} ({contact.email}) accepted the Microsoft Customer"
        f" Agreement for {company}{place and f' ({place})'} on {format_instant(command.date_agreed)},"
        f" template {template}",
    )


def _recorded(result: Result | None) -> Acceptance:
    """The acceptance that an answer to the step's request gave."""
    known = result or {}
    return Acceptance("attested", parse_instant(known.get("agreedOn") or ""), known.get("templateId"))


def _refused(no: Refused) -> Exception:
    """The refusal of the attestation. If no code of azplan says more, the advice names direct acceptance."""
    code = reject_code(no.operation, no.status, no.code)
    if code is not RejectedCode.REFUSED_BY_PARTNER_CENTER:
        return no
    return Rejected(code, no.description, advice=DIRECTLY, partner_center=facts(no))
