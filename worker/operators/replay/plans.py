"""Plans of replays at the command line: shown, asked about, applied with a progress bar."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

from events.wire.text import counted
from worker.broker.in_flight_limit import largest_record
from worker.cli.durations import rough, spoken
from worker.cli.exit_codes import Code, Stop
from worker.cli.output.confirm import insist
from worker.cli.output.terminal import (
    ago,
    bar,
    instant,
    say,
    show_json,
    show_table,
)
from worker.clock import Clock
from worker.journal.operating.replay_items import (
    Item,
    Plan,
)
from worker.journal.operator_journal import OperatorJournal
from worker.journal.processing.tenants import Directory
from worker.journal.records import SECOND, Intake, Micros, NewDeadLetter
from worker.operators.replay.applying import Applier, Ended, Manner
from worker.operators.replay.decisions import Outcome
from worker.operators.replay.pace import Standing
from worker.operators.requests import say_who_will
from worker.runtime import intake
from worker.runtime.conclusion import Sender
from worker.settings.build import tenants_of
from worker.settings.model import Settings
from worker.version import version

Tell = Callable[[Standing], None]
LATEST: Final = "latest"
"""How a person names the newest plan."""

ACTED: Final = (Outcome.START.value, Outcome.RESUME.value, Outcome.RE_EMIT.value)
"""Outcomes for which something happens."""

MEANINGS: Final[Mapping[str, str]] = {
    Outcome.START: "it enters as if it had just arrived",
    Outcome.RESUME: "it begins its next story where it stood",
    Outcome.CONFLICT: "nothing happens",
}
"""What an outcome means, where the reason does not say so."""


def desk(loaded: Settings, tenants: Directory) -> intake.Desk:
    """What deciding about a record needs, as the worker with these settings decides."""
    largest = largest_record(loaded.kafka.max_request_bytes, loaded.kafka.events_topic)
    return intake.Desk(
        resolve=tenants.resolve,
        sender=Sender(loaded.kafka.group_id, version(), largest),
        retention=loaded.journal.retention.total_seconds(),
    )


def per_minute(loaded: Settings) -> dict[str, int]:
    """The ceilings of the accounts."""
    return {name: partner.requests_per_minute for name, partner in loaded.partners.items()}


def facts(plan: Plan) -> dict[str, Any]:
    """A plan for programs."""
    return {
        "planId": plan.id,
        "commands": plan.commands,
        "outcomes": {outcome.value: plan.outcomes.get(outcome.value, 0) for outcome in Outcome},
        "expectedCalls": plan.calls,
        "expectedSeconds": plan.seconds,
    }


async def show_plan(journal: OperatorJournal, plan: Plan, *, as_json: bool) -> None:
    """Print a plan as data."""
    if as_json:
        show_json(facts(plan))
        return
    show_table(("outcome", "commands", "because"), await _rows(journal, plan))
    say(_cost(plan))


def show_plans(found: Sequence[Plan], now: Micros) -> None:
    """Print plans, a line each. `to do` are the commands for which something would happen."""
    rows = [(ago(plan.at, now), plan.id, str(plan.commands), str(_to_do(plan)), plan.who, plan.why) for plan in found]
    show_table(("made", "plan", "commands", "to do", "who", "why"), rows)


def kept(plan: Plan) -> dict[str, Any]:
    """A plan in a list, for programs: who made it and when, too."""
    return {**facts(plan), "at": instant(plan.at), "who": plan.who, "why": plan.why, "asked": plan.asked}


async def standing_of(journal: OperatorJournal, plan: Plan) -> Mapping[str, int]:
    """How far the commands are for which something would happen: planned, sent, done, failed or left."""
    return await journal.replay_plans.states(plan.id, ACTED)


def made_by(plan: Plan, now: Micros) -> str:
    """Who made a plan, and when."""
    why = f": {plan.why}" if plan.why else ""
    return f"Made {rough((now - plan.at) / SECOND)} ago by {plan.who}{why}"


async def tell_plan(journal: OperatorJournal, plan: Plan) -> None:
    """Print a plan as talk, before somebody is asked about it."""
    say(made_by(plan, journal.now()))
    for outcome, number, why in await _rows(journal, plan):
        say(f"{number:>8}  {outcome:<12}  {why}")
    say(_cost(plan))


async def carry_out(
    loaded: Settings, journal: OperatorJournal, plan: Plan, manner: Manner, *, yes: bool, as_json: bool
) -> None:
    """Ask, then apply, and tell how it ended. Raises Stop where it did not go well."""
    number = sum(plan.outcomes.get(outcome, 0) for outcome in manner.outcomes)
    if number == 0:
        _show_end(plan, Ended(Standing(), 0), as_json=as_json)
        say("Nothing is to be done.")
        return
    if not await say_who_will(journal):
        raise Stop(
            Code.UNAVAILABLE,
            "nothing was begun: a replay is watched while it runs, and nobody lives to carry it out.",
            f"Start a worker with `azplan run`, then `azplan replay apply {plan.id}`.",
        )
    canary = f", {manner.pace.canary} of them first" if manner.pace.canary else ""
    insist(f"Apply this to {counted(number, 'command')}{canary}?", yes=yes)
    with _bar(number) as tell:
        tenants = await journal.tenants.remember(tenants_of(loaded))
        wanted = desk(loaded, tenants)
        applier = Applier(journal, Clock(), enter=lambda items: _enter(journal, wanted, items), tell=tell)
        try:
            ended = await applier.apply(plan, manner)
        except asyncio.CancelledError:
            say(f"What was begun goes on. `azplan replay apply {plan.id}` continues with the rest.")
            raise
    _show_end(plan, ended, as_json=as_json)
    _judge(plan, ended)


async def _enter(journal: OperatorJournal, wanted: intake.Desk, items: Sequence[Item]) -> None:
    """Take records in by the way that every record takes."""

    def refused(item: Intake, error: Exception) -> NewDeadLetter:
        return intake.refused_by_database(item, error, wanted)

    taken = [intake.intake(item.record, journal.now(), wanted) for item in items if item.record is not None]
    await journal.accept(taken, refused)


@contextmanager
def _bar(number: int) -> Iterator[Tell]:
    """A progress bar on a terminal, a line now and then elsewhere."""
    with bar(number, "replay") as advance:
        yield _lines() if advance is None else lambda now: advance(now.ended, _rest(now))


def _lines() -> Tell:
    told: list[Standing] = []

    def tell(now: Standing) -> None:
        if not told or told[-1] != now:
            told.append(now)
            say(f"{now.done} done, {now.failed} failed, {now.under_way} under way, {now.planned} to come{_rest(now)}")

    return tell


def _rest(now: Standing) -> str:
    return f", {now.patient} wait for Microsoft" if now.patient else ""


def _show_end(plan: Plan, ended: Ended, *, as_json: bool) -> None:
    now = ended.standing
    if as_json:
        show_json(
            {
                "planId": plan.id,
                "done": now.done,
                "failed": now.failed,
                "waiting": now.patient,
                "underWay": now.under_way,
                "planned": now.planned,
                "left": ended.left,
                "stopped": ended.stopped,
            }
        )
        return
    rows = (
        ("done", now.done),
        ("failed again", now.failed),
        ("waiting for Microsoft", now.patient),
        ("under way", now.under_way),
        ("not begun", now.planned),
        ("left alone", ended.left),
    )
    show_table(("result", "commands"), [(name, str(number)) for name, number in rows if number])


def _judge(plan: Plan, ended: Ended) -> None:
    again = f"`azplan replay apply {plan.id}` goes on with the rest."
    if ended.stopped:
        hint = f"Find out why: `azplan commands list --state failed`. {again}"
        raise Stop(Code.FAILED, f"stopped: {ended.standing.failed} of {ended.standing.ended} failed again.", hint)
    if ended.stalled:
        raise Stop(Code.NO_ANSWER, "nothing has moved for ten minutes.", again)
    if ended.standing.failed:
        raise Stop(Code.FAILED, f"{ended.standing.failed} failed again.", "`azplan dead-letters list` shows them.")


async def _rows(journal: OperatorJournal, plan: Plan) -> list[tuple[str, str, str]]:
    """What would happen to how many commands, and why."""
    found = await journal.replay_plans.reasons(plan.id)
    return [
        (outcome.value, str(each.number), f"{each.detail}; {MEANINGS[outcome]}" if outcome in MEANINGS else each.detail)
        for outcome in Outcome
        for each in found
        if each.outcome == outcome
    ]


def _to_do(plan: Plan) -> int:
    return sum(plan.outcomes.get(outcome, 0) for outcome in ACTED)


def _cost(plan: Plan) -> str:
    commands = f"Plan {plan.id}: {counted(plan.commands, 'command')}"
    if not plan.calls:
        return f"{commands}, no calls of Partner Center."
    time = spoken(timedelta(seconds=plan.seconds)) if plan.seconds else "less than a second"
    return f"{commands}, about {counted(plan.calls, 'call')} of Partner Center, {time} at the ceiling."


async def the_plan(journal: OperatorJournal, name: str) -> Plan:
    """The one plan that was meant: by its id, by the beginning of it, or the newest. Raises Stop."""
    if name == LATEST:
        found = await journal.replay_plans.newest(1)
    else:
        found = await journal.replay_plans.find(name)
    if len(found) == 1:
        return found[0]
    if found:
        raise Stop(Code.USAGE, f"{len(found)} plans begin with {name!r}.", "Write more of its id.")
    raise Stop(
        Code.NOTHING,
        f"there is no plan {name!r}.",
        "`azplan replay list` shows those that are there; `azplan replay plan` makes one.",
    )
