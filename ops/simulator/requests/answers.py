"""What a handler returns, and the common shapes of Partner Center's bodies."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ops.simulator.commerce.error_codes import CODES, Refused

Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """A status with a JSON body, without a body, or with bytes that are no JSON."""

    status: int
    body: Json | None = None
    raw: bytes | None = None
    file: Path | None = None
    """A file whose ``span`` of bytes is the body: sent piece by piece, never held."""
    span: tuple[int, int] = (0, 0)
    speed: int = 0
    """Bytes of a file that leave in a second; 0: as many as can."""
    noise: random.Random | None = None
    """What decides its oddities, where the same request gets the same bytes again."""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: Literal["nowhere", "json", "connection"] = "nowhere"
    """Half of the body is missing: from the JSON alone, or because the connection was dropped in the middle."""
    from_gateway: bool = False
    """True: the answer comes from a gateway before the service, which adds no id headers."""


def link(uri: str, method: str = "GET", headers: Sequence[Json] = ()) -> Json:
    """Return a Link object."""
    return {"uri": uri, "method": method, "headers": list(headers)}


def collection(items: Sequence[Json], uri: str | None = None, **links: Json) -> Json:
    """Return a collection; ``uri`` makes its self link."""
    body: Json = {"totalCount": len(items), "items": list(items)}
    if uri is not None:
        body["links"] = {"self": link(uri), **links}
    body["attributes"] = {"objectType": "Collection"}
    return body


def fault_body(code: int | str, description: str = "") -> Json:
    """Return shape A of the error bodies."""
    known = CODES.get(code) if isinstance(code, int) else None
    text = description or (known[1] if known else "The request was refused.")
    return {"code": code, "description": text, "data": [], "source": "PartnerFD"}


def newer_fault_body(code: int, description: str, name: str) -> Json:
    """Return shape B of the error bodies."""
    return {
        "code": code,
        "message": description,
        "description": description,
        "errorName": name,
        "isRetryable": False,
        "parameters": {},
        "errorMessageExtended": f"InternalErrorCode={code}",
    }


def refusal(refused: Refused) -> Answer:
    """Return the answer that a refusal becomes."""
    code, text, name = refused.code, refused.description, refused.name
    body = fault_body(code, text) if name is None else newer_fault_body(code, text, name)
    return Answer(refused.status, body, headers=refused.headers)


def throttled(seconds: int, retry_after: str | None) -> Answer:
    """Return the gateway's 429, shape C."""
    headers = {"Retry-After": retry_after} if retry_after is not None else {}
    message = f"Rate limit is exceeded. Try again in {seconds} seconds."
    return Answer(429, {"statusCode": 429, "message": message}, headers=headers, from_gateway=True)


def present(**members: object) -> Json:
    """Return the members that are not None: Partner Center mostly omits nulls."""
    return {name: value for name, value in members.items() if value is not None}
