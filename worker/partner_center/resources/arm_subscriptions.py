"""Azure subscriptions at Azure Resource Manager: their state, cancelling, enabling. In the customer's tenant."""

from worker.partner_center.answers.resource import Resource, Text, Word
from worker.partner_center.operation import Accepted, Api, Arm, Auth, EffectClass, Operation
from worker.partner_center.port import PartnerCenter

DOCS = "https://learn.microsoft.com/rest/api/"
OWNER = "Owner of the Azure subscription"


class ArmSubscription(Resource):
    """An Azure subscription as Azure Resource Manager knows it."""

    subscription_id: Text = None
    display_name: Text = None
    state: Word = None
    """`enabled`, `warned`, `past_due`, `disabled`, `deleted`, or an unknown word."""


GET: Operation[ArmSubscription] = Operation(
    name="arm.subscriptions.get",
    method="GET",
    path="/subscriptions/{subscription_id}",
    answer=ArmSubscription,
    effect=EffectClass.READ,
    auth=Auth.USER,
    source=DOCS + "resources/subscriptions/get",
    api=Api.ARM,
    arm=Arm("2022-12-01", OWNER),
)

CANCEL: Operation[Accepted] = Operation(
    name="arm.subscriptions.cancel",
    method="POST",
    path="/subscriptions/{subscription_id}/providers/Microsoft.Subscription/cancel",
    success=frozenset({200, 202}),
    effect=EffectClass.STATE,
    auth=Auth.USER,
    source=DOCS + "subscription/subscription/cancel",
    api=Api.ARM,
    arm=Arm("2021-10-01", OWNER),
)

ENABLE: Operation[Accepted] = Operation(
    name="arm.subscriptions.enable",
    method="POST",
    path="/subscriptions/{subscription_id}/providers/Microsoft.Subscription/enable",
    success=frozenset({200, 202}),
    effect=EffectClass.STATE,
    auth=Auth.USER,
    source=DOCS + "subscription/subscription/enable",
    api=Api.ARM,
    arm=Arm("2021-10-01", OWNER),
)


async def get(center: PartnerCenter, customer_id: str, subscription_id: str) -> ArmSubscription:
    """The Azure subscription. Raises `NotPermitted` if the user lacks the role, or the tenant gives no token."""
    return await center.call(GET, _path(customer_id, subscription_id))


async def cancel(center: PartnerCenter, customer_id: str, subscription_id: str) -> Accepted:
    """Cancel the Azure subscription. Its state becomes `warned` and later `disabled`."""
    return await center.call(CANCEL, _path(customer_id, subscription_id))


async def enable(center: PartnerCenter, customer_id: str, subscription_id: str) -> Accepted:
    """Enable a cancelled Azure subscription."""
    return await center.call(ENABLE, _path(customer_id, subscription_id))


def _path(customer_id: str, subscription_id: str) -> dict[str, str]:
    return {"customer_id": customer_id, "subscription_id": subscription_id}
