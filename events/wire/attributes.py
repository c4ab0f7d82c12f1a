"""The attributes of a CloudEvent, from the headers of a record (binary mode) or from its value (structured mode).

Each attribute is either text or a flaw; `codec` decides what a flaw leads to.
Source: CloudEvents 1.0, Kafka protocol binding and JSON event format.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from events.wire.record import Headers
from events.wire.strict_json import DoubledKeys
from events.wire.text import has_control_characters

REQUIRED: Final = ("id", "source", "type", "specversion")
OPTIONAL: Final = ("subject", "partner", "correlationid", "causationid", "datacontenttype")
LENIENT: Final = ("time", "traceparent", "tracestate")
"""Attributes that count as missing if they have a flaw; the flaw is no reason to refuse the record."""
LONGEST: Final = 1_024
"""Most bytes of an attribute in UTF-8."""

_ALL = (*REQUIRED, *OPTIONAL, *LENIENT)
_BINARY_NAMES = {name: f"ce_{name}" for name in _ALL} | {"datacontenttype": "content-type"}
_STRUCTURED_NAMES = {name: name for name in _ALL}

# W3C Trace Context level 1, section 3.2.2: version ff and ids of zeros only are invalid.
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_TRACESTATE = re.compile(r"[\x20-\x7e]{1,512}")


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why azplan cannot use an attribute, as the end of a sentence that begins with the name of the attribute."""

    reason: str


@dataclass(frozen=True, slots=True)
class Attributes:
    """The attributes of one record that azplan reads, under their CloudEvents names."""

    values: Mapping[str, str | Flaw]
    shown: Mapping[str, str]
    """The sender's name of each attribute: a header in binary mode, a member in structured mode."""

    def text(self, name: str) -> str | None:
        """The attribute `name`; None if it is missing or flawed."""
        value = self.values.get(name)
        return value if isinstance(value, str) else None

    def required(self, name: str) -> str:
        """The attribute `name`, after `problems` found none. Raises KeyError if it is missing or flawed."""
        if (text := self.text(name)) is None:
            raise KeyError(name)
        return text

    def problems(self) -> list[str]:
        """Why these attributes make no CloudEvent with an identity, a sentence each; empty if they make one."""
        missing = [f"{self.shown[name]} is missing" for name in REQUIRED if name not in self.values]
        flawed = [
            f"{self.shown[name]} {value.reason}"
            for name in (*REQUIRED, *OPTIONAL)
            if isinstance(value := self.values.get(name), Flaw)
        ]
        version = self.text("specversion")
        odd = [f"{self.shown['specversion']} is not 1.0"] if version not in (None, "1.0") else []
        return missing + flawed + odd

    def trace(self) -> tuple[str | None, str | None]:
        """`traceparent` and `tracestate` by W3C Trace Context; both None if `traceparent` is missing or invalid."""
        parent, state = self.text("traceparent"), self.text("tracestate")
        if parent is None or not _TRACEPARENT.fullmatch(parent):
            return None, None
        return parent, state if state is not None and _TRACESTATE.fullmatch(state) else None


def attributes_in_headers(headers: Headers) -> Attributes:
    """The attributes of a record in binary mode."""
    return _attributes(_given(headers), _BINARY_NAMES)


def attributes_in_document(document: Mapping[str, Any]) -> Attributes:
    """The attributes of a record in structured mode, whose value is `document`. A null attribute is a missing one."""
    doubled = document.doubled if isinstance(document, DoubledKeys) else ()
    given = {name: [value] * (2 if name in doubled else 1) for name, value in document.items() if value is not None}
    return _attributes(given, _STRUCTURED_NAMES)


def trace_in_headers(headers: Headers) -> tuple[str | None, str | None]:
    """`traceparent` and `tracestate` from the headers without `ce_`, which describe the latest hop."""
    return _attributes(_given(headers), {name: name for name in ("traceparent", "tracestate")}).trace()


def _given(headers: Headers) -> Mapping[str, list[bytes | None]]:
    given: defaultdict[str, list[bytes | None]] = defaultdict(list)
    for name, value in headers:
        given[name].append(value)
    return given


def _attributes(given: Mapping[str, Sequence[object]], names: Mapping[str, str]) -> Attributes:
    return Attributes({name: _judged(given[shown]) for name, shown in names.items() if shown in given}, names)


def _judged(values: Sequence[object]) -> str | Flaw:
    if len(values) > 1:
        return Flaw("is given more than once")
    text = _decoded(values[0])
    if isinstance(text, Flaw):
        return text
    if not text:
        return Flaw("is empty")
    if has_control_characters(text):
        return Flaw("has control characters")
    return text if len(text.encode("utf-8")) <= LONGEST else Flaw(f"is longer than {LONGEST} bytes")


def _decoded(value: object) -> str | Flaw:
    if isinstance(value, str):
        return value
    if not isinstance(value, bytes):
        return Flaw("is not text")
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return Flaw("is not UTF-8")
