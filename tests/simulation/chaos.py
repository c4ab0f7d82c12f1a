"""What a seed does to the workers: delays, silence of database and broker, pauses, deaths."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from tests.support.boundaries import Life, Script
from worker.broker.port import BrokerUnavailable
from worker.errors import JournalUnavailable
from worker.files.errors import DestinationUnavailable

DEADLY = 0.25
"""Share of the boundaries of one kind at which a worker dies, if a seed has picked that kind."""
FREEZES = 0.25
"""Share of the requests before which a worker is stopped, if a seed has picked such stops."""
LONGEST_FREEZE = 240.0
"""Virtual seconds of a stop: long enough for others to take over the worker's lanes, settle and act."""


@dataclass(frozen=True, slots=True)
class Weather:
    """How rough the weather is. Shares are of all boundaries; seconds are virtual."""

    lags: float
    """Share of boundaries with a delay."""
    longest_lag: float
    journal_fails: float
    """Share of writes that the database does not answer. Half of these writes have been made."""
    broker_fails: float
    """Share of records and commits of offsets that the broker does not answer. Half of these have been written."""
    dies: float
    """Share of boundaries at which a worker dies."""
    deadly: str
    """A word in the names of boundaries at which a worker dies much more often; empty for none."""
    freezes: bool
    """Whether workers are stopped, as by SIGSTOP, just before a request leaves. Some stops are long."""
    late: float
    """Share of requests of dying workers that arrive nevertheless."""
    longest_late: float
    files_fail: float = 0.0
    """Share of writes that the destination of files does not answer. Half of these writes have been made."""


@dataclass
class Sky:
    """The weather above all workers of a seed."""

    weather: Weather
    calm: bool = False
    """Good weather: everything works."""
    database_down: bool = False
    happened: Counter[str] = field(default_factory=Counter)
    """How often each thing happened."""
    notes: list[tuple[float, str]] = field(default_factory=list)
    """The same events one by one, each with its virtual instant."""

    def note(self, what: str, about: str = "") -> None:
        """Note that something happened."""
        self.happened[what] += 1
        self.notes.append((asyncio.get_running_loop().time(), f"{what} {about}".rstrip()))


class Chaos(Script):
    """One worker's bad luck, until the weather is calm."""

    def __init__(self, sky: Sky, rng: Random, name: str) -> None:
        self._sky = sky
        self._rng = rng
        self._name = name
        self._awake = asyncio.Event()
        self._awake.set()
        self._spared = False

    def spare(self) -> None:
        """Nothing bad happens to this worker any more."""
        self._spared = True
        self.go_on()

    def pause(self) -> None:
        """Stop the process, as by SIGSTOP: it crosses no boundary while time goes on around it."""
        self._awake.clear()

    def go_on(self) -> None:
        """Resume the process as if nothing had happened."""
        self._awake.set()

    async def at(self, life: Life, point: str) -> None:
        """Let happen what the seed has for this boundary."""
        if not self._sky.calm and not self._spared:
            await self._trouble(life, point)
        await self._awake.wait()

    def looks(self, _life: Life) -> None:
        """Raise if the database does not answer."""
        if self._sky.database_down:
            raise JournalUnavailable("the seed has taken the database away")

    def arrives_late(self, operation: str) -> float | None:
        """Decide whether a dying worker's request arrives, and when."""
        if self._rng.random() >= self._sky.weather.late:
            return None
        seconds = self._rng.uniform(0.0, self._sky.weather.longest_late)
        self._sky.note("requests of the dead that arrived", f"{operation}, {seconds:.1f} s later")
        return seconds

    async def _trouble(self, life: Life, point: str) -> None:
        weather, rng = self._sky.weather, self._rng
        if point.startswith("journal"):
            self.looks(life)
        if rng.random() < weather.lags:
            self._sky.happened["delays"] += 1
            await asyncio.sleep(weather.longest_lag * rng.random() ** 4)
            if self._sky.calm or self._spared:
                return
        if weather.freezes and "before it leaves" in point and rng.random() < FREEZES:
            self._freeze(rng.uniform(1.0, LONGEST_FREEZE), point)
        deadly = DEADLY if weather.deadly and weather.deadly in point else weather.dies
        if rng.random() < deadly:
            self._sky.note("deaths at a boundary", f"{self._name} at {point}")
            life.end()
        elif point.startswith("journal") and rng.random() < weather.journal_fails:
            self._silent("database", JournalUnavailable, point)
        elif point.startswith(("event", "offsets")) and rng.random() < weather.broker_fails:
            self._silent("broker", BrokerUnavailable, point)
        elif point.startswith("files") and rng.random() < weather.files_fail:
            self._silent("destination", DestinationUnavailable, point)

    def _freeze(self, seconds: float, point: str) -> None:
        self._sky.note("pauses just before a request leaves", f"{self._name} at {point}, {seconds:.0f} s")
        self.pause()
        asyncio.get_running_loop().call_later(seconds, self.go_on)

    def _silent(self, who: str, error: Callable[[str], Exception], point: str) -> None:
        done = "" if "before" in point else ", and it is written"
        self._sky.note(f"no answer of the {who}{done}", f"{self._name} at {point}")
        raise error(f"the seed lets the {who} fall silent")
