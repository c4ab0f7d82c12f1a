"""The end of an export: its parts become a version, once, and the answer names it."""

from collections.abc import Sequence

from events.codes import FailedCode, WaitingReason
from events.messages.invoice_lines import ExportedDataset
from worker import metrics
from worker.datasets.publication import Publication
from worker.errors import Failed
from worker.exports.datasets import AskedDataset
from worker.exports.parquet_parts import with_facts, with_parquet
from worker.exports.progress import tell
from worker.exports.standing import Standing
from worker.exports.version import Origin, answered, version_of
from worker.files.destination import Published
from worker.files.layout import PARQUET
from worker.handling import Context
from worker.journal.export_records import Export, Part
from worker.journal.records import Micros
from worker.version import version

PUBLISHED, UNCHANGED = "published", "unchanged"
"""Labels of the metric of datasets that ended."""
AGAIN = "turn"
"""The name, in the details of an export's row, of the time that a story exports the dataset."""


async def publish(
    ctx: Context, asked: AskedDataset, export: Export, sources: Sequence[Part], origin: Origin
) -> ExportedDataset:
    """Publish the version of these source parts, or find the version that has the same content.

    Raises what the journal and the destination raise; a later run goes on from the row of the version.
    """
    name = _step(asked.lines, turn_of(export))
    result = ctx.step_state(name).result
    if result is None:
        parts = sources
        if PARQUET in asked.formats:
            parts = await with_parquet(ctx, asked, export, sources)
        parts = [await with_facts(ctx, asked, part) for part in parts]
        tell(ctx, asked.lines, "publishing", sources, blobs=len(sources), operation_id=export.operation_id)
        made = version_of(asked.dataset, origin, parts, version())
        with metrics.EXPORT_DURATION.labels(asked.lines, "publishing").time():
            result = await ctx.step(name, Publication(export, made.name, made.content_sha256, made.manifest)) or {}
        metrics.EXPORTS.labels(
            ctx.center.account, asked.lines, origin.way, UNCHANGED if result["already"] else PUBLISHED
        ).inc()
        if not result["already"]:
            size = sum(part.bytes for part in parts)
            metrics.EXPORT_BYTES.labels(asked.lines, "out").inc(size)
    await ctx.files.tidy(export, result["version"])
    published = await ctx.files.published(asked.dataset, result["version"])
    if published is None:
        detail = f"the version {result['version']} of {asked.dataset.path} was removed after it was published"
        raise Failed(FailedCode.FILES_UNAVAILABLE, detail)
    return _told(ctx, asked, published, already=result["already"])


def _step(lines: str, turn: int) -> str:
    return f"publish {lines}" if turn == 1 else f"publish {lines} {turn}"


def turn_of(export: Export) -> int:
    """Which time this story exports the dataset: after incomplete usage it does so again."""
    turn: int = (export.details or {}).get(AGAIN, 1)
    return turn


async def begin_again(ctx: Context, asked: AskedDataset, at: Micros) -> None:
    """Let the dataset be exported once more, from this instant on: Microsoft's data were short.

    What was published stays. A version comes of it only if the content is another one then.
    """
    export = await ctx.files.export(asked.dataset, asked.way.name)
    turn = turn_of(export) + 1
    await ctx.files.drop_parts(export)
    again = Standing(next_at=at, reason=WaitingReason.DATA_NOT_READY, detail="Microsoft's usage lines were short")
    details = {**(export.details or {}), **again.to_json(), AGAIN: turn}
    await ctx.files.update(export, location=None, details=details)


def already_there(ctx: Context, asked: AskedDataset, published: Published) -> ExportedDataset:
    """A version that this command has not made, as its answer."""
    metrics.EXPORTS.labels(ctx.center.account, asked.lines, published.manifest.source.way, UNCHANGED).inc()
    return _told(ctx, asked, published, already=True)


def _told(ctx: Context, asked: AskedDataset, published: Published, *, already: bool) -> ExportedDataset:
    at, billed = published.manifest.published_at.timestamp(), asked.dataset.invoice_id is not None
    metrics.version_published(ctx.center.account, asked.lines, at, billed=billed)
    return answered(asked.lines, published, already=already and not _is_own(ctx, asked.lines, published.version))


def _is_own(ctx: Context, lines: str, version_name: str) -> bool:
    """Whether this command has published the version, the last time or before: no earlier answer names it."""
    turns: int = ctx.known.get(AGAIN, 1)
    results = [ctx.step_state(_step(lines, turn)).result for turn in range(1, turns + 1)]
    return any(each is not None and each["version"] == version_name and not each["already"] for each in results)
