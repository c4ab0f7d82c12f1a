"""A version of exported lines: its manifest, made of the parts in the journal, and how the answer names it. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from events.messages.invoice_lines import DatasetFile, ExportedDataset, LineSource, LineTotal
from worker.exports.line_facts import Facts, merged
from worker.files.conversion.layout import Layout
from worker.files.destination import Published
from worker.files.layout import PARQUET, SOURCE, Dataset, content_sha256, version_name
from worker.files.lines import is_legacy
from worker.files.manifest import Blob, Manifest, PublishedFile, Source, stamp
from worker.journal.export_records import Part

MONTH_TURN = "month_turn"
"""The notice of a version whose usage is not of the month that it is filed under."""

FORMAT_NOT_WRITTEN = "format_not_written"
"""The notice of an answer whose version has no files in a format that the command asks for; the format behind it."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the lines of a version come from."""

    way: str
    created_at: datetime
    """When Microsoft made the data; when the reading ended, for pages."""
    operation_id: str | None = None
    e_tag: str | None = None
    schema_version: str | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """A version that is about to be published."""

    name: str
    content_sha256: str
    manifest: Callable[[datetime, str | None], Manifest]
    """Makes the manifest of the instant of publishing and of the version that was the latest before."""


def version_of(dataset: Dataset, origin: Origin, parts: Sequence[Part], worker: str) -> Version:
    """The version that consists of these parts. Its name follows from the source parts alone."""
    blobs = tuple(
        Blob(part.ordinal or 0, part.name or part.path, part.bytes, part.rows, part.sha256) for part in _sources(parts)
    )
    content = content_sha256((blob.ordinal, blob.sha256, blob.bytes) for blob in blobs)
    name = version_name(origin.created_at, content)
    facts = merged([Facts.of(part.rows, part.details or {}) for part in _sources(parts)])
    layout = layout_of(dataset.lines or dataset.collection, parts, facts)
    told = (*facts.notices, *layout.notices(), *([MONTH_TURN] if _month_turned(dataset, facts.range) else []))

    def manifest(published_at: datetime, supersedes: str | None) -> Manifest:
        return Manifest(
            dataset=dataset,
            version=name,
            supersedes=supersedes,
            published_at=published_at,
            worker=worker,
            source=Source(
                way=origin.way,
                operation_id=origin.operation_id,
                etag=origin.e_tag,
                schema_version=origin.schema_version,
                created_at=stamp(origin.created_at),
                content_sha256=content,
                blobs=blobs,
            ),
            files=_files(parts),
            rows=facts.rows,
            columns=layout.described(),
            totals=facts.totals,
            range=facts.range,
            notices=told,
        )

    return Version(name, content, manifest)


def answered(lines: str, published: Published, *, already: bool) -> ExportedDataset:
    """A published version as the answer names it. The event cuts long lists, and says so."""
    manifest, source = published.manifest, published.manifest.source
    return ExportedDataset(
        lines=lines,
        way=source.way,
        version=manifest.version,
        supersedes=manifest.supersedes,
        already_exported=already,
        source=LineSource(
            e_tag=source.etag,
            created_at=datetime.fromisoformat(source.created_at) if source.created_at else manifest.published_at,
            content_sha256=source.content_sha256,
            blobs=len(source.blobs),
            bytes=sum(blob.bytes for blob in source.blobs),
        ),
        rows=manifest.rows,
        manifest_uri=published.manifest_uri,
        manifest_sha256=published.manifest_sha256,
        files=tuple(_file(published, file) for file in manifest.files),
        totals=tuple(LineTotal.model_validate(each) for each in manifest.totals),
        notices=tuple(manifest.notices),
    )


def with_unwritten(told: ExportedDataset, formats: Set[str]) -> ExportedDataset:
    """The answer, with a notice where the version has lines and no Parquet parts, and these formats name them.

    A version never changes: the command that published it has decided about its formats. The files of the source are
    in every version, and a FOCUS dataset has versions of its own.
    """
    if PARQUET not in formats or not told.rows or any(file.format == PARQUET for file in told.files):
        return told
    return told.model_copy(update={"notices": (*told.notices, f"{FORMAT_NOT_WRITTEN}:{PARQUET}")})


def _month_turned(dataset: Dataset, dates: Mapping[str, str]) -> bool:
    """Whether usage of an unbilled month is of another month: the month turned while Microsoft was asked."""
    month = dataset.unbilled.month if dataset.unbilled else None
    used = [dates[name] for name in ("usageFrom", "usageTo") if name in dates]
    return month is not None and any(not date.startswith(month) for date in used)


def _sources(parts: Iterable[Part]) -> list[Part]:
    return sorted((part for part in parts if part.format == SOURCE), key=lambda part: part.ordinal or 0)


def _files(parts: Iterable[Part]) -> tuple[PublishedFile, ...]:
    files = (PublishedFile(part.path, part.format, part.rows, part.bytes, part.sha256, part.ordinal) for part in parts)
    return tuple(sorted(files, key=lambda file: file.path))


def layout_of(lines: str, parts: Iterable[Part], facts: Facts) -> Layout:
    """The columns of the Parquet parts; without such parts, the columns that the lines would have."""
    layout = Layout(lines, legacy=is_legacy(facts.columns, lines), wires=frozenset(facts.columns))
    for part in parts:
        if part.format == PARQUET:
            layout = layout.joined(Layout.of((part.details or {})["layout"]))
    return layout


def _file(published: Published, file: PublishedFile) -> DatasetFile:
    return DatasetFile(
        uri=published.uri_of(file),
        format=file.format,
        rows=file.rows,
        bytes=file.bytes,
        sha256=file.sha256,
    )
