"""The metrics: all of them, under their names, ready before the first failure."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from prometheus_client import generate_latest
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.parser import text_string_to_metric_families

from events.codes import FailedCode, RejectedCode
from events.messages.base import Event, Origin
from events.messages.plans import PlanSuspended
from tests.partner_center.conftest import MakeAccount, Recorder
from tests.partner_center.wire import Wire, answers, hangs_up
from worker import metrics
from worker.partner_center.errors import Refused, Unanswered
from worker.partner_center.registry import operations
from worker.partner_center.resources import carts, customers

LABELS = {
    "azplan_commands_received_total": {"command"},
    "azplan_commands_total": {"command", "outcome", "fault"},
    "azplan_command_duration_seconds": {"command", "outcome"},
    "azplan_command_critical_seconds": {"command"},
    "azplan_command_step_duration_seconds": {"command", "step", "outcome"},
    "azplan_commands_in_progress": {"command"},
    "azplan_oldest_open_command_age_seconds": {"command"},
    "azplan_command_retries_total": {"command", "reason"},
    "azplan_command_waits_total": {"command", "reason"},
    "azplan_duplicate_commands_total": {"command"},
    "azplan_dead_letters_total": {"command", "reason"},
    "azplan_dead_letter_backlog_commands": set(),
    "azplan_redrives_total": {"command", "outcome"},
    "azplan_decode_failures_total": {"topic", "reason"},
    "azplan_consumer_lag_messages": {"topic", "partition"},
    "azplan_consumer_lag_seconds": {"topic", "partition"},
    "azplan_assigned_partitions": {"topic"},
    "azplan_poisoned_partitions": set(),
    "azplan_rebalances_total": set(),
    "azplan_last_poll_timestamp_seconds": set(),
    "azplan_last_commit_timestamp_seconds": {"topic"},
    "azplan_produced_events_total": {"topic", "outcome"},
    "azplan_outbox_pending_events": set(),
    "azplan_outbox_oldest_event_age_seconds": set(),
    "azplan_partner_center_requests_total": {"operation", "method", "code"},
    "azplan_partner_center_request_duration_seconds": {"operation", "method"},
    "azplan_partner_center_errors_total": {"operation", "error_code"},
    "azplan_partner_center_throttle_wait_seconds_total": {"scope"},
    "azplan_partner_center_ceiling_requests": {"partner", "family"},
    "azplan_partner_center_ceiling_used_requests": {"partner", "family"},
    "azplan_circuit_state": {"dependency", "state"},
    "azplan_auth_token_requests_total": {"flow", "outcome", "error"},
    "azplan_auth_access_token_expiry_timestamp_seconds": {"flow"},
    "azplan_auth_refresh_token_expiry_timestamp_seconds": set(),
    "azplan_event_loop_lag_seconds": set(),
    "azplan_log_messages_total": {"level"},
    "azplan_ready": set(),
    "azplan_degraded_reasons": set(),
    "azplan_pauses": set(),
    "azplan_oldest_detail_age_seconds": set(),
    "azplan_kafka_blocked": {"direction"},
    "azplan_build_info": {"version", "revision", "python"},
}
TOPICS = {"commands": "in", "events": "out", "dead_letters": "dead"}


def prepare() -> None:
    """As at start."""
    metrics.prepare(
        [(each.name, each.method, each.success) for each in operations().values()],
        topics=TOPICS,
        build={"version": "1", "revision": "abc", "python": "3.11"},
    )


def value(name: str, **labels: str) -> float | None:
    """What a metric shows."""
    return metrics.REGISTRY.get_sample_value(name, labels)


def test_the_names_and_labels_are_the_documented_ones() -> None:
    """Others build dashboards and alerts on them."""
    declared = {}
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            suffix = {"counter": "_total", "info": "_info"}.get(str(metric._type), "")
            declared[f"{metric._name}{suffix}"] = set(metric._labelnames)
    declared["azplan_build_info"] = LABELS["azplan_build_info"]
    assert declared == LABELS


def test_what_is_known_is_there_from_the_start() -> None:
    """So that the first failure shows as an increase; no series says when another was made."""
    prepare()
    families = list(text_string_to_metric_families(generate_latest(metrics.REGISTRY).decode()))
    assert value("azplan_commands_total", command="SuspendPlan", outcome="failed", fault="system") is not None
    assert value("azplan_dead_letters_total", command="unknown", reason="invalid_json") is not None
    labels = {"operation": "upgrades.create", "method": "POST", "code": "lost"}
    assert value("azplan_partner_center_requests_total", **labels) is not None
    for flow in ("app", "app_user"):
        assert value("azplan_auth_token_requests_total", flow=flow, outcome="error", error="none") is not None
    assert value("azplan_build_info", version="1", revision="abc", python="3.11") == 1
    assert [one.name for family in families for one in family.samples if one.name.endswith("_created")] == []
    assert {"process_resident_memory_bytes", "python_gc_collections"} <= {family.name for family in families}


async def test_what_a_request_leaves_behind(make_account: MakeAccount, partner_center: Wire, run: Recorder) -> None:
    """Status or cause, duration, and the code if it is known."""
    prepare()
    center = make_account().center(run)
    labels = {"operation": "carts.checkout", "method": "POST"}
    errors = {"operation": "carts.checkout", "error_code": "800023"}
    named = value("azplan_partner_center_errors_total", **errors) or 0
    before = {code: value("azplan_partner_center_requests_total", **labels, code=code) or 0 for code in ("lost", "403")}
    partner_center.will(
        hangs_up,
        answers(403, {"code": 800023, "description": "credit"}),
        answers(403, {"code": 77777777, "description": "new"}),
    )
    for error in (Unanswered, Refused, Refused):
        with pytest.raises(error):
            await carts.checkout(center, "c", "1")
    assert value("azplan_partner_center_requests_total", **labels, code="lost") == before["lost"] + 1
    assert value("azplan_partner_center_requests_total", **labels, code="403") == before["403"] + 2
    assert value("azplan_partner_center_errors_total", **errors) == named + 1
    assert value("azplan_partner_center_errors_total", operation="carts.checkout", error_code="77777777") is None
    assert (value("azplan_partner_center_errors_total", operation="carts.checkout", error_code="other") or 0) >= 1
    assert value("azplan_circuit_state", dependency="contoso/carts", state="closed") == 1
    assert (value("azplan_auth_access_token_expiry_timestamp_seconds", flow="app") or 0) > 1_700_000_000


async def test_the_state_of_a_circuit_is_one_of_three(
    make_account: MakeAccount, partner_center: Wire, run: Recorder
) -> None:
    """One-hot."""
    center = make_account().center(run)
    partner_center.react = lambda _: answers(500, {})
    for _ in range(5):
        with pytest.raises(Unanswered):
            await customers.get(center, "c")
    states = {
        state: value("azplan_circuit_state", dependency="contoso/customers", state=state)
        for state in ("closed", "open", "half_open")
    }
    assert states == {"closed": 0, "open": 1, "half_open": 0}


def test_the_earliest_of_several_accounts_is_shown() -> None:
    """The one that needs attention first."""
    expiry = metrics.Earliest(metrics.ACCESS_TOKEN_EXPIRY)
    for account, at in (("a", 300.0), ("b", 100.0), ("a", 200.0)):
        expiry.set(account, at, "app_user")
    assert value("azplan_auth_access_token_expiry_timestamp_seconds", flow="app_user") == 100
    expiry.set("b", 400.0, "app_user")
    assert value("azplan_auth_access_token_expiry_timestamp_seconds", flow="app_user") == 200


@dataclass
class Work:
    """A command that was received at a moment."""

    type: str
    received_at: int = 1_000_000_000_000_000


ORIGIN = Origin("c-1", "/crm", "azplan.SuspendPlan.v1", "9b2a6d0e-5c43-4f7e-8f53-1d1f6d2c7a10", "contoso")
SUSPENDED = PlanSuspended.of(ORIGIN, subscription_id="s", already_suspended=False)
ALREADY = PlanSuspended.of(ORIGIN, subscription_id="s", already_suspended=True)


@dataclass
class Outcome:
    """What became of it."""

    name: str
    code: RejectedCode | FailedCode | None = None
    event: Event | None = None


@pytest.mark.parametrize(
    ("outcome", "result", "fault"),
    [
        (Outcome("succeeded", event=SUSPENDED), "succeeded", "none"),
        (Outcome("succeeded", event=ALREADY), "no_op", "none"),
        (Outcome("rejected", RejectedCode.INVALID_COMMAND), "refused", "caller"),
        (Outcome("rejected", RejectedCode.NO_RELATIONSHIP), "refused", "policy"),
        (Outcome("rejected", RejectedCode.CREDIT_OR_REVIEW), "refused", "microsoft"),
        (Outcome("rejected", RejectedCode.EARLIER_OUTCOME_UNKNOWN), "refused", "system"),
        (Outcome("failed", FailedCode.ORDER_FAILED), "failed", "microsoft"),
        (Outcome("failed", FailedCode.UPGRADE_FAILED), "failed", "microsoft"),
        (Outcome("failed", FailedCode.RETRIES_EXHAUSTED), "failed", "system"),
        (Outcome("failed", FailedCode.OUTCOME_UNKNOWN), "failed", "system"),
        (Outcome("failed", FailedCode.INTERNAL_ERROR), "failed", "system"),
    ],
)
def test_how_the_end_of_a_command_is_counted(outcome: Outcome, result: str, fault: str) -> None:
    """Outcome, whose fault, and how long it took."""
    labels = {"command": "SuspendPlan", "outcome": result}
    counted = value("azplan_commands_total", **labels, fault=fault) or 0
    seconds = value("azplan_command_duration_seconds_sum", **labels) or 0
    with metrics.running(Work("azplan.SuspendPlan.v1")):
        assert value("azplan_commands_in_progress", command="SuspendPlan") == 1
    metrics.concluded(Work("azplan.SuspendPlan.v1"), outcome, datetime.fromtimestamp(1_000_000_007, UTC))
    assert value("azplan_commands_in_progress", command="SuspendPlan") == 0
    assert value("azplan_commands_total", **labels, fault=fault) == counted + 1
    assert value("azplan_command_duration_seconds_sum", **labels) == seconds + 7


def test_a_turn_that_ends_nothing_is_not_counted() -> None:
    """A command that waits is not over."""
    before = generate_latest(metrics.COMMANDS)
    metrics.concluded(Work("azplan.SuspendPlan.v1"), Outcome("waiting"))
    assert generate_latest(metrics.COMMANDS) == before


@pytest.mark.parametrize(
    ("command_type", "label"),
    [("azplan.CreateAzurePlan.v1", "CreateAzurePlan"), ("azplan.Whatever.v1", "unknown"), ("", "unknown")],
)
def test_the_label_of_a_command(command_type: str, label: str) -> None:
    """What a sender makes up is no label."""
    assert metrics.command_label(command_type) == label
