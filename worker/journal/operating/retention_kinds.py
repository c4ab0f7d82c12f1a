"""Forgets finished work, a portion at a time: first the details of a command, much later the whole command.

Never forgotten, however old: open commands, unsent events, writes in doubt, open effects, and every open dead letter
with its command, because a person has still to look at it. The recorded answer is kept as long as its command. A lane
is kept as long as anything stands in it.

Each kind is searched page by page (`find`). `forget` checks the rows of a page again under the locks of their lanes, so
two processes may forget at the same time.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from worker.clock import duration_micros
from worker.journal.database.protocol import Transaction, Value
from worker.journal.database.state_conditions import ENDED
from worker.journal.operating import replay_plans
from worker.journal.reading import seen_lags
from worker.journal.records import Micros

PORTION = 200
"""Rows to a transaction. Few, because workers wait for the lanes that the transaction locks."""

OVER = f"""concluded_at < ? AND {ENDED}
    AND NOT EXISTS (SELECT 1 FROM effect WHERE effect.uid = command.uid)
    AND NOT EXISTS (SELECT 1 FROM step WHERE step.uid = command.uid AND (step.state = 'intended'
        OR intent_until > ? OR earlier_until > ?))
    AND NOT EXISTS (SELECT 1 FROM event WHERE event.uid = command.uid AND sent_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM dead_letter
        WHERE dead_letter.uid = command.uid AND (dead_letter.state = 'open' OR sent_at IS NULL))
    AND NOT EXISTS (SELECT 1 FROM act WHERE act.uid = command.uid AND done_at IS NULL)"""
LETTERS_OVER = "uid IS NULL AND state <> 'open' AND sent_at IS NOT NULL AND at < ?"
DETAILED = "pruned_at IS NULL"

IDLE = """customer <> '' AND owner IS NULL AND unfinished = 0 AND settle_until <= ?
    AND NOT EXISTS (SELECT 1 FROM effect WHERE effect.lane = lane.id)
    AND NOT EXISTS (SELECT 1 FROM event WHERE event.lane = lane.id AND sent_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM act WHERE act.lane = lane.id AND done_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM command WHERE command.customer = lane.customer AND command.lane = lane.id"""
"""A customer's lane in which nothing stands. The lanes of dead letters stay: they are few, and any batch may need them.

Commands are found by their customer, for which there is an index. Sent events and answered requests go with their
commands. The last bracket is open: the caller adds which commands count, and closes it."""
ONE_VERSION = "SELECT count(DISTINCT version) AS n FROM worker WHERE expires_at > ?"
"""An older worker may not expect that a lane is deleted while it takes a command in. While workers of two versions run,
no lane is deleted."""

BARE_COMMAND = "UPDATE command SET key = NULL, value = NULL, headers = '[]', memory = '{}', pruned_at = ? WHERE uid = ?"
BARE_LETTER = """UPDATE dead_letter SET key = NULL, value = NULL, original_headers = '[]', headers = '[]', pruned_at = ?
    WHERE pruned_at IS NULL AND"""

Place = tuple[Value, ...]
"""The place at which a page ended."""


@dataclass(frozen=True, slots=True)
class Ages:
    """Seconds for which a finished command is remembered (`whole`), and for which its details are."""

    whole: float
    details: float


@dataclass(frozen=True, slots=True)
class Page:
    """A page: the rows that can probably be forgotten, their lanes, and the place where the next page begins.

    `end` is None for the last page.
    """

    found: Sequence[str]
    lanes: Sequence[str]
    end: Place | None


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of row that is forgotten.

    `find` looks at the next rows from a place on. `forget` takes the rows that `find` found, and returns how many of
    them it has forgotten.
    """

    name: str
    begin: Place
    find: Callable[[Transaction, Ages, Place, int], Awaitable[Page]]
    forget: Callable[[Transaction, Ages, Sequence[str]], Awaitable[int]]


def over(tx: Transaction, age: float) -> tuple[Micros, Micros, Micros]:
    """The values of `OVER`."""
    return before(tx, age), tx.now, tx.now


def before(tx: Transaction, age: float) -> Micros:
    """The instant `age` seconds ago."""
    return tx.now - duration_micros(age)


# ---- commands


async def _commands(tx: Transaction, age: float, condition: str, place: Place, limit: int) -> Page:
    """A page of commands in the order in which they ended. `found` has the commands that are over for `age` seconds."""
    rows = await tx.rows(
        f"""SELECT uid, lane, concluded_at, seq, CASE WHEN {OVER} THEN 1 ELSE 0 END AS over
            FROM (SELECT uid, lane, state, concluded_at, seq FROM command
                  WHERE concluded_at IS NOT NULL AND (concluded_at, seq) > (?, ?) AND concluded_at < ? AND {condition}
                  ORDER BY concluded_at, seq LIMIT ?) AS command
            ORDER BY concluded_at, seq""",
        *over(tx, age),
        *place,
        before(tx, age),
        limit,
    )
    meant = [row for row in rows if row["over"]]
    end = (rows[-1]["concluded_at"], rows[-1]["seq"]) if len(rows) == limit else None
    return Page([row["uid"] for row in meant], sorted({row["lane"] for row in meant}), end)


async def _still_over(tx: Transaction, age: float, condition: str, uids: Sequence[str]) -> list[str]:
    rows = await tx.rows(
        f"SELECT uid FROM command WHERE {tx.among('uid')} AND {condition} AND {OVER}", list(uids), *over(tx, age)
    )
    return [row["uid"] for row in rows]


async def _find_whole(tx: Transaction, ages: Ages, place: Place, limit: int) -> Page:
    return await _commands(tx, ages.whole, "1 = 1", place, limit)


async def _forget_whole(tx: Transaction, ages: Ages, uids: Sequence[str]) -> int:
    """Delete these commands and all their rows."""
    gone = await _still_over(tx, ages.whole, "1 = 1", uids)
    for table in ("export_part", "export", "step", "call", "note", "event", "dead_letter", "act", "command"):
        await tx.many(f"DELETE FROM {table} WHERE uid = ?", [(uid,) for uid in gone])
    return len(gone)


async def _find_detailed(tx: Transaction, ages: Ages, place: Place, limit: int) -> Page:
    return await _commands(tx, ages.details, DETAILED, place, limit)


async def _forget_details(tx: Transaction, ages: Ages, uids: Sequence[str]) -> int:
    """Delete the details of these commands. Their identity, the digest of their content and their answers stay."""
    bared = await _still_over(tx, ages.details, DETAILED, uids)
    await tx.many(BARE_COMMAND, [(tx.now, uid) for uid in bared])
    await tx.many(f"{BARE_LETTER} uid = ?", [(tx.now, uid) for uid in bared])
    for table in ("export_part", "export", "step", "call", "note"):
        await tx.many(f"DELETE FROM {table} WHERE uid = ?", [(uid,) for uid in bared])
    return len(bared)


# ---- dead letters of records that never were a command, after a person has dealt with them


async def _letters(tx: Transaction, age: float, condition: str, place: Place, limit: int) -> Page:
    rows = await tx.rows(
        f"""SELECT at, seq, CASE WHEN {LETTERS_OVER} AND {condition} THEN 1 ELSE 0 END AS over
            FROM (SELECT at, seq, uid, state, sent_at, pruned_at FROM dead_letter
                  WHERE (at, seq) > (?, ?) AND at < ? ORDER BY at, seq LIMIT ?) AS dead_letter
            ORDER BY at, seq""",
        before(tx, age),
        *place,
        before(tx, age),
        limit,
    )
    end = (rows[-1]["at"], rows[-1]["seq"]) if len(rows) == limit else None
    return Page([str(row["seq"]) for row in rows if row["over"]], (), end)


async def _find_letters(tx: Transaction, ages: Ages, place: Place, limit: int) -> Page:
    return await _letters(tx, ages.whole, "1 = 1", place, limit)


async def _forget_letters(tx: Transaction, ages: Ages, numbers: Sequence[str]) -> int:
    gone = before(tx, ages.whole)
    delete = f"DELETE FROM dead_letter WHERE seq = ? AND {LETTERS_OVER}"
    return sum([await tx.run(delete, int(number), gone) for number in numbers])


async def _find_detailed_letters(tx: Transaction, ages: Ages, place: Place, limit: int) -> Page:
    return await _letters(tx, ages.details, DETAILED, place, limit)


async def _forget_details_of_letters(tx: Transaction, ages: Ages, numbers: Sequence[str]) -> int:
    old = before(tx, ages.details)
    bare = f"{BARE_LETTER} seq = ? AND {LETTERS_OVER}"
    return sum([await tx.run(bare, tx.now, int(number), old) for number in numbers])


# ---- requests about no single command; replay plans; lanes


async def _find_acts(tx: Transaction, ages: Ages, _place: Place, limit: int) -> Page:
    rows = await tx.rows(
        "SELECT seq FROM act WHERE uid IS NULL AND done_at < ? ORDER BY seq LIMIT ?", before(tx, ages.whole), limit
    )
    return Page([str(row["seq"]) for row in rows], (), () if len(rows) == limit else None)


async def _forget_acts(tx: Transaction, _ages: Ages, numbers: Sequence[str]) -> int:
    await tx.many("DELETE FROM act WHERE seq = ?", [(int(number),) for number in numbers])
    return len(numbers)


async def _find_plans(tx: Transaction, ages: Ages, _place: Place, _limit: int) -> Page:
    found = await replay_plans.over(tx, ages.details)
    return Page(found, (), () if found else None)


async def _forget_plans(tx: Transaction, ages: Ages, _ids: Sequence[str]) -> int:
    return await replay_plans.forget(tx, ages.details, PORTION)


async def _find_lags(tx: Transaction, _ages: Ages, _place: Place, limit: int) -> Page:
    found = await seen_lags.superseded(tx, limit)
    return Page([str(number) for number in found], (), () if len(found) == limit else None)


async def _forget_lags(tx: Transaction, _ages: Ages, numbers: Sequence[str]) -> int:
    await seen_lags.forget(tx, [int(number) for number in numbers])
    return len(numbers)


async def _find_lanes(tx: Transaction, _ages: Ages, place: Place, limit: int) -> Page:
    rows = await tx.rows(
        f"""SELECT id, CASE WHEN {IDLE}) THEN 1 ELSE 0 END AS idle
            FROM (SELECT id, customer, owner, unfinished, settle_until FROM lane
                  WHERE id > ? ORDER BY id LIMIT ?) AS lane ORDER BY id""",
        tx.now,
        *place,
        limit,
    )
    found = [row["id"] for row in rows if row["idle"]]
    return Page(found, found, (rows[-1]["id"],) if len(rows) == limit else None)


async def _forget_lanes(tx: Transaction, _ages: Ages, ids: Sequence[str]) -> int:
    """Delete idle lanes under their locks. A worker that takes in a command meanwhile waits, then makes the lane."""
    if int((await tx.rows(ONE_VERSION, tx.now))[0]["n"]) > 1:
        return 0
    gone = await tx.rows(f"DELETE FROM lane WHERE {tx.among('id')} AND {IDLE}) RETURNING id", list(ids), tx.now)
    for row in gone:
        tx.known.lanes.pop(row["id"], None)
    return len(gone)


KINDS = (
    Kind("plans", (), _find_plans, _forget_plans),
    Kind("commands", (0, 0), _find_whole, _forget_whole),
    Kind("details", (0, 0), _find_detailed, _forget_details),
    Kind("letters", (0, 0), _find_letters, _forget_letters),
    Kind("details of letters", (0, 0), _find_detailed_letters, _forget_details_of_letters),
    Kind("requests", (), _find_acts, _forget_acts),
    Kind("lags", (), _find_lags, _forget_lags),
    Kind("lanes", ("",), _find_lanes, _forget_lanes),
)
"""All kinds that are forgotten, in this order."""
