"""One request and its answer: send, judge, tell everyone whom it concerns. Decides nothing about trying again."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import structlog
from opentelemetry import trace

from worker import metrics
from worker.partner_center.answers import reading
from worker.partner_center.answers.classification import Verdict, classify
from worker.partner_center.answers.codes import explanations
from worker.partner_center.answers.reading import Answer, clean, retry_after
from worker.partner_center.api import Call, Outcome, Run
from worker.partner_center.client.account_state import Lines
from worker.partner_center.client.quota import SHORTEST_HOLD
from worker.partner_center.client.request import Request, headers, request_id
from worker.partner_center.client.tokens import AccessToken
from worker.partner_center.client.transport import Departure, NoReply
from worker.partner_center.errors import CallError, NeverSent, Throttled, Unanswered
from worker.partner_center.operation import Operation

T = TypeVar("T")

log = structlog.get_logger("azplan.partner_center")


@dataclass(frozen=True, slots=True)
class Judged(Generic[T]):
    """What came of a request: a value, or the error that it means."""

    status: Outcome
    value: T | None = None
    error: CallError | None = None
    retry_after: float | None = None
    """Seconds that a refused caller was asked to wait."""


class Conversation(Generic[T]):
    """One request of a run."""

    def __init__(self, lines: Lines, run: Run, step: str | None, operation: Operation[T], request: Request) -> None:
        self._lines = lines
        self._run = run
        self._step = step
        self._operation = operation
        self._request = request
        self._key = request.key(step)
        self._request_id = request_id(run.command, step, request, run.answers(self._key))

    async def hold(self, token: AccessToken, departure: Departure) -> T:
        """Hold the conversation: the value of the answer, or the `CallError` that it means.

        What the gate raises passes through; such a request is told to nobody, since there was none.
        """
        clock = self._lines.clock
        at, begun = clock.now(), clock.monotonic()
        with self._span() as span:
            judged = await self._send(token, departure)
            call = Call(
                at=at,
                operation=self._operation.name,
                step=self._step,
                status=judged.status,
                duration=clock.monotonic() - begun,
                request_id=self._request_id,
                correlation_id=self._run.correlation_id,
                code=judged.error.code if judged.error else None,
                key=self._key,
                answered=_is_answer(judged.error),
            )
            _describe(span, call)
            self._tell(call, judged)
            if judged.error is not None:
                raise judged.error
            return cast("T", judged.value)

    async def _send(self, token: AccessToken, departure: Departure) -> Judged[T]:
        operation, request, correlation_id = self._operation, self._request, self._run.correlation_id
        sent = headers(request, token=token.value, request_id=self._request_id, correlation_id=correlation_id)
        try:
            reply = await self._lines.transport.send(operation.method, request.target, sent, request.body, departure)
        except NoReply as silence:
            return Judged(silence.cause, error=self._silence(silence))
        answer = Answer(
            status=reply.status,
            headers=reply.headers,
            body=reply.body,
            at=self._lines.clock.now(),
            request_id=self._request_id,
            correlation_id=correlation_id,
            reason=reply.reason,
        )
        try:
            return Judged(reply.status, value=reading.read(operation, answer))
        except CallError as error:
            return Judged(reply.status, error=error, retry_after=retry_after(answer.headers, answer.at))

    def _silence(self, silence: NoReply) -> CallError:
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

    def _tell(self, call: Call, judged: Judged[T]) -> None:
        method = self._operation.method
        metrics.REQUESTS.labels(call.operation, method, str(call.status)).inc()
        metrics.REQUEST_DURATION.labels(call.operation, method).observe(call.duration)
        if call.code is not None:
            metrics.REQUEST_ERRORS.labels(call.operation, call.code if explanations(call.code) else "other").inc()
        self._tell_ceiling(call, judged)
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

    def _tell_ceiling(self, call: Call, judged: Judged[T]) -> None:
        quota = self._lines.quota(self._operation.family)
        if isinstance(judged.error, Throttled):
            judged.error.delay = quota.refused(self._run.command, judged.retry_after, self._run.correlation_id)
        elif call.status == 503 and judged.retry_after is not None:
            quota.away(max(judged.retry_after, SHORTEST_HOLD))
        elif call.answered:
            quota.taken()

    def _span(self) -> Any:
        """A client span named after the operation: addresses hold ids. OpenTelemetry conventions for HTTP, 1.44."""
        attributes = {
            "http.request.method": self._operation.method,
            "url.template": f"/v1{self._operation.path}",
            "azplan.partner_center.request_id": self._request_id,
            "azplan.partner_center.correlation_id": self._run.correlation_id,
        }
        tracer = trace.get_tracer("azplan")
        # What an exception says may hold anything, and a span is redacted by nobody: it says what `_describe` says.
        return tracer.start_as_current_span(
            self._operation.name,
            kind=trace.SpanKind.CLIENT,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        )


def _is_answer(error: CallError | None) -> bool:
    """Whether Partner Center answered, so that the next such request goes by another MS-RequestId."""
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
