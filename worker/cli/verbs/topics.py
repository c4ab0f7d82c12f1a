"""`azplan topics`: the three topics, planned and created. A topic that exists is never changed."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any

import typer

from worker.broker.topics import TopicChange, WantedTopic
from worker.cli import interruptible
from worker.cli.durations import DURATION, parse_duration
from worker.cli.help_layout import CONFIGURED, examples
from worker.cli.options import Json, Yes
from worker.cli.output.confirm import insist
from worker.cli.output.console import say
from worker.cli.output.json import show_json
from worker.cli.output.tables import show_table
from worker.operators import connections
from worker.operators.setup.permissions import keep_all
from worker.operators.setup.topics import create_topics, plan_topics, wanted_topics
from worker.settings import model
from worker.settings.model import Settings

Partitions = Annotated[
    int, typer.Option(min=1, help="Partitions of each topic: the most workers that can take in at once.")
]
Replication = Annotated[int, typer.Option(min=-1, help="Copies of each record; -1 is the broker's own default.")]
Retention = Annotated[
    timedelta | None,
    typer.Option(
        parser=parse_duration, metavar=DURATION, help="How long records are kept; by default as the broker says."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the verbs of this group."""
    group = typer.Typer(no_args_is_help=True)
    group.command(epilog=examples(app, "azplan topics plan"))(plan)
    group.command(epilog=examples(app, "azplan topics apply --partitions 24 --retention 30d --yes"))(apply)
    app.add_typer(
        group, name="topics", help="Plan and create the topics that the worker needs.", rich_help_panel=CONFIGURED
    )


def plan(
    partitions: Partitions = 12, replication: Replication = -1, retention: Retention = None, as_json: Json = False
) -> None:
    """Show which topics exist, which would be created, and how they differ from what is wanted. Changes nothing."""
    loaded = model.load()
    wanted = wanted_topics(loaded, partitions=partitions, replication=replication, retention=retention)
    _show(interruptible.run(_plan(loaded, wanted)), as_json=as_json)


def apply(
    partitions: Partitions = 12,
    replication: Replication = -1,
    retention: Retention = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Create the missing topics, after showing the plan and asking. A topic that exists is never changed."""
    loaded = model.load()
    wanted = wanted_topics(loaded, partitions=partitions, replication=replication, retention=retention)
    changes = interruptible.run(_plan(loaded, wanted))
    _show(changes, as_json=as_json)
    missing = [change for change in changes if change.creates]
    if not missing:
        say("Nothing to do: all topics are there.")
        return
    insist(f"Make {len(missing)} topics at {loaded.kafka.bootstrap_servers}?", yes=yes)
    say(f"Made {', '.join(interruptible.run(_create(loaded, changes)))}.")


async def _plan(loaded: Settings, wanted: Sequence[WantedTopic]) -> Sequence[TopicChange]:
    async with connections.admin(loaded) as admin:
        return await plan_topics(admin, wanted)


async def _create(loaded: Settings, changes: Sequence[TopicChange]) -> Sequence[str]:
    async with connections.admin(loaded) as admin:
        return await create_topics(admin, changes)


def _show(changes: Sequence[TopicChange], *, as_json: bool) -> None:
    if as_json:
        show_json([_facts(change) for change in changes])
        return
    for change in changes:
        if change.warning:
            say(f"{change.wanted.name} {change.warning}. {keep_all(change.wanted.name)}")
    show_table(("topic", "plan", "note"), [(change.wanted.name, _action(change), _note(change)) for change in changes])


def _facts(change: TopicChange) -> dict[str, Any]:
    return {
        "topic": change.wanted.name,
        "action": "create" if change.creates else "none",
        "partitions": change.partitions,
        "wantedPartitions": change.wanted.partitions,
        "retentionSeconds": None if change.retention is None else change.retention.total_seconds(),
        "difference": change.differs,
        "warning": change.warning,
    }


def _action(change: TopicChange) -> str:
    return f"make it with {change.wanted.partitions} partitions" if change.creates else "nothing"


def _note(change: TopicChange) -> str:
    if change.creates:
        return ""
    difference = f"{change.differs}; left as it is" if change.differs else f"{change.partitions} partitions"
    return f"{difference}; compacted" if change.compacted else difference
