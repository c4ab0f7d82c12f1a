"""Workers delete old rows by themselves as the settings say, and no command is disturbed."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from events.messages.command_status import CommandFailed
from events.messages.plans import CreateAzurePlan, PlanSuspended, SuspendPlan
from tests.support.boundaries import Life, Script
from tests.support.harness import World, settings_of
from worker import metrics
from worker.errors import JournalUnavailable

Play = Callable[..., None]
WHILE = 300.0
KEEP, DETAILS = 6 * WHILE, 2 * WHILE
SOON = settings_of(
    journal={"retention": KEEP, "detail_retention": DETAILS},
    waits={"order_deadline": WHILE, "upgrade_deadline": WHILE, "settle": 60, "order_list_lag": 60},
)
OF_COMMANDS = ("command", "step", "call", "note", "event", "dead_letter", "effect", "act")


async def count(world: World, *tables: str) -> Mapping[str, int]:
    """The number of rows."""
    return {table: (await world.rows(f"SELECT count(*) AS n FROM {table}"))[0]["n"] for table in tables}


async def suspend(world: World) -> Any:
    """A customer whose plan is suspended."""
    customer = world.simulator.customer("quiet_plan")
    assert isinstance(await world.do(SuspendPlan(customer_id=customer.id)), PlanSuspended)
    return customer


def test_workers_forget_by_themselves_details_first_and_in_the_end_everything(play: Play) -> None:
    """No verb is called. The lane goes too, and a new command of the customer is carried out as usual."""

    async def story(world: World) -> None:
        for _ in range(2):
            await world.begin()
        customer = await suspend(world)
        await asyncio.sleep(DETAILS - WHILE / 2)
        assert (await count(world, "step"))["step"]
        await asyncio.sleep(WHILE)
        assert await count(world, "command", "step", "call", "note") == {"command": 1, "step": 0, "call": 0, "note": 0}
        await asyncio.sleep(KEEP)
        assert set((await count(world, *OF_COMMANDS)).values()) == {0}
        assert await world.rows("SELECT id FROM lane WHERE customer <> ''") == []
        answer = await world.do(SuspendPlan(customer_id=customer.id))
        assert isinstance(answer, PlanSuspended)
        assert answer.already_suspended

    play(story, settings=SOON, rest=30.0)


def test_what_is_open_or_unsent_is_never_forgotten_by_a_worker(play: Play) -> None:
    """A failed command that waits for a person, and an answer that Kafka does not take, stay for any time."""

    async def story(world: World) -> None:
        await world.begin()
        failed = await world.do(CreateAzurePlan(customer_id=world.simulator.customer("order_fails").id))
        assert isinstance(failed, CommandFailed)
        world.simulator.faults.add("slow_answer", operation="subscriptions.patch", seconds=15)
        unsent = await world.send(SuspendPlan(customer_id=world.simulator.customer("quiet_plan").id))
        await world.until(lambda: bool(world.said(unsent)), "it was accepted")
        world.broker.down = True
        await asyncio.sleep(WHILE)
        before = await count(world, *OF_COMMANDS)
        assert (before["command"], before["dead_letter"]) == (2, 1)
        await asyncio.sleep(2 * KEEP)
        assert await count(world, *OF_COMMANDS) == before
        world.broker.down = False
        assert isinstance(await world.answer(unsent), PlanSuspended)

    play(story, settings=SOON, rest=30.0)


def test_only_one_worker_forgets_at_a_time(play: Play) -> None:
    """Of three workers one has the chore. When it dies, another takes over."""

    async def story(world: World) -> None:
        workers = [await world.begin() for _ in range(3)]
        for _ in range(120):
            await suspend(world)
        await asyncio.sleep(DETAILS + WHILE)
        holders = await world.rows("SELECT worker FROM chore")
        assert len(holders) == 1
        assert (await count(world, "step"))["step"] == 0
        (dead,) = [each for each in workers if each.journal.worker == holders[0]["worker"]]
        await suspend(world)
        await dead.kill()
        await asyncio.sleep(DETAILS + WHILE)
        assert (await count(world, "step"))["step"] == 0
        assert await world.rows("SELECT worker FROM chore") != holders

    play(story, settings=SOON, rest=30.0)


def test_a_gauge_shows_the_age_of_the_oldest_detail(play: Play) -> None:
    """The age stops growing at the retention of details."""

    async def story(world: World) -> None:
        await world.begin()
        await suspend(world)
        await asyncio.sleep(WHILE)
        assert WHILE - 30 < metrics.OLDEST_DETAIL._value.get() < WHILE + 30
        await asyncio.sleep(DETAILS)
        assert metrics.OLDEST_DETAIL._value.get() == 0

    play(story, settings=SOON, rest=30.0)


def test_a_silent_journal_does_not_end_the_forgetting(play: Play) -> None:
    """Retention goes on when the journal answers again."""

    class Silent(Script):
        """A database that can go silent."""

        down = False

        async def at(self, life: Life, point: str) -> None:
            self.looks(life)

        def looks(self, _life: Life) -> None:
            if self.down:
                raise JournalUnavailable("away")

    async def story(world: World) -> None:
        script = Silent()
        await world.begin(script)
        await suspend(world)
        await asyncio.sleep(DETAILS - WHILE)
        script.down = True
        await asyncio.sleep(2 * WHILE)
        script.down = False
        await asyncio.sleep(WHILE)
        assert (await count(world, "step"))["step"] == 0

    play(story, settings=SOON, rest=30.0)
