"""The writes of a handler: the intent is durable before the request leaves, the outcome before its use.

Every write keeps four rules (the model in ops/model shows that none can be dropped):

same key        a money effect is sent again only under the key of its first request
settle          an intent carries the instant until which its request may arrive; later commands of the lane wait for it
no early "no"   until then the command's own refusal is held back (`worker.runtime.outcome`)
gate at send    a request leaves only while this worker owns the lane and soon after the intent (`worker.gate`)
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, Protocol

from events.codes import FailedCode, RejectedCode, WaitingReason
from worker.clock import Clock, duration_micros
from worker.datasets.publication import Publication, Publisher
from worker.errors import AttemptsSpent, Failed, JournalError, LaneLost, Rejected, Validated
from worker.files.destination import Destination
from worker.journal.journal import Journal
from worker.journal.records import SECOND, Call, Json, Micros, Resolution, Step, StepState, Work
from worker.partner_center.errors import CallError, Refused
from worker.partner_center.port import PartnerCenter
from worker.step_view import Result, StepView

Act = Callable[[PartnerCenter], Awaitable[Result]]


@dataclass(frozen=True, slots=True)
class Applied:
    """A look shows the effect. `result` is the result that the lost answer would have given."""

    result: Result


@dataclass(frozen=True, slots=True)
class NotApplied:
    """A look shows no effect: the step may act again under the same key."""


Verdict = Applied | NotApplied


@dataclass(frozen=True, slots=True)
class Orphan:
    """A write whose result is useless when its answer is lost, since the id is not known. The step then acts again."""

    act: Act


@dataclass(frozen=True, slots=True)
class State:
    """A write that brings about a state that can be read. `there`: this run has read that state. Acts only if False.
    `details` are durable before the request leaves, such as what the state replaces."""

    there: bool
    act: Act
    details: Json = None


@dataclass(frozen=True, slots=True)
class Money:
    """A write that spends money or starts something that cannot be stopped.

    `key` names the effect: one command of a customer at a time has the effect open. `details` are the ids to look by,
    durable before the first request. `reconcile` looks after a request in doubt, and raises `Wait` or `Failed` if the
    look decides nothing. `spends`: once applied, no request under the same key changes anything more.
    """

    key: str
    details: Json
    reconcile: Callable[[], Awaitable[Verdict]]
    act: Act
    spends: bool


Effect = Orphan | State | Money


class Exchange(Protocol):
    """The calls of the run to Partner Center: what the steps need of them."""

    def permit(self, step: str, seconds: float) -> None:
        """Let requests of this step leave for `seconds` from now."""

    def drain(self) -> list[Call]:
        """The calls that the journal does not have yet. The caller stores them."""


@dataclass(frozen=True, slots=True)
class AccountPolicy:
    """The settings of one partner account that decide what its commands do."""

    attestation: Literal["legacy", "off"] = "legacy"
    """The way in which a customer's acceptance of the agreement is recorded. `off`: azplan records none."""
    cancel_through: Literal["partner_center", "arm", "arm_then_partner_center"] = "partner_center"
    """Through which service Azure subscriptions are cancelled and brought back."""
    sandbox: bool = False
    """Whether Microsoft has no budgets there: the tenant is a sandbox."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings that decide about steps and outcomes. Durations in seconds."""

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
    quote_age: float = 600.0
    """How long the quote of a refund is used."""
    pauses: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """First and longest pause of the waits that have their own, by the name of their deadline."""
    accounts: Mapping[str, AccountPolicy] = field(default_factory=dict)
    """By the name of the partner account."""

    def deadline(self, reason: WaitingReason) -> float:
        """How long a limited wait for this reason lasts."""
        return self.deadlines[reason.treatment.deadline]


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one command, with all that its handler and its steps need."""

    work: Work
    journal: Journal
    center: PartnerCenter
    """The partner account of the command, bound to this run."""
    files: Destination
    exchange: Exchange
    policy: Policy
    clock: Clock
    deadline: datetime | None = None
    """The instant after which the command writes nothing new, as its sender asked."""
    validate_only: bool = False
    """True: nothing is written, not even by a handler that forgot to check."""


class Steps:
    """The writes of one run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._work = run.work
        self._journal = run.journal
        self._policy = run.policy
        self._begun = run.journal.now()

    async def take(self, name: str, effect: Effect | Publication) -> Result | None:
        """Bring the effect about once. Returns the result of the answer; None if the state was there already.

        Raises `CallError` like the client, `Rejected` when the deadline has passed, `AttemptsSpent`, `LaneLost`,
        `Validated` and `JournalUnavailable`.
        """
        given = self.view(name).result
        if given is not None and not isinstance(effect, State):
            return given
        match effect:
            case Publication():
                self._may_write(name, "the files were still to be published")
                return await Publisher(self._run.files, self._journal, self._work).publish(name, effect)
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
        """Whether any write of this command is in doubt."""
        return any(step.in_doubt for step in self._work.steps.values())

    def view(self, name: str) -> StepView:
        """The state of this step, as the command remembers it."""
        return StepView(self._work, name)

    def shows_in(self, until: Micros, lag: float = 0.0) -> float:
        """Seconds until a look shows every effect of requests up to `until`, if results appear `lag` seconds late.

        0 if the looks of this run show it.
        """
        shown = until + duration_micros(lag) if until else 0
        return max(1.0, (shown - self._journal.now()) / SECOND) if shown > self._begun else 0.0

    async def settle(self, name: str) -> None:
        """Record that a step in doubt took no effect and cannot take effect any more."""
        step = self._work.steps.get(name)
        if step is not None and step.in_doubt:
            await self._record(replace(step, state=StepState.NOT_APPLIED, intent_until=0, earlier_until=0))

    async def absent(self, name: str) -> None:
        """Record that a look of this run has shown no effect of this step.

        Raises `Failed` if a person has resolved the command as applied: the look then changes nothing.
        """
        names = self.view(name).names
        for known in names:
            await self._settled(self._work.steps[known])
        if any(self._work.steps[known].state is not StepState.APPLIED for known in names):
            self._heed_resolution()

    async def _state(self, name: str, effect: State) -> Result | None:
        for known in self.view(name).names:  # the state that was read shows earlier stories' requests too
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
        intent = Step(view.present, "state", StepState.INTENDED, details=effect.details)
        return await self._act(intent, effect.act, None)

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
        """Raises `Failed` if a person has resolved the command as applied: the effect is not brought about again."""
        if self._work.resolution is Resolution.APPLIED:
            detail = (
                "a person resolved the command as applied, and a look does not find the effect: redrive the command "
                "when the effect shows, or resolve it as not applied"
            )
            raise Failed(FailedCode.OUTCOME_UNKNOWN, detail)

    async def _settled(self, step: Step | None) -> None:
        """Record a look that showed no effect as final, if no request of the step can arrive any more.

        The run's beginning counts, not this moment: the look did not see requests that arrived after it.
        """
        if step is not None and step.in_doubt and self.shows_in(step.until) == 0.0:
            await self._record(replace(step, state=StepState.NOT_APPLIED, intent_until=0, earlier_until=0))

    async def _act(self, intent: Step, act: Act, key: str | None, *, spends: bool = False) -> Result:
        """Store the intent, send the request, store the outcome."""
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

    def _may_write(self, step: str, left: str = "a change was still to be made") -> None:
        """Raises what keeps the step from being taken. `left`: what is not done then, for a person."""
        if self._run.validate_only:
            raise Validated([f"the write of the step {step}"])
        deadline = self._run.deadline
        if deadline is not None and self._run.clock.now() >= deadline:
            raise Rejected(RejectedCode.DEADLINE_PASSED, f"{left} when the deadline {deadline.isoformat()} passed")
        if self._work.attempts >= self._policy.attempts:
            raise AttemptsSpent(f"{self._work.attempts} attempts were made")

    async def _unsaid(self, step: Step) -> None:
        """Record that the request never left. Earlier requests stay in doubt: `earlier_until` stays."""
        with suppress(LaneLost, JournalError):  # else the intent stays: other commands wait longer than needed
            await self._record(replace(step, state=StepState.NOT_APPLIED, intent_until=0))

    async def _record(self, step: Step, *, spent: bool = False) -> None:
        await self._journal.record(self._work, step, self._run.exchange.drain(), spent=spent)
        self._work.steps[step.name] = step
        if spent:
            for known in self._work.steps.values():
                known.intent_until = known.earlier_until = 0
