"""The UUIDs of commands and events, derived from the identity of a command and the place of an event in its story.

Every id is a UUIDv5 (RFC 9562 section 5.5) of the JSON array of its parts. Two different lists of parts never give the
same array, and a reader that knows the parts can compute the id again.
"""

import json
from typing import Final
from uuid import UUID, uuid5

NAMESPACE: Final = UUID("f1c3a60e-b4a6-526d-ac99-61296ff97089")
"""UUIDv5 of the URL `urn:azplan`. Never changes: under another namespace a republished event would be a new event."""

TERMINAL: Final = "terminal"
"""The place of the terminal event of a story. The class of any other event says its place."""


def id_reused(fingerprint: str) -> str:
    """The place of the `CommandIdReused` about a record with this content: one place for each content."""
    return f"id-reused-{fingerprint}"


def command_uid(source: str, command_id: str) -> UUID:
    """The UUID of the command that (`ce_source`, `ce_id`) identify."""
    return _uuid(source, command_id)


def event_id(source: str, command_id: str, redrive: int, place: str) -> UUID:
    """The `ce_id` of the event at `place` in the story `redrive` of the command. The same arguments give it again."""
    return _uuid(source, command_id, redrive, place)


def _uuid(*parts: str | int) -> UUID:
    return uuid5(NAMESPACE, json.dumps(parts, separators=(",", ":")))
