"""What is at a destination: datasets with their versions, and single files, read from the names of the files."""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field

from worker.files.destination import Destination
from worker.files.layout import MANIFEST, ROOT, STAGING, VERSION, Dataset, UnsafeName, digits_of, is_version, safe_name
from worker.files.store import Entry


@dataclass(frozen=True, slots=True)
class VersionFiles:
    """The files of a version: the path of each within the version's folder, with its bytes."""

    name: str
    files: Mapping[str, int]

    @property
    def stands(self) -> bool:
        """Whether the version has a manifest. Without one it is not there."""
        return MANIFEST in self.files

    @property
    def bytes(self) -> int:
        """Bytes of all files."""
        return sum(self.files.values())


@dataclass(slots=True)
class DatasetFiles:
    """A dataset: its versions by their names, and the bytes of each folder in which a version comes into being."""

    dataset: Dataset
    versions: dict[str, VersionFiles] = field(default_factory=dict)
    staging: dict[str, int] = field(default_factory=dict)

    @property
    def standing(self) -> list[str]:
        """The names of the versions that stand, the newest first."""
        return sorted((name for name, version in self.versions.items() if version.stands), reverse=True)

    def excess(self, keep: int, *never: str | None) -> list[str]:
        """The versions of an unbilled month that are more than `keep`, the oldest first. `never`: such as the latest.

        What a removal that was interrupted has left of a version counts too, if a newer version stands: what is newer
        than all of them comes into being. Versions of an invoice are all kept.
        """
        if self.dataset.unbilled is None:
            return []
        kept = {*self.standing[:keep], *never}
        newest = max(self.standing, default="")
        return sorted(name for name in self.versions if name not in kept and name <= newest)


@dataclass(frozen=True, slots=True)
class Documents:
    """The single files of a folder below `v1`, by their names, with their bytes: statements, or records of usage."""

    folder: str
    files: Mapping[str, int]

    def belongs_to(self, partner: str) -> bool:
        """Whether this partner account has fetched them."""
        return self.folder.startswith(f"partner={partner}/")


async def datasets(destination: Destination, dataset: Dataset | None = None) -> list[DatasetFiles]:
    """All datasets of a destination in the order of their paths, or this one if it is there."""
    folder = ROOT if dataset is None else dataset.folder
    found = await _collect(destination.store.entries(folder))
    return [found[path] for path in sorted(found) if dataset is None or path == dataset.path]


async def unbilled_months(destination: Destination, partner: str, collection: str) -> list[Dataset]:
    """The unbilled months of a partner's collection, such as `lines=usage`, that have a version."""
    found = await _collect(destination.store.entries(f"{ROOT}/partner={safe_name(partner)}/{collection}/unbilled"))
    return [found[path].dataset for path in sorted(found) if found[path].standing]


async def documents(destination: Destination) -> list[Documents]:
    """All single files of a destination, by their folders in the order of the paths."""
    found: dict[str, dict[str, int]] = {}
    async for entry in destination.store.entries(ROOT):
        folder, _, name = entry.path.removeprefix(f"{ROOT}/").rpartition("/")
        if digits_of(f"{folder}/{name}") is not None:
            found.setdefault(folder, {})[name] = entry.bytes
    return [Documents(folder, found[folder]) for folder in sorted(found)]


async def trim(destination: Destination, dataset: Dataset, answered: str) -> list[str]:
    """Remove versions of an unbilled month that are more than the settings keep. The names of the removed ones.

    `answered`: the version that a command is about to answer. Its source may be older than all the others.
    """
    gone = []
    for found in await datasets(destination, dataset):
        latest = await destination.latest(dataset)
        for version in found.excess(destination.options.keep_unbilled, answered, latest.version if latest else None):
            await destination.remove(dataset, version)
            gone.append(version)
    return gone


async def _collect(entries: AsyncIterator[Entry]) -> dict[str, DatasetFiles]:
    found: dict[str, DatasetFiles] = {}
    files: dict[tuple[str, str], dict[str, int]] = {}
    async for entry in entries:
        path, rest = _split(entry.path.removeprefix(f"{ROOT}/").split("/"))
        dataset = _dataset(path)
        if dataset is None or not rest:
            continue
        known = found.setdefault(path, DatasetFiles(dataset))
        name = rest[0].removeprefix(VERSION)
        if rest[0].startswith(STAGING):
            folder = f"{dataset.folder}/{rest[0]}"
            known.staging[folder] = known.staging.get(folder, 0) + entry.bytes
        elif is_version(name) and rest[0].startswith(VERSION):
            files.setdefault((path, name), {})["/".join(rest[1:])] = entry.bytes
    for (path, name), inside in files.items():
        found[path].versions[name] = VersionFiles(name, inside)
    return found


def _split(parts: list[str]) -> tuple[str, list[str]]:
    """The path of the dataset, and what lies in it: from the version's folder, or that of a staged export, on."""
    place = next((at for at, part in enumerate(parts) if part.startswith((VERSION, STAGING))), len(parts))
    return "/".join(parts[:place]), parts[place:]


def _dataset(path: str) -> Dataset | None:
    try:
        return Dataset.parse(path)
    except (UnsafeName, ValueError):
        return None


def chosen(
    found: Iterable[DatasetFiles], *, partner: str | None, invoice: str | None, lines: str | None
) -> list[DatasetFiles]:
    """The datasets of this partner account, invoice and kind of lines; None matches any."""
    return [
        each
        for each in found
        if partner in (None, each.dataset.partner)
        and invoice in (None, each.dataset.invoice_id)
        and (lines is None or each.dataset.lines == lines)
    ]
