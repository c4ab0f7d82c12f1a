"""Entitlements of a customer, of which only reserved instances exist here.

Page: partner-center/developer/get-a-collection-of-entitlements.
"""

from ops.simulator.clock import wire_date
from ops.simulator.commerce.error_codes import Refused
from ops.simulator.commerce.products import RESERVATION_PRODUCT
from ops.simulator.requests.answers import Answer, Json, collection, link, present
from ops.simulator.requests.calls import Call, Operation
from ops.simulator.reserved import Reservation

RESERVED = frozenset({"reservedinstance", "virtualmachinereservedinstance", "virtual_machine_reserved_instance"})
TYPES = RESERVED | {"software"}


def list_entitlements(call: Call) -> Answer:
    """List reserved instances, expired and returned ones too; ``showExpiry=true`` adds the day."""
    customer = call.customer
    wanted = call.query.get("entitlementtype", "").lower()
    if wanted and wanted not in TYPES:
        raise Refused(900126, "entitlementType")
    shown = customer.reservations if not wanted or wanted in RESERVED else []
    expiry = call.query.get("showexpiry", "").lower() == "true"
    return Answer(200, collection([_body(call, customer.id, each, expiry=expiry) for each in shown]))


def _body(call: Call, customer_id: str, reservation: Reservation, *, expiry: bool) -> Json:
    group = f"/customers/{customer_id}/artifacts/reservedinstance/groups/{reservation.order_id}"
    active = reservation.expires_at > call.at
    return present(
        includedEntitlements=[],
        referenceOrder={"id": reservation.order_id, "lineItemId": "0", "alternateId": reservation.order_id},
        productId=RESERVATION_PRODUCT,
        skuId="00G1",
        skuTitle=reservation.name,
        quantity=reservation.quantity,
        quantityDetails=_details(reservation, active=active),
        entitledArtifacts=[
            {
                "link": link(f"{group}/lineitems/0/resource/{reservation.id}"),
                "resourceId": reservation.id,
                "artifactType": "reservedinstance",
                "dynamicAttributes": {"reservationType": "virtualmachines"},
            }
        ],
        entitlementType="reservedinstance",
        expiryDate=wire_date(call.world.clock.date(reservation.expires_at), digits=0) if expiry else None,
        dynamicAttributes={"reservationType": "virtualmachines"},
    )


def _details(reservation: Reservation, *, active: bool) -> list[Json]:
    details = [(reservation.quantity, "active" if active else "expired"), (reservation.returned, "cancelled")]
    return [{"quantity": quantity, "status": status} for quantity, status in details if quantity]


OPERATIONS = (Operation("reservations.list", "GET", "/customers/{customer_id}/entitlements", list_entitlements),)
