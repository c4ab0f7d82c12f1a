"""Which revision this is: what a build wrote down, or what the checkout says, without git."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ops.local.azplan import ROOT
from worker import version

COMMIT, OTHER = "0123456789abcdef0123456789abcdef01234567", "f" * 40


def write(file: Path, text: str) -> None:
    """A file, in a folder that may not be there yet."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{text}\n")


def test_a_branch_of_a_checkout(tmp_path: Path) -> None:
    """Its commit stands in a file of its own."""
    write(tmp_path / ".git" / "HEAD", "ref: refs/heads/main")
    write(tmp_path / ".git" / "refs" / "heads" / "main", COMMIT)
    assert version.checked_out(tmp_path) == COMMIT


def test_a_branch_that_was_packed(tmp_path: Path) -> None:
    """Or in the list of all."""
    write(tmp_path / ".git" / "HEAD", "ref: refs/heads/main")
    write(tmp_path / ".git" / "packed-refs", f"# pack-refs\n{OTHER} refs/heads/domain\n{COMMIT} refs/heads/main")
    assert version.checked_out(tmp_path) == COMMIT


def test_a_commit_without_a_branch(tmp_path: Path) -> None:
    """As a pipeline checks it out."""
    write(tmp_path / ".git" / "HEAD", COMMIT)
    assert version.checked_out(tmp_path) == COMMIT


def test_a_second_worktree(tmp_path: Path) -> None:
    """Its own HEAD, the branches of the first."""
    first, second = tmp_path / "first", tmp_path / "second"
    inside = first / ".git" / "worktrees" / "second"
    write(second / ".git", f"gitdir: {inside}")
    write(inside / "HEAD", "ref: refs/heads/topic")
    write(inside / "commondir", "../..")
    write(first / ".git" / "refs" / "heads" / "topic", COMMIT)
    assert version.checked_out(second) == COMMIT


@pytest.mark.parametrize("head", [None, "ref: refs/heads/unborn"])
def test_what_cannot_be_known_is_none(tmp_path: Path, head: str | None) -> None:
    """No checkout, or one without a commit."""
    if head:
        write(tmp_path / ".git" / "HEAD", head)
    assert version.checked_out(tmp_path) is None


def test_what_the_build_wrote_down_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the module; without it and without a checkout it is unknown."""
    monkeypatch.setattr(version, "HERE", tmp_path / "worker")
    assert version.revision.__wrapped__() == "unknown"
    write(tmp_path / "worker" / version.BUILT_IN, COMMIT)
    assert version.revision.__wrapped__() == COMMIT


def test_a_build_without_git_writes_down_what_it_is_told(tmp_path: Path) -> None:
    """As in an image: the wheel has the revision that AZPLAN_REVISION names."""
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    done = subprocess.run(
        build, cwd=ROOT, env={**os.environ, "AZPLAN_REVISION": COMMIT}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read("worker/revision.txt").decode().strip() == COMMIT
        assert not [name for name in archive.namelist() if name.startswith("ops")]
