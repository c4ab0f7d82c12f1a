"""Metrics and log lines of the runtime, and the facts that every log line of a command carries.

This is wrapped around a turn once, for all commands: handlers count and log nothing that is routine.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import MappingProxyType

import structlog

from events.codes import Code, Fault, RecordCode, codes
from events.messages.base import events
from worker import metrics
from worker.clock import Clock
from worker.journal.intake_records import Intake, Taken
from worker.journal.records import SECOND, Unsent, Work
from worker.runtime.observability.tracing import command_span
from worker.runtime.outcome import Ended, Outcome, Waiting

log = structlog.get_logger("azplan.command")

FAULTS: Mapping[Fault, str] = MappingProxyType(
    {Fault.CALLER: "caller", Fault.PARTNER: "policy", Fault.MICROSOFT: "microsoft", Fault.AZPLAN: "system"}
)
"""The metric's word for each fault."""


@contextmanager
def watching(work: Work, correlation_id: str) -> Iterator[None]:
    """Count and trace a turn, and name it in every log line."""
    facts = {
        "command": metrics.command_label(work.type),
        "command_id": work.id,
        "customer_id": work.customer,
        "partner": work.account,
        "correlation_id": work.correlation_id,
        "ms_correlation_id": correlation_id,
    }
    with structlog.contextvars.bound_contextvars(**facts), _in_progress(work), command_span(work):
        # Before any request leaves: if the worker dies during the run, this line names the run behind its requests.
        log.debug("command.begun")
        yield


def concluded(work: Work, outcome: Outcome) -> None:
    """A turn has ended, and perhaps the story with it."""
    count_end(work, outcome, Clock().now())
    if isinstance(outcome, Waiting):
        if word := outcome.reason.treatment.retry_word:
            metrics.COMMAND_RETRIES.labels(metrics.command_label(work.type), word).inc()
        if outcome.said:
            metrics.COMMAND_WAITS.labels(metrics.command_label(work.type), str(outcome.reason)).inc()
            log.info("command.waiting", reason=outcome.reason, detail=outcome.detail, attempt=outcome.attempts)
    elif outcome.name != "again":
        if outcome.name == "failed":
            metrics.DEAD_LETTERS.labels(metrics.command_label(work.type), str(outcome.code)).inc()
        log.info("command.concluded", outcome=outcome.name, code=outcome.code)


def count_end(work: Work, outcome: Outcome, now: datetime) -> None:
    """Count a story that ended with this run, and once more if a person began the story. Other runs are not counted."""
    if not isinstance(outcome, Ended):
        return
    label, result = metrics.command_label(work.type), _result(outcome)
    metrics.COMMANDS.labels(label, result, _fault(outcome.code)).inc()
    metrics.COMMAND_DURATION.labels(label, result).observe(max(now.timestamp() - work.received_at / SECOND, 0.0))
    if work.redrive:
        metrics.REDRIVES.labels(label, result).inc()


def crashed(error: Exception) -> None:
    """An error of azplan's own inside a turn: the log has the trace, the event only the error's name."""
    log.error("command.crashed", exc_info=error)


def left(error: Exception) -> None:
    """A turn ended without an event because the lane was lost or the journal did not answer."""
    log.warning("command.left", why=type(error).__name__, error=str(error))


def polled(clock: Clock) -> None:
    """The consumer's heartbeat."""
    metrics.LAST_POLL.set(clock.now().timestamp())


def committed(clock: Clock, topics: Iterable[str]) -> None:
    """All records taken in from these topics are committed."""
    for topic in topics:
        metrics.LAST_COMMIT.labels(topic).set(clock.now().timestamp())


def taken(items: Sequence[Intake], results: Sequence[Taken]) -> None:
    """What became of a batch of records."""
    for (label, what, code, topic), number in Counter(map(_kind, items, results)).items():
        metrics.COMMANDS_RECEIVED.labels(label).inc(number)
        if what is Taken.DUPLICATE:
            metrics.DUPLICATES.labels(label).inc(number)
        if what in (Taken.DEAD_LETTER, Taken.REUSED, Taken.TOO_OLD) and code is not None:
            metrics.DEAD_LETTERS.labels(label, str(code)).inc(number)
        known = codes().get(code or "")
        if known is not None and known.treatment.decode_word:
            metrics.DECODE_FAILURES.labels(topic, known.treatment.decode_word).inc(number)
        log.debug("records.taken", command=label, became=what.value, code=code, number=number)


def poisoned(partitions: int) -> None:
    """Set how many partitions are paused because they bring mostly dead letters."""
    metrics.POISONED_PARTITIONS.set(partitions)


def published(topic: str, *, acknowledged: bool) -> None:
    """Kafka has acknowledged a record, or has not."""
    metrics.PRODUCED_EVENTS.labels(topic, "acknowledged" if acknowledged else "failed").inc()


def answered(row: Unsent, clock: Clock) -> None:
    """Kafka has acknowledged a record. If the record answers a command, the sender's wait is over."""
    kind = events().get(row.type)
    if kind is not None and kind.terminal and row.asked is not None and row.asked_at is not None:
        seconds = clock.now().timestamp() - row.asked_at / 1000
        metrics.COMMAND_CRITICAL.labels(metrics.command_label(row.asked)).observe(max(seconds, 0.0))


@contextmanager
def _in_progress(work: Work) -> Iterator[None]:
    with metrics.COMMANDS_IN_PROGRESS.labels(metrics.command_label(work.type)).track_inprogress():
        yield


def _result(outcome: Ended) -> str:
    if outcome.name == "rejected":
        return "refused"
    return "no_op" if outcome.name == "succeeded" and outcome.event.nothing_done else outcome.name


def _fault(code: Code | None) -> str:
    if code is None:
        return "none"
    return "system" if code.treatment.unanswered else FAULTS[code.meaning.fault]


def _kind(item: Intake, what: Taken) -> tuple[str, Taken, str | None, str]:
    known = item.command.type if item.command else item.repeats
    label = "unknown" if known is None else metrics.command_label(known)
    return label, what, _code(item, what), item.record.topic


def _code(item: Intake, what: Taken) -> str | None:
    if what is Taken.REUSED:
        return RecordCode.ID_REUSED
    letter = {Taken.DEAD_LETTER: item.letter, Taken.TOO_OLD: item.too_old}.get(what)
    if letter is not None:
        return letter.code
    return item.command.code if item.command is not None and what is Taken.REFUSED else None
