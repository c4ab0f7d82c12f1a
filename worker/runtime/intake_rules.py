"""What may become of a record, by the record alone: the rows of the journal's intake. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from events.codes import FailedCode, RecordCode, RejectedCode
from events.messages.base import Event, Origin
from events.messages.command_status import CommandAccepted, CommandIdReused, CommandRejected
from events.wire import identity
from events.wire.codec import AcceptedCommand, Envelope, NotACommand, RefusedCommand, decode
from events.wire.dead_letter import Failure, dead_letter_headers
from events.wire.fingerprint import ALGORITHM
from events.wire.record import Record
from worker.clock import instant
from worker.journal.intake_records import Conflict, Intake, NewCommand
from worker.journal.processing.lane_prefixes_of_accounts import Tenant
from worker.journal.records import SECOND, Micros, NewDeadLetter, NewEvent, State
from worker.runtime.conclusion import Sender, event_at
from worker.runtime.observability.tracing import record_trace

DAY = 86_400.0
Resolve = Callable[[str | None], Tenant | None]
"""From `ce_partner`, in the form in which names compare, to the account's tenant; None where that cannot be told."""


@dataclass(frozen=True, slots=True)
class IntakeRules:
    """By what intake decides about records. `retention` in seconds."""

    resolve: Resolve
    sender: Sender
    retention: float


def intake(record: Record, now: Micros, rules: IntakeRules) -> Intake:
    """Everything that may become of the record. The journal chooses when it has looked up the identity."""
    decoded = decode(record)
    with record_trace(record.headers):
        if isinstance(decoded, NotACommand):
            letter = _letter(record, rules, decoded.code, decoded.detail, decoded.correlation_id)
            return Intake(record=record, letter=letter)
        return _command(record, decoded, now, rules)


def refused_by_database(item: Intake, error: Exception, rules: IntakeRules) -> NewDeadLetter:
    """The dead letter of a record that the database itself refuses."""
    detail = f"the journal's database refuses the record: {type(error).__name__}"
    return _letter(item.record, rules, FailedCode.INTERNAL_ERROR, detail, None)


def lane_of(tenant: Tenant | None, customer: str) -> str:
    """The lane of a tenant's customer. Its commands take effect in order, whatever the tenant's account is called."""
    return f"{tenant.lanes if tenant else ''}/{customer}"


def _command(record: Record, decoded: AcceptedCommand | RefusedCommand, now: Micros, rules: IntakeRules) -> Intake:
    decoded = _judged_on_receipt(decoded, now)
    envelope = decoded.envelope
    tenant = rules.resolve(envelope.partner_key)
    account = tenant.account if tenant else None
    origin = Origin(envelope.id, envelope.source, envelope.type, envelope.customer_id, account)
    refused = isinstance(decoded, RefusedCommand)
    return Intake(
        record=record,
        command=NewCommand(
            uid=str(envelope.uid),
            source=envelope.source,
            id=envelope.id,
            type=envelope.type,
            lane=lane_of(tenant, envelope.customer_id),
            partner=tenant.lanes if tenant else None,
            account=account,
            customer=envelope.customer_id,
            fingerprint=decoded.fingerprint,
            algorithm=ALGORITHM,
            correlation_id=envelope.correlation_id,
            received_at=now,
            state=State.REJECTED if refused else State.ACCEPTED,
            code=decoded.code if isinstance(decoded, RefusedCommand) else None,
            former_fingerprint=decoded.values_fingerprint if isinstance(decoded, RefusedCommand) else None,
        ),
        events=(_first_event(decoded, origin, now),),
        conflict=partial(_conflict, record, decoded, origin, now, rules),
        too_old=_too_old(record, envelope, now, rules),
    )


def _judged_on_receipt(decoded: AcceptedCommand | RefusedCommand, now: Micros) -> AcceptedCommand | RefusedCommand:
    """The command, refused if it is not valid at this instant.

    The refused command keeps the fingerprint of its content: the same record is the same command at any later time.
    """
    if isinstance(decoded, RefusedCommand):
        return decoded
    problem = decoded.command.problem_on_receipt(instant(now))
    if problem is None:
        return decoded
    return RefusedCommand(decoded.envelope, RejectedCode.INVALID_COMMAND, problem, decoded.fingerprint)


def _first_event(decoded: AcceptedCommand | RefusedCommand, origin: Origin, now: Micros) -> NewEvent:
    if isinstance(decoded, RefusedCommand):
        event: Event = CommandRejected.of(origin, code=decoded.code, detail=decoded.detail)
        return _event(decoded.envelope, identity.TERMINAL, event, now)
    accepted = CommandAccepted.of(origin, received_at=instant(now))
    return _event(decoded.envelope, CommandAccepted.place, accepted, now)


def _conflict(
    record: Record, decoded: AcceptedCommand | RefusedCommand, origin: Origin, now: Micros, rules: IntakeRules
) -> Conflict:
    event = CommandIdReused.of(
        origin,
        received_at=instant(now),
        detail="a record with this id but other content was refused; the first command and its answer stay as they are",
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
    )
    detail = "the id was used before, for other content"
    with record_trace(record.headers):
        return Conflict(
            _event(decoded.envelope, identity.id_reused(decoded.fingerprint), event, now),
            _letter(record, rules, RecordCode.ID_REUSED, detail, decoded.envelope.correlation_id),
        )


def _too_old(record: Record, envelope: Envelope, now: Micros, rules: IntakeRules) -> NewDeadLetter | None:
    """The dead letter of a record older than the journal's memory, which may have been answered and forgotten; None for
    a younger record."""
    if record.timestamp is None or record.timestamp < 0:
        return None
    age = now / SECOND - record.timestamp / 1_000
    if age <= rules.retention:
        return None
    detail = (
        f"the record is {age / DAY:.0f} days old, and the journal remembers commands for {rules.retention / DAY:g} days"
    )
    return _letter(record, rules, RecordCode.TOO_OLD, detail, envelope.correlation_id)


def _letter(
    record: Record, rules: IntakeRules, code: RecordCode | FailedCode, detail: str, correlation_id: str | None
) -> NewDeadLetter:
    failure = Failure(
        group=rules.sender.group,
        code=code,
        detail=detail,
        attempts=None,
        first_failed_at=None,
        worker_version=rules.sender.version,
        correlation_id=correlation_id,
        redrive=None,
    )
    return NewDeadLetter(
        code=code,
        detail=detail,
        source=record,
        headers=dead_letter_headers(record, failure),
        correlation_id=correlation_id or "",
    )


def _event(envelope: Envelope, place: str, event: Event, now: Micros) -> NewEvent:
    return event_at(
        event,
        id=identity.event_id(envelope.source, envelope.id, 0, place),
        at=now,
        correlation_id=envelope.correlation_id,
        causation_id=envelope.id,
    )
