"""Azure entitlements: the Azure subscriptions under an Azure plan."""

from worker.looks.awaited import Awaited
from worker.partner_center.answers.resource import Collection, Id, Resource, Text, Word
from worker.partner_center.operation import Accepted, Auth, EffectClass, Operation
from worker.partner_center.paging import collect
from worker.partner_center.port import PartnerCenter

DOCS = "https://learn.microsoft.com/partner-center/developer/"
COMPROMISE = "compromise"
"""The only documented reason for cancelling."""


class AzureEntitlement(Resource):
    """One Azure subscription under a plan."""

    id: Id
    """The id of the Azure subscription."""
    friendly_name: Text = None
    status: Word = None
    """`active`, `inactive`, or an unknown word. Changes about ten minutes after a cancellation or reactivation."""
    subscription_id: Text = None
    """The id of its Azure plan."""

    @property
    def is_active(self) -> bool:
        """Whether it can be used. An absent or unknown status counts as active."""
        return self.status not in {"inactive", "cancelled", "canceled", "deleted", "disabled"}


LIST: Operation[Collection[AzureEntitlement]] = Operation(
    name="azure_entitlements.list",
    method="GET",
    path="/customers/{customer_id}/subscriptions/{subscription_id}/azureEntitlements",
    answer=Collection[AzureEntitlement],
    page=True,
    effect=EffectClass.READ,
    auth=Auth.EITHER,
    source=DOCS + "get-a-list-of-azure-entitlements-for-subscription",
)

GET: Operation[AzureEntitlement] = Operation(
    name="azure_entitlements.get",
    method="GET",
    path="/customers/{customer_id}/subscriptions/{subscription_id}/azureEntitlements/{entitlement_id}",
    answer=AzureEntitlement,
    effect=EffectClass.READ,
    auth=Auth.EITHER,
    source=DOCS + "get-azure-entitlement",
)

CANCEL: Operation[Accepted] = Operation(
    name="azure_entitlements.cancel",
    method="POST",
    path="/customers/{customer_id}/subscriptions/{subscription_id}/azureEntitlements/{entitlement_id}/cancel",
    success=frozenset({200, 202}),
    effect=EffectClass.STATE,
    auth=Auth.EITHER,
    source=DOCS + "cancel-an-azure-subscription",
)

REACTIVATE: Operation[Accepted] = Operation(
    name="azure_entitlements.reactivate",
    method="POST",
    path="/customers/{customer_id}/subscriptions/{subscription_id}/azureEntitlements/{entitlement_id}/reactivate",
    success=frozenset({200, 202}),
    effect=EffectClass.STATE,
    auth=Auth.EITHER,
    source=DOCS + "reactivate-an-azure-subscription",
)

INACTIVITY = Awaited(
    name="azure_subscription_inactive",
    half=600.0,
    most=720.0,
    source=f"{DOCS}cancel-an-azure-subscription: about ten minutes after the cancellation",
)


ACTIVITY = Awaited(
    name="azure_subscription_active",
    half=600.0,
    most=720.0,
    source=f"{DOCS}reactivate-an-azure-subscription: accepted (202), and no time is given; that of a cancellation",
)


async def list_all(center: PartnerCenter, customer_id: str, subscription_id: str) -> list[AzureEntitlement]:
    """The Azure subscriptions under the plan `subscription_id`."""
    return await collect(center, LIST, {"customer_id": customer_id, "subscription_id": subscription_id})


async def get(center: PartnerCenter, customer_id: str, subscription_id: str, entitlement_id: str) -> AzureEntitlement:
    """One Azure subscription. Refused with 800111 if there is none."""
    return await center.call(GET, _path(customer_id, subscription_id, entitlement_id))


async def cancel(center: PartnerCenter, customer_id: str, subscription_id: str, entitlement_id: str) -> Accepted:
    """Cancel one Azure subscription. Its status stays `active` for about ten minutes after the answer."""
    return await center.call(
        CANCEL, _path(customer_id, subscription_id, entitlement_id), body={"cancellationReason": COMPROMISE}
    )


async def reactivate(center: PartnerCenter, customer_id: str, subscription_id: str, entitlement_id: str) -> Accepted:
    """Activate a cancelled Azure subscription again. Refused with 900337 or 900335 if that is not possible."""
    return await center.call(REACTIVATE, _path(customer_id, subscription_id, entitlement_id))


def _path(customer_id: str, subscription_id: str, entitlement_id: str) -> dict[str, str]:
    return {"customer_id": customer_id, "subscription_id": subscription_id, "entitlement_id": entitlement_id}
