"""`azplan journal`: how much the journal holds, forgetting what is old, and rebuilding it from the topics."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from events.wire.text import counted
from worker.cli import interruptible
from worker.cli.help_layout import LOOKING, examples
from worker.cli.options import Json, Who, Why, Yes
from worker.cli.output.confirm import insist
from worker.cli.output.console import say, show
from worker.cli.output.event import passed_over
from worker.cli.output.instants import date_time, instant
from worker.cli.output.json import show_json
from worker.cli.output.pauses import facts as pause_facts
from worker.cli.output.pauses import say_pauses
from worker.cli.output.tables import show_table
from worker.journal.operating.retention import Pruned
from worker.journal.reading.counts import Stats
from worker.journal.records import Pause
from worker.operators import connections
from worker.operators import journal_maintenance as maintenance
from worker.operators.journal_maintenance import JournalStatistics
from worker.operators.pauses import spoken as spoken_pause
from worker.operators.rebuild import Rebuilt
from worker.operators.who_and_why import Signature
from worker.operators.wording.durations import spoken
from worker.operators.wording.message_types import short
from worker.settings import model
from worker.settings.model import Settings

Renamed = Annotated[
    list[str] | None,
    typer.Option("--renamed", metavar="OLD=NEW", help="An account had another name before; may be said several times."),
]


def register(app: typer.Typer) -> None:
    """Add the verbs of this group."""
    group = typer.Typer(no_args_is_help=True)
    group.command(epilog=examples(app, "azplan journal stats", "azplan journal stats --json"))(stats)
    group.command(epilog=examples(app, "azplan journal prune", "azplan journal prune --yes --json"))(prune)
    group.command(epilog=examples(app, "azplan journal rebuild --why 'the disk was lost'"))(rebuild)
    app.add_typer(group, name="journal", help="Count, prune and rebuild the journal.", rich_help_panel=LOOKING)


def stats(as_json: Json = False) -> None:
    """Count everything: commands, what waits, dead letters, workers, pauses, requests, space. Looks at all of it."""
    counts = interruptible.run(_stats(model.load()))
    found, held = counts.counts, counts.pauses
    say_pauses(held, counts.now)
    if as_json:
        show_json(_facts(found, held))
        return
    rows = [
        (state, short(kind), str(number)) for state, kinds in found.commands.items() for kind, number in kinds.items()
    ]
    show_table(("state", "type", "commands"), rows)
    show()
    for line in _lines(found, held):
        show(line)


def prune(who: Who = "", why: Why = "", yes: Yes = False, as_json: Json = False) -> None:
    """Forget details of what was over long ago, and whole commands at the end of the journal's retention.

    Workers do this by themselves, in small portions; this verb does it at once, and needs no worker.
    Everything that is open, unsent or in doubt is kept however old, and every open dead letter with its command.
    """
    done = interruptible.run(_prune(model.load(), Signature(who, why), yes=yes))
    if as_json:
        show_json(asdict(done))
    else:
        show(_told(done, "forgotten"))


def rebuild(renamed: Renamed = None, who: Who = "", why: Why = "", yes: Yes = False, as_json: Json = False) -> None:
    """Bring an empty journal, or an older one from a backup, up to the commands and events topics.

    A command with an answer is concluded. A command without one is open again: it waits until all that was sent is
    visible at Microsoft, looks, and only then acts. Refused while a worker lives. If it is interrupted, run it again.
    If an account was renamed, and only the lost journal knew, say so with --renamed.
    """
    loaded = model.load()
    former = [maintenance.former_name(text, loaded) for text in renamed or ()]
    kafka = loaded.kafka
    say(f"The journal is brought up to {kafka.commands_topic} and {kafka.events_topic} at {kafka.bootstrap_servers}.")
    settled = spoken(maintenance.settling_time(loaded))
    say(f"Commands without an answer wait {settled} before anything is done for their customers.")
    insist("Build it?", yes=yes)
    done = interruptible.run(_rebuild(loaded, former, Signature(who, why)))
    if as_json:
        passed = [{"partition": each.partition, "offset": each.offset, "why": each.why} for each in done.passed.first]
        show_json({**asdict(done), "passed": {"records": done.passed.number, "first": passed}})
    else:
        show(f"{done.events} events copied; {done.commands} commands entered, {done.kept} left as they were;")
        show(f"{done.concluded} concluded by their answers, {done.open} open again.")
    for line in passed_over(done.passed, kafka.events_topic):
        say(line)
    if done.gone:
        say(f"{done.gone} had no answer, and their records are gone: answered CommandFailed, outcome_unknown.")


async def _rebuild(loaded: Settings, former: Sequence[tuple[str, str]], signature: Signature) -> Rebuilt:
    async with connections.admin(loaded) as admin:
        return await maintenance.rebuild_journal(loaded, admin, signature, former_names=former, tell=say)


async def _stats(loaded: Settings) -> JournalStatistics:
    async with connections.journal(loaded) as journal:
        return await maintenance.count_journal(journal)


async def _prune(loaded: Settings, signature: Signature, *, yes: bool) -> Pruned:
    keep = loaded.journal
    async with connections.journal(loaded) as journal:
        say(f"Bytes, steps and calls of what was over {spoken(keep.detail_retention)} ago are forgotten;")
        say(f"identity and answer of what was over {spoken(keep.retention)} ago.")
        say(_told(await maintenance.plan_prune(journal, loaded), "would be forgotten"))
        insist("Forget them?", yes=yes)
        return await maintenance.prune(journal, loaded, signature)


def _told(pruned: Pruned, what: str) -> str:
    return (
        f"Details of {pruned.details} commands, {pruned.commands} commands, {pruned.letters} dead letters and "
        f"{pruned.lanes} lanes {what}."
    )


def _lines(found: Stats, held: Sequence[Pause]) -> list[str]:
    letters = ", ".join(f"{number} {code}" for code, number in found.dead_letters.items())
    return [
        f"oldest open command   {date_time(found.oldest_open_at) or 'none'}",
        f"dead letters          {letters or 'none open'}",
        f"unsent                {found.outbox_pending}, the oldest {date_time(found.outbox_oldest_at) or 'none'}",
        f"lanes with work       {found.lanes}, of which {found.free_lanes} have no living owner",
        f"effects open          {found.effects}",
        *(
            f"paused                {spoken_pause(each.which)}, by {each.who}: {each.why or 'no reason'}"
            for each in held
        ),
        f"requests open         {found.open_requests}",
        *(
            f"worker                {worker.name} {worker.version}, since {date_time(worker.started_at)},"
            f" {counted(worker.lanes, 'lane')}"
            for worker in found.workers
        ),
        *(
            f"lag                   {lag.awaited} of {lag.partner}: half within {lag.half:.3g} s, nine of ten within"
            f" {lag.most:.3g} s, of {counted(lag.waits, 'wait')}"
            for lag in found.lags
        ),
        f"space                 {found.bytes / 1_048_576:.1f} MiB",
    ]


def _facts(found: Stats, held: Sequence[Pause]) -> dict[str, Any]:
    return {
        "commands": {state: dict(kinds) for state, kinds in found.commands.items()},
        "oldestOpenAt": instant(found.oldest_open_at),
        "deadLetters": dict(found.dead_letters),
        "unsent": found.outbox_pending,
        "oldestUnsentAt": instant(found.outbox_oldest_at),
        "lanes": found.lanes,
        "freeLanes": found.free_lanes,
        "openEffects": found.effects,
        "pauses": [pause_facts(pause) for pause in held],
        "openRequests": found.open_requests,
        "workers": [
            {
                "id": worker.id,
                "name": worker.name,
                "version": worker.version,
                "startedAt": instant(worker.started_at),
                "seenAt": instant(worker.seen_at),
                "lanes": worker.lanes,
            }
            for worker in found.workers
        ],
        "lags": [asdict(lag) for lag in found.lags],
        "bytes": found.bytes,
    }
