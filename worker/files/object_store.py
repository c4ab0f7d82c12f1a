"""An object store as the destination: S3, Azure Blob Storage or Google Cloud Storage, through obstore. Its only door.

Credentials are those of the cloud's own variables or of the machine's identity, and never settings of azplan.

obstore's functions run in threads. Its coroutines would be woken by threads of its own, and these abort a process that
ends meanwhile (https://github.com/PyO3/pyo3-async-runtimes/issues/40).
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    InvalidPathError,
    NotFoundError,
    NotSupportedError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
    UnknownConfigurationKeyError,
)
from obstore.store import from_url

from worker.files.errors import DestinationRefused, DestinationUnavailable
from worker.files.layout import MANIFEST
from worker.files.store import LARGEST_READ, Entry
from worker.loopback import is_loopback
from worker.redaction import redact

GONE = (NotFoundError, FileNotFoundError)
PIECE = 5 * 1024 * 1024
"""Bytes of a file that one request carries. S3 takes no smaller pieces."""
AT_ONCE = 2
"""Requests of one upload that are under way at once: so many pieces are in memory."""
COPIES = 8
"""Copies within the store that are under way at once."""
THREADS = 16
"""Requests under way at once. The threads are the store's own: others must not wait for its requests."""
DELETED_AT_ONCE = 500
SWAPS = 5
"""How often a small file is read and replaced if others replace it meanwhile."""
LONGEST_DETAIL = 300

TIMES: Any = {"connect_timeout": timedelta(seconds=10), "timeout": timedelta(seconds=120)}
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT")
"""The variables that name another server than the cloud's."""
PLAIN = ("AWS_ALLOW_HTTP", "AZURE_ALLOW_HTTP", "GOOGLE_ALLOW_HTTP")
"""The variables by which a person allows plain http to such a server."""
RETRIES: Any = {"max_retries": 4, "retry_timeout": timedelta(seconds=60)}
"""A command that still has no answer then waits, and gives its place to others."""

VARIABLES = {
    "s3": "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION, or the machine's role",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS, or the machine's service account",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY (or AZURE_CLIENT_ID and its kin), or the identity",
    "abfss": "AZURE_STORAGE_ACCOUNT_KEY (or AZURE_CLIENT_ID and its kin), or the machine's identity",
}
_QUERY = re.compile(r"(https?://[^\s?\"']+)\?[^\s\"')]*")


class ObjectStore:
    """A container of an object store, or a prefix in it. Connects to nothing before its first use."""

    def __init__(self, url: str) -> None:
        """Raises `DestinationRefused` if the address lacks something, such as the name of the account."""
        self.url = url
        self._scheme = url.partition("://")[0]
        self._threads = ThreadPoolExecutor(THREADS, "azplan-files")
        options: Any = {**TIMES, "allow_http": may_be_plain(os.environ)}
        try:
            self._store: Any = from_url(url, client_options=options, retry_config=RETRIES)
        except (BaseError, ValueError) as error:
            advice = f"Give the worker what this address needs: {VARIABLES[self._scheme]}."
            raise DestinationRefused(self._detail("cannot be used", error), advice) from error

    async def put(self, path: str, source: Path) -> None:
        with self._telling():
            await self._ask(obstore.put, self._store, path, source, chunk_size=PIECE, max_concurrency=AT_ONCE)

    async def create(self, path: str, source: Path) -> bool:
        if await self._size(path) is not None:
            return False
        await self.put(path, source)
        return True

    def local(self, _path: str) -> Path | None:
        return None

    async def read(self, path: str) -> bytes | None:
        found = await self._look(path)
        return None if found is None else found[0]

    async def chunks(self, path: str) -> AsyncIterator[bytes]:
        size = await self._size(path)
        if size is None:
            raise FileNotFoundError(path)
        for start in range(0, size, PIECE):
            with self._telling():
                piece = await self._ask(obstore.get_range, self._store, path, start=start, end=min(size, start + PIECE))
            yield bytes(piece)

    async def prepare(self, _staging: str, parts: Mapping[str, str], folder: str) -> None:
        moves = [(staged, f"{folder}/{name}") for staged, name in parts.items()]
        for first in range(0, len(moves), COPIES):
            await asyncio.gather(*(self._copy(*move) for move in moves[first : first + COPIES]))

    async def commit(self, _staging: str, folder: str, manifest: bytes) -> bool:
        return await self._create(f"{folder}/{MANIFEST}", manifest)

    async def replace(self, path: str, content: bytes, unless: Callable[[bytes], bool]) -> bool:
        for _ in range(SWAPS):
            found = await self._look(path)
            if found is None:
                if await self._create(path, content):
                    return True
                continue
            present, seen = found
            if unless(present):
                return False
            with self._telling():
                try:
                    await self._ask(obstore.put, self._store, path, content, mode=seen)
                except PreconditionError:
                    continue
            return True
        raise DestinationUnavailable(f"{self.url}/{path} is replaced by others again and again")

    async def entries(self, folder: str) -> AsyncIterator[Entry]:
        with self._telling():
            listing = obstore.list(self._store, prefix=folder)
            while found := await self._ask(next, listing, None):
                for each in found:
                    yield Entry(each["path"], each["size"])

    async def delete(self, path: str) -> None:
        with self._telling(), suppress(*GONE):
            await self._ask(obstore.delete, self._store, path)

    async def delete_folder(self, folder: str) -> None:
        paths = [entry.path async for entry in self.entries(folder)]
        with self._telling():
            for first in range(0, len(paths), DELETED_AT_ONCE):
                await self._ask(obstore.delete, self._store, paths[first : first + DELETED_AT_ONCE])

    async def _copy(self, source: str, target: str) -> None:
        gone = None
        with self._telling():
            try:
                await self._ask(obstore.copy, self._store, source, target)
            except GONE as error:
                gone = error
        if gone is not None:
            raise FileNotFoundError(source) from gone

    async def _look(self, path: str) -> tuple[bytes, Any] | None:
        """The content of a small file, and what the store knows this content by. None if there is no file."""
        with self._telling():
            try:
                found = await self._ask(obstore.get, self._store, path)
            except GONE:
                return None
            if found.meta["size"] > LARGEST_READ:
                raise DestinationRefused(f"{path} has more than {LARGEST_READ} bytes and is none of azplan's")
            seen = {name: found.meta[name] for name in ("e_tag", "version") if found.meta[name] is not None}
            return bytes(await self._ask(found.bytes)), seen

    async def _size(self, path: str) -> int | None:
        """The size of a file. None if there is none."""
        with self._telling():
            try:
                return int((await self._ask(obstore.head, self._store, path))["size"])
            except GONE:
                return None

    async def _create(self, path: str, content: bytes) -> bool:
        with self._telling():
            try:
                await self._ask(obstore.put, self._store, path, content, mode="create")
            except AlreadyExistsError:
                return False
        return True

    async def _ask(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """The result of a function of obstore, which runs in a thread."""
        call = partial(function, *arguments, **options)
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Say in words of azplan's own what the store refuses, without the signed parts of its addresses."""
        try:
            yield
        except (PermissionDeniedError, UnauthenticatedError) as error:
            advice = f"Give the worker the right to list, read, write and delete there: {VARIABLES[self._scheme]}."
            raise DestinationRefused(self._detail("refuses the worker", error), advice) from error
        except GONE as error:
            advice = "Create the bucket or the container, or name another one in AZPLAN_FILES__URL."
            raise DestinationRefused(self._detail("is not there", error), advice) from error
        except (NotSupportedError, InvalidPathError, UnknownConfigurationKeyError) as error:
            raise DestinationRefused(self._detail("cannot be used", error)) from error
        except BaseError as error:
            raise DestinationUnavailable(self._detail("does not answer", error)) from error

    def _detail(self, what: str, error: Exception) -> str:
        said = redact(_QUERY.sub(r"\1", " ".join(str(error).partition("Debug source:")[0].split())))
        return f"{self.url} {what}: {said[:LONGEST_DETAIL]}"


def may_be_plain(environment: Mapping[str, str]) -> bool:
    """Whether requests may be plain http: to a server on this machine, or where a variable of the store says so."""
    named = [urlsplit(environment[name]) for name in ENDPOINTS if environment.get(name)]
    local = [url for url in named if url.scheme == "http" and is_loopback(url.hostname or "")]
    return bool(local) or any(environment.get(name, "").lower() == "true" for name in PLAIN)
