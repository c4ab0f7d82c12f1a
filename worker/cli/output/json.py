"""JSON for programs: names in camelCase, instants in RFC 3339. Hostile characters are escapes."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from events.wire.text import json_text
from worker.cli.output.console import flush, write
from worker.cli.output.instants import instant
from worker.cli.output.story.unknown_outcome import facts
from worker.journal.reading.views import Change, OperatorAction, Story, StoryEvent, Summary
from worker.journal.records import Call, Note, Step
from worker.operators.unknown_outcome import evidence

Facts = dict[str, Any]


def show_json(value: Any, *, indent: int | None = 2) -> None:
    """One value as JSON, for programs; with `indent` None in one line."""
    write(json_text(value, indent) + "\n")
    flush()


@contextmanager
def json_array() -> Iterator[Callable[[Any], None]]:
    """An array printed a value at a time. The array is closed also if an error ends the block."""
    number, whole = 0, False

    def add(value: Any) -> None:
        nonlocal number
        text = json_text(value, 2).replace("\n", "\n  ")
        write(f"{',' if number else '['}\n  {text}")
        number += 1

    try:
        yield add
        whole = True
    finally:
        if number or whole:
            write("\n]\n" if number else "[]\n")
            flush()


def command(summary: Summary) -> Facts:
    """A command in a list."""
    return {
        "id": summary.id,
        "source": summary.source,
        "type": summary.type,
        "customerId": summary.customer,
        "partner": summary.partner,
        "state": summary.state.value,
        "code": summary.code,
        "reason": summary.reason if summary.state.is_open else None,
        "attempts": summary.attempts,
        "dueAt": instant(summary.due_at),
        "receivedAt": instant(summary.received_at),
        "concludedAt": instant(summary.concluded_at),
    }


def story(told: Story) -> Facts:
    """A command and everything that happened to it. `unknown` is null unless its outcome is unknown."""
    unknown = evidence(told)
    return {
        **command(told.command),
        "steps": [_step(step) for step in told.steps],
        "waits": [_wait(wait) for wait in told.waits],
        "notes": [{"at": instant(note.at), "kind": note.kind, "detail": note.detail} for note in told.notes],
        "events": [event(said) for said in told.events],
        "calls": [_call(call) for call in told.calls],
        "requests": [_act(act) for act in told.actions],
        "unknown": facts(unknown) if unknown else None,
    }


def change(changed: Change) -> Facts:
    """An event together with the command that it is about."""
    return {"command": command(changed.command), "event": event(changed.event)}


def event(said: StoryEvent) -> Facts:
    """An event as it was published, or will be."""
    return {
        "id": said.id,
        "type": said.type,
        "redrive": said.redrive,
        "time": instant(said.at),
        "publishedAt": instant(said.sent_at),
        "data": data_of(said),
    }


def data_of(said: StoryEvent) -> Facts:
    """The data of an event."""
    data: Facts = json.loads(said.value)
    return data


def _step(step: Step) -> Facts:
    return {
        "name": step.name,
        "effect": step.effect,
        "state": step.state.value,
        "attempts": step.attempts,
        "at": instant(step.at),
        "mayArriveUntil": instant(step.until or None),
        "details": step.details,
        "result": step.result,
    }


def _wait(wait: Note) -> Facts:
    return {"at": instant(wait.at), "reason": wait.reason, "detail": wait.detail, "until": instant(wait.until)}


def _act(act: OperatorAction) -> Facts:
    return {
        "at": instant(act.at),
        "who": act.who,
        "why": act.why,
        "request": act.verb,
        "doneAt": instant(act.done_at),
        "result": act.result,
    }


def _call(call: Call) -> Facts:
    return {
        "at": instant(call.at),
        "operation": call.operation,
        "status": int(call.status) if call.status.isdigit() else call.status,
        "durationMs": call.duration_ms,
        "requestId": call.request_id,
        "correlationId": call.correlation_id,
    }
