"""Records of commands as senders write them, valid unless a test says otherwise."""

import json
from typing import Any

from events.wire.codec import Record

CUSTOMER = "3c0e5f4a-9d2b-4a6e-8f1c-5b7d2e9a0c11"
OTHER_CUSTOMER = "91a7d3c5-2b4e-4f60-8d1a-c7e9f0b2a463"
PLAN = "8d1f6a20-4b7e-4c35-9a52-e6c0b1f7d3a4"
SUSPEND = "azplan.SuspendPlan.v1"
CREATE = "azplan.CreateAzurePlan.v1"

ATTRIBUTES = {"id": "dunning-0815", "source": "/crm", "type": SUSPEND, "specversion": "1.0"}
DATA = {"customerId": CUSTOMER}


def record(value: bytes | None, headers: tuple[tuple[str, bytes | None], ...] = (), key: bytes | None = None) -> Record:
    """A record with exactly these parts."""
    return Record("azplan.commands.v1", 3, 1207, 1_772_443_800_250, key, value, headers)


def binary(
    data: Any = DATA,
    *,
    extra: tuple[tuple[str, bytes | None], ...] = (),
    key: bytes | None = None,
    **attributes: str | bytes | None,
) -> Record:
    """A record in binary mode. An attribute that is None is left out. `data` may be the bytes of the value."""
    given = {f"ce_{name}": value for name, value in (ATTRIBUTES | attributes).items() if value is not None}
    headers = tuple((name, value.encode() if isinstance(value, str) else value) for name, value in given.items())
    return record(data if isinstance(data, bytes) else json.dumps(data).encode(), headers + extra, key)


def structured(
    data: Any = DATA,
    *,
    extra: tuple[tuple[str, bytes | None], ...] = (),
    key: bytes | None = None,
    content_type: bytes = b"application/cloudevents+json; charset=UTF-8",
    **members: Any,
) -> Record:
    """A record in structured mode with further members. A member that is None is left out."""
    document = {name: value for name, value in (ATTRIBUTES | members | {"data": data}).items() if value is not None}
    return record(json.dumps(document).encode(), (("content-type", content_type), *extra), key)
