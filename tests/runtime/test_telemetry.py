"""What is counted of a command's turns."""

import pytest

from events.codes import WaitingReason
from tests.runtime.bench import Bench
from worker.metrics import REGISTRY
from worker.runtime import telemetry
from worker.runtime.outcome import Waiting

FAILED = {
    WaitingReason.RETRY: "server_error",
    WaitingReason.PARTNER_CENTER_UNAVAILABLE: "server_error",
    WaitingReason.THROTTLED: "throttled",
    WaitingReason.TOKEN_UNAVAILABLE: "auth",
}


def counted(metric: str) -> dict[str, float]:
    """How often each reason was counted so far."""
    samples = (sample for family in REGISTRY.collect() for sample in family.samples if sample.name == metric)
    return {each.labels["reason"]: each.value for each in samples if each.labels["command"] == "SuspendPlan"}


def more(metric: str, before: dict[str, float]) -> dict[str, float]:
    """What was counted since."""
    since = {reason: now - before.get(reason, 0) for reason, now in counted(metric).items()}
    return {reason: number for reason, number in since.items() if number}


@pytest.mark.parametrize("reason", WaitingReason)
async def test_a_wait_on_which_nothing_failed_is_no_retry(bench: Bench, reason: WaitingReason) -> None:
    """An order that Microsoft provides is waited for, as ever; a retry means that something failed or was refused."""
    work = await bench.begin()
    retries, waits = counted("azplan_command_retries_total"), counted("azplan_command_waits_total")
    for said in (True, False, False):
        telemetry.concluded(work, Waiting(reason, "detail", 5.0, 0, work.waits, said=said, release=False))
    assert more("azplan_command_waits_total", waits) == {reason.value: 1}, "once for each reason, and not for each look"
    assert more("azplan_command_retries_total", retries) == ({FAILED[reason]: 3} if reason in FAILED else {})
