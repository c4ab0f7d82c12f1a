"""Finds the tenants of the accounts that published events name. A rebuilt command is then in the lane that it had."""

from worker.errors import JournalRefused
from worker.journal.operator_journal import OperatorJournal
from worker.journal.processing.lane_prefixes_of_accounts import Tenant


class PublishedAccounts:
    """The tenants of accounts by the accounts' names, as the journal knows them."""

    def __init__(self, journal: OperatorJournal) -> None:
        self._journal = journal
        self._found: dict[str, Tenant] = {}

    async def tenant(self, account: str | None) -> Tenant | None:
        """The tenant of an account by its name in events. The lanes of an unknown tenant begin with that name."""
        if account is None:
            return None
        if account not in self._found:
            lanes = await self._journal.tenants.lanes_named(account)
            self._found[account] = Tenant(lanes, account)
        return self._found[account]

    async def refuse_unknown(self) -> None:
        """Raise `JournalRefused` if the tenant of an account with unfinished commands is unknown.

        The lanes of these commands would be others than before.
        """
        known = await self._journal.tenants.all_lanes()
        strange = [each for each in self._found.values() if each.lanes not in known]
        unsure = sorted([each.account for each in strange if await self._is_unsettled(each)])
        if unsure:
            raise JournalRefused(
                f"events name the account {', '.join(unsure)}, with commands that may be unfinished, and no configured "
                "account has that name. If the account was renamed, run `azplan journal rebuild --renamed "
                f"{unsure[0]}=NAME` with its present name. If the account is not configured any more, configure it "
                "again with its tenant id."
            )

    async def _is_unsettled(self, tenant: Tenant) -> bool:
        return await self._journal.rebuild.unsettled(tenant.lanes)
