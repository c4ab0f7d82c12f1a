"""The settings of files that commands end in: where they go, in which formats, and how they are made."""

import re
from decimal import Decimal
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from worker.files.layout import FOCUS_VERSION, PARQUET, SOURCE
from worker.redaction import MASK
from worker.settings.section import Section
from worker.settings.values import ShownAs, Text

FORMATS = (SOURCE, PARQUET, "focus")
FORM = (
    "must be a folder (file:azplan-files, file:///srv/azplan), s3://bucket/prefix, "
    "abfss://container@account.dfs.core.windows.net/prefix, az://container/prefix or gs://bucket/prefix"
)
_PREFIX = re.compile(r"(/[A-Za-z0-9._=-]+)*")
_HOST = {
    "s3": re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
    "gs": re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]"),
    "az": re.compile(r"[a-z0-9$][a-z0-9-]{1,62}"),
    "abfss": re.compile(r"[a-z0-9$][a-z0-9-]{1,62}@[a-z0-9-]+(\.[a-z0-9-]+)+"),
}


def _files_url(value: str) -> str:
    """The URL of a destination, without a slash at the end. No form has a place for a key or a signature."""
    text = value.rstrip("/") or value
    if text.startswith("file:"):
        if not text.removeprefix("file:").strip("/") or re.match(r"file://[^/]", text):
            raise ValueError(FORM)
        return text
    url = urlsplit(text)
    host = _HOST.get(url.scheme)
    if host is None or not host.fullmatch(url.netloc) or not _PREFIX.fullmatch(url.path) or url.query or url.fragment:
        raise ValueError(f"{FORM}; keys and signatures belong into the cloud's own variables")
    return text


def _formats(value: object) -> object:
    names = value if isinstance(value, list | tuple) else str(value).split(",")
    chosen = [str(name).strip().lower() for name in names]
    if not chosen or set(chosen) - set(FORMATS):
        raise ValueError(f"must be some of {', '.join(FORMATS)}, with commas between them")
    return ",".join(name for name in FORMATS if name in chosen)


def _focus_version(version: str) -> str:
    if version != FOCUS_VERSION:
        raise ValueError(f"must be {FOCUS_VERSION}: azplan does not write FOCUS {version} yet")
    return version


def _without_keys(url: str) -> str:
    """The URL with a query and with what stands before an @ masked, also if the URL is invalid."""
    place, mark, _ = url.partition("?")
    head, at, host = place.rpartition("@")
    keyless = place if url.startswith("abfss://") and ":" not in head.removeprefix("abfss://") else f"{MASK}@{host}"
    return f"{keyless if at else place}{mark}{MASK if mark else ''}"


FilesUrl = Annotated[str, AfterValidator(_files_url), ShownAs(_without_keys)]
Formats = Annotated[str, BeforeValidator(_formats)]
FocusVersion = Annotated[Literal["1.2", "1.4"], AfterValidator(_focus_version)]


class Compare(Section):
    """AZPLAN_COMPARE__*."""

    tolerance: Decimal = Field(
        Decimal(0), ge=0, description="unexplained amount for each currency with which an invoice still counts as equal"
    )


class Files(Section):
    """AZPLAN_FILES__*."""

    url: FilesUrl = Field(
        "file:azplan-files",
        description="where exported files go: a folder (`file:…`), `s3://bucket/prefix`,"
        " `abfss://container@account.dfs.core.windows.net/prefix`, `az://container/prefix` or `gs://bucket/prefix`;"
        " credentials from the clouds' own variables or identities",
    )
    formats: Formats | None = Field(
        None,
        description="formats of exported lines, if a command names none; default `source,parquet,focus`, and `source`"
        " without the extra `finance`",
    )
    focus_version: FocusVersion = Field(
        FOCUS_VERSION, description="version of FOCUS: `1.2`; `1.4` is refused, because azplan does not write it yet"
    )
    concurrency: int = Field(1, ge=1, le=16, description="how many exports a worker converts at once")
    downloads: int = Field(4, ge=1, le=32, description="how many blobs of an export are downloaded at once")
    scratch: Text | None = Field(
        None, description="folder for files under way; default: the system's folder for temporary files"
    )
    keep_unbilled: int = Field(
        7, ge=1, description="versions that are kept of an unbilled month; versions of an invoice are all kept"
    )
    trust_etag: bool = Field(
        default=True, description="whether lines with the eTag of the newest version are taken as the same lines"
    )
    records_in_events: int = Field(
        10_000, ge=0, description="the most usage records that an answer gives in events; more go into a file"
    )
