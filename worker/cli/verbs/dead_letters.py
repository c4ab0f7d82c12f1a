"""`azplan dead-letters`: commands that failed and records that could not be read, and what a person does about them."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from events.wire.record import Record
from events.wire.text import counted
from worker.cli import interruptible
from worker.cli.exit_codes import Code, Stop
from worker.cli.help_layout import WORKING, examples
from worker.cli.options import Canary, Json, Limit, OfCustomer, OfPartner, OfType, Rate, Who, Why, WithCode, Yes
from worker.cli.output.confirm import insist
from worker.cli.output.console import at_terminal, say, write_bytes
from worker.cli.output.dead_letters import bytes_facts, facts, show_groups, show_letter, show_letters
from worker.cli.output.json import json_array, show_json
from worker.cli.output.pauses import say_pauses
from worker.cli.replay_run import carry_out
from worker.journal.reading.dead_letter_search import FoundDeadLetter
from worker.journal.selection import Selection
from worker.operators import connections
from worker.operators.dead_letters import (
    OTHERS,
    DeadLetterList,
    LetterState,
    choose_dead_letters,
    dead_letters_numbered,
    list_dead_letters,
    move_dead_letters,
    plan_redrive,
    read_dead_letter,
)
from worker.operators.replay.applying import Manner
from worker.operators.replay.canary_pace import Pace
from worker.operators.selection import select_dead_letters
from worker.operators.who_and_why import Signature
from worker.settings import model
from worker.settings.model import Settings

Numbers = Annotated[list[int] | None, typer.Argument(metavar="NUMBER", help="Numbers, as `list` shows them.")]
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
    group.command(
        "archive",
        help="Put open dead letters aside: nobody needs to look at them any more. `restore` takes them back.",
        epilog=examples(app, "azplan dead-letters archive --code invalid_json --why 'a test' --yes"),
    )(mover("archive"))
    group.command(
        "restore",
        help="Take back dead letters that were put aside.",
        epilog=examples(app, "azplan dead-letters restore 17"),
    )(mover("restore"))
    app.add_typer(
        group, name="dead-letters", help="Find, show, archive and redrive dead letters.", rich_help_panel=WORKING
    )


def list_(
    code: WithCode = None,
    type_: OfType = None,
    customer: OfCustomer = None,
    partner: OfPartner = None,
    state: Annotated[LetterState, typer.Option("--state", help="Those in this state.")] = LetterState.OPEN,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """Count dead letters by code and type of command; with a selection, list them one by one. JSON lists them always.

    Exit code 3 if there are none.
    """
    selection = select_dead_letters(partner=partner, customer=customer, type=type_, code=code)
    found = interruptible.run(_list(model.load(), selection, state, limit))
    say_pauses(found.pauses, found.now)
    if as_json:
        show_json([facts(each) for each in found.letters])
    if not found.groups:
        raise Stop(Code.NOTHING, f"no {state.value} dead letter matches.", OTHERS)
    if as_json:
        return
    if selection == Selection():
        show_groups(found.groups, found.now)
        say("With --code or --type they are listed one by one.")
    else:
        show_letters(found.letters, found.now)
        if limit and sum(group.number for group in found.groups) > limit:
            say(f"The newest {limit}; --limit 0 shows all.")


def show(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Its number, as `list` shows it.")],
    to: Annotated[
        str | None, typer.Option("--export", metavar="FILE", help="Write the original bytes there; - for the output.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show one dead letter: why, from where, and the record as it came."""
    dead, record = interruptible.run(_show(model.load(), number))
    if to is not None:
        _export(record, to)
    elif as_json:
        show_json({**facts(dead), **bytes_facts(record)})
    else:
        show_letter(dead, record)


def redrive(  # noqa: PLR0913, PLR0917 - a parameter for each option
    numbers: Numbers = None,
    code: WithCode = None,
    type_: OfType = None,
    customer: OfCustomer = None,
    partner: OfPartner = None,
    every: Every = False,
    canary: Canary = 0,
    rate: Rate = None,
    who: Who = "",
    why: Why = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Begin the next story of failed commands, by a plan: shown first, the canary first, a stop when too many fail.

    A redrive looks at what the command holds at Microsoft before it buys. Exit code 1 if some fail again.
    """
    selection = select_dead_letters(partner=partner, customer=customer, type=type_, code=code)
    words = _Words(numbers or [], selection, every, Signature(who, why), yes, as_json)
    interruptible.run(_redrive(model.load(), words, Manner(who, Pace(canary, rate))))


def mover(verb: Literal["archive", "restore"]) -> Callable[..., None]:
    """The verb that archives dead letters or restores them: both have the same options."""

    def move(  # noqa: PLR0913, PLR0917 - a parameter for each option
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
        selection = select_dead_letters(partner=partner, customer=customer, type=type_, code=code)
        words = _Words(numbers or [], selection, every, Signature(who, why), yes, as_json)
        interruptible.run(_move(model.load(), verb, words))

    return move


@dataclass(frozen=True, slots=True)
class _Words:
    """What the person said: which dead letters, who and why, and how to ask and answer."""

    numbers: Sequence[int]
    selection: Selection
    every: bool
    signature: Signature
    yes: bool
    as_json: bool


async def _list(loaded: Settings, selection: Selection, state: LetterState, limit: int) -> DeadLetterList:
    async with connections.journal(loaded) as journal:
        return await list_dead_letters(journal, loaded, selection, state=state, limit=limit)


async def _show(loaded: Settings, number: int) -> tuple[FoundDeadLetter, Record | None]:
    async with connections.journal(loaded) as journal:
        return await read_dead_letter(journal, number)


async def _redrive(loaded: Settings, words: _Words, manner: Manner) -> None:
    async with connections.journal(loaded) as journal:
        choice = await choose_dead_letters(journal, loaded, words.selection, numbers=words.numbers, every=words.every)
        if stuck := choice.never_commands:
            say(f"{stuck} never became commands and cannot be redriven: send them again, corrected, with new ids.")
        plan = await plan_redrive(journal, loaded, words.signature, choice)
        await carry_out(loaded, journal, plan, manner, yes=words.yes, as_json=words.as_json)


async def _move(loaded: Settings, verb: Literal["archive", "restore"], words: _Words) -> None:
    async with connections.journal(loaded) as journal:
        state = LetterState.OPEN if verb == "archive" else LetterState.ARCHIVED
        choice = await choose_dead_letters(
            journal, loaded, words.selection, numbers=words.numbers, state=state, every=words.every
        )
        letters = counted(choice.letters, "dead letter")
        say(f"{letters}: {', '.join(sorted(choice.codes))}.")
        insist(f"{verb.capitalize()} {letters}?", yes=words.yes)
        moved = 0
        with json_array() if words.as_json else nullcontext() as add:
            async for number, page in move_dead_letters(journal, words.signature, choice, verb):
                moved += number
                if add:
                    for each in await dead_letters_numbered(journal, page):
                        add(facts(each))
    say(f"{moved} {verb}d.")


def _export(record: Record | None, to: str) -> None:
    """Write the original value, byte for byte, to a file or, for `-`, to standard output."""
    if record is None:
        raise Stop(Code.NOTHING, "its bytes are forgotten.", "The dead-letters topic may still have them.")
    if to == "-":
        if at_terminal():
            raise Stop(Code.USAGE, "a terminal may obey bytes that came from outside.", "Name a file, or use a pipe.")
        write_bytes(record.value or b"")
        return
    try:
        Path(to).write_bytes(record.value or b"")
    except OSError as error:
        raise Stop(Code.FAILED, f"could not write {to}: {error.strerror}.") from error
