"""Azure plans: buy, suspend, reactivate."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from events.messages.base import Command, Event, Message
from events.messages.command_status import Blocker, Refund
from events.messages.fields import Country, Guid, Label, PartnerId, Prose


class AzureSubscription(Message):
    """An Azure subscription under an Azure plan."""

    id: Label
    status: Label
    """Status in Microsoft's words, for example `active`."""


class ReactivatedAzureSubscription(AzureSubscription):
    """An Azure subscription that was inactive, and that Microsoft was asked to reactivate."""

    reason: Prose | None = None
    """Why Microsoft does not reactivate it: Microsoft's code and words. Null if it is active."""


class AzurePlanCreated(Event):
    """The customer has an Azure plan. This command bought it, or it existed before."""

    terminal: ClassVar[bool] = True

    subscription_id: Label
    """Id of the plan: its subscription id at Partner Center."""
    status: Label
    """Status of the plan in Microsoft's words, for example `active`."""
    order_id: Label | None = None
    cart_id: Label | None = None
    catalog_item_id: Label | None = None
    azure_subscriptions: tuple[AzureSubscription, ...] = ()
    already_existed: bool
    """Whether the plan existed before. `orderId`, `cartId` and `catalogItemId` may then be null."""

    @property
    def nothing_done(self) -> bool:
        """Whether the plan was there before."""
        return self.already_existed


class PlanSuspended(Event):
    """The Azure plan is suspended."""

    terminal: ClassVar[bool] = True

    subscription_id: Label
    already_suspended: bool
    """Whether the plan was suspended before."""
    cancelled_assets: tuple[Blocker, ...] = ()
    """The Azure subscriptions that this command cancelled first, and the reservations that it returned."""
    refunds: tuple[Refund, ...] = ()
    """The refunds of the returned reservations in all, one item a currency. Empty where nothing came back."""

    @property
    def nothing_done(self) -> bool:
        """Whether the plan was suspended before."""
        return self.already_suspended


class PlanReactivated(Event):
    """The Azure plan is active."""

    terminal: ClassVar[bool] = True

    subscription_id: Label
    already_active: bool
    """Whether the plan was active before."""
    azure_subscriptions: tuple[ReactivatedAzureSubscription, ...] = ()
    """With `azureSubscriptions` `reactivate`: the Azure subscriptions under the plan that were inactive at the start.

    Each is active, or has the reason why Microsoft does not reactivate it.
    """

    @property
    def nothing_done(self) -> bool:
        """Whether the plan and all that the command asks for was active before."""
        return self.already_active and not self.azure_subscriptions


class CreateAzurePlan(Command):
    """Buy an Azure plan for the customer, unless the customer has one."""

    answered_by: ClassVar[type[Event]] = AzurePlanCreated

    country: Country | None = None
    """ISO 3166-1 alpha-2 code. Default: the country of the customer's billing profile, then of its company profile."""
    reseller_id: PartnerId | None = None
    """Partner id of the indirect reseller. If given, azplan ignores plans of other resellers."""


class SuspendPlan(Command):
    """Suspend an Azure plan."""

    answered_by: ClassVar[type[Event]] = PlanSuspended
    trials: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "activeAssets cancel": {"activeAssets": "cancel"},
        "activeAssets cancel, reservations return": {"activeAssets": "cancel", "reservations": "return"},
    }

    subscription_id: Guid | None = None
    """Id of the plan. Optional if the customer has exactly one plan."""
    active_assets: Literal["refuse", "cancel"] = "refuse"
    """What to do with active Azure subscriptions under the plan."""
    reservations: Literal["refuse", "return"] = "refuse"
    """What to do with active reservations of the customer. Partner Center does not say which plan a reservation belongs
    to: `return` gives all of them back to Microsoft, for the refund that Microsoft quotes, if Microsoft's policy lets
    each of them be returned."""


class ReactivatePlan(Command):
    """Reactivate a suspended Azure plan."""

    answered_by: ClassVar[type[Event]] = PlanReactivated
    trials: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "": {},
        "azureSubscriptions reactivate": {"azureSubscriptions": "reactivate"},
    }

    subscription_id: Guid | None = None
    """Id of the plan. Optional if the customer has exactly one plan."""
    azure_subscriptions: Literal["leave", "reactivate"] = "leave"
    """What to do with inactive Azure subscriptions under the plan, once the plan is active."""
