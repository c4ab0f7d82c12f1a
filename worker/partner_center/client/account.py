"""A partner account: its configuration, and the object that a worker opens once for each account.

The way of one call is in `call`: read that page first.
"""

import random
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from worker.clock import Clock
from worker.errors import Wait
from worker.partner_center.client.call import BoundAccount
from worker.partner_center.client.ceilings.leases import Leases
from worker.partner_center.client.ceilings.run_needs import Kind
from worker.partner_center.client.proxy import Proxy
from worker.partner_center.client.state_shared_by_calls import AccountState, Service
from worker.partner_center.client.streams.storage import Storage
from worker.partner_center.client.token_requests import Identity
from worker.partner_center.client.tokens import Tokens
from worker.partner_center.client.transport import Transport, checked_base_url
from worker.partner_center.operation import Api, Operation
from worker.partner_center.port import PartnerCenter, Run
from worker.trusted_certificates import tls_context


@dataclass(frozen=True, slots=True)
class AccountConfig:
    """The settings of one partner account, as the client takes them."""

    name: str
    identity: Identity
    base_url: str
    ca_file: Path | None = None
    """PEM file of a certificate authority that is trusted as well, for all services and for the token authority."""
    refresh_token_file: Path | None = None
    requests_per_minute: int = 500
    """Request ceiling of each resource family, in any 60 seconds."""
    proxy: Proxy | None = None
    """Used for all services and for the token authority, except for loopback hosts."""
    arm_url: str = "https://management.azure.com"
    """Address of Azure Resource Manager."""
    arm_requests_per_minute: int = 600
    """Request ceiling of Azure Resource Manager, in any 60 seconds."""
    graph_url: str = "https://graph.microsoft.com/v1.0"
    """Address of Microsoft Graph, with its version."""
    graph_requests_per_minute: int = 10
    """Request ceiling of Microsoft Graph, in any 60 seconds."""
    storage_hosts: tuple[str, ...] = (".blob.core.windows.net", ".dfs.core.windows.net")
    """Hosts that files are downloaded from: a whole name, or the end of names if it begins with a dot."""


class Account:
    """A partner account at all services. Sends nothing before the first call."""

    def __init__(
        self,
        config: AccountConfig,
        clock: Clock,
        *,
        call_timeout: float,
        connections: int = 100,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`call_timeout`: seconds from the departure of a request to the end of its answer.

        Raises ValueError if an address cannot be used, OSError if the CA file cannot be used.
        """
        self.name = config.name
        self._call_timeout = call_timeout
        tls = tls_context(config.ca_file)
        transport = partial(Transport, tls=tls, connections=connections, call_timeout=call_timeout, proxy=config.proxy)
        self._state = AccountState(
            config.name,
            Tokens(config.name, config.identity, tls, config.refresh_token_file, clock, config.proxy),
            {
                Api.CENTER: Service(transport(config.base_url), config.requests_per_minute),
                Api.ARM: Service(transport(config.arm_url), config.arm_requests_per_minute),
                Api.GRAPH: _at_graph(transport, config),
            },
            clock,
            storage=Storage(config.storage_hosts, transport),
            jitter=jitter,
        )

    def center(self, run: Run) -> PartnerCenter:
        """This account, bound to one run of a command."""
        return BoundAccount(self._state, run)

    async def sign_in(self, run: Run, operation: Operation[Any], customer_id: str) -> None:
        """Get a token with which the operation can be called in the customer's tenant.

        Raises `NotPermitted` if the tenant gives none, or if the account has no user; else the errors of a call.
        """
        await BoundAccount(self._state, run).sign_in(operation, customer_id)

    def share(self, leases: Leases, tenant: str) -> None:
        """Share the request ceilings, before the first call, with all processes that call them `tenant`'s."""
        self._state.share(leases, tenant)

    def wait_for(self, kind: Kind, lacking: dict[str, Wait]) -> Wait | None:
        """The wait of a run of this kind, with the seconds until it should begin; None if nothing is in its way.

        A resource family is in its way that does not answer, or whose ceiling is spent, if earlier runs of the kind
        needed it. That family is added to `lacking`, and a run that needs a family of `lacking` waits too.
        """
        return self._state.wait_for(kind, lacking)

    def begin(self, who: Hashable, kind: Kind) -> None:
        """A run of the command `who` begins."""
        self._state.begin(who, kind)

    def end(self, who: Hashable) -> None:
        """The run of the command `who` has ended: nothing is kept for it any more."""
        self._state.end(who)

    def ceilings(self) -> Iterable[tuple[str, int, int]]:
        """For each resource family that was called: name, ceiling, requests of this worker in the last minute."""
        return self._state.ceilings()

    def try_now(self) -> None:
        """Let open circuits send their probe at once, and let tokens be requested without a further pause."""
        self._state.try_now()

    def complaints(self) -> tuple[str, ...]:
        """Why calls of this account fail, as sentences for people. Empty if nothing is wrong."""
        return self._state.complaints()

    async def keep_fresh(self) -> None:
        """Keep the refresh token alive. Runs until it is cancelled; returns at once if there is no refresh token."""
        await self._state.tokens.keep_fresh()

    async def close(self) -> None:
        """Wait for writes that have left, at most `call_timeout` seconds, then close the connections."""
        await self._state.close(self._call_timeout)


def _at_graph(transport: Callable[[str], Transport], config: AccountConfig) -> Service:
    """Microsoft Graph. The paths of its requests hold the version: some operations have another one."""
    address = urlsplit(checked_base_url(config.graph_url))
    connections = transport(f"{address.scheme}://{address.netloc}")
    return Service(connections, config.graph_requests_per_minute, address.path)
