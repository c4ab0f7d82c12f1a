"""Events that Kafka has not acknowledged leave in the order of each lane."""

import asyncio

from tests.journal.bench import Bench, accept, claim, command, ended, event, lapse, only, poison, waiting
from worker.journal.records import State


async def test_events_of_a_lane_leave_in_the_order_in_which_they_were_said(bench: Bench) -> None:
    """Acceptance comes first, then each run's events, and the end last."""
    one = await bench.worker()
    await accept(one, command("1"))
    for number in range(3):
        await one.conclude(await only(one), waiting(events=[event(f"waiting-{number}")]))
    work = await only(one)
    await one.conclude(work, ended(work))
    said = [row.headers[0][1] for row in await one.unsent(10)]
    assert said == [b"/crm#1/accepted", b"waiting-0", b"waiting-1", b"waiting-2", b"/crm#1/0/terminal"]


async def test_a_lane_is_read_from_its_oldest_event_or_not_at_all(bench: Bench) -> None:
    """A publisher that reads on behind unsent events never finds a lane's later events before its first one."""
    one = await bench.worker()
    await accept(one, command("1"), command("2", customer="fabrikam"), command("3"))
    first, second, third = await one.unsent(10)
    assert await one.unsent(10, after=(first.seq, 0)) == [second]
    await one.sent([first])
    assert await one.unsent(10, after=(first.seq, 0)) == [second, third]


async def test_what_kafka_acknowledged_is_not_sent_again(bench: Bench) -> None:
    """Unacknowledged events are found again, the oldest first."""
    one = await bench.worker()
    await accept(one, command("1"), poison(), command("2", customer="fabrikam"))
    first, *others = await one.unsent(10)
    await one.sent([first])
    assert await one.unsent(10) == others
    assert await one.unsent(1) == [others[0], others[1]]
    await one.sent(others)
    assert await one.unsent(10) == []


async def test_the_outbox_of_a_dead_worker_is_sent_by_the_next_owners_of_its_lanes(bench: Bench) -> None:
    """The events of concluded commands are sent too: no decision is lost."""
    one, two = await bench.worker("one"), await bench.worker("two")
    await accept(one, command("1"))
    work = await only(one)
    await one.conclude(work, ended(work, State.FAILED))
    assert await two.unsent(10) == []
    await lapse(one)
    await two.take_lanes(10)
    assert [(row.letter, row.type) for row in await two.unsent(10)] == [
        (False, "azplan.CommandAccepted.v1"),
        (False, "azplan.PlanSuspended.v1"),
        (True, "outcome_unknown"),
    ]


async def test_an_acknowledgement_is_written_for_any_owner_of_the_lane(bench: Bench) -> None:
    """An acknowledgement is a fact about Kafka. With it the new owner sends fewer events twice."""
    one, two = await bench.worker("one"), await bench.worker("two")
    await accept(one, command("1"))
    sending = await one.unsent(10)
    await lapse(one)
    await two.take_lanes(10)
    await one.sent(sending)
    assert await two.unsent(10) == []


async def test_a_lane_never_shows_a_later_event_before_an_earlier_one(bench: Bench) -> None:
    """Many events are written at once. Within a lane, the visible events have no gap before them."""
    one = await bench.worker()
    await accept(one, *(command(f"{lane}-{n}", customer=str(lane)) for lane in range(5) for n in range(6)))
    seen: dict[str, list[int]] = {}

    async def work() -> None:
        while works := await claim(one):
            await asyncio.gather(*(one.conclude(item, ended(item)) for item in works))

    async def publish(working: "asyncio.Task[None]") -> None:
        while not working.done() or await one.unsent(1):
            rows = await one.unsent(7)
            for row in rows:
                seen.setdefault(row.lane, []).append(row.seq)
            await one.sent(rows)

    working = asyncio.create_task(work())
    await publish(working)
    assert sum(map(len, seen.values())) == 60
    assert all(numbers == sorted(numbers) for numbers in seen.values())
