"""What follows when the lines are published: the comparison with the invoice, and the FOCUS dataset.

Both are made by a child process from the published files, and published as a version of a dataset of their own. Without
the extra `finance` the comparison reads the source parts.
"""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from events.codes import FailedCode, WaitingReason
from events.messages.invoice_lines import Comparison, ExportedDataset, ExportInvoiceLines, FocusDataset
from worker import metrics
from worker.clock import instant
from worker.datasets.publication import Publication
from worker.errors import Failed, Wait
from worker.exports.accounts.invoice_document import DocumentFacts, earlier, facts_of
from worker.exports.datasets import AskedDataset
from worker.exports.parquet_parts import understood
from worker.exports.progress import tell
from worker.files.comparison.from_sources import compare_sources
from worker.files.comparison.shape import not_compared
from worker.files.conversion.process import SourcePart, extra_installed
from worker.files.destination import Published
from worker.files.layout import (
    COMPARED,
    FOCUS_VERSION,
    GROUPS,
    PARQUET,
    SOURCE,
    WITH_FOCUS,
    Dataset,
    content_sha256,
    datasets_of_comparison,
    version_name,
)
from worker.files.manifest import Manifest, PublishedFile, Source, canonical, stamp
from worker.handling import Context
from worker.partner_center.resources.line_ways import RECONCILIATION, USAGE
from worker.partner_center.resources.spending import invoices
from worker.version import version

WITH_ARROW, WITHOUT = "worker.files.focus.invoice", "worker.files.comparison.from_sources"
"""The programs of the child."""
WAY = "azplan"
"""The way to a dataset that azplan makes of published lines."""
COSTS, DIFFERENCES = "costs.parquet", "comparison.jsonl.gz"
SMALL = 1024 * 1024
"""Bytes of source parts, compressed, below which an invoice is compared in a thread: some thousand lines."""
HELD = 10.0
"""Seconds between two looks at a dataset that another command makes."""
COMPARED_AT = "compared at"
"""The name in `Context.known` of the instant that the version is named after."""


@dataclass(frozen=True, slots=True)
class Costs:
    """The comparison, and the FOCUS dataset where it was asked for."""

    comparison: Comparison | None
    focus: FocusDataset | None

    @property
    def incomplete(self) -> bool:
        """Whether Microsoft's usage is short."""
        return self.comparison is not None and self.comparison.status == "incomplete"


def datasets_of_costs(asked: Sequence[AskedDataset]) -> list[Dataset]:
    """The datasets that a command may make of these lines. It takes them when it has all lines."""
    usage = [each.dataset for each in asked if each.lines == USAGE]
    return [replace(dataset, collection=collection) for dataset in usage for collection in (WITH_FOCUS, COMPARED)]


@dataclass(slots=True)
class CostsRun:
    """Comparison and FOCUS of one command, once its lines are published."""

    ctx: Context
    command: ExportInvoiceLines
    recent: frozenset[str]
    """Lines for which Microsoft was not asked."""
    turn: int
    """Which time this is: after incomplete usage the lines are exported again."""

    async def made(self, asked: Sequence[AskedDataset], answered: Sequence[ExportedDataset]) -> Costs:
        """Compare, write and publish; or find what an earlier run has published.

        Usage alone never takes the place of costs that sum to the invoice.

        Raises `Failed`, `ChildFailed`, `CallError` of the list of invoices, and what the journal and the destination
        raise.
        """
        kinds = {each.lines: each for each in asked if each.lines in (USAGE, RECONCILIATION)}
        compares = self.command.invoice_id is not None and len(kinds) == 2
        focus = USAGE in kinds and "focus" in kinds[USAGE].formats
        if not compares and not focus:
            return Costs(None if not kinds else Comparison.model_validate(not_compared()), None)
        dataset = replace(kinds[USAGE].dataset, collection=WITH_FOCUS if focus else COMPARED)
        name = "publish focus" if self.turn == 1 else f"publish focus {self.turn}"
        result = self.ctx.step_state(name).result
        if result is None:
            versions: dict[str, str] = {each.lines: each.version for each in answered}
            if kinds.keys() <= self.recent and (found := await self._earlier(dataset, {k: versions[k] for k in kinds})):
                return self._told(found)
            lines = {kind: await self._published(each.dataset, versions[kind]) for kind, each in kinds.items()}
            await self._hold(dataset)
            if len(kinds) == 1 and await self._is_whole(dataset):
                return Costs(Comparison.model_validate(not_compared()), None)
            result = await self._publish(name, dataset, lines, focus=focus)
        await self.ctx.files.tidy(await self.ctx.files.export(dataset, WAY), result["version"])
        return self._told(await self._published(dataset, result["version"]))

    async def _hold(self, dataset: Dataset) -> None:
        """Make the dataset this command's: what is staged of it is removed. Raises `Wait` if another command has it."""
        holder = await self.ctx.files.hold(dataset)
        if holder is not None:
            detail = f"command {holder} compares the same lines"
            raise Wait(WaitingReason.EXPORT_PREPARING, detail, delay=HELD, release=True)

    async def _is_whole(self, dataset: Dataset) -> bool:
        """Whether the newest version of the costs is of both kinds of lines."""
        latest = await self.ctx.files.latest(dataset)
        return latest is not None and len(latest.manifest.more["inputs"]) == 2

    async def _earlier(self, dataset: Dataset, versions: Mapping[str, str]) -> Published | None:
        """The newest comparison, if it is of just these versions."""
        latest = await self.ctx.files.latest(dataset)
        if latest is None or {each["lines"]: each["version"] for each in latest.manifest.more["inputs"]} != versions:
            return None
        return latest

    async def _publish(self, name: str, dataset: Dataset, lines: Mapping[str, Published], *, focus: bool) -> Any:
        source = lines[USAGE].manifest.source
        tell(self.ctx, USAGE, "comparing", source.blobs, blobs=len(source.blobs), operation_id=source.operation_id)
        document, last = await self._document() if self.command.invoice_id else (None, {})
        job = {
            "partner": {"tenantId": self.command.customer_id, "name": self.ctx.center.account},
            "invoice": document and _plain(document),
            "month": _month(dataset, document, lines),
            "last": last,
            "tolerance": str(self.ctx.files.options.tolerance),
        }
        export = await self.ctx.files.export(dataset, WAY)
        await self.ctx.files.drop_parts(export)
        async with AsyncExitStack() as stack:
            folder = stack.enter_context(self.ctx.files.scratch())
            small = sum(blob.bytes for each in lines.values() for blob in each.manifest.source.blobs) < SMALL
            arrow = extra_installed() and (focus or not small)
            for kind in (USAGE, RECONCILIATION):
                job[kind] = await self._local(stack, folder, kind, lines.get(kind), arrow=arrow)
            paths = {"costs": COSTS if focus else None, "differences": DIFFERENCES, "groups": GROUPS}
            job |= {what: path and str(folder / path) for what, path in paths.items()}
            with metrics.EXPORT_DURATION.labels("focus", "comparing").time():
                done = await self._done(job, arrow=arrow, small=small)
            parts = [
                await self.ctx.files.part(
                    export,
                    folder / path,
                    path=path,
                    format="focus" if path == COSTS else "comparison",
                    rows=(done["focus"] or {"rows": 0})["rows"] if path == COSTS else 0,
                )
                for path in filter(None, paths.values())
                if (folder / path).exists()
            ]
        self._count(done["comparison"])
        more = {
            "comparison": done["comparison"],
            "focus": done["focus"],
            "month": job["month"],
            "inputs": [_input(kind, each) for kind, each in sorted(lines.items())],
        }
        at = instant(self.ctx.known.setdefault(f"{COMPARED_AT} {self.turn}", self.ctx.instant()))
        # What the comparison found counts as content: the document may say another amount of the same lines later.
        found = canonical(more)
        contents = [(part.sha256, part.bytes) for part in parts] + [(hashlib.sha256(found).hexdigest(), len(found))]
        content = content_sha256((number, *each) for number, each in enumerate(contents))
        made = version_name(at, content)

        def manifest(published_at: Any, supersedes: str | None) -> Manifest:
            source = Source(WAY, None, None, None, stamp(at), content)
            files = tuple(
                PublishedFile(part.path, part.format, part.rows, part.bytes, part.sha256, None) for part in parts
            )
            rows = (done["focus"] or {"rows": 0})["rows"]
            return Manifest(dataset, made, supersedes, published_at, version(), source, files, rows, more=more)

        return await self.ctx.step(name, Publication(export, made, content, manifest)) or {}

    async def _document(self) -> tuple[DocumentFacts | None, dict[str, Any]]:
        """The document, and the rate of the last invoice in its currency."""
        documents = await invoices.list_all(self.ctx.center)
        found = facts_of(documents, self.command.invoice_id or "")
        if found is None:
            return None, {}
        for before in earlier(documents, found.id):
            for dataset in datasets_of_comparison(self.ctx.center.account, before):
                latest = await self.ctx.files.latest(dataset)
                rate = None if latest is None else _rate(latest.manifest.more.get("comparison"), found.currency)
                if rate is not None:
                    return found, {found.currency: rate}
        return found, {}

    async def _local(
        self, stack: AsyncExitStack, folder: Path, kind: str, published: Published | None, *, arrow: bool
    ) -> dict[str, Any] | None:
        """The local files of published lines: for Arrow as Parquet, made now if there is none; else the source."""
        if published is None:
            return None
        files = published.manifest.files
        form = PARQUET if arrow and any(file.format == PARQUET for file in files) else SOURCE
        found = []
        for file in sorted((file for file in files if file.format == form and file.rows), key=lambda file: file.path):
            local = self.ctx.files.stored(published.manifest.dataset, published.version, file.path)
            found.append(SourcePart(file.blob or 0, await stack.enter_async_context(local)))
        paths = [part.path for part in found]
        if arrow and form == SOURCE:
            (folder / kind).mkdir()
            with understood():
                converted = await self.ctx.files.converter.parquet(kind, found, folder / kind)
            paths = [part.path for part in converted.parts if part.path is not None]
        return {"paths": [str(path) for path in paths], "version": published.version}

    async def _done(self, job: Mapping[str, Any], *, arrow: bool, small: bool) -> dict[str, Any]:
        """The job, done by a child; a small one without Arrow in a thread."""
        with understood():
            if small and not arrow:
                return await self.ctx.files.in_thread(lambda: compare_sources(job))
            async with self.ctx.files.converter.child(WITH_ARROW if arrow else WITHOUT) as child:
                return await child.ask(job)

    async def _published(self, dataset: Dataset, name: str) -> Published:
        found = await self.ctx.files.published(dataset, name)
        if found is None:
            detail = f"the version {name} of {dataset.path} was removed after it was published"
            raise Failed(FailedCode.FILES_UNAVAILABLE, detail)
        return found

    def _count(self, comparison: Mapping[str, Any]) -> None:
        metrics.COMPARISONS.labels(comparison["status"]).inc()
        for each in comparison["currencies"]:
            metrics.COMPARISON_UNEXPLAINED.labels(self.ctx.center.account, each["currency"]).set(each["unexplained"])

    def _told(self, published: Published) -> Costs:
        more = published.manifest.more
        costs = next((file for file in published.manifest.files if file.path == COSTS), None)
        focus = None
        if costs is not None:
            focus = FocusDataset.model_validate(
                {**more["focus"], "version": FOCUS_VERSION, "uri": published.uri_of(costs)},
            )
        return Costs(Comparison.model_validate(more["comparison"]), focus)


def _plain(document: DocumentFacts) -> dict[str, str]:
    amounts = {"total": f"{document.total:f}", "amendments": f"{document.amendments:f}"}
    return {"id": document.id, "currency": document.currency, **amounts}


def _month(dataset: Dataset, document: DocumentFacts | None, lines: Mapping[str, Published]) -> str:
    """The month of the bill: what the document says, else the last day of usage, else when the lines were made."""
    if dataset.unbilled is not None:
        return dataset.unbilled.month
    if document is not None and document.month is not None:
        return document.month
    dates = [
        str(each.manifest.range[name]) for each in lines.values() for name in each.manifest.range if name.endswith("To")
    ]
    return max(dates)[:7] if dates else f"{lines[USAGE].manifest.published_at:%Y-%m}"


def _rate(comparison: Any, currency: str) -> dict[str, str] | None:
    """What an earlier comparison says of the rate of hidden tax.

    None if it was not equal, if its lines showed tax, or if nothing was charged that could be taxed.
    """
    if not comparison or comparison["status"] in ("different", "incomplete", "not_compared"):
        return None
    for each in comparison["currencies"]:
        charged = Decimal(each["linesBeforeTax"]) > 0
        if each["currency"] == currency and each["lines"] == each["linesBeforeTax"] and charged:
            taxes = [explained["amount"] for explained in each["explained"] if explained["kind"] == "tax"]
            return {"beforeTax": each["linesBeforeTax"], "tax": taxes[0] if taxes else "0"}
    return None


def _input(kind: str, published: Published) -> dict[str, Any]:
    """A version that the comparison and the dataset were made from."""
    manifest = published.manifest
    return {
        "lines": kind,
        "version": manifest.version,
        "manifestSha256": published.manifest_sha256,
        "rows": manifest.rows,
    }
