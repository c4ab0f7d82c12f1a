"""`azplan resume`: lets go what `azplan pause` holds."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer

from worker.azure_plans.wording import counted
from worker.cli.exit_codes import Code, Stop
from worker.cli.help_texts import WORKING, examples
from worker.cli.options import Json, Yes
from worker.cli.output.confirm import insist
from worker.cli.output.terminal import say, show_json
from worker.cli.person import Signature, Who, Why
from worker.journal.operating.pauses import Brake
from worker.journal.records import Pause
from worker.operators import connections
from worker.operators.pauses import facts, in_force, insist_on_words, literally, replicas, spoken, which_of
from worker.operators.selection import OfCustomer, OfPartner, OfType
from worker.settings import model
from worker.settings.model import Settings

_Words = tuple[str | None, str | None, str | None]


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
    """Let commands go again that were paused with the same words. They are due at once, in the order of their lanes.

    Exit code 3 where nothing is paused with these words.
    """
    insist_on_words(partner, customer, type_, every=every, verb="resume")
    words = None if every else (partner, customer, type_)
    ended = asyncio.run(_resume(model.load(), words, Signature(who, why), yes=yes))
    if as_json:
        show_json([facts(each) for each in ended])


async def _resume(loaded: Settings, words: _Words | None, signature: Signature, *, yes: bool) -> Sequence[Pause]:
    async with connections.journal(loaded) as journal:
        brake = Brake(journal)
        held = await brake.held()
        meant = None if words is None else await brake.called_now(literally(*words))
        ended = [pause for pause in held if meant is None or pause.which == meant]
        if not ended:
            if words is not None:
                await which_of(journal, loaded, *words)
            others = "; ".join(spoken(pause.which) for pause in held)
            hint = f"Paused are: {others}. Use the same words, or --all." if held else "Nothing is paused at all."
            raise Stop(Code.NOTHING, "nothing is paused with these words.", hint)
        for pause in ended:
            say(in_force(pause, journal.now()))
        freed, left = await brake.freed([pause.id for pause in ended]), len(held) - len(ended)
        stay = f" {counted(left, 'other pause')} stay{'s' if left == 1 else ''} in force." if left else ""
        say(f"This lets {counted(freed, 'open command')} go.{stay}")
        insist(f"Resume {len(ended)} pause{'' if len(ended) == 1 else 's'}?", yes=yes)
        for which in dict.fromkeys(pause.which for pause in ended):
            await brake.resume(signature.who, signature.why, which)
        say(f"Resumed. {await replicas(journal)}")
        return ended
