"""One scene from its first record to its verdict."""

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
from aiokafka.errors import KafkaError

from ops.local.databases import fresh_database
from ops.local.topics import Topics
from tests.storm import remains
from tests.storm.crew import Crew
from tests.storm.ground import Ground
from tests.storm.load import Load, compose, counts_of, send
from tests.storm.verdict import Line, judge

QUICK = {
    "AZPLAN_HTTP__PORT": "0",
    "AZPLAN_METRICS__PORT": "0",
    "AZPLAN_LOG__LEVEL": "debug",
    "AZPLAN_LOG__FORMAT": "json",
    "AZPLAN_PARTNERS__CONTOSO__REQUESTS_PER_MINUTE": "1000000",
    "AZPLAN_WORKER__LEASE": "6",
    "AZPLAN_WORKER__HEARTBEAT": "0.5",
    "AZPLAN_WORKER__CALL_TIMEOUT": "3",
    "AZPLAN_WORKER__DRAIN_TIMEOUT": "10",
    "AZPLAN_WAITS__FIRST": "0.3",
    "AZPLAN_WAITS__MAX": "2",
    "AZPLAN_WAITS__SETTLE": "4",
    "AZPLAN_WAITS__ORDER_LIST_LAG": "3",
    "AZPLAN_RETRIES__FIRST": "0.3",
    "AZPLAN_RETRIES__MAX": "3",
}
"""Leases and pauses of seconds, within the contract's bounds between them."""
LEASE = float(QUICK["AZPLAN_WORKER__LEASE"])
FAULTS = ("reset_after", "reset_before", "error_after", "late", "truncated", "gateway")
"""Faults of some writes in every scene, beside the scene's own trouble."""
FAULTY = 0.015
"""Share of the writes with each of these faults."""
WRITES = (
    *("carts.checkout", "subscriptions.patch", "upgrades.create"),
    *("azure_entitlements.cancel", "azure_entitlements.reactivate"),
    *("arm.subscriptions.cancel", "arm.subscriptions.enable", "arm.reservations.return"),
)
THROUGH = "AZPLAN_PARTNERS__CONTOSO__CANCEL_THROUGH"
WAYS = ("partner_center", "arm", "arm_then_partner_center")
"""Azure subscriptions are cancelled and brought back in one of these ways, by the seed of the scene."""
LATE_SECONDS = 2.0
REST_SECONDS = 90.0
"""Seconds after the last trouble within which everything comes to rest.

A command that has not ended by then is lost.
"""
TELL_EVERY = 5.0


@dataclass(frozen=True)
class Scene:
    """The trouble of a scene, and the amount of work beside it."""

    name: str
    trouble: "Callable[[Storm], Awaitable[None]]"
    commands: int
    over: float
    """Seconds within which the commands are sent."""
    customers: int = 42
    settings: Mapping[str, str] = field(default_factory=dict)
    weather: bool = True
    """Whether some answers are lost during the whole scene."""


@dataclass
class Storm:
    """A running scene, as its trouble sees it."""

    scene: Scene
    ground: Ground
    rng: random.Random
    seconds: float
    """How long trouble without an end of its own goes on."""
    folder: Path
    topics: Topics
    database: str
    load: Load
    line: Line
    begun: float = field(default_factory=time.monotonic)
    crew: Crew = field(init=False)

    def __post_init__(self) -> None:
        places = {
            "AZPLAN_JOURNAL__URL": self.database,
            "AZPLAN_FILES__URL": f"file:{self.folder / 'files'}",
            "AZPLAN_FILES__SCRATCH": str(self.folder / "scratch"),
        }
        settings = {**self.topics.env, **self.ground.simulator.env, **QUICK, **places}
        way = self.rng.choice(WAYS)
        self.say(f"{THROUGH}={way}")
        self.crew = Crew(self.folder, {**settings, THROUGH: way, **self.scene.settings}, self.say)

    def say(self, text: str) -> None:
        """Tell the person who watches."""
        sys.stderr.write(f"[{self.scene.name} {time.monotonic() - self.begun:6.1f} s] {text}\n")

    async def rows(self, sql: str, *values: object) -> list[Mapping[str, object]]:
        """Rows of the journal."""
        return await remains.rows(self.database, sql, *values)

    async def done(self) -> int:
        """How many commands are concluded."""
        found = await self.rows("SELECT count(*) AS n FROM command WHERE concluded_at IS NOT NULL")
        return int(str(found[0]["n"]))

    async def resting(self) -> bool:
        """Whether every command is concluded, every event sent, every lane let go and every record committed."""
        found = await self.rows(
            """SELECT (SELECT count(*) FROM command WHERE concluded_at IS NOT NULL) AS concluded,
                      (SELECT count(*) FROM lane WHERE unfinished = 1) AS unfinished,
                      (SELECT count(*) FROM event WHERE sent_at IS NULL) AS unsent"""
        )
        if found[0] != {"concluded": len(self.load.sent), "unfinished": 0, "unsent": 0}:
            return False
        committed = await remains.committed(self.topics)
        return sum(committed.values()) >= self.load.records


async def play(scene: Scene, ground: Ground, seed: int, seconds: float) -> Line:
    """Play a scene and judge its remains."""
    line = Line(scene.name)
    async with _opened(scene, ground, seed, seconds, line) as storm:
        telling = asyncio.create_task(_tell(storm))
        try:
            await _trouble(storm)
            await asyncio.to_thread(ground.simulator.calm)
            await _rest(storm)
        finally:
            telling.cancel()
        running = [number for number, worker in storm.crew.workers.items() if worker.running]
        for sentences in await asyncio.gather(*map(storm.crew.stop, running)):
            for sentence in sentences:
                line.find(sentence)
        left = await remains.read(
            storm.load, storm.topics, storm.database, storm.folder, ground.simulator, storm.crew.runs()
        )
        await judge(left, line)
        for sentence in storm.crew.complaints():
            line.find(sentence)
        line.kills, line.seconds = storm.crew.kills, time.monotonic() - storm.begun
        storm.say(f"{line.commands} commands, {line.effects} effects, {len(line.findings)} findings")
    return line


async def _trouble(storm: Storm) -> None:
    """Start the workers. Make the scene's trouble while its commands are sent."""
    sending = None
    try:
        await storm.crew.start(*storm.crew.workers)
        sending = asyncio.create_task(send(storm.topics, storm.load.postings, over=storm.scene.over))
        await storm.scene.trouble(storm)
        await sending
    except AssertionError as error:  # the awaited condition did not come true
        storm.line.find(f"the scene broke off: {error}")
        if sending is not None:
            await sending
    finally:
        if sending is not None:
            sending.cancel()


@asynccontextmanager
async def _opened(scene: Scene, ground: Ground, seed: int, seconds: float, line: Line) -> AsyncIterator[Storm]:
    """Make topics, a database, customers, and three workers that are not yet started."""
    rng = random.Random(f"{seed} {scene.name}")
    folder = ground.folder / scene.name
    folder.mkdir()
    topics = Topics(ground.kafka.bootstrap_servers)
    await topics.create()
    server = fresh_database(ground.postgres.url())
    database = await asyncio.to_thread(server.__enter__)
    try:
        counts = counts_of(scene.customers)
        customers = {name: await asyncio.to_thread(ground.simulator.customers, name, n) for name, n in counts.items()}
        load = compose(rng, customers, scene.commands)
        storm = Storm(scene, ground, rng, seconds, folder, topics, database, load, line)
        for number in (1, 2, 3):
            storm.crew.hire(number)
        await asyncio.to_thread(_bad_weather, storm)
        try:
            yield storm
        finally:
            await storm.crew.end()
    finally:
        await asyncio.to_thread(server.__exit__, None, None, None)


def _bad_weather(storm: Storm) -> None:
    """Lose answers now and then. In half of the scenes Partner Center remembers no request ids."""
    storm.ground.simulator.calm()
    storm.ground.simulator.change(remember_request_ids=storm.rng.random() < 0.5)
    for operation in WRITES if storm.scene.weather else ():
        for kind in FAULTS:
            about = {"seconds": LATE_SECONDS} if kind == "late" else {}
            storm.ground.simulator.fault(kind, operation=operation, probability=FAULTY, count=None, **about)


async def _rest(storm: Storm) -> None:
    """Wait until everything is at rest. The verdict finds everything that is not."""
    end = time.monotonic() + REST_SECONDS
    while time.monotonic() < end:
        with suppress(OSError, TimeoutError, asyncpg.PostgresError, KafkaError):
            if await storm.resting():
                return
        await asyncio.sleep(0.5)
    storm.say(f"not at rest after {REST_SECONDS:g} s")


async def _tell(storm: Storm) -> None:
    """Report progress, and restart workers that ended unasked."""
    while True:
        await asyncio.sleep(TELL_EVERY)
        with suppress(OSError, TimeoutError, asyncpg.PostgresError):
            storm.say(f"{await storm.done()} of {len(storm.load.sent)} commands concluded")
        for number in storm.crew.fallen():
            storm.line.find(f"worker-{number} ended by itself: {storm.crew.workers[number].output()[-500:]}")
            await storm.crew.launch(number)
