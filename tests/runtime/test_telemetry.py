"""The metrics of a command's runs."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from prometheus_client import generate_latest

from events.codes import FailedCode, RejectedCode, WaitingReason
from events.messages.base import Event, Origin
from events.messages.plans import PlanSuspended
from tests.runtime.bench import CUSTOMER, Bench
from worker import metrics
from worker.metrics import REGISTRY
from worker.runtime.observability import telemetry
from worker.runtime.outcome import Ended, Outcome, Waiting

FAILED = {
    WaitingReason.RETRY: "server_error",
    WaitingReason.PARTNER_CENTER_UNAVAILABLE: "server_error",
    WaitingReason.THROTTLED: "throttled",
    WaitingReason.TOKEN_UNAVAILABLE: "auth",
    WaitingReason.FILES_UNAVAILABLE: "files",
}


def counted(metric: str) -> dict[str, float]:
    """How often each reason has been counted so far."""
    samples = (sample for family in REGISTRY.collect() for sample in family.samples if sample.name == metric)
    return {each.labels["reason"]: each.value for each in samples if each.labels["command"] == "SuspendPlan"}


def more(metric: str, before: dict[str, float]) -> dict[str, float]:
    """The counts since then."""
    since = {reason: now - before.get(reason, 0) for reason, now in counted(metric).items()}
    return {reason: number for reason, number in since.items() if number}


@pytest.mark.parametrize("reason", WaitingReason)
async def test_a_wait_on_which_nothing_failed_is_no_retry(bench: Bench, reason: WaitingReason) -> None:
    """A command often waits for an order at Microsoft. A retry means that something failed or was refused."""
    work = await bench.begin()
    retries, waits = counted("azplan_command_retries_total"), counted("azplan_command_waits_total")
    for said in (True, False, False):
        telemetry.concluded(work, Waiting(reason, "detail", 5.0, 0, work.waits, said=said, release=False))
    assert more("azplan_command_waits_total", waits) == {reason.value: 1}, "once for each reason, and not for each look"
    assert more("azplan_command_retries_total", retries) == ({FAILED[reason]: 3} if reason in FAILED else {})


ORIGIN = Origin("c-1", "/crm", "azplan.SuspendPlan.v1", CUSTOMER, "contoso")
SUSPENDED = PlanSuspended.of(ORIGIN, subscription_id="s", already_suspended=False)
ALREADY = PlanSuspended.of(ORIGIN, subscription_id="s", already_suspended=True)


def said_no(name: str, code: RejectedCode | FailedCode) -> Ended:
    """A story that ended without success."""
    return Ended(name, Event.of(ORIGIN), 1, code)


def value(name: str, **labels: str) -> float:
    """The present value of a metric."""
    return REGISTRY.get_sample_value(name, labels) or 0


@pytest.mark.parametrize(
    ("outcome", "result", "fault"),
    [
        (Ended("succeeded", SUSPENDED, 1), "succeeded", "none"),
        (Ended("succeeded", ALREADY, 1), "no_op", "none"),
        (said_no("rejected", RejectedCode.INVALID_COMMAND), "refused", "caller"),
        (said_no("rejected", RejectedCode.NO_RELATIONSHIP), "refused", "policy"),
        (said_no("rejected", RejectedCode.CREDIT_OR_REVIEW), "refused", "microsoft"),
        (said_no("rejected", RejectedCode.EARLIER_OUTCOME_UNKNOWN), "refused", "system"),
        (said_no("failed", FailedCode.ORDER_FAILED), "failed", "microsoft"),
        (said_no("failed", FailedCode.UPGRADE_FAILED), "failed", "microsoft"),
        (said_no("failed", FailedCode.RETRIES_EXHAUSTED), "failed", "system"),
        (said_no("failed", FailedCode.OUTCOME_UNKNOWN), "failed", "system"),
        (said_no("failed", FailedCode.INTERNAL_ERROR), "failed", "system"),
    ],
)
async def test_how_the_end_of_a_command_is_counted(bench: Bench, outcome: Outcome, result: str, fault: str) -> None:
    """The metrics show the outcome, whose fault it was, and the duration. A redrive is counted once more."""
    labels = {"command": "SuspendPlan", "outcome": result}
    counted = value("azplan_commands_total", **labels, fault=fault)
    seconds = value("azplan_command_duration_seconds_sum", **labels)
    redriven = value("azplan_redrives_total", **labels)
    work = replace(await bench.begin(), received_at=1_000_000_000_000_000)
    with telemetry.watching(work, "ms"):
        assert value("azplan_commands_in_progress", command="SuspendPlan") == 1
    telemetry.count_end(work, outcome, datetime.fromtimestamp(1_000_000_007, UTC))
    assert value("azplan_commands_in_progress", command="SuspendPlan") == 0
    assert value("azplan_commands_total", **labels, fault=fault) == counted + 1
    assert value("azplan_command_duration_seconds_sum", **labels) == seconds + 7
    assert value("azplan_redrives_total", **labels) == redriven
    telemetry.count_end(replace(work, redrive=1), outcome, datetime.fromtimestamp(1_000_000_007, UTC))
    assert value("azplan_redrives_total", **labels) == redriven + 1


async def test_a_run_that_ends_nothing_is_not_counted(bench: Bench) -> None:
    """A waiting command is not over."""
    work = await bench.begin()
    before = generate_latest(metrics.COMMANDS)
    waiting = Waiting(WaitingReason.RETRY, "detail", 5.0, 0, work.waits, said=False)
    telemetry.count_end(work, waiting, datetime.fromtimestamp(1_000_000_007, UTC))
    assert generate_latest(metrics.COMMANDS) == before
