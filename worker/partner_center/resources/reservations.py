"""Reservations of a customer. Partner Center lists them, and cannot cancel one."""

from datetime import datetime
from typing import Annotated

from worker.partner_center.answers.resource import OR_EMPTY, OR_NONE, Collection, Instant, Number, Resource, Text, Word
from worker.partner_center.operation import Auth, EffectClass, Operation
from worker.partner_center.paging import collect
from worker.partner_center.port import PartnerCenter

DOCS = "https://learn.microsoft.com/partner-center/developer/"
RESERVED_INSTANCE = "reservedInstance"
OVER = frozenset({"cancelled", "canceled", "expired", "returned", "refunded", "deleted", "inactive"})


class ReferenceOrder(Resource):
    """The order of an entitlement."""

    id: Text = None
    line_item_id: Text = None
    alternate_id: Text = None


class EntitledQuantity(Resource):
    """The quantity of an entitlement in one status."""

    quantity: Number = None
    status: Word = None


class EntitledArtifact(Resource):
    """The thing that an entitlement gives: for a reservation, the reservation itself."""

    artifact_type: Word = None
    resource_id: Text = None


class ReservationEntitlement(Resource):
    """A reservation that was bought for the customer."""

    reference_order: Annotated[ReferenceOrder | None, OR_NONE] = None
    product_id: Text = None
    sku_id: Text = None
    sku_title: Text = None
    quantity: Number = None
    quantity_details: Annotated[tuple[EntitledQuantity, ...], OR_EMPTY] = ()
    entitlement_type: Word = None
    entitled_artifacts: Annotated[tuple[EntitledArtifact, ...], OR_EMPTY] = ()
    expiry_date: Instant = None

    @property
    def status(self) -> str | None:
        """The status of its quantities. None if they differ or there are none."""
        words = {detail.status for detail in self.quantity_details}
        return words.pop() if len(words) == 1 else None

    def is_active(self, now: datetime) -> bool:
        """Whether it is in force at `now`: it has not expired, and its status does not say that it has ended."""
        if self.expiry_date is not None and self.expiry_date <= now:
            return False
        return self.status not in OVER

    @property
    def resource_id(self) -> str | None:
        """The reservation's own id. None if it is absent."""
        return next((artifact.resource_id for artifact in self.entitled_artifacts if artifact.resource_id), None)

    @property
    def reservation_orders(self) -> list[str]:
        """The ids of its reservation orders at Azure Resource Manager. An artifact names one by its id or its path."""
        named = [each.resource_id.rstrip("/") for each in self.entitled_artifacts if each.resource_id]
        return [_order_in(each) for each in named]


LIST: Operation[Collection[ReservationEntitlement]] = Operation(
    name="reservations.list",
    method="GET",
    path="/customers/{customer_id}/entitlements",
    answer=Collection[ReservationEntitlement],
    page=True,
    effect=EffectClass.READ,
    auth=Auth.EITHER,
    source=DOCS + "get-a-collection-of-entitlements",
)


async def list_all(center: PartnerCenter, customer_id: str) -> list[ReservationEntitlement]:
    """The customer's reservations, with their expiry dates."""
    query = {"entitlementType": RESERVED_INSTANCE, "showExpiry": "true"}
    return await collect(center, LIST, {"customer_id": customer_id}, query=query)


def _order_in(resource_id: str) -> str:
    """The order that a resource id names: all of it, the last part of a path, or the part after `reservationOrders`."""
    parts = resource_id.split("/")
    words = [part.lower() for part in parts]
    follows = words.index("reservationorders") + 1 if "reservationorders" in words else len(parts)
    return parts[follows] if follows < len(parts) else parts[-1]
