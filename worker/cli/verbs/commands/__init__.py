"""`azplan commands`: what was asked, where it stands, and the whole story of one."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated

import typer

from events.codes import WaitingReason
from worker.cli.durations import DURATION, parse_duration
from worker.cli.exit_codes import Code, Stop
from worker.cli.help_texts import WORKING, examples
from worker.cli.options import Json
from worker.cli.output import json as json_facts
from worker.cli.output.story import show_story
from worker.cli.output.terminal import (
    ago,
    say,
    show_json,
    show_table,
)
from worker.cli.verbs.commands.cancel import cancel, resolve
from worker.cli.verbs.commands.wake import wake
from worker.journal.journal import Journal
from worker.journal.operating.pauses import Brake
from worker.journal.reading import timeline
from worker.journal.reading.views import Story, Summary
from worker.journal.records import SECOND, Micros, State
from worker.journal.selection import Selection
from worker.operators import connections
from worker.operators.commands import the_command
from worker.operators.event_watch import watch_events
from worker.operators.message_types import short
from worker.operators.pauses import say_held, say_pauses
from worker.operators.selection import (
    From,
    OfCustomer,
    OfPartner,
    OfType,
    Span,
    To,
    WithCode,
    check_partner,
    chosen,
    code_word,
    micros,
    span,
)
from worker.settings import model
from worker.settings.model import Settings


class Standing(StrEnum):
    """The states of a command, and `open` for all in which it is not over."""

    OPEN = "open"
    ACCEPTED = "accepted"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    REJECTED = "rejected"
    FAILED = "failed"


OfState = Annotated[
    Standing | None, typer.Option("--state", help="Only those in this state; open is what is not over.")
]
Reason = Annotated[str | None, typer.Option("--reason", help="Only those that wait for this reason, such as retry.")]
Since = Annotated[
    timedelta | None,
    typer.Option(parser=parse_duration, metavar=DURATION, help="Only those received within this time until now."),
]


def register(app: typer.Typer) -> None:
    """Add the verbs of this group."""
    group = typer.Typer(no_args_is_help=True)
    group.command(
        "list",
        epilog=examples(
            app,
            "azplan commands list --state failed --since 1d",
            "azplan commands list --state open --reason order_provisioning",
            "azplan commands list --limit 0 --json",
        ),
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


def list_(  # noqa: PLR0913, PLR0917 - a parameter for each option
    state: OfState = None,
    type_: OfType = None,
    customer: OfCustomer = None,
    partner: OfPartner = None,
    code: WithCode = None,
    reason: Reason = None,
    begin: From = None,
    end: To = None,
    since: Since = None,
    limit: Annotated[int, typer.Option(min=0, help="The newest so many; 0 for all.")] = 100,
    as_json: Json = False,
) -> None:
    """List commands, the newest first. Exit code 3 if none matches what is asked for."""
    if since is not None and (begin or end):
        raise Stop(Code.USAGE, "--since says all: leave --from and --to out.")
    wanted = replace(
        chosen(type_, customer, partner, None if state in (None, Standing.OPEN) else State(state), code),
        open=state is Standing.OPEN,
        reason=None if reason is None else code_word(reason, WaitingReason, "--reason"),
    )
    during = span(begin, end)
    found, near, now = asyncio.run(_newest(model.load(), wanted, (during, since), limit))
    if as_json:
        show_json([json_facts.command(each) for each in found])
    elif found:
        show_table(
            ("received", "type", "id", "state", "code", "customer", "partner"), [_row(each, now) for each in found]
        )
    if not found and (wanted, during, since) != (Selection(), Span(None, None), None):
        hint = f"Did you mean --customer {near}?" if near else "`azplan commands list` alone shows the newest."
        raise Stop(Code.NOTHING, "no command matches.", hint)
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
    story, now = asyncio.run(_story(model.load(), id, source))
    if as_json:
        show_json(json_facts.story(story))
    else:
        show_story(story, now)


def watch(
    type_: OfType = None,
    customer: OfCustomer = None,
    partner: OfPartner = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, an object a line, for programs.")] = False,
) -> None:
    """Print every event from now on, as it is said, until Ctrl-C."""
    asyncio.run(watch_events(model.load(), chosen(type_, customer, partner), as_json=as_json))


async def _newest(
    loaded: Settings, wanted: Selection, time: tuple[Span, timedelta | None], limit: int
) -> tuple[list[Summary], str | None, Micros]:
    """The commands that match; for a customer that has none, one whose id looks alike; and the time."""
    during, since = time
    async with connections.journal(loaded) as journal:
        await check_partner(journal, loaded, wanted.partner)
        await say_held(journal)
        now = journal.now()
        begin = now - int(since.total_seconds() * SECOND) if since else micros(during.begin)
        limited = replace(wanted, begin=begin, end=micros(during.end))
        found = await journal.read(lambda tx: timeline.newest(tx, limited, limit))
        return found, None if found or not wanted.customer else await _alike(journal, wanted.customer), now


async def _alike(journal: Journal, customer: str) -> str | None:
    """A customer that has commands and whose id is nearly this one."""
    known = {each.customer for each in await journal.read(lambda tx: timeline.newest(tx, Selection(), 1_000))}
    return next(iter(get_close_matches(customer, known - {customer}, 1, 0.8)), None)


async def _story(loaded: Settings, id_: str, source: str | None) -> tuple[Story, Micros]:
    async with connections.journal(loaded) as journal:
        found = await the_command(journal, id_, source)
        if found.state.is_open:
            held = await Brake(journal).held()
            who = (found.partner, found.customer, found.type)
            say_pauses([pause for pause in held if pause.which.holds(*who)], journal.now())
        story = await journal.read(lambda tx: timeline.show(tx, found.uid))
        if story is None:
            raise Stop(Code.NOTHING, f"command {id_!r} has just been forgotten: it was over long ago.")
        return story, journal.now()


def _row(command: Summary, now: Micros) -> tuple[str, ...]:
    return (
        ago(command.received_at, now),
        short(command.type),
        command.id,
        command.state.value,
        command.code or (command.reason or "" if command.state.is_open else ""),
        command.customer,
        command.partner or "",
    )
