"""A command that its handler only validates: every read and every check, without Kafka and without a journal."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from events.messages.base import Command
from events.wire.record import Record
from worker.assembly.parts import open_destination, open_engine, policy, tenants_of
from worker.clock import Clock
from worker.handling import load
from worker.journal.database.transactions import Transactions
from worker.journal.journal import Journal
from worker.journal.records import Call, Owner, Waits, Work
from worker.operators.checks.partner_calls import Probe
from worker.operators.sending.compose import CUSTOMER, SOURCE, CommandIdentity, compose
from worker.partner_center.client.account import Account
from worker.partner_center.port import PartnerCenter
from worker.runtime.handler_run import Turn, TurnParts
from worker.runtime.learned_lags import LearnedLags
from worker.runtime.outcome import Outcome, judge
from worker.settings.model import Settings


@dataclass(frozen=True, slots=True)
class Trial:
    """The outcome of the first run of a command, and the checks that the handler left out, one sentence each."""

    outcome: Outcome
    notes: tuple[str, ...]


class TrialTraffic(Probe):
    """The calls of one trial. No write leaves."""

    def __init__(self, account: Account) -> None:
        super().__init__()
        self.center: PartnerCenter | None = account.center(self)
        self.deadline: datetime | None = None

    def permit(self, step: str, seconds: float) -> None:
        """No request of a step leaves, whatever is permitted."""

    def drain(self) -> list[Call]:
        """Nobody stores the calls of a trial."""
        return []


class Trials:
    """Lets handlers run for one customer of one account, as a worker with AZPLAN_WORKER__VALIDATE_ONLY would.

    The journal of the handlers is never opened: a handler that only validates asks it for the time and for nothing
    else. What commands in the real journal hold open is not seen.
    """

    def __init__(self, settings: Settings, account: Account, customer_id: str) -> None:
        self._account = account
        self._customer_id = customer_id
        clock, limits = Clock(), policy(settings)
        journal = Journal(Transactions(open_engine(settings, clock), clock))
        self._parts = TurnParts(
            journal=journal,
            handlers=load("worker.handlers"),
            files=open_destination(settings),
            traffic=lambda _: TrialTraffic(account),
            clock=clock,
            policy=limits,
            spread=lambda: 0.0,
            tenant_ids=tenants_of(settings),
            lags=LearnedLags(journal, limits.wait_max, lambda: 0.0).of,
            validate_only=True,
        )

    async def outcome(self, kind: type[Command], data: Mapping[str, Any], *, answer: bool = False) -> Trial:
        """The outcome of a command with this data. `answer`: its real answer, for a command that only reads.

        A customer that Partner Center does not know counts as unknown at once, and not as one that is new.
        """
        work = self._work(kind, data)
        turn = Turn(work, replace(self._parts, validate_only=not answer), TrialTraffic(self._account))
        outcome = judge(await turn.result(), turn.command_facts())
        notes = turn.context.notes if turn.context is not None else []
        return Trial(outcome, tuple(note.detail for note in notes))

    def _work(self, kind: type[Command], data: Mapping[str, Any]) -> Work:
        identity = CommandIdentity(str(uuid4()), SOURCE, self._account.name)
        written = compose(kind, {**data, CUSTOMER: self._customer_id}, identity)
        return Work(
            uid=identity.id,
            source=identity.source,
            id=identity.id,
            type=kind.wire_type(),
            lane=self._customer_id,
            owner=Owner("", 0),
            partner=self._account.name,
            customer=self._customer_id,
            correlation_id=identity.id,
            redrive=0,
            attempts=0,
            released=False,
            received_at=0,
            first_failed_at=None,
            settle_until=0,
            record=Record("", 0, 0, None, written.key, written.value, written.headers),
            waits=Waits(),
            memory={},
            account=self._account.name,
        )
