"""The manifest of a version: what it holds, with a hash of every file. A version without a manifest is not there.

The bytes are canonical: the same members give the same bytes. Amounts are texts; a float is refused.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from worker.files.layout import Dataset, Unbilled, is_version

SCHEMA = "azplan.files.v1"
Json = Any


class UnreadableManifest(ValueError):
    """Bytes that are not a manifest of a schema that this azplan knows."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A part of the source, as it was received."""

    ordinal: int
    name: str
    bytes: int
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A file of a version. `path`: within the version's folder. `blob`: the ordinal of the source part behind it."""

    path: str
    format: str
    rows: int
    bytes: int
    sha256: str
    blob: int | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Where the lines come from. `etag` and `created_at` as Microsoft says them; None where it says none."""

    way: str
    operation_id: str | None
    etag: str | None
    schema_version: str | None
    created_at: str | None
    content_sha256: str
    blobs: Sequence[Blob] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that is known of a version. `more`: further members, by their names."""

    dataset: Dataset
    version: str
    supersedes: str | None
    published_at: datetime
    worker: str
    source: Source
    files: Sequence[PublishedFile]
    rows: int
    columns: Sequence[Mapping[str, Json]] = ()
    totals: Sequence[Mapping[str, Json]] = ()
    range: Mapping[str, Json] = field(default_factory=dict)
    notices: Sequence[str] = ()
    more: Mapping[str, Json] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The canonical JSON. Raises TypeError for a float or another value that JSON cannot hold exactly."""
        source = self.source
        members = {
            **self.more,
            "schema": SCHEMA,
            "dataset": _dataset(self.dataset),
            "version": self.version,
            "supersedes": self.supersedes,
            "publishedAt": stamp(self.published_at),
            "worker": self.worker,
            "source": {
                "way": source.way,
                "operationId": source.operation_id,
                "eTag": source.etag,
                "schemaVersion": source.schema_version,
                "createdAt": source.created_at,
                "contentSha256": source.content_sha256,
                "blobs": [asdict(blob) for blob in source.blobs],
            },
            "files": [asdict(file) for file in self.files],
            "rows": self.rows,
            "columns": [dict(each) for each in self.columns],
            "totals": [dict(each) for each in self.totals],
            "range": dict(self.range),
            "notices": list(self.notices),
        }
        return canonical(members)

    @staticmethod
    def from_bytes(content: bytes) -> "Manifest":
        """The manifest in these bytes. Raises `UnreadableManifest`."""
        try:
            found = json.loads(content, parse_float=str)
            if found["schema"] != SCHEMA:
                raise UnreadableManifest(f"its schema is {found['schema']!r}, and this azplan knows {SCHEMA}")
            return _manifest(found)
        except UnreadableManifest:
            raise
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UnreadableManifest(f"it is not a manifest: {type(error).__name__}") from error


def canonical(value: Json) -> bytes:
    """JSON with sorted keys, without spaces, in ASCII. Raises TypeError for a float: it may have lost digits."""
    _refuse_floats(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def stamp(instant: datetime) -> str:
    """An instant in UTC to the second: `2026-11-08T10:31:07Z`."""
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _refuse_floats(value: Json) -> None:
    if isinstance(value, float):
        raise TypeError(f"{value!r} is a float: an amount is a text")
    if isinstance(value, Mapping):
        for each in value.values():
            _refuse_floats(each)
    elif isinstance(value, list | tuple):
        for each in value:
            _refuse_floats(each)


def _dataset(dataset: Dataset) -> dict[str, Json]:
    kind, _, value = dataset.collection.partition("=")
    unbilled = dataset.unbilled
    return {
        "partner": dataset.partner,
        kind: value,
        "invoiceId": dataset.invoice_id,
        "unbilled": None if unbilled is None else {"month": unbilled.month, "currency": unbilled.currency},
        "attributes": dataset.attributes,
    }


KNOWN = ("schema", "dataset", "version", "supersedes", "publishedAt", "worker", "source", "files", "rows")
OPTIONAL = ("columns", "totals", "range", "notices")


def _manifest(found: Mapping[str, Json]) -> Manifest:
    of, source = found["dataset"], found["source"]
    kind = next(name for name in of if name not in ("partner", "invoiceId", "unbilled", "attributes"))
    unbilled = of["unbilled"]
    return Manifest(
        dataset=Dataset(
            of["partner"],
            f"{kind}={of[kind]}",
            invoice_id=of["invoiceId"],
            unbilled=None if unbilled is None else Unbilled(unbilled["month"], unbilled["currency"]),
            attributes=of["attributes"],
        ),
        version=found["version"],
        supersedes=found["supersedes"],
        published_at=datetime.fromisoformat(found["publishedAt"]),
        worker=found["worker"],
        source=Source(
            way=source["way"],
            operation_id=source["operationId"],
            etag=source["eTag"],
            schema_version=source["schemaVersion"],
            created_at=source["createdAt"],
            content_sha256=source["contentSha256"],
            blobs=tuple(Blob(**_known(Blob, each)) for each in source["blobs"]),
        ),
        files=tuple(PublishedFile(**_known(PublishedFile, each)) for each in found["files"]),
        rows=found["rows"],
        columns=tuple(found.get("columns", ())),
        totals=tuple(found.get("totals", ())),
        range=found.get("range", {}),
        notices=tuple(found.get("notices", ())),
        more={name: value for name, value in found.items() if name not in (*KNOWN, *OPTIONAL)},
    )


def _known(kind: type[Any], members: Mapping[str, Json]) -> dict[str, Json]:
    """The members that this azplan knows: a newer one may have added others."""
    return {each.name: members[each.name] for each in fields(kind) if each.name in members}


def pointed(content: bytes) -> dict[str, Any] | None:
    """What a pointer says. None for anything that is no pointer."""
    try:
        found = json.loads(content)
        ok = is_version(found["version"]) and isinstance(found["manifestSha256"], str)
    except (ValueError, KeyError, TypeError):
        return None
    return found if ok else None
