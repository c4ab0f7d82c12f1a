"""What the outcome of a trial says: does the command work for the customer, and who has to do what if not. Pure."""

from collections.abc import Sequence

from events.codes import RejectedCode
from events.messages.base import Event
from events.messages.command_status import CommandFailed, CommandRejected, CommandValidated
from worker.operators.checks.command_trial import Trial
from worker.operators.checks.findings import Finding, Problem, failed, ok, warning
from worker.partner_center.answers.error_code_explanations import explanations
from worker.runtime.outcome import Again, Ended, Waiting

LATER = "Try again in a while; Microsoft's service health says more."
"""What to do if nobody can say yet whether a command works."""


def finding(check: str, trial: Trial, partner: str) -> Finding:
    """What the trial of a command found.

    A command fails the check if somebody has to grant something first: a token, a role, a consent, a relationship, the
    agreement. A command that only the present state of the customer prevents is a warning.
    """
    match trial.outcome:
        case Ended(event=CommandRejected() as no):
            return _rejected(check, no, partner)
        case Ended(event=CommandFailed() as no):
            return failed(check, Problem.UNAVAILABLE, f"{no.code}: {no.detail}", no.advice, partner)
        case Ended(event=event):
            return _works(check, event, trial.notes, partner)
        case Waiting() as wait if wait.reason.treatment.retry_word:
            return failed(check, Problem.UNAVAILABLE, f"{wait.reason}: {wait.detail}", LATER, partner)
        case Waiting() as wait:
            return warning(check, f"would wait ({wait.reason}): {wait.detail}", partner=partner)
        case Again():
            return failed(check, Problem.UNAVAILABLE, "azplan did not send a request of this command", LATER, partner)


def _works(check: str, event: Event, notes: Sequence[str], partner: str) -> Finding:
    if notes:
        return warning(check, f"works, with this note: {'; '.join(notes)}", partner=partner)
    would_do = event.would_do if isinstance(event, CommandValidated) else ()
    called = dict.fromkeys(sentence.partition(":")[0] for sentence in would_do)
    detail = f"works: would call {', '.join(called)}" if called else "works: nothing is left to do"
    return ok(check, detail, partner)


def _rejected(check: str, no: CommandRejected, partner: str) -> Finding:
    code = no.partner_center.code if no.partner_center else None
    detail, advice = f"{no.code}: {no.detail}{f' ({code})' if code else ''}", _advice(no)
    if no.code.treatment.of_state:
        return warning(check, f"would be rejected with {detail}", advice, partner)
    return failed(check, Problem.REFUSED, f"does not work: {detail}", advice, partner)


def _advice(no: CommandRejected) -> str:
    """What to do: for a refusal of Partner Center that azplan has no code for, what Partner Center's own code means."""
    answer = no.partner_center
    if no.code != RejectedCode.REFUSED_BY_PARTNER_CENTER or answer is None or answer.code is None:
        return no.advice
    known = explanations(answer.code)
    best = next((each for each in known if each.status == answer.http_status), next(iter(known), None))
    return f"{best.title}. {best.advice}" if best else no.advice
