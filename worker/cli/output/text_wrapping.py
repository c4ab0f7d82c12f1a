"""The layout of text on a terminal of a given width. Pure. Nothing is cut, and tied words stay on one line."""

import textwrap
from collections.abc import Sequence
from typing import Final

GAP: Final = "  "
TIE: Final = "\u00a0"
"""A space at which a line is not broken."""


def tied(text: str) -> str:
    """`text` with spaces at which no line is broken."""
    return text.replace(" ", TIE)


def untied(text: str) -> str:
    """The text with ordinary spaces, as it is printed."""
    return text.replace(TIE, " ")


def wrap(text: str, width: int | None, indent: int, start: str = "") -> list[str]:
    """`text` after `start`, in lines of at most `width`, later lines indented; with `width` None in one line.

    A longer word, such as an id, stays whole.
    """
    if width is None or len(start) + len(text) <= width:
        return [untied(start + text).rstrip()]
    found = textwrap.wrap(
        text,
        max(width, indent + 20),
        initial_indent=start,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )
    return [untied(line).rstrip() for line in found] or [start.rstrip()]


def folded(widths: Sequence[int], width: int, indent: int) -> list[list[int]]:
    """The columns of each line, if lines of `width` hold columns of these widths. Later lines are indented."""
    lines: list[list[int]] = []
    taken = 0
    for column, wide in enumerate(widths):
        if lines and taken + len(GAP) + wide <= width:
            lines[-1].append(column)
            taken += len(GAP) + wide
        else:
            taken = wide + (indent if lines else 0)
            lines.append([column])
    return lines
