"""Product upgrades: Microsoft moves a customer's legacy Azure subscriptions to an Azure plan."""

from enum import StrEnum
from typing import Annotated, Any

from worker.looks.awaited import Awaited
from worker.partner_center.answers.resource import OR_NONE, Flag, Instant, Reference, Resource, Text, is_address_part
from worker.partner_center.operation import Accepted, Auth, EffectClass, Operation
from worker.partner_center.port import PartnerCenter

DOCS = "https://learn.microsoft.com/partner-center/developer/"
AZURE = "azure"


class UpgradeState(StrEnum):
    """The state of an upgrade. Microsoft documents only the word `Completed`."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


class UpgradeError(Resource):
    """Why an upgrade or one of its lines failed."""

    code: Text = None
    description: Text = None
    message: Text = None
    """The description under another name: the vendor's pages and libraries disagree about the name."""

    @property
    def text(self) -> str | None:
        """Microsoft's text about the error. None if there is none."""
        return self.description or self.message


class UpgradeProduct(Resource):
    """A product before or after an upgrade."""

    id: Text = None
    name: Text = None


class UpgradeLineItem(Resource):
    """One subscription of an upgrade."""

    source_product: Annotated[UpgradeProduct | None, OR_NONE] = None
    target_product: Annotated[UpgradeProduct | None, OR_NONE] = None
    upgraded_date: Instant = None
    status: Text = None
    error_details: Annotated[UpgradeError | None, OR_NONE] = None


class Eligibility(Resource):
    """Whether a customer can be upgraded, and whether an upgrade exists already."""

    customer_id: Text = None
    product_family: Text = None
    is_eligible: Flag = None
    upgrade_id: Reference = None
    """The id of an existing upgrade. None if there is none."""
    reason: Text = None
    """Why the customer is not eligible."""


class Upgrade(Resource):
    """An upgrade and its progress."""

    id: Text = None
    product_family: Text = None
    status: Text = None
    """Microsoft's word. `state` is its meaning."""
    line_items: tuple[UpgradeLineItem, ...] = ()
    error_details: Annotated[UpgradeError | None, OR_NONE] = None

    @property
    def state(self) -> UpgradeState:
        """The meaning of `status`. An unknown word counts as running."""
        word = (self.status or "").casefold()
        if word in {"completed", "complete", "succeeded"}:
            return UpgradeState.COMPLETED
        if "fail" in word or "error" in word:
            return UpgradeState.FAILED
        return UpgradeState.RUNNING


ELIGIBILITY: Operation[Eligibility] = Operation(
    name="upgrades.eligibility",
    method="POST",
    path="/productUpgrades/eligibility",
    customer_in_body=True,
    answer=Eligibility,
    effect=EffectClass.READ,
    auth=Auth.USER,
    source=DOCS + "get-eligibility-for-product-upgrade",
)

CREATE: Operation[Accepted] = Operation(
    name="upgrades.create",
    method="POST",
    path="/productUpgrades",
    customer_in_body=True,
    success=frozenset({202}),
    effect=EffectClass.MONEY,
    auth=Auth.USER,
    source=DOCS + "create-product-upgrade-entity",
)

STATUS: Operation[Upgrade] = Operation(
    name="upgrades.status",
    method="POST",
    path="/productUpgrades/{upgrade_id}/status",
    answer=Upgrade,
    effect=EffectClass.READ,
    auth=Auth.USER,
    source=DOCS + "get-product-upgrade-status",
)

NAME = Awaited(
    name="upgrade_named",
    half=10.0,
    most=120.0,
    source="not documented: eligibility names an upgrade that exists",
)
DESCRIPTION = Awaited(
    name="upgrade_described",
    half=3.0,
    most=30.0,
    source="not documented: an upgrade that was requested a moment ago has its first status",
)
END = Awaited(
    name="upgrade_ended",
    half=600.0,
    most=4 * 3600.0,
    source="not documented: from minutes to hours, as Microsoft moves each Azure subscription of the customer",
)


async def eligibility(center: PartnerCenter, customer_id: str, *, product_family: str = AZURE) -> Eligibility:
    """Whether the customer can be upgraded."""
    return await center.call(ELIGIBILITY, {}, body=_request(customer_id, product_family))


async def create(center: PartnerCenter, customer_id: str, *, product_family: str = AZURE) -> str | None:
    """Start an upgrade and return its id. None if Partner Center accepted it and does not name the id.

    Refused with 900109 while another upgrade is in progress.
    """
    accepted = await center.call(CREATE, {}, body=_request(customer_id, product_family))
    return id_in(accepted.location)


async def status(center: PartnerCenter, upgrade_id: str, customer_id: str, *, product_family: str = AZURE) -> Upgrade:
    """The upgrade with its progress. A read, although it is a POST. Refused with 900106 if there is none."""
    return await center.call(STATUS, {"upgrade_id": upgrade_id}, body=_request(customer_id, product_family))


def id_in(location: str | None) -> str | None:
    """The id in a `Location`: its last segment. The address may be relative or absolute, with or without version."""
    path = (location or "").partition("?")[0].rstrip("/")
    last = path.rpartition("/")[2]
    return last if is_address_part(last) and last.casefold() != "productupgrades" else None


def _request(customer_id: str, product_family: str) -> dict[str, Any]:
    return {"customerId": customer_id, "productFamily": product_family}
