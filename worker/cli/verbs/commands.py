"""`azplan commands`: what was asked, where it stands, and the whole story of one."""

import asyncio
from difflib import get_close_matches
from typing import Annotated

import typer

from events.base import commands
from worker import settings
from worker.cli import connections, facts
from worker.cli.exits import Code, Stop
from worker.cli.helping import WORKING, examples
from worker.cli.options import Json
from worker.cli.printing import date_time, say, show_json, show_table
from worker.cli.stories import show_story
from worker.cli.types import find as find_type
from worker.cli.types import short, suggestion
from worker.cli.watching import watch_events
from worker.journal import timeline
from worker.journal.journal import Journal
from worker.journal.records import State
from worker.journal.views import Filter, Story, Summary
from worker.settings import Settings

OfState = Annotated[State | None, typer.Option("--state", help="Only those in this state.")]
OfType = Annotated[str | None, typer.Option("--type", help="Only those of this type, such as SuspendPlan.")]
OfCustomer = Annotated[str | None, typer.Option("--customer", metavar="GUID", help="Only those for this customer.")]
OfPartner = Annotated[str | None, typer.Option("--partner", help="Only those for this partner account.")]
WithCode = Annotated[str | None, typer.Option("--code", help="Only those that ended with this code.")]


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
    """List commands, the newest first. Exit code 3 where none matches."""
    wanted = _filter(type_, customer, partner, state, code)
    found = asyncio.run(_newest(settings.load(), wanted, limit))
    if as_json:
        show_json([facts.command(each) for each in found])
    elif found:
        show_table(("received", "type", "id", "customer", "partner", "state", "code"), [_row(each) for each in found])
    if not found:
        raise Stop(Code.NOTHING, "no command matches.")
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
    asyncio.run(watch_events(settings.load(), _filter(type_, customer, partner), as_json=as_json))


def _filter(
    type_: str | None,
    customer: str | None,
    partner: str | None,
    state: State | None = None,
    code: str | None = None,
) -> Filter:
    return Filter(
        state=state,
        type=None if type_ is None else _wire_type(type_),
        customer=customer and customer.lower(),
        partner=partner and partner.casefold(),
        code=code,
    )


def _wire_type(name: str) -> str:
    kind = find_type(name, commands())
    if kind is not None:
        return kind.wire_type()
    if name.count(".") >= 2:
        return name  # a type that this azplan does not know was refused, and is remembered all the same
    raise Stop(Code.USAGE, f"{name!r} is no type of command.", suggestion(name, commands()))


async def _newest(loaded: Settings, wanted: Filter, limit: int) -> list[Summary]:
    async with connections.journal(loaded) as journal:
        return await journal.read(lambda tx: timeline.newest(tx, wanted, limit))


async def _story(loaded: Settings, id_: str, source: str | None) -> Story:
    async with connections.journal(loaded) as journal:
        found = await journal.read(lambda tx: timeline.find(tx, id_, source))
        if not found:
            raise await _unknown(journal, id_, source)
        if len(found) > 1:
            sources = ", ".join(each.source for each in found)
            raise Stop(Code.USAGE, f"{len(found)} sources share the id {id_!r}: {sources}.", "Say which with --source.")
        story = await journal.read(lambda tx: timeline.show(tx, found[0].uid))
        if story is None:
            raise await _unknown(journal, id_, source)
        return story


async def _unknown(journal: Journal, id_: str, source: str | None) -> Stop:
    newest = await journal.read(lambda tx: timeline.newest(tx, Filter(), 1_000))
    near = get_close_matches(id_, {each.id for each in newest}, n=3, cutoff=0.8)
    of = f" from {source}" if source else ""
    hint = f"Did you mean {', '.join(near)}?" if near else "`azplan commands list` shows the newest."
    return Stop(Code.NOTHING, f"no command {id_!r}{of} is in the journal.", hint)


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
