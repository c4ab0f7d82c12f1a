"""Whether the customer accepted the Microsoft Customer Agreement: by attestation of a partner, or directly.

Vendor pages: partner-center/developer/get-confirmation-customer-agreement,
get-direct-signed-microsoft-customer-agreement-status.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from worker.partner_center.port import PartnerCenter
from worker.partner_center.resources import agreements

NO_DATE = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """One acceptance. `agreed_on` and `template_id` are None where Microsoft names none."""

    how: Literal["attested", "direct"]
    agreed_on: datetime | None = None
    template_id: str | None = None


async def attested(center: PartnerCenter, customer_id: str) -> Acceptance | None:
    """The newest acceptance that a partner recorded; None if there is none. Takes a user's token."""
    recorded = await agreements.confirmations(center, customer_id)
    if not recorded:
        return None
    newest = max(recorded, key=lambda each: each.date_agreed or NO_DATE)
    return Acceptance("attested", newest.date_agreed, newest.template_id)


async def signed_directly(center: PartnerCenter, customer_id: str) -> Acceptance | None:
    """The customer's own acceptance, which has no date; None if there is none. Takes a user's token."""
    signed = (await agreements.direct_signature(center, customer_id)).is_signed
    return Acceptance("direct") if signed else None
