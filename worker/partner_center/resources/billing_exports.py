"""Exports of billing data at Microsoft Graph: ask for one, look at its operation, read its manifest and its files.

An export takes minutes. Its operation ends with a manifest, which names files at Azure Storage and the signature with
which they may be read for some hours. Microsoft's pages, samples and clients differ in where the manifest is, and in
the names of its members: all forms are read.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal, TypeVar
from uuid import uuid4

from pydantic import ValidationError

from worker.partner_center.answers.resource import CallReference, Link, Resource
from worker.partner_center.errors import Gone, Refused, Unanswered
from worker.partner_center.item_stream import document
from worker.partner_center.operation import MEGABYTE, Accepted, Api, Auth, EffectClass, Operation
from worker.partner_center.port import AnswerStream, PartnerCenter
from worker.partner_center.resources.billing_manifests import Blob, Manifest, OperationAnswer, State

DOCS = "https://learn.microsoft.com/graph/api/"
BILLING = "/reports/partners/billing"
_UNKNOWN, _GONE = 404, 410
DocumentT = TypeVar("DocumentT", bound=Resource)
_NO_SUCH_ADDRESS = frozenset({400, 404})
"""Statuses with which Microsoft Graph answers for an address that it does not have."""


class Lines(StrEnum):
    """The kinds of lines that can be exported."""

    RECONCILIATION = "reconciliation"
    USAGE = "usage"
    AGGREGATED_USAGE = "aggregatedUsage"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an export shall hold: the lines of an invoice, or those of a month that has no invoice yet."""

    lines: Lines
    invoice_id: str | None = None
    currency: str | None = None
    period: Literal["current", "previous"] | None = None
    attributes: Literal["full", "basic"] = "full"


@dataclass(frozen=True, slots=True)
class ExportOperation:
    """How far an export is."""

    status: State
    source_call: CallReference | None = None
    """The call whose answer this is."""
    id: str | None = None
    retry_after: float | None = None
    """Seconds after which the answer asks to look again. None if it does not say."""
    error_code: str | None = None
    """Why the export failed."""
    error_message: str | None = None
    manifest: Manifest | None = None
    """Of an export that succeeded, always."""


def _export(kind: str, path: str, page: str, *, beta: bool = False) -> Operation[Accepted]:
    return Operation(
        name=f"billing_exports.{kind}",
        method="POST",
        path=f"{BILLING}/{path}/export",
        success=frozenset({200, 201, 202}),
        effect=EffectClass.ORPHAN,
        auth=Auth.EITHER,
        source=f"{DOCS}{page}",
        api=Api.GRAPH,
        beta=beta,
        largest=MEGABYTE,
    )


USAGE_BILLED = _export("usage_billed", "usage/billed", "partners-billing-billedusage-export")
USAGE_UNBILLED = _export("usage_unbilled", "usage/unbilled", "partners-billing-unbilledusage-export")
RECONCILIATION_BILLED = _export(
    "reconciliation_billed", "reconciliation/billed", "partners-billing-billedreconciliation-export"
)
RECONCILIATION_UNBILLED = _export(
    "reconciliation_unbilled", "reconciliation/unbilled", "partners-billing-unbilledreconciliation-export"
)
AGGREGATED_USAGE_BILLED = _export(
    "aggregated_usage_billed", "aggregatedUsage/billed", "partners-billing-billedaggregatedusage-export", beta=True
)
AGGREGATED_USAGE_BILLED_V1 = _export(
    "aggregated_usage_billed_v1", "aggregatedUsage/billed", "partners-billing-billedaggregatedusage-export"
)
"""Microsoft's page has the operation in the beta version only. Its resources have pages of the other version too."""

OPERATION: Operation[OperationAnswer | None] = Operation(
    name="billing_exports.operation",
    method="GET",
    path=BILLING + "/operations/{operation_id}",
    answer=OperationAnswer,
    success=frozenset({200, 202}),
    effect=EffectClass.READ,
    auth=Auth.EITHER,
    source=DOCS + "partners-billing-operation-get",
    largest=MEGABYTE,
    api=Api.GRAPH,
    linked="the operation of the export",
)
"""Its address comes from the answer to the export. The path here is an example."""

MANIFEST: Operation[Manifest] = Operation(
    name="billing_exports.manifest",
    method="GET",
    path=BILLING + "/manifests/{manifest_id}",
    answer=Manifest,
    effect=EffectClass.READ,
    auth=Auth.EITHER,
    source=DOCS + "partners-billing-manifest-get",
    largest=MEGABYTE,
    api=Api.GRAPH,
    linked="the manifest of the export",
)
"""Its address comes from the operation. The path here is an example."""

BLOB: Operation[None] = Operation(
    name="billing_exports.blob",
    method="GET",
    path="/{container}/{blob}",
    accept="*/*",
    effect=EffectClass.READ,
    auth=Auth.EITHER,
    source="https://learn.microsoft.com/rest/api/storageservices/get-blob",
    api=Api.STORAGE,
)

_BEGIN: Mapping[tuple[Lines, bool], Operation[Accepted]] = MappingProxyType(
    {
        (Lines.USAGE, True): USAGE_BILLED,
        (Lines.USAGE, False): USAGE_UNBILLED,
        (Lines.RECONCILIATION, True): RECONCILIATION_BILLED,
        (Lines.RECONCILIATION, False): RECONCILIATION_UNBILLED,
        (Lines.AGGREGATED_USAGE, True): AGGREGATED_USAGE_BILLED,
    }
)
"""The operation that asks for an export, by the lines and by whether an invoice has them."""


def begin_operation(wanted: Wanted) -> Operation[Accepted]:
    """The operation that `begin` calls. Raises ValueError where there is none: aggregated usage without an invoice."""
    operation = _BEGIN.get((wanted.lines, wanted.invoice_id is not None))
    if operation is None:
        raise ValueError(f"there is no export of {wanted.lines} without an invoice")
    return operation


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the operation of an export is, for `look`, and after how many seconds to look (None: it does not say)."""

    location: str
    retry_after: float | None = None


async def begin(center: PartnerCenter, wanted: Wanted) -> Begun:
    """Ask for an export.

    Each request makes an operation of its own. Raises `Unanswered` too if the answer names no operation.
    """
    operation = begin_operation(wanted)
    try:
        accepted = await center.call(operation, {}, body=_body(wanted))
    except Refused as no:
        if operation is not AGGREGATED_USAGE_BILLED or no.status not in _NO_SUCH_ADDRESS:
            raise
        accepted = await center.call(AGGREGATED_USAGE_BILLED_V1, {}, body=_body(wanted))
    if not accepted.location:
        raise Unanswered(operation.name, "the export was accepted, but the answer does not say where it is", status=202)
    return Begun(accepted.location, accepted.retry_after)


async def look(center: PartnerCenter, location: str) -> ExportOperation:
    """How far the export is whose operation is at `location`. The manifest of one that succeeded is always there.

    Raises `Gone` if the operation or its manifest has expired: ask again. Raises `Unanswered` for an address at another
    host, and for an operation that succeeded without a manifest.
    """
    try:
        return await _look(center, location)
    except (Refused, Unanswered) as error:
        if _is_forgotten(error):
            raise Gone(
                error.operation,
                error.description,
                status=error.status,
                code=error.code,
                request_id=error.request_id,
                correlation_id=error.correlation_id,
            ) from None
        raise


def _is_forgotten(error: Refused | Unanswered) -> bool:
    """Whether Microsoft Graph has no such operation. What it says beside the status is not documented."""
    return error.status == _GONE or (error.status == _UNKNOWN and isinstance(error, Refused))


async def _look(center: PartnerCenter, location: str) -> ExportOperation:
    told = await document(center, OPERATION, Link(uri=location), "blobs", inside="resourcelocation")
    if told.document is None:
        return ExportOperation("running", told.source_call)
    answer = _as(OperationAnswer, OPERATION, told.document, "the operation cannot be read")
    error = answer.error if answer.state == "failed" else None
    return ExportOperation(
        status=answer.state,
        source_call=told.source_call,
        id=answer.id,
        retry_after=told.source_call.retry_after,
        error_code=error.code if error else None,
        error_message=error.message if error else None,
        manifest=await _manifest(center, answer) if answer.state == "succeeded" else None,
    )


async def try_permission(center: PartnerCenter) -> None:
    """Look at an operation that nobody began: Microsoft Graph tells who may not look before it says that none is there.

    Changes nothing. Raises `NotPermitted` if the permission is missing, and the other errors of a call.
    """
    try:
        await center.call(OPERATION, {"operation_id": str(uuid4())})
    except (Refused, Unanswered) as error:
        if not _is_forgotten(error):
            raise


def blob(center: PartnerCenter, manifest: Manifest, which: Blob) -> AbstractAsyncContextManager[AnswerStream]:
    """Open a file of an export: gzip of JSON lines, untouched. Raises the errors of `PartnerCenter.download`."""
    return center.download(BLOB, manifest.address(which))


def _body(wanted: Wanted) -> dict[str, Any]:
    if wanted.invoice_id is not None:
        which: dict[str, Any] = {"invoiceId": wanted.invoice_id}
    else:
        period = "last" if wanted.period == "previous" else "current"
        which = {"currencyCode": wanted.currency, "billingPeriod": period}
    if wanted.lines is Lines.AGGREGATED_USAGE:
        return which
    return {**which, "attributeSet": wanted.attributes}


async def _manifest(center: PartnerCenter, answer: OperationAnswer) -> Manifest:
    if answer.address is not None:
        told = await document(center, MANIFEST, Link(uri=answer.address), "blobs")
        return _as(Manifest, MANIFEST, told.document, "the manifest cannot be read")
    return _as(Manifest, OPERATION, answer.resource_location, "the export succeeded, but its manifest cannot be read")


def _as(model: type[DocumentT], operation: Operation[Any], document: object, what: str) -> DocumentT:
    try:
        return model.model_validate(document)
    except ValidationError:
        raise Unanswered(operation.name, what, status=200) from None
