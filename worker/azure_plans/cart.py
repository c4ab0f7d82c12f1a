"""The one cart of a command: its id is durable before the cart is used, and a stale item is replaced in the cart.

Vendor pages: partner-center/developer/create-a-cart, update-a-cart, cart-resources.
"""

from dataclasses import asdict
from datetime import datetime

from events.codes import RejectedCode, WaitingReason
from events.messages.command_status import PartnerCenterError
from worker.azure_plans.catalog_item import distrust_item, purchasable_item
from worker.errors import Rejected, Wait
from worker.handling import Change, Context, facts, wait_out_refusal
from worker.partner_center.answers.classification import STALE_CART_ITEM, STALE_ITEM
from worker.partner_center.errors import Refused
from worker.partner_center.port import PartnerCenter
from worker.partner_center.reject_codes import reject_code
from worker.partner_center.resources import carts
from worker.partner_center.resources.carts import Cart, NewCart, NewLineItem
from worker.step_view import Result
from worker.steps import Orphan, State

CART = "cart"
REPLACEMENTS = ("cart item 2", "cart item 3", "cart item 4")
"""The steps that replace a stale item. When all are used, the command says that no item can be bought."""
BUY = Change(carts.CHECKOUT, "check the cart out, which buys the Azure plan")

SUBMITTED = "800065"
BUSY = frozenset({"800060", "800064"})


class PlanCart:
    """The cart of a command, as the command's steps remember it."""

    def __init__(self, ctx: Context, customer_id: str, reseller_id: str | None) -> None:
        self._ctx = ctx
        self._customer = customer_id
        self._reseller = reseller_id
        self._good_item: str | None = None

    @property
    def exists(self) -> bool:
        """Whether the cart was made. `id`, `since` and `item` need a cart."""
        return self._ctx.step_state(CART).result is not None

    @property
    def id(self) -> str:
        """The cart's id at Partner Center: the key of the purchase."""
        return str(self._made["id"])

    @property
    def since(self) -> datetime:
        """When the cart was made. Its order is not older."""
        return datetime.fromisoformat(self._made["since"])

    @property
    def item(self) -> str:
        """The id of the catalog item in the cart."""
        return self._good_item or str(self._content["catalogItemId"])

    async def ready(self, country: str | None, refusal: Refused | None = None) -> None:
        """Make the cart if there is none, and replace its item while the item is known to be bad.

        `country` as an ISO code; None takes the item that is sold to the customer. `refusal` is the refusal of the last
        check-out, if it was about the item. Raises `Validated`; `Rejected` if nothing can be bought; `Refused`; `Wait`
        while the cart is busy or ordered.
        """
        if not self.exists:
            await self._make(country)
        if refusal is not None:
            await self._replace_item(refusal)
        while self._good_item is None and self._has_bad_item():
            await self._replace_item(None)

    async def put_away(self, *steps: str) -> None:
        """Archive the steps of a cart that Partner Center no longer knows, and these further steps that used it."""
        await self._ctx.put_away(CART, *REPLACEMENTS, *steps)

    @property
    def _made(self) -> Result:
        return self._ctx.step_state(CART).result or {}

    @property
    def _content(self) -> Result:
        """The last result that names the item in the cart."""
        replaced = [given for name in REPLACEMENTS if (given := self._ctx.step_state(name).result)]
        return replaced[-1] if replaced else self._made

    def _has_bad_item(self) -> bool:
        """Whether the item is in error, or the answer to its replacement was lost."""
        return bool(self._content["errors"]) or any(
            self._ctx.step_state(name).may_have_happened for name in REPLACEMENTS
        )

    async def _make(self, country: str | None) -> None:
        item = await purchasable_item(self._ctx.center, self._customer, country)
        sentence = f"put the Azure plan ({item}) into a new cart of customer {self._customer}"
        self._ctx.about_to(Change(carts.CREATE, sentence), BUY)
        try:
            await self._ctx.step(CART, Orphan(lambda center: self._create(center, item, country)))
        except Refused as no:
            distrust_item(self._ctx.center, country)
            if no.code not in STALE_ITEM:
                raise
            other = await purchasable_item(self._ctx.center, self._customer, country, other_than=item)
            await self._ctx.step(CART, Orphan(lambda center: self._create(center, other, country)))

    async def _create(self, center: PartnerCenter, item: str, country: str | None) -> Result:
        begun = self._ctx.now()
        cart = await carts.create(center, self._customer, NewCart([NewLineItem(item, reseller_id=self._reseller)]))
        since = cart.creation_timestamp or begun
        return {"id": cart.id, "since": since.isoformat(), "country": country, **_content_of(cart, item)}

    async def _replace_item(self, refusal: Refused | None) -> None:
        """Replace the item, unless a request whose answer was lost has done that."""
        country = self._made.get("country")
        distrust_item(self._ctx.center, country)
        cart = await carts.get(self._ctx.center, self._customer, self.id)
        if cart.is_ordered:
            detail = f"cart {self.id} cannot be changed now: it is ordered"
            raise Wait(WaitingReason.ORDER_PROVISIONING, detail, awaits=carts.FREEDOM, limited=True)
        current = next((line.catalog_item_id for line in cart.line_items), None) or self.item
        _refuse_lasting_errors(cart)
        is_good = not cart.errors and (refusal is None or refusal.code not in STALE_ITEM)
        if is_good and refusal is not None:
            code = reject_code(refusal.operation, refusal.status, refusal.code)
            raise Rejected(code, refusal.description, partner_center=facts(refusal))
        step = self._next_replacement(current, refusal)
        if is_good:
            await self._ctx.step(step, State(there=True, act=lambda center: self._put(center, cart, current)))
            self._good_item = current
            return
        item = await purchasable_item(self._ctx.center, self._customer, country, other_than=current)
        self._ctx.about_to(Change(carts.UPDATE, f"replace the stale item {current} in the cart by {item}"), BUY)
        self._good_item = None
        try:
            await self._ctx.step(step, State(there=False, act=lambda center: self._put(center, cart, item)))
        except Refused as no:
            if no.code != SUBMITTED and no.code not in BUSY:
                raise
            detail = f"cart {self.id} cannot be changed now: {no.description}"
            raise wait_out_refusal(WaitingReason.ORDER_PROVISIONING, detail, no, carts.FREEDOM) from no

    def _next_replacement(self, current: str, refusal: Refused | None) -> str:
        steps = map(self._ctx.step_state, REPLACEMENTS)
        step = next((each for each in steps if each.may_have_happened or not each.was_sent), None)
        if step is None:
            detail = f"the catalog's items were refused {len(REPLACEMENTS) + 1} times, {current} last"
            answer = facts(refusal) if refusal else None
            raise Rejected(RejectedCode.CATALOG_ITEM_UNAVAILABLE, detail, partner_center=answer)
        return step.name

    async def _put(self, center: PartnerCenter, cart: Cart, item: str) -> Result:
        document = cart.with_catalog_items({line.id: item for line in cart.line_items if line.id is not None})
        return _content_of(await carts.update(center, self._customer, cart.id, document), item)


def _content_of(cart: Cart, item: str) -> Result:
    return {"catalogItemId": item, "errors": [error.error_code or "unknown" for error in cart.errors]}


def _refuse_lasting_errors(cart: Cart) -> None:
    """Raises `Rejected` for an item that is in error and not stale.

    Partner Center makes a cart whose item cannot be bought, and gives the reason at the item.
    """
    error = next((each for each in cart.errors if each.error_code not in STALE_CART_ITEM), None)
    if error is None:
        return
    told = asdict(cart.source_call) if cart.source_call else {"operation": carts.GET.name}
    said = PartnerCenterError(**told, code=error.error_code, description=error.error_description)
    detail = f"the item in the cart was refused: {error.error_description or error.error_code or 'no reason given'}"
    raise Rejected(reject_code(said.operation, None, error.error_code), detail, partner_center=said)
