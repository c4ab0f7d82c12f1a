"""What the functions of this package work on, opened for the length of a `with` and closed whatever happens."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from worker.assembly.parts import kafka_config, open_destination, open_engine
from worker.broker.admin import KafkaAdmin
from worker.broker.port import Admin, Sink
from worker.broker.sink import KafkaSink
from worker.clock import Clock
from worker.files.destination import Destination
from worker.journal.database.transactions import Transactions
from worker.journal.operator_journal import OperatorJournal
from worker.settings.model import Settings


@asynccontextmanager
async def journal(settings: Settings) -> AsyncIterator[OperatorJournal]:
    """The journal, beside the workers that have it open. It is neither created nor migrated here.

    Raises `JournalMissing` if there is none yet, `JournalRefused` if it is older or newer than this azplan.
    """
    clock = Clock()
    opened = OperatorJournal(Transactions(open_engine(settings, clock), clock))
    await opened.open()
    try:
        yield opened
    finally:
        await opened.close()


@asynccontextmanager
async def admin(settings: Settings) -> AsyncIterator[Admin]:
    """The broker's topics and offsets, from outside the consumer group."""
    client = KafkaAdmin(kafka_config(settings))
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


@asynccontextmanager
async def sink(settings: Settings) -> AsyncIterator[Sink]:
    """A writer of records."""
    client = KafkaSink(kafka_config(settings))
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


@contextmanager
def destination(settings: Settings) -> Iterator[Destination]:
    """The destination of files. Nothing is left in scratch of what was copied from it to be read."""
    opened = open_destination(settings)
    try:
        yield opened
    finally:
        opened.scratch.close()
