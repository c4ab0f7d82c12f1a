"""Tells whether two records have the same content: a SHA-256 over the content.

The content is the type, `ce_partner` as written, and the data, with GUIDs in lower case and without members that have
their default. The order of keys, white space, the mode of the CloudEvent, and everything about time, tracing and
correlation do not belong to the content. Values are compared as written: two spellings of one instant differ.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from events.messages.base import Command
from events.messages.fields import is_guid

ALGORITHM: Final = 1
"""Stored beside each fingerprint. A change of the content, or of the default of a member, needs a new number."""


def fingerprint(kind: type[Command], data: Mapping[str, Any], partner: str | None) -> str:
    """The fingerprint, in hexadecimal, of a valid command of class `kind` with the JSON data `data`."""
    defaults = {
        field.alias: field.get_default(call_default_factory=False)
        for field in kind.model_fields.values()
        if not field.is_required()
    }
    counted = {key: value for key, value in data.items() if key not in defaults or value != defaults[key]}
    return hashlib.sha256(_canonical([kind.wire_type(), partner, _lowered(counted)])).hexdigest()


def refused_fingerprint(type_: str, value: bytes) -> str:
    """The fingerprint, in hexadecimal, of a refused command: over its type and its value as it came."""
    return hashlib.sha256(_canonical(["refused", type_]) + value).hexdigest()


def _lowered(value: Any) -> Any:
    """`value` with every GUID in it in lower case."""
    if isinstance(value, dict):
        return {key: _lowered(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_lowered(item) for item in value]
    return value.lower() if is_guid(value) else value


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")
