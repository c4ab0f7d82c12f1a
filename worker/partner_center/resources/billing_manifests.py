"""An export at Microsoft Graph as it is told: its operation, and its manifest with the files and their place.

Reads the names of Microsoft Graph and those of the service before it, in any case.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import AfterValidator, Field, SecretStr, model_validator

from worker.partner_center.answers.resource import OR_NONE, Instant, Number, Resource, Text, Word, member

_FORMER: Mapping[str, str] = MappingProxyType(
    {
        "schemaVersion": "version",
        "createdDateTime": "utcCreatedDateTime",
        "rootDirectory": "rootFolder",
        "sasToken": "rootFolderSAS",
    }
)
"""The names of the service before Microsoft Graph, by those of Microsoft Graph."""
State = Literal["running", "succeeded", "failed"]
_STATES: Mapping[str, State] = MappingProxyType(
    {"succeeded": "succeeded", "completed": "succeeded", "failed": "failed", "skipped": "failed"}
)
"""The words for an operation that is over. Any other word means that it goes on."""
_TYPES: Mapping[str, State] = MappingProxyType(
    {"exportsuccessoperation": "succeeded", "failedoperation": "failed", "runningoperation": "running"}
)
"""The types of operations, for one without a status."""
_AS_NAMED = "/=:@!$&'()*+,;-._~"
"""Characters of a file's name that stand in its address as they are (RFC 3986). A `%` is one of the name's own: names
come as they are at storage, and only the place before them comes as an address."""


def _below(name: str) -> str:
    if any(part in {"", ".", ".."} for part in name.split("/")) or not name.isprintable():
        raise ValueError("cannot be the name of a file")
    return name


def _each_once(blobs: "tuple[Blob, ...]") -> "tuple[Blob, ...]":
    """A file that is named twice is one file: its lines must not count twice."""
    return tuple({blob.name: blob for blob in blobs}.values())


class Blob(Resource):
    """One file of an export."""

    name: Annotated[str, Field(min_length=1), AfterValidator(_below)]
    partition_value: Text = None
    size_in_bytes: Number = None


class Manifest(Resource):
    """What an export holds, and where."""

    id: Text = None
    schema_version: Text = None
    data_format: Text = None
    created_date_time: Instant = None
    e_tag: Text = None
    """The version of the data: another one where Microsoft has changed them."""
    partner_tenant_id: Text = None
    root_directory: Text = None
    """The address that the names of files stand below. None only where there are no files."""
    sas_token: SecretStr = SecretStr("")
    """The signature with which the files may be read for some hours."""
    partition_type: Text = None
    blob_count: Number = None
    """How many files there are, by the manifest's own count."""
    blobs: Annotated[tuple[Blob, ...], AfterValidator(_each_once)] = ()
    size_in_bytes: Number = None

    @model_validator(mode="before")
    @classmethod
    def _either_names(cls, document: object) -> object:
        """The members by the names of Microsoft Graph, without null entries among the files."""
        if not isinstance(document, Mapping):
            return document
        found: dict[str, Any] = dict(document)
        for name, former in _FORMER.items():
            value = found.get(member(found, former))
            if value is not None and found.get(member(found, name)) is None:
                found[member(found, name)] = value
        blobs = found.get(member(found, "blobs"))
        if isinstance(blobs, list):
            found[member(found, "blobs")] = [blob for blob in blobs if blob is not None]
        return found

    @model_validator(mode="after")
    def _files_lie_somewhere(self) -> "Manifest":
        if self.blobs and self.root_directory is None:
            raise ValueError("names files and no place")
        return self

    def address(self, blob: Blob) -> SecretStr:
        """The signed address of a file."""
        place = f"{(self.root_directory or '').rstrip('/')}/{quote(blob.name, safe=_AS_NAMED)}"
        signature = self.sas_token.get_secret_value().strip().lstrip("?&")
        return SecretStr(f"{place}?{signature}" if signature else place)


class ExportError(Resource):
    """Why an export failed."""

    code: Text = None
    message: Text = None


class OperationAnswer(Resource):
    """An operation as it is told. Microsoft's own sample has the manifest inside, its pages link to it."""

    id: Text = None
    status: Word = None
    type: Text = Field(None, alias="@odata.type")
    error: Annotated[ExportError | None, OR_NONE] = None
    resource_location: Any = Field(None, repr=False)
    """The manifest itself, with its signature, or its address as text."""
    link: Text = Field(None, alias="resourceLocation@odata.navigationLink")

    @property
    def state(self) -> State:
        """By the status; without one by the type, or by what the answer has."""
        if self.status is not None:
            return _STATES.get(self.status, "running")
        told = _TYPES.get((self.type or "").rpartition(".")[2].lower())
        if told is not None:
            return told
        if self.resource_location or self.link:
            return "succeeded"
        return "failed" if self.error else "running"

    @property
    def address(self) -> str | None:
        """The address of the manifest. None if it is not elsewhere."""
        return self.resource_location if isinstance(self.resource_location, str) else self.link
