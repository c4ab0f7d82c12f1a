"""What must be true of the published files of a world: every version whole, and what Microsoft's books say."""

import gzip
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ops.simulator.simulator import Simulator
from worker.files.layout import STAGING


def broken_files(folder: Path, simulator: Simulator) -> Iterator[str]:
    """A sentence for each thing about the files below `folder` that breaks a promise. None where nothing was published.

    Every manifest has its files, byte for byte; every folder of a version has a manifest; every pointer leads to one;
    no version of a dataset has the content of another; the newest has the rows and the bytes that Microsoft has now.
    """
    contents = set[tuple[str, str]]()
    for path in sorted(folder.rglob("manifest.json")):
        if path.parent.parent.name.startswith("."):
            continue  # a version that comes into being
        manifest = json.loads(path.read_bytes())
        yield from _of_version(path, manifest)
        content = path.parent.parent.as_posix(), manifest["source"]["contentSha256"]
        if content in contents:
            yield f"two versions have one content: {path}"
        contents.add(content)
    for version in folder.rglob("version=*"):
        hidden = any(part.startswith(".") for part in version.relative_to(folder).parts)
        if version.is_dir() and not hidden and not (version / "manifest.json").is_file():
            yield f"a version has no manifest: {version}"
    for pointer in folder.rglob("latest.json"):
        yield from _of_pointer(pointer, simulator)


def staged(folder: Path) -> list[str]:
    """The folders below `folder` in which versions come into being, or did before their worker died."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob(f"{STAGING}*") if path.is_dir())


def _of_version(path: Path, manifest: dict[str, Any]) -> Iterator[str]:
    named = [file["path"] for file in manifest["files"]]
    there = [file.relative_to(path.parent).as_posix() for file in path.parent.rglob("*") if file.is_file()]
    if sorted([*named, "manifest.json"]) != sorted(there):
        yield f"the files are not those of the manifest: {path}: {sorted(there)} and {named}"
        return
    rows = Counter[str]()
    for file in manifest["files"]:
        content = (path.parent / file["path"]).read_bytes()
        if hashlib.sha256(content).hexdigest() != file["sha256"] or len(content) != file["bytes"]:
            yield f"a file is not that of the manifest: {path.parent / file['path']}"
        elif file["format"] in COUNTED:
            found = COUNTED[file["format"]](content)
            rows[file["format"]] += found
            if found != file["rows"]:
                yield f"the manifest says {file['rows']} rows of {path.parent / file['path']}, which has {found}"
    if any(found != manifest["rows"] for found in rows.values()):
        yield f"{path} says {manifest['rows']} rows, and has {dict(rows)}"


def _lines(content: bytes) -> int:
    return gzip.decompress(content).count(b"\n")


def _rows(content: bytes) -> int:
    found: int = pq.read_metadata(io.BytesIO(content)).num_rows
    return found


COUNTED = {"source": _lines, "parquet": _rows, "focus": _rows}
"""How many rows a file of each format has. All files of a format together have the rows of the version."""


def _of_pointer(pointer: Path, simulator: Simulator) -> Iterator[str]:
    latest = json.loads(pointer.read_bytes())
    path = pointer.parent / f"version={latest['version']}" / "manifest.json"
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != latest["manifestSha256"]:
        yield f"the pointer leads to no version: {pointer}"
        return
    manifest = json.loads(path.read_bytes())
    dataset = manifest["dataset"]
    if manifest["source"]["way"] != "graph" or dataset["invoiceId"] is None:
        return
    invoice = simulator.find_invoice(dataset["invoiceId"])
    if invoice.version > 1 or (dataset["lines"] != "reconciliation" and getattr(invoice, "usage_complete_after", 0.0)):
        return  # a version is of the data that Microsoft had
    books = simulator.figures(dataset["invoiceId"], lines=dataset["lines"], attributes=dataset["attributes"])
    said = [(blob["sha256"], blob["rows"]) for blob in manifest["source"]["blobs"]]
    if said != [(blob.sha256, blob.rows) for blob in books.blobs]:
        yield f"{path} is not what Microsoft has"
