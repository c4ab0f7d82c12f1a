"""`azplan resume`: lets go what `azplan pause` holds."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from events.wire.text import counted
from worker.cli import interruptible
from worker.cli.help_layout import WORKING, examples
from worker.cli.options import Json, OfCustomer, OfPartner, OfType, Who, Why, Yes
from worker.cli.output.confirm import insist
from worker.cli.output.console import say
from worker.cli.output.json import show_json
from worker.cli.output.pauses import facts
from worker.cli.output.requests import applied_by
from worker.journal.records import Pause
from worker.operators import connections
from worker.operators.pauses import in_force, plan_resume
from worker.operators.pauses import resume as resume_commands
from worker.operators.requests import living_workers
from worker.operators.who_and_why import Signature
from worker.settings import model
from worker.settings.model import Settings


def register(app: typer.Typer) -> None:
    """Add the verb."""
    epilog = examples(app, "azplan resume --type SuspendPlan", "azplan resume --all --yes")
    app.command(epilog=epilog, rich_help_panel=WORKING)(resume)


def resume(
    partner: OfPartner = None,
    customer: OfCustomer = None,
    type_: OfType = None,
    every: Annotated[bool, typer.Option("--all", help="End every pause there is.")] = False,
    who: Who = "",
    why: Why = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Release commands that were paused with the same words. They are due at once, in the order of their lanes.

    Exit code 3 if nothing is paused with these words.
    """
    words = {"partner": partner, "customer": customer, "type": type_, "every": every}
    ended = interruptible.run(_resume(model.load(), words, Signature(who, why), yes=yes))
    if as_json:
        show_json([facts(each) for each in ended])


async def _resume(loaded: Settings, words: Mapping[str, Any], signature: Signature, *, yes: bool) -> Sequence[Pause]:
    async with connections.journal(loaded) as journal:
        plan = await plan_resume(journal, loaded, **words)
        for pause in plan.pauses:
            say(in_force(pause, plan.now))
        left = plan.left
        stay = f" {counted(left, 'other pause')} stay{'s' if left == 1 else ''} in force." if left else ""
        say(f"This lets {counted(plan.commands, 'open command')} go.{stay}")
        insist(f"Resume {counted(len(plan.pauses), 'pause')}?", yes=yes)
        await resume_commands(journal, signature, plan.pauses)
        say(f"Resumed. {applied_by(await living_workers(journal))}")
        return plan.pauses
