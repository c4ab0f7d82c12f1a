"""Replay plans: as tables, as sentences before a question, and for programs."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from events.wire.text import counted
from worker.cli.output.console import say
from worker.cli.output.instants import ago, instant
from worker.cli.output.json import show_json
from worker.cli.output.tables import show_table
from worker.journal.operating.replay_items import ReplayPlan
from worker.journal.operating.replay_plans import OutcomeReason
from worker.journal.records import SECOND, Micros
from worker.operators.replay.applying import Ended
from worker.operators.replay.decisions import Outcome
from worker.operators.replay.plans import to_do
from worker.operators.wording.durations import rough, spoken

MEANINGS: Final[Mapping[str, str]] = {
    Outcome.START: "it enters as if it had just arrived",
    Outcome.RESUME: "it begins its next story where it stood",
    Outcome.CONFLICT: "nothing happens",
}
"""What an outcome means, if the reason does not say so."""


def facts(plan: ReplayPlan) -> dict[str, Any]:
    """A plan for programs."""
    return {
        "planId": plan.id,
        "commands": plan.commands,
        "outcomes": {outcome.value: plan.outcomes.get(outcome.value, 0) for outcome in Outcome},
        "expectedCalls": plan.calls,
        "expectedSeconds": plan.seconds,
    }


def kept_facts(plan: ReplayPlan) -> dict[str, Any]:
    """A plan of a list for programs, with who made it and when."""
    return {**facts(plan), "at": instant(plan.at), "who": plan.who, "why": plan.why, "asked": plan.asked}


def show_plan(plan: ReplayPlan, reasons: Sequence[OutcomeReason]) -> None:
    """Print a plan as data: what would happen to how many commands, and why."""
    show_table(("outcome", "commands", "because"), _rows(reasons))
    say(_cost(plan))


def show_plans(found: Sequence[ReplayPlan], now: Micros) -> None:
    """Print plans, one a line. `to do` counts the commands that the replay does something with."""
    rows = [(ago(plan.at, now), plan.id, str(plan.commands), str(to_do(plan)), plan.who, plan.why) for plan in found]
    show_table(("made", "plan", "commands", "to do", "who", "why"), rows)


def say_plan(plan: ReplayPlan, reasons: Sequence[OutcomeReason], now: Micros) -> None:
    """Tell the person what a plan does, before the question whether to do it."""
    say(made_by(plan, now))
    for outcome, number, why in _rows(reasons):
        say(f"{number:>8}  {outcome:<12}  {why}")
    say(_cost(plan))


def made_by(plan: ReplayPlan, now: Micros) -> str:
    """Who made a plan, and how long ago, as a sentence."""
    why = f": {plan.why}" if plan.why else ""
    return f"Made {rough((now - plan.at) / SECOND)} ago by {plan.who}{why}"


def show_end(plan: ReplayPlan, ended: Ended, *, as_json: bool) -> None:
    """Print how far a replay came."""
    now = ended.standing
    if as_json:
        show_json(
            {
                "planId": plan.id,
                "done": now.done,
                "failed": now.failed,
                "waiting": now.patient,
                "underWay": now.under_way,
                "planned": now.planned,
                "left": ended.left,
                "stopped": ended.stopped,
            }
        )
        return
    rows = (
        ("done", now.done),
        ("failed again", now.failed),
        ("waiting for Microsoft", now.patient),
        ("under way", now.under_way),
        ("not begun", now.planned),
        ("left alone", ended.left),
    )
    show_table(("result", "commands"), [(name, str(number)) for name, number in rows if number])


def _rows(reasons: Sequence[OutcomeReason]) -> list[tuple[str, str, str]]:
    return [
        (outcome.value, str(each.number), f"{each.detail}; {MEANINGS[outcome]}" if outcome in MEANINGS else each.detail)
        for outcome in Outcome
        for each in reasons
        if each.outcome == outcome
    ]


def _cost(plan: ReplayPlan) -> str:
    commands = f"Plan {plan.id}: {counted(plan.commands, 'command')}"
    if not plan.calls:
        return f"{commands}, no calls of Partner Center."
    time = spoken(timedelta(seconds=plan.seconds)) if plan.seconds else "less than a second"
    return f"{commands}, about {counted(plan.calls, 'call')} of Partner Center, {time} at the ceiling."
