"""A plain caller of the API, with nothing of the worker's client in it."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx

from ops.simulator.simulator import Simulator
from ops.simulator.state import AzureSubscription, Customer

PLAN_SHELF = "/products/DZH318Z0BPS6/skus/0001/availabilities"


@dataclass(frozen=True)
class Answered:
    """An answer, read as leniently as the vendor's own clients read."""

    status: int
    body: Any
    headers: httpx.Headers
    content: bytes

    @property
    def arm_code(self) -> str | None:
        """Code of an error body of Azure Resource Manager, with or without its envelope."""
        return str(self.body.get("error", self.body)["code"]) if isinstance(self.body, dict) else None

    @property
    def code(self) -> int | None:
        """Code of an error body, as a number."""
        return int(self.body["code"]) if isinstance(self.body, dict) and "code" in self.body else None


class Caller:
    """Calls the API of a simulator in process, with a fresh token and MS-RequestId unless one is given."""

    def __init__(self, simulator: Simulator, *, user: bool = True, token: str | None = None) -> None:
        self.simulator = simulator
        self.user = user
        self.token = token

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        request_id: str | None = None,
    ) -> Answered:
        """Send one request; ``path`` is under the version."""
        token = self.token or self.simulator.token(user=self.user)
        sent = {"Authorization": f"Bearer {token}", "MS-RequestId": request_id or str(uuid.uuid4())}
        transport = self.simulator.transport()
        async with httpx.AsyncClient(transport=transport, base_url="http://simulator/v1", trust_env=False) as client:
            answer = await client.request(method, path, json=body, params=query, headers={**sent, **(headers or {})})
        return answered(answer)

    async def get(self, path: str, query: Mapping[str, str] | None = None, **more: Any) -> Answered:
        """GET."""
        return await self.call("GET", path, query=query, **more)

    async def post(self, path: str, body: object = None, **more: Any) -> Answered:
        """POST."""
        return await self.call("POST", path, body, **more)

    async def plan_item(self, country: str = "US") -> str:
        """Catalog item id of the Azure plan, as sold now."""
        shelf = (await self.get(PLAN_SHELF, {"country": country})).body["items"]
        return str(next(i["catalogItemId"] for i in shelf if i["isPurchasable"] and i["segment"] == "commercial"))

    async def cart(self, customer: Customer, **changes: object) -> Answered:
        """Make a cart with an Azure plan in it; ``changes`` are members of the item, None leaves one out."""
        item = {"catalogItemId": await self.plan_item(customer.country), "quantity": 1, "billingCycle": "one_time"}
        line = {name: value for name, value in {**item, **changes}.items() if value is not None}
        return await self.post(f"/customers/{customer.id}/carts", {"lineItems": [line]})

    async def check_out(self, customer: Customer, cart: str, **more: Any) -> Answered:
        """Check a cart out."""
        return await self.post(f"/customers/{customer.id}/carts/{cart}/checkout", **more)

    async def buy_plan(self, customer: Customer) -> str:
        """Buy an Azure plan. Returns the id of the order."""
        cart = await self.cart(customer)
        order: str = (await self.check_out(customer, cart.body["id"])).body["orders"][0]["id"]
        return order


class ArmCaller:
    """Calls Azure Resource Manager in process, as the partner's user in one customer's tenant."""

    def __init__(self, simulator: Simulator, customer: Customer, token: str | None = None) -> None:
        self.simulator = simulator
        self.customer = customer
        self.token = token

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        version: str | None = "2022-12-01",
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """Send one request; ``path`` may be absolute and have a query. ``version`` None sends none."""
        token = self.token or self.simulator.arm_token(self.customer)
        sent = {"Authorization": f"Bearer {token}", **(headers or {})}
        url = httpx.URL(path) if version is None else httpx.URL(path).copy_merge_params({"api-version": version})
        transport = self.simulator.arm_transport()
        async with httpx.AsyncClient(transport=transport, base_url="http://arm", trust_env=False) as client:
            return answered(await client.request(method, url, json=body, headers=sent))

    async def state(self, azure_subscription: str) -> str:
        """The state of an Azure subscription."""
        return str((await self.call("GET", f"/subscriptions/{azure_subscription}")).body["state"])

    async def turn(self, azure_subscription: str, act: str, query: str = "") -> Answered:
        """Cancel or enable an Azure subscription."""
        path = f"/subscriptions/{azure_subscription}/providers/Microsoft.Subscription/{act}{query}"
        return await self.call("POST", path, version="2021-10-01")


def answered(answer: httpx.Response) -> Answered:
    """Read an answer of either service."""
    try:
        read = json.loads(answer.content.decode("utf-8-sig")) if answer.content else None
    except ValueError:
        read = None
    return Answered(answer.status_code, read, answer.headers, answer.content)


def exact(answer: Answered) -> Any:
    """The body of an answer with every number as a decimal."""
    return json.loads(answer.content.decode("utf-8-sig"), parse_float=Decimal, parse_int=Decimal)


def only_azure_subscription(customer: Customer) -> AzureSubscription:
    """The one Azure subscription of a customer."""
    (found,) = (each for plan in customer.subscriptions.values() for each in plan.azure_subscriptions)
    return found
