"""Product upgrades: from legacy Azure subscriptions (MS-AZR-0145P) to an Azure plan."""

from typing import ClassVar

from events.messages.base import Command, Event, Message
from events.messages.fields import Family, Instant, Label


class UpgradeProduct(Message):
    """A product that an upgrade starts from or leads to."""

    id: Label | None = None
    name: Label | None = None


class UpgradeLineItem(Message):
    """One product in an upgrade, and its progress."""

    source_product: UpgradeProduct | None = None
    target_product: UpgradeProduct | None = None
    status: Label | None = None
    """Status in Microsoft's words, for example `Completed`."""
    upgraded_date: Instant | None = None


class ProductUpgradeStarted(Event):
    """The upgrade exists at Partner Center."""

    place: ClassVar[str] = "started"

    upgrade_id: Label
    adopted: bool
    """Whether the upgrade existed before this command."""


class ProductUpgradeProgressed(Event):
    """The status of the upgrade or of a line item changed."""

    place: ClassVar[str] = "progress"
    numbered: ClassVar[bool] = True

    upgrade_id: Label
    status: Label
    """Status in Microsoft's words."""
    line_items: tuple[UpgradeLineItem, ...] = ()


class ProductUpgradeCompleted(Event):
    """The upgrade is completed. The customer has an Azure plan."""

    terminal: ClassVar[bool] = True

    upgrade_id: Label
    line_items: tuple[UpgradeLineItem, ...] = ()
    adopted: bool
    """Whether the upgrade existed before this command."""

    @property
    def nothing_done(self) -> bool:
        """Whether the upgrade was there before."""
        return self.adopted


class StartProductUpgrade(Command):
    """Upgrade the customer's legacy Azure subscriptions to an Azure plan, or follow an upgrade that is under way."""

    answered_by: ClassVar[type[Event]] = ProductUpgradeCompleted

    product_family: Family = "azure"
    """Product family in Microsoft's words. Microsoft ignores its case."""
