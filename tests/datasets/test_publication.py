"""A version is published once, whole or not at all, wherever a worker dies."""

import asyncio
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from obstore.store import LocalStore

from tests.datasets.stage import (
    CONTENTS,
    CREATED,
    DATASET,
    DatasetBench,
    bench_in,
    end,
    export,
    make_part,
    settled,
    tree,
    versions_of_month,
)
from tests.support.boundaries import Killed, Life, Script, track_lives
from tests.support.destinations import destination_in
from worker.errors import LaneLost
from worker.files.catalog import DatasetFiles, VersionFiles
from worker.files.destination import StagedOtherBytes
from worker.files.errors import DestinationUnavailable, OtherVersion
from worker.files.layout import MANIFEST, POINTER, STAGING, Dataset, Unbilled, UnsafeName, version_name
from worker.files.manifest import Manifest
from worker.files.object_store import ObjectStore
from worker.files.store import Store

FOLDER = f"v1/{DATASET.path}"


class KillAt(Script):
    """Ends the worker at one boundary."""

    def __init__(self, number: int) -> None:
        self.left = number

    async def at(self, life: Life, point: str) -> None:
        self.left -= 1
        if self.left == 0:
            life.end()


def versions(folder: Path) -> dict[str, bytes]:
    """The manifests that stand at the destination, by the names of their folders."""
    found = (folder / "files" / FOLDER).glob(f"version=*/{MANIFEST}")
    return {path.parent.name: path.read_bytes() for path in found}


def check_whole(folder: Path) -> None:
    """Every manifest has all of its files, with their hashes, and the pointer names one that stands."""
    for name, content in versions(folder).items():
        for file in Manifest.from_bytes(content).files:
            bytes_ = (folder / "files" / FOLDER / name / file.path).read_bytes()
            assert hashlib.sha256(bytes_).hexdigest() == file.sha256
            assert len(bytes_) == file.bytes
    pointer = folder / "files" / FOLDER / POINTER
    if pointer.exists():
        said = json.loads(pointer.read_bytes())
        content = versions(folder)[f"version={said['version']}"]
        assert hashlib.sha256(content).hexdigest() == said["manifestSha256"]


async def test_a_version_stands_with_its_parts_its_manifest_and_a_pointer(tmp_path: Path) -> None:
    """Nothing under way is left beside it, and the step knows what it published."""
    async with bench_in(tmp_path) as bench:
        work = await bench.begin()
        result = await export(bench, work)
        found = await bench.of(work).latest(DATASET)
    version = f"{FOLDER}/version={result['version']}"
    parts = [f"{version}/source/part-{number:05}.jsonl.gz" for number in range(len(CONTENTS))]
    assert tree(tmp_path) == sorted([f"{FOLDER}/{POINTER}", f"{version}/{MANIFEST}", *parts])
    assert not list((tmp_path / "files" / FOLDER).glob(f"{STAGING}*"))
    check_whole(tmp_path)
    assert found is not None
    assert (found.version, found.manifest_sha256) == (result["version"], result["manifestSha256"])
    assert found.manifest_uri == result["manifestUri"]
    assert not result["already"]


def objects_in(folder: Path) -> ObjectStore:
    """The code for object stores, on the library's store in a folder: each file appears whole, and none is renamed."""
    made = ObjectStore("gs://bucket/prefix")
    made._store = LocalStore(folder / "files", mkdir=True)
    return made


@pytest.mark.parametrize("store", [lambda _: None, objects_in], ids=["folder", "objects"])
async def test_wherever_a_worker_dies_there_is_one_version_in_the_end(
    store: Callable[[Path], Store | None], tmp_path: Path
) -> None:
    """Each boundary between two writes, of the journal and of the destination; after each, another worker goes on.

    At no moment does a manifest stand without its parts, and no manifest that stood ever changes.
    """
    number, ended = 0, False
    while not ended:
        number += 1
        folder = tmp_path / str(number)
        folder.mkdir()
        async with bench_in(folder) as bench:
            await bench.begin()
        ended = await lived_through(folder, KillAt(number), store(folder))
        check_whole(folder)
        stood = versions(folder)
        async with bench_in(folder, store=store(folder)) as bench:
            result = await export(bench, await bench.only(), worker="another version of azplan")
        check_whole(folder)
        assert list(versions(folder)) == [f"version={result['version']}"]
        assert {**versions(folder), **stood} == versions(folder)
        assert not [path for path in tree(folder) if "/.tmp-" in path]
    assert number > 15


async def lived_through(folder: Path, script: Script, store: Store | None) -> bool:
    """Whether a worker came to the end of its export. It is dead otherwise, with all of its tasks."""
    track_lives()
    bench = DatasetBench(folder, store=store)
    await bench.open()
    work = await bench.only()
    bench.life.script = script
    run = bench.life.start(export(bench, work))
    died = asyncio.create_task(bench.life.died.wait())
    await asyncio.wait([run, died], return_when=asyncio.FIRST_COMPLETED)
    ended = not bench.life.dead
    died.cancel()
    await bench.life.bury()
    await bench.close()
    return ended


class KillInside:
    """Ends the process at one of the writes to the file system that are within one call of the store."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
        self.left = number
        for owner, name in ((Path, "replace"), (Path, "rename"), (os, "fsync"), (os, "link"), (Path, "mkdir")):
            monkeypatch.setattr(owner, name, self._counted(getattr(owner, name)))

    def _counted(self, real: Any) -> Any:
        def counted(*values: Any, **named: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                raise Killed("inside the store")
            return real(*values, **named)

        return counted


async def test_a_crash_within_a_write_of_the_folder_leaves_nothing_half(tmp_path: Path) -> None:
    """Before each rename, link, flush and new folder. What another worker finds is whole, and it ends the work."""
    number, ended = 0, False
    while not ended:
        number += 1
        folder = tmp_path / str(number)
        folder.mkdir()
        with pytest.MonkeyPatch.context() as patched:
            try:
                async with bench_in(folder) as bench:
                    work = await bench.begin()
                    inside = KillInside(patched, number)
                    await export(bench, work)
                    ended = inside.left > 0
            except Killed:
                pass
        check_whole(folder)
        async with bench_in(folder) as bench:
            result = await export(bench, await bench.only())
        check_whole(folder)
        assert list(versions(folder)) == [f"version={result['version']}"]
    assert number > 15


async def test_the_same_content_is_published_once_whoever_exports_it(tmp_path: Path) -> None:
    """A later command with the same lines gets the version that stands, though Microsoft made them again later."""
    async with bench_in(tmp_path) as bench:
        first = await export(bench, await bench.begin(id="c-1"))
        stood = versions(tmp_path)
        await end(bench, "c-1")
        second = await export(bench, await bench.begin(id="c-2"), created=CREATED + timedelta(days=1))
    assert second == {**first, "already": True}
    assert versions(tmp_path) == stood


async def test_other_content_is_a_version_that_names_the_one_before(tmp_path: Path) -> None:
    """Both stand, and the pointer names the newer."""
    async with bench_in(tmp_path) as bench:
        first = await export(bench, await bench.begin(id="c-1"))
        await end(bench, "c-1")
        later = CREATED + timedelta(hours=1)
        second = await export(bench, await bench.begin(id="c-2"), contents=(b"other\n",), created=later)
    assert second["supersedes"] == first["version"]
    assert len(versions(tmp_path)) == 2
    check_whole(tmp_path)


async def test_the_pointer_never_goes_back(tmp_path: Path) -> None:
    """A version whose source is older than that of the version at which it points is published beside it."""
    async with bench_in(tmp_path) as bench:
        newer = await export(bench, await bench.begin(id="c-1"))
        await end(bench, "c-1")
        work = await bench.begin(id="c-2")
        await export(bench, work, contents=(b"older\n",), created=CREATED - timedelta(hours=1))
        found = await bench.of(work).latest(DATASET)
    assert found is not None
    assert found.version == newer["version"]


async def test_the_pointer_goes_back_where_newer_lines_are_those_of_an_older_version(tmp_path: Path) -> None:
    """Microsoft takes a correction back. The pointer names the version of the answer then."""
    async with bench_in(tmp_path) as bench:
        for number, content in enumerate((b"a\n", b"b\n", b"a\n", b"b\n", b"a\n")):
            work = await bench.begin(id=f"c-{number}")
            created = CREATED + timedelta(hours=number)
            result = await export(bench, work, contents=(content,), created=created)
            found = await bench.of(work).latest(DATASET)
            assert found is not None
            assert found.version == result["version"]
            assert result["already"] == (number > 1)
            await end(bench, f"c-{number}")
    check_whole(tmp_path)
    assert len(versions(tmp_path)) == 2


MONTH = Dataset("contoso", "lines=usage", unbilled=Unbilled("2026-10", "EUR"))


async def test_content_whose_version_was_removed_is_published_under_a_new_name(tmp_path: Path) -> None:
    """A month is empty at its beginning, and again when it is billed. Its old name would say that it is the oldest."""
    async with bench_in(tmp_path) as bench:
        for number in range(11):
            work = await bench.begin(id=f"c-{number}")
            content = b"" if number in (0, 10) else b"%d\n" % number
            created = CREATED + timedelta(days=number)
            result = await export(bench, work, dataset=MONTH, contents=(content,), created=created)
            found = await bench.of(work).latest(MONTH)
            assert found is not None
            assert found.version == result["version"]
            assert result["version"].startswith(f"{created:%Y%m%d}")
            assert not result["already"]
            await end(bench, f"c-{number}")


async def test_the_version_of_an_answer_is_not_removed_though_its_source_is_the_oldest(tmp_path: Path) -> None:
    """The pointer stays, and the next command of the month removes it."""
    async with bench_in(tmp_path) as bench:
        for number in range(9):
            work = await bench.begin(id=f"c-{number}")
            created = CREATED + timedelta(days=-number)
            result = await export(bench, work, dataset=MONTH, contents=(b"%d\n" % number,), created=created)
            assert await bench.of(work).published(MONTH, result["version"]) is not None
            await end(bench, f"c-{number}")


async def test_of_versions_made_in_one_second_the_last_one_published_is_the_newest(tmp_path: Path) -> None:
    """Their names sort by their content, which says nothing about time."""
    async with bench_in(tmp_path) as bench:
        for number in range(4):
            work = await bench.begin(id=f"c-{number}")
            made = await export(bench, work, contents=(b"%d\n" % number,))
            found = await bench.of(work).latest(DATASET)
            assert found is not None
            assert found.version == made["version"]
            await end(bench, f"c-{number}")


async def test_a_worker_that_lost_its_lane_publishes_nothing(tmp_path: Path) -> None:
    """Neither a row nor a file of the version."""
    async with bench_in(tmp_path) as bench:
        work = await bench.begin()
        with pytest.raises(LaneLost):
            await export(bench, settled(work))
    assert versions(tmp_path) == {}
    assert not tree(tmp_path)


async def test_a_worker_that_loses_its_lane_while_it_publishes_lets_no_version_appear(tmp_path: Path) -> None:
    """The lane is looked at once more when all parts are in their place."""

    class Taken(Script):
        async def at(self, life: Life, point: str) -> None:
            if point == "files: after a prepare":
                await bench.journal.transactions.write(lambda tx: tx.run("UPDATE lane SET epoch = epoch + 1"))

    async with bench_in(tmp_path, Taken()) as bench:
        with pytest.raises(LaneLost):
            await export(bench, await bench.begin())
    assert versions(tmp_path) == {}


async def test_a_manifest_of_other_bytes_is_never_overwritten(tmp_path: Path) -> None:
    """The command fails as an error inside azplan, and a person looks."""
    async with bench_in(tmp_path) as bench:
        work = await bench.begin()
        result = await export(bench, work)
        place = tmp_path / "files" / FOLDER / f"version={result['version']}" / MANIFEST
        place.write_bytes(place.read_bytes() + b" ")
        with pytest.raises(OtherVersion):
            await export(bench, work, step="publish usage 2")
        assert place.read_bytes().endswith(b" ")


async def test_a_version_that_was_removed_by_hand_is_published_again(tmp_path: Path) -> None:
    """The journal remembers it, and only the destination counts."""
    async with bench_in(tmp_path) as bench:
        work = await bench.begin()
        result = await export(bench, work)
        folder = tmp_path / "files" / FOLDER / f"version={result['version']}"
        (folder / MANIFEST).unlink()
        await bench.of(work).drop_parts(await bench.of(work).export(DATASET, "graph"))
        again = await export(bench, work, step="publish usage 2")
    assert again["version"] == result["version"]
    check_whole(tmp_path)


async def test_a_journal_that_lost_its_rows_takes_over_what_stands(tmp_path: Path) -> None:
    """A rebuilt journal knows no versions. The same lines are not published a second time."""
    async with bench_in(tmp_path) as bench:
        work = await bench.begin()
        result = await export(bench, work)
        stood = versions(tmp_path)
        await bench.journal.transactions.write(lambda tx: tx.run("DELETE FROM dataset_version"))
        await bench.of(work).drop_parts(await bench.of(work).export(DATASET, "graph"))
        again = await export(bench, work, step="publish usage 2")
    assert again == {**result, "already": True}
    assert versions(tmp_path) == stood


async def test_the_newest_version_is_found_without_its_pointer(tmp_path: Path) -> None:
    """A worker may end between the manifest and the pointer, and its command may be cancelled then."""
    async with bench_in(tmp_path) as bench:
        work = await bench.begin()
        result = await export(bench, work)
        pointer = tmp_path / "files" / FOLDER / POINTER
        for damage in (pointer.unlink, lambda: pointer.write_bytes(b"{"), lambda: pointer.write_bytes(b"[1]")):
            damage()
            found = await bench.of(work).latest(DATASET)
            assert found is not None
            assert found.version == result["version"]


def test_old_versions_of_an_unbilled_month_go_when_a_new_one_is_published(tmp_path: Path) -> None:
    """The settings say how many are kept. Versions of an invoice all stay."""
    made = versions_of_month(tmp_path, 9)
    left = sorted((tmp_path / "files").glob("v1/*/*/unbilled/*/*/version=*"))
    assert [path.name.removeprefix("version=") for path in left] == made[2:]


async def test_a_part_that_changed_on_its_way_is_refused(tmp_path: Path) -> None:
    """Its maker knows the hash of what it wrote. No row says that the part is there."""
    async with bench_in(tmp_path) as bench:
        files = bench.of(await bench.begin())
        one = await files.export(DATASET, "graph")
        source = tmp_path / "part"
        source.write_bytes(b"changed")
        with pytest.raises(StagedOtherBytes):
            await files.part(one, source, path="source/part", format="source", rows=1, sha256="ab" * 32)
        assert await files.parts(one) == []


async def test_a_part_is_read_back_and_gone_with_its_source(tmp_path: Path) -> None:
    """Converters read it as a local file; after a change of the source it is neither in the journal nor staged."""
    async with bench_in(tmp_path) as bench:
        files = bench.of(await bench.begin())
        one = await files.export(DATASET, "graph")
        part = await make_part(files, one, 0, b"first")
        async with files.local(part) as path:
            assert path.read_bytes() == b"first"
        await files.drop_parts(one)
        assert await files.parts(one) == []
    assert tree(tmp_path) == []


async def test_what_an_older_export_has_left_goes_when_the_next_one_begins(tmp_path: Path) -> None:
    """A command that was cancelled publishes nothing, and what it has staged is no burden for ever."""
    async with bench_in(tmp_path) as bench:
        files = bench.of(await bench.begin(id="c-1"))
        await make_part(files, await files.export(DATASET, "graph"), 0, b"first")
        assert len(tree(tmp_path)) == 1
        await end(bench, "c-1")
        files = bench.of(await bench.begin(id="c-2"))
        assert await files.hold(DATASET) is None
        await files.export(DATASET, "graph")
    assert tree(tmp_path) == []


async def test_a_pointer_that_a_dead_worker_left_half_written_goes_too(tmp_path: Path) -> None:
    """It lies beside the versions under the name of a file under way, and is a file."""
    async with bench_in(tmp_path) as bench:
        await export(bench, await bench.begin(id="c-1"))
        await end(bench, "c-1")
        left = tmp_path / "files" / FOLDER / f"{STAGING}{POINTER}-1"
        left.write_bytes(b"{")
        files = bench.of(await bench.begin(id="c-2"))
        await files.export(DATASET, "graph")
        assert not left.exists()


async def test_no_manifest_appears_when_the_prepared_parts_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command makes the parts again in its next run."""
    async with bench_in(tmp_path) as bench:
        work = await bench.begin()
        prepare = bench.files.prepare

        async def removed(*values: Any) -> None:
            await prepare(*values)
            shutil.rmtree(tmp_path / "files" / FOLDER)

        monkeypatch.setattr(bench.files, "prepare", removed)
        with pytest.raises(DestinationUnavailable):
            await export(bench, work)
        assert versions(tmp_path) == {}
        monkeypatch.undo()
        await export(bench, work)
    check_whole(tmp_path)


async def test_a_single_file_is_created_once_and_named_by_its_content(tmp_path: Path) -> None:
    """A statement that was fetched before is found again."""
    async with bench_in(tmp_path) as bench:
        files = bench.of(await bench.begin())
        documents = []
        for name in ("a", "b"):
            with files.scratch() as folder:
                (folder / name).write_bytes(b"%PDF")
                documents.append(await files.document("statements/G1/{sha}.pdf", folder / name))
        source = tmp_path / "a"
        source.write_bytes(b"%PDF")
        with pytest.raises(UnsafeName):
            await files.document("statements/../{sha}.pdf", source)
    assert [each.already for each in documents] == [False, True]
    digits = hashlib.sha256(b"%PDF").hexdigest()[:12]
    assert tree(tmp_path) == [f"v1/partner=contoso/statements/G1/{digits}.pdf"]
    assert documents[0].uri == documents[1].uri == f"file://{tmp_path}/files/{tree(tmp_path)[0]}"


class Stalled(Script):
    """Lets the worker stand still at one boundary until another worker has done the whole work."""

    def __init__(self, number: int, folder: Path, store: Callable[[Path], Store | None]) -> None:
        self.left = number
        self.folder = folder
        self.store = store
        self.result: Any = None

    async def at(self, life: Life, point: str) -> None:
        self.left -= 1
        if self.left == 0:
            self.result = await self.another()

    async def another(self) -> Any:
        """Another worker takes the lane over and exports. It makes its parts from the same bytes."""
        bench = DatasetBench(self.folder, store=self.store(self.folder), exclusive=False)
        await bench.open()
        try:
            mine = bench.journal.worker
            await bench.journal.transactions.write(
                lambda tx: tx.run("UPDATE worker SET expires_at = 1 WHERE id <> ?", mine)
            )
            return await export(bench, await bench.only(), worker="the successor")
        finally:
            await bench.close()


@pytest.mark.parametrize("store", [lambda _: None, objects_in], ids=["folder", "objects"])
async def test_a_worker_that_stood_still_changes_nothing_of_its_successors(
    store: Callable[[Path], Store | None], tmp_path: Path
) -> None:
    """Wherever it stood: what the successor has published stays, byte for byte, and is the only version."""
    number, reached = 0, True
    while reached:
        number += 1
        folder = tmp_path / str(number)
        folder.mkdir()
        async with bench_in(folder, store=store(folder)) as bench:
            work = await bench.begin()
            script = bench.life.script = Stalled(number, folder, store)
            with suppress(LaneLost, DestinationUnavailable):
                await export(bench, work)
        reached = script.result is not None
        check_whole(folder)
        stood = versions(folder)
        assert len(stood) == 1
        if reached:
            (manifest,) = stood.values()
            assert hashlib.sha256(manifest).hexdigest() == script.result["manifestSha256"]
    assert number > 15


class Cleared(Script):
    """Another worker removes what is staged of the dataset, just before a write that the name of the boundary has."""

    def __init__(self, bench: DatasetBench, point: str) -> None:
        self.bench, self.point = bench, point

    async def at(self, life: Life, point: str) -> None:
        if point == self.point:
            self.point = ""
            await destination_in(self.bench.folder).clear(DATASET)


@pytest.mark.parametrize("point", ["files: before a prepare", "files: before a commit"])
async def test_parts_that_another_worker_removed_meanwhile_are_made_again(tmp_path: Path, point: str) -> None:
    """A worker that stood still and lost its lane tidies up late. No manifest appears without its parts."""
    async with bench_in(tmp_path) as bench:
        work = await bench.begin()
        bench.life.script = Cleared(bench, point)
        with pytest.raises(DestinationUnavailable):
            await export(bench, work)
        assert versions(tmp_path) == {}
        await export(bench, work)
    check_whole(tmp_path)
    assert len(versions(tmp_path)) == 1


def test_a_version_that_comes_into_being_is_not_pruned() -> None:
    """In an object store its parts stand without a manifest for a while. They are newer than every version."""
    month = Dataset("contoso", "lines=usage", unbilled=Unbilled("2026-03", "EUR"))
    files = DatasetFiles(month)
    for day in range(1, 6):
        name = version_name(datetime(2026, 3, day, tzinfo=UTC), "0" * 64)
        files.versions[name] = VersionFiles(name, {} if day in (1, 5) else {MANIFEST: 1})
    names = sorted(files.versions)
    assert files.excess(2, names[3]) == names[:2]


@pytest.mark.parametrize("published", [True, False])
async def test_parts_that_somebody_removed_are_made_again(tmp_path: Path, *, published: bool) -> None:
    """The command waits, and its next run finds that it has no parts."""
    async with bench_in(tmp_path) as bench:
        work = await bench.begin()
        files = bench.of(work)
        one = await files.export(DATASET, "graph")
        parts = [await make_part(files, one, ordinal, content) for ordinal, content in enumerate(CONTENTS)]
        shutil.rmtree(tmp_path / "files" / FOLDER)
        use = export(bench, work) if published else AsyncExitStack().enter_async_context(files.local(parts[0]))
        with pytest.raises(DestinationUnavailable):
            await use
        assert await files.parts(one) == []
        await export(bench, work)
    check_whole(tmp_path)


async def test_a_part_of_a_worker_that_lost_its_lane_takes_no_parts_place(tmp_path: Path) -> None:
    """Two versions of a converter may write other bytes for the same part. What the journal's row says is published."""
    async with bench_in(tmp_path) as bench:
        work = await bench.begin()
        files = bench.of(work)
        one = await files.export(DATASET, "graph")
        await make_part(files, one, 0, CONTENTS[0])
        with pytest.raises(LaneLost):
            await make_part(bench.of(settled(work)), one, 0, b"other bytes of the same lines\n")
        await export(bench, work)
    check_whole(tmp_path)
