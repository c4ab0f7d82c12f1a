"""A person at Partner Center's own pages, who buys beside the worker over the API behind these pages."""

import json
from typing import Any

import httpx

from ops.simulator.simulator import Simulator
from ops.simulator.state import Customer

BASE = "https://portal.example/v1"


async def start_upgrade(simulator: Simulator, customer: Customer) -> None:
    """Start a product upgrade of the customer."""
    headers = {"Authorization": f"Bearer {simulator.token(user=True)}"}
    async with httpx.AsyncClient(transport=simulator.transport(), headers=headers) as client:
        request = {"customerId": customer.id, "productFamily": "azure"}
        assert (await client.post(f"{BASE}/productUpgrades", json=request)).status_code == 202


async def bring_plan_to(simulator: Simulator, customer: Customer, plan_id: str, status: str) -> None:
    """Suspend or reactivate a plan of the customer."""
    headers = {"Authorization": f"Bearer {simulator.token()}"}
    async with httpx.AsyncClient(transport=simulator.transport(), headers=headers) as client:
        place = f"{BASE}/customers/{customer.id}/subscriptions/{plan_id}"
        plan = _document(await client.get(place))
        done = await client.patch(place, json={**plan, "status": status})
        assert done.status_code == 200, done.text


async def buy_plan(simulator: Simulator, customer: Customer, *, reseller_id: str | None = None) -> None:
    """Buy an Azure plan for the customer."""
    headers = {"Authorization": f"Bearer {simulator.token()}"}
    async with httpx.AsyncClient(transport=simulator.transport(), headers=headers) as client:
        country = {"country": customer.country}
        found = await client.get(f"{BASE}/products/DZH318Z0BPS6/skus/0001/availabilities", params=country)
        item = next(
            each["catalogItemId"]
            for each in _document(found)["items"]
            if each["isPurchasable"] and each["segment"].lower() == "commercial"
        )
        carts = f"{BASE}/customers/{customer.id}/carts"
        made = await client.post(carts, json=_cart(item, reseller_id))
        done = await client.post(f"{carts}/{_document(made)['id']}/checkout")
        assert done.status_code == 201, done.text


def _cart(item: str, reseller_id: str | None) -> dict[str, Any]:
    line: dict[str, Any] = {"id": 0, "catalogItemId": item, "quantity": 1, "billingCycle": "one_time"}
    if reseller_id is None:
        return {"lineItems": [line]}
    line["participants"] = [{"key": "transaction_reseller", "value": reseller_id}]
    return {"lineItems": [line], "partnerOnRecordAttestationAccepted": True}


def _document(answer: httpx.Response) -> Any:
    return json.loads(answer.content.decode("utf-8-sig"))
