"""Reads files of gzip JSON lines as they stream, also as a process of its own. Imports nothing that takes time.

    python -m worker.exports.line_files FILE LINES

prints the facts as JSON, or why the file cannot be read.
"""

import json
import os
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

from worker.exports.line_facts import Facts, LineReader, UnreadableLines

CHUNK = 1 << 18
NICE = 10
"""How far the process steps back behind the worker, whose downloads go on meanwhile."""
LONGEST_LINE = 16 * 1024 * 1024
"""Bytes of the longest line that is read: no line of Microsoft's comes near."""


def read_file(path: Path, lines: str) -> Facts:
    """The facts of a file of gzip JSON lines. Raises `UnreadableLines`; keeps one chunk and one line in memory."""
    reader = LineReader(lines)
    for line in _lines_of(path):
        reader.add(line)
    return reader.facts()


def _lines_of(path: Path) -> Iterator[bytes]:
    rest = b""
    for chunk in _inflated(path):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
        if len(rest) > LONGEST_LINE:
            raise UnreadableLines(f"a line has more than {LONGEST_LINE} bytes")
    if rest:
        yield rest


def _inflated(path: Path) -> Iterator[bytes]:
    """The content of a gzip file of one or several members. Each member's CRC and length are checked by zlib."""
    inflate = zlib.decompressobj(wbits=31)
    with path.open("rb") as file:
        while data := file.read(CHUNK):
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
    if hasattr(os, "nice"):
        os.nice(NICE)
    try:
        found = read_file(Path(path), lines)
    except UnreadableLines as error:
        told: dict[str, object] = {"unreadable": str(error)}
    else:
        told = {"rows": found.rows, **found.to_json()}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    _main(*sys.argv[1:])
