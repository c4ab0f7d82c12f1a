"""Datasets for people: which ones commands work on, and versions that were removed."""

from collections.abc import Mapping, Sequence

from worker.journal.database.protocol import Transaction
from worker.journal.database.state_conditions import OPEN
from worker.journal.database.transactions import Transactions
from worker.journal.operating.audit import sign

HELD = f"""SELECT dataset.path FROM dataset JOIN command ON command.uid = dataset.holder AND command.{OPEN}
    ORDER BY dataset.path"""
FORGET = "DELETE FROM dataset_version WHERE dataset = ? AND version = ?"


class Datasets:
    """Reads and forgets datasets. Every method raises `JournalUnavailable`."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def held(self) -> set[str]:
        """The paths of the datasets that an open command has."""
        rows = await self._transactions.read(lambda tx: tx.rows(HELD))
        return {row["path"] for row in rows}

    async def forget(self, who: str, why: str, removed: Mapping[str, Sequence[str]]) -> None:
        """Forget versions that are removed from the destination, and remember who removed them and why."""

        async def forget(tx: Transaction) -> None:
            pairs = [(dataset, version) for dataset, versions in removed.items() for version in versions]
            await tx.many(FORGET, pairs)
            await sign(tx, who, why, "files prune", details={key: list(value) for key, value in removed.items()})

        await self._transactions.write(forget)
