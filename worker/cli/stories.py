"""The story of a command as a person reads it: who and what, a timeline, and what is still in doubt."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from worker.cli.evidence import evidence, told
from worker.cli.facts import data_of
from worker.cli.printing import STYLES, clock_time, date_time, show
from worker.cli.telling import details, headline
from worker.cli.types import short
from worker.journal.records import Call, Micros, Step
from worker.journal.views import Story

_INDENT = 26


@dataclass(frozen=True, slots=True)
class Line:
    """Something that happened. `rest` are lines that belong below it."""

    at: Micros
    what: str
    text: str
    rest: tuple[str, ...] = ()


def show_story(story: Story) -> None:
    """Print all of it."""
    command = story.command
    stands = f"{command.state}{f' ({command.code})' if command.code else ''}"
    named = f"{short(command.type)} {command.id} from {command.source}: "
    show((named, "bold"), (stands, STYLES.get(command.state, "")))
    for name, value in _head(story):
        show(f"{name:<12}{value}")
    show()
    for line in timeline(story):
        show(f"{clock_time(line.at)}  {line.what:<10}  {line.text}".rstrip())
        for more in line.rest:
            show(f"{'':<{_INDENT}}{more}")
    if story.steps:
        show()
        show(("Writes at Partner Center:", "bold"))
        width = max(len(step.name) for step in story.steps)
        for step in story.steps:
            for text in _step(step, width):
                show(text)
    unknown = evidence(story)
    if unknown is not None:
        show()
        show(("Not known: whether it took effect at Microsoft. Look there, then decide:", "bold"))
        for text in told(unknown):
            show(text)


def timeline(story: Story) -> list[Line]:
    """Everything that happened, the oldest first."""
    return sorted(_lines(story), key=lambda line: line.at)


def _lines(story: Story) -> Iterator[Line]:
    yield Line(story.command.received_at, "received", _place(story))
    for event in story.events:
        data = data_of(event)
        unsent = "" if event.sent_at else "  (not published yet)"
        again = f"  (redrive {event.redrive})" if event.redrive else ""
        # What is waited for stands beside it, in the line of the wait.
        said = "" if short(event.type) == "CommandWaiting" else headline(event.type, data)
        text = f"{short(event.type)}  {said}".rstrip()
        yield Line(event.at, "event", text + again + unsent, tuple(details(event.type, data)))
    for wait in story.waits:
        until = f" until {clock_time(wait.until)}" if wait.until else ""
        yield Line(wait.at, "wait", f"{wait.reason}{until}: {wait.detail}")
    for note in story.notes:
        yield Line(note.at, note.kind, note.detail)
    for call in story.calls:
        yield Line(call.at, "call", _call(call))
    for letter in story.letters:
        yield Line(letter.at, "dead letter", f"{letter.code}: {letter.detail} ({letter.state})")
    for act in story.acts:
        done = f"; {act.result}" if act.result else "" if act.done_at else "; not carried out yet"
        why = f", because {act.why}" if act.why else ""
        yield Line(act.at, "person", f"{act.who}: {act.verb}{why}{done}")


def _head(story: Story) -> Iterator[tuple[str, str]]:
    command = story.command
    yield "customer", command.customer
    yield "partner", command.partner or "none that could be told"
    yield "correlation", story.correlation_id
    yield "received", date_time(command.received_at)
    if command.concluded_at is not None:
        yield "concluded", date_time(command.concluded_at)
        return
    if story.behind:
        yield "waits for", f"{story.behind} earlier commands of the customer"
    elif command.reason:
        looked = f", looked at again {date_time(command.due_at)}" if command.due_at else ""
        yield "waits for", f"{command.reason}{looked}"


def _place(story: Story) -> str:
    record = story.record
    if record is None:
        return "the record's bytes, steps and calls are no longer kept"
    return f"{record.topic}, partition {record.partition}, offset {record.offset}"


def _call(call: Call) -> str:
    code = f" code {call.code}" if call.code else ""
    ids = f"request {call.request_id}  correlation {call.correlation_id}"
    return f"{call.operation:<28}{call.status + code:<8}{call.duration_ms:>6} ms  {ids}"


def _step(step: Step, width: int) -> Iterator[str]:
    state = step.state.replace("_", " ")
    tries = "once" if step.attempts == 1 else f"{step.attempts} times"
    doubt = f", may still arrive until {date_time(step.until)}" if step.in_doubt and step.until else ""
    yield f"  {step.name:<{width}}  {step.effect:<8}{state}, tried {tries}{doubt}"
    for name, value in (("by", step.details), ("gave", step.result)):
        if value:
            yield f"  {'':<{width}}  {name} {json.dumps(value, ensure_ascii=False)}"
