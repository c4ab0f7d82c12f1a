"""Exports of the lines of invoices: start one, look at it, read its manifest.

Pages: graph/api/partners-billing-billedusage-export, -unbilledusage-export, -billedreconciliation-export,
-unbilledreconciliation-export, partners-billing-operation-get, partners-billing-manifest-get; beta:
partners-billing-azureaggregatedusage-export.
"""

from datetime import timedelta
from functools import partial
from typing import Literal

from ops.simulator.billing.invoices import Invoice, LineKind
from ops.simulator.billing.ledger import Export, month_of, unbilled_id
from ops.simulator.billing.releases import Attributes, Release
from ops.simulator.books import Effect
from ops.simulator.clock import wire_date
from ops.simulator.graph.calls import GraphCall, GraphOperation, GraphRefused, bad_request
from ops.simulator.requests.answers import Answer, Json
from ops.simulator.storage.signatures import sign

Status = Literal["notStarted", "running", "succeeded", "failed", "skipped"]
TYPE = "#microsoft.graph.partners.billing."
PREFIX = "/reports/partners/billing"


def begin_billed(kind: LineKind, call: GraphCall) -> Answer:
    """Start an export of the lines of an invoice. Whether there are any shows later."""
    if kind == "aggregatedUsage":
        call.only("invoiceId")
    else:
        call.only("invoiceId", "attributeSet")
    return _begin(call, kind, call.member("invoiceId"))


def begin_unbilled(kind: LineKind, call: GraphCall) -> Answer:
    """Start an export of the lines of a month that is not billed yet."""
    call.only("currencyCode", "billingPeriod", "attributeSet")
    currency = call.member("currencyCode")
    period = call.member("billingPeriod", among=("current", "last"))
    if len(currency) != 3 or not currency.isalpha():
        raise bad_request("Invalid value for 'currencyCode'.")
    month = month_of(call.world.clock.date(call.at), period)
    return _begin(call, kind, unbilled_id(call.caller.partner.tenant_id, currency, month))


def look(call: GraphCall) -> Answer:
    """Answer the state of an operation: always with 200 while it is known."""
    export = _export(call)
    status = state(call, export)
    body: Json = {
        "@odata.context": f"{call.base}/$metadata{PREFIX.replace('/', '#', 1)}/operations/$entity",
        "@odata.type": TYPE + _TYPES[status],
        "id": export.id,
        "createdDateTime": _date(call, export.created_at),
        "lastActionDateTime": _date(call, _last_action(call, export, status)),
        "status": call.settings.success_word if status == "succeeded" else status,
    }
    if call.settings.hostility.odd_dates:
        body["lastActionDateTime"] = body["lastActionDateTime"].removesuffix("Z")
    headers = {}
    if status in ("notStarted", "running") and call.settings.export_retry_after is not None:
        headers["Retry-After"] = str(call.settings.export_retry_after)
    if status == "failed":
        text = "No data available for the given invoice. Please try again later."
        body["error"] = {"code": export.code, "message": text if export.code == "5000" else "The export failed."}
    if status == "succeeded":
        body |= _resource_location(call, _release(call, export))
    return Answer(200, body, headers=headers)


def read_manifest(call: GraphCall) -> Answer:
    """Answer a manifest by its id, for as long as its operation can be read."""
    for export in call.world.ledger.exports.values():
        if export.partner != call.caller.partner.tenant_id or state(call, export) != "succeeded":
            continue
        release = _release(call, export)
        if release.id == call.params["manifest_id"].lower():
            if _is_gone(call, export):
                raise GraphRefused(410, "Gone", "The manifest has expired.")
            context = {"@odata.context": f"{call.base}/$metadata#reports/partners/billing/manifests/$entity"}
            return Answer(200, context | _manifest(call, release))
    raise GraphRefused(404, "ResourceNotFound", "There is no manifest with this id.")


def state(call: GraphCall, export: Export) -> Status:
    """Return the state of an export now; decides how it ends when it does."""
    if call.at < export.starts_at:
        return "notStarted"
    if call.at < export.ends_at or export.outcome == "never":
        return "running"
    if export.outcome == "succeeded" and export.release is None:
        invoice = call.world.ledger.find(export.partner, export.invoice or "")
        if invoice is None or not _can_be_exported(invoice, export):
            export.outcome = "5000"
        else:
            release = call.world.ledger.release(invoice, export.kind, export.attributes, call.settings, export.ends_at)
            export.release = release
    if export.outcome in ("succeeded", "skipped"):
        return "succeeded" if export.outcome == "succeeded" else "skipped"
    if export.outcome == "failed":
        export.code = "5001" if export.code == "5000" else export.code
    return "failed"


def _can_be_exported(invoice: Invoice, export: Export) -> bool:
    there = invoice.is_there(export.kind, export.ends_at)
    return there and not invoice.legacy and not invoice.is_old(export.kind)


def _begin(call: GraphCall, kind: LineKind, invoice: str) -> Answer:
    attributes: Attributes = "full"
    if call.content.get("attributeSet") is not None:
        attributes = "basic" if call.member("attributeSet", among=("full", "basic")) == "basic" else "full"
    starts_at = call.at + call.world.lag(call.settings.export_queued)
    export = Export(
        id=call.world.new_id(),
        operation=call.operation.name,
        partner=call.caller.partner.tenant_id,
        invoice=invoice,
        kind=kind,
        attributes=attributes,
        created_at=call.at,
        starts_at=starts_at,
        ends_at=starts_at + call.world.lag(call.settings.export_seconds),
        outcome=call.settings.export_outcome,
    )
    call.world.ledger.exports[export.id] = export
    call.world.effects.append(
        Effect(
            at=call.at,
            kind="export.created",
            partner=export.partner,
            customer=export.partner,
            target=export.id,
            request=call.received.number,
            request_id=call.received.request_id,
            correlation_id=call.received.correlation_id,
            detail={"invoice": invoice, "lines": kind, "attributes": attributes},
        )
    )
    return Answer(202, headers={"Location": f"{call.base}{PREFIX}/operations/{export.id}"})


def _export(call: GraphCall) -> Export:
    export = call.world.ledger.exports.get(call.params["operation_id"].lower())
    if export is None or export.partner != call.caller.partner.tenant_id:
        raise GraphRefused(404, "ResourceNotFound", "There is no operation with this id.")
    if _is_gone(call, export):
        raise GraphRefused(410, "Gone", "The operation has expired.")
    return export


def _is_gone(call: GraphCall, export: Export) -> bool:
    ended = export.outcome != "never" and call.at >= export.ends_at
    return export.expired or (ended and call.at >= export.ends_at + call.settings.export_lifetime)


def _last_action(call: GraphCall, export: Export, status: Status) -> float:
    if status == "notStarted":
        return export.created_at
    return call.at if status == "running" else export.ends_at


def _release(call: GraphCall, export: Export) -> Release:
    """Return the version that an operation tells: that of its end, or the newest."""
    if export.release is None:
        raise GraphRefused(404, "ResourceNotFound", "The operation has no manifest.")
    newest = call.world.ledger.find(export.partner, export.invoice or "")
    if call.settings.pinned_manifests or newest is None or newest is export.release.invoice:
        return export.release
    return call.world.ledger.release(newest, export.kind, export.attributes, call.settings, export.ends_at, call.at)


def _resource_location(call: GraphCall, release: Release) -> Json:
    address = f"{call.base}{PREFIX}/manifests/{release.id}"
    match call.settings.resource_location:
        case "inline":
            return {"resourceLocation": _manifest(call, release)}
        case "link":
            return {"resourceLocation@odata.navigationLink": address}
        case "url":
            return {"resourceLocation": address}


def _manifest(call: GraphCall, release: Release) -> Json:
    root = f"{call.world.ledger.storage_url.rstrip('/')}{release.path}"
    expiry = call.world.clock.date() + timedelta(seconds=call.settings.sas_lifetime)
    sas = sign(call.world.ledger.storage_key, release.path, call.world.clock.date(), expiry)
    blobs = [{"name": name, "partitionValue": str(number // 2)} for number, name in enumerate(release.names)]
    created = _date(call, release.created_at)
    if call.settings.manifest_form == "beta":
        sizes = [release.write(number).stat().st_size for number in range(len(release.names))]
        return {
            "version": "1",
            "dataFormat": "compressedJSONLines",
            "utcCreatedDateTime": created,
            "eTag": release.etag,
            "partnerTenantId": release.invoice.partner,
            "rootFolder": root,
            "rootFolderSAS": sas,
            "partitionType": "ItemCount",
            "blobCount": len(blobs),
            "sizeInBytes": sum(sizes),
            "blobs": [{**blob, "sizeInBytes": size} for blob, size in zip(blobs, sizes, strict=True)],
        }
    return {
        "id": release.id,
        "schemaVersion": "2",
        "dataFormat": "compressedJSON",
        "createdDateTime": created,
        "eTag": release.etag,
        "partnerTenantId": release.invoice.partner,
        "rootDirectory": root,
        "sasToken": sas,
        "partitionType": "default",
        "blobCount": len(blobs),
        "blobs": blobs,
    }


def _date(call: GraphCall, at: float) -> str:
    return wire_date(call.world.clock.date(at))


_TYPES = {
    "notStarted": "runningOperation",
    "running": "runningOperation",
    "succeeded": "exportSuccessOperation",
    "failed": "failedOperation",
    "skipped": "skippedOperation",
}


def _post(name: str, path: str, kind: LineKind, *, billed: bool, beta: bool = False) -> tuple[GraphOperation, ...]:
    """Return an export in both spellings of its action."""
    handler = partial(begin_billed if billed else begin_unbilled, kind)
    return tuple(
        GraphOperation(name, "POST", f"{PREFIX}/{path}/{action}", handler, beta=beta)
        for action in ("export", "microsoft.graph.partners.billing.export")
    )


OPERATIONS = (
    *_post("graph.usage.billed", "usage/billed", "usage", billed=True),
    *_post("graph.usage.unbilled", "usage/unbilled", "usage", billed=False),
    *_post("graph.reconciliation.billed", "reconciliation/billed", "reconciliation", billed=True),
    *_post("graph.reconciliation.unbilled", "reconciliation/unbilled", "reconciliation", billed=False),
    *_post("graph.aggregated_usage.billed", "aggregatedUsage/billed", "aggregatedUsage", billed=True, beta=True),
    GraphOperation("graph.operation", "GET", PREFIX + "/operations/{operation_id}", look),
    GraphOperation("graph.manifest", "GET", PREFIX + "/manifests/{manifest_id}", read_manifest),
)
