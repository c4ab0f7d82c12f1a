"""Text that came from others, made safe to print, to log and to store."""

import re

_BREAKS = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def printable(text: str, limit: int) -> str:
    """`text` in one line of at most `limit` characters.

    Line breaks and tabs become a space. What no log, UTF-8 encoder or PostgreSQL column takes (control characters,
    U+0000, lone surrogates) becomes U+FFFD. A text that was cut ends in an ellipsis.
    """
    # Only what may survive the cut is looked at: hostile text may be a mebibyte long.
    line = _UNPRINTABLE.sub("\ufffd", _BREAKS.sub(" ", text[: 2 * limit]))
    whole = len(line) <= limit and len(text) <= 2 * limit
    return line if whole else line[: limit - 1].rstrip() + "…"


def quoted(text: str, limit: int = 64) -> str:
    """`text` in double quotes, printable and short: how details name a key or a type that a sender chose."""
    return f'"{printable(text, limit)}"'


def has_control_characters(text: str) -> bool:
    """Whether a C0 or C1 control character, U+007F or a lone surrogate occurs in `text`."""
    return _UNPRINTABLE.search(text) is not None
