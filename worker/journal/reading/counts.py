"""Counts of the journal: cheap ones for metrics, and full ones for people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from worker.journal.database.protocol import Transaction
from worker.journal.database.schema import TABLES
from worker.journal.database.state_conditions import OPEN
from worker.journal.database.transactions import Transactions
from worker.journal.reading import seen_lags
from worker.journal.records import SECOND, Micros

OPEN_TYPES = f"""WITH RECURSIVE found (type) AS (
      SELECT min(type) FROM command WHERE {OPEN}
      UNION ALL
      SELECT (SELECT min(command.type) FROM command WHERE {OPEN} AND command.type > found.type)
      FROM found WHERE found.type IS NOT NULL)
    SELECT type, (SELECT min(received_at) FROM command WHERE {OPEN} AND command.type = found.type) AS oldest
    FROM found WHERE type IS NOT NULL"""

BACKLOG = """SELECT
    (SELECT count(*) FROM event WHERE sent_at IS NULL) + (SELECT count(*) FROM dead_letter WHERE sent_at IS NULL) AS n,
    (SELECT at FROM event WHERE sent_at IS NULL ORDER BY seq LIMIT 1) AS event_at,
    (SELECT at FROM dead_letter WHERE sent_at IS NULL ORDER BY seq LIMIT 1) AS letter_at"""


@dataclass(frozen=True, slots=True)
class Gauges:
    """Open commands, unsent events and open dead letters, in numbers. Ages are seconds.

    `oldest_open_age` is by type of command. `oldest_detail_age`: since the end of the command whose details have been
    kept for longest.
    """

    open: int
    oldest_open_age: Mapping[str, float]
    dead_letters: int
    outbox_pending: int
    outbox_oldest_age: float
    oldest_detail_age: float = 0.0


@dataclass(frozen=True, slots=True)
class LivingWorker:
    """A worker whose row has not expired."""

    id: str
    name: str
    version: str
    started_at: Micros
    seen_at: Micros
    lanes: int


@dataclass(frozen=True, slots=True)
class Stats:
    """The whole journal in numbers.

    `commands` are by state, then type. `lanes` counts the unfinished lanes, `free_lanes` the unfinished lanes that no
    living worker owns. `bytes` is the space that the journal takes in the database.
    """

    commands: Mapping[str, Mapping[str, int]]
    oldest_open_at: Micros | None
    dead_letters: Mapping[str, int]
    outbox_pending: int
    outbox_oldest_at: Micros | None
    lanes: int
    free_lanes: int
    effects: int
    pauses: int
    open_requests: int
    workers: Sequence[LivingWorker]
    bytes: int
    lags: Sequence[seen_lags.LagSummary]


async def gauges(tx: Transaction) -> Gauges:
    """The gauges. They are read from indexes, so a worker may ask every few seconds."""
    counted = await tx.rows(
        f"""SELECT (SELECT count(*) FROM command WHERE {OPEN}) AS open,
            (SELECT count(*) FROM dead_letter WHERE state = 'open') AS letters,
            (SELECT min(concluded_at) FROM command WHERE concluded_at IS NOT NULL AND pruned_at IS NULL) AS detailed"""
    )
    pending, oldest = await backlog(tx)
    detailed = counted[0]["detailed"]
    return Gauges(
        open=counted[0]["open"],
        oldest_open_age={row["type"]: age(tx, row["oldest"]) for row in await tx.rows(OPEN_TYPES)},
        dead_letters=counted[0]["letters"],
        outbox_pending=pending,
        outbox_oldest_age=0.0 if oldest is None else age(tx, oldest),
        oldest_detail_age=0.0 if detailed is None else age(tx, detailed),
    )


async def backlog(tx: Transaction) -> tuple[int, Micros | None]:
    """How many events and dead letters wait for Kafka, and since when the oldest of them waits."""
    row = (await tx.rows(BACKLOG))[0]
    return int(row["n"]), min((at for at in (row["event_at"], row["letter_at"]) if at is not None), default=None)


def age(tx: Transaction, at: Micros) -> float:
    """Seconds since an instant."""
    return max(0.0, (tx.now - at) / SECOND)


async def stats(tx: Transaction) -> Stats:
    """The whole journal in numbers. It takes a while on a large journal."""
    pending, oldest = await backlog(tx)
    workers = await living_workers(tx)
    lanes, owned = await _number(tx, "lane", "unfinished = 1"), sum(worker.lanes for worker in workers)
    return Stats(
        commands=await _commands(tx),
        oldest_open_at=min((row["oldest"] for row in await tx.rows(OPEN_TYPES)), default=None),
        dead_letters={
            row["code"]: row["n"]
            for row in await tx.rows(
                "SELECT code, count(*) AS n FROM dead_letter WHERE state = 'open' GROUP BY code ORDER BY code"
            )
        },
        outbox_pending=pending,
        outbox_oldest_at=oldest,
        lanes=lanes,
        free_lanes=lanes - owned,
        effects=await _number(tx, "effect", "1 = 1"),
        pauses=await _number(tx, "pause", "1 = 1"),
        open_requests=await _number(tx, "act", "done_at IS NULL"),
        workers=workers,
        bytes=int((await tx.rows(tx.size, TABLES))[0]["bytes"]),
        lags=await seen_lags.summaries(tx),
    )


async def living_workers(tx: Transaction) -> list[LivingWorker]:
    """The workers that are alive, the oldest first. They carry out requests."""
    return [
        LivingWorker(row["id"], row["name"], row["version"], row["started_at"], row["seen_at"], row["lanes"])
        for row in await tx.rows(
            """SELECT id, name, version, started_at, seen_at,
                 (SELECT count(*) FROM lane WHERE owner = worker.id AND unfinished = 1) AS lanes
               FROM worker WHERE expires_at > ? ORDER BY started_at, id""",
            tx.now,
        )
    ]


async def _commands(tx: Transaction) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for row in await tx.rows(
        "SELECT state, type, count(*) AS n FROM command GROUP BY state, type ORDER BY state, type"
    ):
        found.setdefault(row["state"], {})[row["type"]] = row["n"]
    return found


async def _number(tx: Transaction, table: str, condition: str) -> int:
    return int((await tx.rows(f"SELECT count(*) AS n FROM {table} WHERE {condition}"))[0]["n"])


class Statistics:
    """Counts for people. Every method raises `JournalUnavailable`."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def whole(self) -> Stats:
        """The whole journal in numbers. It takes a while on a large journal."""
        return await self._transactions.read(stats)

    async def living_workers(self) -> list[LivingWorker]:
        """The workers that are alive, the oldest first. They carry out requests."""
        return await self._transactions.read(living_workers)
