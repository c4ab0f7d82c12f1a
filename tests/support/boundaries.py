"""The places at which a worker touches the world: each durable write, each request, each event, each commit of offsets.

A worker in a test passes them one by one. A `Script` is asked at each boundary and may let time pass or end the worker
there. After that nothing of this worker crosses any boundary, as after SIGKILL.
"""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

from events.wire.record import Outgoing
from worker.broker.port import Ack, Batch, Partition, Sink, Source
from worker.files.store import Store
from worker.journal.database.protocol import Engine, Operation, Transaction
from worker.journal.records import Micros

T = TypeVar("T")


class Killed(BaseException):
    """The worker is dead. No `except Exception` of its code sees this exception."""


class Script:
    """What happens at the boundaries of a worker. This script lets everything pass."""

    async def at(self, life: "Life", point: str) -> None:
        """The worker has come to this point. May wait, and may end the worker with `life.end`."""

    def looks(self, life: "Life") -> None:
        """The worker is about to read its journal. May raise `JournalUnavailable`."""

    def arrives_late(self, _operation: str) -> float | None:
        """Seconds until the request of a worker arrives that ended while sending it. None: the request never left."""
        return None


class Life:
    """One worker process, from its first task to its death."""

    def __init__(self, name: str, script: Script | None = None) -> None:
        self.name = name
        self.script = script or Script()
        self.dead = False
        self.died = asyncio.Event()
        self.points: list[str] = []
        """Every boundary that was reached, in order."""
        self._tasks: dict[asyncio.Task[Any], None] = {}
        """Those that have not ended, in the order in which they began: they also end in that order."""

    async def reach(self, point: str) -> None:
        """Come to a boundary. Raises `Killed` if the worker ends there or is dead already."""
        self.alive()
        self.points.append(point)
        await self.script.at(self, point)
        self.alive()

    def alive(self) -> None:
        """Raise `Killed` if the worker is dead."""
        if self.dead:
            raise Killed(self.name)

    def end(self) -> None:
        """Kill the worker now."""
        self.dead = True
        self.died.set()

    def start(self, work: Awaitable[T]) -> "asyncio.Task[T]":
        """Start a coroutine as a part of this worker. Every task that the coroutine makes belongs to the worker too."""

        async def run() -> T:
            return await work

        context = contextvars.copy_context()
        context.run(_LIFE.set, self)
        return asyncio.get_running_loop().create_task(run(), context=context)

    def adopt(self, task: "asyncio.Task[Any]") -> None:
        """Make the task one of this worker's. Nobody sees the error that the task raises when the worker dies."""
        self._tasks[task] = None
        task.add_done_callback(self._over)

    async def bury(self) -> None:
        """End every task of a dead worker."""
        self.end()
        while tasks := [task for task in self._tasks if not task.done()]:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    def _over(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.pop(task, None)
        _heard(task)


_LIFE: contextvars.ContextVar[Life | None] = contextvars.ContextVar("life", default=None)


def _heard(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled() and isinstance(task._exception, Killed):  # type: ignore[attr-defined]
        task.exception()


def track_lives() -> None:
    """From now on the running loop knows to which worker each of its tasks belongs."""

    def factory(loop: asyncio.AbstractEventLoop, coroutine: Any, context: Any = None) -> "asyncio.Task[Any]":
        task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, context=context)
        life = _LIFE.get() if context is None else context.get(_LIFE)
        if life is not None:
            life.adopt(task)
        return task

    asyncio.get_running_loop().set_task_factory(factory)


def elsewhere(work: Awaitable[T]) -> "asyncio.Task[T]":
    """Run a coroutine that belongs to no worker: Microsoft goes on with its work when the caller is dead."""

    async def run() -> T:
        return await work

    return asyncio.get_running_loop().create_task(run(), context=contextvars.Context())


class WatchedEngine:
    """A database that a dead worker cannot reach. Every commit is a boundary before it and one after it."""

    def __init__(self, engine: Engine, life: Life) -> None:
        self._engine = engine
        self._life = life
        self.writers = engine.writers
        self.warnings: Sequence[str] = ()

    @property
    def alone(self) -> bool:
        """As the engine does."""
        return self._engine.alone

    async def open(self) -> None:
        """As the engine does."""
        await self._engine.open()
        self.warnings = self._engine.warnings

    async def close(self) -> None:
        """As the engine does."""
        await self._engine.close()

    async def commit(self, operations: Sequence[Operation]) -> list[Any]:
        """As the engine does, between two boundaries."""
        await self._life.reach("journal: before a write")
        results = await self._engine.commit(operations)
        await self._life.reach("journal: after a write")
        return results

    async def read(self, query: Callable[[Transaction], Awaitable[T]]) -> T:
        """As the engine does."""
        self._life.alive()
        self._life.script.looks(self._life)
        return await self._engine.read(query)

    async def read_statement(self, query: Callable[[Transaction], Awaitable[T]], now: Micros) -> T:
        """As the engine does."""
        self._life.alive()
        self._life.script.looks(self._life)
        return await self._engine.read_statement(query, now)

    async def listen(self, heard: Callable[[str], None]) -> None:
        """As the engine does."""
        await self._engine.listen(heard)


class WatchedStore:
    """A destination of files that a dead worker cannot reach. Every write is a boundary before it and one after it."""

    WRITES = ("put", "create", "prepare", "commit", "replace", "delete", "delete_folder")

    def __init__(self, store: Store, life: Life) -> None:
        self._store = store
        self._life = life

    def __getattr__(self, name: str) -> Any:
        """As the store does, between two boundaries if it writes."""
        self._life.alive()
        method = getattr(self._store, name)
        return self._write(name, method) if name in self.WRITES else method

    def _write(self, name: str, method: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
        async def watched(*values: Any) -> T:
            await self._life.reach(f"files: before a {name}")
            result = await method(*values)
            await self._life.reach(f"files: after a {name}")
            return result

        return watched


class WatchedSink:
    """A producer with three boundaries: before a record leaves, when it is written, and when the worker knows so."""

    def __init__(self, sink: Sink, life: Life) -> None:
        self._sink = sink
        self._life = life

    async def start(self) -> None:
        """As the sink does."""
        await self._sink.start()

    async def stop(self) -> None:
        """As the sink does."""
        await self._sink.stop()

    async def send(self, topic: str, record: Outgoing, *, partition: int | None = None) -> Ack:
        """As the sink does, between boundaries."""
        await self._life.reach("event: before it is sent")
        ack = await self._sink.send(topic, record, partition=partition)
        await self._life.reach("event: written, not acknowledged")
        return ack


class WatchedSource:
    """A consumer with a boundary before and after offsets are committed."""

    def __init__(self, source: Source, life: Life) -> None:
        self._source = source
        self._life = life

    def __getattr__(self, name: str) -> Any:
        """Take every member without a boundary from the source."""
        return getattr(self._source, name)

    async def poll(self, max_records: int, wait: float) -> Batch:
        """As the source does."""
        self._life.alive()
        batch = await self._source.poll(max_records, wait)
        if batch.records:
            await self._life.reach("records: read, not written down")
        return batch

    async def commit(self, offsets: Mapping[Partition, int], epoch: int) -> None:
        """As the source does, between boundaries."""
        await self._life.reach("offsets: before the commit")
        await self._source.commit(offsets, epoch)
        await self._life.reach("offsets: after the commit")

    def pause(self, partitions: Collection[Partition]) -> None:
        """As the source does."""
        self._source.pause(partitions)
