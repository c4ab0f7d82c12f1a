"""What is not known about a command that ended so, and the two decisions of whoever looks at Microsoft."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from events.codes import FailedCode
from worker.cli.output.lines import tied
from worker.cli.output.terminal import date_time, instant
from worker.journal.reading.views import Story
from worker.journal.records import Call, State, Step

DECISIONS: Mapping[str, str] = {
    "applied": "you found it there: the worker looks once more and answers with that; it buys nothing",
    "not-applied": "it is not there: what was begun is closed for good, and the worker begins anew; it may buy",
}


@dataclass(frozen=True, slots=True)
class Doubt:
    """A write that nobody knows the end of, and the last call that tried it."""

    step: Step
    call: Call | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a person goes by.

    `doubts` are empty where every write was answered and only its end never showed. `holds` are the effects that a
    later command of the customer is refused because of it (`earlier_outcome_unknown`).
    """

    id: str
    doubts: tuple[Doubt, ...]
    holds: tuple[str, ...]
    look: Call | None
    """The last read: what looking brought."""


def evidence(story: Story) -> Evidence | None:
    """The evidence of a command whose outcome is unknown; None of any other."""
    command = story.command
    doubts = tuple(Doubt(step, _last(story, step.name)) for step in story.steps if step.in_doubt)
    unknown = command.code == FailedCode.OUTCOME_UNKNOWN or doubts or story.effects
    if command.state is not State.FAILED or not unknown:
        return None
    return Evidence(command.id, doubts, tuple(story.effects), _last(story, ""))


def decide(evidence: Evidence, found: str) -> str:
    """The command line of a decision, `applied` or `not-applied`."""
    return f"azplan commands resolve {shlex.quote(evidence.id)} --{found}"


def told(evidence: Evidence) -> Iterator[tuple[int, str]]:
    """The evidence line by line, each with its indent, the decisions last."""
    for doubt in evidence.doubts:
        until = date_time(doubt.step.until)
        yield 2, f"{doubt.step.name} was never answered; nothing of it can arrive after {until}"
        for name, value in (doubt.step.details or {}).items():
            if value is not None:
                yield 4, f"{name} {value}"
        if doubt.call is not None:
            yield 4, f"last sent {_called(doubt.call)}"
    if not evidence.doubts:
        yield 2, "Partner Center took every write; what came of it never showed"
    if evidence.look is not None:
        yield 2, f"last look {_called(evidence.look)}"
    for key in evidence.holds:
        yield 2, f"holds {key}: a later command that wants it is refused with earlier_outcome_unknown until you decide"
    for found, meaning in DECISIONS.items():
        yield 2, decide(evidence, found)
        yield 4, meaning


def facts(evidence: Evidence) -> dict[str, Any]:
    """The same for programs."""
    return {
        "writes": [
            {
                "name": doubt.step.name,
                "details": doubt.step.details,
                "attempts": doubt.step.attempts,
                "nothingArrivesAfter": instant(doubt.step.until),
                "lastSent": doubt.call and _call(doubt.call),
            }
            for doubt in evidence.doubts
        ],
        "lastLook": evidence.look and _call(evidence.look),
        "holds": list(evidence.holds),
        "decisions": {found.replace("-a", "A"): decide(evidence, found) for found in DECISIONS},
    }


def _last(story: Story, step: str) -> Call | None:
    return next((call for call in reversed(story.calls) if call.step == step), None)


def _called(call: Call) -> str:
    code = f" code {call.code}" if call.code else ""
    ids = "  ".join((tied(f"request {call.request_id}"), tied(f"correlation {call.correlation_id}")))
    return f"{date_time(call.at)}: {call.operation} {call.status}{code}  {ids}"


def _call(call: Call) -> dict[str, Any]:
    return {
        "at": instant(call.at),
        "operation": call.operation,
        "status": int(call.status) if call.status.isdigit() else call.status,
        "code": call.code,
        "requestId": call.request_id,
        "correlationId": call.correlation_id,
    }
