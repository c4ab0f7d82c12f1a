"""The step that publishes a version of a dataset: the class `files`. It calls nobody and takes effect once.

The journal's row for (dataset, content) comes first, with the bytes of the manifest. Then come the parts, the manifest,
which is created and never overwritten, the pointer, and the row again. After a crash the next run goes on from the row:
what stands stays, and what is missing is written with the same bytes.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from worker.clock import instant
from worker.files.destination import Destination
from worker.files.errors import DestinationUnavailable, OtherVersion
from worker.files.layout import MANIFEST, Dataset, made_at
from worker.files.manifest import Manifest, stamp
from worker.journal.export_records import DatasetVersion, Export, VersionState
from worker.journal.journal import Journal
from worker.journal.records import SECOND, Step, StepState, Work
from worker.step_view import Result

EFFECT = "files"
"""The class of the step in the journal."""

Compose = Callable[[datetime, str | None], Manifest]
"""The manifest, from the instant of publishing and the version that it takes the place of."""


@dataclass(frozen=True, slots=True)
class Publication:
    """A version of a dataset, made of all parts of the export. `content_sha256`: what the version is known by."""

    export: Export
    version: str
    content_sha256: str
    manifest: Compose


async def lost(journal: Journal, work: Work, export: Export) -> DestinationUnavailable:
    """Forget the parts of an export of which one is not at the destination any more. The wait until the next run.

    That run makes the parts again. Somebody has removed files, or AZPLAN_FILES__URL names another place by now.
    """
    await journal.exports.drop_parts(work, export)
    return DestinationUnavailable("files that were ready are gone from the destination: they are made again")


class Publisher:
    """Publishes versions for one run of a command."""

    def __init__(self, files: Destination, journal: Journal, work: Work) -> None:
        self._files = files
        self._journal = journal
        self._work = work

    async def publish(self, name: str, new: Publication) -> Result:
        """Publish the version once, as the step `name`. What stands of this content already is the result.

        Raises `LaneLost`, `JournalUnavailable`, `OtherVersion`, `DestinationUnavailable` and `DestinationRefused`.
        """
        dataset = Dataset.parse(new.export.dataset)
        row, stood = await self._row(dataset, new)
        if not stood:
            await self._place(dataset, row, new.export)
        await self._files.point(dataset, row.version, row.manifest_sha256, made_at(new.version))
        result = self._result(dataset, row, already=row.state is VersionState.PUBLISHED or row.export != new.export.id)
        done = Step(name, EFFECT, StepState.APPLIED, attempts=1, result=result)
        await self._journal.exports.version_stands(self._work, row, done)
        self._work.steps[name] = done
        return result

    async def _row(self, dataset: Dataset, new: Publication) -> tuple[DatasetVersion, bool]:
        """The journal's row of this content, and whether the version stands at the destination."""
        row = await self._journal.exports.version(dataset.path, new.content_sha256)
        version = new.version if row is None else row.version
        present = await self._files.manifest_of(dataset, version)
        if present is None and row is not None and row.state is VersionState.PUBLISHED:
            row, version = None, new.version  # it was removed since: its name would say that its source is old
            present = await self._files.manifest_of(dataset, version)
        if present is not None:
            return await self._standing(dataset, new, row, present), True
        if row is None or row.manifest is None or row.export != new.export.id:
            row = await self._compose(dataset, replace(new, version=version))
            await self._journal.exports.begin_version(self._work, row)
        else:
            await self._journal.exports.insist(self._work)
        return row, False

    async def _standing(
        self, dataset: Dataset, new: Publication, row: DatasetVersion | None, present: bytes
    ) -> DatasetVersion:
        """The row of a version that stands. A journal without that row takes over a version of the same content."""
        sha256 = hashlib.sha256(present).hexdigest()
        if row is not None:
            if row.manifest_sha256 != sha256:
                raise OtherVersion(f"{self._files.uri(dataset.version_folder(row.version))}/{MANIFEST}")
            await self._journal.exports.insist(self._work)
            return row
        found = await self._files.published(dataset, new.version)
        if found is None or found.manifest.source.content_sha256 != new.content_sha256:
            raise OtherVersion(f"{self._files.uri(dataset.version_folder(new.version))}/{MANIFEST}")
        taken = DatasetVersion(
            dataset=dataset.path,
            content_sha256=new.content_sha256,
            version=new.version,
            state=VersionState.PUBLISHED,
            export=new.export.id,
            manifest=None,
            manifest_sha256=sha256,
            supersedes=found.manifest.supersedes,
            published_at=int(found.manifest.published_at.timestamp()) * SECOND,
        )
        await self._journal.exports.begin_version(self._work, taken)
        return taken

    async def _compose(self, dataset: Dataset, new: Publication) -> DatasetVersion:
        latest = await self._files.latest(dataset)
        before = None if latest is None or latest.version == new.version else latest.version
        published_at = self._journal.now() // SECOND * SECOND
        manifest = new.manifest(instant(published_at), before)
        content = replace(manifest, version=new.version).to_bytes()
        return DatasetVersion(
            dataset=dataset.path,
            content_sha256=new.content_sha256,
            version=new.version,
            state=VersionState.PUBLISHING,
            export=new.export.id,
            manifest=content.decode("ascii"),
            manifest_sha256=hashlib.sha256(content).hexdigest(),
            supersedes=before,
            published_at=published_at,
        )

    async def _place(self, dataset: Dataset, row: DatasetVersion, export: Export) -> None:
        """Bring parts and manifest to their place. The lane is looked at once more before the version appears."""
        parts = {part.staged: part.path for part in await self._journal.exports.parts(row.export)}
        try:
            await self._files.prepare(dataset, row.export, row.version, parts)
            await self._journal.exports.insist(self._work)
            await self._files.commit(dataset, row.export, row.version, (row.manifest or "").encode("ascii"))
        except FileNotFoundError as error:
            raise await lost(self._journal, self._work, export) from error

    def _result(self, dataset: Dataset, row: DatasetVersion, *, already: bool) -> Result:
        return {
            "version": row.version,
            "manifestSha256": row.manifest_sha256,
            "manifestUri": f"{self._files.uri(dataset.version_folder(row.version))}/{MANIFEST}",
            "supersedes": row.supersedes,
            "publishedAt": stamp(instant(row.published_at)),
            "already": already,
        }
