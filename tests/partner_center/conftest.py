"""Fixtures: a token authority, a scripted Partner Center, an account that uses both, and a run."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest

from tests.partner_center.authority import AUDIENCE, CLIENT, Authority, authority
from tests.partner_center.wire import Wire, wire
from worker.clock import Clock
from worker.partner_center.client.account import Account, AccountConfig
from worker.partner_center.client.token_requests import Identity
from worker.partner_center.operation import Operation
from worker.partner_center.port import Call, PartnerCenter

SECRET = "canary-client/secret+5f1e"
COMMAND = UUID("c0ffee00-0000-4000-8000-000000000001")
CORRELATION = "c0ffee00-0000-4000-8000-00000000c0de"


@dataclass
class Recorder:
    """A run that records calls of the gate and reported requests."""

    command: UUID = COMMAND
    correlation_id: str = CORRELATION
    gate_raises: Exception | None = None
    gated: list[tuple[str, str | None]] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    def gate(self, operation: Operation[object], step: str | None) -> None:
        """Record the operation, and raise the exception that the test wants."""
        self.gated.append((operation.name, step))
        if self.gate_raises is not None:
            raise self.gate_raises

    def answers(self, key: str) -> int:
        """Counted from the calls, as the journal does."""
        return sum(call.answered for call in self.calls if call.key == key)

    def called(self, call: Call) -> None:
        """Remember."""
        self.calls.append(call)


MakeAccount = Callable[..., Account]


@pytest.fixture
async def partner_center() -> AsyncIterator[Wire]:
    """A Partner Center whose every answer the test scripts."""
    async with wire() as server:
        yield server


@pytest.fixture
async def arm() -> AsyncIterator[Wire]:
    """An Azure Resource Manager whose every answer the test scripts."""
    async with wire() as server:
        yield server


@pytest.fixture
async def graph() -> AsyncIterator[Wire]:
    """A Microsoft Graph whose every answer the test scripts."""
    async with wire() as server:
        yield server


@pytest.fixture
async def storage() -> AsyncIterator[Wire]:
    """An Azure Storage whose every answer the test scripts."""
    async with wire() as server:
        yield server


@pytest.fixture
async def tokens(tmp_path: Path) -> AsyncIterator[Authority]:
    """An authority that gives a token to every caller, unless the test changes that."""
    async with authority(tmp_path) as running:
        yield running


@pytest.fixture
def run() -> Recorder:
    """A run of a command."""
    return Recorder()


@pytest.fixture
async def make_account(partner_center: Wire, arm: Wire, graph: Wire, tokens: Authority) -> AsyncIterator[MakeAccount]:
    """Makes accounts that know the scripted Partner Center and the authority; closes them at the end."""
    made: list[Account] = []

    def make(
        *,
        refresh_token_file: Path | None = None,
        limit: int = 500,
        arm_limit: int = 600,
        graph_limit: int = 100,
        graph_root: str = "/v1.0",
        storage_hosts: tuple[str, ...] = ("localhost",),
        call_timeout: float = 5.0,
        clock: Clock | None = None,
    ) -> Account:
        partner = AccountConfig(
            name="contoso",
            identity=Identity(tokens.url, CLIENT, AUDIENCE, client_secret=SECRET),
            base_url=partner_center.url,
            ca_file=tokens.ca_file,
            refresh_token_file=refresh_token_file,
            requests_per_minute=limit,
            arm_url=arm.url,
            arm_requests_per_minute=arm_limit,
            graph_url=f"{graph.url}{graph_root}",
            graph_requests_per_minute=graph_limit,
            storage_hosts=storage_hosts,
        )
        made.append(Account(partner, clock or Clock(), call_timeout=call_timeout, jitter=lambda: 0.5))
        return made[-1]

    yield make
    for account in made:
        await account.close()
    await asyncio.sleep(0)


@pytest.fixture
def account(make_account: MakeAccount) -> Account:
    """An account with only the application's own identity."""
    return make_account()


@pytest.fixture
def center(account: Account, run: Recorder) -> PartnerCenter:
    """The account, bound to the run."""
    return account.center(run)
