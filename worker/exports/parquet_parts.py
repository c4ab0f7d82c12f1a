"""The Parquet parts of a dataset: one for each source part with lines, made in a child process, durable one by one."""

from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager

from events.codes import FailedCode
from worker import metrics
from worker.errors import Failed
from worker.exports.datasets import AskedDataset
from worker.exports.progress import tell
from worker.exports.version import PARQUET
from worker.files.conversion.exact_lines import UnreadableLines
from worker.files.conversion.layout import Layout
from worker.files.conversion.process import ChildFailed, ConvertedPart, LinesUnreadable, SourcePart
from worker.files.conversion.totals import Totals
from worker.files.layout import part_path
from worker.handling import Context
from worker.journal.export_records import Export, Part


async def with_parquet(ctx: Context, asked: AskedDataset, export: Export, sources: Sequence[Part]) -> list[Part]:
    """These source parts, and the Parquet part of each. A crash repeats the part under way.

    Raises `Failed` (`source_unreadable`, `files_unavailable`) and what the journal and the destination raise.
    """
    made = {part.ordinal or 0: part for part in await ctx.files.parts(export) if part.format == PARQUET}
    filled = [part for part in sources if part.rows]
    tell(ctx, asked.lines, "converting", sources, blobs=len(sources), operation_id=export.operation_id)

    async def keep(part: ConvertedPart) -> None:
        if part.path is None:
            return
        made[part.ordinal] = await ctx.files.part(
            export,
            part.path,
            path=part_path(PARQUET, part.ordinal),
            format=PARQUET,
            rows=part.rows,
            ordinal=part.ordinal,
            details={"layout": part.layout.plain(), "totals": part.totals.plain()},
        )

    known = [_known(part) for part in made.values()]
    async with AsyncExitStack() as local:
        folder = local.enter_context(ctx.files.scratch())
        paths = [
            SourcePart(part.ordinal or 0, await local.enter_async_context(ctx.files.local(part))) for part in filled
        ]
        with metrics.EXPORT_DURATION.labels(asked.lines, "converting").time(), understood():
            await ctx.files.converter.parquet(asked.lines, paths, folder, known=known, on_part=keep)
    return [*sources, *(made[ordinal] for ordinal in sorted(made))]


@contextmanager
def understood() -> Iterator[None]:
    """Turn errors of a conversion into answers: `Failed` (`source_unreadable`, `internal_error`)."""
    try:
        yield
    except (LinesUnreadable, UnreadableLines) as error:
        raise Failed(FailedCode.SOURCE_UNREADABLE, str(error)) from error
    except ChildFailed as error:
        raise Failed(FailedCode.INTERNAL_ERROR, f"the process that converts lines {error}") from error


def _known(part: Part) -> ConvertedPart:
    details = part.details or {}
    layout, totals = Layout.of(details["layout"]), Totals.of(details["totals"])
    return ConvertedPart(part.ordinal or 0, None, part.rows, layout, totals, "")
