"""Datasets, versions and files for people, and as JSON for programs."""

import json
from collections.abc import Sequence
from typing import Any

from events.wire.text import counted
from worker.cli.output.console import say, show
from worker.cli.output.tables import show_table
from worker.files.destination import Published
from worker.files.manifest import stamp
from worker.files.verification import Verified
from worker.operators.files import Listed, Removal

Facts = dict[str, Any]
UNITS = ("B", "kB", "MB", "GB", "TB")


def size(number: int) -> str:
    """Bytes in a unit that makes them short: `1.8 MB`."""
    scaled, unit = float(number), 0
    while scaled >= 1000 and unit < len(UNITS) - 1:
        scaled, unit = scaled / 1000, unit + 1
    return f"{scaled:.1f} {UNITS[unit]}" if unit else f"{number} B"


def show_datasets(found: Sequence[Listed]) -> None:
    """A table of datasets, each with its newest version."""
    rows = []
    for each in found:
        latest = each.latest
        rows.append(
            (
                each.files.dataset.path,
                latest.version if latest else "under way" if each.files.staging else "none",
                grouped(latest.manifest.rows) if latest else "",
                size(sum(file.bytes for file in latest.manifest.files)) if latest else "",
                formats(latest) if latest else "",
                str(len(each.files.standing)),
            )
        )
    show_table(("dataset", "newest version", "rows", "size", "formats", "versions"), rows)


def show_dataset(listed: Listed, versions: Sequence[Published]) -> None:
    """One dataset: its versions, then the newest of them in full."""
    latest = listed.latest
    named = latest.version if latest else None
    show_table(
        ("version", "published", "rows", "size", ""),
        [
            (
                each.version,
                stamp(each.manifest.published_at),
                grouped(each.manifest.rows),
                size(sum(file.bytes for file in each.manifest.files)),
                "newest" if each.version == named else "",
            )
            for each in versions
        ],
    )
    for folder in listed.files.staging:
        say(f"Under way: {folder}")
    if latest is None:
        return
    manifest, source = latest.manifest, latest.manifest.source
    show()
    show(f"manifest   {latest.manifest_uri}")
    show(
        f"source     {source.way}, {counted(len(source.blobs), 'blob')}, of {source.created_at or 'an unknown instant'}"
    )
    show(f"content    {source.content_sha256}")
    for notice in manifest.notices:
        show(f"notice     {notice}")
    show()
    files = [(each.path, grouped(each.rows), size(each.bytes), each.sha256[:12]) for each in manifest.files]
    show_table(("file", "rows", "size", "sha256"), files)
    if manifest.totals:
        show()
        columns = list(dict.fromkeys(name for total in manifest.totals for name in total))
        show_table(columns, [[str(total.get(name, "")) for name in columns] for total in manifest.totals])


def show_verified(found: Sequence[Verified]) -> None:
    """A table of versions and what was found of each, then each file with a problem."""
    rows = [
        (each.dataset, each.version or "", str(each.files), size(each.bytes), "failed" if each.problems else "ok")
        for each in found
    ]
    show_table(("dataset", "version", "files", "size", "result"), rows)
    for each in found:
        for problem in each.problems:
            say(f"{_named(each)}: {problem.path} {problem.problem.replace('_', ' ')}", style="red")
        for notice in each.notices:
            say(f"{_named(each)}: {notice}")


def _named(found: Verified) -> str:
    return f"{found.dataset} {found.version}" if found.version else found.dataset


def say_plan(planned: Sequence[Removal]) -> None:
    """What a pruning would remove, on standard error."""
    for each in planned:
        for version in each.versions:
            say(f"{each.dataset.path} version {version}")
        for folder in each.leftovers:
            say(f"{folder} (left by an export that is over)")
    say(removed(planned, "To be removed:"))


def removed(planned: Sequence[Removal], word: str) -> str:
    """How much of what, in one sentence."""
    versions = counted(sum(len(each.versions) for each in planned), "version")
    leftovers = counted(sum(len(each.leftovers) for each in planned), "folder")
    return f"{word} {versions} and {leftovers} without a version, {size(sum(each.bytes for each in planned))}."


def dataset_facts(listed: Listed) -> Facts:
    """A dataset of the list."""
    dataset, latest = listed.files.dataset, listed.latest
    unbilled = dataset.unbilled
    kind, _, value = dataset.collection.partition("=")
    return {
        "dataset": dataset.path,
        "partner": dataset.partner,
        kind: value,
        "invoiceId": dataset.invoice_id,
        "unbilled": {"month": unbilled.month, "currency": unbilled.currency} if unbilled else None,
        "attributes": dataset.attributes,
        "latest": version_facts(latest) if latest else None,
        "versions": listed.files.standing,
        "underWay": sorted(listed.files.staging),
    }


def version_facts(version: Published) -> Facts:
    """A version."""
    manifest = version.manifest
    return {
        "version": version.version,
        "publishedAt": stamp(manifest.published_at),
        "supersedes": manifest.supersedes,
        "rows": manifest.rows,
        "bytes": sum(file.bytes for file in manifest.files),
        "formats": list(dict.fromkeys(file.format for file in manifest.files)),
        "manifestUri": version.manifest_uri,
        "manifestSha256": version.manifest_sha256,
    }


def versions_facts(listed: Listed, versions: Sequence[Published]) -> Facts:
    """A dataset with all of its versions, and the newest manifest."""
    latest = listed.latest
    manifest = json.loads(latest.manifest.to_bytes()) if latest else None
    return {**dataset_facts(listed), "versions": [version_facts(each) for each in versions], "manifest": manifest}


def verified_facts(found: Verified) -> Facts:
    """What was found of a version."""
    return {
        "dataset": found.dataset,
        "version": found.version,
        "ok": not found.problems,
        "files": found.files,
        "bytes": found.bytes,
        "problems": [{"path": each.path, "problem": each.problem} for each in found.problems],
        "notices": found.notices,
    }


def removal_facts(removal: Removal) -> Facts:
    """What was removed of a dataset."""
    return {
        "dataset": removal.dataset.path,
        "versions": list(removal.versions),
        "leftovers": list(removal.leftovers),
        "bytes": removal.bytes,
    }


def formats(version: Published) -> str:
    """The formats of a version's files."""
    return ",".join(dict.fromkeys(file.format for file in version.manifest.files))


def grouped(number: int) -> str:
    """A whole number with spaces between thousands: `1 000 204`."""
    return f"{number:,}".replace(",", " ")
