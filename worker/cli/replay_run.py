"""A replay at the command line: asked about, carried out with its progress shown, and judged."""

import asyncio

from events.wire.text import counted
from worker.cli.output.confirm import insist
from worker.cli.output.console import say
from worker.cli.output.progress import replay_progress
from worker.cli.output.replay_plans import say_plan, show_end
from worker.cli.output.requests import say_who_will
from worker.journal.operating.replay_items import ReplayPlan
from worker.journal.operator_journal import OperatorJournal
from worker.operators.replay.applying import Ended, Manner
from worker.operators.replay.canary_pace import Standing
from worker.operators.replay.plans import carry_out_plan, describe_plan, insist_on_workers, judge
from worker.operators.requests import living_workers
from worker.settings.model import Settings


async def carry_out(
    loaded: Settings, journal: OperatorJournal, plan: ReplayPlan, manner: Manner, *, yes: bool, as_json: bool
) -> None:
    """Tell what the plan does, ask, carry it out, and print how that ended. Raises if it did not go well."""
    described = await describe_plan(journal, plan)
    say_plan(plan, described.reasons, described.now)
    number = sum(plan.outcomes.get(outcome, 0) for outcome in manner.outcomes)
    if number == 0:
        show_end(plan, Ended(Standing(), 0), as_json=as_json)
        say("Nothing is to be done.")
        return
    say_who_will(await living_workers(journal))
    await insist_on_workers(journal, plan)
    canary = f", {manner.pace.canary} of them first" if manner.pace.canary else ""
    insist(f"Apply this to {counted(number, 'command')}{canary}?", yes=yes)
    with replay_progress(number) as tell:
        try:
            ended = await carry_out_plan(journal, loaded, plan, manner, tell)
        except asyncio.CancelledError:
            say(f"What was begun goes on. `azplan replay apply {plan.id}` continues with the rest.")
            raise
    show_end(plan, ended, as_json=as_json)
    judge(plan, ended)
