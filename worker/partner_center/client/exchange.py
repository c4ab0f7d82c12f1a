"""One request and its answer: send, read the answer or open it, report the result. Does not decide about retries."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar, cast

import structlog
from opentelemetry import trace

from worker import metrics
from worker.partner_center.answers.answer import Answer, retry_after
from worker.partner_center.answers.answer_parsing import fault_of, read, refusal_of, unreadable
from worker.partner_center.answers.classification import Verdict, classify
from worker.partner_center.answers.error_bodies import clean
from worker.partner_center.answers.error_code_explanations import explanations
from worker.partner_center.answers.resource import CallReference
from worker.partner_center.client import spans
from worker.partner_center.client.ceilings.quota import SHORTEST_HOLD
from worker.partner_center.client.request import Request, headers, request_id, template
from worker.partner_center.client.state_shared_by_calls import AccountState
from worker.partner_center.client.streams.open_answer import OpenAnswer
from worker.partner_center.client.streams.open_reply import OpenReply
from worker.partner_center.client.tokens import AccessToken
from worker.partner_center.client.transport import Departure, NoReply, Reply, Transport
from worker.partner_center.errors import CallError, NeverSent, Throttled, Unanswered
from worker.partner_center.operation import PATIENCE, Api, Operation
from worker.partner_center.port import Call, CallStatus, Run

T = TypeVar("T")

log = structlog.get_logger("azplan.partner_center")

LARGEST_REFUSAL = 1024 * 1024
"""Largest number of bytes of an answer that is no success, where a success is read piece by piece."""


@dataclass(frozen=True, slots=True)
class ExchangeResult(Generic[T]):
    """The result of one request: a value, or the error that the answer means."""

    status: CallStatus
    value: T | None = None
    error: CallError | None = None
    retry_after: float | None = None
    """Seconds of the answer's `Retry-After`, if it has one."""


@dataclass(frozen=True, slots=True)
class _Begun:
    """When a request began."""

    at: datetime
    monotonic: float


class Exchange(Generic[T]):
    """One request of a run, and its answer."""

    def __init__(
        self,
        state: AccountState,
        run: Run,
        step: str | None,
        operation: Operation[T],
        request: Request,
        transport: Transport,
    ) -> None:
        self._state = state
        self._transport = transport
        self._run = run
        self._step = step
        self.operation = operation
        self._request = request
        self._key = request.key(step)
        self._request_id = request_id(run.command, step, request, run.answers(self._key))

    async def perform(self, token: AccessToken, departure: Departure) -> T:
        """Send the request and return the value of the answer. Raises the `CallError` that any other answer means.

        An exception of the gate passes through, and nothing is reported: no request was sent.
        """
        begun = self._now()
        with spans.current(self._span()) as span:
            result = await self._send(token, departure)
            self.conclude(begun, span, result)
            if result.error is not None:
                raise result.error
            return cast("T", result.value)

    async def open(self, token: AccessToken | None, departure: Departure) -> OpenAnswer:
        """Send the request and return its success, to be read piece by piece. The result is reported when it is closed.

        Raises as `perform` does; such an answer is reported at once. `token`: None where the service takes none.
        """
        begun, span = self._now(), self._span()
        bare = self.operation.api is Api.STORAGE
        try:
            reply = await self._transport.open(
                self.operation.method,
                self._request.target,
                {**self._headers(token), "Accept-Encoding": "identity" if bare else "gzip"},
                departure,
                patience=self._patience,
                plain=bare,
            )
            if reply.status in self.operation.success:
                return OpenAnswer(reply, _OpenCall(self, reply, begun, span))
            try:
                refusal = self._refused(reply, await reply.whole(LARGEST_REFUSAL))
            finally:
                await reply.close()
        except NoReply as silence:
            refusal = ExchangeResult(silence.cause, error=self.no_answer(silence))
        except BaseException:
            span.end()
            raise
        self.conclude(begun, span, refusal)
        span.end()
        raise cast("CallError", refusal.error)

    def _refused(self, reply: OpenReply, body: bytes | None) -> ExchangeResult[T]:
        """The result that a failure means. `body`: None if it is too large to be a failure of Microsoft's."""
        answer = self.answer(reply, body or b"")
        error = refusal_of(self.operation, answer)
        return ExchangeResult(reply.status, error=error, retry_after=retry_after(answer.headers, answer.at))

    def _span(self) -> trace.Span:
        template_of, ids = template(self.operation), (self._request_id, self._run.correlation_id)
        return spans.begin(self.operation, template_of, *ids)

    def _now(self) -> "_Begun":
        return _Begun(self._state.clock.now(), self._state.clock.monotonic())

    def conclude(self, begun: "_Begun", span: trace.Span, result: ExchangeResult[T]) -> None:
        """Report what became of the request."""
        call = Call(
            at=begun.at,
            operation=self.operation.name,
            step=self._step,
            status=result.status,
            duration=self._state.clock.monotonic() - begun.monotonic,
            request_id=self._request_id,
            correlation_id=self._run.correlation_id,
            code=result.error.code if result.error else None,
            key=self._key,
            answered=_is_answer(result.error),
        )
        spans.describe(span, call)
        self._report(call, result)

    def _headers(self, token: AccessToken | None) -> Mapping[str, str]:
        return headers(
            self._request,
            token=token.value if token else None,
            request_id=self._request_id,
            correlation_id=self._run.correlation_id,
        )

    @property
    def _patience(self) -> float:
        return PATIENCE if self.operation.patient else 1.0

    async def _send(self, token: AccessToken, departure: Departure) -> ExchangeResult[T]:
        operation, request = self.operation, self._request
        try:
            reply = await self._transport.send(
                operation.method,
                request.target,
                self._headers(token),
                request.body,
                departure,
                patience=self._patience,
                most=operation.largest,
            )
        except NoReply as silence:
            return ExchangeResult(silence.cause, error=self.no_answer(silence))
        answer = self.answer(reply, reply.body)
        try:
            return ExchangeResult(reply.status, value=read(operation, answer))
        except CallError as error:
            return ExchangeResult(reply.status, error=error, retry_after=retry_after(answer.headers, answer.at))

    def answer(self, reply: Reply | OpenReply, body: bytes) -> Answer:
        """The answer, with the ids of its request."""
        return Answer(
            status=reply.status,
            headers=reply.headers,
            body=body,
            at=self._state.clock.now(),
            request_id=self._request_id,
            correlation_id=self._run.correlation_id,
            reason=reply.reason,
        )

    def no_answer(self, silence: NoReply) -> CallError:
        """The error that the end of a connection means."""
        kind = NeverSent if silence.cause == "connect" else Unanswered
        error = kind(
            self.operation.name,
            clean(silence.reason),
            request_id=self._request_id,
            correlation_id=self._run.correlation_id,
            retry_now=classify(silence.cause, None, self.operation.effect) is Verdict.RETRY_NOW,
        )
        if isinstance(error, NeverSent):
            error.trouble = silence.trouble
        if isinstance(error, Unanswered):
            error.unreadable = silence.cause == "unreadable"
        return error

    def _report(self, call: Call, result: ExchangeResult[T]) -> None:
        method = self.operation.method
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
        if self.operation.api is Api.STORAGE:  # it has no ceiling
            return
        quota = self._state.quota(self.operation.family)
        if isinstance(result.error, Throttled):
            result.error.delay = quota.refused(self._run.command, result.retry_after, self._run.correlation_id)
        elif call.status == 503 and result.retry_after is not None:
            quota.away(max(result.retry_after, SHORTEST_HOLD))
        elif call.answered:
            quota.taken()


def _is_answer(error: CallError | None) -> bool:
    """Whether the service answered. If so, the next such request needs another request id."""
    return error is None or not (error.in_doubt or isinstance(error, NeverSent | Throttled))


class _OpenCall(Generic[T]):
    """The call of an open answer: what can be wrong with the body, and the report when the answer has ended."""

    def __init__(self, exchange: Exchange[T], reply: OpenReply, begun: _Begun, span: trace.Span) -> None:
        self._exchange = exchange
        self._reply = reply
        self._begun = begun
        self._span = span
        self._status: CallStatus = reply.status
        answer = self._answer()
        wait = retry_after(answer.headers, answer.at)
        self.source_call = CallReference(
            exchange.operation.name, reply.status, answer.request_id, answer.correlation_id, wait
        )

    def broken(self, silence: NoReply) -> CallError:
        self._status = silence.cause
        return self._exchange.no_answer(silence)

    def unreadable(self, what: str) -> CallError:
        return unreadable(self._exchange.operation, self._answer(), what)

    def fault_in(self, document: object) -> CallError | None:
        return fault_of(self._exchange.operation, self._answer(), document)

    def ended(self, error: CallError | None) -> None:
        self._exchange.conclude(self._begun, self._span, ExchangeResult(self._status, error=error))
        self._span.end()

    def _answer(self) -> Answer:
        return self._exchange.answer(self._reply, b"")
