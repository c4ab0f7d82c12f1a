"""Azure subscriptions under an Azure plan: list, get, cancel, reactivate.

Pages: partner-center/developer/get-a-list-of-azure-entitlements-for-subscription,
get-an-azure-entitlement-for-a-subscription, cancel-an-azure-subscription, reactivate-an-azure-subscription.
"""

from ops.simulator.commerce.azure_subscription_states import azure_state, start, stop
from ops.simulator.commerce.error_codes import Refused
from ops.simulator.requests.answers import Answer, Json, collection, link
from ops.simulator.requests.calls import Call, Operation
from ops.simulator.resources.subscriptions import find_subscription
from ops.simulator.state import AzureSubscription

_COLLECTION = "/customers/{customer_id}/subscriptions/{subscription_id}/azureEntitlements"
_ITEM = _COLLECTION + "/{entitlement_id}"


def list_entitlements(call: Call) -> Answer:
    """List the Azure subscriptions of a plan, without links, as the documented sample."""
    plan = find_subscription(call)
    return Answer(200, collection([_body(plan.id, each) for each in plan.azure_subscriptions]))


def get_entitlement(call: Call) -> Answer:
    """Answer one Azure subscription."""
    return _linked(call, 200, _find(call))


def cancel_entitlement(call: Call) -> Answer:
    """Begin to cancel an Azure subscription, which stays ``active`` for about ten minutes."""
    entitlement = _find(call)
    if str(call.body.get("cancellationreason") or "").lower() != "compromise":
        raise Refused(900307)
    stop(call.world, call.customer, entitlement, call.received)
    return _linked(call, call.settings.entitlement_cancel_status, entitlement)


def reactivate_entitlement(call: Call) -> Answer:
    """Begin to reactivate an Azure subscription of an active plan, unless it was inactive for too long."""
    plan, entitlement = find_subscription(call), _find(call)
    if plan.status != "active":
        raise Refused(900337, f"the plan is {plan.status}")
    if entitlement.reactivation is not None:
        raise Refused(entitlement.reactivation)
    if azure_state(call.world, entitlement) == "Deleted":
        raise Refused(900337, "it was inactive for too long")
    start(call.world, call.customer, entitlement, call.received)
    return Answer(202)


def _find(call: Call) -> AzureSubscription:
    wanted = call.params["entitlement_id"].lower()
    for each in find_subscription(call).azure_subscriptions:
        if each.id == wanted:
            return each
    raise Refused(800111)


def _linked(call: Call, status: int, entitlement: AzureSubscription) -> Answer:
    plan = find_subscription(call)
    uri = f"/customers/{plan.customer_id}/subscriptions/{plan.id}/azureEntitlements/{entitlement.id}"
    return Answer(status, _body(plan.id, entitlement) | {"links": {"self": link(uri)}})


def _body(plan_id: str, entitlement: AzureSubscription) -> Json:
    return {
        "id": entitlement.id,
        "friendlyName": entitlement.name,
        "status": entitlement.status,
        "subscriptionId": plan_id,
    }


OPERATIONS = (
    Operation("azure_entitlements.list", "GET", _COLLECTION, list_entitlements, stranger_code=900159),
    Operation("azure_entitlements.get", "GET", _ITEM, get_entitlement, stranger_code=900159),
    Operation(
        "azure_entitlements.cancel",
        "POST",
        _ITEM + "/cancel",
        cancel_entitlement,
        effect=True,
        busy_code=800082,
        stranger_code=900159,
    ),
    Operation(
        "azure_entitlements.reactivate",
        "POST",
        _ITEM + "/reactivate",
        reactivate_entitlement,
        effect=True,
        busy_code=800082,
        stranger_code=900159,
    ),
)
