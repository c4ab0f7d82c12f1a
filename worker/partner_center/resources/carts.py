"""Carts: the one key under which something is bought. A cart can hold an item with an error and still be made."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import model_validator

from worker.partner_center.answers.model import (
    Document,
    Id,
    Instant,
    Number,
    Resource,
    Text,
    Word,
    member,
)
from worker.partner_center.api import PartnerCenter
from worker.partner_center.operation import Auth, EffectClass, Operation, Refusal
from worker.partner_center.resources.azure_products import is_azure_plan_item
from worker.partner_center.resources.orders import Order

DOCS = "https://learn.microsoft.com/partner-center/developer/"
TRANSACTION_RESELLER = "transaction_reseller"


class CartError(Resource):
    """Why an item of a cart cannot be bought. The codes are those of carts, not of faults."""

    error_code: Text = None
    error_description: Text = None

    @model_validator(mode="before")
    @classmethod
    def _text_is_an_error_too(cls, document: object) -> object:
        return {"errorDescription": document} if isinstance(document, str) else document


class CartLineItem(Resource):
    """One item of a cart."""

    id: Text = None
    """A number, as text."""
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
    """A cart of a customer. Sent back whole when it is changed."""

    id: Id
    status: Word = None
    """`active`: can be changed and checked out; `ordered`: was checked out."""
    creation_timestamp: Instant = None
    expiration_timestamp: Instant = None
    line_items: tuple[CartLineItem, ...] = ()

    @property
    def is_ordered(self) -> bool:
        """Whether it was checked out, so that it cannot buy anything any more."""
        return self.status == "ordered"

    @property
    def items(self) -> Iterator[CartLineItem]:
        """Every item, those that are add-ons of others included."""
        waiting = list(self.line_items)
        while waiting:
            item = waiting.pop(0)
            yield item
            waiting[:0] = item.addon_items

    @property
    def errors(self) -> tuple[CartError, ...]:
        """The errors of its items. None of such a cart's items may be bought before they are mended."""
        return tuple(item.error for item in self.items if item.error)

    def with_catalog_items(self, replacements: Mapping[str, str]) -> Mapping[str, Any]:
        """The body of an update in which top-level items have other catalog items, and no errors.

        `replacements` maps the ids of line items to new catalog item ids. All else stays as it came.
        """
        lines = member(self.raw, "lineItems")
        old = zip(self.line_items, self.raw.get(lines) or (), strict=True)
        mended = [
            _mended(raw, replacements[item.id]) if item.id is not None and item.id in replacements else raw
            for item, raw in old
        ]
        return {**self.raw, lines: mended}


def _mended(line: Mapping[str, Any], catalog_item_id: str) -> Mapping[str, Any]:
    kept = {name: value for name, value in line.items() if name.lower() != "error"}
    return {**kept, member(kept, "catalogItemId"): catalog_item_id}


class OrderError(Resource):
    """Why a group of a cart's items was not ordered."""

    order_group_id: Text = None
    code: Text = None
    description: Text = None


class CheckoutResult(Resource):
    """What a check-out made. Orders and errors can come together: one per group of items."""

    orders: tuple[Order, ...] = ()
    order_errors: tuple[OrderError, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _says_something(cls, document: object) -> object:
        """An object that speaks neither of orders nor of errors is no result; a lone order is a result of one."""
        names = {str(name).lower() for name in document} if isinstance(document, Mapping) else set()
        if not names.isdisjoint({"orders", "ordererrors"}):
            return document
        if {"id", "lineitems", "referencecustomerid"} <= names:
            return {"orders": [document]}
        raise ValueError("neither orders nor orderErrors")


@dataclass(frozen=True, slots=True)
class NewLineItem:
    """An item to put into a new cart."""

    catalog_item_id: str
    quantity: int = 1
    billing_cycle: str = "one_time"
    reseller_id: str | None = None
    """Partner id of the indirect reseller that the sale is made through."""

    def document(self, number: int) -> Mapping[str, Any]:
        """The item as Partner Center reads it."""
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
    """A cart to be made."""

    line_items: Sequence[NewLineItem]

    def document(self) -> Mapping[str, Any]:
        """The cart as Partner Center reads it; with a reseller, its attestation is needed too (else 900206)."""
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
    """The first error of a check-out that made no order."""
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


async def create(center: PartnerCenter, customer_id: str, cart: NewCart) -> Cart:
    """Make a cart. Nothing is bought; look at its `errors`."""
    return await center.call(CREATE, {"customer_id": customer_id}, body=cart.document())


async def get(center: PartnerCenter, customer_id: str, cart_id: str) -> Cart:
    """The cart. Refused with 800008 where there is none, or it has expired (after seven days)."""
    return await center.call(GET, {"customer_id": customer_id, "cart_id": cart_id})


async def update(center: PartnerCenter, customer_id: str, cart_id: str, document: Mapping[str, Any]) -> Cart:
    """Replace the cart's contents by `document`, the whole cart (see `Cart.mended`). Look at its `errors`."""
    return await center.call(UPDATE, {"customer_id": customer_id, "cart_id": cart_id}, body=document)


async def checkout(center: PartnerCenter, customer_id: str, cart_id: str) -> CheckoutResult:
    """Buy what is in the cart. Documented as harmless to repeat for the same cart.

    Refused with the first of `order_errors` where there are no orders, with 800065 where the cart was checked out
    before and Partner Center does not repeat its answer, 800064 while another request works on it, 800060 while its
    order is in progress, 400019 where an item is stale.
    """
    return await center.call(CHECKOUT, {"customer_id": customer_id, "cart_id": cart_id})
