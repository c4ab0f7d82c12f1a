"""Who asks for a change, and why. The journal keeps both; neither is proved."""

from dataclasses import dataclass
from typing import Final

from events.wire.text import printable
from worker.operators.errors import InvalidValue

LONGEST_NAME: Final = 200
LONGEST_REASON: Final = 2_000


@dataclass(frozen=True, slots=True)
class Signature:
    """The name of the person who asks for a change, and the person's reason; the reason may be empty."""

    who: str
    why: str


def name(given: str) -> str:
    """A name in one line of at most `LONGEST_NAME` characters."""
    return printable(given.strip(), LONGEST_NAME)


def reason(given: str) -> str:
    """A reason in one line. Raises `InvalidValue` for a reason that is too long to be kept."""
    text = given.strip()
    if len(text) > LONGEST_REASON:
        raise InvalidValue("why", f"has {len(text)} characters.", f"Write {LONGEST_REASON} at the most.")
    return printable(text, LONGEST_REASON)


def sign(who: str, why: str) -> Signature:
    """A signature from what a person typed. Raises `InvalidValue`, also for an empty name."""
    if not who.strip():
        raise InvalidValue("who", "is empty.", "Say who you are.")
    return Signature(name(who), reason(why))
