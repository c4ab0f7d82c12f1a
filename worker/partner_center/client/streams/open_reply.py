"""The body of an answer, piece by piece. Knows compression and the time-out of a silence; no operation and no token."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import cast

import httpx

LARGEST_PIECE = 256 * 1024
"""Largest number of bytes that are handed over at once. A compressed body can stand for a thousand times as many."""
_PLAIN, _ZIPPED = frozenset({"", "identity"}), frozenset({"gzip", "x-gzip", "deflate"})
_GZIP_OR_ZLIB = 47
"""For zlib: both formats, told apart by their first bytes."""


class Undecodable(Exception):
    """The body of an answer cannot be decompressed. The text quotes nothing of the answer."""


class OpenReply:
    """An answer whose head has arrived. The body is read by iterating, once. Must be closed."""

    def __init__(
        self, response: httpx.Response, *, idle: float, explain: Callable[[Exception], Exception], plain: bool = False
    ) -> None:
        """`idle`: seconds that the next bytes may take. `explain` makes the exception that tells why the body broke.

        `plain`: hand over the bytes as they came, even if they are declared to be compressed.
        """
        self.status = response.status_code
        self.reason = response.reason_phrase
        self.headers: Mapping[str, str] = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw
        }
        self._response = response
        self._idle = idle
        self._explain = explain
        self._plain = plain

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The pieces of the body. Their end means that every byte arrived. Raises what `explain` makes."""
        try:
            unpack = self._unpacking()
            pieces = aiter(cast("httpx.AsyncByteStream", self._response.stream))
            while True:
                async with asyncio.timeout(self._idle):
                    raw = await anext(pieces, None)
                if raw is None:
                    break
                for piece in unpack.pieces(raw):
                    yield piece
            unpack.end()
        except (httpx.HTTPError, TimeoutError, Undecodable) as error:
            raise self._explain(error) from error

    async def whole(self, most: int) -> bytes | None:
        """The whole body; None if it is larger than `most` bytes. Raises what `explain` makes."""
        body = bytearray()
        async for piece in self:
            body += piece
            if len(body) > most:
                return None
        return bytes(body)

    async def close(self) -> None:
        """Give the connection back if the body was read to its end, else close it at once."""
        await self._response.aclose()

    def _unpacking(self) -> "_AsItIs":
        encoding = "" if self._plain else self.headers.get("content-encoding", "").strip().lower()
        if encoding in _PLAIN:
            return _AsItIs()
        if encoding in _ZIPPED:
            return _Unzipped()
        raise Undecodable("the body of the answer is compressed in a way that nobody asked for")


class _AsItIs:
    """Hands the bytes on."""

    def pieces(self, raw: bytes) -> Iterator[bytes]:
        """What these bytes of the body stand for."""
        yield raw

    def end(self) -> None:
        """The body has ended. Raises `Undecodable` if it should not have."""


class _Unzipped(_AsItIs):
    """Inflates one stream, or several one behind the other (RFC 1952), in pieces of at most `LARGEST_PIECE`."""

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._begun = False

    def pieces(self, raw: bytes) -> Iterator[bytes]:
        while raw:
            if self._inflater.eof:
                self._inflater = zlib.decompressobj(_GZIP_OR_ZLIB)
            self._begun = True
            piece = self._inflated(raw)
            while piece:
                yield piece
                piece = self._inflated(self._inflater.unconsumed_tail)
            raw = self._inflater.unused_data

    def end(self) -> None:
        if self._begun and not self._inflater.eof:
            raise Undecodable("the compressed body of the answer is cut")

    def _inflated(self, raw: bytes) -> bytes:
        try:
            return self._inflater.decompress(raw, LARGEST_PIECE)
        except zlib.error:
            raise Undecodable("the body of the answer cannot be decompressed") from None
