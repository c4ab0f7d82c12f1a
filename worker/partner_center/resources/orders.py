"""Orders: the results of checked-out carts."""

from worker.looks.awaited import Awaited
from worker.partner_center.answers.resource import Collection, Id, Instant, Number, Resource, Text, Word
from worker.partner_center.operation import Auth, EffectClass, Operation
from worker.partner_center.paging import collect
from worker.partner_center.port import PartnerCenter
from worker.partner_center.resources.azure_products import is_azure_plan_item

DOCS = "https://learn.microsoft.com/partner-center/developer/"

COMPLETED = frozenset({"completed", "partial_success"})
FAILED = frozenset({"cancelled", "canceled", "po_review_rejected", "error"})


class OrderLineItem(Resource):
    """One line of an order."""

    line_item_number: Number = None
    offer_id: Text = None
    """The catalog item: product, SKU and availability."""
    subscription_id: Text = None
    """Absent until the subscription is provisioned, some time after check-out."""
    friendly_name: Text = None
    quantity: Number = None
    transaction_type: Word = None
    partner_id_on_record: Text = None

    @property
    def is_azure_plan(self) -> bool:
        """Whether this line orders an Azure plan."""
        return is_azure_plan_item(self.offer_id)


class Order(Resource):
    """An order of a customer."""

    id: Id
    alternate_id: Text = None
    reference_customer_id: Text = None
    line_items: tuple[OrderLineItem, ...] = ()
    creation_date: Instant = None
    status: Word = None
    """`pending`, `pending_review`, `completed`, `cancelled`, `error`, ... or an unknown word."""
    transaction_type: Word = None

    @property
    def is_completed(self) -> bool:
        """Whether Microsoft has executed the order, at least in part."""
        return self.status in COMPLETED

    @property
    def is_failed(self) -> bool:
        """Whether Microsoft has ended the order without executing it."""
        return self.status in FAILED

    @property
    def is_open(self) -> bool:
        """Whether the order may still be executed. True also if its status is absent or unknown."""
        return not (self.is_completed or self.is_failed)

    @property
    def azure_plan_lines(self) -> tuple[OrderLineItem, ...]:
        """The lines that order an Azure plan."""
        return tuple(line for line in self.line_items if line.is_azure_plan)


class QuantityProvisioning(Resource):
    """The quantity of an order line in one provisioning status."""

    quantity: Number = None
    status: Word = None


class LineItemProvisioning(Resource):
    """The provisioning of one order line."""

    line_item_number: Number = None
    status: Word = None
    """`fulfilled`, `unfulfilled`, `prefulfillment_pending`, or an unknown word."""
    quantity_provisioning_information: tuple[QuantityProvisioning, ...] = ()


GET: Operation[Order] = Operation(
    name="orders.get",
    method="GET",
    path="/customers/{customer_id}/orders/{order_id}",
    answer=Order,
    effect=EffectClass.READ,
    auth=Auth.EITHER,
    source=DOCS + "get-an-order-by-id",
)

LIST: Operation[Collection[Order]] = Operation(
    name="orders.list",
    method="GET",
    path="/customers/{customer_id}/orders",
    answer=Collection[Order],
    page=True,
    effect=EffectClass.READ,
    auth=Auth.EITHER,
    source=DOCS + "get-all-of-a-customer-s-orders",
)

PROVISIONING_STATUS: Operation[Collection[LineItemProvisioning]] = Operation(
    name="orders.provisioning_status",
    method="GET",
    path="/customers/{customer_id}/orders/{order_id}/provisioningstatus",
    answer=Collection[LineItemProvisioning],
    page=True,
    effect=EffectClass.READ,
    auth=Auth.USER,
    source=DOCS + "get-subscription-provisioning-status",
)

LISTED = Awaited(
    name="order_listed",
    half=300.0,
    most=900.0,
    source=f"{LIST.source}: up to 15 minutes",
)
COMPLETION = Awaited(
    name="order_completed",
    half=20.0,
    most=90.0,
    source=f"{DOCS}checkout-a-cart says that provisioning is asynchronous, and no time",
)
REVIEW = Awaited(
    name="order_reviewed",
    half=4 * 3600.0,
    most=24 * 3600.0,
    source="not documented: a person decides",
)
END_OF_FOREIGN = Awaited(
    name="foreign_order_ended",
    half=30.0,
    most=600.0,
    source="not documented: the order may be in provisioning or in review",
    after_write=False,
)


async def get(center: PartnerCenter, customer_id: str, order_id: str) -> Order:
    """The order. Refused with 20000 if there is none."""
    return await center.call(GET, {"customer_id": customer_id, "order_id": order_id})


async def list_all(center: PartnerCenter, customer_id: str) -> list[Order]:
    """The customer's orders. A new order can be missing for up to 15 minutes."""
    return await collect(center, LIST, {"customer_id": customer_id})


async def provisioning_status(center: PartnerCenter, customer_id: str, order_id: str) -> list[LineItemProvisioning]:
    """The provisioning of each line of an order. Refused with 800007 if Partner Center cannot tell it."""
    return await collect(center, PROVISIONING_STATUS, {"customer_id": customer_id, "order_id": order_id})
