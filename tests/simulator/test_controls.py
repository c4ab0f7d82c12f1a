"""The control port, for tests in another process."""

from collections.abc import AsyncIterator

import httpx
import pytest

from ops.simulator.controls import control_app
from ops.simulator.simulator import Simulator
from tests.simulator.billing import GraphCaller
from tests.simulator.caller import ArmCaller, Caller, only_azure_subscription
from tests.simulator.test_refunds import Owned


@pytest.fixture
async def control(simulator: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    """A caller of the control port."""
    transport = httpx.ASGITransport(app=control_app(simulator))
    async with httpx.AsyncClient(transport=transport, base_url="http://control", trust_env=False) as client:
        yield client


async def test_customers_are_seeded_and_shown(simulator: Simulator, control: httpx.AsyncClient) -> None:
    """One customer, several kinds at once, with changes. Everything about one of them can be read."""
    (plain,) = (await control.post("/customers", json={})).json()
    made = (await control.post("/customers", json=[{"profile": "plan", "count": 2, "azure_subscriptions": 3}])).json()
    assert [each["id"] for each in (await control.get("/customers")).json()] == [plain["id"], *(e["id"] for e in made)]
    shown = (await control.get(f"/customers/{made[0]['id']}")).json()
    (plan,) = shown["subscriptions"].values()
    assert len(plan["azure_subscriptions"]) == 3
    assert plan["created_at"] == "2026-03-01T09:00:00.0000000Z"
    named = {"id": "abcdef00-0000-4000-8000-000000000009", "settings": {"order_outcome": "never"}}
    assert (await control.post("/customers", json=named)).json()[0]["id"] == named["id"]
    assert simulator.find("ABCDEF00-0000-4000-8000-000000000009").overrides == {"order_outcome": "never"}


async def test_a_customer_is_changed_and_given_a_plan(simulator: Simulator, control: httpx.AsyncClient) -> None:
    """The changes are members of the customer and settings of its own."""
    customer = simulator.customer()
    change = {"related": False, "settings": {"refuse_checkout": 800023}}
    assert (await control.patch(f"/customers/{customer.id}", json=change)).status_code == 200
    assert (customer.related, customer.overrides) == (False, {"refuse_checkout": 800023})
    plan = (await control.post(f"/customers/{customer.id}/plans", json={"azure_subscriptions": 2})).json()
    assert list(customer.subscriptions) == [plan["id"]]


async def test_the_books_are_read_by_page_and_filtered(
    simulator: Simulator, control: httpx.AsyncClient, caller: Caller
) -> None:
    """Counts; orders, effects and requests by customer, kind or operation; the newest few."""
    one, two = simulator.customers(2)
    for customer in (one, two):
        await caller.buy_plan(customer)
    counts = (await control.get("/books")).json()
    assert (counts["orders"], counts["order.created"], counts["cart.created"]) == (2, 2, 2)
    (order,) = (await control.get("/books/orders", params={"customer": two.id})).json()
    assert order["customer_id"] == two.id
    (effect,) = (await control.get("/books/effects", params={"customer": one.id, "kind": "order.created"})).json()
    by_id = (await control.get("/books/requests", params={"request_id": effect["request_id"]})).json()
    assert [each["operation"] for each in by_id] == ["carts.checkout"]
    assert len((await control.get("/books/requests", params={"limit": "3"})).json()) == 3
    for page in ("carts", "subscriptions", "upgrades", "warnings"):
        assert (await control.get(f"/books/{page}")).status_code == 200


async def test_time_is_moved_and_due_changes_happen(
    simulator: Simulator, control: httpx.AsyncClient, caller: Caller
) -> None:
    """An order that takes an hour ends."""
    simulator.change(order_provisioning=[3600, 3600])
    await caller.buy_plan(simulator.customer())
    assert (await control.post("/clock", json={"advance": 3600})).json()["now"] == "2026-03-01T10:00:00.0000000Z"
    assert (await control.get("/books")).json()["order.completed"] == 1


async def test_knobs_are_turned(simulator: Simulator, control: httpx.AsyncClient) -> None:
    """Knobs are set one by one, and hostility as a whole."""
    changed = (await control.patch("/settings", json={"order_list_lag": [1, 2], "hostility": True})).json()
    assert changed["order_list_lag"] == [1, 2]
    assert simulator.settings.hostility.bom == "successes"
    assert (await control.get("/settings")).json() == changed


async def test_faults_are_added_listed_and_cleared(
    simulator: Simulator, control: httpx.AsyncClient, caller: Caller
) -> None:
    """They work at once."""
    fault = {"kind": "error_before", "operation": "customers.list", "status": 503, "count": None}
    assert (await control.post("/faults", json=fault)).status_code == 200
    assert (await caller.get("/customers")).status == 503
    assert [each["hits"] for each in (await control.get("/faults")).json()] == [1]
    await control.delete("/faults")
    assert (await caller.get("/customers")).status == 200


async def test_a_person_ends_orders_and_upgrades(
    simulator: Simulator, control: httpx.AsyncClient, caller: Caller
) -> None:
    """This holds in every state of theirs."""
    simulator.change(order_outcome="never", upgrade_outcome="never")
    order = await caller.buy_plan(simulator.customer())
    assert (await control.post(f"/orders/{order}", json={"status": "cancelled"})).json()["order.cancelled"] == 1
    legacy = simulator.customer("legacy")
    created = await caller.post("/productUpgrades", {"customerId": legacy.id, "productFamily": "azure"})
    upgrade = created.headers["Location"].partition("/")[2]
    assert (await control.post(f"/upgrades/{upgrade}", json={"stage": "failed"})).json()["upgrade.failed"] == 1


async def test_a_person_changes_azure_subscriptions_and_reservations(
    simulator: Simulator, control: httpx.AsyncClient
) -> None:
    """By their ids, which the customer's page tells; a return ends now."""
    customer = simulator.customer("reserved", settings={"return_outcome": "never"})
    azure, reservation = only_azure_subscription(customer), customer.reservations[0]
    arm, (item,) = ArmCaller(simulator, customer), reservation.items
    shown = (await control.get(f"/customers/{customer.id}")).json()
    assert shown["reservations"][0]["items"][0]["id"] == item.id
    await control.patch(f"/azure-subscriptions/{azure.id}", json={"azure_state": "PastDue"})
    assert await arm.state(azure.id) == "PastDue"
    changed = await control.patch(f"/reservations/{item.id}", json={"policy_error": "SelfServiceRefundNotSupported"})
    assert changed.json()["policy_error"] == item.policy_error == "SelfServiceRefundNotSupported"
    await control.patch(f"/reservations/{item.id}", json={"policy_error": None})
    mine = Owned(arm, reservation)
    await mine.give_back(await mine.quote())
    (identity,) = customer.returns
    assert (await control.post(f"/returns/{identity}", json={"failed": True})).json()["returns"] == 1
    await mine.give_back(await mine.quote())
    (_, identity) = customer.returns
    assert (await control.post(f"/returns/{identity}", json={})).json()["reservation.returned"] == 1
    shown = (await control.get("/books/returns", params={"customer": customer.id})).json()
    assert [(each["status"], each["quote"]["item_id"]) for each in shown] == [
        ("Failed", item.id),
        ("Succeeded", item.id),
    ]


async def test_partners_tokens_and_the_catalog_are_changed(
    simulator: Simulator, control: httpx.AsyncClient, caller: Caller
) -> None:
    """An indirect provider, stale ids and dead tokens are made."""
    tenant = simulator.partner.tenant_id
    assert (await control.patch(f"/partners/{tenant}", json={"indirect": True})).json()["indirect"] is True
    before = await caller.plan_item()
    await control.post("/catalog/rotate")
    assert await caller.plan_item() != before
    token = simulator.token()
    await control.post("/tokens/revoke", json={"refresh_tokens": True})
    assert (await Caller(simulator, token=token).get("/customers")).status == 401
    assert (await caller.get("/customers")).status == 200


async def test_a_reset_restores_the_initial_state(simulator: Simulator, control: httpx.AsyncClient) -> None:
    """A reset may seed customers."""
    simulator.customers(3)
    assert len((await control.post("/reset", json={"profile": "plan", "count": 2})).json()) == 2
    assert len(simulator.world.customers) == 2
    assert (await control.get("/health")).json()["status"] == "ok"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/faults", {"kind": "earthquake"}, 400),
        ("POST", "/customers", {"profile": "nice"}, 400),
        ("PATCH", "/settings", {"rudeness": 1}, 400),
        ("POST", "/clock", {"advance": -1}, 400),
        ("GET", "/customers/nobody", None, 404),
        ("GET", "/books/cheques", None, 404),
        ("POST", "/orders/none", {}, 404),
        ("PATCH", "/partners/none", {}, 404),
        ("PATCH", "/azure-subscriptions/none", {}, 404),
        ("PATCH", "/reservations/none", {}, 404),
        ("POST", "/returns/none", {}, 404),
    ],
)
async def test_mistakes_are_explained(
    control: httpx.AsyncClient, method: str, path: str, body: object, status: int
) -> None:
    """Each mistake gets a sentence."""
    answer = await control.request(method, path, json=body)
    assert answer.status_code == status
    assert answer.json()["error"]


async def test_money_is_seeded_changed_and_counted(simulator: Simulator, control: httpx.AsyncClient) -> None:
    """Invoices, unbilled months and spending are seeded from outside, and exact figures come back as text."""
    made = (await control.post("/invoices", json=[{"usage_lines": 50, "currency": "EUR", "blobs": 2}, {}])).json()
    assert [each["id"] for each in made] == ["G000000001", "G000000002"]
    books = (await control.get("/invoices/g000000001/figures")).json()
    assert (books["rows"], [blob["rows"] for blob in books["blobs"]]) == (50, [25, 25])
    expected = simulator.figures("G000000001")
    assert books["totals"][0]["before_tax"] == format(expected.totals[0].before_tax, "f")
    await control.patch("/invoices/G000000001", json={"usage_lines": 60, "tax": "hidden"})
    renewed = (await control.post("/invoices/G000000001/versions", json={"same_content": False})).json()
    assert (renewed["usage_lines"], renewed["version"], renewed["content"]) == (60, 3, 1)
    await control.post("/unbilled", json={"currency": "EUR", "period": "previous"})
    listed = [(each["period"], each["month"]) for each in (await control.get("/invoices")).json()]
    assert listed == [(None, "2026-02"), (None, "2026-02"), ("previous", "2026-02")]
    assert (await control.get("/invoices/unbilled-EUR-previous/figures")).json()["rows"] == 60
    customer = simulator.customer("plan")
    spent = (await control.post(f"/customers/{customer.id}/usage", json={"total": "1.10"})).json()
    assert (spent["total"], spent["currency"]) == ("1.10", "USD")
    assert (await control.patch(f"/customers/{customer.id}", json={"budget": "250.50"})).json()["budget"] == "250.50"
    assert (await control.post("/invoices", json={"bloobs": 1})).status_code == 400
    assert (await control.get("/invoices/G9/figures")).status_code == 404


async def test_an_export_is_ended_by_hand(simulator: Simulator, control: httpx.AsyncClient) -> None:
    """The books list exports, and one can be made to end now."""
    simulator.invoice()
    simulator.change(export_outcome="never")
    graph = GraphCaller(simulator)
    address = await graph.begin()
    (export,) = (await control.get("/books/exports")).json()
    assert (export["invoice"], export["kind"], export["outcome"]) == ("G000000001", "usage", "never")
    await control.post(f"/exports/{export['id']}", json={"status": "failed", "code": "6000"})
    assert (await graph.call("GET", address)).body["error"]["code"] == "6000"
