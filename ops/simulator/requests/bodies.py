"""Bodies of requests: JSON as the services read it, and as the books keep it."""

import json
from decimal import Decimal
from typing import Any

FREE_FORM = frozenset({"provisioningcontext"})


class NotJson(Exception):
    """A body that no service reads: it is no JSON, or its content type does not say so."""


def read_json(content: bytes, content_type: str) -> Any:
    """Return a body with member names in lower case, None for no body. Raises NotJson."""
    if not content:
        return None
    if "json" not in content_type.lower():
        raise NotJson("a body needs Content-Type: application/json")
    try:
        return fold(json.loads(content.decode("utf-8-sig"), parse_float=Decimal))
    except ValueError:
        raise NotJson("the body is not JSON") from None


def fold(content: Any) -> Any:
    """Return JSON with member names in lower case, except inside free-form members."""
    if isinstance(content, list):
        return [fold(item) for item in content]
    if isinstance(content, dict):
        return {name.lower(): item if name.lower() in FREE_FORM else fold(item) for name, item in content.items()}
    return content


def readable(content: bytes) -> Any:
    """Return a body as the books keep it: as it came, or as text if it is no JSON."""
    try:
        return json.loads(content) if content else None
    except ValueError:
        return content.decode("utf-8", "replace")
