"""The Parquet parts of a dataset: one for each source part with lines, made in a child process, durable one by one.

What is said of the lines of a source part is taken from its conversion, so that they are read once. Where the
conversion met something unusual they are read for it.
"""

from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

from events.codes import FailedCode
from worker import metrics
from worker.errors import Failed
from worker.exports.blobs import Unreadable
from worker.exports.datasets import AskedDataset
from worker.exports.line_check import read_apart
from worker.exports.line_facts import LONGEST_NAME, MOST_COLUMNS, MOST_TOTALS, Facts
from worker.exports.line_facts import UnreadableLines as NotLines
from worker.exports.progress import tell
from worker.files.amounts import AMOUNTS, CURRENCIES
from worker.files.conversion.exact_lines import UnreadableLines
from worker.files.conversion.layout import Layout
from worker.files.conversion.process import ConvertedPart, LinesUnreadable, SourcePart
from worker.files.conversion.totals import Totals, written
from worker.files.layout import PARQUET, SOURCE, part_path
from worker.handling import Context
from worker.journal.export_records import Export, Part


class PartUnreadable(Exception):
    """The lines of a source part that were only counted so far cannot be read."""

    def __init__(self, ordinal: int, why: str) -> None:
        super().__init__(why)
        self.broken = Unreadable(ordinal, why)


async def with_parquet(ctx: Context, asked: AskedDataset, export: Export, sources: Sequence[Part]) -> list[Part]:
    """These source parts, and the Parquet part of each. A crash repeats the part under way.

    Raises `PartUnreadable`, `Failed` (`source_unreadable`), `ChildFailed`, and what the journal and the destination
    raise.
    """
    made = {part.ordinal or 0: part for part in await ctx.files.parts(export) if part.format == PARQUET}
    filled = [part for part in sources if part.rows]
    rows = {part.ordinal or 0: part.rows for part in filled}
    tell(ctx, asked.lines, "converting", sources, blobs=len(sources), operation_id=export.operation_id)

    async def keep(part: ConvertedPart) -> None:
        if part.path is None:
            return
        if part.rows != rows[part.ordinal]:
            raise LinesUnreadable(f"{rows[part.ordinal]} lines hold {part.rows} objects of JSON", part.ordinal)
        facts = converted_facts(asked.lines, part)
        made[part.ordinal] = await ctx.files.part(
            export,
            part.path,
            path=part_path(PARQUET, part.ordinal),
            format=PARQUET,
            rows=part.rows,
            ordinal=part.ordinal,
            details={
                "layout": part.layout.plain(),
                "totals": part.totals.plain(),
                "facts": None if facts is None else facts.to_json(),
            },
        )

    known = [_known(part) for part in made.values()]
    async with AsyncExitStack() as local:
        folder = local.enter_context(ctx.files.scratch())
        paths = [
            SourcePart(part.ordinal or 0, await local.enter_async_context(ctx.files.local(part))) for part in filled
        ]
        with metrics.EXPORT_DURATION.labels(asked.lines, "converting").time(), understood():
            try:
                await ctx.files.converter.parquet(asked.lines, paths, folder, known=known, on_part=keep)
            except LinesUnreadable as error:
                if any(part.ordinal == error.ordinal and part.details is None for part in filled):
                    raise PartUnreadable(error.ordinal or 0, error.why) from error
                raise
    told = [replace(part, details=part.details or _facts_in(made.get(part.ordinal or 0))) for part in sources]
    return [*told, *(made[ordinal] for ordinal in sorted(made))]


async def with_facts(ctx: Context, asked: AskedDataset, part: Part) -> Part:
    """The part; a source part without facts has them afterwards. Raises `PartUnreadable`."""
    if part.format != SOURCE or part.details is not None:
        return part
    async with ctx.files.local(part) as path:
        try:
            read = await read_apart(ctx, path, asked.lines)
        except NotLines as error:
            raise PartUnreadable(part.ordinal or 0, str(error)) from error
    return replace(part, details=read.facts.to_json())


def converted_facts(lines: str, part: ConvertedPart) -> Facts | None:
    """What is said of the lines of a part, from its conversion.

    None where only reading the lines can say it: they were read the slow way, or have two columns for one amount, or
    texts for amounts and days, or names beyond bounds.
    """
    layout, totals = part.layout, part.totals
    columns = {layout.attribute(wire).name for wire in layout.wires}
    chosen = [columns.intersection(names) for names in (*AMOUNTS.values(), CURRENCIES)]
    words = [*layout.wires, *(word or "" for key in totals.sums for word in key)]
    if (
        part.way != "fast"
        or layout.legacy
        or layout.doubled
        or layout.as_text
        or any(len(names) > 1 for names in chosen)
        or max(len(layout.wires), len(totals.sums)) > min(MOST_COLUMNS, MOST_TOTALS)
        or max(map(len, words), default=0) > LONGEST_NAME
    ):
        return None
    taxed = ("tax", "total") if lines == "reconciliation" else ()
    told = tuple(
        {
            "currency": currency,
            "chargeType": kind,
            "rows": sums["rows"],
            **{name: written(sums.get(name, Decimal(0))) for name in ("beforeTax", *taxed)},
        }
        for (currency, kind), sums in sorted(totals.sums.items(), key=lambda each: [word or "" for word in each[0]])
    )
    return Facts(part.rows, told, tuple(sorted(layout.wires)), totals.range(lines), ())


def _facts_in(part: Part | None) -> Any:
    return None if part is None else (part.details or {}).get("facts")


@contextmanager
def understood() -> Iterator[None]:
    """Turn lines that cannot be converted into an answer: `Failed` (`source_unreadable`)."""
    try:
        yield
    except (LinesUnreadable, UnreadableLines) as error:
        raise Failed(FailedCode.SOURCE_UNREADABLE, str(error)) from error


def _known(part: Part) -> ConvertedPart:
    details = part.details or {}
    layout, totals = Layout.of(details["layout"]), Totals.of(details["totals"])
    return ConvertedPart(part.ordinal or 0, None, part.rows, layout, totals, "")
