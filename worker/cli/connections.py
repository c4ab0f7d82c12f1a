"""What a verb works on, opened for the length of a `with` and closed whatever happens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from worker.broker.admin import KafkaAdmin
from worker.broker.port import Admin, Sink
from worker.broker.sink import KafkaSink
from worker.cli.exits import Code, Stop
from worker.clock import Clock
from worker.journal.journal import Journal
from worker.parts import kafka_config, open_engine
from worker.settings import Settings

SQLITE = "sqlite:///"


@asynccontextmanager
async def journal(settings: Settings) -> AsyncIterator[Journal]:
    """The journal, beside whatever worker has it open.

    Raises Stop where it is a file that does not exist: a verb that looks makes none.
    """
    file = sqlite_file(settings)
    if file is not None and not file.exists():
        raise Stop(
            Code.CONFIGURATION,
            f"there is no journal at {file.absolute()}.",
            "`azplan run` makes it; another place is set by AZPLAN_JOURNAL__URL (a relative path counts from here).",
        )
    clock = Clock()
    opened = Journal(open_engine(settings, clock), clock)
    await opened.open()
    try:
        yield opened
    finally:
        await opened.close()


@asynccontextmanager
async def admin(settings: Settings) -> AsyncIterator[Admin]:
    """The broker's topics and offsets, from outside the group."""
    client = KafkaAdmin(kafka_config(settings))
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


@asynccontextmanager
async def sink(settings: Settings) -> AsyncIterator[Sink]:
    """The way to write records."""
    client = KafkaSink(kafka_config(settings))
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


def sqlite_file(settings: Settings) -> Path | None:
    """The journal's file; None where it is in PostgreSQL."""
    url = settings.journal.url.get_secret_value()
    return Path(url.removeprefix(SQLITE)) if url.startswith(SQLITE) else None
