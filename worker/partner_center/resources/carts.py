"""Carts. A purchase is keyed by its cart. Partner Center also creates a cart with an item in error."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import model_validator

from worker.looks.awaited import Awaited
from worker.partner_center.answers.resource import Document, Id, Instant, Number, Resource, Text, Word, member
from worker.partner_center.operation import Auth, EffectClass, Operation, Refusal
from worker.partner_center.port import PartnerCenter
from worker.partner_center.resources.azure_products import is_azure_plan_item
from worker.partner_center.resources.orders import Order

DOCS = "https://learn.microsoft.com/partner-center/developer/"
TRANSACTION_RESELLER = "transaction_reseller"


class CartError(Resource):
    """Why an item of a cart cannot be bought. The codes are those of cart items, not those of faults."""

    error_code: Text = None
    error_description: Text = None

    @model_validator(mode="before")
    @classmethod
    def _text_is_an_error_too(cls, document: object) -> object:
        return {"errorDescription": document} if isinstance(document, str) else document


class CartLineItem(Resource):
    """One item of a cart."""

    id: Text = None
    """A number as text."""
    catalog_item_id: Text = None
    friendly_name: Text = None
    quantity: Number = None
    currency_code: Text = None
    billing_cycle: Word = None
    order_group: Text = None
    addon_items: "tuple[CartLineItem, ...]" = ()
    error: CartError | None = None

    @property
    def is_azure_plan(self) -> bool:
        """Whether this item is an Azure plan."""
        return is_azure_plan_item(self.catalog_item_id)


class Cart(Document):
    """A cart of a customer. Sent back as a whole when it is changed."""

    id: Id
    status: Word = None
    """`active`: can be changed and checked out. `ordered`: was checked out."""
    creation_timestamp: Instant = None
    expiration_timestamp: Instant = None
    line_items: tuple[CartLineItem, ...] = ()

    @property
    def is_ordered(self) -> bool:
        """Whether the cart was checked out. Then it cannot buy anything any more."""
        return self.status == "ordered"

    @property
    def items(self) -> Iterator[CartLineItem]:
        """Every item, with add-ons of other items."""
        waiting = list(self.line_items)
        while waiting:
            item = waiting.pop(0)
            yield item
            waiting[:0] = item.addon_items

    @property
    def errors(self) -> tuple[CartError, ...]:
        """The errors of its items. While there is one, no item of the cart may be bought."""
        return tuple(item.error for item in self.items if item.error)

    def with_catalog_items(self, replacements: Mapping[str, str]) -> Mapping[str, Any]:
        """The body of an update that gives top-level items other catalog items, and removes their errors.

        `replacements` maps ids of line items to new catalog item ids. Everything else stays as it came.
        """
        lines = member(self.raw, "lineItems")
        old = zip(self.line_items, self.raw.get(lines) or (), strict=True)
        lines_now = [
            _with_catalog_item(raw, replacements[item.id]) if item.id is not None and item.id in replacements else raw
            for item, raw in old
        ]
        return {**self.raw, lines: lines_now}


def _with_catalog_item(line: Mapping[str, Any], catalog_item_id: str) -> Mapping[str, Any]:
    kept = {name: value for name, value in line.items() if name.lower() != "error"}
    return {**kept, member(kept, "catalogItemId"): catalog_item_id}


class OrderError(Resource):
    """Why a group of items of a cart was not ordered."""

    order_group_id: Text = None
    code: Text = None
    description: Text = None


class CheckoutResult(Resource):
    """The result of a check-out. It can hold orders and errors together: one per group of items."""

    orders: tuple[Order, ...] = ()
    order_errors: tuple[OrderError, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _says_something(cls, document: object) -> object:
        """Refuse an object without orders and errors. Accept a lone order as a result with one order."""
        names = {str(name).lower() for name in document} if isinstance(document, Mapping) else set()
        if not names.isdisjoint({"orders", "ordererrors"}):
            return document
        if {"id", "lineitems", "referencecustomerid"} <= names:
            return {"orders": [document]}
        raise ValueError("neither orders nor orderErrors")


@dataclass(frozen=True, slots=True)
class NewLineItem:
    """An item of a new cart."""

    catalog_item_id: str
    quantity: int = 1
    billing_cycle: str = "one_time"
    reseller_id: str | None = None
    """Partner id of the indirect reseller of this sale. None without a reseller."""

    def document(self, number: int) -> Mapping[str, Any]:
        """The item in Partner Center's form."""
        document: dict[str, Any] = {
            "id": number,
            "catalogItemId": self.catalog_item_id,
            "quantity": self.quantity,
            "billingCycle": self.billing_cycle,
        }
        if self.reseller_id is not None:
            document["participants"] = [{"key": TRANSACTION_RESELLER, "value": self.reseller_id}]
        return document


@dataclass(frozen=True, slots=True)
class NewCart:
    """A cart to create."""

    line_items: Sequence[NewLineItem]

    def document(self) -> Mapping[str, Any]:
        """The cart in Partner Center's form. With a reseller it holds the attestation (refused with 900206 without)."""
        document: dict[str, Any] = {"lineItems": [item.document(number) for number, item in enumerate(self.line_items)]}
        if any(item.reseller_id is not None for item in self.line_items):
            document["partnerOnRecordAttestationAccepted"] = True
        return document


CREATE: Operation[Cart] = Operation(
    name="carts.create",
    method="POST",
    path="/customers/{customer_id}/carts",
    answer=Cart,
    success=frozenset({200, 201}),
    effect=EffectClass.ORPHAN,
    auth=Auth.EITHER,
    source=DOCS + "create-a-cart",
)

GET: Operation[Cart] = Operation(
    name="carts.get",
    method="GET",
    path="/customers/{customer_id}/carts/{cart_id}",
    answer=Cart,
    effect=EffectClass.READ,
    auth=Auth.EITHER,
    source="https://learn.microsoft.com/rest/api/partner-center/manage-orders/get-a-cart-by-id",
)

UPDATE: Operation[Cart] = Operation(
    name="carts.update",
    method="PUT",
    path="/customers/{customer_id}/carts/{cart_id}",
    answer=Cart,
    success=frozenset({200, 201}),
    effect=EffectClass.STATE,
    auth=Auth.EITHER,
    source=DOCS + "update-a-cart",
)


def _nothing_ordered(result: CheckoutResult) -> Refusal | None:
    """The first error of a check-out without orders. None if there are orders or no errors."""
    error = next(iter(result.order_errors), None)
    return None if result.orders or error is None else Refusal(error.code, error.description)


CHECKOUT: Operation[CheckoutResult] = Operation(
    name="carts.checkout",
    method="POST",
    path="/customers/{customer_id}/carts/{cart_id}/checkout",
    answer=CheckoutResult,
    success=frozenset({200, 201}),
    refusal=_nothing_ordered,
    effect=EffectClass.MONEY,
    auth=Auth.EITHER,
    source=DOCS + "checkout-a-cart",
)

FREEDOM = Awaited(
    name="cart_free",
    half=30.0,
    most=300.0,
    source=f"{DOCS}error-codes: an order in progress (800060) is in the order history in a few minutes",
    after_write=False,
)


async def create(center: PartnerCenter, customer_id: str, cart: NewCart) -> Cart:
    """Create a cart. Buys nothing. Check its `errors`."""
    return await center.call(CREATE, {"customer_id": customer_id}, body=cart.document())


async def get(center: PartnerCenter, customer_id: str, cart_id: str) -> Cart:
    """The cart. Refused with 800008 if there is none, or if it has expired (after seven days)."""
    return await center.call(GET, {"customer_id": customer_id, "cart_id": cart_id})


async def update(center: PartnerCenter, customer_id: str, cart_id: str, document: Mapping[str, Any]) -> Cart:
    """Replace the cart by `document`, the whole cart (see `Cart.with_catalog_items`). Check its `errors`."""
    return await center.call(UPDATE, {"customer_id": customer_id, "cart_id": cart_id}, body=document)


async def checkout(center: PartnerCenter, customer_id: str, cart_id: str) -> CheckoutResult:
    """Buy the items of the cart. By the documentation it is harmless to repeat this for the same cart.

    Refused with the first of `order_errors` if there are no orders; with 800065 if the cart was checked out before and
    Partner Center does not repeat its answer; 800064 while another request works on the cart; 800060 while its order is
    in progress; 400019 if an item is stale.
    """
    return await center.call(CHECKOUT, {"customer_id": customer_id, "cart_id": cart_id})
