"""Whole workers in one process and in virtual time, wired as the app wires them, on a world that outlives them.

A `World` is everything that a worker leaves behind when it dies: the journal, the broker, Partner Center (the
simulator), time. `World.begin` starts a worker on it. `tests.support.boundaries` says where that worker can be ended.
"""

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from events.messages.base import Command, Event, events
from events.wire.codec import encode_command
from events.wire.record import Record
from ops.simulator.simulator import CONTOSO, Simulator, build
from tests.support.boundaries import (
    Killed,
    Life,
    Script,
    WatchedEngine,
    WatchedSink,
    WatchedSource,
    WatchedStore,
    track_lives,
)
from tests.support.callers_thread import CallersThread
from tests.support.destinations import destination_in, in_callers_thread
from tests.support.empty_journal import empty_journal
from tests.support.memory_broker import MemoryBroker, MemorySink, MemorySource
from tests.support.partner_account import Authority, SimulatedAccount, Wire
from tests.support.virtual_time import START, LoopClock
from worker import metrics
from worker.app import Dependencies, assemble
from worker.assembly.parts import tenants_of
from worker.clock import Clock
from worker.files.store import Store
from worker.handling import Handler, load
from worker.journal.database.protocol import Engine
from worker.journal.database.sqlite.engine import SqliteEngine
from worker.journal.database.transactions import Transactions
from worker.journal.journal import Journal
from worker.partner_center.operation import Api
from worker.runtime.lifecycle.service import Service
from worker.settings.model import Settings
from worker.settings.partner import Partner

COMMANDS, EVENTS, DEAD_LETTERS = "azplan.commands.v1", "azplan.events.v1", "azplan.dead-letters.v1"
GROUP = "azplan-worker"
ACCOUNT = "contoso"
SOURCE = "/crm"
MOST_WAITING = 30 * 86_400.0
"""Virtual seconds after which a wait gives up."""
LOOK_EVERY = 1.0

MakeEngine = Callable[[Clock], Engine]


@dataclass(frozen=True, slots=True)
class Said:
    """An event as it stands on the events topic."""

    id: UUID
    event: Event
    at: datetime
    record: Record

    @property
    def command_id(self) -> str:
        """`ce_id` of the command that this event belongs to."""
        return self.event.command_id


class LiveWorker:
    """A worker on a world."""

    service: Service
    """Set once the worker has begun."""

    def __init__(
        self, life: Life, journal: Journal, source: MemorySource, assembled: Callable[[Journal], Awaitable[Service]]
    ) -> None:
        self.life = life
        self.journal = journal
        self.begun = False
        self._assembled = assembled
        self._source = source

    async def start(self) -> None:
        """Begin. Raises the error of a worker that cannot begin. A worker that is dead by then raises nothing."""
        starting = self.life.start(self._start())
        await asyncio.wait([starting])
        if starting.exception() is not None and not self.life.dead:
            starting.result()

    async def _start(self) -> None:
        await self.journal.open()
        self.service = await self._assembled(self.journal)
        self.begun = True
        await self.service.start()

    async def stop(self) -> None:
        """Stop in good order, as after SIGTERM."""
        if self.begun:
            await self.life.start(self.service.stop())
        await self.journal.close()
        self.life.end()

    async def kill(self) -> None:
        """Die here and now, as after SIGKILL. The group forgets this member at once."""
        await self.life.bury()
        self._source.vanish()
        await self.journal.close()


class World:
    """The world that outlives a worker."""

    def __init__(
        self,
        make_engine: MakeEngine,
        *,
        simulator: Simulator | None = None,
        settings: Settings | None = None,
        handlers: Mapping[type[Command], Handler] | None = None,
        partitions: int = 3,
        attention: float = 10.0,
        rest: float = 600.0,
        store: Callable[[Path], Store] = in_callers_thread,
    ) -> None:
        """`make_engine` gives engines of one journal, a new engine for each worker. `store`: where files go.

        `attention`: seconds between two looks of a worker at the requests of people. `rest`: seconds between two looks
        of a worker at rows that retention may delete.
        """
        self._attention = attention
        self._rest = rest
        track_lives()
        self.clock = LoopClock()
        self.simulator = simulator or build(now=asyncio.get_running_loop().time, origin=START)
        self.settings = settings or settings_of()
        self.handlers = handlers or load("worker.handlers")
        self.broker = MemoryBroker(self.clock, {COMMANDS: partitions, EVENTS: partitions, DEAD_LETTERS: partitions})
        self.workers: list[LiveWorker] = []
        self.sent: dict[str, Command] = {}
        """Every command that was sent, by its id."""
        self.written: dict[tuple[int, int], Command] = {}
        """The command in each record of the commands topic that holds one, by partition and offset."""
        self.runs: dict[str, str] = {}
        """The command (its uid) behind each MS-CorrelationId."""
        self.poisoned: dict[tuple[int, int], str] = {}
        """The places of records that cannot be read, and the code of what must become of each."""
        self.authority = Authority()
        self.folder = Path(tempfile.mkdtemp(prefix="azplan-world-"))
        """Where the files of the workers go."""
        self._make_engine = make_engine
        self._store = store
        self._looking: Engine | None = None
        self._said: dict[tuple[int, int], Said] = {}

    # ---- workers

    async def begin(self, script: Script | None = None) -> LiveWorker:
        """Start a worker. A worker whose script ends it during its start is dead when this returns."""
        worker = self.hire(script)
        await worker.start()
        return worker

    def hire(self, script: Script | None = None, *, clock: Clock | None = None) -> LiveWorker:
        """Make a worker that has not begun."""
        life = Life(f"worker {len(self.workers) + 1}", script)
        own = clock or self.clock
        journal = Journal(Transactions(WatchedEngine(self._make_engine(self.clock), life), own))
        source = MemorySource(self.broker, COMMANDS, GROUP)
        settings = self.settings

        async def assembled(journal: Journal) -> Service:
            tenants = await journal.register_tenants(tenants_of(settings))
            around = Dependencies(
                clock=own,
                journal=journal,
                accounts=self._accounts(settings, life, own),
                tenants=tenants,
                source=WatchedSource(source, life),
                sink=WatchedSink(MemorySink(self.broker), life),
                handlers=self.handlers,
                files=destination_in(self.folder, lambda root: WatchedStore(self._store(root), life)),
                spread=lambda: 0.0,
                attention=self._attention,
                rest=self._rest,
            )
            service = assemble(settings, around)
            service.health = NoPages()
            return service

        worker = LiveWorker(life, journal, source, assembled)
        self.workers.append(worker)
        return worker

    def _accounts(self, settings: Settings, life: Life, clock: Clock) -> Any:
        limit = settings.worker.call_timeout.total_seconds()

        def storage(origin: str) -> Wire:
            return Wire(self.simulator, life, call_timeout=limit, api=Api.STORAGE, origin=origin)

        services = (Api.CENTER, Api.ARM, Api.GRAPH)
        wires = {api: Wire(self.simulator, life, call_timeout=limit, api=api) for api in services}
        return {
            name: SimulatedAccount(name, partner, wires, storage, self.runs, clock, self.authority)
            for name, partner in settings.partners.items()
        }

    # ---- commands and events

    async def send(self, command: Command, *, id: str | None = None, partition: int | None = None) -> str:  # noqa: A002
        """Write a command to the commands topic. Returns the command's id."""
        chosen = id or f"c-{len(self.sent) + 1}"
        self.sent.setdefault(chosen, command)
        outgoing = encode_command(command, id=chosen, source=SOURCE, time=self.clock.now())
        ack = await self.broker.write(COMMANDS, outgoing, partition=partition)
        self.written[ack.partition.number, ack.offset] = command
        return chosen

    async def learn_contents(self) -> None:
        """Note each command's content. For an id used with two contents, the content that was accepted first counts."""
        for row in await self.rows("SELECT id, partition, position FROM command"):
            command = self.written.get((row["partition"], row["position"]))
            if command is not None:
                self.sent[row["id"]] = command

    def said(self, command_id: str | None = None) -> list[Said]:
        """The events of one command or of all commands, as they stand on the topic, partition by partition."""
        for record in self.broker.records(EVENTS):
            if (record.partition, record.offset) not in self._said:
                self._said[record.partition, record.offset] = said(record)
        found = (self._said[place] for place in sorted(self._said))
        return [each for each in found if command_id in (None, each.command_id)]

    def answers(self, command_id: str) -> list[Said]:
        """The terminal events of a command, repeats included."""
        return [each for each in self.said(command_id) if each.event.terminal]

    def letters(self) -> list[Record]:
        """The dead letters."""
        return self.broker.records(DEAD_LETTERS)

    async def answer(self, command_id: str) -> Event:
        """The terminal event of a command, as soon as it is on the topic."""
        await self.until(lambda: bool(self.answers(command_id)), f"{command_id} has its answer")
        return self.answers(command_id)[0].event

    async def do(self, command: Command, *, id: str | None = None) -> Event:  # noqa: A002
        """Send a command and wait for its answer."""
        return await self.answer(await self.send(command, id=id))

    async def until(self, look: Callable[[], bool], what: str, *, within: float = MOST_WAITING) -> None:
        """Return when the condition holds. Fails after this many virtual seconds."""
        end = self.clock.monotonic() + within
        while not look():
            if self.clock.monotonic() > end:
                raise AssertionError(f"never in {within:g} s: {what}")
            await asyncio.sleep(LOOK_EVERY)

    async def rows(self, sql: str) -> list[Mapping[str, Any]]:
        """Rows of the journal."""
        if self._looking is None:
            self._looking = self._make_engine(self.clock)
            await self._looking.open()
        return [dict(row) for row in await self._looking.read(lambda tx: tx.rows(sql))]

    def broken(self) -> list[tuple[LiveWorker, BaseException]]:
        """Parts of workers that ended with an error of their own. No trouble outside may end a part."""
        begun = [each for each in self.workers if each.begun]
        tasks = [(each, task) for each in begun for task in (*each.service._tasks, *each.service._consuming)]
        ended = [(each, task.exception()) for each, task in tasks if task.done() and not task.cancelled()]
        begun_again = [(each, error) for each in begun for error in each.service.supervision.errors]
        return [
            *begun_again,
            *((each, error) for each, error in ended if error is not None and not isinstance(error, Killed)),
        ]

    async def close(self) -> None:
        """End every worker that is still alive."""
        for worker in self.workers:
            if not worker.life.dead:
                await worker.kill()
        if self._looking is not None:
            await self._looking.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        metrics.READY.set_function(lambda: 0.0)  # metrics are collected later, when this world has no time


class NoPages:
    """Stands for the pages of health. These need sockets and real time."""

    port = 0

    async def start(self) -> None:
        """Do nothing."""

    async def stop(self) -> None:
        """Do nothing."""


def said(record: Record) -> Said:
    """A record of the events topic, read as an event."""
    headers = {name: (value or b"").decode() for name, value in record.headers}
    event = events()[headers["ce_type"]].model_validate(json.loads(record.value or b""))
    return Said(UUID(headers["ce_id"]), event, datetime.fromisoformat(headers["ce_time"]), record)


def settings_of(accounts: Sequence[str] = (ACCOUNT,), **sections: Mapping[str, Any]) -> Settings:
    """The default settings for one or more partner accounts, with the sections that a test changes.

    The first name is the simulator's partner. The other names are partners that the simulator does not know.
    """
    tenants = [CONTOSO.tenant_id, *(str(UUID(int=number)) for number in range(1, len(accounts)))]
    partners = {
        name: Partner(tenant_id=tenant, client_id=CONTOSO.client_id, client_secret=CONTOSO.client_secret)
        for name, tenant in zip(accounts, tenants, strict=True)
    }
    return Settings(partners=partners, **sections)


def through(settings: Settings, service: str) -> Settings:
    """The same settings, with Azure subscriptions cancelled and brought back through this service or these."""
    changed = {"cancel_through": service}
    partners = {name: partner.model_copy(update=changed) for name, partner in settings.partners.items()}
    return settings.model_copy(update={"partners": partners})


def sqlite_file(path: Path) -> MakeEngine:
    """Engines on one SQLite file. They work at once and in the caller's thread, as virtual time needs."""
    return lambda clock: SqliteEngine(path, clock=clock, threads=CallersThread())


@asynccontextmanager
async def world_on(path: Path, **changes: Any) -> AsyncIterator[World]:
    """A world with its journal in an SQLite file in this folder."""
    file = path / "journal.db"
    if not file.exists():
        file.write_bytes(empty_journal())
    world = World(sqlite_file(file), **changes)
    try:
        yield world
    finally:
        await world.close()
