"""The file with the newest refresh token of a user: read, replaced as a whole, and shared by several processes.

Each redemption gives a new refresh token that lives for 90 days. If it is lost, a person must sign in again. So a
redemption begins only if its result can be stored, and two processes never redeem at the same time.
Source: https://learn.microsoft.com/partner-center/developer/enable-secure-app-model
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from worker import operating_system
from worker.clock import Clock

LIFE = 90 * 86_400.0
"""Seconds that a refresh token lives after it was issued."""
LOCK_TIMEOUT = 60.0
"""Seconds to wait for another process that uses the file."""
_LOCK_POLL = 0.1
_ROOM = 16 * 1024
"""Bytes that are reserved for a token. The longest known tokens need a tenth of that."""


class RefreshTokenFileError(Exception):
    """The file cannot be read, locked or replaced. The message says what to do, and holds no token."""


class RefreshTokenFile:
    """A file with a refresh token. Its methods block: call them in a thread."""

    def __init__(self, path: Path, clock: Clock, *, lock_timeout: float = LOCK_TIMEOUT) -> None:
        self._path = path
        self._clock = clock
        self._lock_timeout = lock_timeout

    def __str__(self) -> str:
        return str(self._path)

    def issued_at(self) -> float | None:
        """When the token was stored, in Unix seconds. None if the file does not exist."""
        try:
            return self._path.stat().st_mtime
        except OSError:
            return None

    def token(self) -> str:
        """The token, for a redemption whose successor is not kept. Raises `RefreshTokenFileError`."""
        try:
            return _token_in(self._path)
        except OSError as error:
            raise RefreshTokenFileError(
                f"{self._path}: {error.strerror or error}. Let the worker read this file."
            ) from error

    @contextmanager
    def redemption(self) -> Iterator[tuple[str, Callable[[str], None]]]:
        """Lock the file. Yields the token and a function that stores its successor.

        Raises `RefreshTokenFileError`, and then nothing was redeemed.
        """
        path = self._path.resolve()
        try:
            with self._locked(path), _place_beside(path) as place:
                yield _token_in(path), lambda successor: _replace(path, place, successor)
        except OSError as error:
            raise RefreshTokenFileError(
                f"{path}: {error.strerror or error}. Let the worker read this file and write into its directory: every"
                " use of a refresh token gives a new one, which the worker has to store there."
            ) from error

    @contextmanager
    def _locked(self, path: Path) -> Iterator[None]:
        """Hold the lock on this file, which all processes respect. The lock of a process that dies is released."""
        give_up = self._clock.monotonic() + self._lock_timeout
        with path.with_name(f".{path.name}.lock").open("a") as lock:
            while not operating_system.lock(lock.fileno()):
                if self._clock.monotonic() > give_up:
                    raise RefreshTokenFileError(
                        f"{path} has been in use by another process for {self._lock_timeout:g} s: find that process"
                    )
                time.sleep(_LOCK_POLL)  # in a thread, never on the event loop
            yield


@contextmanager
def _place_beside(path: Path) -> Iterator[int]:
    """A new file beside `path` that only its owner can read. Deleted at the end, unless it was renamed."""
    temporary = _temporary(path)
    temporary.unlink(missing_ok=True)
    place = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        operating_system.set_aside(place, _ROOM)  # a full disk must fail now, and not when there is a token to store
        yield place
    finally:
        os.close(place)
        temporary.unlink(missing_ok=True)


def _replace(path: Path, place: int, token: str) -> None:
    """Write `token` to the new file and rename that file to `path`. Then the token survives a loss of power."""
    operating_system.write_whole(place, token.encode())
    _temporary(path).replace(path)
    operating_system.keep_folder(path.parent)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")


def _token_in(path: Path) -> str:
    try:
        token = path.read_text(encoding="utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise RefreshTokenFileError(f"{path} is not text: write the refresh token into it") from error
    if not token:
        raise RefreshTokenFileError(f"{path} is empty: sign the user in again and write the refresh token into it")
    return token
