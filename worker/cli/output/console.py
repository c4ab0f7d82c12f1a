"""The only module that prints text: data to standard output, sentences for the person to standard error.

Text comes from Microsoft, from senders and from other people. Every printed line is without control, escape and
bidirectional characters. Without a terminal there is no colour, and nothing is cut or wrapped.
"""

import sys
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text

from events.wire.text import visible
from worker.cli.output.text_wrapping import untied, wrap

STYLES: Mapping[str, str] = {
    "ok": "green",
    "succeeded": "green",
    "failed": "red",
    "rejected": "yellow",
    "warning": "yellow",
    "waiting": "cyan",
    "accepted": "cyan",
}
"""Words that a terminal shows in colour."""

Piece = str | tuple[str, str]
"""A part of a line: plain, or with its style."""


def say(text: str, style: str | None = None) -> None:
    """A sentence to the person on standard error, apart from the data."""
    _print(standard_error(), [(text, style or "")])


def show(*pieces: Piece) -> None:
    """A line of data."""
    _print(_out(), pieces)


def write(text: str) -> None:
    """Print `text` as it is to standard output. For text that `json_text` or `printable` has made safe."""
    sys.stdout.write(text)


def flush() -> None:
    """Flush standard output."""
    sys.stdout.flush()


def write_bytes(value: bytes) -> None:
    """Write bytes unchanged to standard output, for a file or another program: never for a terminal."""
    sys.stdout.buffer.write(value)
    sys.stdout.flush()


def at_terminal() -> bool:
    """Whether `show` prints to a terminal."""
    return sys.stdout.isatty()


def can_ask() -> bool:
    """Whether a person can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str) -> str:
    """The person's answer."""
    return standard_error().input(Text(visible(question) + " "))


def show_wrapped(text: str, *, indent: int = 0, start: str = "", style: str = "") -> None:
    """A long line of data after `start`; on a terminal in as many lines as it takes."""
    for line in wrap(visible(text), width(), indent, visible(start)):
        show((line, style))


def _out() -> Console:
    return Console(file=sys.stdout, highlight=False, markup=False, emoji=False, soft_wrap=True)


def standard_error() -> Console:
    """Where sentences for the person go."""
    return Console(file=sys.stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)


def _print(console: Console, pieces: Sequence[Piece]) -> None:
    line = Text()
    for piece in pieces:
        text, style = (piece, "") if isinstance(piece, str) else piece
        line.append(untied(visible(text)), style)
    console.print(line)


def width() -> int | None:
    """Characters of a line on the terminal; None without a terminal."""
    return _out().width if at_terminal() else None
