"""The Microsoft Customer Agreement: its templates, who accepted it, and recording an acceptance.

An acceptance is recorded in the way that Microsoft documented until 2026. The way after it begins with
`POST /attestations/enhanced` and goes on with a page that the customer itself has to open; Microsoft documents no field
of its answers, so azplan does not have it. Its operations would stand here, beside `CONFIRM`.
"""

from collections.abc import Mapping
from datetime import datetime

from events.wire.instants import format_instant
from worker.partner_center.answers.resource import Collection, Flag, Instant, Number, Resource, Text
from worker.partner_center.operation import Auth, EffectClass, Operation
from worker.partner_center.paging import collect
from worker.partner_center.port import PartnerCenter

DOCS = "https://learn.microsoft.com/partner-center/developer/"
CUSTOMER_AGREEMENT = "MicrosoftCustomerAgreement"
"""The type of agreement in queries. Without a type Partner Center answers about the agreement before this one."""


class AgreementMetadata(Resource):
    """A template that customers can accept."""

    template_id: Text = None
    agreement_type: Text = None
    agreement_link: Text = None
    version_rank: Number = None


class Confirmation(Resource):
    """One recorded acceptance by a customer."""

    template_id: Text = None
    type: Text = None
    date_agreed: Instant = None


class DirectSignature(Resource):
    """Whether the customer accepted the agreement directly, on Microsoft's own pages."""

    is_signed: Flag = None


METADATA: Operation[Collection[AgreementMetadata]] = Operation(
    name="agreements.metadata",
    method="GET",
    path="/agreements",
    answer=Collection[AgreementMetadata],
    page=True,
    effect=EffectClass.READ,
    auth=Auth.USER,
    source=DOCS + "get-customer-agreement-metadata",
)

CONFIRMATIONS: Operation[Collection[Confirmation]] = Operation(
    name="agreements.confirmations",
    method="GET",
    path="/customers/{customer_id}/agreements",
    answer=Collection[Confirmation],
    page=True,
    effect=EffectClass.READ,
    auth=Auth.USER,
    source=DOCS + "get-confirmation-customer-agreement",
)

CONFIRM: Operation[Confirmation] = Operation(
    name="agreements.confirm",
    method="POST",
    path="/customers/{customer_id}/agreements",
    answer=Confirmation,
    success=frozenset({200, 201}),
    effect=EffectClass.STATE,
    auth=Auth.USER,
    source=DOCS + "confirm-customer-consent-customer-agreement",
)

DIRECT_SIGNATURE: Operation[DirectSignature] = Operation(
    name="agreements.direct_signature",
    method="GET",
    path="/customers/{customer_id}/directSignedMicrosoftCustomerAgreementStatus",
    answer=DirectSignature,
    effect=EffectClass.READ,
    auth=Auth.USER,
    source=DOCS + "get-direct-signed-microsoft-customer-agreement-status",
)


async def metadata(center: PartnerCenter, *, agreement_type: str = CUSTOMER_AGREEMENT) -> list[AgreementMetadata]:
    """The templates of one type of agreement."""
    return await collect(center, METADATA, {}, query={"agreementType": agreement_type})


async def confirmations(
    center: PartnerCenter, customer_id: str, *, agreement_type: str = CUSTOMER_AGREEMENT
) -> list[Confirmation]:
    """The acceptances that a partner has recorded for the customer: none, one or several."""
    query = {"agreementType": agreement_type}
    return await collect(center, CONFIRMATIONS, {"customer_id": customer_id}, query=query)


async def confirm(
    center: PartnerCenter, customer_id: str, contact: Mapping[str, str], agreed_at: datetime, template_id: str
) -> Confirmation:
    """Record that `contact` accepted the template for the customer at `agreed_at`, an aware instant in the past.

    `contact` has `firstName`, `lastName`, `email` and perhaps `phoneNumber`. Microsoft writes the contact an e-mail.
    Refused with 600061 if the same contact is recorded already.
    """
    body = {
        "primaryContact": dict(contact),
        "dateAgreed": format_instant(agreed_at),
        "templateId": template_id,
        "type": CUSTOMER_AGREEMENT,
    }
    return await center.call(CONFIRM, {"customer_id": customer_id}, body=body)


async def direct_signature(center: PartnerCenter, customer_id: str) -> DirectSignature:
    """Whether the customer accepted the agreement directly. Such a customer may have no confirmation."""
    return await center.call(DIRECT_SIGNATURE, {"customer_id": customer_id})
