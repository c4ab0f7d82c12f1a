"""The end of an export: its parts become a version, once, and the answer names it."""

from collections.abc import Sequence

from events.codes import FailedCode
from events.messages.invoice_lines import ExportedDataset
from worker import metrics
from worker.datasets.publication import Publication
from worker.errors import Failed
from worker.exports.datasets import AskedDataset
from worker.exports.version import Origin, answered, version_of
from worker.files.destination import Published
from worker.handling import Context
from worker.journal.export_records import Export, Part
from worker.version import version

PUBLISHED, UNCHANGED = "published", "unchanged"
"""Labels of the metric of datasets that ended."""


async def publish(
    ctx: Context, asked: AskedDataset, export: Export, parts: Sequence[Part], origin: Origin
) -> ExportedDataset:
    """Publish the version of these parts, or find the version that has the same content.

    Raises what the journal and the destination raise; a later run goes on from the row of the version.
    """
    name = f"publish {asked.lines}"
    result = ctx.step_state(name).result
    if result is None:
        made = version_of(asked.dataset, origin, parts, version())
        with metrics.EXPORT_DURATION.labels(asked.lines, "publishing").time():
            result = await ctx.step(name, Publication(export, made.name, made.content_sha256, made.manifest)) or {}
        metrics.EXPORTS.labels(
            ctx.center.account, asked.lines, origin.way, UNCHANGED if result["already"] else PUBLISHED
        ).inc()
        if not result["already"]:
            size = sum(part.bytes for part in parts)
            metrics.EXPORT_BYTES.labels(asked.lines, "out").inc(size)
    published = await ctx.files.published(asked.dataset, result["version"])
    if published is None:
        detail = f"the version {result['version']} of {asked.dataset.path} was removed after it was published"
        raise Failed(FailedCode.FILES_UNAVAILABLE, detail)
    return _told(ctx, asked, published, already=result["already"])


def already_there(ctx: Context, asked: AskedDataset, published: Published) -> ExportedDataset:
    """A version that this command has not made, as its answer."""
    metrics.EXPORTS.labels(ctx.center.account, asked.lines, published.manifest.source.way, UNCHANGED).inc()
    return _told(ctx, asked, published, already=True)


def _told(ctx: Context, asked: AskedDataset, published: Published, *, already: bool) -> ExportedDataset:
    at, billed = published.manifest.published_at.timestamp(), asked.dataset.invoice_id is not None
    metrics.version_published(ctx.center.account, asked.lines, at, billed=billed)
    return answered(asked.lines, published, already=already)
