"""Product upgrades from the legacy Azure offer to the Azure plan: eligibility, create, status. A user's token only.

Pages: partner-center/developer/get-eligibility-for-product-upgrade, create-product-upgrade-entity,
get-product-upgrade-status, and partner-center/azure-plan-transition for what an upgrade changes.
"""

from ops.simulator.clock import wire_date
from ops.simulator.commerce.error_codes import CODES, Refused
from ops.simulator.commerce.upgrade_progress import finish, start_running
from ops.simulator.requests.answers import Answer, Json, present
from ops.simulator.requests.calls import Call, Operation
from ops.simulator.state import Customer, Upgrade, UpgradeLine
from ops.simulator.world import World

STAGES = ("pending", "running", "completed", "failed")


def eligibility(call: Call) -> Answer:
    """Tell whether an upgrade can be created, the id of one that exists, and why not."""
    customer = _customer(call)
    newest = customer.upgrades[-1] if customer.upgrades else None
    code = _obstacle(call.world, customer)
    reason = call.world.settings_for(customer).ineligible_reason or (CODES[code][1] if code else None)
    return Answer(
        200,
        present(
            customerId=customer.id,
            isEligible=reason is None,
            productFamily=str(call.body["productfamily"]),
            upgradeId=newest.id if newest else None,
            reason=reason,
        ),
    )


def create_upgrade(call: Call) -> Answer:
    """Start an upgrade of every legacy Azure subscription of the customer."""
    customer = _customer(call)
    settings = call.world.settings_for(customer)
    code = settings.refuse_upgrade or _obstacle(call.world, customer)
    if code is None and settings.ineligible_reason is not None:
        code = 900120
    if code is not None:
        raise Refused(code, customer.upgrades[-1].id if customer.upgrades else "")
    legacy = [each for each in customer.subscriptions.values() if each.kind == "legacy_azure"]
    upgrade = Upgrade(
        id=call.world.new_id(),
        customer_id=customer.id,
        product_family="Azure",
        created_at=call.at,
        lines=[UpgradeLine(each.id, "pending") for each in legacy if each.status == "active"],
        request_id=call.received.request_id,
    )
    customer.upgrades.append(upgrade)
    call.effect("upgrade.created", customer, upgrade.id)
    call.world.later(call.world.lag(settings.upgrade_pending), lambda: start_running(call.world, customer, upgrade))
    if settings.upgrade_outcome != "never":
        span = call.world.lag(settings.upgrade_pending) + call.world.lag(settings.upgrade_running)
        failed = settings.upgrade_outcome == "failed"
        call.world.later(span, lambda: finish(call.world, customer, upgrade, failed=failed))
    return Answer(202, headers={"Location": f"productUpgrades/{upgrade.id}"})


def upgrade_status(call: Call) -> Answer:
    """Answer the progress of an upgrade."""
    customer, wanted = _customer(call), call.params["upgrade_id"].lower()
    for upgrade in customer.upgrades:
        if upgrade.id == wanted:
            return Answer(200, _body(call.world, customer, upgrade))
    others = (each for other in call.world.customers.values() for each in other.upgrades)
    raise Refused(900111 if any(each.id == wanted for each in others) else 900106)


def _customer(call: Call) -> Customer:
    if str(call.body.get("productfamily") or "").lower() != "azure":
        raise Refused(900126, "productFamily")
    return call.customer_of(call.body.get("customerid"))


def _obstacle(world: World, customer: Customer) -> int | None:
    newest = customer.upgrades[-1] if customer.upgrades else None
    legacy = [each for each in customer.subscriptions.values() if each.kind == "legacy_azure"]
    if newest and newest.stage in ("pending", "running"):
        return 900109
    if newest and newest.stage == "completed":
        return 900110
    if newest and not world.settings_for(customer).failed_upgrade_stays_eligible:
        return 900120
    if not [each for each in legacy if each.status != "deleted"]:
        return 900108
    if any(each.status == "suspended" for each in legacy):
        return 900105
    return None if customer.agreed else 13605


def _body(world: World, customer: Customer, upgrade: Upgrade) -> Json:
    settings = world.settings_for(customer)
    words = dict(zip(STAGES, settings.upgrade_statuses, strict=True))
    return {
        "id": upgrade.id,
        "status": words[upgrade.stage],
        "productFamily": upgrade.product_family,
        "lineItems": [_line_body(world, words, settings.upgrade_error_text, line) for line in upgrade.lines],
    }


def _line_body(world: World, words: dict[str, str], text: str, line: UpgradeLine) -> Json:
    return present(
        sourceProduct={"id": line.source_id, "name": "AzureSubscription"},
        targetProduct={"id": line.target_id, "name": "Microsoft Azure plan"} if line.target_id else None,
        upgradedDate=wire_date(world.clock.date(line.upgraded_at)) if line.upgraded_at is not None else None,
        status=words[line.status],
        errorDetails={"code": line.error[0], text: line.error[1]} if line.error else None,
    )


OPERATIONS = (
    Operation("upgrades.eligibility", "POST", "/productUpgrades/eligibility", eligibility, auth="user"),
    Operation(
        "upgrades.create", "POST", "/productUpgrades", create_upgrade, auth="user", effect=True, busy_code=900109
    ),
    Operation("upgrades.status", "POST", "/productUpgrades/{upgrade_id}/status", upgrade_status, auth="user"),
    Operation("upgrades.status", "POST", "/productUpgrades/{upgrade_id}", upgrade_status, auth="user"),
)
