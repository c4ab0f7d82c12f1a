"""Round trips to a real PostgreSQL server for one lone purchase, from the record's arrival to the published answer.

Virtual time stands still while the server works, so no heartbeat and no other work by the clock is in the count.
"""

import asyncio
import contextvars
import inspect
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from events.messages.plans import AzurePlanCreated, CreateAzurePlan
from tests.support.harness import MakeEngine, World
from tests.support.virtual_loop import run_virtual
from tests.support.virtual_postgres import told_the_time
from worker.journal.database.postgres.connection import Door
from worker.journal.journal import Journal

pytestmark = pytest.mark.postgres

BUDGET = 30
"""The most round trips for a lone purchase that waits for nothing at Microsoft."""
AT_ONCE = {
    "order_provisioning": (0.0, 0.0),
    "order_list_lag": (0.0, 0.0),
    "order_get_lag": (0.0, 0.0),
}
REST = 20.0
"""Virtual seconds in which a worker warms up: afterwards no connection is new."""


_purpose = contextvars.ContextVar("purpose", default="start")


class RoundTrips:
    """Counts the statements that go to the server one by one, by the journal's method that sends them."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Watch every new connection, and every method of every journal."""
        connect = Door._connect

        async def watched(door: Door, **how: Any) -> Any:
            connection = await connect(door, **how)
            connection.add_query_logger(lambda sent: self.asked.append((_purpose.get(), sent.query)))
            return connection

        monkeypatch.setattr(Door, "_connect", watched)
        for name, method in inspect.getmembers(Journal, inspect.iscoroutinefunction):
            monkeypatch.setattr(Journal, name, _named(name, method))

    def by_purpose(self) -> dict[str, int]:
        """The count of each method, the largest first."""
        return dict(Counter(purpose for purpose, _ in self.asked).most_common())

    def __str__(self) -> str:
        statements = "\n".join(f"{purpose}: {' '.join(sql.split())[:110]}" for purpose, sql in self.asked)
        return f"{len(self.asked)} round trips: {self.by_purpose()}\n{statements}"


def _named(name: str, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def named(*given: Any, **more: Any) -> Any:
        _purpose.set(name)
        return await method(*given, **more)

    return named


@pytest.fixture
def round_trips(monkeypatch: pytest.MonkeyPatch) -> RoundTrips:
    """The counter of all connections that are made from now on."""
    counted = RoundTrips()
    counted.watch(monkeypatch)
    return counted


def test_a_lone_purchase_asks_the_database_seldom(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, round_trips: RoundTrips
) -> None:
    """Each round trip costs the sender of a command a part of a millisecond, or more where the database is far."""
    with told_the_time(monkeypatch) as engines:
        run_virtual(_purchases(engines(postgres_url), round_trips))
    assert len(round_trips.asked) <= BUDGET, str(round_trips)


async def _purchases(make_engine: MakeEngine, round_trips: RoundTrips) -> None:
    """Two purchases one after the other. The second one is counted, and all that follows from it in its instant."""
    world = World(make_engine, attention=3600.0)
    world.simulator.change(**AT_ONCE)
    customers = [world.simulator.customer("ready") for _ in range(2)]
    try:
        await world.begin()
        await world.do(CreateAzurePlan(customer_id=customers[0].id))
        await asyncio.sleep(REST)
        round_trips.asked.clear()
        id_ = await world.send(CreateAzurePlan(customer_id=customers[1].id))
        await asyncio.sleep(0.01)
        assert [type(said.event) for said in world.answers(id_)] == [AzurePlanCreated]
    finally:
        await world.close()
