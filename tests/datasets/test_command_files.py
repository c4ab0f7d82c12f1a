"""What becomes of a command whose files cannot go where they should."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from events.messages.plans import PlanSuspended
from tests.datasets.stage import CONTENTS, CREATED, DATASET, DatasetBench, bench_in, make_part
from worker.datasets.publication import Publication
from worker.files.layout import MANIFEST, content_sha256, version_name
from worker.files.manifest import Manifest, Source
from worker.handling import Context


async def exports(ctx: Context, _command: Any) -> Any:
    """A handler that exports one part and publishes it."""
    await ctx.files.hold(DATASET)
    one = await ctx.files.export(DATASET, "graph")
    parts = await ctx.files.parts(one) or [await make_part(ctx.files, one, 0, CONTENTS[0])]
    content = content_sha256((0, part.sha256, part.bytes) for part in parts)

    def manifest(at: Any, before: str | None) -> Manifest:
        return Manifest(DATASET, "", before, at, "test", Source("graph", None, None, None, None, content), (), 0)

    await ctx.step("publish usage", Publication(one, version_name(CREATED, content), content, manifest))
    return ctx.answer(PlanSuspended, subscription_id="s-1", already_suspended=True)


async def run(bench: DatasetBench) -> list[dict[str, Any]]:
    """One run of the command, and what was said of it."""
    (work,) = await bench.claim() or [await bench.begin()]
    await bench.dispatch(exports)(work)
    return [each for each in await bench.said() if not each["ce_type"].endswith("CommandAccepted.v1")]


class Broken:
    """Lets a call of the operating system fail."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise OSError(self.number, os.strerror(self.number))


async def test_a_full_disk_is_waited_for_and_the_command_then_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason is `files_unavailable`. Nothing counts as an attempt, and the lane goes on without the command."""
    async with bench_in(tmp_path) as bench:
        await bench.begin()
        with monkeypatch.context() as broken:
            broken.setattr(Path, "replace", Broken(errno.ENOSPC))
            (waiting,) = await run(bench)
        assert (waiting["ce_type"], waiting["reason"]) == ("azplan.CommandWaiting.v1", "files_unavailable")
        row = await bench.command()
        assert (row["attempts"], row["released"]) == (0, 1)
        await bench.journal.transactions.write(lambda tx: tx.run("UPDATE command SET due_at = 1"))
        assert (await run(bench))[-1]["ce_type"] == PlanSuspended.wire_type()


async def test_a_folder_without_rights_ends_the_command_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To wait would not help. The dead letter can be redriven, and the redrive goes on with the parts."""
    async with bench_in(tmp_path) as bench:
        await bench.begin()
        with monkeypatch.context() as broken:
            broken.setattr(Path, "rename", Broken(errno.EACCES))
            (failed,) = await run(bench)
        assert (failed["ce_type"], failed["code"]) == ("azplan.CommandFailed.v1", "files_unavailable")
        assert "AZPLAN_FILES__URL" in failed["advice"]
        assert not failed["outcomeUnknown"]
        assert len(await bench.rows("SELECT * FROM export_part")) == 1


async def test_another_manifest_ends_the_command_as_an_error_inside_azplan(tmp_path: Path) -> None:
    """Nothing is overwritten, and the file is named."""
    async with bench_in(tmp_path) as bench:
        assert (await run(bench))[0]["ce_type"] == PlanSuspended.wire_type()
        (manifest,) = (tmp_path / "files").rglob(MANIFEST)
        manifest.write_bytes(b"mine")
        await bench.begin(id="c-2")
        failed = (await run(bench))[-1]
        assert (failed["ce_type"], failed["code"]) == ("azplan.CommandFailed.v1", "internal_error")
        assert manifest.parent.name in failed["detail"]
        assert manifest.read_bytes() == b"mine"


async def test_an_answer_says_nothing_of_published_files_as_changes_at_microsoft(tmp_path: Path) -> None:
    """A command that fails after it has published has changed nothing at Microsoft."""

    async def fails(ctx: Context, command: Any) -> Any:
        await exports(ctx, command)
        await ctx.files.document("../no", Path())

    async with bench_in(tmp_path) as bench:
        for _ in range(3):
            (work,) = await bench.claim() or [await bench.begin()]
            await bench.dispatch(fails)(work)
            await bench.journal.transactions.write(lambda tx: tx.run("UPDATE command SET due_at = 1 WHERE due_at > 1"))
        failed = (await bench.said())[-1]
    assert failed["code"] == "internal_error"
    assert "changed at Microsoft" not in failed["detail"]
