"""Microsoft's answers about an export: for a support ticket, and to tell states of the data apart. Pure."""

from events.messages.command_status import PartnerCenterError
from worker.partner_center.resources.billing_exports import ExportOperation
from worker.partner_center.resources.billing_manifests import Manifest


def answer_of(found: ExportOperation, location: str | None) -> PartnerCenterError | None:
    """What a look at the operation was answered, for a support ticket: the ids, and Microsoft's own words."""
    call = found.source_call
    if call is None:
        return None
    told = PartnerCenterError(
        operation=call.operation,
        http_status=call.http_status,
        code=found.error_code,
        description=found.error_message or f"the operation is {found.status}",
        request_id=call.request_id,
        correlation_id=call.correlation_id,
    )
    return about_operation(told, found.id or operation_in(location))


def about_operation(told: PartnerCenterError, operation_id: str | None) -> PartnerCenterError:
    """The same answer, with the id of Microsoft's operation in its description."""
    if not operation_id:
        return told
    described = f"operation {operation_id}: {told.description or 'no description'}"
    return PartnerCenterError(**{**dict(told), "description": described})


def operation_in(location: str | None) -> str:
    """The id of the operation at this address: the last part of its path."""
    return (location or "").partition("?")[0].rstrip("/").rpartition("/")[2]


def identity_of(manifest: Manifest) -> str:
    """Which state of the data a manifest has: its eTag; without one, when it was made and its blobs."""
    if manifest.e_tag is not None:
        return manifest.e_tag
    return f"{manifest.created_date_time} {' '.join(blob.name for blob in manifest.blobs)}"
