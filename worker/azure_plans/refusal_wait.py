"""A wait because of a refusal that passes, and what a person gets where it does not."""

from collections.abc import Sequence

from events.codes import FailedCode, WaitingReason
from events.messages.status import Blocker
from worker.errors import Failed, Wait
from worker.handling import facts
from worker.partner_center.errors import Refused


def until_it_passes(
    reason: WaitingReason, detail: str, no: Refused, *, delay: float | None = None, blockers: Sequence[Blocker] = ()
) -> Wait:
    """Look again later. When the waiting ends, what is in the way is told, with the call that said so."""
    ended = f"{detail}; this did not change before the wait ended"
    never = Failed(FailedCode.OUTCOME_UNKNOWN, ended, blockers=blockers, partner_center=facts(no))
    return Wait(reason, detail, delay=delay, deadline="order", give_up=never)
