"""A ceiling that several processes share: never passed, used almost whole, and nobody keeps what another could use."""

import asyncio
from bisect import bisect_left
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from random import Random

import pytest

from tests.support.virtual_loop import run_virtual
from tests.support.virtual_time import START, LoopClock
from worker.ceiling.shared_ceiling import LEASE, SPAN, Ceiling, Grant, Statement, Terms, exchange
from worker.clock import micros
from worker.errors import JournalUnavailable
from worker.partner_center.client.ceilings.leases import HEARTBEAT, Key, Leases
from worker.partner_center.client.ceilings.quota import IN_USE, CeilingReached, Quota
from worker.partner_center.client.ceilings.run_needs import Kind, RunNeeds

LIMIT = 500
LONGEST = 40.0
KEY = ("contoso", "carts")
KIND = ("CreateAzurePlan", "accepted")


class Bank:
    """The ceilings, where all processes exchange their slots."""

    def __init__(self) -> None:
        self.clock = LoopClock()
        self.ceilings: dict[Key, Ceiling] = {}
        self.exchanges = 0
        self.silent = False

    async def lend(self, holder: str, said: Mapping[Key, Statement], terms: Terms) -> Mapping[Key, Grant]:
        """Exchange, as a transaction of the journal does."""
        await asyncio.sleep(0.002)
        if self.silent:
            raise JournalUnavailable("silent")
        self.exchanges += 1
        grants = {}
        for key, each in said.items():
            now = micros(self.clock.now())
            self.ceilings[key], grants[key] = exchange(self.ceilings.get(key, Ceiling()), holder, each, terms, now)
        await asyncio.sleep(0.002)
        return grants

    def counted(self) -> int:
        """How many slots count now."""
        found = self.ceilings.get(KEY, Ceiling()).holders.values()
        now = micros(self.clock.now())
        return sum(each.held + sum(n for end, n in each.used.items() if end * 250_000 > now) for each in found)


class Replica:
    """One process: its own clock, its own slots."""

    def __init__(self, bank: Bank, arrivals: list[float], *, ahead: float = 0.0) -> None:
        self.clock = LoopClock(START + timedelta(seconds=ahead))
        self._arrivals = arrivals
        self.leases = Leases(bank.lend, self.clock, Terms(LONGEST))
        self.needs = RunNeeds()
        self.short = 0
        self.quota = Quota(
            "carts",
            LIMIT,
            self.clock,
            patience=2.0,
            waited=lambda _: None,
            exchanges=self.leases,
            needs=self.needs,
        )
        self.leases.join(KEY, self.quota)
        self.beating = asyncio.create_task(self.leases.run())

    async def request(self, who: object, run: object = None, *, seconds: float = 0.05) -> None:
        """Make one request."""
        async with self.quota.slot(who, run) as slot:
            slot.left = True
            self._arrivals.append(asyncio.get_running_loop().time())
            await asyncio.sleep(seconds)

    async def busy(self, name: str, callers: int, needs: int, chance: Random) -> None:
        """Run commands of so many requests each, at most so many at once, each as soon as there is room, for ever."""
        running, ended, number = set[asyncio.Task[None]](), asyncio.Event(), 0
        self.leases._exchanged = ended.set
        while True:
            ended.clear()
            delay = 0.0
            while len(running) < callers and not delay:
                delay = self._wait_for(KIND)
                if not delay:
                    number += 1
                    task = asyncio.create_task(self._command(f"{name} {number}", needs, chance))
                    running.add(task)
                    task.add_done_callback(running.discard)
                    task.add_done_callback(lambda _: ended.set())
            with suppress(TimeoutError):
                async with asyncio.timeout(delay or 60.0):
                    await ended.wait()

    def _wait_for(self, kind: Kind) -> float:
        number = (self.needs.of(kind) or {}).get("carts", 0)
        return self.quota.wait_for(number) if number else 0.0

    async def _command(self, who: str, needs: int, chance: Random) -> None:
        for run in range(10_000):
            self.needs.begin(who, KIND)
            try:
                for _ in range(needs):
                    await self.request(who, run, seconds=chance.uniform(0.02, 0.2))
                    await asyncio.sleep(0.2)
            except CeilingReached as reached:
                self.short += 1
                delay = reached.delay
            else:
                return
            finally:
                self.needs.end(who)
                self.quota.leave(who)
            await asyncio.sleep(delay)

    async def die(self, *tasks: "asyncio.Task[None]") -> None:
        """End at once, without a last word."""
        self.leases._lend = _dead
        for task in (self.beating, *tasks):
            task.cancel()
        await asyncio.wait([self.beating, *tasks])


async def _dead(*_: object) -> Mapping[Key, Grant]:
    raise JournalUnavailable("this process is dead")


def most_in_a_minute(arrivals: list[float]) -> int:
    """The highest number of arrivals in any 60 seconds."""
    return max((place + 1 - bisect_left(arrivals, at - SPAN + 1e-9)) for place, at in enumerate(arrivals))


def used(arrivals: list[float], since: float, until: float) -> float:
    """The part of the ceiling that was used between two instants."""
    return sum(since <= at < until for at in arrivals) / (LIMIT * (until - since) / SPAN)


@pytest.mark.parametrize("replicas", [1, 3])
@pytest.mark.parametrize("needs", [1, 3])
def test_replicas_use_the_ceiling_and_never_pass_it(replicas: int, needs: int) -> None:
    """At least 97 % of what may be sent is sent, however many replicas share it; their clocks are seconds apart."""

    async def story() -> None:
        bank, arrivals = Bank(), list[float]()
        crew = [Replica(bank, arrivals, ahead=7.0 * number) for number in range(replicas)]
        for number, each in enumerate(crew):
            asyncio.create_task(each.busy(str(number), 40, needs, Random(number)))  # noqa: RUF006
        await asyncio.sleep(600)
        assert most_in_a_minute(arrivals) <= LIMIT
        assert used(arrivals, 120, 600) >= 0.97
        assert bank.exchanges <= 600 * replicas * 5

    run_virtual(story())


def test_one_replica_that_dies_holding_slots_never_lets_the_ceiling_be_passed() -> None:
    """Its slots count as used at the last moment. When they are free, the others use all of the ceiling."""

    async def story() -> None:
        bank, arrivals = Bank(), list[float]()
        crew = [Replica(bank, arrivals, ahead=-9.0 * number) for number in range(3)]
        tasks = [asyncio.create_task(each.busy(str(n), 40, 3, Random(n))) for n, each in enumerate(crew)]
        await asyncio.sleep(180.7)
        held = [each.quota.standing()[1] for each in crew]
        await crew[1].die(tasks[1])
        reborn = Replica(bank, arrivals, ahead=400.0)
        tasks[1] = asyncio.create_task(reborn.busy("reborn", 40, 3, Random(9)))
        await asyncio.sleep(600)
        assert min(held) > 0
        assert most_in_a_minute(arrivals) <= LIMIT
        assert used(arrivals, 420, 780) >= 0.97

    run_virtual(story())


def test_a_replica_alone_gets_all_of_it_and_an_idle_one_keeps_nothing() -> None:
    """What is not used goes back with the next heartbeats, and counts for nobody."""

    async def story() -> None:
        bank, arrivals = Bank(), list[float]()
        idle, busy = Replica(bank, arrivals), Replica(bank, arrivals)
        await idle.request("one command")
        assert bank.counted() > 1, "a reserve for the next requests of the command"
        await asyncio.sleep(IN_USE + 2 * HEARTBEAT)
        assert bank.counted() == 0
        asyncio.create_task(busy.busy("busy", 64, 1, Random(1)))  # noqa: RUF006
        await asyncio.sleep(30)
        assert len(arrivals) == 1 + LIMIT

    run_virtual(story())


def test_an_idle_replica_gives_its_reserve_back_when_another_one_wants_it() -> None:
    """With its next heartbeat, also if it made a request a moment ago."""

    async def story() -> None:
        bank, arrivals = Bank(), list[float]()
        idle, busy = Replica(bank, arrivals), Replica(bank, arrivals)
        await idle.request("one command")
        asyncio.create_task(busy.busy("busy", 64, 1, Random(1)))  # noqa: RUF006
        await asyncio.sleep(4 * HEARTBEAT)
        assert len(arrivals) == LIMIT

    run_virtual(story())


def test_the_requests_of_one_command_wait_for_one_exchange() -> None:
    """The first request brings a reserve of every family that this process has used before."""

    async def story() -> None:
        bank, arrivals = Bank(), list[float]()
        one = Replica(bank, arrivals)
        other = Quota("orders", LIMIT, one.clock, patience=2.0, waited=lambda _: None, exchanges=one.leases)
        one.leases.join(("contoso", "orders"), other)

        async def command(name: str) -> float:
            begun = one.clock.monotonic()
            for _ in range(2):
                await one.request(name, seconds=0.0)
                async with other.slot(name) as slot:
                    slot.left = True
            return one.clock.monotonic() - begun

        await command("the first one")
        await asyncio.sleep(300)
        asked = bank.exchanges
        assert await command("a lone one") <= 0.01
        assert bank.exchanges == asked + 1

    run_virtual(story())


def test_nobody_sends_more_than_is_leased_while_the_journal_is_silent() -> None:
    """A call then waits as for a spent ceiling. What is in hand can be used until the lease is over."""

    async def story() -> None:
        bank, arrivals = Bank(), list[float]()
        one = Replica(bank, arrivals)
        await one.request("a")
        bank.silent = True
        in_hand = bank.counted() - 1
        for number in range(in_hand):
            await one.request(number)
        with pytest.raises(CeilingReached):
            await one.request("one too many")
        bank.silent = False
        await one.request("later")
        await asyncio.sleep(1)
        bank.silent = True
        await asyncio.sleep(LEASE)
        with pytest.raises(CeilingReached):
            await one.request("after the lease")
        assert len(arrivals) == 2 + in_hand

    run_virtual(story())


def test_a_429_to_one_replica_holds_all_of_them_back() -> None:
    """They learn of it with their next exchange, and wait as long as it asked."""

    async def story() -> None:
        bank, arrivals = Bank(), list[float]()
        refused, other = Replica(bank, arrivals), Replica(bank, arrivals)
        await refused.request("a")
        refused.quota.refused("a", 20.0)
        await asyncio.sleep(1)
        with pytest.raises(CeilingReached) as caught:
            await other.request("b")
        assert caught.value.delay == pytest.approx(19, abs=1)
        await asyncio.sleep(20)
        await other.request("b")

    run_virtual(story())


def test_slots_are_given_back_at_a_stop() -> None:
    """At once, and not when the lease is over."""

    async def story() -> None:
        bank, arrivals = Bank(), list[float]()
        one = Replica(bank, arrivals)
        await one.request("a")
        one.beating.cancel()
        await asyncio.wait([one.beating])
        assert bank.counted() == 1

    run_virtual(story())
