"""The port to a destination of files: a folder, or a container of an object store.

Paths are below the destination, with `/` between their parts. Every method raises `DestinationUnavailable` for what may
pass and `DestinationRefused` for what a person has to change. A write that raises may have been made or not: each can
be made again.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

T = TypeVar("T")
FoundT = TypeVar("FoundT")

CHUNK = 1024 * 1024
"""Bytes of a file that are in memory at once."""
LARGEST_READ = 64 * 1024 * 1024
"""Bytes of the largest manifest or pointer that is read whole."""
AT_ONCE = 8
"""Lookups of one caller under way at once. An object store serves twice as many requests: uploads go on meanwhile."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file at the destination."""

    path: str
    bytes: int


class Store(Protocol):
    """A destination. `url`: how its files are named for others, without a slash at the end."""

    url: str

    async def put(self, path: str, source: Path) -> None:
        """Bring a finished local file to the destination, durable when this returns. A file at this path is replaced.

        The local file may be gone afterwards. Never the whole file is in memory.
        """

    async def create(self, path: str, source: Path) -> bool:
        """As `put`, but False and no change if a file is there already. Never the whole file is in memory."""

    def local(self, path: str) -> Path | None:
        """The file as a local file, where the destination is a folder. None where it has to be read."""

    async def read(self, path: str) -> bytes | None:
        """The content of a small file. None if there is none. Raises `DestinationRefused` above `LARGEST_READ`."""

    def chunks(self, path: str) -> AsyncIterator[bytes]:
        """The content of a file, piece by piece. Raises FileNotFoundError if there is none."""

    async def prepare(self, staging: str, parts: Mapping[str, str], folder: str) -> None:
        """Bring staged parts to a version's folder, or as close to it as no reader sees them.

        `parts`: the paths of staged files, each with the path within the version. Parts that are there stay. Raises
        FileNotFoundError if one is neither there nor staged.
        """

    async def commit(self, staging: str, folder: str, manifest: bytes) -> bool:
        """Make the prepared version appear, with its manifest. False and no change if a manifest is there already.

        Raises FileNotFoundError where what was prepared is gone.
        """

    async def replace(self, path: str, content: bytes, unless: Callable[[bytes], bool]) -> bool:
        """Replace a small file atomically. False and no change if `unless` is true of the content that is there."""

    def entries(self, folder: str) -> AsyncIterator[Entry]:
        """All files below a folder, at any depth, in any order."""

    async def delete(self, path: str) -> None:
        """Delete a file. Nothing happens if there is none."""

    async def delete_folder(self, folder: str) -> None:
        """Delete all files below a folder, and the folder. Nothing happens if there is none."""


async def look_up_each(look: Callable[[T], Awaitable[FoundT]], wanted: Iterable[T]) -> list[FoundT]:
    """What `look` finds of each, in the order of `wanted`. Raises the first error, and ends the other lookups then."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(each: T) -> FoundT:
        async with room:
            return await look(each)

    lookups = [asyncio.ensure_future(one(each)) for each in wanted]
    try:
        return list(await asyncio.gather(*lookups))
    finally:
        for lookup in lookups:
            lookup.cancel()
        await asyncio.gather(*lookups, return_exceptions=True)
