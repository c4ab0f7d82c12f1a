"""What a test does with money: seeds invoices and usage, changes them as Microsoft does, and reads exact books."""

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from ops.simulator.behaviour import checked_copy
from ops.simulator.billing.figures import Figures, figures
from ops.simulator.billing.invoices import Buyer, Invoice, LineKind
from ops.simulator.billing.ledger import Export, checked_members, made_up_buyer, month_of, next_id, unbilled_id
from ops.simulator.billing.releases import Attributes
from ops.simulator.billing.spending import Spent, spent_by
from ops.simulator.state import Customer, Partner
from ops.simulator.world import World

UNBILLED = re.compile(r"unbilled-(?P<currency>\w{3})-(?P<period>current|previous)")


class BillingDesk:
    """The part of a simulator that has to do with money."""

    world: World

    @property
    def storage_url(self) -> str:
        """Where manifests say that blobs are."""
        return self.world.ledger.storage_url

    @storage_url.setter
    def storage_url(self, address: str) -> None:
        self.world.ledger.storage_url = address

    @property
    def blob_folder(self) -> Path:
        """Where blobs are kept once they are written: a temporary folder unless one was chosen."""
        return self.world.ledger.folder

    @blob_folder.setter
    def blob_folder(self, folder: Path) -> None:
        self.world.ledger.folder = folder

    def invoice(self, *, partner: str | None = None, **members: Any) -> Invoice:
        """Seed an invoice; ``members`` are those of ``Invoice``. Raises ValueError for what is unknown."""
        owner = self._owner(partner)
        identity = str(members.pop("id", None) or next_id(self.world.ledger.invoices))
        if identity.lower() in self.world.ledger.invoices:
            raise ValueError(f"there is an invoice {identity} already")
        return self.world.ledger.put(self._made(owner, identity, members))

    def unbilled(
        self, currency: str = "USD", period: str = "current", *, partner: str | None = None, **members: Any
    ) -> Invoice:
        """Seed the lines of a month that is not billed yet; seeding it again makes them another version.

        ``period`` is ``current`` or ``previous`` now; the month stays what it is when time goes on. The current month
        has usage until yesterday.
        """
        owner, month = self._owner(partner), month_of(self.world.clock.date(), period)
        identity = unbilled_id(owner.tenant_id, currency, month)
        day = max(1, self.world.clock.date().day - 1) if period == "current" else 0
        chosen = {"month": month, "currency": currency, "period": period, "last_day": day, **members}
        made = self._made(owner, identity, chosen)
        before = self.world.ledger.invoices.get(identity)
        return self.world.ledger.put(replace(made, version=before.version + 1) if before else made)

    def find_invoice(self, identity: str) -> Invoice:
        """Return an invoice, or unbilled lines under a name such as ``unbilled-usd-current``; raises KeyError."""
        wanted = identity.lower()
        if named := UNBILLED.fullmatch(wanted):
            month = month_of(self.world.clock.date(), named["period"])
            wanted = unbilled_id(self._owner(None).tenant_id, named["currency"], month)
        return self.world.ledger.invoices[wanted]

    def change_invoice(self, identity: str, **members: Any) -> Invoice:
        """Change members of an invoice. Its data get a new version. Raises KeyError or ValueError."""
        found = self.find_invoice(identity)
        changed = self._made(self._owner(found.partner), found.id, {**_chosen(found), **checked_members(members)})
        return self.world.ledger.renew(replace(changed, made_at=found.made_at, version=found.version))

    def renew_invoice(self, identity: str, *, same_content: bool = True) -> Invoice:
        """Give an invoice a new version of its data, and so another eTag. Raises KeyError."""
        return self.world.ledger.renew(self.find_invoice(identity), same_content=same_content)

    def figures(
        self,
        identity: str,
        lines: LineKind = "usage",
        attributes: Attributes = "full",
        *,
        blobs: bool = True,
        planted: bool = True,
    ) -> Figures:
        """Return the exact books of lines as they are served now; ``planted=False``: as they would be without faults.

        ``blobs`` writes every blob that is not there yet and tells its hash. Raises KeyError for an unknown invoice.
        """
        invoice = self.find_invoice(identity)
        release = self.world.ledger.release(invoice, lines, attributes, self.world.settings, self.world.now)
        return figures(release, blobs=blobs, planted=planted)

    def end_export(
        self, identity: str, status: Literal["succeeded", "failed", "expired"] = "succeeded", code: str = "5000"
    ) -> Export:
        """End an export now, or let it expire; ``code`` is that of a failure. Raises KeyError."""
        export = self.world.ledger.exports[identity.lower()]
        export.starts_at, export.ends_at = min(export.starts_at, self.world.now), min(export.ends_at, self.world.now)
        if status == "expired":
            export.expired = True
        else:
            export.release, export.code = None, code
            export.outcome = "succeeded" if status == "succeeded" else "5000" if code == "5000" else "failed"
        return export

    def set_usage(self, customer: Customer | str, total: Decimal | str, subscription: str | None = None) -> None:
        """Set what a subscription (by default the first) has cost this month, with all of its digits."""
        owner = self._customer(customer)
        owner.usage = True
        spent = spent_by(self.world, owner)
        if not spent:
            raise ValueError(f"customer {owner.id} has no subscription that could cost anything")
        wanted = subscription or spent[0].subscription.id
        if wanted not in {each.subscription.id for each in spent}:
            raise KeyError(f"there is no subscription {wanted} with usage")
        owner.spent[wanted] = Decimal(total)

    def usage_of(self, customer: Customer | str) -> dict[str, Any]:
        """Return exactly what a customer has cost this month: total, currency, and total by subscription."""
        owner = self._customer(customer)
        spent: list[Spent] = spent_by(self.world, owner)
        return {
            "total": sum((each.total for each in spent), Decimal(0)),
            "currency": owner.currency,
            "subscriptions": {each.subscription.id: each.total for each in spent},
        }

    def _customer(self, customer: Customer | str) -> Customer:
        return self.world.customers[(customer if isinstance(customer, str) else customer.id).lower()]

    def _owner(self, partner: str | None) -> Partner:
        return self.world.partners[partner.lower()] if partner else next(iter(self.world.partners.values()))

    def _made(self, owner: Partner, identity: str, members: Mapping[str, Any]) -> Invoice:
        blank = Invoice(identity, owner.tenant_id, owner.partner_id, self.world.now)
        made = checked_copy(blank, checked_members(members))
        if made.usage_lines and not made.groups:
            raise ValueError("usage lines need groups")
        return replace(made, buyers=self._buyers(owner, max(1, made.customers)))

    def _buyers(self, owner: Partner, count: int) -> tuple[Buyer, ...]:
        own = [each for each in self.world.customers.values() if each.partner == owner.tenant_id]
        seeded = [buyer for each in own[:count] if (buyer := _buyer(each))]
        return (*seeded, *(made_up_buyer(number) for number in range(len(seeded), count)))


def _buyer(customer: Customer) -> Buyer | None:
    plans = [each for each in customer.subscriptions.values() if each.kind == "azure_plan" and each.azure_subscriptions]
    if not plans:
        return None
    plan = plans[0]
    return Buyer(customer.id, customer.name, customer.domain, customer.country, plan.id, plan.azure_subscriptions[0].id)


def _chosen(invoice: Invoice) -> dict[str, Any]:
    ours = {"id", "partner", "partner_id", "made_at", "buyers", "version", "content"}
    return {each.name: getattr(invoice, each.name) for each in fields(invoice) if each.name not in ours}
