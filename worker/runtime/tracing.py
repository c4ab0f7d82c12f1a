"""One span for each turn of a command, in the sender's trace. Without the OpenTelemetry SDK it costs next to nothing.

Own spans, because instrumenting aiokafka ends the consumer's span before the command is run and fails on headers that
are not UTF-8. Source: OpenTelemetry semantic conventions for messaging, 1.44 (kind CONSUMER, name `process <topic>`).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from events.record import Headers
from worker.journal.records import Work

_PROPAGATOR = TraceContextTextMapPropagator()


@contextmanager
def command_span(work: Work) -> Iterator[None]:
    """The span of a command's turn, child of the trace that its record carries."""
    with _span(f"process {work.record.topic}", work.record.headers) as span:
        span.set_attribute("messaging.system", "kafka")
        span.set_attribute("messaging.destination.name", work.record.topic)
        span.set_attribute("messaging.message.id", work.id)
        span.set_attribute("azplan.command.type", work.type)
        yield


@contextmanager
def record_trace(headers: Headers) -> Iterator[None]:
    """The trace of a record that is taken in, so that what is said about it carries that trace on."""
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


@contextmanager
def _span(name: str, headers: Headers) -> Iterator[trace.Span]:
    context = _PROPAGATOR.extract(carrier(headers))
    tracer = trace.get_tracer("azplan")
    with tracer.start_as_current_span(name, context=context, kind=trace.SpanKind.CONSUMER) as span:
        yield span
