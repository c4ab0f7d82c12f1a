"""Looks up and remembers the tenants of the configured accounts, for people."""

from collections.abc import Mapping, Sequence

from worker.journal.database.protocol import Transaction
from worker.journal.database.transactions import Transactions
from worker.journal.processing import lane_prefixes_of_accounts
from worker.journal.processing.lane_prefixes_of_accounts import Directory


class Tenants:
    """Finds and remembers tenants. `accounts` maps the name of each account to its tenant id.

    Every method raises `JournalUnavailable`.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def directory(self, accounts: Mapping[str, str]) -> Directory:
        """The tenants of these accounts, also those that the journal does not know yet."""
        return await self._transactions.read(lambda tx: lane_prefixes_of_accounts.directory(tx, accounts))

    async def remember(self, accounts: Mapping[str, str]) -> Directory:
        """Remember the tenants of these accounts, but not that the accounts have these names.

        Raises `JournalRefused` if the journal holds unfinished work of an account with an unknown tenant.
        """
        return await self._transactions.write(lambda tx: lane_prefixes_of_accounts.register(tx, accounts, rename=False))

    async def enrol(self, accounts: Mapping[str, str], former: Sequence[tuple[str, str]]) -> Directory:
        """Remember the tenants and names of these accounts, and their former names as pairs (former, present).

        Raises `JournalRefused` if a former name cannot be one, or if the journal holds unfinished work of an account
        with an unknown tenant.
        """

        async def write(tx: Transaction) -> Directory:
            await lane_prefixes_of_accounts.register(tx, accounts)
            for old, new in former:
                await lane_prefixes_of_accounts.call_also(tx, old, new)
            return await lane_prefixes_of_accounts.directory(tx, accounts)

        return await self._transactions.write(write)

    async def meant_by_settings(self, name: str, accounts: Mapping[str, str]) -> str:
        """The present name of the tenant that these settings call `name`, even if no worker has read them yet."""
        return await self._transactions.read(lambda tx: lane_prefixes_of_accounts.meant_by_settings(tx, name, accounts))

    async def lanes_named(self, name: str) -> str:
        """The word that the lanes of the tenant called `name` begin with; `name` itself if no tenant is called so."""
        return await self._transactions.read(lambda tx: lane_prefixes_of_accounts.lanes_named(tx, name))

    async def all_lanes(self) -> set[str]:
        """The words that the lanes of the known tenants begin with."""
        return await self._transactions.read(lane_prefixes_of_accounts.all_lanes)
