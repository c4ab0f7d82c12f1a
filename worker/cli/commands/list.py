"""`azplan commands list`: the newest commands that match."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

import typer

from worker.cli import interruptible
from worker.cli.durations import DURATION, parse_duration
from worker.cli.exit_codes import Code, Stop
from worker.cli.options import From, Json, Limit, OfCustomer, OfPartner, OfType, To, WithCode
from worker.cli.output import json as facts
from worker.cli.output.console import say
from worker.cli.output.instants import ago
from worker.cli.output.json import show_json
from worker.cli.output.pauses import say_pauses
from worker.cli.output.tables import show_table
from worker.journal.reading.views import Summary
from worker.journal.records import Micros
from worker.journal.selection import Selection
from worker.operators import connections
from worker.operators.command_reports import CommandList, list_commands
from worker.operators.selection import select
from worker.operators.wording.message_types import short
from worker.settings import model
from worker.settings.model import Settings


class StateChoice(StrEnum):
    """The states of a command, and `open` for every state in which the command is not over."""

    OPEN = "open"
    ACCEPTED = "accepted"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    REJECTED = "rejected"
    FAILED = "failed"


OfState = Annotated[
    StateChoice | None, typer.Option("--state", help="Only those in this state; open is what is not over.")
]
OfReason = Annotated[str | None, typer.Option("--reason", help="Only those that wait for this reason, such as retry.")]
Since = Annotated[
    timedelta | None,
    typer.Option(parser=parse_duration, metavar=DURATION, help="Only those received within this time until now."),
]


def list_(  # noqa: PLR0913, PLR0917 - a parameter for each option
    state: OfState = None,
    type_: OfType = None,
    customer: OfCustomer = None,
    partner: OfPartner = None,
    code: WithCode = None,
    reason: OfReason = None,
    begin: From = None,
    end: To = None,
    since: Since = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List commands, the newest first. Exit code 3 if no command matches the options."""
    if since is not None and (begin or end):
        raise Stop(Code.USAGE, "--since says all: leave --from and --to out.")
    selection = select(
        partner=partner,
        customer=customer,
        type=type_,
        state=None if state is None else state.value,
        code=code,
        reason=reason,
        begin=begin,
        end=end,
    )
    found = interruptible.run(_list(model.load(), selection, since, limit))
    say_pauses(found.pauses, found.now)
    if as_json:
        show_json([facts.command(each) for each in found.commands])
    elif found.commands:
        rows = [_row(each, found.now) for each in found.commands]
        show_table(("received", "type", "id", "state", "code", "customer", "partner"), rows)
    if not found.commands and (selection != Selection() or since is not None):
        near = found.similar_customer
        hint = f"Did you mean --customer {near}?" if near else "`azplan commands list` alone shows the newest."
        raise Stop(Code.NOTHING, "no command matches.", hint)
    if not found.commands:
        say("There are no commands yet.")
    if limit and len(found.commands) == limit:
        say(f"The newest {limit}; --limit 0 shows all.")


async def _list(loaded: Settings, selection: Selection, since: timedelta | None, limit: int) -> CommandList:
    async with connections.journal(loaded) as journal:
        return await list_commands(journal, loaded, selection, since=since, limit=limit)


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
