"""Makes text from others safe to print, to log and to store."""

import json
import re
from typing import Any

_CONTROL = r"\x00-\x1f\x7f-\x9f\ud800-\udfff"
"""C0 and C1, U+007F, and lone surrogates: no log, UTF-8 encoder or PostgreSQL column takes them."""
_TURNING = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""Bidirectional controls: they change the order in which text is shown."""
_INVISIBLE = (
    r"\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2028\u2029\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0"
    r"\ufff0-\ufffb\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Characters without width or ink: they make two texts look the same."""
_JOINERS = r"(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])"
"""Joiners of letters. Some scripts and emoji need them between two of their characters; beside ASCII they only hide."""

_BREAKS = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")
_HARMFUL = re.compile(f"[{_CONTROL}{_TURNING}{_INVISIBLE}]|{_JOINERS}")
_IN_JSON = re.compile(f"[\x7f-\x9f\ud800-\udfff{_TURNING}{_INVISIBLE}\u200c\u200d]")
_CONTROLS = re.compile(f"[{_CONTROL}]")


def printable(text: str, limit: int) -> str:
    """`text` in one line of at most `limit` characters.

    Line breaks and tabs become a space. Other characters that act on a terminal, a reader or a database without being
    seen become U+FFFD: control characters, bidirectional controls, characters without width, lone surrogates.
    A text that was cut ends in an ellipsis.
    """
    if len(text) <= limit and text.isascii() and text.isprintable():  # most texts by far, and quickly told
        return text
    # Only the part that may survive the cut is examined: hostile text may be a mebibyte long.
    line = visible(text[: 2 * limit])
    whole = len(line) <= limit and len(text) <= 2 * limit
    return line if whole else line[: limit - 1].rstrip() + "…"


def visible(text: str) -> str:
    """`text` as `printable` makes it, at any length."""
    return _HARMFUL.sub("\ufffd", _BREAKS.sub(" ", text))


def json_text(value: Any, indent: int | None = None) -> str:
    """`value` as JSON that is safe to print: characters that `printable` replaces are JSON escapes."""
    return _IN_JSON.sub(_escaped, json.dumps(value, indent=indent, ensure_ascii=False))


def quoted(text: str, limit: int = 64) -> str:
    """`text` in double quotes, printable and short. Details name keys and types of a sender like this."""
    return f'"{printable(text, limit)}"'


def has_control_characters(text: str) -> bool:
    """Whether a C0 or C1 control character, U+007F or a lone surrogate occurs in `text`."""
    return _CONTROLS.search(text) is not None


def _escaped(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1]


def counted(number: int, thing: str) -> str:
    """So many things: `1 reservation`, `2 reservations`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
