"""Base models and field types for answers: tolerant of variation, strict about decisive parts. Knows no resource.

Case does not matter in member names. Unknown members are ignored. Every field but an id may be absent. A value of the
wrong type in a descriptive field counts as absent. Lists and errors inside an answer must be readable: otherwise the
whole answer counts as unreadable.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from typing import Annotated, Any, Generic, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    PrivateAttr,
    SkipValidation,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from worker.partner_center.answers.written_number import is_written_number

T = TypeVar("T")

WHOLE = "(whole)"
"""The member of a `Document` that is the object itself, as it came."""
_LONGEST_ID = 256
_MOST_DIGITS = 100
_WORD_BREAK = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def _text(value: object) -> object:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, int | Decimal):
        return str(value)
    return None


def _required_text(value: object) -> object:
    text = _text(value)
    return value if text is None else text


def _word(value: object) -> object:
    text = _text(value)
    return _snake_case(text) if isinstance(text, str) else None


@lru_cache(maxsize=1024)
def _snake_case(text: str) -> str:
    return _WORD_BREAK.sub("_", text).lower()


def _flag(value: object) -> object:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.strip().lower()) if isinstance(value, str) else None


def _number(value: object) -> object:
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and not is_written_number(value.strip()):
        return None
    if isinstance(value, int | Decimal | str):
        try:
            number = Decimal(value)
        except InvalidOperation:
            return None
        return number if number.is_finite() and abs(number.adjusted()) < _MOST_DIGITS else None
    return None


def _amount(value: object) -> object:
    number = _number(value)
    absent = value is None or (isinstance(value, str) and not value.strip())
    if number is None and not absent:
        raise ValueError("is no number")
    return number


def _instant(value: object) -> object:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _moment(value: object) -> object:
    moment = _instant(value)
    return moment if isinstance(moment, datetime) and 1 < moment.year < 9999 else None


def _address_part(text: str) -> str:
    if not is_address_part(text):
        raise ValueError("cannot be a segment of an address")
    return text


def is_address_part(text: str) -> bool:
    """Whether `text` can be one segment of an address, once it is escaped. `.` and `..` would change the path."""
    return 0 < len(text) <= _LONGEST_ID and text not in {".", ".."} and text.isprintable()


Id = Annotated[str, Field(min_length=1), BeforeValidator(_required_text), AfterValidator(_address_part)]
"""An opaque identifier, as it came. Compare it with `same_id`."""
Reference = Annotated[
    str | None, PlainValidator(lambda value: text if (text := _text(value)) and is_address_part(str(text)) else None)
]
"""The id of another resource, usable in an address. None if the value cannot be an id."""
Text = Annotated[str | None, PlainValidator(_text)]
"""Text without surrounding space; numbers become text; empty text is None."""
Word = Annotated[str | None, PlainValidator(_word)]
"""A value of an open enumeration, in lower snake case: `UserPurchase` and `userPurchase` become `user_purchase`."""
Flag = Annotated[bool | None, PlainValidator(_flag)]
Number = Annotated[Decimal | None, PlainValidator(_number)]
"""Money or a quantity: an exact decimal, from a number or from text."""
Amount = Annotated[Decimal | None, PlainValidator(_amount)]
"""A `Number` that is summed or compared: the object cannot be read if the value is there and is no number."""
Instant = Annotated[datetime | None, PlainValidator(_instant)]
"""An aware instant. Reads seven fractional digits and keeps six. No zone means UTC. None if the value is malformed."""
Moment = Annotated[datetime | None, PlainValidator(_moment)]
"""An `Instant` that may be unset: Microsoft then writes the year 1, which is None here."""


def _loosely(absent: object) -> WrapValidator:
    def read(value: object, validate: ValidatorFunctionWrapHandler) -> object:
        try:
            return validate(value)
        except ValidationError:
            return absent

    return WrapValidator(read)


OR_NONE = _loosely(None)
"""For a descriptive object: None if it cannot be read."""
OR_EMPTY = _loosely(())
"""For a descriptive list: empty if it cannot be read."""
OBJECTS = BeforeValidator(
    lambda value: [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else ()
)
"""For a descriptive list of objects without required members: entries that are none, such as null, are left out."""


def same_id(one: str | None, other: str | None) -> bool:
    """Whether two identifiers are equal, ignoring case: Partner Center changes the case freely. None equals nothing."""
    return one is not None and other is not None and one.casefold() == other.casefold()


def member(document: Mapping[str, Any], name: str) -> str:
    """The name of the member of `document` that equals `name`, ignoring case. `name` itself if there is none."""
    return next((key for key in document if key.lower() == name.lower()), name)


class Resource(BaseModel):
    """A resource, or a part of one, in an answer of Partner Center."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _any_case(cls, document: object) -> object:
        """Keep the members that the model has, by names in any case, without nulls: absent and null mean the same."""
        if not isinstance(document, dict):
            return document
        names, found = _names(cls), {}
        for key, value in document.items():
            if value is not None and (name := names.get(key) or names.get(key.lower())):
                found[name] = value
        if WHOLE in names:
            found[WHOLE] = document
        return found


@cache
def _names(model: type[Resource]) -> Mapping[str, str]:
    """The members of the model by their names: as Partner Center writes them, and in lower case."""
    names = {}
    for name, info in model.model_fields.items():
        alias = info.alias or name
        names[alias] = names[name.lower()] = names[alias.lower()] = alias
    return names


@dataclass(frozen=True, slots=True)
class CallReference:
    """The call that an answer came from, as a support ticket asks for it. Ignored when answers are compared."""

    operation: str = field(compare=False)
    http_status: int = field(compare=False)
    request_id: str = field(compare=False)
    correlation_id: str = field(compare=False)
    retry_after: float | None = field(default=None, compare=False)
    """Seconds after which the answer asks to look again. None if it does not say."""


class Document(Resource):
    """A resource that is sent back as a whole when it is changed."""

    _source_call: CallReference | None = PrivateAttr(default=None)

    raw: SkipValidation[Mapping[str, Any]] = Field(default_factory=dict, alias=WHOLE, repr=False)
    """The object as it came, with unknown members and all digits. Must not be changed."""

    @property
    def source_call(self) -> CallReference | None:
        """The call whose answer this resource is. None if it is only a part of an answer."""
        return self._source_call

    def remember_call(self, call: CallReference) -> None:
        """Remember the call whose answer this resource is."""
        self._source_call = call


class Header(Resource):
    """A header that a link asks to send."""

    key: Text = None
    value: Text = None


class Link(Resource):
    """An address inside an answer, in most cases relative to the version root. May be only the address, as text."""

    uri: Text = None
    method: Text = None
    headers: tuple[Header, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _in_any_form(cls, document: object) -> object:
        if isinstance(document, str):
            return {"uri": document}
        if not isinstance(document, dict):
            return document
        name = member(document, "headers")
        headers = document.get(name)
        if isinstance(headers, list):
            return {**document, name: [each for each in headers if each is not None]}
        return document


class PageLinks(Resource):
    """The link of a page to the next one."""

    next: Link | None = None


class Collection(Resource, Generic[T]):
    """One page of a collection. `totalCount` is not read on purpose: its meaning differs between collections."""

    items: tuple[T, ...]
    links: PageLinks | None = None

    @model_validator(mode="before")
    @classmethod
    def _items_may_be_absent(cls, document: object) -> object:
        """Accept a bare list, and an empty collection without `items` if it has `totalCount` or `attributes`."""
        if isinstance(document, list):
            return {"items": document}
        if not isinstance(document, Mapping) or document.get(member(document, "items")) is not None:
            return document
        if member(document, "totalCount") in document or member(document, "attributes") in document:
            return {**document, member(document, "items"): []}
        return document

    @property
    def next(self) -> Link | None:
        """The link to the next page. None at the end."""
        link = self.links.next if self.links else None
        return link if link and link.uri else None
