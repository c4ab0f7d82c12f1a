"""Applies a replay plan: a portion at a time, each command once, until too many commands fail.

The journal knows the state of each item. A stopped apply can therefore be run again for the rest, and two applies at
the same time share the work.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from events.codes import WaitingReason
from worker.clock import Clock
from worker.journal.operating.replay_items import ReplayItem, ReplayPlan, SentItem
from worker.journal.operator_journal import OperatorJournal
from worker.journal.processing.requests import DONE
from worker.journal.records import State
from worker.operators.replay.canary_pace import Pace, Standing, portion, too_many_failed
from worker.operators.replay.decisions import Outcome

LOOK_EVERY = 0.5
STALLED = 600.0
"""Seconds without any progress after which an apply gives up."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a plan is applied. `who` applies it. `re_emit`: the events of finished commands are published again."""

    who: str
    pace: Pace
    re_emit: bool = False

    @property
    def outcomes(self) -> Sequence[str]:
        """The outcomes of items that the apply acts on."""
        acted = [Outcome.START, Outcome.RESUME, Outcome.RE_EMIT]
        return [each.value for each in (*acted, *([Outcome.NOTHING] if self.re_emit else []))]


@dataclass(frozen=True, slots=True)
class Ended:
    """How far an apply came. `stopped`: too many commands failed. `stalled`: nothing moved for a long time."""

    standing: Standing
    left: int
    stopped: bool = False
    stalled: bool = False


class Applier:
    """Applies one plan. `enter` takes records in as if they had just arrived. `tell` is called at each look."""

    def __init__(
        self,
        journal: OperatorJournal,
        clock: Clock,
        *,
        enter: Callable[[Sequence[ReplayItem]], Awaitable[None]],
        tell: Callable[[Standing], None],
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._enter = enter
        self._tell = tell

    async def apply(self, plan: ReplayPlan, manner: Manner) -> Ended:
        """Apply the plan until all items end, too many fail, or nothing moves. May be called again for the rest."""
        begun, started = 0, self._clock.monotonic()
        moved, before = started, Standing()
        while True:
            now, left = await self._look(plan, manner)
            self._tell(now)
            if too_many_failed(now, manner.pace):
                return Ended(now, left, stopped=True)
            if not now.planned and not now.under_way:
                return Ended(now, left)
            if now != before:
                moved, before = self._clock.monotonic(), now
            elif self._clock.monotonic() - moved > STALLED:
                return Ended(now, left, stalled=True)
            number = portion(now, manner.pace, begun=begun, seconds=self._clock.monotonic() - started)
            if number:
                begun += await self._begin(plan, manner, number)
            await asyncio.sleep(LOOK_EVERY)

    async def _look(self, plan: ReplayPlan, manner: Manner) -> tuple[Standing, int]:
        """Store the ends of items. Returns where the plan stands, and how many items were left alone."""
        sent = await self._journal.replay_plans.under_way(plan.id)
        verdicts = [(each.number, *end) for each in sent if (end := verdict(each)) is not None]
        if verdicts:
            await self._journal.replay_plans.end_items(plan.id, verdicts)
        states = await self._journal.replay_plans.states(plan.id, manner.outcomes)
        patient = sum(is_patient(each) for each in sent if verdict(each) is None)
        standing = Standing(
            planned=states.get("planned", 0),
            under_way=states.get("sent", 0) - patient,
            patient=patient,
            done=states.get("done", 0),
            failed=states.get("failed", 0),
        )
        return standing, states.get("left", 0)

    async def _begin(self, plan: ReplayPlan, manner: Manner, number: int) -> int:
        """Begin the next items. How many."""
        items = await self._journal.replay_plans.planned(plan.id, manner.outcomes, number)
        fresh = [item for item in items if item.outcome == Outcome.START]
        failed = [item for item in items if item.outcome == Outcome.RESUME]
        over = [item for item in items if item not in fresh and item not in failed]
        if fresh:
            # Taken in before the note: an apply that dies in between finds the commands known, and takes none in twice.
            await self._enter(fresh)
            await self._journal.replay_plans.note_entered(plan, fresh, manner.who)
        if failed:
            await self._journal.replay_plans.send_redrives(plan, failed, manner.who)
        if over:
            await self._journal.replay_plans.send_again(plan, over, manner.who)
        return len(items)


def verdict(sent: SentItem) -> tuple[str, str | None] | None:
    """How an item ended: its state and result. None while the item is under way."""
    if sent.asked and sent.answer is None:
        return None
    if sent.asked and sent.answer != DONE:
        return "left", sent.answer
    if sent.state is None or State(sent.state).is_open or not State(sent.state).known:
        return None
    if sent.asked and sent.story == sent.redrive:
        return None  # the request is carried out, but the command was read before its new story showed
    return ("failed", None) if sent.state == State.FAILED else ("done", None)


def is_patient(sent: SentItem) -> bool:
    """Whether the item's command has done its part and waits only for Microsoft."""
    patient = {reason.value for reason in WaitingReason if reason.treatment.patient}
    return sent.state == State.WAITING and sent.reason in patient
