"""The traffic of one run, between client and journal: may a request leave?

The gate closes where this worker may not own the lane for long enough, where it stops, where a pause holds the command,
where the command's deadline has passed, and where too much time has passed since the step's intent.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID, uuid4

from worker.clock import Clock, duration_micros
from worker.journal.records import Call as Told
from worker.journal.records import Work
from worker.partner_center.errors import GateClosed
from worker.partner_center.operation import EffectClass, Operation
from worker.partner_center.port import Call, PartnerCenter

NEEDS_INTENT = frozenset({EffectClass.STATE, EffectClass.MONEY})
"""Writes that leave only inside a step which has an intent."""


class Traffic:
    """The requests of one run of one command: a `Run` to the client, an `Exchange` to the steps."""

    def __init__(self, work: Work, clock: Clock, closed: Callable[[str], str | None], now: Callable[[], int]) -> None:
        """`closed` says why no request may leave for a command that the named worker claimed; None where one may.

        `now` is the journal's clock, in microseconds since 1970.
        """
        self._work = work
        self._clock = clock
        self._closed = closed
        self._now = now
        self._leave_by: dict[str, float] = {}
        self._calls: list[Told] = []
        self.command = UUID(work.uid)
        self.correlation_id = str(uuid4())
        self.deadline: datetime | None = None
        self.center: PartnerCenter | None = None

    def gate(self, operation: Operation[object], step: str | None) -> None:
        """Called at the instant a request leaves. Raises `GateClosed` where the request must not leave.

        Raises LookupError for a write outside a step: nobody would know of that write if its answer were lost.
        """
        if operation.effect in NEEDS_INTENT and step not in self._leave_by:
            raise LookupError(f"{operation.name} was called outside a step: no intent of the write is in the journal")
        reason = self._closed(self._work.owner.worker)
        if reason is None and operation.writes:
            reason = self._too_late(step)
        if reason is not None:
            raise GateClosed(operation.name, reason)

    def answers(self, key: str) -> int:
        """How many answers this very request has had, over all runs of the command."""
        return self._work.answers.get(key, 0)

    def called(self, call: Call) -> None:
        """Keep the call for the timeline, and count its answer."""
        if call.answered:
            self._work.answers[call.key] = self.answers(call.key) + 1
        self._calls.append(
            Told(
                at=self._now() - duration_micros(call.duration),
                step=call.step or "",
                operation=call.operation,
                status=str(call.status),
                duration_ms=round(call.duration * 1000),
                request_id=call.request_id,
                correlation_id=call.correlation_id,
                code=call.code,
                key=call.key,
                answered=call.answered,
            )
        )

    def permit(self, step: str, seconds: float) -> None:
        """Let requests of this step leave for so many seconds from now."""
        self._leave_by[step] = self._clock.boot() + seconds

    def drain(self) -> list[Told]:
        """The calls that the journal does not have yet; the caller writes them down."""
        calls, self._calls = self._calls, []
        return calls

    def _too_late(self, step: str | None) -> str | None:
        if self.deadline is not None and self._clock.now() >= self.deadline:
            return "the command's deadline has passed"
        if self._clock.boot() > self._leave_by.get(step or "", float("inf")):
            return "too much time has passed since the intent was written down"
        return None
