"""One request and its answer: send, read the answer, report the result. Does not decide about retries."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

import structlog
from opentelemetry import trace

from worker import metrics
from worker.partner_center.answers.answer_parsing import Answer, clean, read, retry_after
from worker.partner_center.answers.classification import Verdict, classify
from worker.partner_center.answers.error_code_explanations import explanations
from worker.partner_center.client.ceilings.quota import SHORTEST_HOLD
from worker.partner_center.client.request import Request, headers, request_id, template
from worker.partner_center.client.state_shared_by_calls import AccountState
from worker.partner_center.client.tokens import AccessToken
from worker.partner_center.client.transport import Departure, NoReply
from worker.partner_center.errors import CallError, NeverSent, Throttled, Unanswered
from worker.partner_center.operation import Operation
from worker.partner_center.port import Call, CallStatus, Run

T = TypeVar("T")

log = structlog.get_logger("azplan.partner_center")


@dataclass(frozen=True, slots=True)
class ExchangeResult(Generic[T]):
    """The result of one request: a value, or the error that the answer means."""

    status: CallStatus
    value: T | None = None
    error: CallError | None = None
    retry_after: float | None = None
    """Seconds of the answer's `Retry-After`, if it has one."""


class Exchange(Generic[T]):
    """One request of a run, and its answer."""

    def __init__(
        self, state: AccountState, run: Run, step: str | None, operation: Operation[T], request: Request
    ) -> None:
        self._state = state
        self._run = run
        self._step = step
        self._operation = operation
        self._request = request
        self._key = request.key(step)
        self._request_id = request_id(run.command, step, request, run.answers(self._key))

    async def perform(self, token: AccessToken, departure: Departure) -> T:
        """Send the request and return the value of the answer. Raises the `CallError` that any other answer means.

        An exception of the gate passes through, and nothing is reported: no request was sent.
        """
        clock = self._state.clock
        at, begun = clock.now(), clock.monotonic()
        with self._span() as span:
            result = await self._send(token, departure)
            call = Call(
                at=at,
                operation=self._operation.name,
                step=self._step,
                status=result.status,
                duration=clock.monotonic() - begun,
                request_id=self._request_id,
                correlation_id=self._run.correlation_id,
                code=result.error.code if result.error else None,
                key=self._key,
                answered=_is_answer(result.error),
            )
            _describe(span, call)
            self._report(call, result)
            if result.error is not None:
                raise result.error
            return cast("T", result.value)

    async def _send(self, token: AccessToken, departure: Departure) -> ExchangeResult[T]:
        operation, request, correlation_id = self._operation, self._request, self._run.correlation_id
        sent = headers(request, token=token.value, request_id=self._request_id, correlation_id=correlation_id)
        try:
            transport = self._state.transport_of(operation)
            reply = await transport.send(operation.method, request.target, sent, request.body, departure)
        except NoReply as silence:
            return ExchangeResult(silence.cause, error=self._no_answer(silence))
        answer = Answer(
            status=reply.status,
            headers=reply.headers,
            body=reply.body,
            at=self._state.clock.now(),
            request_id=self._request_id,
            correlation_id=correlation_id,
            reason=reply.reason,
        )
        try:
            return ExchangeResult(reply.status, value=read(operation, answer))
        except CallError as error:
            return ExchangeResult(reply.status, error=error, retry_after=retry_after(answer.headers, answer.at))

    def _no_answer(self, silence: NoReply) -> CallError:
        kind = NeverSent if silence.cause == "connect" else Unanswered
        error = kind(
            self._operation.name,
            clean(silence.reason),
            request_id=self._request_id,
            correlation_id=self._run.correlation_id,
            retry_now=classify(silence.cause, None, self._operation.effect) is Verdict.RETRY_NOW,
        )
        if isinstance(error, NeverSent):
            error.trouble = silence.trouble
        if isinstance(error, Unanswered):
            error.unreadable = silence.cause == "unreadable"
        return error

    def _report(self, call: Call, result: ExchangeResult[T]) -> None:
        method = self._operation.method
        metrics.REQUESTS.labels(call.operation, method, str(call.status)).inc()
        metrics.REQUEST_DURATION.labels(call.operation, method).observe(call.duration)
        if call.code is not None:
            metrics.REQUEST_ERRORS.labels(call.operation, call.code if explanations(call.code) else "other").inc()
        self._report_to_quota(call, result)
        log.debug(
            "partner_center.called",
            operation=call.operation,
            status=call.status,
            error_code=call.code,
            duration_ms=round(call.duration * 1000),
            ms_request_id=call.request_id,
            ms_correlation_id=call.correlation_id,
        )
        self._run.called(call)

    def _report_to_quota(self, call: Call, result: ExchangeResult[T]) -> None:
        quota = self._state.quota(self._operation.family)
        if isinstance(result.error, Throttled):
            result.error.delay = quota.refused(self._run.command, result.retry_after, self._run.correlation_id)
        elif call.status == 503 and result.retry_after is not None:
            quota.away(max(result.retry_after, SHORTEST_HOLD))
        elif call.answered:
            quota.taken()

    def _span(self) -> AbstractContextManager[trace.Span]:
        """A client span with the name of the operation: addresses hold ids. OpenTelemetry HTTP conventions, 1.44."""
        attributes = {
            "http.request.method": self._operation.method,
            "url.template": template(self._operation),
            "azplan.partner_center.request_id": self._request_id,
            "azplan.partner_center.correlation_id": self._run.correlation_id,
        }
        span = trace.get_tracer("azplan").start_span(
            self._operation.name, kind=trace.SpanKind.CLIENT, attributes=attributes
        )
        if not span.is_recording():  # nothing is exported: to make it the current span would cost more than the rest
            return nullcontext(span)
        # Nobody redacts a span, and the text of an exception may hold anything: only `_describe` writes to the span.
        return trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False)


def _is_answer(error: CallError | None) -> bool:
    """Whether the service answered. If so, the next such request needs another request id."""
    return error is None or not (error.in_doubt or isinstance(error, NeverSent | Throttled))


def _describe(span: trace.Span, call: Call) -> None:
    if isinstance(call.status, int):
        span.set_attribute("http.response.status_code", call.status)
    else:
        span.set_attribute("error.type", call.status)
    if call.code is not None:
        span.set_attribute("azplan.partner_center.code", call.code)
    if not isinstance(call.status, int) or call.status >= 400 or call.code is not None:
        span.set_status(trace.StatusCode.ERROR)
