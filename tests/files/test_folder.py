"""A folder as the destination, where the system lacks something or refuses."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.destinations import at_once
from worker.files.errors import DestinationRefused, DestinationUnavailable
from worker.files.folder import FolderStore


def refuses(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, number: int, times: int = 1) -> None:
    """Let the first calls of a function of the system fail with this error."""
    real, left = getattr(owner, name), [times]

    def call(*values: Any, **named: Any) -> Any:
        left[0] -= 1
        if left[0] >= 0:
            raise OSError(number, os.strerror(number))
        return real(*values, **named)

    monkeypatch.setattr(owner, name, call)


async def test_a_part_comes_from_another_disk_by_a_copy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The scratch folder often lies on another one. No half file is ever at the part's place."""
    refuses(monkeypatch, Path, "replace", errno.EXDEV)
    source = tmp_path / "part"
    source.write_bytes(b"content")
    store = FolderStore(tmp_path / "files", in_thread=at_once)
    await store.put("v1/a", source)
    assert await store.read("v1/a") == b"content"
    assert [path.name for path in (tmp_path / "files" / "v1").iterdir()] == ["a"]


async def test_a_single_file_is_created_where_the_disk_has_no_links(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Some network disks have none."""
    refuses(monkeypatch, os, "link", errno.EOPNOTSUPP)
    source = tmp_path / "part"
    source.write_bytes(b"content")
    store = FolderStore(tmp_path / "files", in_thread=at_once)
    assert await store.create("v1/a", source)
    assert await store.read("v1/a") == b"content"
    assert [path.name for path in (tmp_path / "files" / "v1").iterdir()] == ["a"]


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.ENOSPC, DestinationUnavailable),
        (errno.EDQUOT, DestinationUnavailable),
        (errno.ESTALE, DestinationUnavailable),
        (errno.EIO, DestinationUnavailable),
        (errno.EACCES, DestinationRefused),
        (errno.EROFS, DestinationRefused),
        (errno.ENAMETOOLONG, DestinationRefused),
    ],
)
async def test_what_passes_is_waited_for_and_the_rest_needs_a_person(
    number: int, error: type[Exception], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A disk is emptied and a network comes back by itself; rights and names do not."""
    refuses(monkeypatch, Path, "replace", number, times=9)
    source = tmp_path / "part"
    source.write_bytes(b"content")
    with pytest.raises(error, match=str(tmp_path)):
        await FolderStore(tmp_path / "files", in_thread=at_once).put("v1/a", source)


async def test_a_file_that_is_no_manifest_of_azplans_is_not_read_whole(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Memory stays bounded, whatever stands at the destination."""
    monkeypatch.setattr("worker.files.folder.LARGEST_READ", 3)
    (tmp_path / "a").write_bytes(b"abcd")
    with pytest.raises(DestinationRefused):
        await FolderStore(tmp_path, in_thread=at_once).read("a")


@pytest.mark.parametrize("gone", ["staging", "staging/version=1/source"])
async def test_a_version_whose_parts_were_removed_before_it_appeared_does_not_appear(tmp_path: Path, gone: str) -> None:
    """A worker stood still before its manifest. The next holder of the dataset has removed what was staged."""
    store = FolderStore(tmp_path / "destination")
    (tmp_path / "part").write_bytes(b"lines")
    await store.put("staging/a", tmp_path / "part")
    await store.prepare("staging", {"staging/a": "source/a"}, "version=1")
    await store.delete_folder(gone)
    with pytest.raises(FileNotFoundError):
        await store.commit("staging", "version=1", b'{"files": [{"path": "source/a"}]}')
    assert not (tmp_path / "destination" / "version=1").exists()


async def test_a_version_without_parts_appears(tmp_path: Path) -> None:
    """Microsoft had no lines."""
    store = FolderStore(tmp_path)
    await store.prepare("staging", {}, "version=1")
    assert await store.commit("staging", "version=1", b'{"files": []}')
    assert await store.read("version=1/manifest.json") == b'{"files": []}'
