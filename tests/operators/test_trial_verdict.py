"""What the outcome of a trial says about the rights that a command needs."""

import pytest

from events.codes import FailedCode, RejectedCode, WaitingReason
from events.messages.base import Command, Event, Origin, commands
from events.messages.command_status import CommandFailed, CommandRejected, CommandValidated, PartnerCenterError
from events.messages.validation import read_command
from tests.support.virtual_time import START
from worker.journal.records import Waits
from worker.operators.checks.command_trial import Trial
from worker.operators.checks.findings import Finding, Problem, Result
from worker.operators.checks.partner_calls import Probe
from worker.operators.checks.trial_verdict import finding
from worker.partner_center.all_operations import operations
from worker.partner_center.errors import GateClosed
from worker.partner_center.port import Call
from worker.runtime.outcome import Again, Ended, Outcome, Waiting

CUSTOMER = "3c0e5f4a-9d2b-4a6e-8f1c-5b7d2e9a0c11"
ORIGIN = Origin("check", "/azplan/cli", "azplan.SuspendPlan.v1", CUSTOMER, "contoso")
OF_STATE = {
    RejectedCode.LEGACY_AZURE_SUBSCRIPTION,
    RejectedCode.PLAN_NOT_FOUND,
    RejectedCode.PLAN_AMBIGUOUS,
    RejectedCode.ACTIVE_ASSETS,
    RejectedCode.NOT_ELIGIBLE_FOR_UPGRADE,
    RejectedCode.UPGRADE_IN_PROGRESS,
    RejectedCode.INVOICE_NOT_FOUND,
    RejectedCode.NOT_AVAILABLE,
    RejectedCode.CURRENCY_UNKNOWN,
    RejectedCode.BUDGET_CHANGED,
    RejectedCode.BUDGET_NOT_SUPPORTED,
}


def found(outcome: Outcome, *notes: str) -> Finding:
    """The finding about an outcome."""
    return finding("SuspendPlan", Trial(outcome, notes), "contoso")


def ended(event: Event) -> Ended:
    """The outcome with this answer."""
    return Ended("succeeded", event, 0)


def rejected(code: RejectedCode, answer: PartnerCenterError | None = None) -> Ended:
    """A refusal."""
    return ended(CommandRejected.of(ORIGIN, code=code, detail="why", partner_center=answer))


def waiting(reason: WaitingReason) -> Waiting:
    """A wait."""
    return Waiting(reason, "why", 1.0, 0, Waits(), said=True)


@pytest.mark.parametrize("code", list(RejectedCode))
def test_a_refusal_fails_the_check_unless_the_state_alone_is_the_reason(code: RejectedCode) -> None:
    """Nobody has to grant anything for a plan that is not there, so exit codes stay 0."""
    said = found(rejected(code))
    assert said.result is (Result.WARNING if code in OF_STATE else Result.FAILED)
    assert said.problem is (None if code in OF_STATE else Problem.REFUSED)
    assert f"{code}: why" in said.detail
    assert said.advice == code.meaning.advice


def test_the_advice_for_a_refusal_without_a_code_of_azplan_is_that_of_microsofts_code() -> None:
    """900308 is a missing role: the advice says who gets which one. An unknown code leads to `errors explain`."""

    def no(code: str) -> str | None:
        answer = PartnerCenterError(
            operation="x", http_status=403, code=code, description="d", request_id=None, correlation_id=None
        )
        return found(rejected(RejectedCode.REFUSED_BY_PARTNER_CENTER, answer)).advice

    assert "admin agent" in (no("900308") or "")
    assert no("123456789") == RejectedCode.REFUSED_BY_PARTNER_CENTER.meaning.advice


@pytest.mark.parametrize("reason", list(WaitingReason))
def test_a_wait_fails_the_check_only_if_something_has_failed(reason: WaitingReason) -> None:
    """An order that is under way is no fault; a Partner Center that does not answer tells nothing about rights."""
    said = found(waiting(reason))
    expected = Result.FAILED if reason.treatment.retry_word else Result.WARNING
    assert said.result is expected
    assert str(reason) in said.detail


def test_a_command_that_gives_up_or_is_not_sent_is_not_called_refused() -> None:
    """Whether the command works is not known then."""
    failure = CommandFailed.of(
        ORIGIN, code=FailedCode.RETRIES_EXHAUSTED, detail="why", attempts=1, outcome_unknown=False
    )
    assert found(ended(failure)).problem is Problem.UNAVAILABLE
    assert found(Again()).problem is Problem.UNAVAILABLE


def test_a_command_that_works_names_each_operation_once() -> None:
    """Two cancellations are one operation. A check that was left out makes the line a warning."""
    works = ended(CommandValidated.of(ORIGIN, would_do=["a.cancel: one", "a.cancel: two", "b.patch: three"]))
    assert found(works).detail == "works: would call a.cancel, b.patch"
    assert found(works).result is Result.OK
    assert found(works, "not checked").result is Result.WARNING
    assert found(ended(CommandValidated.of(ORIGIN, would_do=[]))).detail == "works: nothing is left to do"


@pytest.mark.parametrize("kind", [each for each in commands().values() if each.subject == "customer"])
def test_every_command_for_a_customer_can_be_tried(kind: type[Command]) -> None:
    """A command with required members says in `trials` what it is tried with."""
    for data in kind.trials.values():
        assert isinstance(read_command(kind, {**data, "customerId": CUSTOMER}), kind)


def test_no_write_leaves_in_a_check() -> None:
    """A handler that forgot to ask whether it only validates changes nothing either."""
    probe = Probe()
    for operation in operations().values():
        if operation.writes:
            with pytest.raises(GateClosed):
                probe.gate(operation, "any step")
        else:
            probe.gate(operation, None)


def test_a_request_that_is_repeated_in_a_trial_has_another_id() -> None:
    """Each answer counts, as in a run of a worker: Partner Center may answer an id that it knows from memory."""
    probe, key = Probe(), "GET /customers/1"
    call = Call(START, "customers.get", None, 200, 0.1, "1", "2", None, key, answered=True)
    probe.called(call)
    assert (probe.answers(key), probe.answers("other")) == (1, 0)
