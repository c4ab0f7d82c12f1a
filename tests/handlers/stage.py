"""The stage of a test: the runtime's own dispatch on a journal in memory, and a Partner Center, in virtual time."""

import asyncio
import itertools
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from events.messages.base import Command, Event, events
from events.messages.command_status import CommandFailed, CommandRejected, CommandValidated, CommandWaiting
from events.wire.identity import command_uid
from events.wire.record import Record
from ops.simulator.faults import Fault
from ops.simulator.simulator import Simulator, build
from ops.simulator.state import Partner
from tests.handlers.connection import ACCOUNT, InProcessAccount, IssuedTokens
from tests.support.callers_thread import CallersThread
from tests.support.customer_tokens import token_at
from tests.support.destinations import destination_in
from tests.support.virtual_time import START, LoopClock
from worker.clock import Clock
from worker.files.destination import Destination
from worker.gate import Traffic
from worker.handling import load
from worker.journal.database.sqlite.engine import SqliteEngine
from worker.journal.database.transactions import Transactions
from worker.journal.journal import Journal
from worker.journal.operating.requests import Requests as OperatorRequests
from worker.journal.processing.lane_prefixes_of_accounts import Tenant
from worker.journal.processing.requests import DONE
from worker.journal.records import Work
from worker.partner_center.operation import Api
from worker.runtime import intake_rules
from worker.runtime.conclusion import Sender
from worker.runtime.controls.requests import Requests
from worker.runtime.dispatch import Dispatch
from worker.runtime.handler_run import TurnParts
from worker.runtime.learned_lags import LearnedLags
from worker.steps import AccountPolicy, Policy

EventT = TypeVar("EventT", bound=Event)

TENANT = Tenant(ACCOUNT, ACCOUNT)
POLICY = Policy(
    call_timeout=40,
    settle=300,
    order_list_lag=900,
    attempts=10,
    retry_first=1,
    retry_max=600,
    wait_first=5,
    wait_max=300,
    deadlines={"order": 86_400, "upgrade": 172_800, "export": 21_600, "data": 864_000},
    pauses={"export": (30, 300), "data": (3_600, 43_200)},
)
"""The defaults of the settings."""
MOST_WAITING = 30 * 86_400.0
"""Virtual seconds after which the wait for an answer gives up."""


@dataclass(frozen=True)
class Cast:
    """The parts of a stage, beside its Partner Center."""

    user: bool = True
    """Whether the account has a user's token beside the application's."""
    indirect: bool = False
    """Whether the partner is an indirect provider. An indirect provider sells through resellers."""
    validate_only: bool = False
    policy: Policy = POLICY
    files: Mapping[str, Any] = field(default_factory=dict)
    """The options of files that are not the default."""


ARM, ARM_THEN_PARTNER_CENTER = (
    Cast(policy=replace(POLICY, accounts={ACCOUNT: AccountPolicy(cancel_through=through)}))
    for through in ("arm", "arm_then_partner_center")
)
"""Azure subscriptions are cancelled and brought back through Azure Resource Manager."""

IMPATIENT = pytest.mark.parametrize(
    "cast",
    [Cast(policy=replace(POLICY, deadlines={"order": 7_200, "upgrade": 7_200}))],
    indirect=True,
    ids=["two_hours"],
)
"""For tests that reach the end of a wait: two hours instead of days."""

PROVIDER = Partner(
    tenant_id="5e11e500-0000-4000-8000-000000000002",
    client_id="5e11e500-0000-4000-8000-00000000c11f",
    client_secret="practice-only",
    indirect=True,
)


class Stage:
    """Takes commands and returns their events in the order of publication.

    Every part is made at its first use, within the test: fixtures do not have virtual time.
    """

    def __init__(self, journal_file: Path, cast: Cast) -> None:
        self.cast = cast
        self._journal_file = journal_file
        self._ids: Iterator[int] = itertools.count(1)
        self._wake = asyncio.Event()
        self._turned = asyncio.Event()
        self._arrived = asyncio.Event()
        self._turns: set[asyncio.Task[None]] = set()
        self._running: set[str] = set()
        self._serving: asyncio.Task[None] | None = None
        self._learning: asyncio.Task[None] | None = None
        self._accounts: list[InProcessAccount] = []

    @cached_property
    def clock(self) -> Clock:
        """The clock of the worker; it follows virtual time."""
        return LoopClock()

    @cached_property
    def simulator(self) -> Simulator:
        """A Partner Center without customers, on the same clock, which remembers no request ids."""
        partners = [replace(PROVIDER)] if self.cast.indirect else []
        made = build(now=self.clock.monotonic, origin=START, partners=partners)
        made.change(remember_request_ids=False)
        return made

    @cached_property
    def journal(self) -> Journal:
        """An empty journal."""
        engine = SqliteEngine(self._journal_file, clock=self.clock, threads=CallersThread())
        return Journal(Transactions(engine, self.clock))

    @cached_property
    def files(self) -> Destination:
        """An empty folder as the destination of files."""
        return destination_in(self._journal_file.with_suffix(".files"), **self.cast.files)

    @property
    def files_folder(self) -> Path:
        """The folder of the published files."""
        return self._journal_file.with_suffix(".files") / "files"

    @cached_property
    def lags(self) -> LearnedLags:
        """What the worker has learned of the lags of Partner Center."""
        return LearnedLags(self.journal, self.cast.policy.wait_max, lambda: 0.0)

    # ---- a worker

    async def begin_work(self) -> None:
        """Begin a worker. It takes over the lanes of an earlier worker."""
        await self.journal.register("worker", "test", 10 * MOST_WAITING)
        await self.journal.take_lanes(1_000)
        self._serving = asyncio.create_task(self._serve())
        self._learning = asyncio.create_task(self.lags.run())

    async def kill(self) -> None:
        """The worker dies here and now. Its sent requests may arrive, and no answer reaches it."""
        tasks = [task for task in (self._serving, self._learning, *self._turns) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._running.clear()
        await self.journal.retire()

    async def close(self) -> None:
        """Close everything."""
        if self._serving is None:
            return
        await self.kill()
        for account in self._accounts:
            await account.close()
        await self.journal.close()

    # ---- commands and events

    async def send(self, command: Command, *, command_id: str | None = None) -> str:
        """Let a command be accepted. Returns its id."""
        if self._serving is None:
            await self.journal.open()
            await self.begin_work()
        chosen = command_id or f"command-{next(self._ids)}"
        taken = intake_rules.intake(record(command, chosen), self.journal.now(), self._desk())
        await self.journal.accept([taken], _refuse)
        self._wake.set()
        return chosen

    async def do(self, command: Command) -> Event:
        """Send a command and wait for its answer."""
        return await self.answer(await self.send(command))

    async def done(self, answer: type[EventT], command: Command) -> EventT:
        """Send a command and require an answer of this type."""
        found = await self.do(command)
        assert isinstance(found, answer), found
        return found

    async def rejected(self, command: Command) -> CommandRejected:
        """Send a command and require a refusal."""
        return await self.done(CommandRejected, command)

    async def failed(self, command: Command) -> CommandFailed:
        """Send a command and require a failure."""
        return await self.done(CommandFailed, command)

    async def would_do(self, command: Command) -> list[str]:
        """Send a command that only validates. Returns the operations that it would call."""
        asked = await self.done(CommandValidated, command.model_copy(update={"validate_only": True}))
        return [sentence.partition(":")[0] for sentence in asked.would_do]

    async def redrive(self, command_id: str) -> Event:
        """A person redrives a failed command. Returns the answer of its next story."""
        return await self._ask("redrive", command_id)

    async def resolve(self, command_id: str, found: str) -> Event:
        """A person resolves an unknown outcome as `applied` or `not_applied`. Returns the answer of the next story."""
        return await self._ask("resolve", command_id, {"found": found})

    async def answer(self, command_id: str, story: int = 0) -> Event:
        """The terminal event of a command's story, as soon as it is published."""
        with suppress(TimeoutError):
            async with asyncio.timeout(MOST_WAITING):
                while True:
                    ends = [event for event in await self.events(command_id) if event.terminal]
                    if len(ends) > story:
                        return ends[story]
                    self._turned.clear()
                    await self._turned.wait()
        raise AssertionError(f"{command_id} has no answer: {await self.events(command_id)}")

    async def events(self, command_id: str | None = None) -> list[Event]:
        """The events of one command or of all commands."""
        rows = [row for row in await self.journal.unsent(100_000) if not row.letter]
        said = [events()[row.type].model_validate_json(row.value or b"") for row in rows]
        return [event for event in said if command_id in (None, event.command_id)]

    async def waits(self, command_id: str) -> list[str]:
        """The reasons of the command's waits, in order."""
        return [event.reason for event in await self.events(command_id) if isinstance(event, CommandWaiting)]

    async def notes(self) -> list[str]:
        """The lines of the timelines, without calls and waits."""
        return [row["detail"] for row in await self._rows("SELECT detail FROM note WHERE kind = 'note' ORDER BY at")]

    async def open_effects(self) -> list[str]:
        """The effects that are open now."""
        return [row["key"] for row in await self._rows("SELECT key FROM effect")]

    async def letters(self) -> list[str]:
        """The codes of the dead letters."""
        return [row["code"] for row in await self._rows("SELECT code FROM dead_letter")]

    # ---- Partner Center

    def calls(self, customer: object = None) -> list[str]:
        """The called operations, in order."""
        named = getattr(customer, "id", None)
        return [each.operation or "?" for each in self.simulator.books.requests if named in (None, each.customer)]

    def effects(self, kind: str) -> int:
        """The number of changes of one kind."""
        return len(self.simulator.books.effects_of(kind=kind))

    def fault(self, kind: str, operation: str, **conditions: Any) -> Fault:
        """Add a fault to the next call of an operation."""
        return self.simulator.faults.add(kind, operation=operation, **conditions)

    async def until(self, operation: str, count: int = 1) -> None:
        """Return when this many calls of an operation have arrived."""
        with suppress(TimeoutError):
            async with asyncio.timeout(MOST_WAITING):
                while self.calls().count(operation) < count:
                    self._arrived.clear()
                    await self._arrived.wait()
                    await asyncio.sleep(0)
        assert self.calls().count(operation) >= count, f"{operation} was not called {count} times: {self.calls()}"

    # ---- inside

    async def _serve(self) -> None:
        dispatch = Dispatch(self._turn_desk(), Sender("azplan-worker", "test"))
        while True:
            self._wake.clear()
            claim = await self.journal.claim([ACCOUNT], 64, set(self._running))
            for work in claim.work:
                self._running.add(work.uid)
                task = asyncio.create_task(self._turn(dispatch, work))
                self._turns.add(task)
                task.add_done_callback(self._turns.discard)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), claim.next_in)

    async def _turn(self, dispatch: Dispatch, work: Work) -> None:
        try:
            await dispatch(work)
        finally:
            self._running.discard(work.uid)
            self._wake.set()
            self._turned.set()

    def _turn_desk(self) -> TurnParts:
        tokens = IssuedTokens(
            lambda kind: self.simulator.token(user=kind == "user"),
            self._token_at,
            lambda kind: self.simulator.graph_token(user=kind == "user"),
            user=self.cast.user,
        )
        served = {
            Api.CENTER: self.simulator.api,
            Api.ARM: self.simulator.resource_manager,
            Api.GRAPH: self.simulator.graph,
            Api.STORAGE: self.simulator.storage,
        }
        apps = {api: self._watched(app) for api, app in served.items()}
        account = InProcessAccount(apps, tokens, self.clock, call_timeout=self.cast.policy.call_timeout)
        self._accounts.append(account)
        worker = self.journal.worker

        def traffic(work: Work) -> Traffic:
            run = Traffic(work, self.clock, lambda by: None if by == worker else "another worker", self.journal.now)
            run.center = account.center(run)
            return run

        return TurnParts(
            journal=self.journal,
            handlers=load("worker.handlers"),
            files=self.files,
            traffic=traffic,
            clock=self.clock,
            policy=self.cast.policy,
            spread=lambda: 0.0,
            tenant_ids={ACCOUNT: self.simulator.partner.tenant_id},
            lags=self.lags.of,
            validate_only=self.cast.validate_only,
        )

    def _watched(self, app: ASGIApp) -> ASGIApp:
        """An API with a watch on arriving requests."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            asyncio.get_running_loop().call_soon(self._arrived.set)
            await app(scope, receive, send)

        return watched

    def _token_at(self, tenant: str) -> str:
        """A user's token of a customer's tenant."""
        return token_at(self.simulator, tenant)

    async def _ask(self, verb: str, command_id: str, details: object = None) -> Event:
        story = len([event for event in await self.events(command_id) if event.terminal])
        asked = OperatorRequests(self.journal.transactions)
        number = await asked.ask("test", "", verb, str(command_uid("/crm", command_id)), details)
        await Requests(self.journal, lambda _: TENANT, self._wake.set).look()
        result = await asked.answer(number)
        assert result == DONE, result
        return await self.answer(command_id, story)

    def _desk(self) -> intake_rules.IntakeRules:
        return intake_rules.IntakeRules(resolve=lambda _: TENANT, sender=Sender("azplan-worker", "test"), retention=1e9)

    async def _rows(self, sql: str) -> list[Any]:
        return list(await self.journal.transactions.read(lambda tx: tx.rows(sql)))


def record(command: Command, command_id: str) -> Record:
    """The command as its sender writes it."""
    attributes = {"id": command_id, "source": "/crm", "type": command.wire_type(), "specversion": "1.0"}
    headers = tuple((f"ce_{name}", value.encode()) for name, value in attributes.items())
    key, value = command.customer_id.encode(), json.dumps(command.wire_data()).encode()
    return Record("azplan.commands.v1", 0, 0, None, key, value, headers)


def _refuse(_item: object, error: Exception) -> Any:
    raise error
