"""Tells the scheduler for which commands Partner Center has room: joins commands to the accounts of their tenants."""

from collections.abc import Mapping
from uuid import UUID

from worker.errors import Wait
from worker.journal.processing.lane_prefixes_of_accounts import Directory
from worker.journal.records import Work
from worker.partner_center.client.account import Account


class Rooms:
    """The room of all partner accounts."""

    def __init__(self, accounts: Mapping[str, Account], tenants: Directory) -> None:
        self._accounts = accounts
        self._tenants = tenants

    def wait_for(self, work: Work, lacking: dict[str, Wait]) -> Wait | None:
        """The wait of this command while its run should not begin. None also if the run will call nobody."""
        account = None if work.paused else self._account(work)
        return account.wait_for(work.kind, lacking) if account else None

    def begin(self, work: Work) -> None:
        """A run begins."""
        account = self._account(work)
        if account:
            account.begin(UUID(work.uid), work.kind)

    def end(self, work: Work) -> None:
        """A run has ended."""
        account = self._account(work)
        if account:
            account.end(UUID(work.uid))

    def _account(self, work: Work) -> Account | None:
        name = self._tenants.account_of(work.partner)
        return self._accounts[name] if name else None
