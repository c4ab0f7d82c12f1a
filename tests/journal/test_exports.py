"""Exports and versions in the journal: who holds a dataset, what is durable of an export, one row for each content."""

from dataclasses import replace

import pytest

from tests.journal.bench import Bench, accept, change, claim, command, ended, lapse, only, rows
from worker.errors import LaneLost
from worker.journal.export_records import DatasetVersion, Export, Part, VersionState
from worker.journal.journal import Journal
from worker.journal.records import SECOND, Step, StepState, Work

PATH = "partner=contoso/lines=usage/billed/invoice=G1"
EXPORT = Export("e-1", "", PATH, "graph", "preparing")
PART = Part("e-1", "source/part-00000.jsonl.gz", "source", 3, 2**40, "ab" * 32, "staged", 0, "p.gz", {"a": ["1.50"]})
VERSION = DatasetVersion(
    PATH, "cd" * 32, "20261108T101959Z-cdcdcdcdcdcd", VersionState.PUBLISHING, "e-1", '{"a":1}', "ef" * 32, None, SECOND
)


async def one_of(bench: Bench) -> tuple[Journal, Work]:
    """A worker with a command in its run."""
    journal = await bench.worker("one")
    await accept(journal, command("1"))
    return journal, await only(journal)


async def test_a_dataset_belongs_to_one_open_command(bench: Bench) -> None:
    """Another command is told which one has it, and gets it when that one has its answer."""
    journal, first = await one_of(bench)
    assert await journal.exports.hold(first, PATH, "contoso") is None
    assert await journal.exports.hold(first, PATH, "contoso") is None
    await accept(journal, command("2", customer="other"))
    second = next(each for each in await claim(journal) if each.uid != first.uid)
    assert await journal.exports.hold(second, PATH, "contoso") == first.id
    await journal.conclude(first, ended(first))
    assert await journal.exports.hold(second, PATH, "contoso") is None


async def test_commands_with_two_datasets_do_not_wait_for_each_other(bench: Bench) -> None:
    """A redriven command still has the second one. It lets go of it where another command has the first."""
    journal, first = await one_of(bench)
    second_path = PATH.replace("G1", "G2")
    assert await journal.exports.hold(first, second_path, "contoso") is None
    await accept(journal, command("2", customer="other"))
    second = next(each for each in await claim(journal) if each.uid != first.uid)
    assert await journal.exports.hold(second, PATH, "contoso", [second_path]) is None
    assert await journal.exports.hold(second, second_path, "contoso") == first.id
    assert await journal.exports.hold(first, PATH, "contoso", [second_path]) == second.id
    assert await journal.exports.hold(second, second_path, "contoso") is None


async def test_an_export_is_there_for_the_next_owner(bench: Bench) -> None:
    """With everything that a later run needs to go on, and it is begun once."""
    journal, work = await one_of(bench)
    begun = await journal.exports.begin(work, EXPORT)
    assert await journal.exports.begin(work, replace(EXPORT, id="e-2")) == begun
    changed = replace(
        begun, stage="downloading", location="https://x/1", etag='"1"', manifest={"blobs": []}, operations=1
    )
    await journal.exports.update(work, changed)
    await journal.exports.put_part(work, PART)
    await journal.exports.put_part(work, replace(PART, rows=4))
    await lapse(journal)
    two = await bench.worker("two")
    await two.take_lanes(10)
    assert await two.exports.of_command(await only(two)) == [changed]
    assert await two.exports.parts("e-1") == [replace(PART, rows=4)]


async def test_a_version_is_known_by_its_content(bench: Bench) -> None:
    """It stands together with the step that published it, and gives up the copy of its manifest then."""
    journal, work = await one_of(bench)
    await journal.exports.begin_version(work, VERSION)
    assert await journal.exports.version(PATH, "cd" * 32) == VERSION
    assert await journal.exports.version(PATH, "00" * 32) is None
    await journal.exports.version_stands(
        work, VERSION, Step("publish usage", "files", StepState.APPLIED, result={"a": 1})
    )
    stands = replace(VERSION, state=VersionState.PUBLISHED, manifest=None)
    assert await journal.exports.version(PATH, "cd" * 32) == stands
    assert (await only(journal)).steps["publish usage"].result == {"a": 1}


async def test_the_newest_versions_are_found_among_many(bench: Bench) -> None:
    """As many as are asked for: the journal keeps every version. One that does not stand is none."""
    journal, work = await one_of(bench)
    paths = [PATH.replace("G1", f"G{number}") for number in range(4)]
    for number, path in enumerate(paths):
        state = VersionState.PUBLISHED if number < 3 else VersionState.PUBLISHING
        await journal.exports.begin_version(
            work, replace(VERSION, dataset=path, state=state, published_at=number * SECOND)
        )
    again = replace(
        VERSION, dataset=paths[0], content_sha256="11" * 32, state=VersionState.PUBLISHED, published_at=9 * SECOND
    )
    await journal.exports.begin_version(work, again)
    assert await journal.exports.newest(10) == {paths[0]: 9 * SECOND, paths[1]: SECOND, paths[2]: 2 * SECOND}
    assert await journal.exports.newest(2) == {paths[0]: 9 * SECOND, paths[2]: 2 * SECOND}


async def test_what_was_begun_of_dropped_parts_is_forgotten_with_them(bench: Bench) -> None:
    """A version that stands stays. One that was begun keeps its name: it may stand already, and nobody said so."""
    journal, work = await one_of(bench)
    begun = await journal.exports.begin(work, EXPORT)
    await journal.exports.put_part(work, PART)
    await journal.exports.begin_version(work, VERSION)
    stands = replace(VERSION, content_sha256="11" * 32, state=VersionState.PUBLISHED)
    await journal.exports.begin_version(work, stands)
    await journal.exports.drop_parts(work, begun)
    assert await journal.exports.parts("e-1") == []
    assert await journal.exports.version(PATH, "cd" * 32) == replace(VERSION, manifest=None)
    assert await journal.exports.version(PATH, "11" * 32) == stands


async def test_a_worker_without_the_lane_writes_none_of_it(bench: Bench) -> None:
    """Every write looks at the lane first."""
    journal, work = await one_of(bench)
    await change(journal, "UPDATE lane SET epoch = epoch + 1")
    exports, step = journal.exports, Step("publish usage", "files", StepState.APPLIED)
    writes = [
        lambda: exports.hold(work, PATH, "contoso"),
        lambda: exports.begin(work, EXPORT),
        lambda: exports.update(work, EXPORT),
        lambda: exports.put_part(work, PART),
        lambda: exports.drop_parts(work, EXPORT),
        lambda: exports.begin_version(work, VERSION),
        lambda: exports.version_stands(work, VERSION, step),
        lambda: exports.insist(work),
    ]
    for write in writes:
        with pytest.raises(LaneLost):
            await write()
    for table in ("dataset", "export", "export_part", "dataset_version", "step"):
        assert await rows(journal, f"SELECT * FROM {table}") == []
