"""Fills a journal with many commands in one statement a table, as a journal looks after years."""

from worker.journal.database.protocol import Transaction
from worker.journal.journal import Journal

HOUR = 3_600_000_000
PORTION = 100_000
"""Rows of a statement: fewer than a server makes within the engine's patience."""
NUMBERS = "WITH RECURSIVE n (i) AS (SELECT {first} UNION ALL SELECT n.i + 1 FROM n WHERE n.i < {last})"

LANES = f"""{NUMBERS} INSERT INTO lane (id, partner, customer, owner, epoch, unfinished, unfinished_since)
    SELECT 'us/' || i, 'us', '' || i, CASE WHEN i % 200 < 2 THEN ? WHEN i % 200 < 4 THEN 'another' END, 1,
      CASE WHEN i % 200 < 4 THEN 1 ELSE 0 END, i FROM n"""
"""One lane of a hundred belongs to this worker, and one of a hundred to another."""
COMMANDS = f"""{NUMBERS} INSERT INTO command (uid, source, id, type, lane, partner, customer, fingerprint, algorithm,
      correlation_id, state, code, turn, due_at, received_at, concluded_at, topic, partition, position, recorded_at,
      key, value, headers)
    SELECT 'uid-' || i, '/crm', '' || i, 'azplan.SuspendPlan.v1', 'us/' || (i % {{lanes}}), 'us', '' || (i % {{lanes}}),
      'fingerprint of many letters', 1, 'correlation',
      CASE WHEN i % 1000 = 0 THEN 'accepted' WHEN i % 1000 = 1 THEN 'waiting' WHEN i % 500 = 2 THEN 'failed'
        ELSE 'succeeded' END,
      CASE WHEN i % 500 = 2 THEN 'internal_error' END, i,
      CASE WHEN i % 1000 = 0 THEN i WHEN i % 1000 = 1 THEN {{now}} + {HOUR} END, {{now}} - {{rows}} + i,
      CASE WHEN i % 1000 > 1 THEN {{now}} - {{rows}} + i END, 'commands', 0, i, i, NULL, NULL, '[]' FROM n"""
STEPS = f"""{NUMBERS} INSERT INTO step (uid, name, effect, state, attempts, intent_until, earlier_until, at)
    SELECT 'uid-' || i, 'suspend', 'state', 'applied', 1, 0, 0, i FROM n"""
CALLS = f"""{NUMBERS} INSERT INTO call (uid, redrive, at, step, operation, status, duration_ms, request_id,
      correlation_id, request, answered)
    SELECT 'uid-' || i, 0, i, '', 'subscriptions.list', '200', 50, 'request', 'correlation', 'key', 1 FROM n"""
EVENTS = f"""{NUMBERS} INSERT INTO event (id, uid, redrive, type, lane, key, value, headers, at, sent_at)
    SELECT 'event-' || i, 'uid-' || i, 0, 'azplan.PlanSuspended.v1', 'us/' || (i % {{lanes}}), CAST('k' AS {{bytes}}),
      CAST('v' AS {{bytes}}), '[]', i, CASE WHEN i % 1000 > 1 THEN i END FROM n"""
LETTERS = f"""{NUMBERS} INSERT INTO dead_letter (lane, uid, code, detail, redrive, attempts, correlation_id, topic,
      partition, position, digest, original_headers, headers, at, sent_at, state)
    SELECT 'dead-letters/0', 'uid-' || i * 10, CASE WHEN i % 100 = 0 THEN 'id_reused' ELSE 'internal_error' END,
      'detail', 0, 1, 'correlation', 'commands', 0, i, 'digest', '[]', '[]', i, i,
      CASE WHEN i % 50 = 0 THEN 'open' ELSE 'archived' END FROM n"""
VERSIONS = f"""{NUMBERS} INSERT INTO dataset_version (dataset, content_sha256, version, state, export, manifest_sha256,
      published_at)
    SELECT 'partner=us/lines=usage/billed/invoice=G' || i, 'content', 'version', 'published', 'export', 'manifest', i
    FROM n"""


async def fill(journal: Journal, commands: int, lanes: int) -> None:
    """Fill an empty journal of a worker with this many commands in this many lanes, and let the database count them."""

    async def write(tx: Transaction) -> None:
        on_postgres = bool(tx.locking)
        words = {"now": tx.now, "lanes": lanes, "bytes": "bytea" if on_postgres else "blob"}
        tables = ((LANES, lanes), (COMMANDS, commands), (STEPS, commands), (CALLS, commands), (EVENTS, commands))
        for table, rows in (*tables, (LETTERS, commands // 10), (VERSIONS, commands // 10)):
            for first in range(1, rows + 1, PORTION):
                sql = table.format(first=first, last=min(rows, first + PORTION - 1), rows=rows, **words)
                await tx.run(sql, *([journal.worker] if table is LANES else []))
        await tx.run("ANALYZE" if on_postgres else "SELECT 1")

    await journal.transactions.write(write)
