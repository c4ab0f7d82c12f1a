"""`azplan dead-letters`: what came to no good end, and what a person does about it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer

from events.codes import FailedCode
from events.wire.record import Record
from worker.azure_plans.wording import counted
from worker.cli.exit_codes import Code, Stop
from worker.cli.help_texts import WORKING, examples
from worker.cli.options import Json, Yes
from worker.cli.output.confirm import insist
from worker.cli.output.terminal import json_array, say, show_json
from worker.cli.person import Signature, Who, Why
from worker.journal.journal import Journal
from worker.journal.operating import dead_letters
from worker.journal.operating.dead_letter_search import (
    Dead,
    Group,
    groups,
    search,
    these,
)
from worker.journal.records import Micros
from worker.journal.selection import Selection
from worker.operators import connections, dead_letters
from worker.operators.dead_letters import Meant, show_groups, show_letter, show_letters, wanted_of
from worker.operators.pauses import say_held
from worker.operators.replay.applying import Manner
from worker.operators.replay.decisions import Wanted
from worker.operators.replay.pace import Pace
from worker.operators.replay.planning import Order, make
from worker.operators.replay.plans import carry_out, per_minute, tell_plan
from worker.operators.replay.selection import Candidate, of_commands
from worker.operators.selection import OfCustomer, OfPartner, OfType, check_partner
from worker.settings import model
from worker.settings.model import Settings


class LetterState(StrEnum):
    """Where a dead letter stands."""

    OPEN = "open"
    REDRIVEN = "redriven"
    ARCHIVED = "archived"


REDRIVABLE = frozenset(code.value for code in FailedCode)
"""The other codes are those of records that never became a command."""

Numbers = Annotated[list[int] | None, typer.Argument(metavar="NUMBER", help="Numbers, as `list` shows them.")]
WithCode = Annotated[str | None, typer.Option("--code", help="Only those with this code.")]
Every = Annotated[bool, typer.Option("--all", help="All of them.")]


def register(app: typer.Typer) -> None:
    """Add the verbs of this group."""
    group = typer.Typer(no_args_is_help=True)
    group.command(
        "list",
        epilog=examples(app, "azplan dead-letters list", "azplan dead-letters list --code retries_exhausted --json"),
    )(list_)
    group.command(
        epilog=examples(app, "azplan dead-letters show 17", "azplan dead-letters show 17 --export record.json")
    )(show)
    group.command(
        epilog=examples(
            app, "azplan dead-letters redrive 17", "azplan dead-letters redrive --code retries_exhausted --canary 3"
        )
    )(redrive)
    group.command(epilog=examples(app, "azplan dead-letters archive --code invalid_json --why 'a test' --yes"))(archive)
    group.command(epilog=examples(app, "azplan dead-letters restore 17"))(restore)
    app.add_typer(
        group, name="dead-letters", help="What came to no good end, and redriving it.", rich_help_panel=WORKING
    )


def list_(
    code: WithCode = None,
    type_: OfType = None,
    customer: OfCustomer = None,
    partner: OfPartner = None,
    state: Annotated[LetterState, typer.Option("--state", help="Those in this state.")] = LetterState.OPEN,
    limit: Annotated[int, typer.Option(min=0, help="The newest so many; 0 for all.")] = 100,
    as_json: Json = False,
) -> None:
    """Count dead letters by code and type of command; with a selection, list them one by one. JSON lists them always.

    Exit code 3 where there are none.
    """
    wanted = wanted_of(code, type_, customer, partner)
    counted, found, now = asyncio.run(_list(model.load(), wanted, state.value, limit))
    if as_json:
        show_json([burying.facts(each) for each in found])
    if not counted:
        raise Stop(Code.NOTHING, f"no {state.value} dead letter matches.", burying.OTHERS)
    if as_json:
        return
    if wanted == Selection():
        show_groups(counted, now)
        say("With --code or --type they are listed one by one.")
    else:
        show_letters(found, now)
        if limit and sum(group.number for group in counted) > limit:
            say(f"The newest {limit}; --limit 0 shows all.")


def show(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Its number, as `list` shows it.")],
    to: Annotated[
        str | None, typer.Option("--export", metavar="FILE", help="Write the original bytes there; - for the output.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show one dead letter: why, from where, and the record as it came."""
    dead, record = asyncio.run(_show(model.load(), number))
    if to is not None:
        burying.export(record, to)
    elif as_json:
        show_json({**burying.facts(dead), **burying.bytes_facts(record)})
    else:
        show_letter(dead, record)


def redrive(  # noqa: PLR0913, PLR0917 - a parameter for each option
    numbers: Numbers = None,
    code: WithCode = None,
    type_: OfType = None,
    customer: OfCustomer = None,
    partner: OfPartner = None,
    every: Every = False,
    canary: Annotated[int, typer.Option(min=0, help="So many go first, and alone; any failure of theirs stops.")] = 0,
    rate: Annotated[float | None, typer.Option(min=0.01, help="Commands a minute at most.")] = None,
    who: Who = "",
    why: Why = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Begin the next story of failed commands, by a plan: shown first, the canary first, a stop when too many fail.

    A redrive looks at what the command holds at Microsoft before it buys. Exit code 1 where some fail again.
    """
    wanted = wanted_of(code, type_, customer, partner)
    manner = Manner(who, Pace(canary, rate))
    work = _redrive(model.load(), numbers or [], wanted, manner, _Words(Signature(who, why), every, yes, as_json))
    asyncio.run(work)


def archive(  # noqa: PLR0913, PLR0917 - a parameter for each option
    numbers: Numbers = None,
    code: WithCode = None,
    type_: OfType = None,
    customer: OfCustomer = None,
    partner: OfPartner = None,
    every: Every = False,
    who: Who = "",
    why: Why = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Put open dead letters aside: nobody needs to look at them any more. `restore` takes them back."""
    wanted = wanted_of(code, type_, customer, partner)
    words = _Words(Signature(who, why), every, yes, as_json)
    asyncio.run(_move(model.load(), "archive", numbers or [], wanted, words))


def restore(  # noqa: PLR0913, PLR0917 - a parameter for each option
    numbers: Numbers = None,
    code: WithCode = None,
    type_: OfType = None,
    customer: OfCustomer = None,
    partner: OfPartner = None,
    every: Every = False,
    who: Who = "",
    why: Why = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Take back dead letters that were put aside."""
    wanted = wanted_of(code, type_, customer, partner)
    words = _Words(Signature(who, why), every, yes, as_json)
    asyncio.run(_move(model.load(), "restore", numbers or [], wanted, words))


class _Words:
    """What was said beside the selection."""

    def __init__(self, signature: Signature, every: bool, yes: bool, as_json: bool) -> None:
        self.signature = signature
        self.every = every
        self.yes = yes
        self.as_json = as_json


async def _list(loaded: Settings, wanted: Selection, state: str, limit: int) -> tuple[list[Group], list[Dead], Micros]:
    async with connections.journal(loaded) as journal:
        await check_partner(journal, loaded, wanted.partner)
        await say_held(journal)
        counted = await journal.read(lambda tx: groups(tx, wanted, state))
        return counted, await journal.read(lambda tx: search(tx, wanted, state, limit)), journal.now()


async def _show(loaded: Settings, number: int) -> tuple[Dead, Record | None]:
    async with connections.journal(loaded) as journal:
        dead = await burying.the_letter(journal, number)
        return dead, await journal.read(lambda tx: dead_letters.original(tx, number))


async def _redrive(loaded: Settings, numbers: Sequence[int], wanted: Selection, manner: Manner, words: _Words) -> None:
    async with connections.journal(loaded) as journal:
        await check_partner(journal, loaded, wanted.partner)
        which = await burying.meant(journal, numbers, wanted, "open", every=words.every)
        stuck = sum(number for code, number in which.codes.items() if code not in REDRIVABLE)
        if stuck:
            say(f"{stuck} never became commands and cannot be redriven: send them anew, corrected, with new ids.")
        if stuck == which.letters:
            raise Stop(Code.REFUSED, "none of them can be redriven.", "`azplan dead-letters archive` puts them aside.")
        order = Order(words.signature.who, words.signature.why, _asked(which), Wanted(insisted=True))
        plan = await make(journal, _candidates(journal, which), order, per_minute(loaded))
        await tell_plan(journal, plan)
        await carry_out(loaded, journal, plan, manner, yes=words.yes, as_json=words.as_json)


async def _move(loaded: Settings, verb: str, numbers: Sequence[int], wanted: Selection, words: _Words) -> None:
    change = dead_letters.archive if verb == "archive" else dead_letters.restore
    state = "open" if verb == "archive" else "archived"
    async with connections.journal(loaded) as journal:
        await check_partner(journal, loaded, wanted.partner)
        which = await burying.meant(journal, numbers, wanted, state, every=words.every)
        letters_meant = counted(which.letters, "dead letter")
        say(f"{letters_meant}: {', '.join(sorted(which.codes))}.")
        insist(f"{verb.capitalize()} {letters_meant}?", yes=words.yes)
        moved, signature = 0, words.signature
        with json_array() if words.as_json else nullcontext() as add:
            async for page in burying.pages(journal, which):
                some = [each.letter.seq for each in page]
                moved += await journal.write(lambda tx, some=some: change(tx, signature.who, signature.why, some))  # type: ignore[misc]
                if add:
                    for each in await journal.read(lambda tx, some=some: these(tx, some)):  # type: ignore[misc]
                        add(burying.facts(each))
    say(f"{moved} {verb}d.")


async def _candidates(journal: Journal, which: Meant) -> AsyncIterator[Candidate]:
    async for uids in burying.uids(journal, which, sorted(REDRIVABLE)):
        for candidate in await of_commands(journal, uids):
            yield candidate


def _asked(which: Meant) -> dict[str, Any]:
    """The selection, as the plan keeps it."""
    if which.numbers:
        return {"deadLetters": list(which.numbers)}
    given = {name: word for name, word in asdict(which.wanted).items() if word not in (None, False)}
    return {"deadLetters": {"state": which.state, **given, "last": which.last}}
