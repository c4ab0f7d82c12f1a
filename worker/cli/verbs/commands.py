"""`azplan commands`: what was asked, where it stands, and the whole story of one."""

import asyncio
from typing import Annotated

import typer

from worker import settings
from worker.cli import connections, facts
from worker.cli.braking import say_held
from worker.cli.deciding import cancel, resolve
from worker.cli.exits import Code, Stop
from worker.cli.finding import the_command
from worker.cli.helping import WORKING, examples
from worker.cli.options import Json
from worker.cli.printing import date_time, say, show_json, show_table
from worker.cli.selecting import OfCustomer, OfPartner, OfType, WithCode, check_partner, chosen
from worker.cli.stories import show_story
from worker.cli.types import short
from worker.cli.waking import wake
from worker.cli.watching import watch_events
from worker.journal import timeline
from worker.journal.records import State
from worker.journal.views import Filter, Story, Summary
from worker.settings import Settings

OfState = Annotated[State | None, typer.Option("--state", help="Only those in this state.")]


def register(app: typer.Typer) -> None:
    """Add the verbs of this group."""
    group = typer.Typer(no_args_is_help=True)
    group.command(
        "list",
        epilog=examples(app, "azplan commands list --state failed", "azplan commands list --limit 0 --json"),
    )(list_)
    group.command(epilog=examples(app, "azplan commands show order-4711", "azplan commands show order-4711 --json"))(
        show
    )
    group.command(epilog=examples(app, "azplan commands watch", "azplan commands watch --type SuspendPlan --json"))(
        watch
    )
    group.command(
        epilog=examples(
            app,
            "azplan commands cancel order-4711 --why 'sent by mistake'",
            "azplan commands cancel --type SuspendPlan --from 2026-03-02T09:00:00Z --yes",
        )
    )(cancel)
    group.command(
        epilog=examples(
            app,
            "azplan commands resolve order-4711 --applied",
            "azplan commands resolve order-4711 --not-applied --why 'case 123: no order was made'",
        )
    )(resolve)
    group.command(
        epilog=examples(
            app,
            "azplan commands wake order-4711",
            "azplan commands wake --reason retry --why 'Microsoft is back'",
            "azplan commands wake --all --yes",
        )
    )(wake)
    app.add_typer(
        group, name="commands", help="The commands that were received, and their stories.", rich_help_panel=WORKING
    )


def list_(
    state: OfState = None,
    type_: OfType = None,
    customer: OfCustomer = None,
    partner: OfPartner = None,
    code: WithCode = None,
    limit: Annotated[int, typer.Option(min=0, help="The newest so many; 0 for all.")] = 100,
    as_json: Json = False,
) -> None:
    """List commands, the newest first. Exit code 3 where none matches what is asked for."""
    wanted = chosen(type_, customer, partner, state, code)
    found = asyncio.run(_newest(settings.load(), wanted, limit))
    if as_json:
        show_json([facts.command(each) for each in found])
    elif found:
        show_table(("received", "type", "id", "customer", "partner", "state", "code"), [_row(each) for each in found])
    if not found and wanted != Filter():
        raise Stop(Code.NOTHING, "no command matches.", "`azplan commands list` without more words shows the newest.")
    if not found:
        say("There are no commands yet.")
    if limit and len(found) == limit:
        say(f"The newest {limit}; --limit 0 shows all.")


def show(
    id: Annotated[str, typer.Argument(metavar="ID", help="ce_id of the command.")],  # noqa: A002
    source: Annotated[str | None, typer.Option(help="ce_source, where two sources share the id.")] = None,
    as_json: Json = False,
) -> None:
    """Show the story of one command: received, checks, calls of Partner Center, waits, events, writes.

    Each call has the ids that Microsoft's support asks for. Exit code 3 where there is no such command.
    """
    story = asyncio.run(_story(settings.load(), id, source))
    if as_json:
        show_json(facts.story(story))
    else:
        show_story(story)


def watch(
    type_: OfType = None,
    customer: OfCustomer = None,
    partner: OfPartner = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, an object a line, for programs.")] = False,
) -> None:
    """Print every event from now on, as it is said, until Ctrl-C."""
    asyncio.run(watch_events(settings.load(), chosen(type_, customer, partner), as_json=as_json))


async def _newest(loaded: Settings, wanted: Filter, limit: int) -> list[Summary]:
    async with connections.journal(loaded) as journal:
        await check_partner(journal, loaded, wanted.partner)
        await say_held(journal)
        return await journal.read(lambda tx: timeline.newest(tx, wanted, limit))


async def _story(loaded: Settings, id_: str, source: str | None) -> Story:
    async with connections.journal(loaded) as journal:
        found = await the_command(journal, id_, source)
        story = await journal.read(lambda tx: timeline.show(tx, found.uid))
        if story is None:
            raise Stop(Code.NOTHING, f"command {id_!r} has just been forgotten: it was over long ago.")
        return story


def _row(command: Summary) -> tuple[str, ...]:
    return (
        date_time(command.received_at),
        short(command.type),
        command.id,
        command.customer,
        command.partner or "",
        command.state.value,
        command.code or (command.reason or "" if command.state.is_open else ""),
    )
