"""Decompression of record batches within a limit. A few kilobytes can inflate to gigabytes."""

import mmap
import struct
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

import cramjam

GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
NAMES: Final[Mapping[int, str]] = MappingProxyType({GZIP: "gzip", SNAPPY: "snappy", LZ4: "lz4", ZSTD: "zstd"})
"""The codecs by Kafka's numbers."""

# The framing of xerial's snappy library, which Java clients use: 16 bytes of header, then blocks with their lengths.
_XERIAL: Final = b"\x82SNAPPY\x00"
_XERIAL_HEADER: Final = 16
_BLOCK_LENGTH: Final = 4


class InflatesTooMuch(Exception):
    """The data would inflate to more than the limit."""


class CannotInflate(Exception):
    """The data does not follow its codec. The message is that of the codec's library."""


class BudgetSpent(Exception):
    """The batch does not fit into the rest of this poll's budget. It may fit into the next poll's."""


class InflateBudget:
    """How many bytes the batches of one poll may inflate to, in sum."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._left = most

    def begin(self) -> None:
        """A new poll begins with the full budget."""
        self._left = self.most

    def inflate(self, codec: int, data: bytes) -> bytes:
        """Decompress `data`. Raises BudgetSpent, InflatesTooMuch or CannotInflate.

        After the last two, nothing more is inflated for this poll: they cost as much time as the largest good batch.
        """
        bound, self._left = self._left, 0
        try:
            plain = inflate(codec, data, bound)
        except (InflatesTooMuch, CannotInflate):
            # Only with the full budget is it certain that the data itself is the cause.
            if bound < self.most:
                raise BudgetSpent from None
            raise
        self._left = bound - len(plain)
        return plain


def inflate(codec: int, data: bytes, bound: int) -> bytes:
    """Decompress `data` to at most `bound` bytes, with no more memory than that.

    Raises InflatesTooMuch or CannotInflate.
    """
    if codec not in NAMES:
        raise CannotInflate(f"no codec has the number {codec}")
    if bound < 1:
        raise InflatesTooMuch
    # Memory of a mapping costs nothing until it is written to.
    with mmap.mmap(-1, bound) as room:
        return room[: _INTO[codec](data, room)]


def _stream(decompress: Callable[[bytes, mmap.mmap], int]) -> Callable[[bytes, mmap.mmap], int]:
    def into(data: bytes, room: mmap.mmap) -> int:
        try:
            return decompress(data, room)
        except cramjam.DecompressionError as error:
            if "whole buffer" in str(error):
                raise InflatesTooMuch from None
            raise CannotInflate(str(error)) from None

    return into


def _snappy(data: bytes, room: mmap.mmap) -> int:
    filled = 0
    with memoryview(room) as into:
        for block in _blocks(data):
            try:
                size = cramjam.snappy.decompress_raw_len(block)
                if filled + size > len(room):
                    raise InflatesTooMuch
                with into[filled : filled + size] as place:
                    filled += cramjam.snappy.decompress_raw_into(block, place) if size else 0
            except cramjam.DecompressionError as error:
                raise CannotInflate(str(error)) from None
    return filled


def _blocks(data: bytes) -> Iterator[bytes]:
    if not data.startswith(_XERIAL):
        yield data
        return
    at = _XERIAL_HEADER
    while at < len(data):
        if at + _BLOCK_LENGTH > len(data):
            raise CannotInflate("a block's length is cut off")
        (length,) = struct.unpack_from(">i", data, at)
        at += _BLOCK_LENGTH
        if length < 0 or at + length > len(data):
            raise CannotInflate("a block is cut off")
        yield data[at : at + length]
        at += length


_INTO: Final[Mapping[int, Callable[[bytes, mmap.mmap], int]]] = MappingProxyType(
    {
        GZIP: _stream(cramjam.gzip.decompress_into),
        SNAPPY: _snappy,
        LZ4: _stream(cramjam.lz4.decompress_into),
        ZSTD: _stream(cramjam.zstd.decompress_into),
    }
)
