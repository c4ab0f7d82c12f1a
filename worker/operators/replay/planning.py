"""Makes a replay plan of the selected commands and keeps it in the journal. The plan is applied later or never."""

import uuid
from collections import Counter
from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass

from worker.journal.operating.replay_items import ReplayItem, ReplayPlan
from worker.journal.operator_journal import OperatorJournal
from worker.journal.records import Json
from worker.operators.replay.candidates import Candidate
from worker.operators.replay.cost import expect
from worker.operators.replay.decisions import Outcome, Wanted, decide

PORTION = 500
RUNS = frozenset({Outcome.START, Outcome.RESUME})
"""Outcomes that call Partner Center."""


@dataclass(frozen=True, slots=True)
class Order:
    """Who asks for a plan, why, for which selection (`asked`), and with which wishes."""

    who: str
    why: str
    asked: Json
    wanted: Wanted


async def make(
    journal: OperatorJournal, found: AsyncIterable[Candidate], order: Order, per_minute: Mapping[str, int]
) -> ReplayPlan:
    """Make the plan for these candidates, and keep it. An empty plan is not kept.

    `per_minute` has the ceiling of each account, in calls a minute.
    """
    name, outcomes, number = str(uuid.uuid4()), Counter[str](), 0
    running: Counter[tuple[str, str]] = Counter()
    portion: list[ReplayItem] = []
    async for candidate in found:
        number += 1
        item = planned(candidate, number, order.wanted)
        outcomes[item.outcome] += 1
        if item.outcome in RUNS and not _is_refused(candidate):
            running[candidate.partner or "", candidate.type] += 1
        portion.append(item)
        if len(portion) == PORTION:
            await _keep(journal, name, portion)
            portion = []
    await _keep(journal, name, portion)
    expected = expect(running.elements(), await journal.replay_plans.calls_by_type(), per_minute)
    plan = ReplayPlan(
        id=name,
        at=journal.now(),
        who=order.who,
        why=order.why,
        asked=order.asked,
        commands=number,
        calls=expected.calls,
        seconds=expected.seconds,
        outcomes=dict(outcomes),
    )
    if plan.commands:
        await journal.replay_plans.add_plan(plan)
    return plan


def planned(candidate: Candidate, number: int, wanted: Wanted) -> ReplayItem:
    """The item of a plan for one candidate."""
    item = candidate.item
    decision = decide(
        candidate.known,
        readable=item is None or item.command is not None,
        too_old=item is not None and item.too_old is not None,
        wanted=wanted,
    )
    uid = candidate.known.uid if candidate.known else item.command.uid if item and item.command else None
    return ReplayItem(
        number=number,
        uid=uid,
        type=candidate.type,
        outcome=decision.outcome.value,
        detail=decision.detail,
        redrive=candidate.known.redrive if candidate.known else 0,
        record=item.record if item and decision.outcome is Outcome.START else None,
    )


async def _keep(journal: OperatorJournal, plan: str, items: list[ReplayItem]) -> None:
    if items:
        await journal.replay_plans.add_items(plan, items)


def _is_refused(candidate: Candidate) -> bool:
    command = candidate.item.command if candidate.item else None
    return command is not None and not command.state.is_open
