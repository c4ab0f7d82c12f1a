"""The files of exports: listed, shown, verified, and pruned. All but the pruning needs nothing but the files."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from worker.files.catalog import DatasetFiles, Documents, chosen, datasets, documents
from worker.files.destination import Destination, Published
from worker.files.layout import ROOT, Dataset, UnsafeName
from worker.files.store import look_up_each
from worker.files.verification import Verified, verify, verify_documents
from worker.journal.operator_journal import OperatorJournal
from worker.operators.errors import InvalidRequest, NothingFound
from worker.operators.selection import partner_name
from worker.operators.who_and_why import Signature

NOTHING_YET: Final = (
    "`azplan invoices export ID` exports the lines of an invoice. If that was done, AZPLAN_FILES__URL names another "
    "place here than for the worker: a folder such as file:azplan-files begins where the program was started."
)


@dataclass(frozen=True, slots=True)
class Which:
    """Which datasets a person means; None matches any. `dataset` is a path below `v1/`, also with `v1/` before it."""

    partner: str | None = None
    invoice: str | None = None
    lines: str | None = None
    dataset: str | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A dataset with the version at which its pointer points; None if there is none."""

    files: DatasetFiles
    latest: Published | None


@dataclass(frozen=True, slots=True)
class Removal:
    """What a pruning would remove of one dataset: versions, and folders of files that belong to no version."""

    dataset: Dataset
    versions: Sequence[str]
    leftovers: Sequence[str]
    bytes: int


async def found(destination: Destination, which: Which) -> list[Listed]:
    """The datasets that a person means. Raises `InvalidRequest` for a path that is none, and `NothingFound`."""
    one = None if which.dataset is None else dataset_of(which.dataset)
    partner = None if which.partner is None else partner_name(which.partner)
    there = [each for each in await datasets(destination, one) if each.standing or each.staging]
    meant = chosen(there, partner=partner, invoice=which.invoice, lines=which.lines)
    where = destination.uri(ROOT)
    if not meant and which == Which():
        raise NothingFound(f"nothing was exported to {where} yet.", NOTHING_YET)
    if not meant:
        raise NothingFound(f"no dataset matches at {where}.", "`azplan files` lists all of them.")

    async def look(files: DatasetFiles) -> Listed:
        return Listed(files, await destination.latest(files.dataset))

    return await look_up_each(look, meant)


def dataset_of(path: str) -> Dataset:
    """The dataset of a path. Raises `InvalidRequest`."""
    try:
        return Dataset.parse(path.strip("/").removeprefix(f"{ROOT}/"))
    except (UnsafeName, ValueError) as error:
        raise InvalidRequest(
            f"{error}.", "A dataset is named by its path below v1/, as `azplan files` shows it."
        ) from error


async def versions_of(destination: Destination, listed: Listed, *, every: bool) -> list[Published]:
    """The latest version of a dataset that stands, or every one, the newest first."""
    names = listed.files.standing
    if not every:
        names = [listed.latest.version] if listed.latest else names[:1]
    read = [await destination.published(listed.files.dataset, name) for name in names]
    return [each for each in read if each is not None]


async def to_verify(destination: Destination, which: Which, *, every: bool) -> list[Published | Documents]:
    """The versions that a person means, the newest or `every` one, and single files where no dataset is named.

    Raises as `found` does, and not `NothingFound` where there are single files.
    """
    partner = None if which.partner is None else partner_name(which.partner)
    singles = [] if which.dataset else await documents(destination)
    single = [each for each in singles if partner is None or each.belongs_to(partner)]
    try:
        listed = await found(destination, which)
    except NothingFound:
        if not single:
            raise
        listed = []
    versions = [each for one in listed for each in await versions_of(destination, one, every=every)]
    return [*versions, *single]


def bytes_of(meant: Sequence[Published | Documents]) -> int:
    """How many bytes a verification of these will read."""
    return sum(
        sum(each.files.values() if isinstance(each, Documents) else (file.bytes for file in each.manifest.files))
        for each in meant
    )


async def verified(
    destination: Destination, meant: Sequence[Published | Documents], read: Callable[[int], None]
) -> AsyncIterator[Verified]:
    """Each of them with what is wrong with it, as soon as it is read. `read` is told of bytes that were read."""
    for each in meant:
        if isinstance(each, Documents):
            yield await verify_documents(destination, each, read)
        else:
            yield await verify(destination, each, read)


async def plan_prune(destination: Destination, journal: OperatorJournal, partner: str | None) -> list[Removal]:
    """What can go: versions of unbilled months that are more than are kept, and leftovers. Changes nothing.

    A dataset that a command works on is left out whole, and the latest version always stays. Raises `NothingFound`.
    """
    held = await journal.datasets.held()
    partner = None if partner is None else partner_name(partner)
    planned: list[Removal] = []
    for files in chosen(await datasets(destination), partner=partner, invoice=None, lines=None):
        if files.dataset.path in held:
            continue
        latest = await destination.latest(files.dataset)
        gone = files.excess(destination.options.keep_unbilled, latest.version if latest else None)
        size = sum(files.versions[name].bytes for name in gone) + sum(files.staging.values())
        if gone or files.staging:
            planned.append(Removal(files.dataset, gone, sorted(files.staging), size))
    if not planned:
        raise NothingFound("nothing is to be removed.")
    return planned


async def prune(
    destination: Destination, journal: OperatorJournal, signature: Signature, planned: Sequence[Removal]
) -> list[Removal]:
    """Remove what was planned, each version's manifest first; what was removed. Keeps what is under way by now."""
    done = []
    for each in planned:
        latest = await destination.latest(each.dataset)
        if each.dataset.path in await journal.datasets.held() or (latest and latest.version in each.versions):
            continue
        for version in each.versions:
            await destination.remove(each.dataset, version)
        for folder in each.leftovers:
            await destination.store.delete_folder(folder)
        await journal.datasets.forget(signature.who, signature.why, {each.dataset.path: each.versions})
        done.append(each)
    return done
