"""How ids and numbers are written in answers."""

from events.messages.fields import is_guid


def plain(identifier: str) -> str:
    """An id as it is named in answers: Partner Center changes the case of GUIDs freely, we do not."""
    return identifier.lower() if is_guid(identifier) else identifier


def counted(number: int, thing: str) -> str:
    """So many things: `1 reservation`, `2 reservations`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
