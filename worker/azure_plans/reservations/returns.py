"""A customer's reservations returned to Microsoft by one command: all quotes first, then each return once.

A return gives money back and cannot be undone. Its step holds the quote before the first request. After a request
without an answer the reservation is read: one that is over was returned, one that is in force is quoted again, and
anything else is waited for.

Vendor page: rest/api/reserved-vm-instances/return/post.
"""

from collections.abc import Collection, Sequence

from events.codes import RejectedCode, WaitingReason
from events.messages.command_status import Blocker, Refund
from events.wire.text import counted
from worker.azure_plans.reservations import refund_quotes
from worker.azure_plans.reservations.looks import Reservation, ReservationLooks
from worker.azure_plans.reservations.refund_quotes import RefundQuote
from worker.azure_plans.reservations.refusals import (
    after_refusal,
    is_quote_gone,
    not_returnable,
    refusal,
    until_over,
)
from worker.errors import Rejected, Wait
from worker.handling import Change, Context
from worker.partner_center.errors import Refused, Unanswered
from worker.partner_center.port import PartnerCenter
from worker.partner_center.resources import arm_reservations
from worker.partner_center.resources.reservations import ReservationEntitlement
from worker.step_view import Result
from worker.steps import Applied, Money, Verdict

RETURNING = "returning"
"""The name in `Context.known` of the addresses at which accepted returns can be followed."""
REASON = "The Azure plan is to be suspended"
"""The reason that Microsoft gets."""
Offer = tuple[Reservation, RefundQuote]


class ReservationReturns:
    """The returns of one run. Each run learns from its own look what is over and what is still to be returned."""

    def __init__(self, ctx: Context, customer_id: str) -> None:
        self._ctx = ctx
        self._customer = customer_id
        self._looks = ReservationLooks(ctx, customer_id)
        self._offers: list[Offer] = []

    @property
    def any_over(self) -> bool:
        """Whether this run has seen a reservation that is over."""
        return any(each.is_over for each in self._looks.found.values())

    async def prepare(self, held: Sequence[ReservationEntitlement]) -> list[Change]:
        """Look at the reservations in `held` and quote each one that is to be returned. The changes to be made.

        Raises `Rejected` if Microsoft does not let one be returned, and `Wait` while an earlier request is in doubt.
        """
        await self._looks.read(order for each in held for order in each.reservation_orders)
        await self._settle_doubts()
        refused: list[Blocker] = []
        for each in self._looks.found.values():
            await self._settle_earlier_command(each)
            if each.is_over or self._looks.step(each).result:
                continue
            quote, reason = await self._quote(each)
            if quote is None or reason is not None:
                refused.append(each.blocker(reason=reason))
            else:
                self._offers.append((each, quote))
        if refused:
            raise self._not_returnable(refused)
        return [Change(arm_reservations.RETURN, _sentence(offer)) for offer in self._offers]

    async def make(self) -> None:
        """Return each reservation that was quoted. Raises `Wait` until Microsoft has carried out all returns."""
        made = [each for each, _ in self._offers]
        for offer in self._offers:
            await self._give_back(await self._young(offer))
        if any(not self._address(each) for each in made):
            await self._looks.read(())
        await self._end_of_accepted(just_made={each.step for each in made})

    async def returned(self) -> list[tuple[Blocker, refund_quotes.Money]]:
        """The reservations that this command has returned, and their refunds. Raises `Wait` like `make`."""
        if any(step.name not in self._looks.found for step in self._looks.steps):
            await self._looks.read(())
            await self._settle_doubts()
            await self._end_of_accepted()
        given = [step for step in self._looks.steps if step.result]
        refunds = [(step, refund_quotes.quote_in(step.details).refund) for step in given]
        return [
            (self._looks.named(step, Refund(amount=money.amount, currency=money.currency)), money)
            for step, money in refunds
        ]

    # ---- what became of requests

    async def _settle_doubts(self) -> None:
        """Decide what became of requests without an answer. Raises `Wait` while a look decides nothing."""
        for step in self._looks.steps:
            if not step.may_have_happened:
                continue
            each, sent = self._looks.found.get(step.name), refund_quotes.quote_in(step.details)
            if each is None:
                detail = f"the request to {step.name} has no answer, and the order does not list the reservation"
                raise until_over(detail, [])
            if each.is_over:
                await self._take((each, sent))
            else:
                await self._confirm_unmade(each, sent)

    async def _confirm_unmade(self, each: Reservation, sent: RefundQuote) -> None:
        """Record that a request without an answer returned nothing. Raises `Wait` unless that is certain."""
        detail = f"the request to return reservation {each.id} has no answer, and the reservation is {each.state}"
        left = self._ctx.settles_in()
        if left > 0:
            raise Wait(WaitingReason.SETTLING, detail, delay=left)
        doubt = await self._looks.doubt(each, sent)
        if doubt is not None:
            raise until_over(f"{detail}: {doubt}", [each])
        await self._ctx.confirm_absent(each.step)

    async def _settle_earlier_command(self, each: Reservation) -> None:
        """Close a return that an earlier command left open, if a look shows what became of it.

        Raises `Rejected` (`earlier_outcome_unknown`) if that stays unknown.
        """
        earlier = self._ctx.earlier(each.key)
        if earlier is None:
            return
        step, doubt = earlier.steps.get(each.step), None
        if not each.is_over:
            doubt = "the journal does not have its quote any more"
            if step is not None and step.details:
                doubt = await self._looks.doubt(each, refund_quotes.quote_in(step.details))
        if doubt is not None:
            detail = f"command {earlier.command_id} began to return reservation {each.id}: {doubt}"
            raise Rejected(RejectedCode.EARLIER_OUTCOME_UNKNOWN, detail, blockers=[each.blocker()])
        await self._ctx.close(earlier)

    async def _end_of_accepted(self, just_made: Collection[str] = ()) -> None:
        """Return if all that this command returned is over. Raises `Wait`, and `Rejected` if a return failed."""
        going = [each for each in self._looks.found.values() if self._looks.step(each).result and not each.is_over]
        if not going:
            return
        for each in going:
            if each.step not in just_made:
                await self._not_failed(each)
        addresses = [self._address(each) for each in going]
        if all(addresses):
            self._ctx.known[RETURNING] = addresses
        raise until_over(f"being returned: {counted(len(going), 'reservation')}", going)

    async def _not_failed(self, each: Reservation) -> None:
        """Follow an accepted return. Raises `Rejected` if it ended badly.

        Where the address tells nothing, such as one at another host, the reservation itself tells how the return ends.
        """
        address = self._address(each)
        try:
            if address:
                await arm_reservations.is_under_way(self._ctx.center, self._customer, address)
        except Unanswered:
            return
        except Refused as no:
            if no.status != 404:  # Microsoft forgets old returns; the reservation itself tells then
                raise refusal(each, no, "Microsoft accepted the return of") from no

    def _address(self, each: Reservation) -> str | None:
        result = self._looks.step(each).result
        return result["location"] if result else None

    # ---- quotes

    async def _quote(self, each: Reservation) -> tuple[RefundQuote | None, str | None]:
        """A quote to return the reservation by, or the reason why it cannot be returned. Raises `Rejected`."""
        try:
            fresh, reason = await self._looks.quote(each)
        except Refused as no:
            raise refusal(each, no, "Microsoft does not quote") from no
        details = self._looks.step(each).details
        if fresh is None or details is None:
            return fresh, reason
        return await self._after_request(each, refund_quotes.quote_in(details), fresh), reason

    async def _after_request(self, each: Reservation, sent: RefundQuote, fresh: RefundQuote) -> RefundQuote:
        """The quote to use after a request that returned nothing. The timeline says if another refund is quoted now."""
        used = fresh
        if self._ctx.memory.get(_quote_gone(each)):
            doubt = await self._looks.doubt(each, sent)  # a session that was used up is gone too
            if doubt is not None:
                raise until_over(f"Microsoft does not take the quote for reservation {each.id}: {doubt}", [each])
        else:
            used = refund_quotes.quote_to_use(sent, fresh, self._ctx.now(), self._ctx.policy.quote_age)
        other = refund_quotes.other_refund(sent, used)
        if other is not None:
            self._ctx.note(f"reservation {each.id} was not returned by the request before, and {other}")
        return used

    async def _young(self, offer: Offer) -> Offer:
        """The offer with a quote that is young enough. Raises `Rejected` if Microsoft's policy has changed its mind."""
        each, quote = offer
        if quote.is_usable(self._ctx.now(), self._ctx.policy.quote_age):
            return offer
        again, reason = await self._quote(each)
        if again is None or reason is not None:
            raise self._not_returnable([each.blocker(reason=reason)])
        self._ctx.note(f"the quote for reservation {each.id} was too old: {again.refund.text} are quoted now")
        return each, again

    # ---- the write

    async def _give_back(self, offer: Offer) -> None:
        each = offer[0]
        try:
            await self._take(offer)
        except Refused as no:
            is_first = not self._ctx.memory.get(_quote_gone(each))
            self._ctx.memory[_quote_gone(each)] = not is_first or is_quote_gone(no)
            raise after_refusal(each, no, quote_again=is_first) from no

    async def _take(self, offer: Offer) -> None:
        """Return the reservation, or record that an earlier request has returned it."""
        each, quote = offer

        async def act(center: PartnerCenter) -> Result:
            accepted = await arm_reservations.give_back(
                center,
                self._customer,
                each.order,
                each.id,
                quote.quantity,
                session_id=quote.session,
                reason=REASON,
            )
            return {"location": accepted.location, "at": self._ctx.now().isoformat()}

        async def look() -> Verdict:
            if not each.is_over:
                raise until_over(f"reservation {each.id} does not show whether it was returned", [each])
            # Made before any quote that is younger: Microsoft's sum of refunds in such a quote has it.
            return Applied({"location": None, "at": quote.at.isoformat()})

        await self._ctx.step(
            each.step, Money(key=each.key, details=quote.details(), reconcile=look, act=act, spends=False)
        )

    def _not_returnable(self, refused: Sequence[Blocker]) -> Rejected:
        return not_returnable(refused, changed=any(step.result for step in self._looks.steps))


async def follow(ctx: Context, customer_id: str) -> None:
    """Look at the returns that an earlier run of this story saw under way, and at nothing else.

    Raises `Wait` while one of them goes on. Whatever else it finds, the caller looks at the reservations themselves.
    """
    addresses = ctx.known.pop(RETURNING, ())
    try:
        going = [each for each in addresses if await arm_reservations.is_under_way(ctx.center, customer_id, each)]
    except (Refused, Unanswered):
        return
    if going:
        ctx.known[RETURNING] = going
        raise until_over(f"being returned: {counted(len(going), 'reservation')}", [])


def _quote_gone(each: Reservation) -> str:
    """The name in `Context.memory` of the fact that Microsoft refused the session of a quote of this reservation."""
    return f"{each.step} quote gone"


def _sentence(offer: Offer) -> str:
    each, quote = offer
    named = f" ({each.name})" if each.name else ""
    return f"return the reservation {each.id}{named}, quantity {quote.quantity:f}, for {quote.refund.text}"
