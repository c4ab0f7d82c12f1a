"""The purchase of an Azure plan by one command: one cart, checked out until the cart is known to be ordered.

The cart is the key of the purchase: acting again means checking out the same cart, which is documented as harmless
(partner-center/developer/checkout-a-cart). Only a cart that Partner Center no longer knows is replaced, and only when
no check-out of it can take effect any more.
"""

from collections.abc import Iterable
from datetime import datetime

from events.codes import FailedCode, WaitingReason
from events.messages.plans import CreateAzurePlan
from worker.azure_plans.cart import BUSY, BUY, SUBMITTED, PlanCart
from worker.azure_plans.order import OrderDescription, blocker_of_cart, order_ids
from worker.azure_plans.purchase_checks import upgrade_in_progress
from worker.azure_plans.upgrade import running_upgrade
from worker.errors import Failed, Wait
from worker.handling import Context, facts, wait_out_refusal
from worker.partner_center.answers.classification import NOT_FOUND, STALE_ITEM
from worker.partner_center.errors import Refused, Unanswered
from worker.partner_center.port import PartnerCenter
from worker.partner_center.resources import carts
from worker.partner_center.resources.orders import Order
from worker.step_view import Result
from worker.steps import Applied, Money, NotApplied, Verdict

EFFECT = "azure_plan"
"""The effect's name: one command of a customer at a time has a purchase open."""
CHECKOUT = "checkout"

BAD_ITEM = STALE_ITEM | {"800009"}
OF_A_CART = frozenset({carts.GET.name, carts.UPDATE.name, carts.CHECKOUT.name})
UPGRADE_OPEN = frozenset({"900112", "900113", "900114"})


class Purchase:
    """The purchase of one command. Each turn learns its state from the command's steps and from Partner Center."""

    def __init__(self, ctx: Context, command: CreateAzurePlan) -> None:
        self._ctx = ctx
        self._customer = command.customer_id
        self._reseller = command.reseller_id
        self._cart = PlanCart(ctx, command.customer_id, command.reseller_id)
        self._step = ctx.step_state(CHECKOUT)
        self._bought: Result | None = self._step.result
        self.ordered: Order | None = None
        """The order as the check-out of this run answered it; None if this run has had no such answer."""

    @property
    def in_doubt(self) -> bool:
        """Whether a check-out is in doubt: it may have taken effect, or may still take effect."""
        return self._step.may_have_happened

    async def took_effect(self) -> bool:
        """Whether the cart is known to be ordered. Looks if a check-out was sent and its outcome is not known.

        Raises `Wait` while a look decides nothing, and `Failed` (`outcome_unknown`) if Partner Center refuses the look.
        """
        if self._bought is None and self._step.was_sent:
            self._bought = await self._look()
            if self._bought is None:
                await self._ctx.confirm_absent(CHECKOUT)
        return self._bought is not None

    async def make(self, country: str | None) -> Result:
        """Buy, unless the command has bought already. The result has `cartId`, `catalogItemId`, `since` and `orders`.

        `country` as an ISO code or None. `orders` is empty if the purchase is certain and its order is not known yet.
        Raises the errors of `worker.errors`.
        """
        refusal = None
        while self._bought is None:
            try:
                await self._cart.ready(country, refusal)
                self._bought = await self._check_out()
            except Refused as no:
                refusal = await self._replaceable(no)
        if self.in_doubt:
            await self._check_out()  # looks again, and stores that the check-out took effect
        return self._bought

    def sought(self, bought: Result) -> OrderDescription:
        """The marks of the order of this purchase, to find an order with an unknown id."""
        former = [identifier for each in self._step.former_results for identifier in each.get("orders", ())]
        since = datetime.fromisoformat(bought["since"])
        return OrderDescription(self._customer, bought["catalogItemId"], since, self._reseller, former)

    async def _check_out(self) -> Result:
        if self._bought is None and not self.in_doubt:
            self._ctx.about_to(BUY)
        money = Money(
            key=EFFECT,
            details={"cartId": self._cart.id, "catalogItemId": self._cart.item, "resellerId": self._reseller},
            reconcile=self._reconcile,
            act=self._act,
            spends=True,
        )
        return await self._ctx.step(CHECKOUT, money) or self._result([])

    async def _act(self, center: PartnerCenter) -> Result:
        try:
            done = await carts.checkout(center, self._customer, self._cart.id)
        except Refused as no:
            if no.code != SUBMITTED:
                raise
            return self._result([])  # only this command knows the cart: it bought, and its answer was lost
        if done.orders:
            self.ordered = done.orders[0]
            items = [line.offer_id for order in done.orders for line in order.azure_plan_lines]
            return self._result((order.id for order in done.orders), next(iter(items), None))
        raise Unanswered(carts.CHECKOUT.name, "the answer names neither an order nor an error")

    async def _reconcile(self) -> Verdict:
        bought = self._bought or await self._look()
        if bought is not None:
            return Applied(bought)
        self._ctx.about_to(BUY)
        return NotApplied()

    async def _look(self) -> Result | None:
        """The result of the purchase; None if the cart is as it was before the check-out."""
        try:
            return await self._find()
        except Refused as no:
            if self._ctx.may_be_too_new(no):
                raise
            raise self._unknown("Partner Center does not show whether it was ordered", no) from no

    async def _find(self) -> Result | None:
        try:
            cart = await carts.get(self._ctx.center, self._customer, self._cart.id)
        except Refused as no:
            if not is_gone(no):
                raise
            return await self._find_without_cart(no)
        if not cart.is_ordered:
            return None
        bought = self._result([], next((line.catalog_item_id for line in cart.line_items), None))
        return {**bought, "orders": await order_ids(self._ctx.center, self.sought(bought))}

    async def _find_without_cart(self, no: Refused) -> Result:
        """Find the orders of a cart that is gone: a cart expires after seven days."""
        bought = self._result([])
        orders = await order_ids(self._ctx.center, self.sought(bought))
        if not orders:
            raise await self._without_cart(no)
        return {**bought, "orders": orders}

    async def _without_cart(self, no: Refused) -> Wait:
        """Archive the lost cart, not before an order of the cart would show. The next run makes a new cart."""
        left = self._ctx.settles_in(lag=self._ctx.policy.order_list_lag)
        if left > 0:
            detail = f"cart {self._cart.id} is gone: if it was ordered, its order is in the list after this wait"
            return Wait(WaitingReason.SETTLING, detail, delay=left)
        await self._cart.put_away(CHECKOUT)
        detail = "the cart has expired, and a new one is needed"
        give_up = Failed(FailedCode.RETRIES_EXHAUSTED, "Partner Center kept losing the cart", partner_center=facts(no))
        return Wait(WaitingReason.RETRY, detail, limited=True, give_up=give_up)

    async def _replaceable(self, no: Refused) -> Refused:
        """The refusal, if another item in the cart may help. For any other refusal, raises its outcome."""
        if no.operation == carts.CHECKOUT.name and no.code in BAD_ITEM:
            return no
        if no.code in BUSY:
            detail = f"Partner Center is still working on an earlier request: {no.description}"
            cart = [blocker_of_cart(self._cart.id)] if self._cart.exists else []
            raise wait_out_refusal(WaitingReason.ORDER_PROVISIONING, detail, no, carts.FREEDOM, blockers=cart) from no
        if self._cart.exists and is_gone(no):
            raise await self._without_cart(no)
        if no.code in UPGRADE_OPEN:
            upgrade = await running_upgrade(self._ctx, self._customer)
            raise upgrade_in_progress(no.description, [upgrade] if upgrade else [], facts(no)) from no
        raise no

    def _unknown(self, why: str, no: Refused) -> Failed:
        cart = blocker_of_cart(self._cart.id)
        detail = f"cart {cart.id}: {why}: {no}"
        return Failed(FailedCode.OUTCOME_UNKNOWN, detail, blockers=[cart], partner_center=facts(no))

    def _result(self, orders: Iterable[str], item: str | None = None) -> Result:
        cart = self._cart
        return {
            "cartId": cart.id,
            "catalogItemId": item or cart.item,
            "since": cart.since.isoformat(),
            "orders": list(orders),
        }


def is_gone(no: Refused) -> bool:
    """Whether Partner Center does not know the cart: expired, or never there (800008)."""
    return no.code == "800008" or (no.operation in OF_A_CART and no.status == 404 and no.code == NOT_FOUND)
