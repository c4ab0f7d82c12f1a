"""`azplan commands cancel` and `resolve`: what a person decides about commands, carried out by the lane's owner."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Annotated

import typer

from worker.azure_plans.wording import counted
from worker.cli.exit_codes import Code, Stop
from worker.cli.options import Json, Source, Yes
from worker.cli.output.confirm import insist
from worker.cli.output.terminal import say
from worker.cli.person import Signature, Who, Why
from worker.journal.journal import Journal
from worker.journal.operating.selected_commands import (
    Found,
    count,
    page,
)
from worker.journal.reading.views import Summary
from worker.journal.records import Resolution, State
from worker.journal.selection import Selection
from worker.operators import connections
from worker.operators.commands import the_command
from worker.operators.message_types import short
from worker.operators.requests import AT_ONCE, PATIENCE, Wait, one_page, request
from worker.operators.selection import (
    From,
    OfCustomer,
    OfPartner,
    OfType,
    Span,
    To,
    check_partner,
    chosen,
    micros,
    span,
)
from worker.settings import model
from worker.settings.model import Settings


def cancel(  # noqa: PLR0913, PLR0917 - a parameter for each option
    id: Annotated[str | None, typer.Argument(metavar="ID", help="ce_id of one command.")] = None,  # noqa: A002
    source: Source = None,
    type_: OfType = None,
    customer: OfCustomer = None,
    partner: OfPartner = None,
    begin: From = None,
    end: To = None,
    who: Who = "",
    why: Why = "",
    wait: Wait = PATIENCE,  # type: ignore[assignment]  # typer parses it
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Cancel one command, or all open ones that match. Each is answered CommandRejected, cancelled_by_operator.

    Only what has not begun to write is cancelled; a write that was begun goes on to its end, and you are told which.
    """
    which = chosen(type_, customer, partner)
    during = span(begin, end)
    if id is None and which == Selection() and during == Span(None, None):
        raise Stop(Code.USAGE, "say which commands: an ID, or what they have in common.", "See --help.")
    asyncio.run(_cancel(model.load(), (id, source), which, during, _Manner(Signature(who, why), wait, yes, as_json)))


def resolve(
    id: Annotated[str, typer.Argument(metavar="ID", help="ce_id of the command.")],  # noqa: A002
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

    --applied looks, and answers as if the call had been answered; nothing is bought. --not-applied closes the old cart
    or order for good and goes on: it may buy anew. The evidence is in `azplan commands show ID`.
    """
    if applied is None:
        raise Stop(
            Code.USAGE,
            "say what you found at Microsoft: --applied or --not-applied.",
            f"The evidence is in `azplan commands show {id}`.",
        )
    found = Resolution.APPLIED if applied else Resolution.NOT_APPLIED
    asyncio.run(_resolve(model.load(), (id, source), found, _Manner(Signature(who, why), wait, yes, as_json)))


class _Manner:
    """How it is to be done: for whom and why, how patiently, whether asked, how told."""

    def __init__(self, signature: Signature, wait: timedelta, yes: bool, as_json: bool) -> None:
        self.signature = signature
        self.wait = wait
        self.yes = yes
        self.as_json = as_json


async def _cancel(
    loaded: Settings, name: tuple[str | None, str | None], which: Selection, during: Span, manner: _Manner
) -> None:
    async with connections.journal(loaded) as journal:
        await check_partner(journal, loaded, which.partner)
        if name[0] is not None:
            one = await _open_one(journal, name[0], name[1])
            found = Found({(one.type, one.state.value, one.reason or ""): 1}, 1, one.seq)
            meant, pages = f"{short(one.type)} {one.id}", one_page(one)
        else:
            selected = replace(which, open=True, begin=micros(during.begin), end=micros(during.end))
            found = await _open_ones(journal, selected)
            meant, pages = counted(found.commands, "command"), _pages(journal, selected, found.last)
        _tell_plan(found)
        insist(f"Cancel {meant}?", yes=manner.yes)
        await request(journal, "cancel", pages, manner.signature, manner.wait, as_json=manner.as_json)


async def _open_one(journal: Journal, id_: str, source: str | None) -> Summary:
    """The command that is to be cancelled. Raises Stop where it is over."""
    one = await the_command(journal, id_, source)
    if one.state.known and not one.state.is_open:
        ended = f"{one.state}{f' ({one.code})' if one.code else ''}"
        raise Stop(Code.REFUSED, f"{one.id} is over already: {ended}.", "What was answered stays answered.")
    return one


async def _open_ones(journal: Journal, which: Selection) -> Found:
    """How many open commands are to be cancelled. Raises Stop where there are none."""
    found = await journal.read(lambda tx: count(tx, which))
    if not found.commands:
        raise Stop(
            Code.NOTHING,
            "no open command matches.",
            "What is over stays answered; `azplan commands list` shows what is.",
        )
    return found


async def _pages(journal: Journal, which: Selection, last: int) -> AsyncIterator[Sequence[str]]:
    """The open commands up to the last one that was counted, a page at a time."""
    after = 0
    while some := await journal.read(lambda tx, after=after: page(tx, which, after, last, AT_ONCE)):  # type: ignore[misc]
        after = some[-1].seq
        yield [each.uid for each in some]


async def _resolve(loaded: Settings, name: tuple[str, str | None], found: Resolution, manner: _Manner) -> None:
    async with connections.journal(loaded) as journal:
        command = await the_command(journal, *name)
        if command.state is not State.FAILED:
            raise Stop(
                Code.REFUSED, f"{command.id} has not failed: it is {command.state}.", "There is nothing to resolve."
            )
        say(f"{short(command.type)} {command.id} failed with {command.code}. It begins story {command.redrive + 1}:")
        if found is Resolution.APPLIED:
            say("it looks for what took effect and answers with that; nothing is bought.")
        else:
            say("its old cart or order is closed for good, and it goes on: it may buy anew.")
        details = {"found": found.value}
        insist(f"Resolve {command.id} as {found.replace('_', ' ')}?", yes=manner.yes)
        await request(
            journal,
            "resolve",
            one_page(command),
            manner.signature,
            manner.wait,
            details=details,
            as_json=manner.as_json,
        )


def _tell_plan(found: Found) -> None:
    """What is about to be asked for."""
    told = {(short(kind), state, reason): number for (kind, state, reason), number in found.kinds.items()}
    for (kind, state, reason), number in sorted(told.items()):
        say(f"{number} {kind} {state}{f' ({reason})' if reason else ''}")
    customers = found.customers
    say(f"of {customers} customer{'' if customers == 1 else 's'}. What has begun to write is left alone.")
