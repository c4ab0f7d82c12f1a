"""Decides what becomes of a record: azplan's codec for CloudEvents 1.0 on Kafka. Reads both modes, writes binary mode.

`decode` returns one of three answers for any bytes and raises nothing. Only the journal can tell whether an identity is
known already or a record too old; this module decides every other row of the contract's table.
Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from events.codes import RecordCode, RejectedCode
from events.messages.base import Command, Event, commands
from events.messages.validation import describe_unknown_type, has_unknown_keys, read_command
from events.wire.attributes import trace_in_headers
from events.wire.fingerprint import fingerprint, refused_fingerprint
from events.wire.identity import command_uid
from events.wire.instants import format_instant, parse_instant
from events.wire.read_cloudevent import CloudEvent, Mode, NoCommandError, read_cloudevent
from events.wire.record import Headers, Outgoing, Record
from events.wire.strict_json import DoubledKeys, doubled_keys, json_bytes
from events.wire.text import printable, quoted

__all__ = [
    "SOURCE",
    "AcceptedCommand",
    "Decoded",
    "Envelope",
    "Headers",
    "Mode",
    "NotACommand",
    "Outgoing",
    "Record",
    "RefusedCommand",
    "decode",
    "encode",
    "encode_command",
]

SOURCE: Final = "/azplan"
"""`ce_source` of every event of azplan."""
LONGEST_DETAIL: Final = 500
"""Most characters of a detail about a record."""

# CloudEvents 1.0, JSON event format, section 3.1: the media types that declare JSON data.
_JSON = re.compile(r"\s*[^/;\s]+/([^/;\s]+\+)?json\s*(;.*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Envelope:
    """The attributes of the command in a record. Every text has 1 to 1 024 bytes and no control characters."""

    source: str
    id: str
    type: str
    customer_id: str
    """GUID in lower case."""
    partner: str | None
    """`ce_partner` as written."""
    correlation_id: str
    """`ce_correlationid` of the command, or its `ce_id` if it has none."""
    causation_id: str | None
    traceparent: str | None
    """Valid by W3C Trace Context, or None."""
    tracestate: str | None
    time: datetime | None
    """`ce_time` in UTC; None if it is missing or cannot be read."""
    mode: Mode

    @property
    def uid(self) -> UUID:
        """The UUID of the command's identity."""
        return command_uid(self.source, self.id)

    @property
    def partner_key(self) -> str | None:
        """`partner` in the form in which azplan compares account names."""
        return None if self.partner is None else self.partner.casefold()


@dataclass(frozen=True, slots=True)
class NotACommand:
    """The record is no command: azplan can answer nobody, and makes a dead letter. Holds what could be read."""

    code: RecordCode
    detail: str
    source: str | None
    id: str | None
    type: str | None
    partner: str | None
    correlation_id: str | None
    """`ce_correlationid` of the record, or its `ce_id` if it has none."""


@dataclass(frozen=True, slots=True)
class RefusedCommand:
    """A command with an identity and a customer, whose answer is `CommandRejected`."""

    envelope: Envelope
    code: RejectedCode
    detail: str
    fingerprint: str
    values_fingerprint: str | None = None
    """If only values are wrong: the fingerprint in a version of azplan that takes them, and may have accepted them."""


@dataclass(frozen=True, slots=True)
class AcceptedCommand:
    """The record is a valid command."""

    envelope: Envelope
    command: Command
    fingerprint: str


Decoded = NotACommand | RefusedCommand | AcceptedCommand


def decode(record: Record) -> Decoded:
    """Decide what becomes of `record`: the first row of the contract's table that fits. Raises nothing."""
    try:
        opened = read_cloudevent(record)
    except NoCommandError as error:
        return _undecodable(error)
    envelope = _envelope(record, opened)
    kind = commands().get(envelope.type)
    if kind is None:
        return _refused(record, envelope, RejectedCode.UNKNOWN_TYPE, [describe_unknown_type(envelope.type)])
    problems = [*_ambiguities(opened), *_contradictions(record, opened)]
    command = read_command(kind, opened.data)
    if isinstance(command, list):
        refused = _refused(record, envelope, RejectedCode.INVALID_COMMAND, problems + command)
        if problems or has_unknown_keys(kind, opened.data):
            return refused
        return replace(refused, values_fingerprint=fingerprint(kind, opened.data, envelope.partner))
    if problems:
        return _refused(record, envelope, RejectedCode.INVALID_COMMAND, problems)
    return AcceptedCommand(envelope, command, fingerprint(kind, opened.data, envelope.partner))


def _envelope(record: Record, opened: CloudEvent) -> Envelope:
    found = opened.attributes
    # The bare headers describe the latest hop, the attributes the start of the trace: the nearer one is the parent.
    traceparent, tracestate = trace_in_headers(record.headers)
    if traceparent is None:
        traceparent, tracestate = found.trace()
    return Envelope(
        source=found.required("source"),
        id=found.required("id"),
        type=found.required("type"),
        customer_id=opened.customer_id,
        partner=found.text("partner"),
        correlation_id=found.text("correlationid") or found.required("id"),
        causation_id=found.text("causationid"),
        traceparent=traceparent,
        tracestate=tracestate,
        time=parse_instant(found.text("time") or ""),
        mode=opened.mode,
    )


def _ambiguities(opened: CloudEvent) -> list[str]:
    """The keys that the data has more than once, a sentence each."""
    problems = [f"the key {quoted(key)} is given more than once" for key in doubled_keys(opened.data)]
    if opened.mode is Mode.STRUCTURED:
        if isinstance(opened.document, DoubledKeys) and "data" in opened.document.doubled:
            problems.append("data is given more than once")
        if "data_base64" in opened.document:
            problems.append("data_base64 is given beside data")
    return problems


def _contradictions(record: Record, opened: CloudEvent) -> list[str]:
    """The attributes and the key that contradict the data, a sentence each."""
    found, problems = opened.attributes, []
    media_type = found.text("datacontenttype")
    if media_type is not None and not _JSON.fullmatch(media_type):
        problems.append(f"{found.shown['datacontenttype']} is {quoted(media_type)}, not application/json")
    subject = found.text("subject")
    if subject is not None and subject.lower() != opened.customer_id:
        problems.append(f"{found.shown['subject']} is not the customerId")
    if record.key is not None and record.key.lower() != opened.customer_id.encode():
        problems.append("the record's key is not the customerId")
    return problems


def _undecodable(error: NoCommandError) -> NotACommand:
    found = error.attributes
    return NotACommand(
        code=error.code,
        detail=printable(str(error), LONGEST_DETAIL),
        source=found.text("source"),
        id=found.text("id"),
        type=found.text("type"),
        partner=found.text("partner"),
        correlation_id=found.text("correlationid") or found.text("id"),
    )


def _refused(record: Record, envelope: Envelope, code: RejectedCode, problems: list[str]) -> RefusedCommand:
    detail = printable("; ".join(problems), LONGEST_DETAIL)
    return RefusedCommand(envelope, code, detail, refused_fingerprint(envelope.type, record.value or b""))


def encode(
    event: Event,
    *,
    id: UUID,  # noqa: A002 - the attribute's name
    time: datetime,
    correlation_id: str,
    causation_id: str,
    traceparent: str | None = None,
    tracestate: str | None = None,
) -> Outgoing:
    """`event` as a record in binary mode. The same arguments give the same bytes.

    `time` is when the fact became true. Raises ValueError if `time` is naive.
    """
    attributes = {
        "ce_id": str(id),
        "ce_source": SOURCE,
        "ce_time": format_instant(time),
        "ce_correlationid": correlation_id,
        "ce_causationid": causation_id,
        "ce_partner": event.partner,
        "traceparent": traceparent,
        "tracestate": tracestate,
    }
    return _outgoing(event, attributes)


def encode_command(
    command: Command,
    *,
    id: str,  # noqa: A002 - the attribute's name
    source: str,
    time: datetime,
    partner: str | None = None,
    correlation_id: str | None = None,
) -> Outgoing:
    """`command` as a record in binary mode, for senders of commands. Raises ValueError if `time` is naive."""
    attributes = {
        "ce_id": id,
        "ce_source": source,
        "ce_time": format_instant(time),
        "ce_correlationid": correlation_id,
        "ce_partner": partner,
    }
    return _outgoing(command, attributes)


def _outgoing(message: Command | Event, attributes: Mapping[str, str | None]) -> Outgoing:
    given = {
        "ce_specversion": "1.0",
        "ce_type": message.wire_type(),
        **attributes,
        "ce_subject": message.customer_id,
        "content-type": "application/json",
    }
    return Outgoing(
        key=message.customer_id.encode(),
        value=json_bytes(message.wire_data()),
        headers=tuple((name, text.encode("utf-8", "replace")) for name, text in given.items() if text is not None),
    )
