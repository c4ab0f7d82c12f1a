"""Azure subscriptions: get, cancel, enable.

Specification: github.com Azure/azure-rest-api-specs, Microsoft.Subscription 2021-10-01; learn.microsoft.com
rest/api/resources/subscriptions/get (2022-12-01).
"""

from ops.simulator.commerce.azure_subscription_states import azure_state, start, stop, turn_later
from ops.simulator.requests.answers import Answer
from ops.simulator.requests.calls import is_guid
from ops.simulator.resource_manager.calls import ArmCall, ArmOperation, ArmRefused
from ops.simulator.state import AzureSubscription, Subscription

PATH = "/subscriptions/{subscription_id}"
PROVIDER = f"{PATH}/providers/Microsoft.Subscription"


def get_subscription(call: ArmCall) -> Answer:
    """Answer one Azure subscription with its state."""
    _, found = _find(call)
    return Answer(
        200,
        {
            "id": f"/subscriptions/{found.id}",
            "authorizationSource": "RoleBased",
            "managedByTenants": [{"tenantId": call.caller.partner.tenant_id}],
            "subscriptionId": found.id,
            "tenantId": call.customer.id,
            "displayName": found.name,
            "state": azure_state(call.world, found),
            "subscriptionPolicies": {
                "locationPlacementId": "Public_2014-09-01",
                "quotaId": "CSP_2015-05-01",
                "spendingLimit": "Off",
            },
        },
    )


def cancel_subscription(call: ArmCall) -> Answer:
    """Begin to cancel an Azure subscription: Warned, then Disabled, and inactive at Partner Center in ten minutes."""
    _, found = _find(call)
    if found.has_resources and call.received.query.get("ignoreresourcecheck", "").lower() != "true":
        raise _refusal(400, "BadRequest", "There are existing resources associated with the subscription.")
    if found.changing_to == "active":
        raise _refusal(409, "Conflict", "The subscription is being enabled.")
    if found.changing_to == "inactive" or azure_state(call.world, found) in ("Disabled", "Deleted"):
        return _repeated(call, found)
    settings, present = call.settings, azure_state(call.world, found)
    stop(call.world, call.customer, found, call.received)
    if found.changing_to == "inactive":
        found.azure_state = present
        turn_later(call.world, found, call.world.lag(settings.azure_warned), "Warned")
        turn_later(call.world, found, call.world.lag(settings.azure_disabled), "Disabled")
    return Answer(200, {"subscriptionId": found.id})


def enable_subscription(call: ArmCall) -> Answer:
    """Begin to enable a cancelled Azure subscription of an active plan."""
    plan, found = _find(call)
    state = azure_state(call.world, found)
    if found.changing_to == "inactive":
        raise _refusal(409, "Conflict", "The subscription is being cancelled.")
    if state in ("Enabled", "PastDue") or found.changing_to == "active":
        return _repeated(call, found)
    if found.reactivation == 900335:
        raise _refusal(403, "AuthorizationFailed", "The caller may not enable this subscription.")
    if found.reactivation is not None or state == "Deleted":
        raise _refusal(400, "BadRequest", f"The subscription is {state} and cannot be enabled.")
    if plan.status != "active":
        raise _refusal(409, "Conflict", f"The plan of the subscription is {plan.status}.")
    start(call.world, call.customer, found, call.received)
    if found.changing_to == "active":
        found.azure_state = state
        turn_later(call.world, found, call.world.lag(call.settings.azure_enabled), "Enabled")
    return Answer(200, {"subscriptionId": found.id})


def _repeated(call: ArmCall, found: AzureSubscription) -> Answer:
    if call.settings.azure_repeat == "refused":
        raise _refusal(409, "Conflict", f"The subscription is {azure_state(call.world, found)} already.")
    return Answer(200, {"subscriptionId": found.id})


def _find(call: ArmCall) -> tuple[Subscription, AzureSubscription]:
    wanted = call.params["subscription_id"].lower()
    if not is_guid(wanted):
        text = f"The provided subscription identifier '{wanted}' is malformed or invalid."
        raise ArmRefused(400, "InvalidSubscriptionId", text)
    for plan in call.customer.subscriptions.values():
        for each in plan.azure_subscriptions:
            if each.id == wanted:
                call.allow(call.customer.azure_role, f"/subscriptions/{each.id}")
                return plan, each
    raise ArmRefused(404, "SubscriptionNotFound", f"The subscription '{wanted}' could not be found.")


def _refusal(status: int, code: str, message: str) -> ArmRefused:
    return ArmRefused(status, code, message, flat=True)


OPERATIONS = (
    ArmOperation(
        "arm.subscriptions.get", "GET", PATH, get_subscription, "2022-12-01", "Microsoft.Resources/subscriptions/read"
    ),
    ArmOperation(
        "arm.subscriptions.cancel",
        "POST",
        f"{PROVIDER}/cancel",
        cancel_subscription,
        "2021-10-01",
        "Microsoft.Subscription/cancel/action",
    ),
    ArmOperation(
        "arm.subscriptions.enable",
        "POST",
        f"{PROVIDER}/enable",
        enable_subscription,
        "2021-10-01",
        "Microsoft.Subscription/enable/action",
    ),
)
