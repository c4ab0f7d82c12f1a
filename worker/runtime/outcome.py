"""What became of a run: from what the handler returned or raised, and what is known of the command, to one value. Pure.

A refusal is not said while a request of the command may still arrive; what could not be looked at is `outcome_unknown`;
what is out of order on Microsoft's side, or between us, is no attempt of ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from events.codes import FailedCode, RejectedCode, WaitingReason
from events.messages.base import Event, Origin
from events.messages.status import (
    CommandFailed,
    CommandRejected,
    CommandValidated,
    PartnerCenterError,
)
from worker.errors import AttemptsSpent, Failed, Rejected, Validated, Wait
from worker.handling import facts
from worker.journal.journal import EffectHeld
from worker.journal.records import SECOND, Micros, Waits
from worker.partner_center.answers.classification import reject_code
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
from worker.steps import Policy

MOST_CRASHES = 3
"""A run that ends in an error of ours is tried so often: some are of the moment, and none is worth a day of waiting."""
GROWTH = 1.5
"""Each poll of a wait comes so much later than the one before, until it reaches the longest interval."""
MOST_GROWTH = 64
"""So often an interval grows at most: it is beyond any limit by then, and still a number."""
NOT_ITS_OWN = "an answer that is not Partner Center's own"
"""Since when a command that has changed something meets nothing else, among the instants of its waits."""
GATE_PAUSE = 1.0
"""Seconds until a run is begun anew whose request was held back at the last moment."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of the command beside the result of its run."""

    origin: Origin
    attempts: int
    waits: Waits
    now: Micros
    policy: Policy
    received_at: Micros = 0
    settles_in: float = 0.0
    in_doubt: bool = False
    changed: Sequence[str] = ()
    spread: float = 0.0
    """Of 0 to 1: where in its span a delay falls, so that many commands do not come back at once."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The story is over."""

    name: Literal["succeeded", "rejected", "failed"]
    event: Event
    attempts: int
    code: RejectedCode | FailedCode | None = None
    ended: bool = False
    unknown: bool = False

    @property
    def word(self) -> str:
        """The code, or the type of the answer where it has none."""
        return self.code or type(self.event).__name__


@dataclass(frozen=True, slots=True)
class Waiting:
    """The command gets its next turn in `delay` seconds. `said`: the reason is new and is said in an event."""

    reason: WaitingReason
    detail: str
    delay: float
    attempts: int
    waits: Waits
    said: bool
    release: bool = False
    failed: bool = field(default=False)
    name: Literal["waiting"] = "waiting"


@dataclass(frozen=True, slots=True)
class Again:
    """The run is begun anew, soon and without a word: its request was held back at the gate."""

    delay: float = GATE_PAUSE
    name: Literal["again"] = "again"


Outcome = Ended | Waiting | Again


def judge(result: Event | Exception, now: Situation) -> Outcome:
    """What becomes of the command. Total: any exception has an outcome."""
    outcome = _first(result, now)
    if isinstance(outcome, Ended) and outcome.code is RejectedCode.CUSTOMER_NOT_FOUND:
        outcome = _once_it_would_show(outcome, now)
    if not isinstance(outcome, Ended) or isinstance(result, Event):
        return outcome
    if now.settles_in > 0:
        detail = f"before the answer {outcome.word}, a request that was never answered must have had the time to arrive"
        attempts = outcome.attempts if isinstance(result, CallError) else now.attempts
        return _wait(Wait(WaitingReason.SETTLING, detail, delay=now.settles_in), attempts, now)
    if outcome.name != "failed" and now.in_doubt:
        return _unknown(outcome, now)
    return outcome


def _once_it_would_show(no: Ended, now: Situation) -> Outcome:
    """A new customer shows late: that there is none is not said before one would have shown.

    The command's own deadline does not shorten it: that stops writes, and not looking.
    """
    left = now.policy.customer_lag - (now.now - now.received_at) / SECOND
    if left <= 0:
        return no
    detail = (
        f"Partner Center does not know the customer, and a new one may show up to {now.policy.customer_lag:g} s late"
    )
    wait = _wait(Wait(WaitingReason.RETRY, detail), now.attempts, now)
    return replace(wait, delay=min(wait.delay, left))


def _first(result: Event | Exception, now: Situation) -> Outcome:
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


def _call(error: CallError, now: Situation) -> Outcome:
    match error:
        case Refused():
            code = reject_code(error.operation, error.status, error.code)
            return _rejected(Rejected(code, error.description, partner_center=facts(error)), now)
        case NotPermitted():
            detail = f"{error.operation}: {error.description}"
            return _rejected(Rejected(RejectedCode.NOT_PERMITTED, detail, partner_center=facts(error)), now)
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
            delay = _backoff(now.waits.polls + 1, now)
            wait = Wait(WaitingReason.PARTNER_CENTER_UNAVAILABLE, str(error), delay=delay)
            return _wait(wait, now.attempts, now)
        case Unanswered() if error.is_foreign and (now.changed or now.in_doubt):
            return _said_nothing(error, now)
        case _:
            return _unanswered(error, now)


def _unanswered(error: CallError, now: Situation) -> Outcome:
    attempts = now.attempts + 1
    if attempts >= now.policy.attempts:
        return _exhausted(str(error), facts(error), attempts, now)
    wait = Wait(WaitingReason.RETRY, str(error), delay=_backoff(attempts, now))
    return replace(_wait(wait, attempts, now), failed=True)


def _said_nothing(error: CallError, now: Situation) -> Outcome:
    """A command that has begun to change things is not ended by what a gateway says, however often it says it.

    That is no attempt, but a wait, which ends as any other does.
    """
    since = now.waits.since.get(NOT_ITS_OWN, now.now)
    limit = now.policy.deadline(WaitingReason.RETRY)
    if (now.now - since) / SECOND >= limit:
        detail = f"{error}; this did not change in {limit:g} s"
        return _gave_up(Failed(FailedCode.OUTCOME_UNKNOWN, detail, partner_center=facts(error)), now)
    outcome = _wait(Wait(WaitingReason.RETRY, str(error), delay=_backoff(now.waits.polls + 1, now)), now.attempts, now)
    return replace(outcome, waits=replace(outcome.waits, since={**outcome.waits.since, NOT_ITS_OWN: since}))


def _exhausted(detail: str, answer: PartnerCenterError | None, attempts: int, now: Situation) -> Outcome:
    """No attempt is left. Whether something took effect is unknown where no look told us since it was sent."""
    code = FailedCode.OUTCOME_UNKNOWN if now.in_doubt else FailedCode.RETRIES_EXHAUSTED
    return _failed(Failed(code, detail, partner_center=answer), attempts, now)


def _crashed(error: Exception, now: Situation) -> Outcome:
    attempts = now.attempts + 1
    detail = f"an error inside azplan: {type(error).__name__}"
    if attempts >= min(MOST_CRASHES, now.policy.attempts):
        return _failed(Failed(FailedCode.INTERNAL_ERROR, detail), attempts, now)
    return replace(_wait(Wait(WaitingReason.RETRY, detail, delay=_backoff(attempts, now)), attempts, now), failed=True)


def _rejected(no: Rejected, now: Situation) -> Outcome:
    event = CommandRejected.of(
        now.origin,
        code=no.code,
        detail=_with_changes(no.detail, now),
        blockers=no.blockers,
        partner_center=no.partner_center,
        **({"advice": no.advice} if no.advice else {}),
    )
    return Ended("rejected", event, now.attempts, no.code)


def _gave_up(no: Failed, now: Situation) -> Ended:
    """The run that ends a command is an attempt too, as each was after which it was tried again."""
    return _failed(no, now.attempts + 1, now)


def _failed(no: Failed, attempts: int, now: Situation) -> Ended:
    unknown = no.code is FailedCode.OUTCOME_UNKNOWN or now.in_doubt
    event = CommandFailed.of(
        now.origin,
        code=no.code,
        detail=_with_changes(no.detail, now),
        blockers=no.blockers,
        partner_center=no.partner_center,
        attempts=attempts,
        outcome_unknown=unknown,
        **({"advice": no.advice} if no.advice else {}),
    )
    return Ended("failed", event, attempts, no.code, ended=no.ended, unknown=unknown)


def _unknown(no: Ended, now: Situation) -> Ended:
    """A no that was said without looking; what led to it is the evidence."""
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


def _with_changes(detail: str, now: Situation) -> str:
    return f"{detail} (changed at Microsoft before that: {', '.join(now.changed)})" if now.changed else detail


def _waited(wait: Wait, now: Situation) -> Outcome:
    """A wait on Microsoft ends with its deadline; waits for something else, or on what is out of order on the way, do
    not count towards it: what was only just asked for is not given up.
    """
    if not wait.limited:
        return _wait(wait, now.attempts, now)
    limit = now.policy.deadline(wait.reason)
    since = now.waits.since.get(wait.reason, now.now)
    left = limit - (now.now - since) / SECOND
    if left <= 0:
        give_up = wait.give_up or Failed(
            FailedCode.OUTCOME_UNKNOWN, f"{wait.detail}; this did not change in {limit:g} s"
        )
        return _gave_up(give_up, now)
    outcome = _wait(wait, now.attempts, now)
    since_all = {str(wait.reason): now.now, **outcome.waits.since}
    return replace(outcome, delay=min(outcome.delay, left), waits=replace(outcome.waits, since=since_all))


def _wait(wait: Wait, attempts: int, now: Situation) -> Waiting:
    reason, before = wait.reason, now.waits
    new = before.said != reason
    polls = 0 if new else before.polls + 1
    since = {of: at for of, at in before.since.items() if of != NOT_ITS_OWN}
    waits = replace(before, said=str(reason), polls=polls, count=before.count + new, since=since)
    delay = wait.delay
    if delay is None:
        delay = min(now.policy.wait_max, now.policy.wait_first * GROWTH ** min(polls, MOST_GROWTH))
    return Waiting(reason, wait.detail, delay, attempts, waits, said=new, release=wait.release)


def _backoff(attempts: int, now: Situation) -> float:
    """Twice as long each time, up to the longest, and up to a quarter more so that commands part."""
    return _spread(min(now.policy.retry_max, now.policy.retry_first * 2.0 ** min(attempts - 1, 30)), now)


def _spread(delay: float, now: Situation) -> float:
    return delay * (1 + now.spread / 4)
