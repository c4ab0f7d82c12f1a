"""Which operations share a transaction, and when another transaction begins beside one that is under way."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from tests.support.virtual_loop import run_virtual
from worker.journal.database.group_commit import ENOUGH, PATIENCE, Writer
from worker.journal.database.protocol import Operation, Transaction
from worker.journal.records import Micros

T = TypeVar("T")


class SlowEngine:
    """A database whose transactions take `seconds` each. `begun`: when each began, and how many operations it had."""

    alone = False
    warnings = ()

    def __init__(self, *seconds: float, writers: int = 3) -> None:
        self._seconds = list(seconds)
        self.writers = writers
        self.begun: list[tuple[float, int]] = []

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def commit(self, operations: Sequence[Operation[Any]]) -> list[Any]:
        loop = asyncio.get_running_loop()
        self.begun.append((round(loop.time(), 3), len(operations)))
        await asyncio.sleep(self._seconds.pop(0) if self._seconds else 0.004)
        return [None] * len(operations)

    async def read(self, query: Callable[[Transaction], Awaitable[T]]) -> T:
        raise NotImplementedError

    async def read_statement(self, query: Callable[[Transaction], Awaitable[T]], now: Micros) -> T:
        raise NotImplementedError

    async def listen(self, heard: Callable[[str], None]) -> None:
        raise NotImplementedError


async def nothing(_tx: Transaction) -> None:
    """Writes nothing."""


def begun(engine: SlowEngine, *portions: tuple[float, int]) -> list[tuple[float, int]]:
    """Submit `portions` of operations, each after a pause in seconds. When transactions began, and their sizes."""

    async def submit() -> None:
        writer, submitted = Writer(engine), list[asyncio.Task[None]]()
        for pause, number in portions:
            await asyncio.sleep(pause)
            submitted += [asyncio.create_task(writer.submit(Operation(nothing))) for _ in range(number)]
        async with asyncio.timeout(60):
            await asyncio.gather(*submitted)

    run_virtual(submit())
    start = engine.begun[0][0]
    return [(round(at - start, 3), number) for at, number in engine.begun]


def test_operations_that_come_during_a_transaction_share_the_next_one() -> None:
    """A few operations wait for its end. Small transactions side by side would cost more than they gain."""
    engine = SlowEngine(0.004)
    assert begun(engine, (0, 1), (0.001, 2), (0.001, 3)) == [(0, 1), (0.004, 5)]


def test_many_operations_begin_a_transaction_beside_the_one_under_way() -> None:
    """They do not wait: both are of a size that is worth its price."""
    engine = SlowEngine(0.004)
    assert begun(engine, (0, 1), (0.001, ENOUGH)) == [(0, 1), (0.001, ENOUGH)]


def test_an_operation_waits_only_for_a_moment_beside_a_transaction_that_is_held_up() -> None:
    """A transaction may wait for a lock of another worker. Each later operation waits `PATIENCE` at most."""
    engine = SlowEngine(10.0)
    found = begun(engine, (0, 1), (0.1, 1), (1, 2), (1, 1))
    assert found == [(0, 1), *((round(at + PATIENCE, 3), number) for at, number in ((0.1, 1), (1.1, 2), (2.1, 1)))]


def test_no_operation_is_left_behind_when_all_writers_were_busy() -> None:
    """What waits when a writer becomes free is taken, at the latest a moment later."""
    engine = SlowEngine(5.0, 0.1, writers=2)
    found = begun(engine, (0, 1), (0.01, 1), (0.05, 1), (0.05, 1))
    assert found == [(0, 1), (0.03, 1), (0.15, 2)]


def test_no_more_transactions_than_writers_are_under_way() -> None:
    """A database that takes one writer gets everything else in the next transaction."""
    engine = SlowEngine(1.0, writers=1)
    assert begun(engine, (0, 1), (0.1, 40), (0.1, 2)) == [(0, 1), (1.0, 42)]
