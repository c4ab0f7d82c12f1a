"""Subscriptions of a customer. An Azure plan is one of them; the Azure subscriptions under a plan are not."""

from contextlib import aclosing
from typing import Annotated

from pydantic import ValidationError

from worker.looks.awaited import Awaited
from worker.partner_center.answers.exact_json import loads
from worker.partner_center.answers.resource import (
    OR_NONE,
    Collection,
    Document,
    Flag,
    Id,
    Instant,
    Number,
    Reference,
    Text,
    Word,
    member,
)
from worker.partner_center.errors import Unanswered
from worker.partner_center.item_stream import items
from worker.partner_center.operation import Auth, EffectClass, Operation
from worker.partner_center.paging import collect
from worker.partner_center.port import PartnerCenter
from worker.partner_center.resources.azure_products import is_azure_plan_item, is_legacy_azure_item
from worker.partner_center.resources.catalog import ProductType

DOCS = "https://learn.microsoft.com/partner-center/developer/"


class Subscription(Document):
    """A subscription. Sent back as a whole when it is changed: Partner Center resets members that are left out."""

    id: Id
    offer_id: Text = None
    offer_name: Text = None
    friendly_name: Text = None
    entitlement_id: Text = None
    """The Azure subscription behind a legacy subscription. Absent on Azure plans."""
    product_type: Annotated[ProductType | None, OR_NONE] = None
    quantity: Number = None
    creation_date: Instant = None
    effective_start_date: Instant = None
    commitment_end_date: Instant = None
    status: Word = None
    """`active`, `suspended`, `deleted`, `expired`, `pending`, `disabled`, `none`, or an unknown word."""
    auto_renew_enabled: Flag = None
    billing_type: Word = None
    billing_cycle: Word = None
    order_id: Reference = None
    partner_id: Text = None
    """The reseller of record of an indirect sale. None if there is none."""

    @property
    def is_active(self) -> bool:
        """Whether the subscription can be used."""
        return self.status == "active"

    @property
    def is_suspended(self) -> bool:
        """Whether it is suspended. It can then be activated again."""
        return self.status == "suspended"

    @property
    def is_deleted(self) -> bool:
        """Whether it is deleted for good."""
        return self.status == "deleted"

    @property
    def is_azure_plan(self) -> bool:
        """Whether it is an Azure plan: by its offer, or without an offer by its product type and billing."""
        if self.offer_id is not None:
            return is_azure_plan_item(self.offer_id)
        kinds = (self.product_type.id, self.product_type.display_name) if self.product_type else ()
        named = any(kind and kind.casefold().replace(" ", "") in {"azure", "azureplan"} for kind in kinds)
        return named and self.billing_type == "usage" and self.entitlement_id is None

    @property
    def is_legacy_azure(self) -> bool:
        """Whether it is a legacy Azure subscription (MS-AZR-0145P): by its offer, and billed by usage or unknown."""
        return is_legacy_azure_item(self.offer_id) and self.billing_type in {None, "none", "usage"}

    @property
    def may_belong_to_upgrade(self) -> bool:
        """Whether a product upgrade may have begun with it or made it: legacy or an Azure plan, in any status.

        A subscription without an offer may be anything.
        """
        is_azure = is_legacy_azure_item(self.offer_id) or is_azure_plan_item(self.offer_id)
        return is_azure or self.offer_id is None or self.entitlement_id is not None


LIST: Operation[Collection[Subscription]] = Operation(
    name="subscriptions.list",
    method="GET",
    path="/customers/{customer_id}/subscriptions",
    answer=Collection[Subscription],
    page=True,
    effect=EffectClass.READ,
    auth=Auth.EITHER,
    source=DOCS + "get-all-of-a-customer-s-subscriptions",
)

LIST_BY_ORDER: Operation[Collection[Subscription]] = Operation(
    name="subscriptions.list_by_order",
    method="GET",
    path="/customers/{customer_id}/subscriptions",
    answer=Collection[Subscription],
    page=True,
    effect=EffectClass.READ,
    auth=Auth.EITHER,
    source=DOCS + "get-a-list-of-subscriptions-by-order",
)

GET: Operation[Subscription] = Operation(
    name="subscriptions.get",
    method="GET",
    path="/customers/{customer_id}/subscriptions/{subscription_id}",
    answer=Subscription,
    effect=EffectClass.READ,
    auth=Auth.EITHER,
    source=DOCS + "get-a-subscription-by-id",
)

PATCH: Operation[Subscription | None] = Operation(
    name="subscriptions.patch",
    method="PATCH",
    path="/customers/{customer_id}/subscriptions/{subscription_id}",
    answer=Subscription,
    success=frozenset({200, 202}),
    effect=EffectClass.STATE,
    auth=Auth.EITHER,
    source=DOCS + "suspend-a-subscription",
)

OF_ORDER = Awaited(
    name="subscription_of_order",
    half=30.0,
    most=120.0,
    source=f"{DOCS}order-resources: the id of the subscription comes some time after the order, and no time is given",
)
CHANGE = Awaited(
    name="plan_changed",
    half=15.0,
    most=60.0,
    source=f"{PATCH.source}: the change may be accepted (202) and made later, and no time is given",
)
FREEDOM = Awaited(
    name="plan_free",
    half=15.0,
    most=60.0,
    source=f"{DOCS}error-codes: the subscription is not ready for a change (800082), and no time is given",
    after_write=False,
)
OPERATION_END = Awaited(
    name="plan_operation_ended",
    half=12 * 3600.0,
    most=24 * 3600.0,
    source=f"{DOCS}error-codes: a pending operation (900278) is over after 24 hours",
    after_write=False,
    apart=3600.0,
)
"""A look is a change that Partner Center refuses: it is made once an hour at most."""


async def list_all(center: PartnerCenter, customer_id: str) -> list[Subscription]:
    """All subscriptions of the customer, in every status."""
    return await collect(center, LIST, {"customer_id": customer_id})


async def list_present(center: PartnerCenter, customer_id: str) -> list[Subscription]:
    """All subscriptions of the customer, for a report: null entries of the list are left out.

    Commands that buy or change something take `list_all`, which raises `Unanswered` for such a list: what they do not
    see they might buy once more.
    """
    async with aclosing(items(center, LIST, {"customer_id": customer_id})) as found:
        try:
            return [Subscription.model_validate(loads(each)) async for each in found]
        except ValidationError:
            raise Unanswered(LIST.name, "a subscription in the list cannot be read") from None


async def list_by_order(center: PartnerCenter, customer_id: str, order_id: str) -> list[Subscription]:
    """The subscriptions of an order."""
    return await collect(center, LIST_BY_ORDER, {"customer_id": customer_id}, query={"order_id": order_id})


async def get(center: PartnerCenter, customer_id: str, subscription_id: str) -> Subscription:
    """The subscription. Refused with 20003 if there is none."""
    return await center.call(GET, {"customer_id": customer_id, "subscription_id": subscription_id})


async def patch(
    center: PartnerCenter, customer_id: str, subscription: Subscription, *, status: str
) -> Subscription | None:
    """Send the freshly read `subscription` back as a whole with another `status` (`suspended`, `active`).

    Returns the changed subscription. None if Partner Center accepted the change and has not made it yet (202): read the
    subscription again. Refused with 900115 while an Azure subscription under the plan is active.
    """
    return await center.call(
        PATCH,
        {"customer_id": customer_id, "subscription_id": subscription.id},
        body={**subscription.raw, member(subscription.raw, "status"): status},
    )
