"""Every fault of the answer to a write."""

import pytest

LOST: list[tuple[str, dict[str, object]]] = [
    ("reset_before", {}),
    ("reset_after", {}),
    ("late", {"seconds": 30}),
    ("late", {"seconds": 290}),
    ("delay", {"seconds": 60}),
    ("slow_answer", {"seconds": 60}),
    ("error_before", {"status": 500}),
    ("error_after", {"status": 500}),
    ("error_after", {"status": 502}),
    ("error_after", {"status": 503}),
    ("error_after", {"status": 504}),
    ("truncated", {}),
    ("cut_json", {}),
    ("empty", {}),
    ("garbage", {}),
    *(("gateway", {"page": page, "acts": acts}) for page in ("html", "empty", "json") for acts in (False, True)),
    ("gateway", {"status": 401, "page": "empty", "acts": True}),
    ("gateway", {"status": 403, "page": "html", "acts": True}),
    ("gateway", {"status": 409, "page": "json", "acts": True}),
    ("gateway", {"status": 429, "page": "html", "acts": True}),
    ("fault_in_200", {"code": 800003, "acts": True}),
    ("refused", {}),
]
"""Kinds of fault with their details. No request arrives later than ten seconds before it has settled."""

EVERY_LOSS = pytest.mark.parametrize(
    ("kind", "details"), LOST, ids=["_".join([kind, *map(str, details.values())]) for kind, details in LOST]
)
REMEMBERED = pytest.mark.parametrize("memory", [True, False], ids=["ids_remembered", "ids_forgotten"])
"""Whether Partner Center remembers request ids: no promise may depend on that."""
