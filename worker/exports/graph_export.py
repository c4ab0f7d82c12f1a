"""One export of Microsoft Graph in one run: what the decisions say, done.

Each answer is durable before it is used: the address of the operation, the manifest without its signature, one row for
each part. The signature (SAS) lives as long as the run.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from events.codes import FailedCode, WaitingReason
from events.messages.invoice_lines import ExportedDataset
from worker import metrics
from worker.clock import duration_micros, instant, micros
from worker.errors import Failed
from worker.exports.blobs import BlobDownload, Downloaded, Unreadable
from worker.exports.datasets import AskedDataset
from worker.exports.decisions import (
    Action,
    Already,
    Ask,
    Download,
    Drop,
    GiveUp,
    Later,
    Look,
    Publish,
    Seen,
    after_look,
    asked,
    begins,
    unreadable,
)
from worker.exports.parquet_parts import PartUnreadable
from worker.exports.progress import tell
from worker.exports.publishing import already_there, publish
from worker.exports.standing import Limits, Standing
from worker.exports.version import Origin
from worker.files.layout import PARQUET, SOURCE
from worker.handling import Context, facts
from worker.journal.export_records import Export, Part
from worker.journal.records import SECOND, Micros
from worker.partner_center.errors import GateClosed, Gone, HostRefused, SignatureRefused
from worker.partner_center.resources import billing_exports
from worker.partner_center.resources.billing_manifests import Manifest
from worker.spending.export_answers import about_operation, answer_of, identity_of, operation_in

WAY = "graph"
NO_ROOM = 5.0
"""Seconds until an export that found all places taken looks again."""
STORY = "story"
"""The name, in the details of the row, of the story that has written them."""
MOST_SIGNATURES = 2
"""Signatures in a row that storage may refuse before the run ends."""
MOST_REFUSED = 3
"""Runs in a row that end so, before the export fails."""


@dataclass(slots=True)
class GraphExport:
    """The export of one dataset, in one run of its command."""

    ctx: Context
    asked: AskedDataset
    limits: Limits
    until: float
    """The loop's time after which this run begins no more blob."""
    export: Export
    parts: dict[int, Part]
    standing: Standing
    manifest: Manifest | None = None
    """What this run has read of the operation, with its signature."""
    signatures: int = 0
    """Signatures of this run that storage refused, one after another."""

    @classmethod
    async def of(cls, ctx: Context, asked: AskedDataset, limits: Limits, until: float) -> "GraphExport":
        """The export as the journal knows it."""
        export = await ctx.files.export(asked.dataset, WAY)
        parts = {part.ordinal or 0: part for part in await ctx.files.parts(export) if part.format == SOURCE}
        details = export.details or {}
        standing = Standing.of(details, location=export.location, changed=export.source_changed, parts=frozenset(parts))
        if details.get(STORY, ctx.redrive) != ctx.redrive:
            standing = standing.redriven()
        return cls(ctx, asked, limits, until, export, parts, standing)

    @property
    def asks_microsoft(self) -> bool:
        """Whether a run begins with a request for an export."""
        return isinstance(begins(self.standing, self._now()), Ask)

    async def advance(self) -> ExportedDataset | Later:
        """Do what can be done now: the published dataset, or until when to wait.

        Raises `Failed` where the export fails, `CallError` for a call that has to be made again, and what the journal
        and the destination raise.
        """
        action: ExportedDataset | Action = begins(self.standing, self._now())
        while not isinstance(action, ExportedDataset):
            match action:
                case Ask():
                    action = await self._ask()
                case Look():
                    action = await self._look()
                case Drop():
                    await self._drop_parts()
                    action = Download(tuple(self.standing.missing)) if self.standing.missing else Publish()
                case Download(ordinals):
                    action = await self._download(ordinals)
                case Publish():
                    action = await self._publish()
                case Already():
                    action = await self._already()
                case GiveUp(code, detail, answer):
                    raise Failed(code, detail, partner_center=answer, ended=True)
                case Later():
                    self._tell("preparing")
                    return action
        return action

    async def _ask(self) -> Action:
        center = self.ctx.center.within(f"export {self.asked.lines}")
        begun = await billing_exports.begin(center, self.asked.wanted)
        self.standing = asked(self.standing, begun.location, self._now(), self.limits, begun.retry_after)
        await self._save(location=begun.location, operations=self.export.operations + 1)
        return begins(self.standing, self._now())

    async def _look(self) -> Action:
        seen = await self._seen()
        if seen.status == "succeeded" and self.standing.source is None:
            prepared = (self._now() - self.standing.asked_at) / SECOND
            metrics.EXPORT_DURATION.labels(self.asked.lines, "preparing").observe(prepared)
        published = await self._published()
        self.standing, action = after_look(self.standing, seen, self._now(), self.limits, published=published)
        await self._save(location=self.standing.location, source_changed=self.standing.changed)
        return action

    async def _seen(self) -> Seen:
        try:
            found = await billing_exports.look(self.ctx.center, self.standing.location or "")
        except Gone as no:
            return Seen("gone", answer=about_operation(facts(no), operation_in(self.standing.location)))
        answer = answer_of(found, self.standing.location)
        if found.manifest is None:
            return Seen(found.status, found.retry_after, found.error_code, found.error_message, answer=answer)
        self.manifest = found.manifest
        self.export = replace(
            self.export,
            operation_id=found.id,
            etag=found.manifest.e_tag,
            manifest=without_signature(found.manifest, self._now()),
        )
        blobs, counted = len(found.manifest.blobs), found.manifest.blob_count
        return Seen(
            "succeeded",
            source=identity_of(found.manifest),
            blobs=blobs,
            counted=None if counted is None else int(counted),
            answer=answer,
        )

    async def _published(self) -> str | None:
        """The state of the data of the latest version, where an equal one counts as the same data."""
        if not self.ctx.files.options.trust_etag:
            return None
        latest = await self.ctx.files.latest(self.asked.dataset)
        return latest.manifest.source.etag if latest is not None else None

    async def _download(self, ordinals: tuple[int, ...]) -> Action:
        if self.manifest is None:
            return Look()
        with self.ctx.files.slot() as place:
            if not place:
                return self._later(NO_ROOM, "other exports of this worker are at work")
            self._tell("downloading")
            with self.ctx.files.scratch() as scratch:
                parquet = PARQUET in self.asked.formats
                download = BlobDownload(
                    self.ctx, self.export, self.manifest, self.asked.lines, scratch, becomes_parquet=parquet
                )
                done = await download.run(ordinals, self.until, self._stored)
        self.standing = replace(self.standing, parts=frozenset(self.parts))
        return await self._after_download(done)

    async def _after_download(self, done: Downloaded) -> Action:
        if done.parts:
            self.signatures = 0
            self.ctx.known.pop(self._refused, None)
        if done.unreadable:
            return await self._again(done.unreadable)
        match done.error:
            case None:
                pass
            case GateClosed():
                raise done.error
            case HostRefused():
                return GiveUp(FailedCode.SOURCE_UNREADABLE, str(done.error), facts(done.error))
            case SignatureRefused():
                return self._refused_again(done.error)
            case error if done.parts:
                # The command has come further: the failure uses up no attempt.
                return self._later(self.ctx.policy.retry_first, str(error), WaitingReason.RETRY)
            case error:
                raise error
        return self._later(0.0, "azplan is downloading the export") if self.standing.missing else Publish()

    async def _again(self, broken: Sequence[Unreadable]) -> Action:
        """Download these blobs once more, or give up."""
        for each in broken:
            self.standing, action = unreadable(self.standing, each.ordinal, each.told, each.answer)
            if isinstance(action, GiveUp):
                return action
        await self._save()
        return Ask() if self.standing.location is None else Look()

    @property
    def _refused(self) -> str:
        """The name in `Context.known` of the number of runs that storage refused."""
        return f"signatures refused {self.asked.lines}"

    def _refused_again(self, error: SignatureRefused) -> Action:
        """Get a fresh signature; after some, end the run; after some runs, fail the export."""
        if self.signatures < MOST_SIGNATURES:
            self.signatures += 1
            return Look()
        runs = self.ctx.known[self._refused] = int(self.ctx.known.get(self._refused, 0)) + 1
        if runs < MOST_REFUSED:
            raise error
        times = MOST_REFUSED * (MOST_SIGNATURES + 1)
        why = f"storage refused {times} signatures in a row, each one fresh from Microsoft"
        return GiveUp(FailedCode.EXPORT_FAILED, f"{why}: {error}", facts(error))

    def _stored(self, part: Part) -> None:
        self.parts[part.ordinal or 0] = part
        self._tell("downloading")

    async def _publish(self) -> ExportedDataset | Action:
        try:
            return await publish(self.ctx, self.asked, self.export, list(self.parts.values()), self._origin())
        except PartUnreadable as error:
            await self._drop_parts()
            self.standing = replace(self.standing, parts=frozenset())
            return await self._again([error.broken])

    async def _drop_parts(self) -> None:
        await self.ctx.files.drop_parts(self.export)
        self.parts.clear()

    async def _already(self) -> ExportedDataset:
        latest = await self.ctx.files.latest(self.asked.dataset)
        if latest is None:
            raise Failed(FailedCode.FILES_UNAVAILABLE, "the latest version was removed while azplan looked at it")
        return already_there(self.ctx, self.asked, latest)

    def _origin(self) -> Origin:
        return Origin(
            WAY,
            instant(self.export.manifest["createdAt"]),
            operation_id=self.export.operation_id,
            e_tag=self.export.etag,
            schema_version=self.export.manifest["schemaVersion"],
        )

    def _tell(self, stage: str) -> None:
        blobs, operation = self.standing.blobs, self.export.operation_id
        tell(self.ctx, self.asked.lines, stage, self.parts.values(), blobs=blobs, operation_id=operation)

    async def _save(self, **changed: Any) -> None:
        """Make the standing durable, with what this run has read of the operation."""
        details = {**(self.export.details or {}), **self.standing.to_json(), STORY: self.ctx.redrive}
        self.export = await self.ctx.files.update(
            self.export,
            details=details,
            operation_id=self.export.operation_id,
            etag=self.export.etag,
            manifest=self.export.manifest,
            **changed,
        )

    def _later(self, seconds: float, detail: str, reason: WaitingReason = WaitingReason.EXPORT_PREPARING) -> Later:
        return Later(self._now() + duration_micros(seconds), reason, detail)

    def _now(self) -> Micros:
        return self.ctx.instant()


def without_signature(manifest: Manifest, seen_at: Micros) -> dict[str, Any]:
    """What the journal keeps of a manifest. The signature is a secret, and nothing of it is kept."""
    made = manifest.created_date_time
    return {
        "id": manifest.id,
        "createdAt": micros(made) if made else seen_at,
        "schemaVersion": manifest.schema_version,
        "blobs": [blob.name for blob in manifest.blobs],
    }
