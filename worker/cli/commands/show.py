"""`azplan commands show`: the story of one command."""

from typing import Annotated

import typer

from worker.cli import interruptible
from worker.cli.options import Id, Json
from worker.cli.output import json as facts
from worker.cli.output.json import show_json
from worker.cli.output.pauses import say_pauses
from worker.cli.output.story.story import show_story
from worker.operators import connections
from worker.operators.command_reports import CommandStory, read_story
from worker.settings import model
from worker.settings.model import Settings


def show(
    id: Id,  # noqa: A002 - the argument's name
    source: Annotated[str | None, typer.Option(help="ce_source, where two sources share the id.")] = None,
    as_json: Json = False,
) -> None:
    """Show the story of one command: received, checks, calls of Partner Center, waits, events, writes.

    Each call has the ids that Microsoft's support asks for. Exit code 3 if there is no such command.
    """
    found = interruptible.run(_story(model.load(), id, source))
    say_pauses(found.pauses, found.now)
    if as_json:
        show_json(facts.story(found.story))
    else:
        show_story(found.story, found.now)


async def _story(loaded: Settings, id_: str, source: str | None) -> CommandStory:
    async with connections.journal(loaded) as journal:
        return await read_story(journal, id_, source)
