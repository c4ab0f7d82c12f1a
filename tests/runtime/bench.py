"""The runtime's workbench: a real journal, records to accept, commands to claim, and a Partner Center made by hand."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from events.messages.base import Command, commands
from events.messages.plans import SuspendPlan
from events.wire.record import Headers, Record
from tests.support.callers_thread import CallersThread
from tests.support.destinations import destination_in
from tests.support.virtual_time import LoopClock
from worker.gate import Traffic
from worker.journal.database.sqlite.engine import SqliteEngine
from worker.journal.database.transactions import Transactions
from worker.journal.intake_records import Taken
from worker.journal.journal import Journal
from worker.journal.processing.lane_prefixes_of_accounts import Directory, Tenant
from worker.journal.records import Unsent, Work
from worker.partner_center.errors import GateClosed
from worker.runtime import handler_run
from worker.runtime.conclusion import Sender
from worker.runtime.dispatch import Dispatch
from worker.runtime.intake_rules import IntakeRules, intake
from worker.runtime.learned_lags import LearnedLags
from worker.steps import Policy, Run, Steps

CUSTOMER = "3c0e5f4a-9d2b-4a6e-8f1c-5b7d2e9a0c11"
OTHER_CUSTOMER = "91a7d3c5-2b4e-4f60-8d1a-c7e9f0b2a463"
ACCOUNT = "contoso"
TENANT_ID = "7E9A1C3B-5D2F-4E80-9A6C-1B3D5F7092E4"
"""The ids of the account, as a person copies them from Microsoft's pages."""
SUSPEND = SuspendPlan(customer_id=CUSTOMER)
SENDER = Sender("azplan-worker", "1.2.3")
LEASE = 10 * 86_400.0
DAY = 86_400.0
POLICY = Policy(
    call_timeout=40,
    settle=300,
    order_list_lag=900,
    attempts=10,
    retry_first=1,
    retry_max=600,
    wait_first=5,
    wait_max=300,
    deadlines={"order": DAY, "upgrade": 2 * DAY},
)
"""The defaults of the settings."""
WITHIN = POLICY.call_timeout + POLICY.settle
"""Seconds after its intent within which a request may arrive."""


def record(
    command: Command = SUSPEND,
    *,
    id: str = "c-1",  # noqa: A002 - the attribute's name
    partner: str | None = None,
    offset: int = 0,
    **attributes: str,
) -> Record:
    """The record of a command as its sender writes it."""
    given = {"id": id, "source": "/crm", "type": command.wire_type(), "specversion": "1.0", **attributes}
    if partner is not None:
        given["partner"] = partner
    headers: Headers = tuple((f"ce_{name}", value.encode()) for name, value in given.items())
    value = json.dumps(command.wire_data()).encode()
    return Record("azplan.commands.v1", 0, offset, 1_772_443_800_250, command.customer_id.encode(), value, headers)


def desk(accounts: tuple[str, ...] = (ACCOUNT,), retention: float = 400 * DAY) -> IntakeRules:
    """The values by which the intake decides: one account, unless the test names others."""

    tenants = Directory({name: Tenant(name, name) for name in accounts})
    return IntakeRules(resolve=tenants.resolve, sender=SENDER, retention=retention)


class Bench:
    """A journal with this test as its worker."""

    def __init__(self, path: Path) -> None:
        self.clock = LoopClock()
        self.path = path
        self.files = destination_in(path.with_suffix(".files"))
        self.journal = Journal(Transactions(SqliteEngine(path, clock=self.clock, threads=CallersThread()), self.clock))

    async def open(self) -> None:
        """Open the journal and become its worker."""
        await self.journal.open()
        await self.journal.register("bench", "test", LEASE)

    async def close(self) -> None:
        """Close the journal."""
        await self.journal.close()

    async def accept(self, *records: Record, among: IntakeRules | None = None) -> list[Taken]:
        """Write records into the journal."""
        chosen = among or desk()
        return await self.journal.accept([intake(each, self.journal.now(), chosen) for each in records], _raise)

    async def claim(self, *partners: str) -> list[Work]:
        """Claim every command that can run now."""
        return list((await self.journal.claim(partners or (ACCOUNT,), 100, ())).work)

    async def begin(self, command: Command = SUSPEND, **attributes: Any) -> Work:
        """Accept a command and claim it."""
        await self.accept(record(command, **attributes))
        return (await self.claim())[-1]

    async def again(self, work: Work) -> Work:
        """The command as another run would find it in the journal now."""
        found = await self.claim()
        return next(each for each in found if each.uid == work.uid)

    async def rows(self, sql: str) -> list[Mapping[str, Any]]:
        """Rows of the journal."""
        return [dict(row) for row in await self.journal.transactions.read(lambda tx: tx.rows(sql))]

    async def step(self, name: str) -> Mapping[str, Any]:
        """The row of a step."""
        return (await self.rows(f"SELECT * FROM step WHERE name = '{name}'"))[0]

    async def command(self, id: str = "c-1") -> Mapping[str, Any]:  # noqa: A002 - the attribute's name
        """The row of a command."""
        return next(row for row in await self.rows("SELECT * FROM command") if row["id"] == id)

    async def said(self) -> list[dict[str, Any]]:
        """The events that wait for Kafka, in order: headers and data."""
        return [_flat(row) for row in await self.journal.unsent(1000) if not row.letter]

    async def letters(self) -> list[dict[str, Any]]:
        """The headers of the dead letters that wait for Kafka."""
        rows = await self.journal.unsent(1000)
        return [{name: (value or b"").decode() for name, value in row.headers} for row in rows if row.letter]

    def dispatch(self, handler: Any, *, sender: Sender = SENDER, **changes: Any) -> Dispatch:
        """Gives turns to commands of any type. This handler carries them out."""
        given = {
            "journal": self.journal,
            "handlers": dict.fromkeys(commands().values(), handler),
            "files": self.files,
            "traffic": self.traffic,
            "tenant_ids": {ACCOUNT: TENANT_ID},
            "lags": LearnedLags(self.journal, POLICY.wait_max, lambda: 0.0).of,
            **changes,
        }
        return Dispatch(handler_run.TurnParts(clock=self.clock, policy=POLICY, spread=lambda: 0.0, **given), sender)

    def traffic(self, work: Work) -> Traffic:
        """The traffic of a run whose lane this worker owns."""
        run = Traffic(work, self.clock, lambda _: None, self.journal.now)
        run.center = HandMade(run)
        return run

    def steps(
        self, work: Work, *, deadline: datetime | None = None, policy: Policy = POLICY, validate_only: bool = False
    ) -> Steps:
        """The steps of one run of a command."""
        run = Traffic(work, self.clock, lambda _: None, self.journal.now)
        center = HandMade(run)
        return Steps(
            Run(
                work,
                self.journal,
                center,
                self.files,
                run,
                policy,
                clock=self.clock,
                deadline=deadline,
                validate_only=validate_only,
            )
        )


class HandMade:
    """A partner account of which a step needs only the name."""

    account = ACCOUNT

    def __init__(self, run: Traffic, step: str | None = None) -> None:
        self.run = run
        self.step = step

    def permits(self, _operation: object) -> bool:
        """Permit everything."""
        return True

    def within(self, step: str) -> "HandMade":
        """Permit everything, inside a step."""
        return HandMade(self.run, step)


class Request:
    """The request of a step: counts its departures, and each time returns the result that the test gives."""

    def __init__(self, *results: dict[str, Any] | Exception, leaving: Callable[[], Any] | None = None) -> None:
        self._results = list(results)
        self._leaving = leaving
        self.sent = 0
        self.steps: list[str | None] = []

    async def __call__(self, center: Any) -> dict[str, Any]:
        """Leave, unless the result says that the request never leaves, and return the next result."""
        self.steps.append(center.step)
        result = self._results.pop(0)
        if not isinstance(result, GateClosed):
            self.sent += 1
        if self._leaving is not None:
            await self._leaving()
        if isinstance(result, Exception):
            raise result
        return result


def _flat(row: Unsent) -> dict[str, Any]:
    headers = {name: (value or b"").decode() for name, value in row.headers}
    return {"type": row.type, **headers, **json.loads(row.value or b"{}")}


def _raise(_item: object, error: Exception) -> Any:
    raise error
