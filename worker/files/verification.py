"""Reads every byte of a version and compares it with the manifest, and single files with the hash in their names.

Counts lines of the source that are the same.
"""

import asyncio
import hashlib
import zlib
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

from worker.files.catalog import Documents
from worker.files.destination import Destination, Published
from worker.files.layout import ROOT, SOURCE, UnsafeName, digits_of, safe_path
from worker.files.manifest import PublishedFile

MISSING, DIFFERS, UNSAFE = "missing", "differs", "unsafe_path"
IDENTICAL = "identical_lines"
"""The notice about lines that are equal in every attribute. They are legitimate and kept."""
MOST_INFLATED = 4 * 1024 * 1024
"""Bytes that are inflated at once."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A file that is not what the manifest says: `missing`, `differs` or `unsafe_path`."""

    path: str
    problem: str


@dataclass(slots=True)
class Verified:
    """What was found of a version; or of the single files of a folder, which is the `dataset` then."""

    dataset: str
    version: str | None
    files: int = 0
    bytes: int = 0
    problems: list[Problem] = field(default_factory=list)
    identical_lines: int = 0

    @property
    def notices(self) -> list[str]:
        """What a person should know and what is no problem."""
        return [f"{IDENTICAL}:{self.identical_lines}"] if self.identical_lines else []


async def verify(destination: Destination, found: Published, read: Callable[[int], None]) -> Verified:
    """Compare all files of a version with its manifest. `read` is told of bytes that were read."""
    dataset = found.manifest.dataset
    result, lines = Verified(dataset.path, found.version), SameLines()
    for file in found.manifest.files:
        problem = await _problem(destination, f"{dataset.version_folder(found.version)}", file, lines, read)
        result.files += 1
        result.bytes += file.bytes
        if problem is not None:
            result.problems.append(Problem(file.path, problem))
    result.identical_lines = await asyncio.to_thread(lambda: lines.same)
    return result


async def verify_documents(destination: Destination, found: Documents, read: Callable[[int], None]) -> Verified:
    """Compare single files with the digits of the hash in their names. `read` is told of bytes that were read."""
    result = Verified(found.folder, None, files=len(found.files), bytes=sum(found.files.values()))
    for name in found.files:
        path = f"{found.folder}/{name}"
        try:
            sha256 = await _hash(destination, f"{ROOT}/{path}", None, read)
        except FileNotFoundError:
            result.problems.append(Problem(name, MISSING))
        else:
            if not sha256.startswith(digits_of(path) or ""):
                result.problems.append(Problem(name, DIFFERS))
    return result


async def _problem(
    destination: Destination, folder: str, file: PublishedFile, lines: "SameLines", read: Callable[[int], None]
) -> str | None:
    inflated = Inflated(lines) if file.format == SOURCE else None
    try:
        sha256 = await _hash(destination, f"{folder}/{safe_path(file.path)}", inflated, read)
    except FileNotFoundError:
        return MISSING
    except UnsafeName:
        return UNSAFE
    return None if sha256 == file.sha256 else DIFFERS


async def _hash(destination: Destination, path: str, inflated: "Inflated | None", read: Callable[[int], None]) -> str:
    """The SHA-256 of a file, whose bytes `inflated` takes too. Raises FileNotFoundError."""
    hasher = hashlib.sha256()

    def take(piece: bytes) -> None:
        hasher.update(piece)
        if inflated is not None:
            inflated.take(piece)

    async for piece in destination.store.chunks(path):
        await asyncio.to_thread(take, piece)
        read(len(piece))
    return hasher.hexdigest()


class SameLines:
    """Counts lines that stood in the source before. Eight bytes are kept of each line, in 256 portions."""

    def __init__(self) -> None:
        self._known = [array("Q") for _ in range(256)]

    def add(self, line: bytes) -> None:
        """Take a line."""
        digest = hashlib.blake2b(line, digest_size=9).digest()
        self._known[digest[0]].append(int.from_bytes(digest[1:]))

    @property
    def same(self) -> int:
        """How many lines were the same as a line before them."""
        return sum(len(portion) - len(set(portion)) for portion in self._known)


class Inflated:
    """The lines of gzip bytes that come piece by piece. Bytes that are no gzip have no lines."""

    def __init__(self, lines: SameLines) -> None:
        self._lines = lines
        self._rest = b""
        self._gzip = zlib.decompressobj(wbits=31)

    def take(self, piece: bytes) -> None:
        """Take the next bytes."""
        try:
            while piece:
                self._split(self._gzip.decompress(piece, MOST_INFLATED))
                piece = self._gzip.unconsumed_tail
                if self._gzip.eof:
                    piece, self._gzip = self._gzip.unused_data, zlib.decompressobj(wbits=31)
        except zlib.error:
            return

    def _split(self, text: bytes) -> None:
        *whole, self._rest = (self._rest + text).split(b"\n")
        for line in whole:
            self._lines.add(line)
