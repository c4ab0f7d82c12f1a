"""The trouble, scene by scene. Each scene is a coroutine that makes its trouble while commands come in."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from ops.local.kafka_messages import Sent
from ops.local.waiting import eventually
from tests.storm.exports import SETTINGS, anyone, ask_for_exports, converting
from tests.storm.load import posting, send
from tests.storm.storm import LEASE, Scene, Storm
from tests.support.harness import SOURCE

SESSION = 15.0
"""Seconds after which the group counts a silent member as gone. Once another member joins, nobody reads until then."""
KILLS_IN_A_ROW = 4
EXPORTING = 0.5
"""Share of the scene `kill` for which workers are killed in the scene `exports`."""
HELD = 16
"""Number of customers whose check-out is held back."""


async def rolling_restart(storm: Storm) -> None:
    """SIGTERM to one worker after the other: each stops in order and comes back before the next one stops."""
    for number in list(storm.crew.workers):
        await asyncio.sleep(2)
        await stop(storm, number)
        await storm.crew.start(number)
        storm.say(f"worker-{number} is back")


async def kill(storm: Storm) -> None:
    """`kill -9` every few seconds. Each worker is started again at once.

    Between rows of kills the group has enough quiet to remove its dead members. Without that, no new record would be
    read during the whole storm.
    """
    await kill_for(storm, storm.seconds)


async def exports(storm: Storm) -> None:
    """`kill -9` every few seconds while invoices are exported into one folder, and Graph and storage fail now and then.

    Kills wait for a worker whose child is converting lines until one was met, and every second one after it.
    Verdict: whole versions of Microsoft's bytes, each once, one answer for each command, no child without its worker.
    """
    seconds = storm.seconds * EXPORTING
    await asyncio.gather(kill_for(storm, seconds, converting), ask_for_exports(storm, seconds))
    storm.say(f"{storm.crew.while_converting} of {storm.crew.kills} workers were killed while their child converted")
    if not storm.crew.while_converting:
        storm.line.find("no worker was killed while its child converted: the scene shows nothing about that")


async def kill_for(storm: Storm, seconds: float, choose: Callable[[Storm], Awaitable[int]] = anyone) -> None:
    """`kill -9` for that long."""
    end = time.monotonic() + seconds
    row = 0
    while time.monotonic() < end:
        row += 1
        await asyncio.sleep(storm.rng.uniform(1.5, 5.0) if row % KILLS_IN_A_ROW else SESSION)
        number = await choose(storm)
        await storm.crew.kill(number)
        await storm.crew.launch(number)


async def rebalance(storm: Storm) -> None:
    """A worker joins and leaves again while check-outs have acted and their answers are held back."""
    storm.crew.hire(4)
    held = await hold_check_outs(storm, seconds=HOLD)
    for what, change in (("joined", storm.crew.start), ("left", partial(stop, storm))):
        await change(4)
        waiting = [each for each in await check_outs(storm, held) if each["status"] is None]
        storm.say(f"a worker {what}; {len(waiting)} of {len(held)} check-outs are still held back")
        if not waiting:
            storm.line.find(f"no check-out was held back any more when a worker had {what}: the scene shows nothing")
    await concluded(storm, held)
    asked = Counter(each["customer"] for each in await check_outs(storm, held))
    if again := sorted(customer for customer, times in asked.items() if times > 1):
        storm.line.find(f"check-outs were sent again although their lanes changed no hands: {again}")


async def pause(storm: Storm) -> None:
    """SIGSTOP for longer than lease and session, with check-outs under way.

    After SIGCONT the worker sends nothing more.
    """
    held = await hold_check_outs(storm, seconds=2.5)
    victim, lost = await victim_of(storm, held)
    worker = storm.crew.workers[victim]
    storm.say(f"SIGSTOP to {worker.name} (pid {worker.pid}), which has {len(lost)} lanes")
    await asyncio.to_thread(worker.pause)
    await eventually(lambda: taken_over(storm, lost), "the lanes of the stopped worker have other owners", within=40)
    await asyncio.sleep(SESSION)
    await concluded(storm, held)
    await as_if_dead(storm, victim, lost, "SIGCONT", partial(asyncio.to_thread, worker.resume))


async def network(storm: Storm) -> None:
    """The way of one worker to the database is cut while Partner Center answers.

    The worker stops sending with its lease.
    """
    crew, way = storm.crew, storm.ground.way
    assert way is not None, "the ground has no way that can be cut"
    ports = [int(each.rpartition(":")[2]) for each in addresses(storm)]
    url = await way.open(storm.database, ports)
    try:
        await stop(storm, 3)
        crew.hire(3, inside=way.inside, AZPLAN_JOURNAL__URL=url)
        await crew.start(3)
        held = await hold_check_outs(storm, seconds=2.5)
        _, lost = await victim_of(storm, held, 3)
        await way.cut()
        storm.say(f"worker-3, which has {len(lost)} lanes, is cut off from the database ({way.kind})")
        await asyncio.sleep(LEASE)
        await as_if_dead(storm, 3, lost, "the end of its lease")
        await eventually(lambda: taken_over(storm, lost), "the lanes of the worker that is cut off", within=60)
        await as_if_dead(storm, 3, lost, "the end of the cut", way.restore)
        await concluded(storm, held)
        await stop(storm, 3)
    finally:
        await way.close()


async def database(storm: Storm) -> None:
    """PostgreSQL is stopped (`-m fast`, then `-m immediate` for longer than the lease) and started again."""
    postgres = storm.ground.postgres
    for how, stop, down in (("fast", postgres.stop, 2.0), ("immediate", postgres.stop_at_once, LEASE + 2.0)):
        await asyncio.sleep(5)
        storm.say(f"stop PostgreSQL -m {how} for {down:g} s")
        await asyncio.to_thread(stop)
        await asyncio.sleep(down)
        await asyncio.to_thread(postgres.start)
        storm.say("PostgreSQL runs again")


async def broker(storm: Storm) -> None:
    """Kafka is stopped in order, and then killed, and started again on its data."""
    kafka = storm.ground.kafka
    for how, stop in (("SIGTERM to", kafka.stop), ("kill -9", kafka.kill)):
        await asyncio.sleep(5)
        storm.say(f"{how} Kafka")
        await asyncio.to_thread(stop)
        await asyncio.sleep(3)
        await asyncio.to_thread(kafka.start)
        storm.say("Kafka runs again")


HOLD = 24.0
SLOW = {
    "AZPLAN_WORKER__LEASE": "30",
    "AZPLAN_WORKER__HEARTBEAT": "1",
    "AZPLAN_WORKER__CALL_TIMEOUT": "28",
    "AZPLAN_WORKER__DRAIN_TIMEOUT": "40",
    "AZPLAN_WAITS__SETTLE": "28",
}
"""The time-out of a check-out is so long that a worker can come and go meanwhile."""

SCENES: Mapping[str, Scene] = {
    scene.name: scene
    for scene in (
        Scene("rolling", rolling_restart, commands=120, over=20),
        Scene("kill", kill, commands=400, over=100),
        Scene("exports", exports, commands=60, over=30, settings=SETTINGS),
        Scene("rebalance", rebalance, commands=80, over=15, settings=SLOW, weather=False),
        Scene("pause", pause, commands=120, over=25),
        Scene("database", database, commands=120, over=20),
        Scene("broker", broker, commands=120, over=20),
        Scene("network", network, commands=120, over=25),
    )
}


# ---- shared by several scenes


async def hold_check_outs(storm: Storm, seconds: float) -> list[str]:
    """New customers buy. Returns when Partner Center has made their orders and holds the answers back."""
    simulator = storm.ground.simulator
    customers = await asyncio.to_thread(simulator.customers, "ready", HELD)
    for customer in customers:
        about = {"operation": "carts.checkout", "customer": customer, "seconds": seconds}
        await asyncio.to_thread(partial(simulator.fault, "slow_answer", **about))
    commands = [Sent("CreateAzurePlan", customer, id=f"held-{customer}", source=SOURCE) for customer in customers]
    storm.load.add(commands)
    await send(storm.topics, [posting(one, n % 6) for n, one in enumerate(commands)], over=0)

    async def ordered() -> bool:
        return bool(await check_outs(storm, customers))

    await eventually(ordered, "Partner Center has made an order that it does not answer", within=40)
    await asyncio.sleep(0.5)
    return customers


async def check_outs(storm: Storm, customers: Sequence[str]) -> list[dict[str, Any]]:
    """The check-outs of these customers, as Partner Center received them."""
    found = await asyncio.to_thread(lambda: storm.ground.simulator.book("requests", operation="carts.checkout"))
    return [each for each in found if each["customer"] in customers]


async def concluded(storm: Storm, customers: Sequence[str]) -> None:
    """Wait until the commands of these customers have their answers."""

    async def look() -> bool:
        sql = "SELECT count(*) AS n FROM command WHERE customer = ANY($1) AND concluded_at IS NULL"
        return not (await storm.rows(sql, list(customers)))[0]["n"]

    await eventually(look, "the purchases that were held back are answered", within=60)


async def victim_of(storm: Storm, customers: Sequence[str], number: int = 0) -> tuple[int, dict[str, int]]:
    """The worker (this one, or any) that runs most of these check-outs, and its unfinished lanes with their epochs."""
    crew = storm.crew
    runners = {run: n for n in crew.workers for run in crew.runs(n)}
    ran = {
        each["customer"]: runners.get(each["headers"].get("ms-correlationid"))
        for each in await check_outs(storm, customers)
    }
    chosen = number or Counter(n for n in ran.values() if n).most_common(1)[0][0]
    found = await storm.rows(
        """SELECT id, epoch FROM lane WHERE unfinished = 1 AND owner IN
           (SELECT owner FROM lane WHERE customer = ANY($1))""",
        [customer for customer, runner in ran.items() if runner == chosen],
    )
    return chosen, {str(row["id"]): int(str(row["epoch"])) for row in found}


async def taken_over(storm: Storm, lanes: Mapping[str, int]) -> bool:
    """Whether each of these lanes has been taken over since."""
    found = await storm.rows("SELECT id, epoch FROM lane WHERE id = ANY($1)", list(lanes))
    return all(int(str(row["epoch"])) > lanes[str(row["id"])] for row in found)


JOURNAL = """SELECT step.uid, step.name, step.state, step.attempts, step.at, step.result, command.state AS command,
    command.revision, command.concluded_at FROM step JOIN command USING (uid)
    WHERE command.lane = ANY($1) AND command.concluded_at IS NOT NULL ORDER BY 1, 2"""


async def as_if_dead(
    storm: Storm, number: int, lost: Mapping[str, int], since: str, wake: Callable[[], Awaitable[None]] | None = None
) -> None:
    """From now on this worker sends nothing for runs that it had begun, and writes nothing for its `lost` lanes.

    `wake` makes the worker go on. Partner Center's books show its requests, the rows of steps and commands its writes.
    """
    simulator = storm.ground.simulator
    before = (await asyncio.to_thread(simulator.counts))["requests"]
    runs = set(storm.crew.runs(number))
    written = await storm.rows(JOURNAL, list(lost))
    if wake:
        await wake()
    await asyncio.sleep(LEASE)
    requests = await asyncio.to_thread(simulator.book, "requests")
    late = [each for each in requests if each["number"] > before and each["headers"].get("ms-correlationid") in runs]
    after = {(row["uid"], row["name"]): row for row in await storm.rows(JOURNAL, list(lost))}
    changed = [row for row in written if after.get((row["uid"], row["name"])) != row]
    storm.say(
        f"since {since} worker-{number} sent {len(late)} requests for {len(runs)} runs begun before it, "
        f"and changed {len(changed)} of {len(written)} steps of the {len(lost)} lanes it had lost"
    )
    if not lost or not runs:
        storm.line.find(f"worker-{number} had nothing to lose: the scene shows nothing")
    for each in late:
        storm.line.find(f"G2: worker-{number} sent {each['operation']} after {since}, for a lane that it had lost")
    for row in changed:
        storm.line.find(f"G2: worker-{number} changed a step after {since}: {row}")


def addresses(storm: Storm) -> list[str]:
    """The addresses of Kafka, Partner Center, Azure Resource Manager, Microsoft Graph, storage and the authority."""
    simulator = storm.ground.simulator
    services = ("BASE_URL", "ARM_URL", "GRAPH_URL", "AUTHORITY")
    places = [simulator.env[f"AZPLAN_PARTNERS__CONTOSO__{name}"] for name in services]
    return [storm.topics.bootstrap_servers, *(urlsplit(each).netloc for each in (*places, simulator.storage))]


async def stop(storm: Storm, number: int) -> None:
    """Send SIGTERM. Everything not in order afterwards is a finding."""
    for sentence in await storm.crew.stop(number):
        storm.line.find(sentence)
