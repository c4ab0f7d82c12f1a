"""Where the records of a report go: pages of events, a file, or nowhere. Their sums are taken on the way."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from events.messages.usage import ReportUsage, UsageFile, UsageRecord, UsageRecorded
from events.report_pages import in_pages
from worker.files.conversion.process import SourcePart, extra_installed
from worker.files.layout import ENDINGS, PARQUET, SOURCE, USAGE_RECORDS
from worker.files.lines import RECORDS
from worker.files.scratch import on_disk
from worker.handling import Context
from worker.partner_center.resources.spending.usage import UsageItem
from worker.spending.usage_figures import Kind, Sums, record

PORTION = 500
"""Records that are written to the file at once."""


class Delivery:
    """The records of one report, as they are read. A context: a file under way is removed at its end."""

    def __init__(self, ctx: Context, command: ReportUsage) -> None:
        self.sums = Sums()
        self._ctx = ctx
        self._name = f"{USAGE_RECORDS}/{command.scope}/{ctx.now():%Y%m%dT%H%M%SZ}-{{sha}}"
        self._keeps = command.deliver != "none" and not ctx.validate_only
        self._most = 0 if command.deliver == "files" else ctx.files.options.records_in_events
        self._records: list[UsageRecord] = []
        self._pages: list[list[UsageRecord]] = []
        self._written = 0
        self._opened = ExitStack()
        self._file: tuple[Path, ExitStack, gzip.GzipFile] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with suppress(OSError):  # a file under way that a full disk does not take is not needed any more
            self._opened.close()

    async def take(self, kind: Kind | None, item: UsageItem) -> None:
        """Count one record in, and keep it where its report delivers records. `kind` None: it is only counted.

        Raises `DestinationUnavailable` if the disk of the file under way is full.
        """
        self.sums.add(item)
        if kind is None or not self._keeps:
            return
        self._records.append(record(kind, item))
        if len(self._records) > (self._most if self._file is None else PORTION):
            await self._write()

    async def deliver(self) -> Mapping[str, Any]:
        """The members `records`, `pages` and `files` of the answer, once all records are taken.

        Raises the errors of `CommandFiles.document` and `Converter.parquet` where the records go to files.
        """
        if self._file is not None:
            await self._write()
        for page in in_pages(self._records):
            self._pages.append(page)
            await asyncio.sleep(0)  # other commands go on between two pages
        number = self._written + len(self._records)
        files = [] if self._file is None else [await self._document(form, path) async for form, path in self._forms()]
        return {"records": number, "pages": len(self._pages), "files": files}

    def say(self) -> None:
        """Say the pages, which are published with the answer."""
        for number, page in enumerate(self._pages, start=1):
            place = UsageRecorded.nth_place(number)
            self._ctx.say(place, UsageRecorded, page=number, pages=len(self._pages), records=page)

    async def _forms(self) -> AsyncIterator[tuple[str, Path]]:
        """The finished files by their formats: JSON lines, and Parquet where it is installed and wanted."""
        if self._file is None:
            return
        source, written, _ = self._file
        with on_disk():
            written.close()
        converted = None
        if PARQUET in self._ctx.files.options.formats and extra_installed():
            converter = self._ctx.files.converter
            (converted,) = (await converter.parquet(RECORDS, [SourcePart(0, source)], source.parent)).parts
        yield SOURCE, source
        if converted is not None and converted.path is not None:
            yield PARQUET, converted.path

    async def _document(self, form: str, path: Path) -> UsageFile:
        made = await self._ctx.files.document(f"{self._name}.{ENDINGS[form]}", path)
        return UsageFile(uri=made.uri, format=form, rows=self._written, bytes=made.bytes, sha256=made.sha256)

    async def _write(self) -> None:
        """Move all records that are kept to the file. It is the same for the same records: gzip notes no time."""
        with on_disk():
            if self._file is None:
                path = self._opened.enter_context(self._ctx.files.scratch()) / "records.jsonl.gz"
                written = self._opened.enter_context(ExitStack())
                raw = written.enter_context(path.open("wb"))
                self._file = path, written, written.enter_context(gzip.GzipFile("", "wb", fileobj=raw, mtime=0))
            for begin in range(0, len(self._records), PORTION):
                lines = (each.model_dump_json().encode() for each in self._records[begin : begin + PORTION])
                self._file[-1].write(b"".join(line + b"\n" for line in lines))
                await asyncio.sleep(0)  # other commands go on between two portions
        self._written += len(self._records)
        self._records = []
