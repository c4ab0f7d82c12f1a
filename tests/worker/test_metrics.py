"""The metrics: all of them, under their names, ready before the first failure."""

import pytest
from prometheus_client import generate_latest
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.parser import text_string_to_metric_families

from worker import metrics
from worker.partner_center.all_operations import operations

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
    "azplan_exports_total": {"partner", "lines", "way", "outcome"},
    "azplan_export_seconds": {"lines", "stage"},
    "azplan_export_lines_total": {"lines"},
    "azplan_export_bytes_total": {"lines", "direction"},
    "azplan_comparison_total": {"status"},
    "azplan_comparison_unexplained": {"partner", "currency"},
    "azplan_dataset_age_seconds": {"partner", "lines", "billed"},
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
    """Prepare the metrics as at start."""
    metrics.prepare(
        [(each.name, each.method, each.success) for each in operations().values()],
        topics=TOPICS,
        build={"version": "1", "revision": "abc", "python": "3.11"},
    )


def value(name: str, **labels: str) -> float | None:
    """The value of a metric."""
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
    """The first failure therefore shows as an increase. No series has the time of its creation."""
    prepare()
    families = list(text_string_to_metric_families(generate_latest(metrics.REGISTRY).decode()))
    assert value("azplan_commands_total", command="SuspendPlan", outcome="failed", fault="system") is not None
    assert value("azplan_dead_letters_total", command="unknown", reason="invalid_json") is not None
    labels = {"operation": "upgrades.create", "method": "POST", "code": "lost"}
    assert value("azplan_partner_center_requests_total", **labels) is not None
    assert value("azplan_comparison_total", status="different") is not None
    for flow in ("app", "app_user"):
        assert value("azplan_auth_token_requests_total", flow=flow, outcome="error", error="none") is not None
    assert value("azplan_build_info", version="1", revision="abc", python="3.11") == 1
    assert [one.name for family in families for one in family.samples if one.name.endswith("_created")] == []
    assert {"process_resident_memory_bytes", "python_gc_collections"} <= {family.name for family in families}


def test_the_earliest_of_several_accounts_is_shown() -> None:
    """The one that needs attention first."""
    expiry = metrics.Earliest(metrics.ACCESS_TOKEN_EXPIRY)
    for account, at in (("a", 300.0), ("b", 100.0), ("a", 200.0)):
        expiry.set(account, at, "app_user")
    assert value("azplan_auth_access_token_expiry_timestamp_seconds", flow="app_user") == 100
    expiry.set("b", 400.0, "app_user")
    assert value("azplan_auth_access_token_expiry_timestamp_seconds", flow="app_user") == 200


@pytest.mark.parametrize(
    ("command_type", "label"),
    [("azplan.CreateAzurePlan.v1", "CreateAzurePlan"), ("azplan.Whatever.v1", "unknown"), ("", "unknown")],
)
def test_the_label_of_a_command(command_type: str, label: str) -> None:
    """A text that a sender invents is no label."""
    assert metrics.command_label(command_type) == label
