"""The parts of a report about a customer, and the parts that Partner Center does not show. Reads only."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from events.codes import RejectedCode
from events.messages.base import MOST_ITEMS
from events.messages.customers import (
    Agreement,
    CustomerOrder,
    CustomerPlan,
    CustomerReservation,
    CustomerUpgrade,
    LeftOut,
    LegacySubscription,
    Part,
    PlanAzureSubscription,
)
from worker.customers import agreement
from worker.handling import plain_id
from worker.partner_center.errors import CallError, NotPermitted, Refused
from worker.partner_center.port import PartnerCenter
from worker.partner_center.reject_codes import reject_code
from worker.partner_center.resources import azure_entitlements, orders, reservations, subscriptions, upgrades
from worker.partner_center.resources.reservations import ReservationEntitlement
from worker.partner_center.resources.subscriptions import Subscription

T = TypeVar("T")


@dataclass(slots=True)
class PartsOfReport:
    """What was read: the event's members by name, the parts that were left out, and the names of cut lists."""

    center: PartnerCenter
    customer_id: str
    members: dict[str, Any] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    truncated: set[str] = field(default_factory=set)
    _held: Sequence[Subscription] | None = None

    async def read(self, part: Part) -> None:
        """Read one part. A part that Partner Center refuses is left out and named.

        Raises the other errors of `PartnerCenter.call`, and `Refused` if Partner Center knows no such customer.
        """
        match part:
            case "agreement":
                await self._agreement()
            case "plans":
                await self._plans()
            case "reservations":
                await self._reservations()
            case "legacy":
                await self._legacy()
            case "upgrade":
                await self._upgrade()
            case "orders":
                await self._orders()

    async def _agreement(self) -> None:
        how, unread = None, 0
        for look in (agreement.attested, agreement.signed_directly):
            try:
                how = how or await look(self.center, self.customer_id)
            except (Refused, NotPermitted) as no:
                unread += 1
                self._leave_out("agreement", no)
        if how is not None:
            self.left_out = [each for each in self.left_out if each.member != "agreement"]
            self.members["agreement"] = Agreement(accepted=True, how=how.how, agreed_on=how.agreed_on)
        elif unread < 2:
            self.members["agreement"] = Agreement(accepted=None if unread else False)

    async def _plans(self) -> None:
        held = await self._subscriptions("plans")
        if held is not None:
            self.members["plans"] = [await self._plan(each) for each in held if each.is_azure_plan]

    async def _plan(self, plan: Subscription) -> CustomerPlan:
        try:
            found = [] if plan.is_deleted else await azure_entitlements.list_all(self.center, self.customer_id, plan.id)
        except (Refused, NotPermitted) as no:
            found = []
            self._leave_out("plans", no, f"the Azure subscriptions under {plain_id(plan.id)}: ")
        if len(found) > MOST_ITEMS:
            self.truncated.add("plans")
        return CustomerPlan(
            subscription_id=plain_id(plan.id),
            status=plan.status or "unknown",
            order_id=plan.order_id,
            created_on=plan.creation_date,
            reseller_id=plan.partner_id,
            azure_subscriptions=tuple(
                PlanAzureSubscription(id=plain_id(each.id), name=each.friendly_name, status=each.status or "unknown")
                for each in found[:MOST_ITEMS]
            ),
        )

    async def _reservations(self) -> None:
        held = await self._or_left_out("reservations", reservations.list_all(self.center, self.customer_id))
        if held is not None:
            self.members["reservations"] = [_reservation(each) for each in held]

    async def _legacy(self) -> None:
        held = await self._subscriptions("legacySubscriptions")
        if held is not None:
            self.members["legacy_subscriptions"] = [
                LegacySubscription(
                    subscription_id=plain_id(each.id), offer_id=each.offer_id, status=each.status or "unknown"
                )
                for each in held
                if each.is_legacy_azure
            ]

    async def _upgrade(self) -> None:
        asked = await self._or_left_out("upgrade", upgrades.eligibility(self.center, self.customer_id))
        if asked is None:
            return
        status = None
        if asked.upgrade_id is not None:
            status = await self._or_left_out(
                "upgrade", upgrades.status(self.center, asked.upgrade_id, self.customer_id)
            )
        self.members["upgrade"] = CustomerUpgrade(
            eligible=asked.is_eligible,
            reason=asked.reason,
            upgrade_id=plain_id(asked.upgrade_id) if asked.upgrade_id else None,
            status=status.status if status else None,
        )

    async def _orders(self) -> None:
        ordered = await self._or_left_out("orders", orders.list_all(self.center, self.customer_id))
        if ordered is not None:
            self.members["orders"] = [
                CustomerOrder(
                    order_id=plain_id(each.id),
                    status=each.status,
                    created_on=each.creation_date,
                    azure_plan=bool(each.azure_plan_lines),
                )
                for each in ordered
            ]

    async def _subscriptions(self, member: str) -> Sequence[Subscription] | None:
        """The customer's subscriptions, read once for both parts that need them."""
        if self._held is None:
            self._held = await self._or_left_out(member, subscriptions.list_all(self.center, self.customer_id))
        return self._held

    async def _or_left_out(self, member: str, reading: Awaitable[T]) -> T | None:
        try:
            return await reading
        except (Refused, NotPermitted) as no:
            self._leave_out(member, no)
            return None

    def _leave_out(self, member: str, no: CallError, what: str = "") -> None:
        """Name the part. Raises `no` if Partner Center knows no such customer: the report is then about nobody."""
        if isinstance(no, Refused):
            code = reject_code(no.operation, no.status, no.code)
            if code is RejectedCode.CUSTOMER_NOT_FOUND:
                raise no
        self.left_out.append(LeftOut(member=member, reason=f"{what}{no}"))


def _reservation(held: ReservationEntitlement) -> CustomerReservation:
    order = held.reference_order
    known = held.resource_id or (order.id if order else None) or held.product_id or "unknown"
    return CustomerReservation(
        id=plain_id(known),
        name=held.sku_title,
        status=held.status,
        quantity=held.quantity,
        expires_on=held.expiry_date,
    )
