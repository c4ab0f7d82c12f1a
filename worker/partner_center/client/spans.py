"""The span of one request. Nobody redacts a span: it holds names, ids and statuses, and never a text of an answer."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from opentelemetry import trace

from worker.partner_center.operation import Operation
from worker.partner_center.port import Call


def begin(operation: Operation[Any], template: str, request_id: str, correlation_id: str) -> trace.Span:
    """A client span with the name of the operation: addresses hold ids. OpenTelemetry HTTP conventions, 1.44."""
    attributes = {
        "http.request.method": operation.method,
        "url.template": template,
        "azplan.partner_center.request_id": request_id,
        "azplan.partner_center.correlation_id": correlation_id,
    }
    return trace.get_tracer("azplan").start_span(operation.name, kind=trace.SpanKind.CLIENT, attributes=attributes)


def current(span: trace.Span) -> AbstractContextManager[trace.Span]:
    """The current span until the request is answered."""
    if not span.is_recording():  # nothing is exported: to make it the current span would cost more than the rest
        return nullcontext(span)
    # The text of an exception may hold anything: only `describe` writes to the span.
    return trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False)


def describe(span: trace.Span, call: Call) -> None:
    """Write into the span what became of the request."""
    if isinstance(call.status, int):
        span.set_attribute("http.response.status_code", call.status)
    else:
        span.set_attribute("error.type", call.status)
    if call.code is not None:
        span.set_attribute("azplan.partner_center.code", call.code)
    if not isinstance(call.status, int) or call.status >= 400 or call.code is not None:
        span.set_status(trace.StatusCode.ERROR)
