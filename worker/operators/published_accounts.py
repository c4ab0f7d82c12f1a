"""The tenants of the accounts that published events name: a rebuilt command is then in the lane that it had."""

from worker.errors import JournalRefused
from worker.journal.operator_journal import OperatorJournal
from worker.journal.processing.tenants import Tenant


class PublishedAccounts:
    """From the names of accounts to their tenants, as the journal knows them."""

    def __init__(self, journal: OperatorJournal) -> None:
        self._journal = journal
        self._found: dict[str, Tenant] = {}

    async def tenant(self, account: str | None) -> Tenant | None:
        """The tenant of an account by a name that events call it; lanes of an unknown one begin with that name."""
        if account is None:
            return None
        if account not in self._found:
            lanes = await self._journal.tenants.lanes_named(account)
            self._found[account] = Tenant(lanes, account)
        return self._found[account]

    async def refuse_unknown(self) -> None:
        """Raise `JournalRefused` where it cannot be told whose customers those of unfinished commands are: their lanes
        would be others than before."""
        known = await self._journal.tenants.all_lanes()
        strange = [each for each in self._found.values() if each.lanes not in known]
        unsure = sorted([each.account for each in strange if await self._is_unsettled(each)])
        if unsure:
            raise JournalRefused(
                f"events name the account {', '.join(unsure)}, with commands that may be unfinished, and no configured "
                "account has that name. Where it was renamed since, say so: `azplan journal rebuild --renamed "
                f"{unsure[0]}=NAME`, with the name that it has now. Where it is not configured any more, configure it "
                "again with its tenant id."
            )

    async def _is_unsettled(self, tenant: Tenant) -> bool:
        return await self._journal.rebuild.unsettled(tenant.lanes)
