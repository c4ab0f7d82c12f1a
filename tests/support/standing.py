"""Versions that stand at a destination, as an export would have published them."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from worker.files.layout import MANIFEST, POINTER, Dataset
from worker.files.manifest import Manifest, PublishedFile, Source, canonical


def stand(
    destination: Path, dataset: Dataset, version: str, files: Mapping[str, tuple[str, bytes]], **more: Any
) -> None:
    """Let a version stand: its files by their paths, each with its format and its bytes; `more` is in the manifest."""
    folder = destination / dataset.version_folder(version)
    published = []
    for path, (form, content) in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
        published.append(PublishedFile(path, form, 1, len(content), hashlib.sha256(content).hexdigest(), None))
    manifest = Manifest(
        dataset=dataset,
        version=version,
        supersedes=None,
        published_at=datetime(2026, 11, 8, 10, 31, tzinfo=UTC),
        worker="1",
        source=Source("azplan", None, None, None, None, "0" * 64),
        files=published,
        rows=0,
        more=more,
    ).to_bytes()
    (folder / MANIFEST).write_bytes(manifest)
    pointer = {"version": version, "manifestSha256": hashlib.sha256(manifest).hexdigest()}
    (folder.parent / POINTER).write_bytes(canonical(pointer))
