"""Who is who: the UUIDs that follow from a command's identity and from the place of an event in its story.

Every id is a UUIDv5 (RFC 9562 section 5.5) of the JSON array of its parts, so that no two lists of parts ever run
together and whoever knows the parts can compute the id again.
"""

import json
from typing import Final
from uuid import UUID, uuid5

NAMESPACE: Final = UUID("f1c3a60e-b4a6-526d-ac99-61296ff97089")
"""UUIDv5 of the URL `urn:azplan`. Never changes: with another one, an event published again would be a new one."""

TERMINAL: Final = "terminal"
"""The place of the terminal event of a story. The class of any other event says its place."""


def id_reused(fingerprint: str) -> str:
    """The place of the `CommandIdReused` about a record with that content: one per other content."""
    return f"id-reused-{fingerprint}"


def command_uid(source: str, command_id: str) -> UUID:
    """The UUID of the command that (`ce_source`, `ce_id`) identify."""
    return _uuid(source, command_id)


def event_id(source: str, command_id: str, redrive: int, place: str) -> UUID:
    """The `ce_id` of the event at `place` in the story `redrive` of the command; the same whenever it is asked for."""
    return _uuid(source, command_id, redrive, place)


def _uuid(*parts: str | int) -> UUID:
    return uuid5(NAMESPACE, json.dumps(parts, separators=(",", ":")))
