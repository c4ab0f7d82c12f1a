"""Where a command stands by its published events. Pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from events.messages.base import events
from events.messages.command_status import CommandFailed, CommandRejected, CommandWaiting
from events.wire.event_reader import number_in_story
from events.wire.identity import TERMINAL, event_id
from worker.journal.database.protocol import Row
from worker.journal.records import Micros, State, Waits

CODED = {CommandFailed.wire_type(): State.FAILED, CommandRejected.wire_type(): State.REJECTED}
"""Terminal events that have a code, and the states of their commands."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the newest story of a command stands by its published events."""

    redrive: int
    state: State
    code: str | None
    concluded_at: Micros | None
    waits: Waits


def standing(told: Sequence[Row], known_story: int, source: str, id: str) -> Standing | None:  # noqa: A002
    """Where a command stands by its published events. None if all events are of stories older than `known_story`.

    An event counts only if its id follows from the command's identity.
    """
    newest = max((row["redrive"] for row in told), default=-1)
    if newest < known_story:
        return None
    story = [row for row in told if row["redrive"] == newest]
    terminal = str(event_id(source, id, newest, TERMINAL))
    for row in story:
        kind = events().get(row["type"])
        if kind is not None and kind.terminal and row["id"] == terminal:
            code = json.loads(row["value"]).get("code") if row["type"] in CODED else None
            return Standing(newest, CODED.get(row["type"], State.SUCCEEDED), code, row["at"], Waits())
    said = [row for row in story if row["type"] == CommandWaiting.wire_type()]
    numbers = {
        row["id"]: number
        for row in said
        if (number := number_in_story(row["id"], source, id, newest, CommandWaiting.nth_place))
    }
    reasons = [json.loads(row["value"])["reason"] for row in said if row["id"] in numbers]
    # Waits are numbered in their story: the next one must not take the number of one that was published.
    waits = Waits(count=max(numbers.values(), default=0), said=str(reasons[-1]) if reasons else None)
    return Standing(newest, State.WAITING if reasons else State.ACCEPTED, None, None, waits)


def is_news(row: Row, found: Standing) -> bool:
    """Whether the published events know more than the journal: a newer story, or more of a story that is still open.

    A story that has ended in the journal has ended, even if its end was not published yet.
    """
    if found.redrive > row["redrive"]:
        return True
    return State(row["state"]).is_open
