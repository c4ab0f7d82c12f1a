"""The writes of a handler: the intent is durable before the request leaves, the outcome before its use.

Four rules are kept here for every write (the model in ops/model shows that none can be dropped):

same key        a money effect acts again only under the key that it was begun with
settle          an intent carries the instant until which its request may arrive; the lane's later commands wait for it
no early "no"   within that time the command's own refusal is held back (`worker.runtime.outcome`)
gate at send    the request leaves only while this worker owns the lane and soon after its intent (`worker.gate`)

Knows no command and no operation.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from events.codes import FailedCode, RejectedCode, WaitingReason
from worker.clock import Clock
from worker.errors import AttemptsSpent, Failed, JournalError, LaneLost, Rejected, Validated
from worker.journal.journal import Journal
from worker.journal.records import SECOND, Call, Json, Micros, Resolution, Step, StepState, Work
from worker.partner_center.api import PartnerCenter
from worker.partner_center.errors import CallError, Refused
from worker.step_view import Result, StepView

Act = Callable[[PartnerCenter], Awaitable[Result]]


@dataclass(frozen=True, slots=True)
class Applied:
    """Looking shows that the effect is there. `result` is what its answer would have given."""

    result: Result


@dataclass(frozen=True, slots=True)
class NotApplied:
    """Looking shows that the effect is not there, so that acting again under the same key is right."""


Verdict = Applied | NotApplied


@dataclass(frozen=True, slots=True)
class Orphan:
    """A write whose lost result nobody can use: its id was never learned. Made again after a lost answer."""

    act: Act


@dataclass(frozen=True, slots=True)
class State:
    """A write that brings about a state that can be read. `there` is what was just read: act only where it is False."""

    there: bool
    act: Act


@dataclass(frozen=True, slots=True)
class Money:
    """A write that spends money or starts what cannot be stopped.

    `key` names the effect: one command of a customer at a time has it open. `details` are durable before the first
    request and let anybody look. `reconcile` looks after a request whose outcome is not known; where looking cannot
    tell it raises `Wait` or `Failed`. `spends`: once applied, no request under the same key can change anything more.
    """

    key: str
    details: Json
    reconcile: Callable[[], Awaitable[Verdict]]
    act: Act
    spends: bool


Effect = Orphan | State | Money


class Exchange(Protocol):
    """The run's traffic with Partner Center, as the steps need it."""

    def permit(self, step: str, seconds: float) -> None:
        """From now on and for so long a request of this step may leave."""

    def drain(self) -> list[Call]:
        """The calls that are not yet in the journal."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings that steps and outcomes go by. Durations in seconds."""

    call_timeout: float
    settle: float
    order_list_lag: float
    attempts: int
    retry_first: float
    retry_max: float
    wait_first: float
    wait_max: float
    deadlines: Mapping[str, float]
    """How long a limited wait lasts, by the name that a waiting reason gives its deadline."""
    customer_lag: float = 120.0

    def deadline(self, reason: WaitingReason) -> float:
        """How long a limited wait for this reason lasts."""
        return self.deadlines[reason.treatment.deadline]


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one command: what its handler and its steps work with."""

    work: Work
    journal: Journal
    center: PartnerCenter
    """The partner account of the command, bound to this run."""
    exchange: Exchange
    policy: Policy
    clock: Clock
    deadline: datetime | None = None
    """The command's own: the instant after which the command writes nothing new."""
    validate_only: bool = False
    """Nothing is written at all, not even by a handler that forgot to ask."""


class Steps:
    """The writes of one run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._work = run.work
        self._journal = run.journal
        self._policy = run.policy
        self._begun = run.journal.now()

    async def take(self, name: str, effect: Effect) -> Result | None:
        """Bring the effect about, once. What its answer gave; None where the state was there already.

        Raises `CallError` as the client does, `Rejected` when the deadline has passed, `AttemptsSpent`, `LaneLost`.
        """
        given = self.view(name).result
        if given is not None and not isinstance(effect, State):
            return given
        match effect:
            case Orphan():
                self._may_write(name)
                result = await effect.act(self._run.center.within(name))
                await self._record(Step(name, "orphan", StepState.APPLIED, attempts=1, result=result))
                return result
            case State():
                return await self._state(name, effect)
            case Money():
                return await self._money(name, effect)

    def in_doubt(self) -> bool:
        """True while some write of this command may have taken effect without our knowing."""
        return any(step.in_doubt for step in self._work.steps.values())

    def view(self, name: str) -> StepView:
        """What the command remembers of this step."""
        return StepView(self._work, name)

    def shows_in(self, until: Micros, lag: float = 0.0) -> float:
        """Seconds until a look shows whatever arrives up to `until`, seen `lag` seconds late; 0 where this run's do."""
        shown = until + int(lag * SECOND) if until else 0
        return max(1.0, (shown - self._journal.now()) / SECOND) if shown > self._begun else 0.0

    async def settle(self, name: str) -> None:
        """Record that nothing of a step that was in doubt took effect, or can take effect any more."""
        step = self._work.steps.get(name)
        if step is not None and step.in_doubt:
            await self._record(replace(step, state=StepState.NOT_APPLIED, intent_until=0, earlier_until=0))

    async def absent(self, name: str) -> None:
        """A look of this run has shown that the effect of this step is not there.

        Raises `Failed` where a person has said that it is: then nothing is changed on the strength of that look.
        """
        names = self.view(name).names
        for known in names:
            await self._settled(self._work.steps[known])
        if any(self._work.steps[known].state is not StepState.APPLIED for known in names):
            self._heed_resolution()

    async def _state(self, name: str, effect: State) -> Result | None:
        for known in self.view(name).names:  # what was just read tells of earlier stories too
            step = self._work.steps[known]
            if not effect.there:
                await self._settled(step)
            elif step.in_doubt:
                await self._record(replace(step, state=StepState.APPLIED))
        if effect.there:
            return None
        view = self.view(name)
        if view.is_applied:
            return view.result
        return await self._act(Step(view.present, "state", StepState.INTENDED), effect.act, None)

    async def _money(self, name: str, effect: Money) -> Result:
        step = self._work.steps.get(name)
        if step is not None and step.in_doubt:
            verdict = await effect.reconcile()
            if isinstance(verdict, Applied):
                await self._record(replace(step, state=StepState.APPLIED, result=verdict.result), spent=effect.spends)
                return verdict.result
            await self._settled(step)
        self._heed_resolution()
        intent = Step(name, "money", StepState.INTENDED, details=effect.details)
        return await self._act(intent, effect.act, effect.key, spends=effect.spends)

    def _heed_resolution(self) -> None:
        """What a person says to have taken effect is not brought about again."""
        if self._work.resolution is Resolution.APPLIED:
            detail = (
                "a person resolved the command as applied, and looking does not find it: redrive it when it shows, "
                "or resolve it as not applied"
            )
            raise Failed(FailedCode.OUTCOME_UNKNOWN, detail)

    async def _settled(self, step: Step | None) -> None:
        """A look has shown that the effect is not there: that is final where nothing can arrive any more.

        The run's beginning counts, not this moment: what arrived after the look was not seen by it.
        """
        if step is not None and step.in_doubt and self.shows_in(step.until) == 0.0:
            await self._record(replace(step, state=StepState.NOT_APPLIED, intent_until=0, earlier_until=0))

    async def _act(
        self,
        intent: Step,
        act: Act,
        key: str | None,
        *,
        spends: bool = False,
    ) -> Result:
        """Write the intent down, send, write the outcome down."""
        self._may_write(intent.name)
        self._run.exchange.permit(intent.name, self._policy.call_timeout)
        within = self._policy.call_timeout + self._policy.settle
        step = await self._journal.intend(self._work, intent, within, key)
        self._work.steps[intent.name] = step
        try:
            result = await act(self._run.center.within(intent.name))
        except Refused:
            await self._record(replace(step, state=StepState.NOT_APPLIED, intent_until=0))
            raise
        except CallError as error:
            if not error.in_doubt:
                await self._unsaid(step)
            raise
        await self._record(replace(step, state=StepState.APPLIED, intent_until=0, result=result), spent=spends)
        return result

    def _may_write(self, step: str) -> None:
        if self._run.validate_only:
            raise Validated([f"the write of the step {step}"])
        deadline = self._run.deadline
        if deadline is not None and self._run.clock.now() >= deadline:
            raise Rejected(
                RejectedCode.DEADLINE_PASSED, f"a change was still to be made when {deadline.isoformat()} passed"
            )
        if self._work.attempts >= self._policy.attempts:
            raise AttemptsSpent(f"{self._work.attempts} attempts were made")

    async def _unsaid(self, step: Step) -> None:
        """The request certainly never left. What was in doubt before it still is: its instant stays."""
        try:
            await self._record(replace(step, state=StepState.NOT_APPLIED, intent_until=0))
        except (LaneLost, JournalError):
            return  # the intent stays as it is, which only makes others wait longer than they need to

    async def _record(self, step: Step, *, spent: bool = False) -> None:
        await self._journal.record(self._work, step, self._run.exchange.drain(), spent=spent)
        self._work.steps[step.name] = step
        if spent:
            for known in self._work.steps.values():
                known.intent_until = known.earlier_until = 0
