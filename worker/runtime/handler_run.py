"""One command's turn: what its run needs and what its run leaves behind. Knows no particular command."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol

from events.codes import FailedCode, RejectedCode, WaitingReason
from events.messages.base import Command, Event, Origin
from events.messages.fields import is_guid
from events.wire.codec import AcceptedCommand, Envelope, RefusedCommand, decode
from worker.clock import Clock, micros
from worker.datasets.publication import EFFECT
from worker.errors import Failed, JournalUnavailable, LaneLost, Rejected, Wait, WorkerError
from worker.files.destination import Destination
from worker.handling import Context, Handler, handler_of
from worker.journal.journal import EffectHeld, Journal
from worker.journal.records import SECOND, Micros, StepState, Work
from worker.looks.awaited import Awaited
from worker.looks.next_look import Lags
from worker.partner_center.answers.resource import same_id
from worker.partner_center.errors import CallError
from worker.partner_center.port import PartnerCenter
from worker.runtime.controls.pauses import wait_for
from worker.runtime.facts_for_outcome import CommandFacts
from worker.runtime.observability import telemetry
from worker.steps import Exchange, Policy, Run

NOT_READ = "the command was accepted once, and this version of azplan does not read it: another version may"
NOT_READ_PAUSE = 60.0
"""Seconds until the next turn of such a command."""


class Traffic(Exchange, Protocol):
    """The run's traffic with Partner Center."""

    center: PartnerCenter | None
    """The account of the command's tenant, or the only one where the command has none; None where there is none."""
    correlation_id: str
    """The MS-CorrelationId of the run."""
    deadline: datetime | None
    """The instant after which no write may leave."""


@dataclass(frozen=True, slots=True)
class TurnParts:
    """What every turn needs. `traffic` joins the client to the journal."""

    journal: Journal
    handlers: Mapping[type[Command], Handler]
    files: Destination
    traffic: Callable[[Work], Traffic]
    clock: Clock
    policy: Policy
    spread: Callable[[], float]
    tenant_ids: Mapping[str, str]
    """The tenant ids of the configured accounts, by the account's name."""
    lags: Callable[[str | None, Awaited], Lags]
    """How late things show at Partner Center, as far as this is known of a partner."""
    validate_only: bool = False


@dataclass(slots=True)
class Turn:
    """A command in its turn."""

    work: Work
    parts: TurnParts
    traffic: Traffic
    wait: Wait | None = None
    """Why the command's run does not begin yet; None if it begins."""
    context: Context | None = field(default=None)
    begun: Micros = 0
    deadline: Micros | None = None
    """The deadline of the command, if it only reads."""

    @property
    def origin(self) -> Origin:
        """What all events of the command say about the command."""
        work = self.work
        return Origin(work.id, work.source, work.type, work.customer, work.account, work.redrive)

    def now(self) -> Micros:
        """The instant of what is said now, in microseconds since 1970: never before the command was received."""
        return max(self.parts.journal.now(), self.work.received_at)

    async def result(self) -> Event | Exception:
        """The handler's answer, or the error that prevented one. Raises `LaneLost` and `JournalUnavailable` only."""
        self.begun = self.parts.journal.now()
        try:
            return await self._run()
        except (LaneLost, JournalUnavailable):
            raise
        except (WorkerError, CallError, EffectHeld) as error:
            return error
        except Exception as error:  # noqa: BLE001 - the judge has an outcome for every error
            telemetry.crashed(error)
            return error

    async def _run(self) -> Event:
        if self.work.paused is not None:
            raise wait_for(self.work.paused)
        if self.wait is not None:
            raise self.wait
        settle = (self.work.settle_until - self.parts.journal.now()) / SECOND
        if settle > 0:
            raise Wait(WaitingReason.SETTLING, "a request of an earlier command may still arrive", delay=settle)
        accepted = self._accepted()
        command = accepted.command
        self.traffic.deadline = command.deadline
        if command.reads and command.deadline is not None:
            self.deadline = micros(command.deadline)
        center = self._center(accepted.envelope)
        refuse_other_subject(command, center.account, self.parts.tenant_ids[center.account])
        self.context = self._context(command, center)
        return await handler_of(command, self.parts.handlers)(self.context, command)

    def command_facts(self) -> CommandFacts:
        """What is known of the command, to judge its run by.

        The command has settled only if it had when the run began: the run's looks may miss what arrived later.
        """
        work, journal = self.work, self.parts.journal
        until = work.unsettled_until()
        return CommandFacts(
            origin=self.origin,
            attempts=work.attempts,
            waits=work.waits,
            now=journal.now(),
            received_at=work.received_at,
            policy=self.parts.policy,
            lags=partial(self.parts.lags, work.partner),
            begun=self.begun,
            written_at=work.written_at(),
            settles_in=max(1, until - journal.now()) / SECOND if until > self.begun else 0.0,
            in_doubt=any(step.in_doubt for step in work.steps.values()),
            changed=[
                step.name
                for step in work.steps.values()
                if step.state is StepState.APPLIED and step.effect not in ("orphan", EFFECT) and "~" not in step.name
            ],
            deadline=self.deadline,
            spread=self.parts.spread(),
        )

    def _accepted(self) -> AcceptedCommand:
        """The command. An earlier version of azplan may have accepted values that this one refuses; a later version may
        have accepted keys and types that this one does not know.

        Raises `Rejected` for such values where no step was begun, and `Wait` for every other record it cannot read.
        """
        decoded = decode(self.work.record)
        if isinstance(decoded, AcceptedCommand):
            return decoded
        if isinstance(decoded, RefusedCommand) and decoded.values_fingerprint is not None and not self.work.steps:
            raise Rejected(decoded.code, f"the command was accepted by an earlier version: {decoded.detail}")
        # A newer worker may have accepted the command, and may own the lane soon.
        raise Wait(
            WaitingReason.RETRY,
            NOT_READ,
            delay=NOT_READ_PAUSE,
            limited=True,
            give_up=Failed(FailedCode.INTERNAL_ERROR, NOT_READ),
        )

    def _center(self, envelope: Envelope) -> PartnerCenter:
        """The account of the tenant in whose lane the command stands: only that lane keeps the command in order."""
        center = self.traffic.center
        if center is not None and self.work.partner is not None:
            return center
        if self.work.partner is not None:
            detail = f"no account of the tenant is configured for which the command was accepted ({self.work.account})"
        elif envelope.partner_key and (center is None or center.account != envelope.partner_key):
            detail = f"no account is named {envelope.partner}"
        elif center is not None:
            detail = f"the account {center.account} could not be told to be meant when the command was accepted"
        else:
            detail = "several accounts are configured and ce_partner names none"
        raise Failed(FailedCode.PARTNER_NOT_CONFIGURED, detail)

    def _context(self, command: Command, center: PartnerCenter) -> Context:
        run = Run(
            work=self.work,
            journal=self.parts.journal,
            center=center,
            files=self.parts.files,
            exchange=self.traffic,
            policy=self.parts.policy,
            clock=self.parts.clock,
            deadline=command.deadline,
            validate_only=command.validate_only or self.parts.validate_only,
        )
        return Context(run, command, self.origin)


def refuse_other_subject(command: Command, account: str, tenant_id: str) -> None:
    """Refuse a partner account's own command whose customerId is another id than `tenant_id`, the account's tenant.

    Refuse a command whose scope is one customer, too, where customerId is the account's own tenant.

    Raises `Rejected` (`invalid_command`), and `Failed` (`partner_not_configured`) where the settings name the tenant by
    a domain, which no customerId can be compared with. Passes every command of a customer.
    """
    type_ = command.wire_type()
    if command.subject_of(command.wire_data()) == "customer":
        if command.scoped and same_id(command.customer_id, tenant_id):
            detail = (
                f"{type_} with this scope is about one customer, and customerId is the tenant id of the account "
                f"{account} itself: give the customer's tenant id, or another scope"
            )
            raise Rejected(RejectedCode.INVALID_COMMAND, detail)
        return
    if not is_guid(tenant_id):
        detail = (
            f"{type_} is about the partner account itself, and the settings name the tenant of the account {account} "
            f"by the domain {tenant_id}: set AZPLAN_PARTNERS__{account.upper()}__TENANT_ID to the tenant's GUID"
        )
        raise Failed(FailedCode.PARTNER_NOT_CONFIGURED, detail)
    if not same_id(command.customer_id, tenant_id):
        detail = (
            f"{type_} is about the partner account itself: customerId must be {tenant_id.lower()}, the tenant id of "
            f"the account {account}, and is {command.customer_id}"
        )
        raise Rejected(RejectedCode.INVALID_COMMAND, detail)
