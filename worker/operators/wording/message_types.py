"""Types of messages, and the names that people type for them."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TypeVar

from events.messages.base import Message

MessageT = TypeVar("MessageT", bound=Message)


def short(wire_type: str) -> str:
    """`azplan.SuspendPlan.v1` as people call it: `SuspendPlan`."""
    return wire_type.removeprefix("azplan.").removesuffix(".v1")


def find(name: str, kinds: Mapping[str, type[MessageT]]) -> type[MessageT] | None:
    """The type of that name, in any case, short or in full, with hyphens or without; None if there is none."""
    wanted = _folded(name)
    return next((kind for wire_type, kind in kinds.items() if _folded(wire_type) == wanted), None)


def suggestion(name: str, known: Mapping[str, object]) -> str:
    """A sentence with the known names that are like `name`, or with all known names if none is."""
    names = {short(each).lower(): short(each) for each in known}
    near = get_close_matches(short(name).lower(), names, n=3)
    if near:
        return f"Did you mean {', '.join(names[each] for each in near)}?"
    return f"There are {', '.join(names.values())}."


def _folded(name: str) -> str:
    return short(name).replace("-", "").replace("_", "").lower()
