"""Reservations are entitlements of the customer."""

from ops.simulator.simulator import Simulator
from tests.simulator.caller import Caller


async def test_reservations_are_listed_with_their_end(simulator: Simulator, caller: Caller) -> None:
    """The list has quantity, status, and the end date if asked for. Expired ones stay in the list."""
    customer = simulator.customer("reserved")
    path, query = f"/customers/{customer.id}/entitlements", {"entitlementType": "ReservedInstance"}
    (item,) = (await caller.get(path, {**query, "showExpiry": "true"})).body["items"]
    assert item["quantityDetails"] == [{"quantity": 1, "status": "active"}]
    assert item["expiryDate"] == "2027-03-01T09:00:00Z"
    simulator.clock.advance(366 * 86400)
    (item,) = (await caller.get(path, query)).body["items"]
    assert item["quantityDetails"][0]["status"] == "expired"
    assert "expiryDate" not in item


async def test_other_entitlements_there_are_none(simulator: Simulator, caller: Caller) -> None:
    """Software gives an empty list. An unknown type is refused."""
    path = f"/customers/{simulator.customer('reserved').id}/entitlements"
    assert (await caller.get(path, {"entitlementType": "software"})).body["items"] == []
    assert (await caller.get(path, {"entitlementType": "wishes"})).code == 900126
