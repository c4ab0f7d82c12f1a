"""Reservations of a reservation order: list, get.

Specification: github.com Azure/azure-rest-api-specs, Microsoft.Capacity 2022-11-01.
"""

from ops.simulator.clock import wire_date
from ops.simulator.requests.answers import Answer, Json, present
from ops.simulator.requests.calls import is_guid
from ops.simulator.reserved import Reservation, ReservedItem
from ops.simulator.resource_manager.calls import ArmCall, ArmOperation, ArmRefused
from ops.simulator.world import World

VERSION = "2022-11-01"
PROVIDER = "/providers/Microsoft.Capacity"
ORDER = f"{PROVIDER}/reservationOrders/{{order_id}}"


def list_reservations(call: ArmCall) -> Answer:
    """List the reservations of an order by pages, split and returned ones too."""
    reservation = find_order(call)
    size, start = call.world.settings.reservations_per_page, _start(call)
    page = reservation.items[start : start + size]
    following = None
    if start + size < len(reservation.items):
        path = f"{order_path(reservation)}/reservations"
        following = f"{call.base}{path}?api-version={VERSION}&$skiptoken={start + size}"
    return Answer(200, present(value=[_body(call.world, reservation, item) for item in page], nextLink=following))


def get_reservation(call: ArmCall) -> Answer:
    """Answer one reservation."""
    reservation = find_order(call)
    item = find_item(reservation, call.params["reservation_id"])
    return Answer(200, _body(call.world, reservation, item))


def find_order(call: ArmCall) -> Reservation:
    """Return the reservation order of the path; raises ArmRefused."""
    wanted = call.params["order_id"].lower()
    if not is_guid(wanted):
        raise ArmRefused(400, "InvalidReservationOrderId", f"The reservation order id '{wanted}' is invalid.")
    for reservation in call.customer.reservations:
        if reservation.id == wanted:
            call.allow(call.customer.reservation_role, order_path(reservation))
            return reservation
    raise ArmRefused(404, "ReservationOrderNotFound", f"The reservation order '{wanted}' was not found.")


def find_item(reservation: Reservation, item_id: str) -> ReservedItem:
    """Return a reservation of an order; raises ArmRefused."""
    if not is_guid(item_id):
        raise ArmRefused(400, "InvalidReservationId", f"The reservation id '{item_id}' is invalid.")
    for item in reservation.items:
        if item.id == item_id.lower():
            return item
    text = f"The reservation '{item_id}' is not in the reservation order '{reservation.id}'."
    raise ArmRefused(404, "ReservationIdNotInReservationOrder", text)


def order_path(reservation: Reservation) -> str:
    """Return the fully qualified id of a reservation order."""
    return f"{PROVIDER}/reservationOrders/{reservation.id}"


def order_body(world: World, reservation: Reservation) -> Json:
    """Return a ReservationOrder."""
    return {
        "id": order_path(reservation),
        "type": "Microsoft.Capacity/reservationOrders",
        "name": reservation.id,
        "etag": 1,
        "properties": {
            "displayName": reservation.name,
            "expiryDate": _day(world, reservation),
            "term": "P1Y",
            "provisioningState": "Succeeded",
            "billingPlan": "Upfront",
            "originalQuantity": sum(each.quantity for each in reservation.items if each.status_code is None),
            "reservations": [{"id": f"{order_path(reservation)}/reservations/{each.id}"} for each in reservation.items],
        },
    }


def _start(call: ArmCall) -> int:
    text = call.received.query.get("$skiptoken", "0")
    if not text.isdigit():
        raise ArmRefused(400, "InvalidRequestUri", "The $skiptoken is not one of ours.")
    return int(text)


def _body(world: World, reservation: Reservation, item: ReservedItem) -> Json:
    expired = reservation.expires_at <= world.now
    info = None
    if item.status_code is not None:
        info = {"statusCode": item.status_code, "message": f"This reservation was {item.status_code.lower()}."}
    state = "Expired" if expired and item.state == "Succeeded" else item.state
    return {
        "sku": {"name": "Standard_DS1_v2"},
        "id": f"{order_path(reservation)}/reservations/{item.id}",
        "type": "Microsoft.Capacity/reservationOrders/reservations",
        "name": f"{reservation.id}/{item.id}",
        "etag": 1 + item.quotes,
        "location": "eastus",
        "properties": present(
            appliedScopeType="Shared",
            displayName=reservation.name,
            quantity=item.quantity,
            provisioningState=state,
            expiryDate=_day(world, reservation),
            expiryDateTime=wire_date(world.clock.date(reservation.expires_at)),
            term="P1Y",
            billingPlan="Upfront",
            renew=False,
            reservedResourceType="VirtualMachines",
            instanceFlexibility="On",
            skuDescription=reservation.name,
            extendedStatusInfo=info,
        ),
    }


def _day(world: World, reservation: Reservation) -> str:
    return world.clock.date(reservation.expires_at).date().isoformat()


OPERATIONS = (
    ArmOperation(
        "arm.reservations.list",
        "GET",
        f"{ORDER}/reservations",
        list_reservations,
        VERSION,
        "Microsoft.Capacity/reservationOrders/reservations/read",
    ),
    ArmOperation(
        "arm.reservations.get",
        "GET",
        f"{ORDER}/reservations/{{reservation_id}}",
        get_reservation,
        VERSION,
        "Microsoft.Capacity/reservationOrders/reservations/read",
    ),
)
