"""One module uses functions that only some operating systems have. Without them azplan works or explains why not."""

import ast
import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

from tests.journal.test_sqlite import opened, running
from worker import operating_system
from worker.clock import Clock
from worker.errors import JournalRefused
from worker.partner_center.client.refresh_token import RefreshTokenFile

ROOT = Path(__file__).parents[2]
MODULES = {"fcntl", "msvcrt", "pwd", "grp", "resource", "termios"}
CALLS = {
    *("posix_fallocate", "pread", "pwrite", "getuid", "geteuid", "fchmod", "fchown", "chown", "killpg", "getpgid"),
    *("setsid", "statvfs", "fork", "O_DIRECTORY", "supports_effective_ids", "add_signal_handler", "SIGKILL", "SIGHUP"),
    *("writev", "nice", "setpriority", "sched_setscheduler", "sched_setaffinity", "sched_getaffinity", "getsid"),
}
WITHOUT = """
import asyncio, os, runpy, signal, sys
for name in ("fcntl", "pwd", "grp", "resource", "termios"):
    sys.modules[name] = None
for name in (
    *("posix_fallocate", "pread", "pwrite", "getuid", "geteuid", "fchmod", "fork", "O_DIRECTORY", "killpg", "writev"),
    *("setpriority", "sched_setaffinity", "getsid"),
):
    if hasattr(os, name):
        delattr(os, name)

def refuse(*_):
    raise NotImplementedError

asyncio.SelectorEventLoop.add_signal_handler = refuse
sys.modules["uvloop"] = None
sys.argv = ["azplan", *sys.argv[1:]]
runpy.run_module("worker.cli", run_name="__main__")
"""
"""Runs azplan without these functions, as on Windows."""


def test_only_one_module_calls_functions_of_some_systems() -> None:
    """In other modules a verb would end in a traceback on a person's laptop."""
    found = []
    for path in (ROOT / "worker").rglob("*.py"):
        if path.name == "operating_system.py":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = {alias.name for alias in node.names} if isinstance(node, ast.Import) else set()
            name = node.attr if isinstance(node, ast.Attribute) else ""
            if names & MODULES or name in CALLS:
                found.append(f"{path.name}:{node.lineno}")
    assert found == []


def without(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run azplan without these functions."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AZPLAN_")}
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, *words],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT), "AZPLAN_OPERATOR": "", "USER": "", "LOGNAME": "", "USERNAME": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


async def test_verbs_work_without_the_functions_of_unix(tmp_path: Path) -> None:
    """Verbs with a journal work too. Without a journal they say that there is none."""
    none = without(tmp_path, "commands", "list")
    assert (none.returncode, "Traceback" in none.stderr) == (3, False), none.stderr
    await opened(tmp_path / "azplan.db")
    for words in (("commands", "list"), ("journal", "stats"), ("config", "show")):
        ended = without(tmp_path, *words)
        assert ended.returncode in (0, 3), ended.stderr
        assert "Traceback" not in ended.stderr
    paused = without(tmp_path, "pause", "--all", "--yes", "--why", "a test")
    assert "Traceback" not in paused.stderr, paused.stderr
    assert paused.returncode == 0, paused.stderr


async def test_a_worker_that_cannot_lock_its_file_says_so_and_what_to_do(tmp_path: Path) -> None:
    """Two workers on one SQLite file would not know of each other."""
    await opened(tmp_path / "azplan.db")
    ended = without(tmp_path, "run")
    assert ended.returncode == 78, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "PostgreSQL" in ended.stderr
    assert "container" in ended.stderr


class OneByte(ModuleType):
    """Windows' locks, made from the functions of this system: the first byte of a file."""

    LK_NBLCK = 2

    def locking(self, handle: int, mode: int, size: int) -> None:
        """Lock, or fail as Windows does."""
        assert (os.lseek(handle, 0, os.SEEK_CUR), mode, size) == (0, self.LK_NBLCK, 1)
        if os.fstat(handle).st_ino in self.held:
            raise PermissionError(13, "Permission denied")
        self.held.add(os.fstat(handle).st_ino)

    held: set[int]


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> OneByte:
    """A system without flock, but with locks of single bytes."""
    made = OneByte("msvcrt")
    made.held = set()
    monkeypatch.setattr(operating_system, "fcntl", None)
    monkeypatch.setattr(operating_system, "TEXT_AT", 1)
    monkeypatch.setattr(operating_system, "msvcrt", made)
    return made


async def test_with_locks_of_bytes_only_a_second_worker_is_refused_too(windows: OneByte, tmp_path: Path) -> None:
    """The message names the process that has the file."""
    async with running(tmp_path / "journal.db"):
        with pytest.raises(JournalRefused, match=rf"another worker \(process {os.getpid()}\)"):
            async with running(tmp_path / "journal.db"):
                pass
    assert len(windows.held) == 1


def test_a_refresh_token_is_stored_on_a_system_that_cannot_reserve_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """macOS cannot reserve room: the room is written instead. The file then has the token alone."""
    monkeypatch.delattr(os, "posix_fallocate")
    monkeypatch.delattr(os, "O_DIRECTORY")
    path = tmp_path / "token"
    path.write_text("old")
    with RefreshTokenFile(path, Clock()).redemption() as (token, store):
        assert token == "old"
        store("new")
    assert path.read_text() == "new"
    assert sorted(each.name for each in tmp_path.iterdir()) == [".token.lock", "token"]


@pytest.mark.parametrize("without_one_call", [False, True])
@pytest.mark.parametrize("number", [0, 1, 3, operating_system.MOST_PIECES + 1])
def test_pieces_are_written_one_behind_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, without_one_call: bool
) -> None:
    """However many there are, and whatever the system offers."""
    if without_one_call:
        monkeypatch.delattr(os, "writev")
    pieces = [b"%d." % piece * (piece % 7) for piece in range(number)]
    with (tmp_path / "file").open("wb", buffering=0) as file:
        operating_system.write_pieces(file.fileno(), pieces)
    assert (tmp_path / "file").read_bytes() == b"".join(pieces)


def test_pieces_of_which_the_system_takes_a_part_at_a_time_are_written_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is nearly full takes less than it is given."""
    write = os.write
    monkeypatch.setattr(os, "writev", lambda handle, pieces: write(handle, b"".join(pieces)[:5]))
    monkeypatch.setattr(os, "write", lambda handle, rest: write(handle, rest[:3]))
    with (tmp_path / "file").open("wb", buffering=0) as file:
        operating_system.write_pieces(file.fileno(), [b"abcd", b"efgh", b"", b"ij"])
    assert (tmp_path / "file").read_bytes() == b"abcdefghij"


@contextmanager
def waiting_process(*, own_session: bool = False) -> Iterator[int]:
    """The number of a process that waits for its input."""
    words = [sys.executable, "-c", "input()"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, start_new_session=own_session) as child:
        try:
            yield child.pid
        finally:
            child.kill()


AUTOGROUP = Path("/proc/self/autogroup")
SHARES = pytest.mark.skipif(not AUTOGROUP.exists(), reason="this kernel does not share the cores between sessions")


def nice_of_session(process: int) -> str:
    """The step back of the session to which the process belongs.

    Empty where sessions have none: on a kernel that does not know them, and for a process that no session was made
    for since the system started, as in a container without `setsid`. Linux shows an empty file there.
    """
    if not AUTOGROUP.exists():
        return ""
    return "".join(Path(f"/proc/{process}/autogroup").read_text().split()[-1:])


@pytest.fixture
def _the_session_of_the_tests_stays() -> Iterator[None]:
    """A process in the worker's session must not take the worker with it."""
    before = nice_of_session(os.getpid())
    yield
    assert nice_of_session(os.getpid()) == before


@pytest.mark.usefixtures("_the_session_of_the_tests_stays")
async def test_a_process_that_gives_way_steps_back_behind_others() -> None:
    """One that has ended meanwhile is nobody's concern."""
    with waiting_process() as child:
        await operating_system.give_way(child)
        assert os.getpriority(os.PRIO_PROCESS, child) == operating_system.NICE
    await operating_system.give_way(child)


@pytest.mark.parametrize(("available", "left"), [({0, 1, 2}, {1, 2}), ({1, 2}, {2}), ({2}, {2})])
def test_a_process_leaves_a_core_to_the_others_if_there_are_several(
    available: set[int], left: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the cores count that the worker itself may use. A process that has ended is nobody's concern."""
    taken = []

    def take(process: int, cores: set[int]) -> None:
        taken.append((process, cores))
        raise ProcessLookupError

    monkeypatch.setattr(os, "sched_getaffinity", lambda _: available)
    monkeypatch.setattr(os, "sched_setaffinity", take)
    operating_system.leave_a_core(7)
    assert taken == [(7, left)]


@SHARES
@pytest.mark.usefixtures("_the_session_of_the_tests_stays")
async def test_a_session_gives_way_with_the_process_that_leads_it() -> None:
    """Its processes would step back behind each other only."""
    with waiting_process(own_session=True) as child:
        await operating_system.give_way(child)
        assert nice_of_session(child) == str(operating_system.NICE)


@SHARES
async def test_a_session_gives_way_as_soon_as_linux_lets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux accepts ten changes a second from users without rights; a worker may start more processes than that."""
    refusals, write, slept = [1, 1], Path.write_text, []

    def refuse(path: Path, text: str, encoding: str) -> int:
        if refusals and refusals.pop():
            raise BlockingIOError
        return write(path, text, encoding)

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(Path, "write_text", refuse)
    monkeypatch.setattr("worker.operating_system.asyncio.sleep", sleep)
    with waiting_process(own_session=True) as child:
        await operating_system.give_way(child)
        assert nice_of_session(child) == str(operating_system.NICE)
    assert slept == [operating_system.AGAIN_AFTER] * 2


async def test_a_session_that_linux_never_lets_give_way_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux refuses it for the session of a system's first process, and where `/proc` is read-only."""
    asked = []

    def refuse(path: Path, *_: str) -> int:
        asked.append(path)
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(Path, "write_text", refuse)
    with waiting_process(own_session=True) as child:
        await operating_system.give_way(child)
        assert os.getpriority(os.PRIO_PROCESS, child) == operating_system.NICE
    assert asked == [Path(f"/proc/{child}/autogroup")]
