"""What a seed does to the workers: time that everything takes, silence of database and broker, pauses, deaths."""

import asyncio
from dataclasses import dataclass
from random import Random

from tests.support.boundaries import Life, Script
from worker.broker.port import BrokerUnavailable
from worker.errors import JournalUnavailable


@dataclass(frozen=True, slots=True)
class Weather:
    """How rough it is. Shares are of all boundaries; seconds are virtual."""

    lags: float
    """Share of boundaries at which something takes its time."""
    longest_lag: float
    journal_fails: float
    """Share of writes that the database does not answer: half of them have been made."""
    broker_fails: float
    """Share of records and commits of offsets that the broker does not answer: half of them have been written."""
    dies: float
    """Share of boundaries at which a worker dies."""
    late: float
    """Share of requests of dying workers that arrive all the same."""
    longest_late: float


class Chaos(Script):
    """One worker's bad luck, until `heal`."""

    def __init__(self, weather: Weather, rng: Random) -> None:
        self._weather = weather
        self._rng = rng
        self._awake = asyncio.Event()
        self._awake.set()
        self.calm = False

    def heal(self) -> None:
        """From now on everything works."""
        self.calm = True
        self._awake.set()

    def pause(self) -> None:
        """The process is stopped, as by SIGSTOP: it crosses no boundary, while time goes on around it."""
        self._awake.clear()

    def go_on(self) -> None:
        """It goes on as if nothing had happened."""
        self._awake.set()

    async def at(self, life: Life, point: str) -> None:
        """Whatever happens here."""
        if not self.calm:
            await self._trouble(life, point)
        await self._awake.wait()

    def arrives_late(self, _operation: str) -> float | None:
        """A request that left with the worker's last breath."""
        if self._rng.random() >= self._weather.late:
            return None
        return self._rng.uniform(0.0, self._weather.longest_late)

    async def _trouble(self, life: Life, point: str) -> None:
        weather, rng = self._weather, self._rng
        if rng.random() < weather.lags:
            await asyncio.sleep(weather.longest_lag * rng.random() ** 4)
        if rng.random() < weather.dies:
            life.end()
        elif point.startswith("journal") and rng.random() < weather.journal_fails:
            raise JournalUnavailable("the seed lets the database fall silent")
        elif point.startswith(("event", "offsets")) and rng.random() < weather.broker_fails:
            raise BrokerUnavailable("the seed lets the broker fall silent")
