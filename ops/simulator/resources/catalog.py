"""Products, SKUs and availabilities, by country and by customer.

Pages: partner-center/developer/get-a-list-of-products, get-a-product-by-id, get-a-list-of-skus-for-a-product,
get-a-sku-by-id, get-a-list-of-availabilities-for-a-sku, get-an-availability-by-id, and their by-customer twins.
"""

from ops.simulator.commerce.error_codes import Refused
from ops.simulator.commerce.products import (
    AZURE_PLAN_PRODUCT,
    CURRENCIES,
    PRODUCTS,
    Availability,
    Product,
    Shelf,
    Sku,
    find_product,
    find_sku,
)
from ops.simulator.requests.answers import Answer, Json, collection, link, present
from ops.simulator.requests.calls import Call, Operation

TARGET_VIEWS = frozenset(
    {
        *("azure", "azurereservations", "azurereservationsvm", "azurereservationssql", "azurereservationscosmosdb"),
        *("microsoftazure", "onlineservices", "software", "softwaresuselinux", "softwareperpetual"),
        *("softwaresubscriptions", "specializedoffers", "marketplacesaas"),
    }
)
TARGET_SEGMENTS = frozenset({"commercial", "education", "government", "nonprofit"})


def list_products(call: Call) -> Answer:
    """List the products of a target view."""
    country = _country(call)
    view = call.query.get("targetview", "").lower()
    if not view:
        raise Refused(800002, "targetView is missing")
    if view not in TARGET_VIEWS:
        raise Refused(400036)
    _segment(call)
    found = [each for each in PRODUCTS if view in each.target_views and _in_scope(each, call)]
    items = [product_body(each, country) for each in found if country in CURRENCIES]
    return Answer(200, collection(items, _uri(call, "/products")))


def get_product(call: Call) -> Answer:
    """Answer one product."""
    return Answer(200, product_body(_product(call), _country(call)))


def list_skus(call: Call) -> Answer:
    """List the SKUs of a product."""
    product, country = _product(call), _country(call)
    _segment(call)
    items = [sku_body(product, each, country) for each in product.skus]
    return Answer(200, collection(items, _uri(call, f"/products/{product.id}/skus")))


def get_sku(call: Call) -> Answer:
    """Answer one SKU."""
    product = _product(call)
    return Answer(200, sku_body(product, _sku(call, product), _country(call)))


def list_availabilities(call: Call) -> Answer:
    """List the present availabilities of a SKU, including those that cannot be bought."""
    product, country, segment = _product(call), _country(call), _segment(call)
    sku = _sku(call, product)
    found = Shelf(call.world).of(product, sku, country)
    items = [availability_body(each) for each in found if segment in (None, each.segment) and _in_scope(product, call)]
    return Answer(200, collection(items, _uri(call, f"/products/{product.id}/skus/{sku.id}/availabilities")))


def get_availability(call: Call) -> Answer:
    """Answer one availability while its id lasts."""
    product = _product(call)
    sku = _sku(call, product)
    shelf = Shelf(call.world, stale_too=True)
    found = shelf.find(product, sku, _country(call), call.params["availability_id"])
    if found is None:
        raise Refused(400019)
    return Answer(200, availability_body(found))


def product_body(product: Product, country: str) -> Json:
    """Return a Product."""
    product_type: Json = {"id": product.type_id, "displayName": product.type_id}
    if product.sub_type:
        product_type["subType"] = {"id": product.sub_type, "displayName": product.sub_type}
    uri = f"/products/{product.id}"
    return {
        "id": product.id,
        "title": product.title,
        "description": product.description,
        "productType": product_type,
        "isMicrosoftProduct": True,
        "publisherName": "Microsoft Corporation",
        "links": {"skus": link(f"{uri}/skus?country={country}"), "self": link(f"{uri}?country={country}")},
    }


def sku_body(product: Product, sku: Sku, country: str) -> Json:
    """Return a Sku."""
    uri = f"/products/{product.id}/skus/{sku.id}"
    attributes: Json = {"isMicrosoftProduct": True}
    if product.id == AZURE_PLAN_PRODUCT:
        attributes["pilotProgram"] = "modernazurepilot"
    return {
        "id": sku.id,
        "productId": product.id,
        "title": sku.title,
        "description": sku.description,
        "minimumQuantity": 1,
        "maximumQuantity": sku.maximum,
        "isTrial": False,
        "supportedBillingCycles": list(sku.billing_cycles),
        "purchasePrerequisites": list(sku.prerequisites),
        "inventoryVariables": [],
        "provisioningVariables": list(sku.provisioning_variables),
        "actions": ["Refund"],
        "dynamicAttributes": attributes,
        "links": {
            "availabilities": link(f"{uri}/availabilities?country={country}"),
            "self": link(f"{uri}?country={country}"),
        },
    }


def availability_body(availability: Availability) -> Json:
    """Return an Availability with its product and SKU inside."""
    product, sku, country = availability.product, availability.sku, availability.country
    code, symbol = CURRENCIES[country]
    uri = f"/products/{product.id}/skus/{sku.id}/availabilities/{availability.id}?country={country}"
    terms = [present(duration=sku.term, description=sku.term, billingCycle="Monthly")] if sku.term else []
    return {
        "id": availability.id,
        "productId": product.id,
        "skuId": sku.id,
        "catalogItemId": availability.catalog_item_id,
        "defaultCurrency": {"code": code, "symbol": symbol},
        "segment": availability.segment,
        "country": country,
        "isPurchasable": availability.purchasable,
        "isRenewable": False,
        "renewalInstructions": [],
        "terms": terms,
        "product": product_body(product, country),
        "sku": sku_body(product, sku, country),
        "links": {"self": link(uri)},
    }


def _country(call: Call) -> str:
    if "customer_id" in call.params:
        return call.customer.country
    country = call.query.get("country", "").upper()
    if len(country) != 2 or not country.isalpha():
        raise Refused(800002, "country must be a two-letter ISO code")
    return country


def _segment(call: Call) -> str | None:
    segment = call.query.get("targetsegment", "").lower()
    if segment and segment not in TARGET_SEGMENTS:
        raise Refused(400030)
    return segment or None


def _in_scope(product: Product, call: Call) -> bool:
    scope = call.query.get("reservationscope", "").lower()
    return product.reservation_scope is None or product.reservation_scope == scope


def _product(call: Call) -> Product:
    product = find_product(call.params["product_id"])
    if product is None:
        raise Refused(400013)
    return product


def _sku(call: Call, product: Product) -> Sku:
    sku = find_sku(product, call.params["sku_id"])
    if sku is None:
        raise Refused(400018)
    return sku


def _uri(call: Call, uri: str) -> str:
    given = "&".join(f"{name}={value}" for name, value in call.received.query.items())
    return f"{uri}?{given}" if given else uri


_BY_COUNTRY = (
    Operation("catalog.list_products", "GET", "/products", list_products, catalog=True),
    Operation("catalog.get_product", "GET", "/products/{product_id}", get_product, catalog=True),
    Operation("catalog.list_skus", "GET", "/products/{product_id}/skus", list_skus, catalog=True),
    Operation("catalog.get_sku", "GET", "/products/{product_id}/skus/{sku_id}", get_sku, catalog=True),
    Operation(
        "catalog.list_availabilities",
        "GET",
        "/products/{product_id}/skus/{sku_id}/availabilities",
        list_availabilities,
        catalog=True,
    ),
    Operation(
        "catalog.get_availability",
        "GET",
        "/products/{product_id}/skus/{sku_id}/availabilities/{availability_id}",
        get_availability,
        catalog=True,
    ),
)

OPERATIONS = _BY_COUNTRY + tuple(
    Operation(
        f"{each.name}_by_customer",
        each.method,
        each.template.replace("/", "/customers/{customer_id}/", 1),
        each.handler,
        catalog=True,
    )
    for each in _BY_COUNTRY
)
