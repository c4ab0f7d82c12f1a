"""The lines that Partner Center gives in pages: legacy invoices, and what Microsoft Graph does not have.

A provider's pages become one part, an item a line, numbers as they were received. A crash reads that provider again.
"""

import gzip
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

from events.codes import FailedCode, RejectedCode, WaitingReason
from events.messages.command_status import PartnerCenterError
from events.messages.invoice_lines import ExportedDataset
from worker.clock import duration_micros, instant
from worker.errors import Failed, Rejected
from worker.exports.blobs import WRITE
from worker.exports.datasets import AskedDataset
from worker.exports.decisions import Later
from worker.exports.graph_export import NO_ROOM
from worker.exports.line_check import read_apart
from worker.exports.line_facts import UnreadableLines
from worker.exports.progress import tell
from worker.exports.publishing import already_there, publish
from worker.exports.version import Origin
from worker.files.layout import SOURCE, part_path
from worker.files.scratch import on_disk
from worker.handling import Context, facts
from worker.journal.export_records import Export, Part
from worker.partner_center.errors import Refused, Unanswered
from worker.partner_center.resources.line_ways import USAGE
from worker.partner_center.resources.spending import invoice_lines
from worker.partner_center.resources.spending.invoice_lines import LinesPath
from worker.spending.repeated_refusals import BEFORE_PAGES_ARE_OVER, came_again

NOT_THERE = frozenset({400, 404, 410})
"""How pages answer that Microsoft has ended: what they answer then is not documented."""
NOT_AVAILABLE = "not_available"
"""The notice of a version without lines whose pages answer no more; with a provider behind it: that one's do not."""


NOTHING_INSTEAD = (
    "Microsoft has these lines nowhere else. Look in Partner Center whether the invoice has them; if it does, give"
    " Microsoft support the invoice's id and all of partnerCenter."
)


class PagesEnded(Exception):
    """The pages of a provider answer no more, from the first one on."""

    def __init__(self, answer: Refused | Unanswered) -> None:
        self.answer = answer
        super().__init__(str(answer))


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
            raise self._not_available()
        return await self._publish()

    async def without_lines(self) -> ExportedDataset:
        """Answer without lines, as the command's other lines are there: `advance` has raised `not_available`.

        What an earlier export has published of the pages stays the latest version.
        """
        latest = await self.ctx.files.latest(self.asked.dataset)
        if latest is not None and latest.manifest.rows:
            told = already_there(self.ctx, self.asked, latest)
            return told.model_copy(update={"notices": (*told.notices, NOT_AVAILABLE)})
        for number in range(len(self.asked.way.providers)):
            part = self.parts.get(number)
            if part is None or NOT_AVAILABLE not in (part.details or {}).get("notices", ()):
                await self._store(number, _nothing(), NOT_AVAILABLE)
        return await self._publish()

    async def _publish(self) -> ExportedDataset:
        origin = Origin(self.asked.way.name, instant((self.export.details or {})["createdAt"]))
        return await publish(self.ctx, self.asked, self.export, list(self.parts.values()), origin)

    async def _read(self, number: int) -> None:
        provider = self.asked.way.providers[number]
        try:
            await self._store(number, self._items(provider))
        except PagesEnded as no:
            self.ctx.known[self._refusal] = facts(no.answer).wire_data()
            if len(self.asked.way.providers) == 1:
                raise self._not_available() from no
            await self._store(number, _nothing(), f"{NOT_AVAILABLE}:{provider}")

    async def _store(self, number: int, items: AsyncIterator[bytes], *notices: str) -> None:
        provider = self.asked.way.providers[number]
        with self.ctx.files.scratch() as folder:
            path = folder / f"{provider}.jsonl.gz"
            await self._write(items, path)
            try:
                read = await read_apart(self.ctx, path, self.asked.lines)
            except UnreadableLines as error:
                raise Failed(FailedCode.SOURCE_UNREADABLE, f"the pages of {provider}: {error}") from error
            known = self.export.details or {}  # durable before the part: what publishes the part needs this instant
            self.export = await self.ctx.files.update(self.export, details={**known, "createdAt": self.ctx.instant()})
            self.parts[number] = await self.ctx.files.part(
                self.export,
                path,
                path=part_path(SOURCE, number),
                format=SOURCE,
                rows=read.facts.rows,
                ordinal=number,
                name=provider,
                details=replace(read.facts, notices=(*read.facts.notices, *notices)).to_json(),
                sha256=read.sha256,
            )

    async def _items(self, provider: str) -> AsyncGenerator[bytes]:
        """The lines of a provider. Raises `PagesEnded` where the first page is not there."""
        asked, begun = self.asked, False
        line_type = asked.way.line_type or "billinglineitems"
        lines = LinesPath(provider, line_type, asked.wanted.invoice_id, asked.currency)
        try:
            async with aclosing(invoice_lines.items(self.ctx.center, lines)) as items:
                async for item in items:
                    begun = True
                    yield item
        except (Refused, Unanswered) as no:
            if begun or not self._says_the_end(no, provider):
                raise
            raise PagesEnded(no) from no

    def _says_the_end(self, no: Refused | Unanswered, provider: str) -> bool:
        """Whether pages answer so that Microsoft has ended; what may be a gateway's answer only when it comes again."""
        if no.status not in NOT_THERE:
            return False
        if isinstance(no, Refused):
            return True
        return came_again(self.ctx, f"{self.asked.dataset.path} {provider}", BEFORE_PAGES_ARE_OVER)

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

    @property
    def _refusal(self) -> str:
        """The name in `Context.known` of the answer of the pages that were refused last."""
        return f"refused {self.asked.dataset.path}"

    def _not_available(self) -> Rejected:
        """The refusal of a command that wants nothing else: what Partner Center answered, since when, what instead."""
        told, way = self.ctx.known.get(self._refusal), self.asked.way
        no = PartnerCenterError.model_validate(told) if told else None
        detail = f"there are no lines of {self.asked.wanted.invoice_id}, {self.asked.lines}: {_why(no)}. {way.reason}"
        advice = None if way.ended else NOTHING_INSTEAD
        return Rejected(RejectedCode.NOT_AVAILABLE, detail, advice=advice, partner_center=no)

    def _tell(self, stage: str) -> None:
        tell(self.ctx, self.asked.lines, stage, self.parts.values(), blobs=len(self.asked.way.providers))


def _why(no: PartnerCenterError | None) -> str:
    """What Partner Center answered. `no`: None where its pages were read and are empty."""
    if no is None:
        return "its pages have no line"
    code = f", code {no.code}" if no.code else ""
    return f"Partner Center refuses its pages ({no.http_status}{code}: {(no.description or '').rstrip('.')})"


async def _nothing() -> AsyncIterator[bytes]:
    """No items."""
    for item in list[bytes]():
        yield item
