"""Every metric of the worker with its labels, unit and meaning. No other module declares a metric.

Names and labels follow the Prometheus conventions; no label ever holds the id of a customer, order or subscription.
They live in a registry of their own, so that what is exported is what is written here. `prepare` is called at start.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)

from events.codes import FailedCode, RecordCode, WaitingReason, codes
from events.messages.base import commands
from events.messages.invoice_lines import Comparison

REGISTRY = CollectorRegistry(auto_describe=True)
ProcessCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

_DURATIONS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600)
_CRITICAL = (1, 5, 15, 30, 60, 300, 900, 3600, 14400)
_CALLS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

OUTCOMES = ("succeeded", "no_op", "refused", "failed")
FAULTS = ("none", "caller", "policy", "microsoft", "system")
RETRY_REASONS = ("throttled", "timeout", "server_error", "conflict", "not_visible_yet", "auth")
DECODE_REASONS = ("json", "schema", "envelope", "encoding", "too_large", "unknown_type")
CIRCUIT_STATES = ("closed", "open", "half_open")
FLOWS = ("app", "app_user")
LOG_LEVELS = ("debug", "info", "warning", "error", "critical")
NO_ANSWER = ("timeout", "connect", "lost")


def _counter(name: str, meaning: str, *labels: str) -> Counter:
    return Counter(f"azplan_{name}", meaning, labels, registry=REGISTRY)


def _gauge(name: str, meaning: str, *labels: str) -> Gauge:
    return Gauge(f"azplan_{name}", meaning, labels, registry=REGISTRY)


def _histogram(name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
    return Histogram(f"azplan_{name}", meaning, labels, buckets=buckets, registry=REGISTRY)


COMMANDS_RECEIVED = _counter("commands_received_total", "Records of commands decoded or refused.", "command")
COMMANDS = _counter("commands_total", "Commands that ended.", "command", "outcome", "fault")
COMMAND_DURATION = _histogram(
    "command_duration_seconds", "From first receipt to the end of a command.", _DURATIONS, "command", "outcome"
)
COMMAND_CRITICAL = _histogram(
    "command_critical_seconds", "From ce_time to the answer acknowledged by Kafka.", _CRITICAL, "command"
)
STEP_DURATION = _histogram(
    "command_step_duration_seconds", "Time spent in one step of a command.", _DURATIONS, "command", "step", "outcome"
)
COMMANDS_IN_PROGRESS = _gauge("commands_in_progress", "Commands that run now.", "command")
OLDEST_OPEN_COMMAND = _gauge(
    "oldest_open_command_age_seconds", "Age of the oldest command that is not over.", "command"
)
COMMAND_RETRIES = _counter(
    "command_retries_total",
    "Delayed repeats of a command because something failed or was refused.",
    "command",
    "reason",
)
COMMAND_WAITS = _counter(
    "command_waits_total", "Times that a command began to wait for another reason than before.", "command", "reason"
)
DUPLICATES = _counter("duplicate_commands_total", "Records of a command that was known already.", "command")
DEAD_LETTERS = _counter("dead_letters_total", "Records moved to the dead-letter topic.", "command", "reason")
DEAD_LETTER_BACKLOG = _gauge("dead_letter_backlog_commands", "Dead letters neither redriven nor archived.")
REDRIVES = _counter("redrives_total", "Redrives that a person asked for.", "command", "outcome")
DECODE_FAILURES = _counter("decode_failures_total", "Records that could not be read.", "topic", "reason")

CONSUMER_LAG = _gauge(
    "consumer_lag_messages", "Records between the next offset to commit and the end.", "topic", "partition"
)
CONSUMER_LAG_SECONDS = _gauge(
    "consumer_lag_seconds", "Age of the oldest record that is not committed.", "topic", "partition"
)
ASSIGNED_PARTITIONS = _gauge("assigned_partitions", "Partitions that this worker reads.", "topic")
POISONED_PARTITIONS = _gauge(
    "poisoned_partitions", "Partitions that are not read because most of their records became dead letters."
)
REBALANCES = _counter("rebalances_total", "Changes of the assignment.")
LAST_POLL = _gauge("last_poll_timestamp_seconds", "When records were last asked for, in Unix time.")
LAST_COMMIT = _gauge(
    "last_commit_timestamp_seconds",
    "When offsets were last committed, or there was nothing to commit, in Unix time.",
    "topic",
)
PRODUCED_EVENTS = _counter("produced_events_total", "Events sent to Kafka.", "topic", "outcome")
OUTBOX_PENDING = _gauge("outbox_pending_events", "Events decided but not acknowledged by Kafka yet.")
OUTBOX_OLDEST = _gauge("outbox_oldest_event_age_seconds", "Age of the oldest such event.")
OLDEST_DETAIL = _gauge(
    "oldest_detail_age_seconds",
    "Since the end of the oldest command whose bytes, steps and calls are kept; an open dead letter keeps them.",
)

REQUESTS = _counter(
    "partner_center_requests_total",
    "Requests to Partner Center and Microsoft's other services by HTTP status; timeout, connect and lost where no"
    " answer came.",
    "operation",
    "method",
    "code",
)
REQUEST_DURATION = _histogram(
    "partner_center_request_duration_seconds", "How long a request took.", _CALLS, "operation", "method"
)
REQUEST_ERRORS = _counter(
    "partner_center_errors_total",
    "Errors that Partner Center named; codes that are not known here count as other.",
    "operation",
    "error_code",
)
THROTTLE_WAIT = _counter(
    "partner_center_throttle_wait_seconds_total",
    "Seconds that calls were made to wait for Retry-After or for our own ceiling.",
    "scope",
)
CEILING = _gauge(
    "partner_center_ceiling_requests",
    "Requests that all workers together may make to a resource family in any 60 seconds, as it stands now.",
    "partner",
    "family",
)
CEILING_USED = _gauge(
    "partner_center_ceiling_used_requests",
    "This worker's requests to a resource family in the last 60 seconds and under way. The sum of all workers counts.",
    "partner",
    "family",
)
EXPORTS = _counter("exports_total", "Datasets of exported lines that ended.", "partner", "lines", "way", "outcome")
EXPORT_DURATION = _histogram(
    "export_seconds", "How long an export was in a stage; downloading once for each run.", _CRITICAL, "lines", "stage"
)
EXPORT_LINES = _counter("export_lines_total", "Lines in parts that were stored.", "lines")
EXPORT_BYTES = _counter("export_bytes_total", "Bytes downloaded (in) and published (out).", "lines", "direction")
COMPARISONS = _counter("comparison_total", "Comparisons of invoices with their lines, by what they found.", "status")
COMPARISON_UNEXPLAINED = _gauge(
    "comparison_unexplained", "What nothing explains of the invoice that was compared last.", "partner", "currency"
)
DATASET_AGE = _gauge(
    "dataset_age_seconds", "Since the newest version was published or found.", "partner", "lines", "billed"
)

CIRCUIT_STATE = _gauge(
    "circuit_state", "1 for the state that the circuit of an account's resource family is in.", "dependency", "state"
)
TOKEN_REQUESTS = _counter(
    "auth_token_requests_total",
    "Access tokens for calls: ok and error were asked of the authority, cached was still good; error is its code, or"
    " none.",
    "flow",
    "outcome",
    "error",
)
ACCESS_TOKEN_EXPIRY = _gauge(
    "auth_access_token_expiry_timestamp_seconds",
    "When the access token expires, in Unix time: the earliest of all accounts.",
    "flow",
)
REFRESH_TOKEN_EXPIRY = _gauge(
    "auth_refresh_token_expiry_timestamp_seconds",
    "When the refresh token dies, 90 days after it was issued, in Unix time: the earliest of all accounts; 0: there is"
    " none.",
)

EVENT_LOOP_LAG = _gauge("event_loop_lag_seconds", "How late the event loop ran what it should have run by now.")
LOG_MESSAGES = _counter("log_messages_total", "Log lines written.", "level")
READY = _gauge("ready", "1 where /readyz says so.")
DEGRADED = _gauge("degraded_reasons", "Reasons that /readyz gives for what a worker cannot do though it may be ready.")
KAFKA_BLOCKED = _gauge("kafka_blocked", "1 where records cannot be read (in) or answers not leave (out).", "direction")
PAUSES = _gauge("pauses", "Pauses in force: `azplan pause --list` says of what, by whom and why.")
BUILD = Info("azplan_build", "Which azplan this is.", registry=REGISTRY)


def described() -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    """Every metric of azplan: exported name, type, labels and meaning, in the order of the code."""
    for name, metric in globals().items():
        if name.isupper() and isinstance(metric, Counter | Gauge | Histogram | Info):
            (family,) = metric.describe()
            suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
            labels = tuple(metric._labelnames)  # noqa: SLF001 - the library has no public way to read them
            yield f"{family.name}{suffix}", family.type, labels, family.documentation


_NEWEST_VERSIONS: dict[tuple[str, str, str], float] = {}


class Earliest:
    """Sets a gauge to the smallest value of several accounts. Before the first value the gauge is not exported."""

    def __init__(self, gauge: Gauge) -> None:
        self._gauge = gauge
        self._values: dict[tuple[str, ...], dict[str, float]] = {}

    def set(self, account: str, value: float, *labels: str) -> None:
        """Set the value of one account."""
        values = self._values.setdefault(labels, {})
        values[account] = value
        (self._gauge.labels(*labels) if labels else self._gauge).set(min(values.values()))


EARLIEST_ACCESS_TOKEN_EXPIRY = Earliest(ACCESS_TOKEN_EXPIRY)
EARLIEST_REFRESH_TOKEN_EXPIRY = Earliest(REFRESH_TOKEN_EXPIRY)


def prepare(
    operations: Iterable[tuple[str, str, Iterable[int]]],
    *,
    topics: Mapping[str, str],
    build: Mapping[str, str],
) -> None:
    """Create the series of all label values that are known: the first failure then shows as an increase from zero.

    `operations`: (name, method, statuses of success). `topics`: topic names by their purpose (`commands`, `events`,
    `dead_letters`). `build`: version, revision and python.
    """
    disable_created_metrics()  # type: ignore[no-untyped-call]
    BUILD.info(dict(build))
    for command in (*(known.__name__ for known in commands().values()), "unknown"):
        _prepare_command(command)
    for name, method, statuses in operations:
        REQUEST_DURATION.labels(name, method)
        REQUEST_ERRORS.labels(name, "other")
        for code in (*map(str, statuses), "429", "500", "503", *NO_ANSWER):
            REQUESTS.labels(name, method, code)
    for reason in sorted({*DECODE_REASONS, *(code.treatment.decode_word for code in codes().values())} - {""}):
        DECODE_FAILURES.labels(topics["commands"], reason)
    for name in (topics["events"], topics["dead_letters"]):
        PRODUCED_EVENTS.labels(name, "acknowledged")
        PRODUCED_EVENTS.labels(name, "failed")
    for flow in FLOWS:
        for outcome in ("ok", "cached", "error"):
            TOKEN_REQUESTS.labels(flow, outcome, "none")
    THROTTLE_WAIT.labels("partner")
    for status in get_args(Comparison.model_fields["status"].annotation):
        COMPARISONS.labels(status)
    for level in LOG_LEVELS:
        LOG_MESSAGES.labels(level)


def _prepare_command(command: str) -> None:
    COMMANDS_RECEIVED.labels(command)
    COMMANDS_IN_PROGRESS.labels(command)
    DUPLICATES.labels(command)
    COMMAND_CRITICAL.labels(command)
    for outcome in OUTCOMES:
        COMMAND_DURATION.labels(command, outcome)
        REDRIVES.labels(command, outcome)
        for fault in FAULTS:
            COMMANDS.labels(command, outcome, fault)
    for reason in sorted({*RETRY_REASONS, *(code.treatment.retry_word for code in codes().values())} - {""}):
        COMMAND_RETRIES.labels(command, reason)
    for waiting in WaitingReason:
        COMMAND_WAITS.labels(command, str(waiting))
    for code in (*FailedCode, *RecordCode):
        DEAD_LETTERS.labels(command, str(code))


def command_label(command_type: str) -> str:
    """The label of a full type: `SuspendPlan` for `azplan.SuspendPlan.v1`; `unknown` for a type that azplan lacks."""
    known = commands().get(command_type)
    return known.__name__ if known else "unknown"


def step_taken(command_type: str, step: str, outcome: str, seconds: float) -> None:
    """Measure a step. The label is the first word of its name, without an id or a number behind it."""
    kind = step.partition(" ")[0]
    STEP_DURATION.labels(command_label(command_type), kind, outcome).observe(seconds)


def version_published(partner: str, lines: str, at: float, *, billed: bool) -> None:
    """A version of such lines was published at `at`, in Unix time: `show_dataset_ages` counts from the newest one."""
    labels = (partner, lines, str(billed).lower())
    _NEWEST_VERSIONS[labels] = max(at, _NEWEST_VERSIONS.get(labels, 0.0))


def show_dataset_ages(now: float) -> None:
    """Set the ages of the newest known versions. `now` is in Unix time."""
    for labels, at in _NEWEST_VERSIONS.items():
        DATASET_AGE.labels(*labels).set(max(0.0, now - at))


def set_circuit(dependency: str, state: str) -> None:
    """Show that the circuit of `dependency` is in `state`, and in no other."""
    for each in CIRCUIT_STATES:
        CIRCUIT_STATE.labels(dependency, each).set(each == state)
