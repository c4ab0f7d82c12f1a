"""The types of the members of messages. Knows no message."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, TypeGuard

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from events.wire.instants import format_instant, parse_instant
from events.wire.text import printable

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_CURRENCY = re.compile(r"[A-Za-z]{3}")
_INVOICE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=-]{0,99}")

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")

_PARTNER_ID = re.compile(r"[1-9][0-9]{0,9}")
_FAMILY = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")

_AMOUNT = re.compile(r"[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)

_LONGEST_LABEL = 256
_LONGEST_PROSE = 2_000


def is_guid(value: object) -> TypeGuard[str]:
    """Whether `value` is a GUID in hyphenated form, in any case, without braces."""
    return isinstance(value, str) and _GUID.fullmatch(value) is not None


def _guid(value: str) -> str:
    if not is_guid(value):
        raise PydanticCustomError("guid", "must be a GUID such as 3c0e5f4a-9d2b-4a6e-8f1c-5b7d2e9a0c11")
    return value.lower()


def _instant(value: object) -> datetime:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    instant = parse_instant(value) if isinstance(value, str) else None
    if instant is None:
        raise PydanticCustomError("instant", "must be an RFC 3339 instant with an offset, such as 2026-01-31T09:30:00Z")
    return instant


def _instant_or_date(value: object) -> datetime:
    if isinstance(value, str) and _DATE.fullmatch(value):
        value = f"{value}T00:00:00Z"
    try:
        return _instant(value)
    except PydanticCustomError:
        raise PydanticCustomError(
            "instant_or_date",
            "must be a date such as 2026-01-31, or an RFC 3339 instant with an offset, such as 2026-01-31T09:30:00Z",
        ) from None


def _day(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        if isinstance(value, str) and _DATE.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise PydanticCustomError("day", "must be a date such as 2026-01-31")


def _email(value: str) -> str:
    if not _EMAIL.fullmatch(value) or len(value) > _LONGEST_LABEL or printable(value, _LONGEST_LABEL) != value:
        raise PydanticCustomError("email", "must be an e-mail address such as ana@example.com")
    return value


def _language(value: str) -> str:
    if not _LANGUAGE.fullmatch(value):
        raise PydanticCustomError("language", "must be a language tag such as en or en-US")
    return value


def _country(value: str) -> str:
    if not _COUNTRY.fullmatch(value):
        raise PydanticCustomError("country", "must be the two letters of a country in ISO 3166-1, such as DE")
    return value.upper()


def _currency(value: str) -> str:
    if not _CURRENCY.fullmatch(value):
        raise PydanticCustomError("currency", "must be the three letters of a currency in ISO 4217, such as EUR")
    return value.upper()


def _invoice_id(value: str) -> str:
    if not _INVOICE_ID.fullmatch(value):
        raise PydanticCustomError(
            "invoice_id",
            "must be an id such as G016907411, of letters, digits, '.', '_', '=' and '-'",
        )
    return value


def _partner_id(value: str) -> str:
    if not _PARTNER_ID.fullmatch(value):
        raise PydanticCustomError(
            "partner_id", "must be a partner id in Partner Center, 1 to 10 digits such as 5550001"
        )
    return value


def _family(value: str) -> str:
    if not _FAMILY.fullmatch(value):
        raise PydanticCustomError("family", "must be a word of 1 to 64 letters, digits, - and _, such as azure")
    return value


def _amount(value: str) -> str:
    if not _AMOUNT.fullmatch(value):
        raise PydanticCustomError("amount", "must be an amount of 0 or more as text, such as 250.00")
    return value


def _name(value: str) -> str:
    if not value.strip() or len(value) > _LONGEST_LABEL or printable(value, _LONGEST_LABEL) != value:
        raise PydanticCustomError("name", f"must have 1 to {_LONGEST_LABEL} characters, all of them visible")
    return value


def _cut(limit: int) -> BeforeValidator:
    return BeforeValidator(lambda value: printable(value, limit) if isinstance(value, str) else value)


Guid = Annotated[
    str,
    AfterValidator(_guid),
    WithJsonSchema(
        {"type": "string", "format": "uuid", "pattern": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"}
    ),
]
"""A GUID. Read in any case; kept and written in lower case."""

Instant = Annotated[
    datetime,
    PlainValidator(_instant),
    PlainSerializer(format_instant, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""An aware datetime in UTC; RFC 3339 on the wire. Naive datetimes are refused."""

InstantOrDate = Annotated[
    datetime,
    PlainValidator(_instant_or_date),
    PlainSerializer(format_instant, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt].+)?$"}),
]
"""An instant, or a date: its 00:00 UTC. An aware datetime in UTC; written as an instant."""

Day = Annotated[
    date,
    PlainValidator(_day),
    PlainSerializer(date.isoformat, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date"}),
]
"""A date of the calendar, without a time and without a zone."""

Email = Annotated[
    str,
    AfterValidator(_email),
    WithJsonSchema({"type": "string", "pattern": r"^[^\s@]+@[^\s@]+\.[^\s@]+$", "maxLength": _LONGEST_LABEL}),
]
"""An e-mail address. Whether it exists is not checked."""

Language = Annotated[
    str,
    AfterValidator(_language),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"}),
]
"""A language by its BCP 47 tag."""

Country = Annotated[str, AfterValidator(_country), WithJsonSchema({"type": "string", "pattern": "^[A-Za-z]{2}$"})]
"""A country by its ISO 3166-1 alpha-2 code, kept in upper case. Microsoft decides where it sells."""

CurrencyCode = Annotated[str, AfterValidator(_currency), WithJsonSchema({"type": "string", "pattern": "^[A-Za-z]{3}$"})]
"""A currency by its ISO 4217 code, kept in upper case."""

InvoiceId = Annotated[
    str,
    AfterValidator(_invoice_id),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._=-]{0,99}$"}),
]
"""Id of an invoice or a tax receipt. Names of folders are made from it."""

PartnerId = Annotated[
    str, AfterValidator(_partner_id), WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]{0,9}$"})
]
"""Partner id (formerly MPN id) of a company in Partner Center: a number that older interfaces hold in 32 bits."""

Family = Annotated[
    str, AfterValidator(_family), WithJsonSchema({"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_-]{0,63}$"})
]
"""A product family in Microsoft's words. Microsoft decides which families exist."""

Name = Annotated[
    str, AfterValidator(_name), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": _LONGEST_LABEL})
]
"""A name in a command, or the beginning of one."""

LEFT_OUT: Any = Field(default=None, exclude_if=lambda member: member is None)
"""The default of a member that is left out where it does not apply, in place of null."""

Count = Annotated[int, Field(ge=0)]
"""A number of things."""

Quantity = Annotated[
    Decimal,
    PlainSerializer(lambda number: format(number, "f"), when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}),
]
"""An exact decimal, written as text: no reader can lose digits."""

Amount = Annotated[
    str,
    AfterValidator(_amount),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]{1,30}(\.[0-9]{1,30})?$"}),
]
"""An amount of money in a command: text, 0 or more, whose digits stay as they are."""

Label = Annotated[str, _cut(_LONGEST_LABEL), WithJsonSchema({"type": "string", "maxLength": _LONGEST_LABEL})]
"""An id, name or status from Microsoft in an event. Made printable and cut, to fit the broker's limit."""

Prose = Annotated[str, _cut(_LONGEST_PROSE), WithJsonSchema({"type": "string", "maxLength": _LONGEST_PROSE})]
"""A few sentences for a person. Made printable and cut, to fit the broker's limit."""
