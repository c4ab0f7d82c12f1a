"""How ids are written in answers."""

from events.fields import is_guid


def plain(identifier: str) -> str:
    """An id as it is named in answers: Partner Center changes the case of GUIDs freely, we do not."""
    return identifier.lower() if is_guid(identifier) else identifier
