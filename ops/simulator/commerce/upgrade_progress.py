"""Moves a product upgrade on with time: the plan appears, the Azure subscriptions keep their ids and move under it."""

from ops.simulator.commerce.order_provisioning import new_plan
from ops.simulator.commerce.products import AZURE_PLAN_PRODUCT, AZURE_PLAN_SKU, Shelf, find_product
from ops.simulator.requests.calls import change_by_time
from ops.simulator.state import AzureSubscription, Customer, Subscription, Upgrade
from ops.simulator.world import World


def start_running(world: World, customer: Customer, upgrade: Upgrade) -> None:
    """Begin a pending upgrade."""
    if upgrade.stage != "pending":
        return
    upgrade.stage = "running"
    for line in upgrade.lines:
        line.status = "running"
    change_by_time(world, "upgrade.running", customer, upgrade.id)


def finish(world: World, customer: Customer, upgrade: Upgrade, *, failed: bool) -> None:
    """End an open upgrade, with success or with an error on its first line."""
    if upgrade.stage not in ("pending", "running"):
        return
    upgrade.stage = "failed" if failed else "completed"
    for number, line in enumerate(upgrade.lines):
        if failed and number == 0:
            line.status, line.error = "failed", ("900192", "The Azure subscription could not be moved.")
        elif failed:
            line.status = "pending"
        else:
            legacy = customer.subscriptions[line.source_id]
            plan = _plan_for(world, customer, legacy.partner_id)
            _move(legacy, plan)
            line.status, line.target_id, line.upgraded_at = "completed", plan.id, world.now
    change_by_time(world, f"upgrade.{upgrade.stage}", customer, upgrade.id)


def _plan_for(world: World, customer: Customer, reseller: str) -> Subscription:
    for each in customer.subscriptions.values():
        if each.kind == "azure_plan" and each.status != "deleted" and each.partner_id == reseller:
            return each
    plan = new_plan(
        world, customer, offer_id=plan_offer(world, customer), order_id=world.new_order_id(), reseller=reseller
    )
    change_by_time(world, "subscription.created", customer, plan.id, upgrade=True)
    return plan


def plan_offer(world: World, customer: Customer) -> str:
    """Return the catalog item id that an Azure plan of this customer has, whether or not it is sold just now."""
    product = find_product(AZURE_PLAN_PRODUCT)
    sold = Shelf(world).of(product, product.skus[0], customer.country) if product else []
    return sold[-1].catalog_item_id if sold else f"{AZURE_PLAN_PRODUCT}:{AZURE_PLAN_SKU}:DZH318Z0BML6"


def _move(legacy: Subscription, plan: Subscription) -> None:
    legacy.status = "suspended"
    legacy.version += 1
    if legacy.entitlement_id is not None:
        plan.azure_subscriptions.append(AzureSubscription(legacy.entitlement_id, legacy.friendly_name))
