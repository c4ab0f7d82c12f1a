"""From an outcome to what the journal stores and the events say: one transaction's worth."""

from dataclasses import dataclass
from typing import cast
from uuid import UUID

from events.codes import FailedCode, WaitingReason
from events.messages.base import Event
from events.messages.command_status import CommandWaiting
from events.wire import identity
from events.wire.codec import encode
from events.wire.dead_letter import Failure, dead_letter_headers
from events.wire.event_size import fit_event
from events.wire.strict_json import LARGEST
from worker.clock import duration_micros, instant, micros
from worker.journal.reading.call_order import CLOCK, told
from worker.journal.records import SECOND, Conclusion, Micros, NewDeadLetter, NewEvent, Note, State, Work
from worker.runtime.handler_run import Turn
from worker.runtime.observability.tracing import current_trace
from worker.runtime.outcome import Again, Ended, Outcome, Waiting

NOTICEABLE: Micros = 2 * SECOND
"""Differences below this are no difference of clocks: the journal's time, known without asking, may be this late."""


@dataclass(frozen=True, slots=True)
class Sender:
    """The sender of events and dead letters: consumer group and version."""

    group: str
    version: str
    largest: int = LARGEST
    """The most bytes of an event with its headers. The lists of a larger event are cut."""


def conclude(turn: Turn, outcome: Outcome, sender: Sender) -> Conclusion:
    """What the journal stores about this run, with its events and its dead letter."""
    match outcome:
        case Ended():
            return _ended(turn, outcome, sender)
        case Waiting():
            return _waiting(turn, outcome, sender)
        case Again():
            return _again(turn, outcome, sender)


def _ended(turn: Turn, outcome: Ended, sender: Sender) -> Conclusion:
    now = turn.now()
    letter = _letter(turn.work, outcome, sender, now) if outcome.name == "failed" else None
    return Conclusion(
        state=State(outcome.name),
        code=outcome.code,
        attempts=outcome.attempts,
        failed=outcome.name == "failed",
        waits=turn.work.waits,
        memory=turn.work.memory,
        events=[
            *_said(turn, now, sender),
            new_event(turn.work, identity.TERMINAL, outcome.event, now, sender.largest),
        ],
        letter=letter,
        calls=turn.traffic.drain(),
        notes=_notes(turn),
        keep_effects=outcome.unknown,
        ended=outcome.ended,
        lag=outcome.lag,
    )


def _waiting(turn: Turn, outcome: Waiting, sender: Sender) -> Conclusion:
    now = turn.now()
    work = turn.work
    held = outcome.reason is WaitingReason.PAUSED
    until = None if held else now + duration_micros(outcome.delay)
    events, notes = _said(turn, now, sender), _notes(turn)
    if outcome.said:
        event = CommandWaiting.of(
            turn.origin,
            reason=outcome.reason,
            detail=outcome.detail,
            until=None if until is None else instant(until),
            attempt=outcome.attempts,
        )
        events.append(new_event(work, CommandWaiting.nth_place(outcome.waits.count), event, now, sender.largest))
        notes.append(Note(at=now, kind="wait", detail=outcome.detail, reason=outcome.reason, until=until))
    return Conclusion(
        state=State.WAITING,
        due_in=outcome.delay,
        held=held,
        attempts=outcome.attempts,
        released=work.released or outcome.release,
        failed=outcome.failed,
        waits=outcome.waits,
        memory=work.memory,
        events=events,
        calls=turn.traffic.drain(),
        notes=notes,
        lag=outcome.lag,
    )


def _again(turn: Turn, outcome: Again, sender: Sender) -> Conclusion:
    work = turn.work
    return Conclusion(
        state=State.WAITING if work.waits.said else State.ACCEPTED,
        due_in=outcome.delay,
        attempts=work.attempts,
        released=work.released,
        waits=work.waits,
        memory=work.memory,
        events=_said(turn, turn.now(), sender),
        calls=turn.traffic.drain(),
        notes=_notes(turn),
    )


def _said(turn: Turn, now: Micros, sender: Sender) -> list[NewEvent]:
    said = turn.context.said if turn.context else []
    return [new_event(turn.work, place, event, now, sender.largest) for place, event in said]


def _notes(turn: Turn) -> list[Note]:
    return [*(turn.context.notes if turn.context else []), *_clocks(turn)]


def _clocks(turn: Turn) -> list[Note]:
    """A note about the difference between the clocks of this worker and of the database, once and after each change.

    The worker's log and Microsoft's ids are found by the worker's clock; the timeline has the database's instants.
    """
    journal, memory = turn.parts.journal.now(), turn.work.memory
    ahead = micros(turn.parts.clock.now()) - journal
    if abs(ahead - memory.get(CLOCK, 0)) < NOTICEABLE:
        return []
    memory[CLOCK] = ahead
    return [Note(at=journal, kind=CLOCK, detail=told(ahead, f"of the worker {turn.work.owner.worker}"))]


def _letter(work: Work, outcome: Ended, sender: Sender, now: Micros) -> NewDeadLetter:
    code, detail = cast("FailedCode", outcome.code), getattr(outcome.event, "detail", "")
    failure = Failure(
        group=sender.group,
        code=code,
        detail=detail,
        attempts=outcome.attempts,
        first_failed_at=instant(work.first_failed_at or now),
        worker_version=sender.version,
        correlation_id=work.correlation_id,
        redrive=work.redrive,
    )
    return NewDeadLetter(
        code=code,
        detail=detail,
        source=work.record,
        headers=dead_letter_headers(work.record, failure),
        redrive=work.redrive,
        attempts=outcome.attempts,
        correlation_id=work.correlation_id,
    )


def new_event(work: Work, place: str, event: Event, now: Micros, largest: int) -> NewEvent:
    """An event of the command's story, final to the byte. The lists of an event larger than `largest` are cut."""
    return event_at(
        event,
        id=identity.event_id(work.source, work.id, work.redrive, place),
        at=now,
        correlation_id=work.correlation_id,
        causation_id=work.id,
        largest=largest,
    )


def event_at(
    event: Event,
    *,
    id: UUID,  # noqa: A002 - the attribute's name
    at: Micros,
    correlation_id: str,
    causation_id: str,
    largest: int = LARGEST,
) -> NewEvent:
    """An event as the outbox keeps it, in the trace that is current."""
    traceparent, tracestate = current_trace()
    whole = encode(
        event,
        id=id,
        time=instant(at),
        correlation_id=correlation_id,
        causation_id=causation_id,
        traceparent=traceparent,
        tracestate=tracestate,
    )
    outgoing = fit_event(whole, min(largest, LARGEST))
    return NewEvent(
        id=str(id),
        type=event.wire_type(),
        key=outgoing.key or b"",
        value=outgoing.value or b"",
        headers=outgoing.headers,
        at=at,
    )
