"""`azplan commands watch`: every event from now on."""

from typing import Annotated

import typer

from worker.cli import interruptible
from worker.cli.options import OfCustomer, OfPartner, OfType
from worker.cli.output import json as facts
from worker.cli.output.console import say, show
from worker.cli.output.event import headline
from worker.cli.output.instants import date_time
from worker.cli.output.json import show_json
from worker.cli.output.pauses import say_pauses
from worker.journal.reading.views import Change
from worker.journal.selection import Selection
from worker.operators import connections
from worker.operators.journal_event_watch import watch_events
from worker.operators.pauses import held_pauses
from worker.operators.selection import select
from worker.operators.wording.message_types import short
from worker.settings import model
from worker.settings.model import Settings


def watch(
    type_: OfType = None,
    customer: OfCustomer = None,
    partner: OfPartner = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, an object a line, for programs.")] = False,
) -> None:
    """Print every event from now on until Ctrl-C."""
    interruptible.run(_watch(model.load(), select(partner=partner, customer=customer, type=type_), as_json=as_json))


async def _watch(loaded: Settings, selection: Selection, *, as_json: bool) -> None:
    async with connections.journal(loaded) as journal:
        events = await watch_events(journal, loaded, selection)
        say_pauses(await held_pauses(journal), journal.now())
        say("Watching; Ctrl-C ends it.")
        async for change in events.changes():
            if not isinstance(change, Change):
                say(f"{change}; trying again")
            elif as_json:
                show_json(facts.change(change), indent=None)
            else:
                show(_line(change))


def _line(change: Change) -> str:
    event, command = change.event, change.command
    said = headline(event.type, facts.data_of(event))
    return f"{date_time(event.at)}  {short(command.type)} {command.id}  {short(event.type)}  {said}".rstrip()
