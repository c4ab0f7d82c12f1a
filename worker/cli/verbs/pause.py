"""`azplan pause`: accepted commands wait, nothing is lost, and no lane's order changes."""

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
from worker.cli.output.pauses import facts, show_pauses
from worker.cli.output.requests import applied_by
from worker.journal.records import Pause
from worker.operators import connections
from worker.operators.pauses import held_pauses, plan_pause, spoken
from worker.operators.pauses import pause as pause_commands
from worker.operators.requests import living_workers
from worker.operators.who_and_why import Signature
from worker.settings import model
from worker.settings.model import Settings


def register(app: typer.Typer) -> None:
    """Add the verb."""
    epilog = examples(
        app,
        "azplan pause --type SuspendPlan --why 'the ordering system went wrong'",
        "azplan pause --partner contoso --yes",
        "azplan pause --all --why 'Partner Center bills twice'",
        "azplan pause --list",
    )
    app.command(epilog=epilog, rich_help_panel=WORKING)(pause)


def pause(
    partner: OfPartner = None,
    customer: OfCustomer = None,
    type_: OfType = None,
    every: Annotated[bool, typer.Option("--all", help="Every command there is and will be.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="Show what is paused, and change nothing.")] = False,
    who: Who = "",
    why: Why = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Hold commands of a partner, a customer or a type, or with --all every command, on every replica within a second.

    A command that matches all words is held before its next request to Partner Center. It keeps its place in line
    until `azplan resume` with the same words. A request that was sent already is not called back.
    """
    loaded = model.load()
    if list_:
        held = interruptible.run(_held(loaded))
        show_json([facts(each) for each in held]) if as_json else show_pauses(held)
        if not held:
            say("Nothing is paused.")
        return
    words = {"partner": partner, "customer": customer, "type": type_, "every": every}
    made = interruptible.run(_pause(loaded, words, Signature(who, why), yes=yes))
    if as_json:
        show_json(facts(made))


async def _held(loaded: Settings) -> Sequence[Pause]:
    async with connections.journal(loaded) as journal:
        return await held_pauses(journal)


async def _pause(loaded: Settings, words: Mapping[str, Any], signature: Signature, *, yes: bool) -> Pause:
    async with connections.journal(loaded) as journal:
        plan = await plan_pause(journal, loaded, **words)
        held = f" ({plan.held} of them are held by another pause already)" if plan.held else ""
        say(f"This holds {counted(plan.commands, 'open command')}{held}, and every later command that matches.")
        which = spoken(plan.selection)
        insist(f"Pause {which}?", yes=yes)
        made = await pause_commands(journal, signature, plan.selection)
        workers = await living_workers(journal)
        say(f"Paused {which}. {applied_by(workers)} End it with `azplan resume` and the same words.")
        return made
