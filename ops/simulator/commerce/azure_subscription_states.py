"""How an Azure subscription changes: at Azure Resource Manager soon, at Partner Center about ten minutes later.

Pages: partner-center/developer/cancel-an-azure-subscription and reactivate-an-azure-subscription (the ten minutes);
azure/cost-management-billing/manage/subscription-states (the states, and the deletion after 90 days).
"""

from ops.simulator.books import Received
from ops.simulator.requests.calls import record
from ops.simulator.state import AzureState, AzureSubscription, Customer
from ops.simulator.world import World


def azure_state(world: World, subscription: AzureSubscription) -> AzureState:
    """Return the state that Azure Resource Manager shows now."""
    state = subscription.azure_state
    if state is None and subscription.status == "inactive":
        state = "Disabled"
    elif state is None:
        state = "Warned" if subscription.changing_to == "inactive" else "Enabled"
    stopped_at = subscription.stopped_at
    old = stopped_at is not None and world.now >= stopped_at + world.settings.azure_deletion
    return "Deleted" if old and state == "Disabled" else state


def stop(world: World, customer: Customer, subscription: AzureSubscription, cause: Received) -> None:
    """Begin to cancel an Azure subscription; one that is inactive or on its way there stays as it is."""
    if subscription.status == "active" and subscription.changing_to != "inactive":
        record(world, cause, "entitlement.cancel_requested", customer, subscription.id, {})
        _change(world, customer, subscription, "inactive", cause)


def start(world: World, customer: Customer, subscription: AzureSubscription, cause: Received) -> None:
    """Begin to reactivate an Azure subscription; one that is active or on its way there stays as it is."""
    if subscription.status != "active" and subscription.changing_to != "active":
        record(world, cause, "entitlement.reactivate_requested", customer, subscription.id, {})
        _change(world, customer, subscription, "active", cause)


def turn_later(world: World, subscription: AzureSubscription, seconds: float, state: AzureState | None) -> None:
    """Change the state at Azure Resource Manager alone, unless Partner Center shows the end of the change before."""
    wanted = subscription.changing_to

    def turn() -> None:
        if subscription.changing_to == wanted:
            subscription.azure_state = state

    world.later(seconds, turn)


def _change(world: World, customer: Customer, subscription: AzureSubscription, status: str, cause: Received) -> None:
    subscription.changing_to = status
    wait = world.lag(world.settings_for(customer).entitlement_flip)

    def flip() -> None:
        if subscription.changing_to == status:
            subscription.status, subscription.changing_to, subscription.azure_state = status, None, None
            subscription.stopped_at = world.now if status == "inactive" else None
            record(world, cause, f"entitlement.{status}", customer, subscription.id, {})

    world.later(wait, flip)
