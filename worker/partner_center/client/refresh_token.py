"""The file that holds the newest refresh token of a user: read, replaced whole, and shared by several processes.

Each redemption gives a new refresh token with a new life of 90 days; losing it means that a person must sign in again.
So a redemption begins only where its result can be stored, and two processes never redeem at the same time.
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
_LOCK_POLL = 0.1
_ROOM = 16 * 1024
"""Bytes that are set aside for a token; the longest known are a tenth of that."""


class RefreshTokenFileError(Exception):
    """The file cannot be read, locked or replaced. The message says what to do, and holds no token."""


class RefreshTokenFile:
    """One such file. Its methods block: call them in a thread."""

    def __init__(self, path: Path, clock: Clock, *, lock_timeout: float = LOCK_TIMEOUT) -> None:
        self._path = path
        self._clock = clock
        self._lock_timeout = lock_timeout

    def __str__(self) -> str:
        return str(self._path)

    def issued_at(self) -> float | None:
        """When the token in it was stored, in Unix time; None where there is no file."""
        try:
            return self._path.stat().st_mtime
        except OSError:
            return None

    @contextmanager
    def redemption(self) -> Iterator[tuple[str, Callable[[str], None]]]:
        """Hold the file alone: the token in it, and a function that stores its successor.

        Raises `RefreshTokenFileError`, and then nothing was redeemed.
        """
        path = self._path.resolve()
        try:
            with self._locked(path), _place_beside(path) as place:
                yield _token_in(path), lambda successor: _replace(path, place, successor)
        except OSError as error:
            raise RefreshTokenFileError(
                f"{path}: {error.strerror or error}. The worker must be able to read this file and to write into its"
                " directory, since every use gives a new refresh token that has to be stored there."
            ) from error

    @contextmanager
    def _locked(self, path: Path) -> Iterator[None]:
        """The lock of all processes on this file; a process that dies gives it back."""
        give_up = self._clock.monotonic() + self._lock_timeout
        with path.with_name(f".{path.name}.lock").open("a") as lock:
            while True:
                if not operating_system.lock(lock.fileno()):
                    if self._clock.monotonic() > give_up:
                        raise RefreshTokenFileError(
                            f"{path} has been in use by another process for {self._lock_timeout:g} s: find out which"
                        )
                    time.sleep(_LOCK_POLL)
                else:
                    yield
                    return


@contextmanager
def _place_beside(path: Path) -> Iterator[int]:
    """A new file in the directory of `path` that only its owner can read; gone at the end unless it was renamed."""
    temporary = _temporary(path)
    temporary.unlink(missing_ok=True)
    place = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        operating_system.set_aside(place, _ROOM)  # a full disk shows now, and not when there is a token to store
        yield place
    finally:
        os.close(place)
        temporary.unlink(missing_ok=True)


def _replace(path: Path, place: int, token: str) -> None:
    """Put `token` into the place and the place where `path` is; after this it survives a loss of power."""
    operating_system.write_whole(place, token.encode())
    _temporary(path).replace(path)
    operating_system.keep_folder(path.parent)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")


def _token_in(path: Path) -> str:
    try:
        token = path.read_text(encoding="utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise RefreshTokenFileError(f"{path} is not text: put the refresh token into it") from error
    if not token:
        raise RefreshTokenFileError(f"{path} is empty: sign in again and put the refresh token into it")
    return token
