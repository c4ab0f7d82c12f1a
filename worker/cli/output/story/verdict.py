"""The first lines that a person reads about a command: how it ended or why it waits, and what to do. Pure."""

from collections.abc import Iterable, Iterator
from typing import Final

from events.codes import WaitingReason
from events.messages.base import events as known_events
from worker.cli.output.event import details, headline, refusal
from worker.cli.output.instants import date_time
from worker.cli.output.json import data_of
from worker.journal.reading.views import Story, StoryEvent
from worker.journal.records import SECOND, Micros
from worker.operators.wording.durations import rough
from worker.operators.wording.message_types import short

NO: Final = frozenset({"CommandRejected", "CommandFailed"})

Told = tuple[str, str]
"""A label and its text."""


def verdict(story: Story, now: Micros) -> Iterator[Told]:
    """The answer of a command that is over; else the reason for which the command waits, and since when."""
    if story.command.concluded_at is None:
        yield from _open(story, now)
        return
    end = terminal(story.events, story.command.redrive)
    if end is None:
        yield "answer", "no longer kept"
        return
    data = data_of(end)
    yield "answer", f"{short(end.type)}  {headline(end.type, data)}".rstrip()
    yield from refusal(data) if short(end.type) in NO else (("", line) for line in details(end.type, data))


def facts(story: Story, now: Micros) -> Iterator[Told]:
    """The customer, the partner account and the sender of a command, and when it came."""
    command = story.command
    yield "customer", command.customer
    yield "partner", command.partner or "none that could be told"
    yield "source", command.source
    yield "correlation", story.correlation_id
    yield "received", f"{_ago(command.received_at, now)}, {date_time(command.received_at)}"
    if command.concluded_at is not None:
        seconds = (command.concluded_at - command.received_at) / SECOND
        took = f"{seconds:.1f} s" if seconds < 10 else rough(seconds)
        yield "concluded", f"{_ago(command.concluded_at, now)}, {date_time(command.concluded_at)}, {took} later"
    if story.attempts:
        yield "attempts", str(story.attempts)


def _open(story: Story, now: Micros) -> Iterator[Told]:
    command = story.command
    if story.behind:
        commands = "1 earlier command" if story.behind == 1 else f"{story.behind} earlier commands"
        yield "waits for", f"{commands} of the customer, which {'is' if story.behind == 1 else 'are'} not over"
        yield "what to do", "Nothing: it has its turn after them."
        return
    if not command.reason:
        yield "waits for", "its turn" if command.due_at else "a worker"
        return
    waits = [wait for wait in story.waits if wait.reason == command.reason]
    detail = f": {waits[-1].detail}" if waits else ""
    yield "waits for", f"{command.reason}{detail}"
    if waits:
        begun = _since(story, command.reason)
        yield "since", f"{rough((now - begun) / SECOND)}, {date_time(begun)}"
    if command.due_at is not None:
        left = (command.due_at - now) / SECOND
        yield "next look", f"in {rough(left)}, {date_time(command.due_at)}" if left > 0 else "now"
    known = next((reason for reason in WaitingReason if reason == command.reason), None)
    if known is not None:
        yield "what to do", known.meaning.advice.replace("`until`", "its next look")


def _since(story: Story, reason: str) -> Micros:
    """When the present wait began: the first of the last waits that have the same reason."""
    begun = story.waits[-1].at
    for wait in reversed(story.waits):
        if wait.reason != reason:
            break
        begun = wait.at
    return begun


def terminal(events: Iterable[StoryEvent], redrive: int) -> StoryEvent | None:
    """The terminal event of this story; None if it has none. An event that only a newer azplan knows counts as one."""
    going_on = {wire_type for wire_type, kind in known_events().items() if not kind.terminal}
    ends = [each for each in events if each.redrive == redrive and each.type not in going_on]
    return ends[-1] if ends else None


def _ago(at: Micros, now: Micros) -> str:
    return f"{rough((now - at) / SECOND)} ago"
