"""`azplan replay`: plans what would happen if commands came again, and carries the plans out."""

from dataclasses import replace
from typing import Annotated

import typer

from worker.cli import interruptible
from worker.cli.help_layout import WORKING, examples
from worker.cli.options import (
    Canary,
    From,
    Json,
    Limit,
    OfCustomer,
    OfPartner,
    OfType,
    Rate,
    To,
    Who,
    Why,
    WithCode,
    Yes,
)
from worker.cli.output.console import say
from worker.cli.output.console import show as show_line
from worker.cli.output.json import show_json
from worker.cli.output.pauses import say_pauses
from worker.cli.output.replay_plans import facts, kept_facts, made_by, show_plan, show_plans
from worker.cli.replay_run import carry_out
from worker.operators import connections
from worker.operators.pauses import held_pauses
from worker.operators.replay.applying import Manner
from worker.operators.replay.canary_pace import Pace
from worker.operators.replay.plans import (
    KeptPlan,
    KeptPlans,
    MadePlan,
    ReplaySource,
    find_plan,
    list_plans,
    plan_replay,
    read_plan,
)
from worker.operators.selection import offsets, select
from worker.operators.who_and_why import Signature
from worker.settings import model
from worker.settings.model import Settings

PlanName = Annotated[str, typer.Argument(metavar="PLAN", help="Its id, the beginning of it, or `latest`: the newest.")]
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
    app.add_typer(group, name="replay", help="Process commands again, harmlessly, by a plan.", rich_help_panel=WORKING)


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
    """Show what would happen if these commands came again, and keep that as a plan. Changes nothing.

    The topic is read outside the worker's group. Exit code 3 if nothing matches.
    """
    selection = select(partner=partner, customer=customer, type=type_, code=code, begin=begin, end=end)
    source = ReplaySource(selection, tuple(offsets(text) for text in offsets_ or ()), from_journal)
    source.check()
    loaded = model.load()
    made = interruptible.run(_plan(loaded, source, Signature(who, why), re_emit=re_emit))
    if made.deleted:
        topic, numbers = loaded.kafka.commands_topic, ", ".join(map(str, made.deleted))
        say(f"{topic} has deleted its oldest records (partitions {numbers}): what is older is not in this plan.")
        say("What the journal remembers of it is found with --journal.")
    if as_json:
        show_json(facts(made.plan))
    else:
        show_plan(made.plan, made.reasons)
    say(f"Apply it with `azplan replay apply {made.plan.id}`.")


def apply(
    name: PlanName,
    canary: Canary = 0,
    rate: Rate = None,
    re_emit: ReEmit = False,
    who: Who = "",
    why: Why = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Carry a plan out beside a running worker: the canary first, then ever more, and a stop when too many fail.

    May be interrupted and run again. No command runs twice, even if two plans overlap.
    """
    manner = Manner(who, Pace(canary, rate), re_emit)
    interruptible.run(_apply(model.load(), name, manner, why, yes=yes, as_json=as_json))


def list_(limit: Limit = 100, as_json: Json = False) -> None:
    """List the plans, the newest first, with the plans of `dead-letters redrive`.

    A plan is forgotten with the details of commands.
    """
    found = interruptible.run(_plans(model.load(), limit))
    say_pauses(found.pauses, found.now)
    if as_json:
        show_json([kept_facts(each) for each in found.plans])
    elif found.plans:
        show_plans(found.plans, found.now)
    else:
        say("There are no plans. `azplan replay plan` makes one.")
    if limit and len(found.plans) == limit:
        say(f"The newest {limit}; --limit 0 shows all.")


def show(name: PlanName, as_json: Json = False) -> None:
    """Show a plan: who made it, what would happen to how many commands, and how far it has been applied."""
    found = interruptible.run(_show(model.load(), name))
    say_pauses(found.pauses, found.now)
    if as_json:
        show_json({**kept_facts(found.plan), "standing": dict(found.standing)})
        return
    show_line(made_by(found.plan, found.now))
    show_plan(found.plan, found.reasons)
    if found.standing:
        states = ", ".join(f"{number} {state}" for state, number in found.standing.items())
        show_line(f"Of what is to be done: {states}")


async def _plan(loaded: Settings, source: ReplaySource, signature: Signature, *, re_emit: bool) -> MadePlan:
    async with connections.journal(loaded) as journal:
        say_pauses(await held_pauses(journal), journal.now())
        return await plan_replay(journal, loaded, signature, source, re_emit=re_emit, open_admin=connections.admin)


async def _apply(loaded: Settings, name: str, manner: Manner, why: str, *, yes: bool, as_json: bool) -> None:
    async with connections.journal(loaded) as journal:
        found = await find_plan(journal, name)
        found = replace(found, why=why or found.why)
        await carry_out(loaded, journal, found, manner, yes=yes, as_json=as_json)


async def _plans(loaded: Settings, limit: int) -> KeptPlans:
    async with connections.journal(loaded) as journal:
        return await list_plans(journal, limit)


async def _show(loaded: Settings, name: str) -> KeptPlan:
    async with connections.journal(loaded) as journal:
        return await read_plan(journal, name)
