"""Reads files of gzip JSON lines as they stream, also as a process of its own. Imports nothing that takes time.

    python -m worker.exports.line_files FILE LINES

prints the facts and the hash of the file as JSON, or why it cannot be read.
"""

import hashlib
import json
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from worker.exports.line_facts import Facts, LineReader, UnreadableLines

CHUNK = 1 << 18
LONGEST_LINE = 16 * 1024 * 1024
"""Bytes of the longest line that is read: no line of Microsoft's comes near."""


@dataclass(frozen=True, slots=True)
class ReadFile:
    """What was read of a file."""

    facts: Facts
    sha256: str
    """Of the bytes that the facts come from, in hexadecimal."""
    only_counted: bool = False
    """The lines were counted: the facts say nothing else of them."""


def read_file(path: Path, lines: str) -> ReadFile:
    """Read a file of gzip JSON lines. Raises `UnreadableLines`; keeps one chunk and one line in memory."""
    reader, hasher = LineReader(lines), hashlib.sha256()
    for line in _lines_of(path, hasher.update):
        reader.add(line)
    return ReadFile(reader.facts(), hasher.hexdigest())


def count_lines(path: Path) -> ReadFile:
    """Count the lines of a file of gzip that are not blank. Raises `UnreadableLines` where it is no gzip, or cut off.

    The work leaves the interpreter free for other threads.
    """
    hasher = hashlib.sha256()
    begun, ended, last = 0, 1, b"\n"
    for chunk in _inflated(path, hasher.update):
        begun += chunk.count(b"\n{") + (last == b"\n" and chunk[:1] == b"{")
        ended += chunk.count(b"\n")
        last = chunk[-1:] or last
    if begun != ended - (last == b"\n"):  # some lines begin otherwise, or are blank
        begun = sum(not line.isspace() for line in _lines_of(path, lambda _: None) if line)
    return ReadFile(Facts.of(begun, {}), hasher.hexdigest(), only_counted=True)


def _lines_of(path: Path, seen: Callable[[bytes], None]) -> Iterator[bytes]:
    rest = b""
    for chunk in _inflated(path, seen):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
        if len(rest) > LONGEST_LINE:
            raise UnreadableLines(f"a line has more than {LONGEST_LINE} bytes")
    if rest:
        yield rest


def _inflated(path: Path, seen: Callable[[bytes], None]) -> Iterator[bytes]:
    """The content of a gzip file of one or several members. Each member's CRC and length are checked by zlib.

    `seen` gets every byte of the file, in order.
    """
    inflate = zlib.decompressobj(wbits=31)
    with path.open("rb") as file:
        while data := file.read(CHUNK):
            seen(data)
            while data:
                if inflate.eof:
                    inflate = zlib.decompressobj(wbits=31)
                try:
                    yield inflate.decompress(data, CHUNK)
                except zlib.error as error:
                    raise UnreadableLines("it is not gzip, or its check sum is wrong") from error
                # Behind a member comes another one, or zeros that fill a block.
                data = inflate.unused_data.lstrip(b"\0") if inflate.eof else inflate.unconsumed_tail
    if not inflate.eof:
        raise UnreadableLines("it is cut off: its gzip does not end")


def _main(path: str, lines: str) -> None:
    try:
        found = read_file(Path(path), lines)
    except UnreadableLines as error:
        told: dict[str, object] = {"unreadable": str(error)}
    else:
        told = {"rows": found.facts.rows, "sha256": found.sha256, **found.facts.to_json()}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    _main(*sys.argv[1:])
