"""The paths of datasets, versions and parts: Hive names, which DuckDB, Spark and Fabric read as they are.

A path holds only letters and digits of ASCII and `.`, `_`, `=`, `-`. Names with a leading dot are azplan's own: files
under way, which no reader looks at.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

ROOT = "v1"
"""The folder of everything that azplan publishes."""
MANIFEST = "manifest.json"
POINTER = "latest.json"
STAGING = ".tmp-"
"""How the names of folders begin in which a version comes into being."""
VERSION = "version="
STATEMENTS, USAGE_RECORDS = "statements", "usage-records"
"""The folders of an account's single files, which are no versions: the name of each has digits of its SHA-256."""
DIGITS = 12
"""So many digits of a SHA-256 stand in names."""
LONGEST_NAME = 128
SOURCE, PARQUET = "source", "parquet"
"""Formats of parts: Microsoft's own bytes, and typed columns."""
FOCUS_VERSION: Final = "1.2"
"""The version of FOCUS that azplan writes."""
WITH_FOCUS, COMPARED = f"focus={FOCUS_VERSION}", "comparison=1"
"""The collections of datasets with a FOCUS file, and of those with a comparison only."""
GROUPS = "groups.jsonl.gz"
"""The file of a comparison with its sums by group."""
_NAME = re.compile(r"[A-Za-z0-9_=-][A-Za-z0-9._=-]*")
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_CURRENCY = re.compile(r"[A-Z]{3}")
_VERSION = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{12}")
_DOCUMENTS = frozenset({STATEMENTS, USAGE_RECORDS})
_HASHED = re.compile(rf"(?:[^/]*-)?([0-9a-f]{{{DIGITS}}})\.[^/]*")
ENDINGS = {SOURCE: "jsonl.gz", PARQUET: "parquet"}
"""How the names of files end, by their format."""


class UnsafeName(ValueError):
    """A name that no path may have: an id with other characters, a leading dot, or too many characters."""


@dataclass(frozen=True, slots=True)
class Unbilled:
    """The lines of a month that are on no invoice yet, in one currency."""

    month: str
    currency: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """What has versions: the lines of one invoice, or of an unbilled month, of one partner account.

    `collection` is the name of the folder: `lines=usage`, `lines=reconciliation`, `lines=aggregatedUsage`, `focus=1.2`.
    Raises `UnsafeName` for names that no path may have, and ValueError unless exactly one of `invoice_id` and
    `unbilled` is given.
    """

    partner: str
    collection: str
    invoice_id: str | None = None
    unbilled: Unbilled | None = None
    attributes: str = "full"

    def __post_init__(self) -> None:
        if (self.invoice_id is None) == (self.unbilled is None):
            raise ValueError("a dataset is of an invoice or of an unbilled month")
        if "=" not in self.collection or self.attributes not in ("full", "basic"):
            raise UnsafeName(f"{self.collection} {self.attributes} is no dataset")
        if self.unbilled is not None and not (
            _MONTH.fullmatch(self.unbilled.month) and _CURRENCY.fullmatch(self.unbilled.currency)
        ):
            raise UnsafeName(f"{self.unbilled.month} {self.unbilled.currency} is no month and currency")
        for part in self.path.split("/"):
            safe_name(part)
        safe_name(self.partner)
        if self.invoice_id is not None:
            safe_name(self.invoice_id)

    @property
    def path(self) -> str:
        """The folder of the dataset below `v1`."""
        if self.unbilled is None:
            whose = f"billed/invoice={self.invoice_id}"
        else:
            whose = f"unbilled/currency={self.unbilled.currency}/month={self.unbilled.month}"
        basic = "/attributes=basic" if self.attributes == "basic" else ""
        return f"partner={self.partner}/{self.collection}/{whose}{basic}"

    @property
    def folder(self) -> str:
        """The folder of the dataset below the destination."""
        return f"{ROOT}/{self.path}"

    @property
    def lines(self) -> str | None:
        """The kind of lines: `usage` for `lines=usage`. None for a dataset that is made of several kinds."""
        name, _, kind = self.collection.partition("=")
        return kind if name == "lines" else None

    @staticmethod
    def parse(path: str) -> "Dataset":
        """The dataset of a path below `v1`. Raises `UnsafeName` for a path of another form."""
        text = path.strip("/")
        basic = text.endswith("/attributes=basic")
        parts = text.removesuffix("/attributes=basic").split("/")
        attributes = "basic" if basic else "full"
        match parts:
            case [partner, collection, "billed", invoice] if invoice.startswith("invoice="):
                found = Dataset(_value(partner), collection, invoice_id=_value(invoice), attributes=attributes)
            case [partner, collection, "unbilled", currency, month] if month.startswith("month="):
                unbilled = Unbilled(_value(month), _value(currency))
                found = Dataset(_value(partner), collection, unbilled=unbilled, attributes=attributes)
            case _:
                raise UnsafeName(f"{path} is not the path of a dataset")
        if found.path != text:
            raise UnsafeName(f"{path} is not the path of a dataset")
        return found

    def version_folder(self, version: str) -> str:
        """The folder of one of its versions below the destination. Raises `UnsafeName`."""
        if not is_version(version):
            raise UnsafeName(f"{version} is not the name of a version")
        return f"{self.folder}/{VERSION}{version}"


def _value(part: str) -> str:
    return part.partition("=")[2]


def datasets_of_comparison(partner: str, invoice: str) -> list[Dataset]:
    """The datasets that may have the comparison of an invoice, with all attributes or the basic ones.

    Raises `UnsafeName`.
    """
    return [
        Dataset(partner, collection, invoice_id=invoice, attributes=attributes)
        for attributes in ("full", "basic")
        for collection in (WITH_FOCUS, COMPARED)
    ]


def collection_of(lines: str) -> str:
    """The collection of one kind of lines: `lines=usage`."""
    return f"lines={lines}"


def is_version(name: str) -> bool:
    """Whether this is the name of a version."""
    return _VERSION.fullmatch(name) is not None


def digits_of(path: str) -> str | None:
    """The digits of its SHA-256 that the name of a single file has, by its path below `v1`. None for any other file."""
    match path.split("/"):
        case [partner, collection, _, name] if partner.startswith("partner=") and collection in _DOCUMENTS:
            found = _HASHED.fullmatch(name)
            return found[1] if found else None
        case _:
            return None


def safe_name(name: str) -> str:
    """The name, if a path may have it. Raises `UnsafeName`: no id of Microsoft's or of a person leads elsewhere."""
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        shown = name[:LONGEST_NAME].encode("unicode_escape").decode("ascii")
        raise UnsafeName(f"'{shown}' cannot be part of a path: letters, digits and . _ = - can, without a dot in front")
    return name


def safe_path(path: str) -> str:
    """The path, if all of its parts are safe names. Raises `UnsafeName`."""
    for part in path.split("/"):
        safe_name(part)
    return path


def content_sha256(parts: Iterable[tuple[int, str, int]]) -> str:
    """What a version's content is known by: SHA-256 over the (ordinal, sha256, bytes) of its parts in their order."""
    hasher = hashlib.sha256()
    for ordinal, sha256, size in parts:
        hasher.update(f"{ordinal} {sha256} {size}\n".encode("ascii"))
    return hasher.hexdigest()


def version_name(created_at: datetime, content: str) -> str:
    """The name of a version: when its source was made, in UTC, and the first 12 digits of its content's SHA-256."""
    return f"{created_at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{content[:DIGITS]}"


def made_at(version: str) -> str:
    """The instant in the name of a version. These texts sort by time."""
    return version.partition("-")[0]


def part_path(form: str, ordinal: int) -> str:
    """The path of a part within its version: `source/part-00000.jsonl.gz`, `parquet/part-00000.parquet`."""
    return f"{form}/part-{ordinal:05}.{ENDINGS[form]}"
