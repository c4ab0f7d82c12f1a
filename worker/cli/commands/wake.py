"""`azplan commands wake`: waiting commands are tried again now."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from events.wire.text import counted
from worker.cli import interruptible
from worker.cli.options import Json, OfPartner, OneId, Source, Who, Why, Yes
from worker.cli.output.confirm import insist
from worker.cli.output.console import say
from worker.cli.output.json import show_json
from worker.cli.output.requests import applied_by
from worker.operators import connections
from worker.operators.requests import living_workers
from worker.operators.wakeups import plan_wake
from worker.operators.wakeups import wake as wake_commands
from worker.operators.who_and_why import Signature
from worker.settings import model
from worker.settings.model import Settings

OfReason = Annotated[
    str | None, typer.Option("--reason", help="Only those that wait for this reason, such as retry or throttled.")
]


def wake(
    id: OneId = None,  # noqa: A002 - the argument's name
    source: Source = None,
    reason: OfReason = None,
    partner: OfPartner = None,
    every: Annotated[bool, typer.Option("--all", help="Every command that waits.")] = False,
    who: Who = "",
    why: Why = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Try waiting commands again now, for instance after an outage: they are due within two seconds.

    Circuits that are open let one request through at once, and tokens are asked for again. Pauses and settling stay.
    Exit code 3 if no command waits that matches.
    """
    words = {"id": id, "source": source, "reason": reason, "partner": partner, "every": every}
    done = interruptible.run(_wake(model.load(), words, Signature(who, why), yes=yes))
    if as_json:
        show_json(done)


async def _wake(loaded: Settings, words: Mapping[str, Any], signature: Signature, *, yes: bool) -> dict[str, Any]:
    async with connections.journal(loaded) as journal:
        plan = await plan_wake(journal, loaded, **words)
        reasons = ", ".join(f"{each} {reason or 'just begun'}" for reason, each in plan.reasons.items())
        say(f"{counted(plan.commands, 'command')} would be tried again within two seconds: {reasons}.")
        insist(f"Wake {counted(plan.commands, 'command')}?", yes=yes)
        woken = await wake_commands(journal, signature, plan.selection)
        say(f"Woken: {counted(woken, 'command')}. {applied_by(await living_workers(journal))}")
        return {"woken": woken, "reasons": dict(plan.reasons)}
