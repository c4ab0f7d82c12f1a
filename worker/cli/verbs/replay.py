"""`azplan replay`: what would happen if commands came again, and having it happen."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Annotated, Any

import typer

from worker.cli.exit_codes import Code, Stop
from worker.cli.help_texts import WORKING, examples
from worker.cli.options import Json, Yes
from worker.cli.output.terminal import say, show_json
from worker.cli.output.terminal import show as show_line
from worker.cli.person import Who, Why
from worker.journal.journal import Journal
from worker.journal.operating.replay_plans import Plan, newest
from worker.journal.processing.tenants import directory
from worker.journal.records import Micros
from worker.journal.selection import Selection
from worker.operators import connections
from worker.operators.pauses import say_held
from worker.operators.replay.applying import Manner
from worker.operators.replay.decisions import Wanted
from worker.operators.replay.pace import Pace
from worker.operators.replay.planning import Order, make
from worker.operators.replay.plans import (
    carry_out,
    desk,
    kept,
    made_by,
    per_minute,
    show_plan,
    show_plans,
    standing_of,
    tell_plan,
    the_plan,
)
from worker.operators.replay.selection import (
    Candidate,
    NotThere,
    of_journal,
    of_records,
    ranges,
    shortened,
)
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
    offsets,
    span,
)
from worker.settings import model
from worker.settings.build import tenants_of
from worker.settings.model import Settings

SECOND = 1_000_000
ReEmit = Annotated[
    bool, typer.Option("--re-emit", help="Publish the recorded events of what is done again: same ids, same bytes.")
]


def register(app: typer.Typer) -> None:
    """Add the verbs of this group."""
    group = typer.Typer(no_args_is_help=True)
    group.command(
        epilog=examples(
            app,
            "azplan replay plan --from 2026-03-02T00:00:00Z --to 2026-03-03T00:00:00Z",
            "azplan replay plan --offsets 3:1000-1999 --json",
            "azplan replay plan --journal --code retries_exhausted",
        )
    )(plan)
    group.command(
        epilog=examples(
            app,
            "azplan replay apply 5f3c --canary 5 --rate 60",
            "azplan replay apply latest --re-emit --yes",
        )
    )(apply)
    group.command("list", epilog=examples(app, "azplan replay list", "azplan replay list --json"))(list_)
    group.command(epilog=examples(app, "azplan replay show latest", "azplan replay show 5f3c --json"))(show)
    app.add_typer(group, name="replay", help="Have commands come again, harmlessly.", rich_help_panel=WORKING)


@dataclass(frozen=True, slots=True)
class Replayed:
    """Which commands, from where. `ranges` are offsets of partitions, `during` is a span of time."""

    which: Selection
    during: Span
    ranges: tuple[tuple[int, range], ...]
    from_journal: bool

    def asked(self) -> dict[str, Any]:
        """The selection, for the record."""
        which = self.which
        return {
            "journal": self.from_journal,
            "from": self.during.begin,
            "to": self.during.end,
            "offsets": [[number, each.start, each.stop - 1] for number, each in self.ranges],
            "customer": which.customer,
            "type": which.type,
            "code": which.code,
            "partner": which.partner,
        }


def plan(  # noqa: PLR0913, PLR0917 - a parameter for each option
    begin: From = None,
    end: To = None,
    offsets_: Annotated[
        list[str] | None,
        typer.Option("--offsets", metavar="P:FIRST-LAST", help="Offsets of a partition; may be said several times."),
    ] = None,
    from_journal: Annotated[
        bool, typer.Option("--journal", help="Select from the journal instead of the commands topic.")
    ] = False,
    customer: OfCustomer = None,
    type_: OfType = None,
    code: WithCode = None,
    partner: OfPartner = None,
    re_emit: ReEmit = False,
    who: Who = "",
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Look what would happen if these commands came again, and keep it as a plan. Changes nothing.

    The topic is read outside the worker's group. Exit code 3 where nothing matches.
    """
    during, given = span(begin, end), tuple(offsets(text) for text in offsets_ or ())
    if not from_journal and not given and during == Span(None, None):
        raise Stop(
            Code.USAGE,
            "say which commands: --from and --to, --offsets, or --journal.",
            "See `azplan replay plan --help`.",
        )
    if given and (from_journal or during != Span(None, None)):
        raise Stop(Code.USAGE, "--offsets says all: leave --from, --to and --journal out.")
    if len({number for number, _ in given}) < len(given):
        raise Stop(Code.USAGE, "a partition is named twice.", "Make a plan for each of the two ranges.")
    selection = Replayed(chosen(type_, customer, partner, code=code), during, given, from_journal)
    order = Order(who, why, selection.asked(), Wanted(re_emit=re_emit))
    asyncio.run(_plan(model.load(), selection, order, as_json=as_json))


def apply(
    name: Annotated[str, typer.Argument(metavar="PLAN", help="Its id, the beginning of it, or `latest`: the newest.")],
    canary: Annotated[int, typer.Option(min=0, help="So many go first, and alone; any failure of theirs stops.")] = 0,
    rate: Annotated[float | None, typer.Option(min=0.01, help="Commands a minute at most.")] = None,
    re_emit: ReEmit = False,
    who: Who = "",
    why: Why = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Carry a plan out beside a running worker: the canary first, then ever more, and a stop when too many fail.

    May be ended and begun again; no command is run twice by it, nor by two plans that overlap.
    """
    manner = Manner(who, Pace(canary, rate), re_emit)
    asyncio.run(_apply(model.load(), name, manner, why, yes=yes, as_json=as_json))


def list_(
    limit: Annotated[int, typer.Option(min=0, help="The newest so many; 0 for all.")] = 100,
    as_json: Json = False,
) -> None:
    """List the plans that were made, the newest first, those of `dead-letters redrive` included.

    A plan is forgotten with the details of commands.
    """
    found, now = asyncio.run(_plans(model.load(), limit))
    if as_json:
        show_json([kept(each) for each in found])
    elif found:
        show_plans(found, now)
    else:
        say("There are no plans. `azplan replay plan` makes one.")
    if limit and len(found) == limit:
        say(f"The newest {limit}; --limit 0 shows all.")


def show(
    name: Annotated[str, typer.Argument(metavar="PLAN", help="Its id, the beginning of it, or `latest`: the newest.")],
    as_json: Json = False,
) -> None:
    """Show a plan: who made it, what would happen to how many commands, and how far it has been applied."""
    asyncio.run(_show(model.load(), name, as_json=as_json))


async def _plans(loaded: Settings, limit: int) -> tuple[list[Plan], Micros]:
    async with connections.journal(loaded) as journal:
        await say_held(journal)
        return await journal.read(lambda tx: newest(tx, limit)), journal.now()


async def _show(loaded: Settings, name: str, *, as_json: bool) -> None:
    async with connections.journal(loaded) as journal:
        await say_held(journal)
        found = await the_plan(journal, name)
        stands = await standing_of(journal, found)
        if as_json:
            show_json({**kept(found), "standing": dict(stands)})
            return
        show_line(made_by(found, journal.now()))
        await show_plan(journal, found, as_json=False)
        if stands:
            show_line("Of what is to be done: " + ", ".join(f"{number} {state}" for state, number in stands.items()))


async def _plan(loaded: Settings, selection: Replayed, order: Order, *, as_json: bool) -> None:
    async with connections.journal(loaded) as journal:
        await check_partner(journal, loaded, selection.which.partner)
        await say_held(journal)
        async with _found(loaded, journal, selection) as found:
            made = await make(journal, found, order, per_minute(loaded))
        if made.commands == 0:
            hint = "--from and --to go by the times of the records; with --journal by when they were received."
            raise Stop(Code.NOTHING, "no command matches.", hint)
        await show_plan(journal, made, as_json=as_json)
    say(f"Apply it with `azplan replay apply {made.id}`.")


@asynccontextmanager
async def _found(loaded: Settings, journal: Journal, selection: Replayed) -> AsyncIterator[AsyncIterator[Candidate]]:
    """The commands that are meant, as they are read."""
    during = selection.during
    if selection.from_journal:
        begin = int(during.begin.timestamp() * SECOND) if during.begin else 0
        end = int(during.end.timestamp() * SECOND) if during.end else None
        yield of_journal(journal, selection.which, begin=begin, end=end)
        return
    async with connections.admin(loaded) as admin:
        topic = loaded.kafka.commands_topic
        try:
            wanted = await ranges(admin, topic, begin=during.begin, end=during.end, offsets=selection.ranges)
        except NotThere as error:
            raise Stop(Code.NOTHING, f"{error}.") from error
        if during.begin is not None and (gone := await shortened(admin, topic, during.begin)):
            numbers = ", ".join(map(str, gone))
            say(f"{topic} has deleted its oldest records (partitions {numbers}): what is older is not in this plan.")
            say("What the journal remembers of it is found with --journal.")
        tenants = await journal.read(lambda tx: directory(tx, tenants_of(loaded)))
        yield of_records(journal, admin.read(wanted), desk(loaded, tenants), selection.which)


async def _apply(loaded: Settings, name: str, manner: Manner, why: str, *, yes: bool, as_json: bool) -> None:
    async with connections.journal(loaded) as journal:
        found = await the_plan(journal, name)
        found = replace(found, why=why or found.why)
        await tell_plan(journal, found)
        await carry_out(loaded, journal, found, manner, yes=yes, as_json=as_json)
