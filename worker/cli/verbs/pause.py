"""`azplan pause`: the brake. Accepted commands wait, nothing is lost, and no lane's order changes."""

import asyncio
from typing import Annotated

import typer

from worker.azure_plans.wording import counted
from worker.cli.help_texts import WORKING, examples
from worker.cli.options import Json, Yes
from worker.cli.output.confirm import insist
from worker.cli.output.terminal import say, show_json
from worker.cli.person import Signature, Who, Why
from worker.journal.operating.pauses import Brake
from worker.journal.records import Pause
from worker.operators import connections
from worker.operators.pauses import facts, insist_on_words, replicas, show_pauses, spoken, which_of
from worker.operators.selection import OfCustomer, OfPartner, OfType
from worker.settings import model
from worker.settings.model import Settings

_Words = tuple[str | None, str | None, str | None]


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
        held = asyncio.run(_held(loaded))
        show_json([facts(each) for each in held]) if as_json else show_pauses(held)
        if not held:
            say("Nothing is paused.")
        return
    insist_on_words(partner, customer, type_, every=every, verb="pause")
    made = asyncio.run(_pause(loaded, (partner, customer, type_), Signature(who, why), yes=yes))
    if as_json:
        show_json(facts(made))


async def _held(loaded: Settings) -> list[Pause]:
    async with connections.journal(loaded) as journal:
        return await Brake(journal).held()


async def _pause(loaded: Settings, words: _Words, signature: Signature, *, yes: bool) -> Pause:
    async with connections.journal(loaded) as journal:
        which, brake = await which_of(journal, loaded, *words), Brake(journal)
        number, already = await brake.concerned(which)
        held = f" ({already} of them are held by another pause already)" if already else ""
        say(f"This holds {counted(number, 'open command')}{held}, and every later command that matches.")
        insist(f"Pause {spoken(which)}?", yes=yes)
        made = await brake.pause(signature.who, signature.why, which)
        say(f"Paused {spoken(which)}. {await replicas(journal)} End it with `azplan resume` and the same words.")
        return made
