"""What the partner's customers are, and what one customer has. The commands read only."""

from typing import ClassVar, Literal

from pydantic import Field

from events.messages.base import Command, Event, Message, Subject
from events.messages.fields import LEFT_OUT, Count, Instant, Label, Name, Prose, Quantity
from events.report_pages import ReportPage

Part = Literal["agreement", "plans", "reservations", "legacy", "upgrade", "orders"]
ALL_PARTS: tuple[Part, ...] = ("agreement", "plans", "reservations", "legacy", "upgrade", "orders")


class ListedCustomer(Message):
    """A customer, as the list of customers shows it."""

    customer_id: Label
    name: Label | None = None
    """Name of the company."""
    domain: Label | None = None
    country: Label | None = None
    """ISO 3166-1 alpha-2 code; null where the list of customers does not say it."""
    relationship: Label | None = None
    """Relationship to the partner in Microsoft's words, for example `reseller`."""


class CustomersListed(ReportPage):
    """One page of the partner's customers."""

    place: ClassVar[str] = "customers-listed"

    customers: tuple[ListedCustomer, ...]
    """At most 500 customers."""


class CustomersReported(Event):
    """Every customer that the command asked for is in a page before this event."""

    terminal: ClassVar[bool] = True

    customers: Count
    """Number of customers on all pages. `truncated` names this member if Partner Center has more than were read."""
    pages: Count
    """Number of pages; 0 if there is no such customer."""


class Agreement(Message):
    """Whether the customer accepted the Microsoft Customer Agreement."""

    accepted: bool | None
    """Null if one way of acceptance shows none and the other way could not be read."""
    how: Literal["attested", "direct"] | None = None
    """`attested`: a partner recorded the acceptance. `direct`: the customer accepted on Microsoft's own pages."""
    agreed_on: Instant | None = None
    """Null if Microsoft names no date: a direct acceptance has none."""


class PlanAzureSubscription(Message):
    """An Azure subscription under an Azure plan, with its name."""

    id: Label
    name: Label | None = None
    status: Label
    """Status in Microsoft's words, for example `active`."""


class CustomerPlan(Message):
    """An Azure plan of the customer."""

    subscription_id: Label
    status: Label
    """Status of the plan in Microsoft's words, for example `active`."""
    order_id: Label | None = None
    created_on: Instant | None = None
    reseller_id: Label | None = None
    """Partner id of the indirect reseller; null if there is none."""
    azure_subscriptions: tuple[PlanAzureSubscription, ...] = ()
    """At most 500 of them."""


class CustomerReservation(Message):
    """A reservation of the customer."""

    id: Label
    name: Label | None = None
    status: Label | None = None
    quantity: Quantity | None = None
    """The quantity as Microsoft writes it, exact."""
    expires_on: Instant | None = None


class LegacySubscription(Message):
    """A legacy Azure subscription (MS-AZR-0145P) of the customer."""

    subscription_id: Label
    offer_id: Label | None = None
    status: Label


class CustomerUpgrade(Message):
    """Whether the customer's legacy subscriptions can be upgraded to an Azure plan."""

    eligible: bool | None
    reason: Prose | None = None
    """Why the customer is not eligible, in Microsoft's words."""
    upgrade_id: Label | None = None
    """Id of an upgrade that exists; null if there is none."""
    status: Label | None = None
    """Status of that upgrade in Microsoft's words."""


class CustomerOrder(Message):
    """An order of the customer."""

    order_id: Label
    status: Label | None = None
    created_on: Instant | None = None
    azure_plan: bool
    """Whether the order has a line for an Azure plan."""


class LeftOut(Message):
    """A part of the report that could not be read."""

    member: Label
    """Name of the event's member."""
    reason: Prose
    """Why Partner Center does not show the part."""


class CustomerReported(Event):
    """What the customer has. A part that was not asked for, or that could not be read, is absent."""

    terminal: ClassVar[bool] = True

    name: Label | None = None
    """Name of the company."""
    domain: Label | None = None
    country: Label | None = None
    """ISO 3166-1 alpha-2 code of the billing profile, then of the company profile."""
    relationship: Label | None = None
    """Relationship to the partner in Microsoft's words, for example `reseller`."""
    agreement: Agreement | None = LEFT_OUT
    plans: tuple[CustomerPlan, ...] | None = LEFT_OUT
    reservations: tuple[CustomerReservation, ...] | None = LEFT_OUT
    legacy_subscriptions: tuple[LegacySubscription, ...] | None = LEFT_OUT
    upgrade: CustomerUpgrade | None = LEFT_OUT
    orders: tuple[CustomerOrder, ...] | None = LEFT_OUT
    as_of: Instant
    """When azplan began to read."""
    left_out: tuple[LeftOut, ...] = ()
    """The parts that were asked for and could not be read, or not as a whole."""


class ReportCustomers(Command):
    """List the customers of the partner account. Changes nothing."""

    answered_by: ClassVar[type[Event]] = CustomersReported
    subject: ClassVar[Subject] = "partner_account"

    name: Name | None = None
    """Only companies whose name begins so, in any case."""
    domain: Name | None = None
    """Only customers whose domain begins so, in any case."""


class ReportCustomer(Command):
    """Report what one customer has. Changes nothing."""

    answered_by: ClassVar[type[Event]] = CustomerReported

    include: list[Part] = Field(list(ALL_PARTS))
    """The parts to report: `agreement`, `plans`, `reservations`, `legacy`, `upgrade`, `orders`."""
