"""The lines that Partner Center gives in pages: legacy invoices, and what Microsoft Graph does not have.

A provider's pages become one part, an item a line, numbers as they were received. A crash reads that provider again.
"""

import gzip
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from events.codes import FailedCode, RejectedCode, WaitingReason
from events.messages.invoice_lines import ExportedDataset
from worker.clock import duration_micros, instant
from worker.errors import Failed, Rejected
from worker.exports.blobs import WRITE, on_disk
from worker.exports.datasets import AskedDataset
from worker.exports.decisions import Later
from worker.exports.graph_export import NO_ROOM
from worker.exports.line_check import facts_of
from worker.exports.line_facts import UnreadableLines
from worker.exports.progress import tell
from worker.exports.publishing import publish
from worker.exports.version import SOURCE, Origin
from worker.files.layout import part_path
from worker.handling import Context, facts
from worker.journal.export_records import Export, Part
from worker.partner_center.errors import Refused
from worker.partner_center.resources.line_ways import USAGE
from worker.partner_center.resources.spending import invoice_lines
from worker.partner_center.resources.spending.invoice_lines import LinesPath

NOT_THERE = frozenset({400, 404, 410})
"""How pages answer that Microsoft has ended: what they answer then is not documented."""


@dataclass(slots=True)
class PageExport:
    """The export of one dataset from pages, in one run of its command."""

    ctx: Context
    asked: AskedDataset
    export: Export
    parts: dict[int, Part]

    @classmethod
    async def of(cls, ctx: Context, asked: AskedDataset) -> "PageExport":
        """The export as the journal knows it."""
        export = await ctx.files.export(asked.dataset, asked.way.name)
        parts = {part.ordinal or 0: part for part in await ctx.files.parts(export) if part.format == SOURCE}
        return cls(ctx, asked, export, parts)

    async def advance(self) -> ExportedDataset | Later:
        """Read what is missing and publish. Raises `Rejected` (`not_available`) where the pages answer no more."""
        missing = [number for number in range(len(self.asked.way.providers)) if number not in self.parts]
        if missing:
            with self.ctx.files.slot() as place:
                if not place:
                    at = self.ctx.instant() + duration_micros(NO_ROOM)
                    return Later(at, WaitingReason.EXPORT_PREPARING, "other exports of this worker are at work")
                for number in missing:
                    self._tell("downloading")
                    await self._read(number)
        may_be_empty = self.asked.lines == USAGE and not self.asked.way.ended  # an invoice of licenses has no usage
        if not may_be_empty and not any(part.rows for part in self.parts.values()):
            raise self._not_available("its pages have no line")
        self._tell("publishing")
        origin = Origin(self.asked.way.name, instant((self.export.details or {})["createdAt"]))
        return await publish(self.ctx, self.asked, self.export, list(self.parts.values()), origin)

    async def _read(self, number: int) -> None:
        provider = self.asked.way.providers[number]
        with self.ctx.files.scratch() as folder:
            path = folder / f"{provider}.jsonl.gz"
            try:
                await self._write(self._items(provider), path)
            except Refused as no:
                if no.status not in NOT_THERE:
                    raise
                if len(self.asked.way.providers) == 1:
                    raise self._not_available("Partner Center refuses its pages", no) from no
                await self._write(_nothing(), path)
            try:
                found = await facts_of(self.ctx, path, self.asked.lines)
            except UnreadableLines as error:
                raise Failed(FailedCode.SOURCE_UNREADABLE, f"the pages of {provider}: {error}") from error
            self.parts[number] = await self.ctx.files.part(
                self.export,
                path,
                path=part_path(SOURCE, number),
                format=SOURCE,
                rows=found.rows,
                ordinal=number,
                name=provider,
                details=found.to_json(),
            )
        self.export = await self.ctx.files.update(self.export, details={"createdAt": self.ctx.instant()})

    def _items(self, provider: str) -> AsyncIterator[bytes]:
        asked = self.asked
        line_type = asked.way.line_type or "billinglineitems"
        lines = LinesPath(provider, line_type, asked.wanted.invoice_id, asked.currency)
        return invoice_lines.items(self.ctx.center, lines)

    async def _write(self, items: AsyncIterator[bytes], path: Path) -> None:
        """Write items to a file of gzip. The same items give the same bytes."""
        waiting, held = list[bytes](), 0

        def write() -> None:
            packed.write(b"".join(waiting))

        with on_disk(), path.open("wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
            async for item in items:
                waiting.append(item + b"\n")
                held += len(item)
                if held >= WRITE:
                    await self.ctx.files.in_thread(write)
                    waiting, held = [], 0
            await self.ctx.files.in_thread(write)

    def _not_available(self, why: str, no: Refused | None = None) -> Rejected:
        detail = (
            f"there are no lines of {self.asked.wanted.invoice_id}, {self.asked.lines}: {why}. {self.asked.way.reason}"
        )
        return Rejected(RejectedCode.NOT_AVAILABLE, detail, partner_center=facts(no) if no else None)

    def _tell(self, stage: str) -> None:
        tell(self.ctx, self.asked.lines, stage, self.parts.values(), blobs=len(self.asked.way.providers))


async def _nothing() -> AsyncIterator[bytes]:
    """No items."""
    for item in list[bytes]():
        yield item
