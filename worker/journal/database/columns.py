"""Writes the values of the journal into columns and reads them back."""

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from events.wire.record import Headers, Record
from worker.journal.database.protocol import Row
from worker.journal.records import Json, Step, StepState, Waits

_WRITTEN = json.JSONEncoder(separators=(",", ":"), default=str).encode
"""`json.dumps` with options makes an encoder for each value."""

STEP = tuple(field.name for field in fields(Step))
WAITS = tuple(field.name for field in fields(Waits))

SHOWN = """coalesce((SELECT coalesce(tenant.account, tenant.id) FROM tenant WHERE tenant.lanes = {of}.partner),
    {name}, {of}.partner)"""
"""The present name of a row's partner: the tenant's account, or the tenant's id if another tenant has that name now."""
PARTNER_OF_COMMAND = SHOWN.format(of="command", name="command.account")
PARTNER_OF_PAUSE = SHOWN.format(of="pause", name="NULL")


def dump(value: Json) -> str:
    """JSON in ASCII, for any text column. U+0000 and lone surrogates are escapes, and `load` restores them."""
    return _WRITTEN(value)


def load(text: str) -> Json:
    """The value that `dump` wrote."""
    return json.loads(text)


def dump_headers(headers: Headers) -> str:
    """Headers as text. Bytes, order and repeats are kept."""
    return dump([[name, None if value is None else base64.b64encode(value).decode("ascii")] for name, value in headers])


def load_headers(text: str) -> Headers:
    """The headers that `dump_headers` wrote."""
    return tuple((name, None if value is None else base64.b64decode(value)) for name, value in json.loads(text))


def digest(record: Record) -> str:
    """A hash of the record. It differs for two records at one offset of two topics with the same name."""
    hasher = hashlib.sha256()
    for part in (record.key, record.value, dump_headers(record.headers).encode("ascii")):
        hasher.update(b"-" if part is None else b"%d:" % len(part) + part)
    return hasher.hexdigest()


def gathered(names: Iterable[str], text: str | None) -> list[dict[str, Any]]:
    """The rows that `Transaction.gather` put into a text, with these names of the columns."""
    return [dict(zip(names, values, strict=True)) for values in json.loads(text or "[]")]


def account(row: Row) -> str | None:
    """The account that the events of a command name; None if it was never known."""
    return row["account"] or row["partner"] or None


def source(row: Row, headers: str = "headers") -> Record:
    """The record that a row was made from."""
    return Record(
        topic=row["topic"],
        partition=row["partition"],
        offset=row["position"],
        timestamp=row["recorded_at"],
        key=row["key"],
        value=row["value"],
        headers=load_headers(row[headers]),
    )


def step(row: Row) -> Step:
    """A step as it was last written."""
    return Step(
        name=row["name"],
        effect=row["effect"],
        state=StepState(row["state"]),
        attempts=row["attempts"],
        intent_until=row["intent_until"],
        earlier_until=row["earlier_until"],
        details=json.loads(row["details"]) if row["details"] else None,
        result=json.loads(row["result"]) if row["result"] else None,
        at=row["at"],
    )


def dump_waits(waits: Waits) -> str:
    """A story's waits as text."""
    return dump({name: getattr(waits, name) for name in WAITS})


def load_waits(text: str) -> Waits:
    """The waits that `dump_waits` wrote, without members that this version does not know."""
    stored: dict[str, Any] = json.loads(text)
    return Waits(**{name: stored[name] for name in WAITS if name in stored})
