"""The revision of azplan: written by a build, or read from the checkout without git."""

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
    """Write a file, and make its folder if needed."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{text}\n")


def test_a_branch_of_a_checkout(tmp_path: Path) -> None:
    """The commit of the branch is in a file of its own."""
    write(tmp_path / ".git" / "HEAD", "ref: refs/heads/main")
    write(tmp_path / ".git" / "refs" / "heads" / "main", COMMIT)
    assert version.checked_out(tmp_path) == COMMIT


def test_a_branch_that_was_packed(tmp_path: Path) -> None:
    """The commit is in the list of all branches."""
    write(tmp_path / ".git" / "HEAD", "ref: refs/heads/main")
    write(tmp_path / ".git" / "packed-refs", f"# pack-refs\n{OTHER} refs/heads/domain\n{COMMIT} refs/heads/main")
    assert version.checked_out(tmp_path) == COMMIT


def test_a_commit_without_a_branch(tmp_path: Path) -> None:
    """A pipeline checks out such a commit."""
    write(tmp_path / ".git" / "HEAD", COMMIT)
    assert version.checked_out(tmp_path) == COMMIT


def test_a_second_worktree(tmp_path: Path) -> None:
    """The worktree has a HEAD of its own and the branches of the first one."""
    first, second = tmp_path / "first", tmp_path / "second"
    inside = first / ".git" / "worktrees" / "second"
    write(second / ".git", f"gitdir: {inside}")
    write(inside / "HEAD", "ref: refs/heads/topic")
    write(inside / "commondir", "../..")
    write(first / ".git" / "refs" / "heads" / "topic", COMMIT)
    assert version.checked_out(second) == COMMIT


@pytest.mark.parametrize("head", [None, "ref: refs/heads/unborn"])
def test_an_unknown_revision_is_none(tmp_path: Path, head: str | None) -> None:
    """There is no checkout, or one without a commit."""
    if head:
        write(tmp_path / ".git" / "HEAD", head)
    assert version.checked_out(tmp_path) is None


def test_the_revision_written_by_the_build_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is beside the module. Without the file and without a checkout the revision is unknown."""
    monkeypatch.setattr(version, "HERE", tmp_path / "worker")
    assert version.revision.__wrapped__() == "unknown"
    write(tmp_path / "worker" / version.BUILT_IN, COMMIT)
    assert version.revision.__wrapped__() == COMMIT


def test_a_build_without_git_writes_the_revision_of_its_environment(tmp_path: Path) -> None:
    """In an image the wheel has the revision that AZPLAN_REVISION names."""
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    done = subprocess.run(
        build, cwd=ROOT, env={**os.environ, "AZPLAN_REVISION": COMMIT}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read("worker/revision.txt").decode().strip() == COMMIT
        assert not [name for name in archive.namelist() if name.startswith("ops")]
