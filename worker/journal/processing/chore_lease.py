"""Work that one worker at a time does for all workers.

A chore only saves double work: the work must be correct even if two workers do the chore at the same time.
"""

from worker.clock import duration_micros
from worker.journal.database.protocol import Transaction

TAKE = """INSERT INTO chore (name, worker, until) VALUES (?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET worker = excluded.worker, until = excluded.until
    WHERE chore.worker = excluded.worker OR chore.until <= ?"""


async def take(tx: Transaction, name: str, worker: str, seconds: float) -> bool:
    """Take or keep a chore for `seconds` by the database's clock. False while another worker has it."""
    return await tx.run(TAKE, name, worker, tx.now + duration_micros(seconds), tx.now) == 1
