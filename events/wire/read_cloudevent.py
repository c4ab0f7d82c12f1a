"""Reads the CloudEvent in a record: attributes and data, or the reason why azplan cannot answer the record.

Knows no command: `codec` judges the type and the members of the data.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from events.codes import RecordCode
from events.messages.fields import is_guid
from events.wire.attributes import Attributes, attributes_in_document, attributes_in_headers
from events.wire.record import Record
from events.wire.strict_json import UnreadableError, parse, parsed_object

_STRUCTURED: Final = "application/cloudevents"
_BATCHED: Final = "application/cloudevents-batch"


class Mode(StrEnum):
    """Where the attributes of a CloudEvent are: in the record's headers, or beside the data in its value."""

    BINARY = "binary"
    STRUCTURED = "structured"


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """A CloudEvent with an identity and a customer."""

    mode: Mode
    attributes: Attributes
    document: Mapping[str, Any]
    """The value of the record; in binary mode the value is the data."""
    data: Mapping[str, Any]
    customer_id: str
    """GUID in lower case."""


class NoCommandError(Exception):
    """The record holds no CloudEvent with an identity and a customer. azplan cannot answer anybody."""

    def __init__(self, code: RecordCode, detail: str, attributes: Attributes) -> None:
        super().__init__(detail)
        self.code = code
        self.attributes = attributes
        """The attributes that could be read all the same."""


def read_cloudevent(record: Record) -> CloudEvent:
    """The CloudEvent in `record`.

    Raises NoCommandError. Checks in the order of its codes: the JSON, then the envelope, then the customer.
    """
    found = attributes_in_headers(record.headers)
    media_type = (found.text("datacontenttype") or "").strip().lower()
    mode = Mode.STRUCTURED if media_type.startswith(_STRUCTURED) else Mode.BINARY
    try:
        if record.unread is not None:
            raise UnreadableError(f"the record cannot be read: {record.unread}")
        value = parse(record.value)
        if media_type.startswith(_BATCHED):
            raise NoCommandError(RecordCode.INVALID_ENVELOPE, "batches are not read: send one event a record", found)
        data = document = parsed_object(value, "the value")
        if mode is Mode.STRUCTURED:
            found = attributes_in_document(document)
            data = _structured_data(document)
    except UnreadableError as error:
        raise NoCommandError(RecordCode.INVALID_JSON, str(error), found) from None
    if problems := found.problems():
        raise NoCommandError(RecordCode.INVALID_ENVELOPE, "; ".join(problems), found)
    return CloudEvent(mode, found, document, data, _customer_id(data, found))


def _structured_data(document: Mapping[str, Any]) -> dict[str, Any]:
    if "data" in document:
        return parsed_object(document["data"], "data")
    encoded = "data_base64" in document
    raise UnreadableError("the data is in data_base64; send a JSON object in data" if encoded else "data is missing")


def _customer_id(data: Mapping[str, Any], found: Attributes) -> str:
    customer_id = data.get("customerId")
    if is_guid(customer_id):
        return customer_id.lower()
    problem = "customerId is no GUID" if "customerId" in data else "customerId is missing"
    raise NoCommandError(RecordCode.INVALID_CUSTOMER, problem, found)
