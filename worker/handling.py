"""The registry of handlers, and the `Context` that a handler works with.

A handler is one file in `worker/handlers`, registered by being there. It reads, decides, acts through `ctx.step`, and
returns its answer or raises one of `worker.errors`. No handler sees Kafka, the journal or the machine's clock.
"""

import pkgutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from types import MappingProxyType
from typing import Any, TypeVar

from events.codes import FailedCode, RejectedCode, WaitingReason
from events.messages.base import Command, Event, Origin
from events.messages.command_status import Blocker, PartnerCenterError
from events.messages.fields import is_guid
from worker import metrics
from worker.clock import duration_micros
from worker.datasets.command_files import CommandFiles
from worker.datasets.publication import Publication
from worker.errors import Failed, Rejected, Validated, Wait
from worker.journal.records import Earlier, Json, Micros, Note, Step
from worker.looks.awaited import Awaited
from worker.partner_center.errors import CallError, Refused
from worker.partner_center.operation import Operation
from worker.partner_center.reject_codes import reject_code
from worker.step_view import Result, StepView
from worker.steps import AccountPolicy, Effect, Run, Steps

CommandT = TypeVar("CommandT", bound=Command)
Handler = Callable[["Context", Any], Awaitable[Event]]

_HANDLERS: dict[type[Command], Handler] = {}


def handles(command: type[CommandT]) -> Callable[[Callable[["Context", CommandT], Awaitable[Event]]], Handler]:
    """Register the decorated coroutine as the handler of `command`. Raises TypeError for a second handler."""

    def register(handler: Callable[["Context", CommandT], Awaitable[Event]]) -> Handler:
        if command in _HANDLERS:
            raise TypeError(f"{command.__name__} has two handlers: {_HANDLERS[command]} and {handler}")
        _HANDLERS[command] = handler
        return handler

    return register


def load(package: str) -> Mapping[type[Command], Handler]:
    """Import every module of `package`. All registered handlers, by command."""
    root = import_module(package)
    for module in sorted(info.name for info in pkgutil.iter_modules(root.__path__)):
        import_module(f"{package}.{module}")
    return MappingProxyType(_HANDLERS)


@dataclass(frozen=True, slots=True)
class Change:
    """A change that a handler is about to make: the operation, and a plain sentence for `validateOnly`."""

    operation: Operation[Any]
    sentence: str


class Context:
    """One run of one command, for its handler."""

    def __init__(self, run: Run, command: Command, origin: Origin) -> None:
        self._run = run
        self._work = run.work
        self._command = command
        self._journal = run.journal
        self._clock = run.clock
        self._steps = Steps(run)
        self.origin = origin
        """The fields by which every event of the command names the command."""
        self.center = run.center
        """The partner account, bound to this run."""
        self.files = CommandFiles(run.files, run.journal, run.work, run.center.account)
        """The datasets, exports and files of the command."""
        self.policy = run.policy
        """Durations that a handler may need, such as the lag of the order list."""
        self.validate_only = run.validate_only
        """True: nothing may be changed. The handler makes every read and every check and says what it would do."""
        self.said: list[tuple[str, Event]] = []
        """Status events of this run with their places. They are sent when the run is concluded."""
        self.notes: list[Note] = []

    @property
    def memory(self) -> dict[str, Json]:
        """Small facts that the command keeps from run to run. They are durable when the run is concluded."""
        return self._work.memory

    @property
    def known(self) -> dict[str, Json]:
        """What runs of this story have read, by name, so that a run which only waits need not read it again.

        A redrive begins without it. A fact says what was so when it was read: it decides where to look, and never
        stands for a look after a request in doubt.
        """
        known: dict[str, Json] = self.memory.setdefault(f"known {self.redrive}", {})
        return known

    @property
    def account_policy(self) -> AccountPolicy:
        """The settings of the command's partner account that decide what the command does."""
        return self.policy.accounts.get(self.center.account, AccountPolicy())

    @property
    def redrive(self) -> int:
        """The number of the command's story: 0 for the first."""
        return self._work.redrive

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return self._clock.now()

    def instant(self) -> Micros:
        """The journal's clock: the same for all workers, in microseconds since 1970."""
        return self._journal.now()

    def answer(self, event: type[Event], **members: object) -> Event:
        """The terminal event for the handler to return, with the members that all events share.

        Raises `Validated`, with nothing left to do, for a command with `validateOnly`: its answer claims no change.
        """
        if self.validate_only and not self._work.steps:
            raise Validated([])
        return event.of(self.origin, **members)

    def say(self, place: str, event: type[Event], **members: object) -> None:
        """Say a status event at a fixed place of the story (`events.wire.identity`). Said twice, it is one event."""
        self.said.append((place, event.of(self.origin, **members)))

    def note(self, detail: str) -> None:
        """Add a line to the command's timeline, such as a check that was left out. The same line is added once."""
        noted = self.memory.setdefault("notes", [])
        if detail not in noted:
            noted.append(detail)
            self.notes.append(Note(at=self._journal.now(), kind="note", detail=detail))

    def about_to(self, *changes: Change) -> None:
        """Call this before the first write of a run, with every change that is still to be made.

        Raises `Validated` if nothing may be changed, and `Rejected` (`not_permitted`, `deadline_passed`) if a needed
        change cannot be made. While a write is in doubt the steps apply the deadline, because they look first.
        """
        for change in changes:
            if not self.center.permits(change.operation):
                raise Rejected(
                    RejectedCode.NOT_PERMITTED,
                    f"{change.operation.name} takes a user's token, and the account {self.center.account} is set up "
                    "for the application alone",
                )
        if self.validate_only:
            raise Validated([f"{change.operation.name}: {change.sentence}" for change in changes])
        deadline = self._command.deadline
        if deadline is not None and self.now() >= deadline and not self._steps.in_doubt():
            raise Rejected(
                RejectedCode.DEADLINE_PASSED,
                f"{changes[0].operation.name} was still to be done when the deadline {deadline.isoformat()} passed",
            )

    def end_in_time(self) -> None:
        """Call this at the beginning of a run that only reads. Raises `Rejected` when the deadline has passed.

        A command that changes something calls `about_to` instead: its deadline ends no look.
        """
        deadline = self._command.deadline
        if deadline is not None and self.now() >= deadline:
            detail = f"nothing was answered when the deadline {deadline.isoformat()} passed"
            raise Rejected(RejectedCode.DEADLINE_PASSED, detail)

    async def step(self, name: str, effect: Effect | Publication) -> Result | None:
        """Make a change at Partner Center: an `Orphan`, a `State` or a `Money` effect of `worker.steps`. Or publish.

        The result; None if the state was there already. Raises the errors of `worker.partner_center.errors` and of
        `worker.datasets.publication`, and `EffectHeld` if another command of the customer has the effect open.
        """
        begun, outcome = self._clock.monotonic(), "failed"
        try:
            given = await self._steps.take(name, effect)
            outcome = "succeeded"
            return given
        finally:
            metrics.step_taken(self.origin.command_type, name, outcome, self._clock.monotonic() - begun)

    def step_state(self, name: str) -> StepView:
        """The state of one of the command's steps: sent, applied or in doubt, and the result."""
        return self._steps.view(name)

    def steps_named(self, word: str) -> list[StepView]:
        """The states of all steps of the command whose names begin with this word, in the order of their names."""
        begin = f"{word} "
        names = [name.partition("@")[0] for name in self._work.steps if name.startswith(begin) and "~" not in name]
        return [self._steps.view(name) for name in sorted(set(names))]

    async def confirm_absent(self, name: str) -> None:
        """Record that a look of this run showed no effect of this step.

        The step stops being in doubt if no request of it can arrive any more. The command may then publish its own
        refusal. Raises `Failed` if a person has resolved the command as applied.
        """
        await self._steps.absent(name)

    def settles_in(self, *, step: Step | None = None, lag: float = 0.0) -> float:
        """Seconds until every unanswered request of this command is visible, if results appear `lag` seconds late.

        0 if the looks of this run can already see them. The run's beginning counts: a look may miss a request that
        arrives during the run. With `step`: only the requests of that step, which may be another command's.
        """
        return self._steps.shows_in(self._work.unsettled_until() if step is None else step.until, lag)

    def may_be_too_new(self, no: Refused) -> bool:
        """Whether Partner Center refuses because it knows no such customer, and a new customer may not show yet.

        Raise the refusal as it is then: the command looks again later, and nothing may be concluded from the refusal.
        """
        shows_by = self._work.received_at + duration_micros(self.policy.customer_lag)
        code = reject_code(no.operation, no.status, no.code)
        return code is RejectedCode.CUSTOMER_NOT_FOUND and self._journal.now() < shows_by

    def earlier(self, key: str) -> Earlier | None:
        """The effect of this key that another command of the customer left open; None if there is none."""
        return next((item for item in self._work.earlier if item.key == key), None)

    async def close(self, earlier: Earlier) -> None:
        """Close an effect that another command left open: its outcome is known now."""
        await self._journal.close_effect(self._work, earlier.key)
        self._work.earlier = tuple(item for item in self._work.earlier if item is not earlier)

    async def put_away(self, *names: str) -> None:
        """Archive finished steps, such as those of an expired cart, and free their names for new steps.

        Call this when no request of these steps can take effect any more. They then stop being in doubt.
        """
        known = [each for name in names for each in self.step_state(name).names]
        for each in known:
            await self._steps.settle(each)
        await self._journal.put_away(self._work, known)
        for each in known:
            self._work.steps.pop(each, None)


def facts(error: CallError) -> PartnerCenterError:
    """Partner Center's answer, for a person to paste into a support ticket."""
    return PartnerCenterError(
        operation=error.operation,
        http_status=error.status,
        code=error.code,
        description=error.description,
        request_id=error.request_id,
        correlation_id=error.correlation_id,
    )


def handler_of(command: Command, handlers: Mapping[type[Command], Handler]) -> Handler:
    """The handler of a command. Raises LookupError if the command has none."""
    try:
        return handlers[type(command)]
    except KeyError:
        raise LookupError(f"{type(command).__name__} has no handler: add one to worker/handlers") from None


def wait_out_refusal(
    reason: WaitingReason, detail: str, no: CallError, awaits: Awaited, *, blockers: Sequence[Blocker] = ()
) -> Wait:
    """The wait for a refusal to pass. If the wait ends first, a person gets `blockers` and the refusal."""
    ended = f"{detail}; this did not change before the wait ended"
    never = Failed(FailedCode.OUTCOME_UNKNOWN, ended, blockers=blockers, partner_center=facts(no))
    return Wait(reason, detail, awaits=awaits, limited=True, give_up=never)


def plain_id(identifier: str) -> str:
    """An id as answers write it: a GUID in lower case, since Partner Center changes its case; any other id as it is."""
    return identifier.lower() if is_guid(identifier) else identifier
