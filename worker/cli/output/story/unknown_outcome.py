"""The evidence of an unknown outcome, as lines and as JSON, with the command lines of the two decisions."""

import shlex
from collections.abc import Iterator
from typing import Any

from worker.cli.output.instants import date_time, instant
from worker.cli.output.text_wrapping import tied
from worker.journal.records import Call, Resolution
from worker.operators.unknown_outcome import DECISIONS, Evidence


def decide(evidence: Evidence, decision: Resolution) -> str:
    """The command line of a decision."""
    return f"azplan commands resolve {shlex.quote(evidence.id)} --{decision.replace('_', '-')}"


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
        yield 2, "Partner Center took every write; the effect never showed"
    if evidence.look is not None:
        yield 2, f"last look {_called(evidence.look)}"
    for key in evidence.holds:
        yield 2, f"holds {key}: a later command that wants it is refused with earlier_outcome_unknown until you decide"
    for decision, meaning in DECISIONS.items():
        yield 2, decide(evidence, decision)
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
        "decisions": {decision.replace("_a", "A"): decide(evidence, decision) for decision in DECISIONS},
    }


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
