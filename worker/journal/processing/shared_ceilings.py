"""The request ceilings that all processes of a journal share: one row for each tenant and resource family.

`worker.ceiling.shared_ceiling` decides; here its data is locked, read and stored. An exchange is one transaction.
"""

import json
from collections.abc import Mapping
from typing import Any

from worker.ceiling.shared_ceiling import Ceiling, Grant, Holder, Statement, Terms, exchange
from worker.journal.database.protocol import Transaction
from worker.journal.database.transactions import Transactions

Key = tuple[str, str]
"""The word that the lanes of the tenant begin with, and the resource family."""


class SharedCeilings:
    """The ceilings of a journal. Raises `JournalUnavailable` if the database does not answer."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def exchange(self, holder: str, said: Mapping[Key, Statement], terms: Terms) -> Mapping[Key, Grant]:
        """Take the statements of a process about its ceilings, and answer each. Waits behind no other write."""
        return await self._transactions.write_at_once(lambda tx: exchange_all(tx, holder, said, terms))


async def exchange_all(
    tx: Transaction, holder: str, said: Mapping[Key, Statement], terms: Terms
) -> Mapping[Key, Grant]:
    """Take the statements of a process about its ceilings, and answer each with a grant."""
    keys = {f"{word} {family}": (word, family) for word, family in said}
    rows = await _locked(tx, sorted(keys))
    if missing := sorted(keys.keys() - rows.keys()):
        await tx.many(
            "INSERT INTO ceiling (name, held) VALUES (?, '{}') ON CONFLICT (name) DO NOTHING", [(n,) for n in missing]
        )
        rows = await _locked(tx, sorted(keys))
    grants, changed = {}, []
    for name, text in rows.items():
        ceiling, grant = exchange(_ceiling(text), holder, said[keys[name]], terms, tx.now)
        grants[keys[name]] = grant
        changed.append((_text(ceiling), name))
    await tx.many("UPDATE ceiling SET held = ? WHERE name = ?", changed)
    return grants


async def _locked(tx: Transaction, names: list[str]) -> dict[str, str]:
    """The rows of ceilings, locked in the order of their names."""
    rows = await tx.rows(f"SELECT name, held FROM ceiling WHERE {tx.among('name')} ORDER BY name{tx.locking}", names)
    return {row["name"]: row["held"] for row in rows}


def _ceiling(text: str) -> Ceiling:
    found: dict[str, Any] = json.loads(text)
    holders = {name: _holder(each) for name, each in found.get("holders", {}).items()}
    return Ceiling(holders, found.get("hold_until", 0))


def _holder(found: Mapping[str, Any]) -> Holder:
    first = found["first"]
    return Holder(
        until=found["until"],
        gone=found["gone"],
        limit=found["limit"],
        held=found["held"],
        wanted=found["wanted"],
        at=found["at"],
        used={first + place: number for place, number in enumerate(found["used"]) if number},
    )


def _text(ceiling: Ceiling) -> str:
    """The ceiling as JSON. The counts of buckets stand side by side: a minute of them is half a kilobyte."""
    holders = {}
    for name, each in ceiling.holders.items():
        first = min(each.used, default=0)
        holders[name] = {
            "until": each.until,
            "gone": each.gone,
            "limit": each.limit,
            "held": each.held,
            "wanted": each.wanted,
            "at": each.at,
            "first": first,
            "used": [each.used.get(bucket, 0) for bucket in range(first, max(each.used, default=-1) + 1)],
        }
    return json.dumps({"hold_until": ceiling.hold_until, "holders": holders}, separators=(",", ":"))
