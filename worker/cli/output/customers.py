"""Customers as a person reads them: the list, and one customer with everything that a report says."""

from collections.abc import Sequence
from datetime import datetime

from events.messages.customers import (
    Agreement,
    CustomerPlan,
    CustomerReported,
    CustomerUpgrade,
    ListedCustomer,
)
from events.wire.text import counted
from worker.cli.output.console import say, show, show_wrapped
from worker.cli.output.tables import show_table

LABEL = 14


def show_customers(customers: Sequence[ListedCustomer]) -> None:
    """A row for each customer, and how many there are."""
    if customers:
        rows = [[each.customer_id, each.name or "", each.domain or "", each.relationship or ""] for each in customers]
        show_table(["customer", "name", "domain", "relationship"], rows)
    say(f"{counted(len(customers), 'customer')}.")


def show_customer(told: CustomerReported) -> None:
    """What the customer has, and what could not be read."""
    _fact("customer", told.customer_id)
    _fact("name", told.name)
    _fact("domain", told.domain)
    _fact("country", told.country)
    _fact("relationship", told.relationship)
    if told.agreement is not None:
        _fact("agreement", _accepted(told.agreement))
    if told.upgrade is not None:
        _fact("upgrade", _upgrade(told.upgrade))
    _fact("as of", _moment(told.as_of))
    for part in told.left_out:
        show_wrapped(f"{part.member}: {part.reason}", indent=LABEL, start=f"{'left out':<{LABEL}}", style="yellow")
    _plans(told.plans)
    _section(
        "reservation",
        ["reservation", "name", "status", "quantity", "expires"],
        [
            [each.id, each.name or "", each.status or "", _number(each.quantity), _day(each.expires_on)]
            for each in told.reservations or ()
        ],
    )
    _section(
        "legacy subscription",
        ["subscription", "offer", "status"],
        [[each.subscription_id, each.offer_id or "", each.status] for each in told.legacy_subscriptions or ()],
    )
    _section(
        "order",
        ["order", "status", "created", "Azure plan"],
        [
            [each.order_id, each.status or "", _day(each.created_on), "yes" if each.azure_plan else "no"]
            for each in told.orders or ()
        ],
    )
    for name in told.truncated:
        say(f"{name} has more items than are shown: an event holds at most 500.")


def _plans(plans: Sequence[CustomerPlan] | None) -> None:
    _section(
        "plan",
        ["plan", "status", "order", "created", "reseller"],
        [
            [each.subscription_id, each.status, each.order_id or "", _day(each.created_on), each.reseller_id or ""]
            for each in plans or ()
        ],
    )
    for plan in plans or ():
        _section(
            f"Azure subscription under {plan.subscription_id}",
            ["Azure subscription", "name", "status"],
            [[each.id, each.name or "", each.status] for each in plan.azure_subscriptions],
        )


def _section(thing: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table under its number of rows; nothing without rows."""
    if not rows:
        return
    one, _, rest = thing.partition(" under ")
    show()
    show((counted(len(rows), one) + (f" under {rest}" if rest else ""), "bold"))
    show_table(columns, rows)


def _fact(name: str, text: str | None) -> None:
    show_wrapped(text or "not known", indent=LABEL, start=f"{name:<{LABEL}}")


def _accepted(agreement: Agreement) -> str:
    match agreement.accepted, agreement.how:
        case True, "attested":
            return f"accepted on {_day(agreement.agreed_on)}" if agreement.agreed_on else "accepted"
        case True, _:
            return "accepted directly"
        case False, _:
            return "not accepted"
        case _:
            return "not known"


def _upgrade(upgrade: CustomerUpgrade) -> str:
    if upgrade.upgrade_id is not None:
        return f"{upgrade.upgrade_id} is {upgrade.status or 'in a status that is not known'}"
    if upgrade.eligible:
        return "possible"
    return f"not possible: {upgrade.reason}" if upgrade.reason else "not possible"


def _number(quantity: object) -> str:
    return "" if quantity is None else str(quantity)


def _day(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d}"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
