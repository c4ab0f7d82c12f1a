"""Events and dead letters that Kafka has not acknowledged yet."""

from collections.abc import Sequence

from events.wire.record import Headers
from worker.journal.database.columns import load_headers
from worker.journal.database.protocol import Row, Transaction
from worker.journal.database.state_conditions import OWN_LANE
from worker.journal.records import Unsent

EVENTS = f"""SELECT 0 AS letter, event.seq AS seq, event.lane AS lane, event.key AS key, event.value AS value,
      event.headers AS headers, event.type AS type, event.at AS at, command.type AS asked,
      command.recorded_at AS asked_at
    FROM event JOIN lane ON lane.id = event.lane LEFT JOIN command ON command.uid = event.uid
    WHERE event.sent_at IS NULL AND {OWN_LANE} AND event.seq > ? AND NOT EXISTS (
      SELECT 1 FROM event AS held WHERE held.lane = event.lane AND held.sent_at IS NULL AND held.seq <= ?)
    ORDER BY event.seq LIMIT {{limit:d}}"""
LETTERS = f"""SELECT 1, dead_letter.seq, dead_letter.lane, dead_letter.key, dead_letter.value, dead_letter.headers,
      dead_letter.code, dead_letter.at, NULL, CAST(NULL AS bigint)
    FROM dead_letter JOIN lane ON lane.id = dead_letter.lane
    WHERE dead_letter.sent_at IS NULL AND {OWN_LANE} AND dead_letter.seq > ?
    ORDER BY dead_letter.seq LIMIT {{limit:d}}"""
UNSENT = f"SELECT * FROM ({EVENTS}) AS unsent_event UNION ALL SELECT * FROM ({LETTERS}) AS unsent_letter"
SENT = "UPDATE {table} SET sent_at = ? WHERE seq = ? AND sent_at IS NULL"


async def unsent(tx: Transaction, worker: str, limit: int, after: tuple[int, int]) -> list[Unsent]:
    """The oldest unsent events and dead letters of this worker's lanes, beyond the given sequence numbers.

    The events of a lane are read in their order: an event is left out while its lane has an unsent event up to the
    given number. Such a lane is held up, or the worker took it a moment ago. One statement, with the limit in its text.
    """
    events, letters = after
    rows = await tx.rows(UNSENT.format(limit=limit), worker, events, events, worker, letters)
    found = [_unsent(row, letter=bool(row["letter"])) for row in rows]
    return sorted(found, key=lambda row: (row.letter, row.seq))


def _unsent(row: Row, *, letter: bool) -> Unsent:
    headers: Headers = ()
    unreadable = None
    try:
        headers = load_headers(row["headers"])
    except (ValueError, TypeError) as error:
        unreadable = f"the headers of number {row['seq']} cannot be read: {error}"
    return Unsent(
        seq=row["seq"],
        lane=row["lane"],
        letter=letter,
        key=row["key"],
        value=row["value"],
        headers=headers,
        type=row["type"],
        at=row["at"],
        asked=row["asked"],
        asked_at=row["asked_at"],
        unreadable=unreadable,
    )


async def sent(tx: Transaction, rows: Sequence[Unsent]) -> None:
    """Remember that Kafka has acknowledged these events and dead letters."""
    for table, letter in (("event", False), ("dead_letter", True)):
        done = [(tx.now, row.seq) for row in rows if row.letter is letter]
        if done:
            await tx.many(SENT.format(table=table), done)
