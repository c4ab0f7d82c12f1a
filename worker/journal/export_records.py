"""The values about exports and published versions that workers and the journal exchange."""

from dataclasses import dataclass
from enum import StrEnum

from worker.journal.records import Json, Micros


@dataclass(frozen=True, slots=True)
class Export:
    """What a command has asked Microsoft for, about one dataset: what a later run needs to go on.

    `dataset`: its path. `way`: where the lines come from. `location`: where the operation is asked for. `manifest`:
    what Microsoft said of the finished operation, without the signed address. `operations`, `source_changed`: counts.
    """

    id: str
    uid: str
    dataset: str
    way: str
    stage: str
    location: str | None = None
    operation_id: str | None = None
    etag: str | None = None
    manifest: Json = None
    operations: int = 0
    source_changed: int = 0
    details: Json = None
    begun_at: Micros = 0


@dataclass(frozen=True, slots=True)
class Part:
    """A file of an export that is durable at the destination.

    `path`: within the version. `staged`: where it lies until then, below the destination. `ordinal` and `name`: of the
    source part that it is, or was made from. `details`: what its maker wants to know of it later.
    """

    export: str
    path: str
    format: str
    rows: int
    bytes: int
    sha256: str
    staged: str
    ordinal: int | None = None
    name: str | None = None
    details: Json = None


class VersionState(StrEnum):
    """How far a version is."""

    PUBLISHING = "publishing"
    PUBLISHED = "published"


@dataclass(frozen=True, slots=True)
class DatasetVersion:
    """A version of a dataset, known by its content. `manifest`: its bytes as text, until the version is published.

    `export`: the export whose parts become the version.
    """

    dataset: str
    content_sha256: str
    version: str
    state: VersionState
    export: str
    manifest: str | None
    manifest_sha256: str
    supersedes: str | None
    published_at: Micros
