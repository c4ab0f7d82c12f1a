"""Knows records again that are in the journal already, by a digest of their bytes.

A replay reads many such records, at their old places on the topic or at new ones. Their bytes alone show that they have
the same identity and the same content, so they need not be decoded. Every other record takes the ordinary way.
"""

from collections.abc import Sequence

from events.wire.record import Record
from worker.journal.database.columns import digest
from worker.journal.database.protocol import Transaction

FEWEST = 16
"""In a smaller batch the records are decoded: that takes less time than a look at the database."""


async def repeated(tx: Transaction, records: Sequence[Record]) -> list[str | None]:
    """For each record the type of the command that it was taken in as; None if it is not known again."""
    digests = [digest(record) for record in records]
    rows = await tx.rows(
        f"SELECT digest, type FROM command WHERE digest IS NOT NULL AND {tx.among('digest')}", sorted(set(digests))
    )
    known = {row["digest"]: row["type"] for row in rows}
    return [known.get(each) for each in digests]
