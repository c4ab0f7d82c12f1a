"""Which catalog items are Azure plans, and which are the legacy offers before them. Pure."""

AZURE_PLAN_PRODUCT = "DZH318Z0BPS6"
AZURE_PLAN_SKU = "0001"
_LEGACY_AZURE_OFFERS = "ms-azr-"


def is_azure_plan_item(catalog_item: str | None) -> bool:
    """Whether `catalog_item` (`product:sku:availability`, or the product alone) is the Azure plan. Ignores case."""
    return (catalog_item or "").casefold().split(":")[0] == AZURE_PLAN_PRODUCT.casefold()


def is_legacy_azure_item(catalog_item: str | None) -> bool:
    """Whether `catalog_item` is a legacy Azure offer (MS-AZR-0145P and similar). Ignores case."""
    return (catalog_item or "").casefold().startswith(_LEGACY_AZURE_OFFERS)
