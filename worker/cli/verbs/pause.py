"""`azplan pause`: the brake. Accepted commands wait, nothing is lost, and no lane's order changes."""

import asyncio
from typing import Annotated

import typer

from worker import settings
from worker.cli import connections
from worker.cli.asking import insist
from worker.cli.braking import facts, replicas, show_pauses, spoken, which_of
from worker.cli.helping import WORKING, examples
from worker.cli.options import Json, Yes
from worker.cli.person import Signature, Who, Why
from worker.cli.printing import say, show_json
from worker.cli.selecting import OfCustomer, OfPartner, OfType
from worker.journal.brake import Brake
from worker.journal.journal import Journal
from worker.journal.records import Pause, Which
from worker.journal.sql import Transaction
from worker.plans.naming import counted
from worker.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the verb."""
    epilog = examples(
        app,
        "azplan pause --type SuspendPlan --why 'the ordering system went wrong'",
        "azplan pause --partner contoso --yes",
        "azplan pause --list",
    )
    app.command(epilog=epilog, rich_help_panel=WORKING)(pause)


def pause(
    partner: OfPartner = None,
    customer: OfCustomer = None,
    type_: OfType = None,
    list_: Annotated[bool, typer.Option("--list", help="Show what is paused, and change nothing.")] = False,
    who: Who = "",
    why: Why = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Stop commands of a partner, a customer or a type, or all of them, on every replica within a second.

    What matches all that is said is held before its next request to Partner Center. It waits with its place in line
    until `azplan resume` with the same words. What was sent already is not called back.
    """
    loaded = settings.load()
    if list_:
        held = asyncio.run(_held(loaded))
        show_json([facts(each) for each in held]) if as_json else show_pauses(held)
        return
    made = asyncio.run(_pause(loaded, which_of(partner, customer, type_), Signature(who, why), yes=yes))
    if as_json:
        show_json(facts(made))


async def _held(loaded: Settings) -> list[Pause]:
    async with connections.journal(loaded) as journal:
        return await Brake(journal).held()


async def _pause(loaded: Settings, which: Which, signature: Signature, *, yes: bool) -> Pause:
    async with connections.journal(loaded) as journal:
        say(f"{counted(await _matching(journal, which), 'open command')}, and those that come later.")
        insist(f"Pause {spoken(which)}?", yes=yes)
        made = await Brake(journal).pause(signature.who, signature.why, which)
        say(f"Paused {spoken(which)}. {await replicas(journal)} End it with `azplan resume` and the same words.")
        return made


async def _matching(journal: Journal, which: Which) -> int:
    given = {"partner": which.partner, "customer": which.customer, "type": which.type}
    wanted = {name: value for name, value in given.items() if value is not None}
    conditions = "".join(f" AND {name} = ?" for name in wanted)

    async def count(tx: Transaction) -> int:
        rows = await tx.rows(
            f"SELECT count(*) AS n FROM command WHERE state IN ('accepted', 'waiting'){conditions}", *wanted.values()
        )
        return int(rows[0]["n"])

    return await journal.read(count)
