"""Everything that a scene leaves behind, read once all is at rest: topics, books, journal, logs of the workers.

This has the shape of `tests.support.harness.World`. Therefore `tests.support.invariants` judges a storm exactly as a
simulation.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncpg
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from events.messages.base import Command
from events.wire.record import Record
from ops.local.kafka_messages import Heard, hear
from ops.local.simulator import SimulatorProcess
from ops.local.topics import Topics
from ops.simulator.books import Effect
from tests.storm.load import Load
from tests.support.harness import Said, said


@dataclass(frozen=True)
class Books:
    """Partner Center's books about the customers of a scene."""

    orders: Sequence[Any]
    upgrades: Sequence[Any]
    subscriptions: Sequence[Any]
    effects: Sequence[Effect]

    def effects_of(self, kind: str, customer: str | None = None) -> list[Effect]:
        """The effects of one kind, of one customer or of all."""
        return [each for each in self.effects if each.kind == kind and customer in (None, each.customer)]


@dataclass(frozen=True)
class Microsoft:
    """What the simulator says at the end, as `ops.simulator.simulator.Simulator` says it."""

    books: Books
    world: Any = None
    """An object with `customers` by their ids, each with its `budget`."""
    _process: SimulatorProcess | None = None

    def find_invoice(self, invoice: str) -> Any:
        """An invoice, with the `version` of its data."""
        return SimpleNamespace(**next(each for each in self._asked.invoices() if each["id"] == invoice))

    def figures(self, invoice: str, *, lines: str, attributes: str) -> Any:
        """The exact books of lines: the SHA-256 and the rows of each of the `blobs`."""
        found = self._asked.figures(invoice, lines, attributes)
        return SimpleNamespace(blobs=[SimpleNamespace(**blob) for blob in found["blobs"]])

    @property
    def _asked(self) -> SimulatorProcess:
        assert self._process is not None
        return self._process


@dataclass(frozen=True)
class Remains:
    """Everything that is left of a scene."""

    load: Load
    simulator: "Microsoft"
    runs: Mapping[str, str]
    """The command (its uid) behind each MS-CorrelationId."""
    records: Sequence[Heard]
    """The commands topic."""
    committed: Mapping[int, int]
    """The offset that the group committed on each partition of it."""
    database: str
    folder: Path
    """The folder of the scene. Exported files are in its folder `files`."""
    _said: Sequence[Said]
    _letters: Sequence[Record]
    sent: Mapping[str, Command] = field(default_factory=dict)

    def said(self, command_id: str | None = None) -> list[Said]:
        """The events of one command or of all commands, partition by partition."""
        return [each for each in self._said if command_id in (None, each.command_id)]

    def answers(self, command_id: str) -> list[Said]:
        """The terminal events of a command, repeats included."""
        return [each for each in self.said(command_id) if each.event.terminal]

    def letters(self) -> Sequence[Record]:
        """The dead letters."""
        return self._letters

    async def rows(self, sql: str) -> list[Mapping[str, Any]]:
        """Rows of the journal."""
        return await rows(self.database, sql)


async def rows(database: str, sql: str, *values: object) -> list[Mapping[str, Any]]:
    """Rows of a journal."""
    connection = await asyncpg.connect(database, timeout=5, command_timeout=20)
    try:
        return [dict(row) for row in await connection.fetch(sql, *values)]
    finally:
        await connection.close(timeout=5)


async def read(
    load: Load, topics: Topics, database: str, folder: Path, simulator: SimulatorProcess, runs: Mapping[str, str]
) -> Remains:
    """Read everything."""
    server = topics.bootstrap_servers
    heard = [await hear(server, name) for name in (topics.commands, topics.events, topics.dead_letters)]
    events = sorted(heard[1], key=place)
    of_scene = {sent.customer for sent in load.sent.values()}
    return Remains(
        load=load,
        simulator=await asyncio.to_thread(microsoft, simulator, of_scene),
        runs=runs,
        records=sorted(heard[0], key=place),
        committed=await committed(topics),
        database=database,
        folder=folder,
        _said=[said(record_of(topics.events, each)) for each in events],
        _letters=[record_of(topics.dead_letters, each) for each in sorted(heard[2], key=place)],
        sent=load.commands,
    )


def place(heard: Heard) -> tuple[int, int]:
    """The partition and offset of a record."""
    return heard.partition, heard.offset


def record_of(topic: str, heard: Heard) -> Record:
    """A received record as a value of the worker."""
    headers = tuple((name, text.encode()) for name, text in heard.headers.items())
    return Record(topic, heard.partition, heard.offset, None, heard.key, heard.value, headers)


def microsoft(simulator: SimulatorProcess, customers: set[str]) -> Microsoft:
    """What the simulator says about these customers, and about every invoice."""
    found = {each: simulator.customer(each) for each in customers & {*simulator.customers()}}
    world = SimpleNamespace(
        customers={name: SimpleNamespace(id=name, budget=_budget(of)) for name, of in found.items()}
    )
    return Microsoft(books_of(simulator, customers), world, simulator)


def _budget(customer: Mapping[str, Any]) -> Decimal | None:
    return None if customer["budget"] is None else Decimal(str(customer["budget"]))


def books_of(simulator: SimulatorProcess, customers: set[str]) -> Books:
    """The books about these customers."""

    def of_scene(page: str, member: str) -> Iterable[dict[str, Any]]:
        return (entry for entry in simulator.book(page) if entry[member] in customers)

    return Books(
        orders=[SimpleNamespace(**entry) for entry in of_scene("orders", "customer_id")],
        upgrades=[SimpleNamespace(**entry) for entry in of_scene("upgrades", "customer_id")],
        subscriptions=[SimpleNamespace(**entry) for entry in of_scene("subscriptions", "customer_id")],
        effects=[Effect(**entry) for entry in of_scene("effects", "customer")],
    )


async def committed(topics: Topics) -> dict[int, int]:
    """The offsets that the group has committed on the commands topic."""
    admin = AIOKafkaAdminClient(bootstrap_servers=topics.bootstrap_servers)
    await admin.start()
    try:
        found = await admin.list_consumer_group_offsets(topics.group)
    finally:
        await admin.close()
    return {place.partition: entry.offset for place, entry in found.items() if isinstance(place, TopicPartition)}
