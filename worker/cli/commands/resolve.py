"""`azplan commands resolve`: a person says how a command of unknown outcome ended at Microsoft."""

from datetime import timedelta
from typing import Annotated

import typer

from worker.cli import interruptible
from worker.cli.exit_codes import Code, Stop
from worker.cli.options import PATIENCE, Id, Json, Source, Wait, Who, Why, Yes
from worker.cli.output.confirm import insist
from worker.cli.output.console import say
from worker.cli.output.requests import say_who_will, show_answers
from worker.journal.records import Resolution
from worker.operators import connections
from worker.operators.requests import answers, living_workers
from worker.operators.unknown_outcome import command_to_resolve, request_resolve
from worker.operators.who_and_why import Signature
from worker.operators.wording.message_types import short
from worker.settings import model
from worker.settings.model import Settings


def resolve(
    id: Id,  # noqa: A002 - the argument's name
    applied: Annotated[
        bool | None,
        typer.Option("--applied/--not-applied", help="Whether you found at Microsoft that it took effect."),
    ] = None,
    source: Source = None,
    who: Who = "",
    why: Why = "",
    wait: Wait = PATIENCE,  # type: ignore[assignment]  # typer parses it
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Say how a command of unknown outcome ended at Microsoft. It begins its next story with that.

    With --applied the worker looks, and answers as if the call had been answered; nothing is bought. With
    --not-applied the worker closes the old cart or order for good and goes on: it may buy again. The evidence is in
    `azplan commands show ID`.
    """
    if applied is None:
        raise Stop(
            Code.USAGE,
            "say what you found at Microsoft: --applied or --not-applied.",
            f"The evidence is in `azplan commands show {id}`.",
        )
    decision = Resolution.APPLIED if applied else Resolution.NOT_APPLIED
    work = _resolve(model.load(), (id, source), decision, Signature(who, why), wait, yes=yes, as_json=as_json)
    interruptible.run(work)


async def _resolve(
    loaded: Settings,
    name: tuple[str, str | None],
    decision: Resolution,
    signature: Signature,
    wait: timedelta,
    *,
    yes: bool,
    as_json: bool,
) -> None:
    async with connections.journal(loaded) as journal:
        command = await command_to_resolve(journal, *name)
        say(f"{short(command.type)} {command.id} failed with {command.code}. It begins story {command.redrive + 1}:")
        if decision is Resolution.APPLIED:
            say("it looks for what took effect and answers with that; nothing is bought.")
        else:
            say("its old cart or order is closed for good, and it goes on: it may buy again.")
        insist(f"Resolve {command.id} as {decision.replace('_', ' ')}?", yes=yes)
        numbers = await request_resolve(journal, signature, command, decision)
        workers = await living_workers(journal)
        say_who_will(workers)
        seconds = wait.total_seconds() if workers else 0.0
        await show_answers("resolve", answers(journal, numbers, seconds), wait, as_json=as_json)
