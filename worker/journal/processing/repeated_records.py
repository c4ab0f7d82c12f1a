"""Knows records again that are in the journal already, by their place on the topic and a digest of their bytes.

A replay reads many such records. Their bytes alone show that they have the same identity and the same content, so they
need not be decoded. Every other record takes the ordinary way.
"""

from collections import defaultdict
from collections.abc import Sequence

from events.wire.record import Record
from worker.journal.database.columns import digest
from worker.journal.database.protocol import Transaction, Value

FEWEST = 16
"""In a smaller batch the records are decoded: that takes less time than a look at the database."""

OF_PARTITION = """SELECT command.partition AS partition, command.position AS position, command.digest AS digest,
      command.type AS type FROM command
    WHERE command.digest IS NOT NULL AND command.partition = ? AND command.position >= ? AND command.position <= ?
      AND command.topic = ?"""


async def repeated(tx: Transaction, records: Sequence[Record]) -> list[str | None]:
    """For each record of one topic the type of the command that it was taken in as; None if it is not known again."""
    places: dict[int, list[int]] = defaultdict(list)
    for record in records:
        places[record.partition].append(record.offset)
    values: list[Value] = []
    for partition, offsets in places.items():
        values += (partition, min(offsets), max(offsets), records[0].topic)
    rows = await tx.rows(" UNION ALL ".join([OF_PARTITION] * len(places)), *values)
    known = {(row["partition"], row["position"], row["digest"]): row["type"] for row in rows}
    if not known:
        return [None] * len(records)
    return [known.get((record.partition, record.offset, digest(record))) for record in records]
