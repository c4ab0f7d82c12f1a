"""Which worker may run a lane: a lane has one owner as of one epoch, and no other worker writes for the lane."""

import asyncio

import pytest

from tests.journal.bench import Bench, accept, change, claim, command, ended, intent, lapse, only, poison, rows, waiting
from worker.errors import LaneLost
from worker.journal.records import State, Work


async def finish(journal, *works: Work) -> None:
    """Conclude the command, and let Kafka acknowledge all its events."""
    for work in works:
        await journal.conclude(work, ended(work))
    await journal.sent(await journal.unsent(100))


async def test_a_new_lane_belongs_to_the_worker_that_accepts_its_first_command(bench: Bench) -> None:
    """No other worker can take the lane or is given its commands."""
    one, two = await bench.worker("one"), await bench.worker("two")
    await accept(one, command("1"))
    assert await two.take_lanes(10) == 0
    assert await claim(two) == []
    assert len(await claim(one)) == 1


async def test_a_command_accepted_elsewhere_runs_where_its_lane_is_owned(bench: Bench) -> None:
    """Partitions and lanes need not agree: the accepting worker leaves the command to the lane's owner."""
    one, two = await bench.worker("one"), await bench.worker("two")
    await accept(one, command("1"))
    await accept(two, command("2"))
    assert [work.id for work in await claim(one)] == ["1"]
    await finish(one, await only(one))
    assert [work.id for work in await claim(one)] == ["2"]
    assert await claim(two) == []


async def test_a_worker_that_lapsed_loses_its_lanes_to_the_next_that_looks(bench: Bench) -> None:
    """Taking a lane raises its epoch. The new owner finds the command as last written."""
    one, two = await bench.worker("one"), await bench.worker("two")
    await accept(one, command("1"))
    before = await only(one)
    await lapse(one)
    assert await two.take_lanes(10) == 1
    after = await only(two)
    assert (after.uid, after.owner.worker, after.owner.epoch) == (before.uid, two.worker, before.owner.epoch + 1)
    assert await claim(one) == []


async def test_a_worker_that_lost_a_lane_writes_nothing_for_it(bench: Bench) -> None:
    """Each write for a command is refused as a whole once the lane has another owner (rule Epoch, promises G2, G3)."""
    one, two = await bench.worker("one"), await bench.worker("two")
    await accept(one, command("1"))
    work = await only(one)
    step = await one.intend(work, intent(), 1.0, "buy")
    await lapse(one)
    await two.take_lanes(10)
    before = [await rows(two, f"SELECT * FROM {table}") for table in ("command", "step", "effect", "event", "call")]
    for write in (
        one.intend(work, intent("other"), 1.0, "other"),
        one.record(work, step, spent=True),
        one.put_away(work, ["checkout"]),
        one.close_effect(work, "buy"),
        one.conclude(work, ended(work, State.FAILED)),
    ):
        with pytest.raises(LaneLost):
            await write
    after = [await rows(two, f"SELECT * FROM {table}") for table in ("command", "step", "effect", "event", "call")]
    assert before == after
    assert await rows(two, "SELECT * FROM dead_letter") == []


async def test_a_worker_that_lost_a_lane_and_took_it_again_is_another_owner(bench: Bench) -> None:
    """Work from before the loss is refused, although the same worker owns the lane again.

    Rule Epoch, promise G2.
    """
    one, two = await bench.worker("one"), await bench.worker("two")
    await accept(one, command("1"))
    old = await only(one)
    await change(one, "UPDATE lane SET owner = NULL")
    assert await one.take_lanes(10) == 1
    with pytest.raises(LaneLost):
        await one.conclude(old, ended(old))
    await one.conclude(fresh := await only(one), ended(fresh))
    assert await two.take_lanes(10) == 0


async def test_a_heartbeat_keeps_the_lanes_and_a_late_one_is_refused(bench: Bench) -> None:
    """A lapsed row stays lapsed: the worker must end its commands and register as a new worker."""
    one = await bench.worker("one")
    assert await one.heartbeat(60)
    await lapse(one)
    assert not await one.heartbeat(60)
    assert not await one.heartbeat(60)


async def test_a_lapsed_worker_takes_and_is_given_nothing(bench: Bench) -> None:
    """It takes no lanes by looking or by accepting: living workers take its accepted commands over at once."""
    one, two = await bench.worker("one"), await bench.worker("two")
    await lapse(one)
    await accept(one, command("1"))
    assert await one.take_lanes(10) == 0
    assert await claim(one) == []
    assert await two.take_lanes(10) == 1
    assert len(await claim(two)) == 1


async def test_accepting_for_a_lane_whose_owner_lapsed_takes_it_over(bench: Bench) -> None:
    """The accepting worker owns the lane with all its commands, oldest first."""
    one, two = await bench.worker("one"), await bench.worker("two")
    await accept(one, command("1"))
    await lapse(one)
    await accept(two, command("2"))
    assert [work.id for work in await claim(two)] == ["1"]


async def test_a_worker_that_retires_leaves_its_lanes_to_others_at_once(bench: Bench) -> None:
    """The lanes wait for no lease to end."""
    one, two = await bench.worker("one"), await bench.worker("two")
    await accept(one, command("1"))
    await one.retire()
    assert await two.take_lanes(10) == 1
    assert not await one.heartbeat(60)


async def test_lanes_are_taken_in_the_order_in_which_they_became_unfinished(bench: Bench) -> None:
    """The lane that waited longest is served first, a portion at a time."""
    one, two = await bench.worker("one"), await bench.worker("two")
    for customer in ("c", "a", "b"):
        await accept(one, command(customer, customer=customer))
    await one.retire()
    assert await two.take_lanes(2) == 2
    assert sorted(work.id for work in await claim(two)) == ["a", "c"]
    assert await two.take_lanes(2) == 1


async def test_two_workers_that_look_together_take_every_lane_once(bench: Bench) -> None:
    """They neither wait for each other nor share a lane."""
    one, two, three = [await bench.worker(name) for name in ("one", "two", "three")]
    await accept(one, *(command(str(n), customer=f"customer-{n}") for n in range(40)))
    await one.retire()
    taken = await asyncio.gather(*(worker.take_lanes(9) for worker in (two, three) for _ in range(6)))
    works = [work.id for worker in (two, three) for work in await claim(worker)]
    assert sum(taken) == 40
    assert sorted(works, key=int) == [str(n) for n in range(40)]


async def test_a_lane_is_let_go_when_its_commands_are_concluded_and_its_outbox_is_empty(bench: Bench) -> None:
    """Not before. The next command may then begin a lane of another worker."""
    one, two = await bench.worker("one"), await bench.worker("two")
    await accept(one, command("1"))
    assert await one.give_back(10) == 0
    work = await only(one)
    await one.conclude(work, ended(work))
    assert await one.give_back(10) == 0
    await one.sent(await one.unsent(10))
    assert await one.give_back(10) == 1
    await accept(two, command("2"))
    assert len(await claim(two)) == 1


async def test_a_waiting_command_keeps_its_lane_unfinished(bench: Bench) -> None:
    """The length of the wait and the sent events do not matter: the lane needs an owner when the wait ends."""
    one = await bench.worker("one")
    await accept(one, command("1"))
    await one.conclude(await only(one), waiting(86_400))
    await one.sent(await one.unsent(10))
    assert await one.give_back(10) == 0


async def test_letting_go_looks_over_a_portion_of_the_lanes_each_time(bench: Bench) -> None:
    """Each look costs the same for any number of lanes, and all lanes have their turn."""
    one = await bench.worker("one")
    await accept(one, *(command(str(n), customer=f"customer-{n}") for n in range(7)))
    busy, *over = await claim(one)
    await finish(one, *over)
    assert sum([await one.give_back(3) for _ in range(3)]) == 6
    assert [row["id"] for row in await rows(one, "SELECT id FROM lane WHERE owner IS NOT NULL")] == [busy.lane]


async def test_a_lane_is_not_let_go_under_a_command_that_arrives_meanwhile(bench: Bench) -> None:
    """Letting go and accepting happen together many times: no open command is left in a lane that nobody looks at."""
    one, two = await bench.worker("one"), await bench.worker("two")
    for turn in range(15):
        await accept(one, command(f"{turn}-a"))
        for worker in (one, two):
            await finish(worker, *await claim(worker))
        await asyncio.gather(one.give_back(10), accept(two, command(f"{turn}-b")), two.give_back(10))
        lost = await rows(
            one,
            """SELECT command.id FROM command JOIN lane ON lane.id = command.lane
               WHERE state = 'accepted' AND (unfinished = 0 OR owner IS NULL)""",
        )
        assert lost == []
        for worker in (one, two):
            await finish(worker, *await claim(worker))


async def test_dead_letters_have_lanes_of_their_own(bench: Bench) -> None:
    """Each partition has such a lane.

    They are taken over like others, so dead letters are sent although a worker died.
    """
    one, two = await bench.worker("one"), await bench.worker("two")
    await accept(one, poison(partition=4))
    assert await two.unsent(10) == []
    await one.retire()
    assert await two.take_lanes(10) == 1
    (dead,) = await two.unsent(10)
    assert dead.lane == "dead-letters/4"
    await two.sent([dead])
    assert await two.give_back(10) == 1


async def test_rows_of_workers_long_dead_are_swept_away_once_they_own_nothing(bench: Bench) -> None:
    """Not before: a lane must never name an owner that nobody can recognize as dead."""
    one = await bench.worker("one")
    await accept(one, command("1"))
    await change(one, "UPDATE worker SET expires_at = 1")
    two = await bench.worker("two")
    assert len(await rows(two, "SELECT id FROM worker")) == 2
    assert await two.take_lanes(10) == 1
    await bench.worker("three")
    assert sorted(row["name"] for row in await rows(two, "SELECT name FROM worker")) == ["three", "two"]
