"""Folders for files under way: of one process, gone with it, and no burden if the process could not remove them."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from worker.files.errors import DestinationRefused, DestinationUnavailable
from worker.files.scratch import LOCK, PREFIX, Scratch
from worker.operating_system import lock

HOLDS = """
import sys
from pathlib import Path
from worker.files.scratch import Scratch
scratch = Scratch(Path(sys.argv[1]))
with scratch.folder() as folder:
    (folder / "part").write_bytes(b"x")
    print(folder, flush=True)
    sys.stdin.read()
"""


def test_a_folder_is_empty_and_gone_with_all_that_is_in_it(tmp_path: Path) -> None:
    """Each folder is another one. The process's own folder goes when the worker ends."""
    scratch = Scratch(tmp_path / "scratch")
    with scratch.folder() as one, scratch.folder() as two:
        assert one != two
        assert list(one.iterdir()) == []
        (one / "part").write_bytes(b"x")
    assert not one.exists()
    scratch.close()
    assert list((tmp_path / "scratch").iterdir()) == []
    scratch.close()


def test_a_folder_that_a_cleaner_has_removed_is_made_again(tmp_path: Path) -> None:
    """The system removes temporary folders that nobody has used for days, and a worker may live for months."""
    scratch = Scratch(tmp_path)
    with scratch.folder() as folder:
        shutil.rmtree(folder.parent)
    with scratch.folder() as folder:
        assert folder.is_dir()
    scratch.close()
    assert list(tmp_path.iterdir()) == []


def test_what_a_dead_process_has_left_goes_and_a_living_ones_stays(tmp_path: Path) -> None:
    """A lock tells them apart, whatever their numbers are."""
    living = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert living.stdout is not None
    folder = Path(living.stdout.readline().strip())
    dead = tmp_path / f"{PREFIX}dead"
    dead.mkdir()
    (dead / "part").write_bytes(b"x")
    dead.with_suffix(LOCK).touch()
    ours = Scratch(tmp_path)
    with ours.folder():
        assert not dead.exists()
        assert (folder / "part").exists()
        living.kill()
        living.wait()
    living.stdout.close()
    assert living.stdin is not None
    living.stdin.close()
    next_one = Scratch(tmp_path)
    with next_one.folder():
        assert not folder.exists()
    next_one.close()
    ours.close()


def test_a_folder_has_its_lock_from_its_first_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that dies between the two leaves a lock without a folder, which goes with the next start."""
    made: list[bool] = []
    mkdir = os.mkdir

    def watched(path: Any, *values: Any) -> None:
        if Path(path).name.startswith(PREFIX):
            with Path(path).with_suffix(LOCK).open("r+b") as file:
                made.append(not lock(file.fileno()))
        mkdir(path, *values)

    monkeypatch.setattr(os, "mkdir", watched)
    (tmp_path / f"{PREFIX}dead{LOCK}").touch()
    scratch = Scratch(tmp_path)
    with scratch.folder():
        assert made == [True]
        assert len(list(tmp_path.glob(f"*{LOCK}"))) == len([each for each in tmp_path.iterdir() if each.is_dir()]) == 1
    scratch.close()


def test_a_leftover_that_cannot_be_removed_now_is_removed_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lock stays beside it until then."""
    dead = tmp_path / f"{PREFIX}dead"
    dead.mkdir()
    dead.with_suffix(LOCK).touch()
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)
        first = Scratch(tmp_path)
        with first.folder():
            pass
    assert dead.exists()
    first.close()
    with Scratch(tmp_path).folder():
        assert not dead.exists()


def test_a_full_disk_leaves_no_lock_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every attempt while the disk is full would leave another one."""

    def full(path: Path, *_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    scratch = Scratch(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", lambda path, *_, **named: None if named.get("exist_ok") else full(path))
        with pytest.raises(DestinationUnavailable), scratch.folder():
            pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_names_the_setting(tmp_path: Path) -> None:
    """A file stands in its place."""
    (tmp_path / "file").touch()
    with pytest.raises(DestinationRefused) as refused, Scratch(tmp_path / "file" / "scratch").folder():
        pass
    assert "AZPLAN_FILES__SCRATCH" in str(refused.value.advice)
