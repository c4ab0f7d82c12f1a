"""The story of a command as lines in time; equal looks are folded into one line. Pure."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from worker.cli.output.event import details, headline
from worker.cli.output.instants import clock_time
from worker.cli.output.json import data_of
from worker.cli.output.story.verdict import terminal
from worker.cli.output.text_wrapping import tied
from worker.journal.reading.views import OperatorAction, Story, StoryEvent
from worker.journal.records import Call, Micros, Note
from worker.operators.wording.message_types import short

FOLDED_FROM: Final = 3
"""From this number on, equal looks become one line."""


@dataclass(frozen=True, slots=True)
class Line:
    """Something that happened at an instant. `rest` are the lines below it.

    `look` is equal for lines that say the same again, and None for a line that is always news. The line stands for
    `times` such lines; the last of them was at `last`.
    """

    at: Micros
    what: str
    text: str
    rest: tuple[str, ...] = ()
    look: Hashable = None
    times: int = 1
    last: Micros = 0


def timeline(story: Story) -> list[Line]:
    """Everything that happened, the oldest first."""
    return sorted(_lines(story), key=lambda line: line.at)


def fold(lines: Sequence[Line]) -> list[Line]:
    """The same lines; equal looks between two pieces of news become one line: the last of them, counted."""
    found: list[Line] = []
    portion: list[Line] = []
    for line in lines:
        if line.look is None:
            found.extend(_folded(portion))
            found.append(line)
            portion = []
        else:
            portion.append(line)
    return [*found, *_folded(portion)]


def _folded(looks: Sequence[Line]) -> Iterator[Line]:
    """The looks between two pieces of news: each kind at the place of its first look."""
    kinds: dict[Hashable, list[Line]] = {}
    for line in looks:
        kinds.setdefault(line.look, []).append(line)
    for line in looks:
        same = kinds.get(line.look, [])
        if len(same) < FOLDED_FROM:
            yield line
        elif line is same[0]:
            yield replace(same[-1], at=line.at, times=len(same), last=same[-1].at)


def _lines(story: Story) -> Iterator[Line]:
    yield Line(story.command.received_at, "received", _place(story))
    end = terminal(story.events, story.command.redrive)
    # What the last answer says stands above the timeline.
    yield from (_event(event, briefly=event is end) for event in story.events)
    yield from map(_wait, story.waits)
    for note in story.notes:
        yield Line(note.at, note.kind, note.detail)
    yield from map(_call, story.calls)
    for letter in story.dead_letters:
        yield Line(letter.at, "dead letter", f"{letter.code}: {letter.detail} ({letter.state}, number {letter.seq})")
    yield from map(_act, story.actions)


def _event(event: StoryEvent, *, briefly: bool) -> Line:
    data = data_of(event)
    unsent = "" if event.sent_at else "  (not published yet)"
    again = f"  (redrive {event.redrive})" if event.redrive else ""
    # The line of the wait says what the command waits for.
    said = "" if short(event.type) == "CommandWaiting" else headline(event.type, data)
    text = f"{short(event.type)}  {said}".rstrip()
    return Line(event.at, "event", text + again + unsent, () if briefly else tuple(details(event.type, data)))


def _wait(wait: Note) -> Line:
    until = f" until {clock_time(wait.until)}" if wait.until else ""
    return Line(wait.at, "wait", f"{wait.reason}{until}: {wait.detail}", look=("wait", wait.reason, wait.detail))


def _call(call: Call) -> Line:
    code = f" code {call.code}" if call.code else ""
    ids = (tied(f"request {call.request_id}"), tied(f"correlation {call.correlation_id}"))
    text = "  ".join((call.operation, f"{call.status}{code}", tied(f"{call.duration_ms} ms"), *ids))
    # A call for a write is always news; other calls only look.
    return Line(call.at, "call", text, look=None if call.step else ("call", call.operation, call.status, call.code))


def _act(act: OperatorAction) -> Line:
    done = f"; {act.result}" if act.result else "" if act.done_at else "; not carried out yet"
    why = f", because {act.why}" if act.why else ""
    return Line(act.at, "person", f"{act.who}: {act.verb}{why}{done}")


def _place(story: Story) -> str:
    record = story.record
    if record is None:
        return "the record's bytes, steps and calls are no longer kept"
    return f"{record.topic}, partition {record.partition}, offset {record.offset}"
