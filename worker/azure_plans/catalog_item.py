"""Finds the catalog item of the Azure plan. Availability ids rotate, and so does the item.

The catalog of a country is the same for all customers of an account: its item is used again for a while, and looked up
again as soon as anything is said against it. What is sold to one customer is looked up each time.

Vendor page: partner-center/developer/get-a-list-of-availabilities-for-a-sku; ids as in create-azure-plan.
"""

from collections.abc import Sequence

from events.codes import RejectedCode
from worker.errors import Rejected
from worker.handling import facts
from worker.partner_center.answers.resource import same_id
from worker.partner_center.errors import Refused
from worker.partner_center.port import PartnerCenter
from worker.partner_center.reject_codes import reject_code
from worker.partner_center.resources import catalog
from worker.partner_center.resources.azure_products import AZURE_PLAN_PRODUCT, AZURE_PLAN_SKU
from worker.partner_center.resources.catalog import Availability

SEGMENTS = ("commercial", None)
"""Segments to buy in, the best first; None if the catalog names none. Other segments are for other customers."""


async def purchasable_item(
    center: PartnerCenter, customer_id: str, country: str | None, *, other_than: str | None = None
) -> str:
    """The catalog item id of the Azure plan in `country`, an ISO code; with None, of the plan sold to the customer.

    Reads the catalog, unless the account has seen the item of this country a short while ago. `other_than` was refused:
    the catalog is then read in any case. Raises `Rejected` (`catalog_item_unavailable`) if no item can be bought, or
    only `other_than`.
    """
    if country is not None and other_than is None and (recent := center.catalog_items.find(country)):
        return recent
    where = f"in {country}" if country else "to this customer"
    try:
        found = await _availabilities(center, customer_id, country)
    except Refused as no:
        if no.status != 404 or reject_code(no.operation, no.status, no.code) is RejectedCode.CUSTOMER_NOT_FOUND:
            raise
        detail = f"Partner Center's catalog does not know the Azure plan {where}"
        raise Rejected(RejectedCode.CATALOG_ITEM_UNAVAILABLE, detail, partner_center=facts(no)) from no
    items = [item for each in _best_first(found) if (item := each.catalog_item_id)]
    item = next((each for each in items if not same_id(each, other_than)), None)
    if item is None:
        only = f"; {other_than}, the only one in the catalog, was refused" if other_than and items else ""
        detail = f"none of the {len(found)} availabilities of the Azure plan {where} can be bought{only}"
        raise Rejected(RejectedCode.CATALOG_ITEM_UNAVAILABLE, detail)
    if country is not None:
        center.catalog_items.keep(country, item)
    return item


def distrust_item(center: PartnerCenter, country: str | None) -> None:
    """Have the next purchase in this country read the catalog: something was said against the item."""
    if country is not None:
        center.catalog_items.drop(country)


async def _availabilities(center: PartnerCenter, customer_id: str, country: str | None) -> list[Availability]:
    if country is None:
        return await catalog.list_availabilities_by_customer(center, customer_id, AZURE_PLAN_PRODUCT, AZURE_PLAN_SKU)
    return await catalog.list_availabilities(center, AZURE_PLAN_PRODUCT, AZURE_PLAN_SKU, country)


def _best_first(found: Sequence[Availability]) -> list[Availability]:
    sold = [each for each in found if each.is_purchasable and each.is_azure_plan and each.segment in SEGMENTS]
    return sorted(sold, key=lambda each: SEGMENTS.index(each.segment))
