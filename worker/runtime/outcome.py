"""The outcome of a run: one value, from the handler's answer or exception and what is known of the command. Pure.

A refusal is not said while a request of the command may still arrive. A write that nobody could look after ends in
`outcome_unknown`. Failures of Partner Center or of the network do not count as attempts.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

from events.codes import FailedCode, RejectedCode, WaitingReason
from events.messages.base import Event
from events.messages.command_status import CommandFailed, CommandRejected, CommandValidated, PartnerCenterError
from worker.errors import AttemptsSpent, Broken, Failed, Rejected, Validated, Wait
from worker.handling import facts
from worker.journal.journal import EffectHeld
from worker.journal.records import SECOND, SeenLag, Waits
from worker.partner_center.errors import (
    CallError,
    Delayed,
    GateClosed,
    NeverSent,
    NotPermitted,
    Refused,
    Throttled,
    TokenUnavailable,
    Unanswered,
)
from worker.partner_center.reject_codes import reject_code
from worker.partner_center.resources import customers
from worker.runtime.facts_for_outcome import CommandFacts

MOST_CRASHES = 3
"""Runs that may end in an error of azplan's own. Some such errors pass; none is worth a day of waiting."""
NOT_ITS_OWN = "an answer that is not Partner Center's own"
"""The name in `Waits.since` of the instant since which a command that changed something gets only such answers."""
GATE_PAUSE = 1.0
"""Seconds until the next run of a command whose request the gate held back."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The story is over."""

    name: Literal["succeeded", "rejected", "failed"]
    event: Event
    attempts: int
    code: RejectedCode | FailedCode | None = None
    ended: bool = False
    unknown: bool = False
    lag: SeenLag | None = None

    @property
    def word(self) -> str:
        """The code, or the answer's type where the answer has no code."""
        return self.code or type(self.event).__name__


@dataclass(frozen=True, slots=True)
class Waiting:
    """The command gets its next turn in `delay` seconds. `said`: the reason is new and an event says it."""

    reason: WaitingReason
    detail: str
    delay: float
    attempts: int
    waits: Waits
    said: bool
    release: bool = False
    failed: bool = field(default=False)
    lag: SeenLag | None = None
    name: Literal["waiting"] = "waiting"


@dataclass(frozen=True, slots=True)
class Again:
    """The command gets its next turn soon and no event says so: the gate held a request of the run back."""

    delay: float = GATE_PAUSE
    name: Literal["again"] = "again"


Outcome = Ended | Waiting | Again


def judge(result: Event | Exception, now: CommandFacts) -> Outcome:
    """The outcome of the run that gave or raised `result`. Total: every exception has an outcome."""
    outcome = _judge(result, now)
    if isinstance(outcome, Waiting) and now.deadline is not None:
        outcome = replace(outcome, delay=max(0.0, min(outcome.delay, (now.deadline - now.now) / SECOND)))
    return outcome if isinstance(outcome, Again) else replace(outcome, lag=now.seen_lag(result))


def _judge(result: Event | Exception, now: CommandFacts) -> Outcome:
    outcome = _first(result, now)
    if isinstance(outcome, Ended) and outcome.code is RejectedCode.CUSTOMER_NOT_FOUND:
        outcome = _once_it_would_show(outcome, now)
    if not isinstance(outcome, Ended) or isinstance(result, Event):
        return outcome
    if now.settles_in > 0:
        detail = f"the answer {outcome.word} waits: a request without an answer may still arrive"
        attempts = outcome.attempts if isinstance(result, CallError) else now.attempts
        return _wait(Wait(WaitingReason.SETTLING, detail, delay=now.settles_in), attempts, now)
    if outcome.name != "failed" and now.in_doubt:
        return _unknown(outcome, now)
    return outcome


def _once_it_would_show(no: Ended, now: CommandFacts) -> Outcome:
    """Hold "no such customer" back until a new customer would show. A deadline that stops writes stops no looks."""
    left = now.policy.customer_lag - (now.now - now.received_at) / SECOND
    if left <= 0:
        return no
    detail = (
        f"Partner Center does not know the customer, and a new one may show up to {now.policy.customer_lag:g} s late"
    )
    wait = _wait(Wait(WaitingReason.RETRY, detail, awaits=customers.APPEARANCE), now.attempts, now)
    return replace(wait, delay=min(wait.delay, left))


def _first(result: Event | Exception, now: CommandFacts) -> Outcome:
    match result:
        case Event():
            return Ended("succeeded", result, now.attempts)
        case Validated():
            return Ended("succeeded", CommandValidated.of(now.origin, would_do=result.would_do), now.attempts)
        case Rejected():
            return _rejected(result, now)
        case Failed():
            return _gave_up(result, now)
        case Wait():
            return _waited(result, now)
        case EffectHeld():
            return _rejected(Rejected(RejectedCode.EARLIER_OUTCOME_UNKNOWN, str(result)), now)
        case AttemptsSpent():
            return _exhausted(str(result), None, now.attempts, now)
        case CallError():
            return _call(result, now)
        case _:
            return _crashed(result, now)


def _call(error: CallError, now: CommandFacts) -> Outcome:
    match error:
        case Refused():
            code = reject_code(error.operation, error.status, error.code)
            return _rejected(Rejected(code, error.description, partner_center=facts(error)), now)
        case NotPermitted():
            detail = f"{error.operation}: {error.description}"
            code, advice = RejectedCode.NOT_PERMITTED, error.advice or None
            return _rejected(Rejected(code, detail, advice=advice, partner_center=facts(error)), now)
        case GateClosed():
            return Again()
        case Throttled():
            return _wait(Wait(WaitingReason.THROTTLED, str(error), delay=error.delay), now.attempts, now)
        case TokenUnavailable():
            detail = f"{str(error).rstrip('.')}. {error.advice}".strip()
            return _wait(Wait(WaitingReason.TOKEN_UNAVAILABLE, detail, delay=error.delay), now.attempts, now)
        case Delayed():
            wait = Wait(WaitingReason.PARTNER_CENTER_UNAVAILABLE, str(error), delay=error.delay)
            return _wait(wait, now.attempts, now)
        case NeverSent() | Unanswered() if error.outage is not None:
            wait = Wait(WaitingReason.PARTNER_CENTER_UNAVAILABLE, str(error), delay=error.outage)
            return _wait(wait, now.attempts, now)
        case NeverSent():
            delay = now.retry_delay(now.waits.polls + 1)
            wait = Wait(WaitingReason.PARTNER_CENTER_UNAVAILABLE, str(error), delay=delay)
            return _wait(wait, now.attempts, now)
        case Unanswered() if error.is_foreign and (now.changed or now.in_doubt):
            return _said_nothing(error, now)
        case _:
            return _unanswered(error, now)


def _unanswered(error: CallError, now: CommandFacts) -> Outcome:
    attempts = now.attempts + 1
    if attempts >= now.policy.attempts:
        return _exhausted(str(error), facts(error), attempts, now)
    wait = Wait(WaitingReason.RETRY, str(error), delay=now.retry_delay(attempts))
    return replace(_wait(wait, attempts, now), failed=True)


def _said_nothing(error: CallError, now: CommandFacts) -> Outcome:
    """A gateway's answer does not end a command that has changed something, however often the answer comes.

    Such an answer is a wait and no attempt. The wait ends like any other.
    """
    since = now.waits.since.get(NOT_ITS_OWN, now.now)
    limit = now.policy.deadline(WaitingReason.RETRY)
    if (now.now - since) / SECOND >= limit:
        detail = f"{error}; this did not change in {limit:g} s"
        return _gave_up(Failed(FailedCode.OUTCOME_UNKNOWN, detail, partner_center=facts(error)), now)
    wait = Wait(WaitingReason.RETRY, str(error), delay=now.retry_delay(now.waits.polls + 1))
    outcome = _wait(wait, now.attempts, now)
    return replace(outcome, waits=replace(outcome.waits, since={**outcome.waits.since, NOT_ITS_OWN: since}))


def _exhausted(detail: str, answer: PartnerCenterError | None, attempts: int, now: CommandFacts) -> Outcome:
    """No attempt is left. The outcome is unknown where no look has followed an unanswered request."""
    code = FailedCode.OUTCOME_UNKNOWN if now.in_doubt else FailedCode.RETRIES_EXHAUSTED
    return _failed(Failed(code, detail, partner_center=answer), attempts, now)


def _crashed(error: Exception, now: CommandFacts) -> Outcome:
    attempts = now.attempts + 1
    detail = error.plain if isinstance(error, Broken) else f"an error inside azplan: {type(error).__name__}"
    if attempts >= min(MOST_CRASHES, now.policy.attempts):
        return _failed(Failed(FailedCode.INTERNAL_ERROR, detail), attempts, now)
    wait = Wait(WaitingReason.RETRY, detail, delay=now.retry_delay(attempts))
    return replace(_wait(wait, attempts, now), failed=True)


def _rejected(no: Rejected, now: CommandFacts) -> Outcome:
    event = CommandRejected.of(
        now.origin,
        code=no.code,
        detail=now.with_changes(no.detail),
        blockers=no.blockers,
        partner_center=no.partner_center,
        **({"advice": no.advice} if no.advice else {}),
    )
    return Ended("rejected", event, now.attempts, no.code)


def _gave_up(no: Failed, now: CommandFacts) -> Ended:
    """The run that ends a command counts as an attempt, like each run before it that failed."""
    return _failed(no, now.attempts + 1, now)


def _failed(no: Failed, attempts: int, now: CommandFacts) -> Ended:
    unknown = no.code is FailedCode.OUTCOME_UNKNOWN or now.in_doubt
    event = CommandFailed.of(
        now.origin,
        code=no.code,
        detail=now.with_changes(no.detail),
        blockers=no.blockers,
        partner_center=no.partner_center,
        attempts=attempts,
        outcome_unknown=unknown,
        **({"advice": no.advice} if no.advice else {}),
    )
    return Ended("failed", event, attempts, no.code, ended=no.ended, unknown=unknown)


def _unknown(no: Ended, now: CommandFacts) -> Ended:
    """A refusal that kept the command from looking after an unanswered request; the refusal becomes the evidence."""
    event, detail = no.event, f"{no.word} stood in the way of looking whether a request without an answer took effect"
    if isinstance(event, CommandRejected):
        return _gave_up(
            Failed(
                FailedCode.OUTCOME_UNKNOWN,
                f"{detail}: {event.detail}",
                blockers=event.blockers,
                partner_center=event.partner_center,
            ),
            replace(now, changed=()),
        )
    return _gave_up(Failed(FailedCode.OUTCOME_UNKNOWN, detail), now)


def _waited(wait: Wait, now: CommandFacts) -> Outcome:
    """A wait for Microsoft, which ends with its deadline.

    Time in waits for other reasons, or for failures on the way, does not count: a request is not given up right after
    it was made.
    """
    if not wait.limited:
        return _wait(wait, now.attempts, now)
    limit = now.policy.deadline(wait.reason)
    since = now.waits.since.get(wait.reason, now.now)
    left = limit - (now.now - since) / SECOND
    if left <= 0:
        never = f"{wait.detail}; this did not change in {limit:g} s"
        return _gave_up(wait.give_up or Failed(FailedCode.OUTCOME_UNKNOWN, never), now)
    outcome = _wait(wait, now.attempts, now)
    since_all = {str(wait.reason): now.now, **outcome.waits.since}
    return replace(outcome, delay=min(outcome.delay, left), waits=replace(outcome.waits, since=since_all))


def _wait(wait: Wait, attempts: int, now: CommandFacts) -> Waiting:
    reason, before = wait.reason, now.waits
    new = before.said != reason
    polls = 0 if new else before.polls + 1
    since = {of: at for of, at in before.since.items() if of != NOT_ITS_OWN}
    waits = replace(before, said=str(reason), polls=polls, count=before.count + new, since=since)
    delay = wait.delay
    if wait.awaits is not None:
        waits = now.awaiting(waits, wait.awaits)
        delay = now.look_delay(wait.awaits, waits.since[wait.awaits.name])
    elif delay is None:
        delay = now.poll_delay(polls)
    return Waiting(reason, wait.detail, delay, attempts, waits, said=new, release=wait.release)
