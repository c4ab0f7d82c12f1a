"""One span for each turn of a command, the first in the sender's trace. Without the OpenTelemetry SDK it costs little.

Own spans, because instrumenting aiokafka ends the consumer's span before the command is run and fails on headers that
are not UTF-8. Source: OpenTelemetry semantic conventions for messaging, 1.44 (kind CONSUMER, name `process <topic>`).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from events.wire.record import Headers
from worker.journal.records import Work

BEGAN = "trace"
"""The key of the first turn's span in a command's memory, where the record carries no trace for later turns."""
_PROPAGATOR = TraceContextTextMapPropagator()


@contextmanager
def command_span(work: Work) -> Iterator[None]:
    """The span of a command's turn.

    The first turn continues the trace of the record, or begins a trace. A command may wait for days, and nobody reads a
    trace of days: each later turn is a trace of its own, with a link to the first. A trace that the sender does not
    record stays unrecorded. Without the SDK the sender's trace is passed on unchanged.
    """
    carried = _PROPAGATOR.extract(carrier(work.record.headers))
    began = _context_of(carried)
    if work.revision and not began.is_valid:
        began = _context_of(_PROPAGATOR.extract({"traceparent": str(work.memory.get(BEGAN, ""))}))
    if work.revision and (began.trace_flags.sampled or not began.is_valid):
        span = _started(work, Context(), [trace.Link(began)] if began.is_valid else [])
    else:
        span = _started(work, carried, [])
    if not span.get_span_context().is_valid:
        span = trace.get_current_span(carried)
    with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        if not work.revision and not began.is_valid and span.is_recording():
            work.memory[BEGAN] = current_trace()[0]
        yield


@contextmanager
def record_trace(headers: Headers) -> Iterator[None]:
    """The trace of a record that is taken in: events about the record continue that trace."""
    with trace.use_span(trace.get_current_span(_PROPAGATOR.extract(carrier(headers))), end_on_exit=False):
        yield


def current_trace() -> tuple[str | None, str | None]:
    """`traceparent` and `tracestate` of the current span; None where there is no trace."""
    found: dict[str, str] = {}
    _PROPAGATOR.inject(found)
    return found.get("traceparent"), found.get("tracestate")


def carrier(headers: Headers) -> Mapping[str, str]:
    """The trace headers of a record as text. The bare name stands above `ce_`; what is not ASCII is left out."""
    found: dict[str, str] = {}
    for name, value in headers:
        bare = name.lower().removeprefix("ce_")
        if bare not in ("traceparent", "tracestate") or value is None or not value.isascii():
            continue
        if name.lower() == bare or bare not in found:
            found[bare] = value.decode("ascii")
    return found


def _started(work: Work, within: Context, links: Sequence[trace.Link]) -> trace.Span:
    """The span of a turn, within another or at the root of a trace. Attributes are listed: they hold no data."""
    attributes: dict[str, str | int] = {
        "messaging.system": "kafka",
        "messaging.destination.name": work.record.topic,
        "messaging.message.id": work.id,
        "azplan.command.type": work.type,
        "azplan.command.turn": work.revision + 1,
    }
    return trace.get_tracer("azplan").start_span(
        f"process {work.record.topic}", within, trace.SpanKind.CONSUMER, attributes, links
    )


def _context_of(context: Context) -> trace.SpanContext:
    return trace.get_current_span(context).get_span_context()
