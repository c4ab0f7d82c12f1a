"""Binds the journal to the consumer group and the commands topic of its first start."""

import json

from worker.errors import JournalRefused
from worker.journal.database.columns import dump
from worker.journal.database.protocol import Transaction

NAME = "group"


async def is_empty(tx: Transaction) -> bool:
    """True if no record was ever stored and no group was ever bound."""
    rows = await tx.rows(
        """SELECT CASE WHEN EXISTS (SELECT 1 FROM command) OR EXISTS (SELECT 1 FROM dead_letter)
             OR EXISTS (SELECT 1 FROM meta WHERE name = ?) THEN 0 ELSE 1 END AS empty""",
        NAME,
    )
    return bool(rows[0]["empty"])


async def bind(tx: Transaction, group: str, topic: str) -> None:
    """Remember the group and the topic, once. Raises `JournalRefused` if the journal is bound to others."""
    await tx.run(
        "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", NAME, dump([group, topic])
    )
    rows = await tx.rows("SELECT value FROM meta WHERE name = ?", NAME)
    bound_group, bound_topic, *_ = json.loads(rows[0]["value"])
    if (bound_group, bound_topic) != (group, topic):
        raise JournalRefused(
            f"this journal belongs to the group {bound_group} on {bound_topic}, and the worker is set to the group "
            f"{group} on {topic}: one would repeat the work of the other. Set AZPLAN_KAFKA__GROUP_ID and "
            "AZPLAN_KAFKA__COMMANDS_TOPIC back, or give the worker the journal of its group (AZPLAN_JOURNAL__URL)."
        )
