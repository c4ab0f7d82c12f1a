"""What a command answers or waits for while a reservation cannot be returned. Decides without a call.

Source of the codes: github.com Azure/azure-rest-api-specs, Microsoft.Capacity 2022-11-01.
"""

from collections.abc import Sequence

from events.codes import FailedCode, RejectedCode, WaitingReason
from events.messages.command_status import Blocker
from events.wire.text import counted
from worker.azure_plans.reservations.looks import Reservation
from worker.errors import Failed, Rejected, Wait
from worker.handling import facts, wait_out_refusal
from worker.partner_center.errors import Refused
from worker.partner_center.reject_codes import reject_code
from worker.partner_center.resources.arm_reservations import RETURNED

UNDER_WAY = frozenset({"OperationCannotBePerformedInCurrentState"})
"""Codes of a refusal that may mean that a return of the reservation is under way."""
QUOTE_GONE = frozenset({"ActivateQuoteFailed"})
"""Codes of a refusal that mean that the session of a quote cannot be used any more."""
ASK_MICROSOFT = (
    "Have Microsoft support return the reservations in blockers, or wait until they end; then send the command with a"
    " new id."
)


def until_over(detail: str, reservations: Sequence[Reservation]) -> Wait:
    """The wait until reservations are over. If the wait ends first, a person gets the reservations."""
    never = Failed(
        FailedCode.OUTCOME_UNKNOWN,
        f"{detail}; this did not change before the wait ended",
        blockers=[each.blocker() for each in reservations],
    )
    return Wait(WaitingReason.ASSETS_STOPPING, detail, awaits=RETURNED, limited=True, give_up=never)


def is_quote_gone(no: Refused) -> bool:
    """Whether the session of the quote cannot be used any more: it is too old, or it was used."""
    return no.code in QUOTE_GONE


def after_refusal(each: Reservation, no: Refused, *, quote_again: bool) -> Wait | Rejected:
    """The outcome when Microsoft refuses a return. `quote_again`: a quote that is gone may be replaced by a new one."""
    if quote_again and is_quote_gone(no):
        detail = f"Microsoft does not take the quote for reservation {each.id} any more: {no.description}"
        never = Failed(FailedCode.RETRIES_EXHAUSTED, detail, blockers=[each.blocker()], partner_center=facts(no))
        return Wait(WaitingReason.RETRY, detail, limited=True, give_up=never)
    if no.code in UNDER_WAY or no.status == 409:
        detail = f"reservation {each.id} cannot be returned at the moment: {no.description}"
        return wait_out_refusal(WaitingReason.ASSETS_STOPPING, detail, no, RETURNED, blockers=[each.blocker()])
    return refusal(each, no, "Microsoft refuses the return of")


def refusal(each: Reservation, no: Refused, what: str) -> Rejected:
    """The answer when Microsoft refuses to do `what` with a reservation, with Microsoft's code and words."""
    words = f"{no.code}: {no.description}" if no.code else no.description
    return Rejected(
        reject_code(no.operation, no.status, no.code),
        f"{what} reservation {each.id}: {words}",
        blockers=[each.blocker(reason=words)],
        partner_center=facts(no),
    )


def not_returnable(refused: Sequence[Blocker], *, changed: bool) -> Rejected:
    """The answer when Microsoft's policy forbids a return. `changed`: the command has returned something before."""
    reasons = "; ".join(dict.fromkeys(each.reason or "no reason" for each in refused))
    detail = f"Microsoft does not let {counted(len(refused), 'reservation')} be returned: {reasons}"
    code = RejectedCode.REFUSED_BY_PARTNER_CENTER if changed else RejectedCode.ACTIVE_ASSETS
    return Rejected(code, detail, advice=ASK_MICROSOFT, blockers=refused)
