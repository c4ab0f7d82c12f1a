"""The answers of the benchmark's Partner Center: one function for each operation that its commands call.

Shapes of the answers: Partner Center's pages get-a-customer-by-id, get-all-of-a-customer-s-orders,
get-all-of-a-customer-s-subscriptions, create-a-cart, checkout-a-cart, get-a-list-of-availabilities-for-a-sku,
get-a-list-of-azure-entitlements-for-subscription and get-a-collection-of-entitlements. Every customer exists, and all
ids are made from the customer's id. `plans` is all that is remembered: the status of each customer's plan. An order is
completed in the answer to its check-out: waiting for Partner Center is not what the benchmark measures.
"""

import json
from collections.abc import Callable
from typing import Any, Final

Json = dict[str, Any]
Answer = tuple[int, Json]
Plans = dict[str, str]

ITEM: Final = "DZH318Z0BPS6:0001:DZH318Z0BML6"
MADE: Final = "2026-03-01T09:00:00.1234567Z"


def plan_id(customer: str) -> str:
    """The id of the customer's plan."""
    return f"5a2a03c7{customer[8:]}"


def _items(*items: Json) -> Answer:
    return 200, {"totalCount": len(items), "items": items, "attributes": {"objectType": "Collection"}}


def _self(uri: str) -> Json:
    return {"self": {"uri": uri, "method": "GET", "headers": []}}


def _customer(_plans: Plans, customer: str, _body: bytes) -> Answer:
    profile = {
        "tenantId": customer,
        "domain": "fabrikamtest.onmicrosoft.com",
        "companyName": "Fabrikam Test",
        "address": {"country": "DE", "city": "Bonn", "postalCode": "53113", "addressLine1": "Markt 1"},
        "attributes": {"objectType": "CustomerCompanyProfile"},
    }
    billing = {"id": customer, "companyName": "Fabrikam Test", "culture": "de-DE", "language": "de"}
    return 200, {
        "id": customer,
        "commerceId": customer,
        "companyProfile": profile,
        "billingProfile": billing,
        "relationshipToPartner": "reseller",
        "allowDelegatedAccess": True,
        "links": _self(f"/customers/{customer}"),
        "attributes": {"objectType": "Customer"},
    }


def _order(customer: str, status: str) -> Json:
    identifier = f"a1b2{customer[:8]}"
    line: Json = {"lineItemNumber": 0, "offerId": ITEM, "transactionType": "New", "friendlyName": "Azure plan"}
    if status == "completed":
        line["subscriptionId"] = plan_id(customer)
    return {
        "id": identifier,
        "alternateId": identifier,
        "referenceCustomerId": customer,
        "billingCycle": "one_time",
        "currencyCode": "EUR",
        "lineItems": [{**line, "quantity": 1}],
        "creationDate": MADE,
        "status": status,
        "transactionType": "UserPurchase",
        "links": _self(f"/customers/{customer}/orders/{identifier}"),
        "attributes": {"objectType": "Order"},
    }


def _plan(plans: Plans, customer: str) -> Json:
    return {
        "id": plan_id(customer),
        "offerId": ITEM,
        "offerName": "Azure plan",
        "friendlyName": "Azure plan",
        "productType": {"id": "Azure", "displayName": "Azure"},
        "quantity": 1,
        "unitType": "Usage-based",
        "hasPurchasableAddons": False,
        "creationDate": MADE,
        "effectiveStartDate": MADE,
        "commitmentEndDate": "9999-12-31T00:00:00Z",
        "status": plans[customer],
        "autoRenewEnabled": False,
        "isTrial": False,
        "billingType": "usage",
        "billingCycle": "one_time",
        "termDuration": "",
        "isMicrosoftProduct": True,
        "partnerId": "",
        "attentionNeeded": False,
        "actionTaken": False,
        "contractType": "subscription",
        "orderId": f"a1b2{customer[:8]}",
        "publisherName": "Microsoft",
        "links": _self(f"/customers/{customer}/subscriptions/{plan_id(customer)}"),
        "attributes": {"objectType": "Subscription"},
    }


def _orders(plans: Plans, customer: str, _body: bytes) -> Answer:
    return _items(*([_order(customer, "completed")] if customer in plans else []))


def _subscriptions(plans: Plans, customer: str, _body: bytes) -> Answer:
    return _items(*([_plan(plans, customer)] if customer in plans else []))


def _subscription(plans: Plans, customer: str, _body: bytes) -> Answer:
    if customer not in plans:
        return 404, {"code": 20003, "description": "subscription not found", "data": [], "source": "PartnerFD"}
    return 200, _plan(plans, customer)


def _patch(plans: Plans, customer: str, body: bytes) -> Answer:
    plans[customer] = json.loads(body)["status"]
    return 200, _plan(plans, customer)


def _cart(_plans: Plans, customer: str, _body: bytes) -> Answer:
    line = {"id": 0, "catalogItemId": ITEM, "quantity": 1, "currencyCode": "EUR", "billingCycle": "one_time"}
    identifier = f"0b7d3c52{customer[8:]}"
    return 201, {
        "id": identifier,
        "creationTimestamp": MADE,
        "lastModifiedTimestamp": MADE,
        "expirationTimestamp": "2099-03-08T09:00:07.7654321Z",
        "lastModifiedUser": "5e4b6b7a-1111-4222-8333-444455556666",
        "status": "Active",
        "lineItems": [{**line, "provisioningContext": {}, "orderGroup": "0"}],
        "links": _self(f"/customers/{customer}/carts/{identifier}"),
        "attributes": {"objectType": "Cart"},
    }


def _checkout(plans: Plans, customer: str, _body: bytes) -> Answer:
    plans[customer] = "active"
    attributes = {"objectType": "CartCheckoutResult"}
    return 201, {"orders": [_order(customer, "completed")], "orderErrors": [], "attributes": attributes}


def _entitlements(_plans: Plans, customer: str, _body: bytes) -> Answer:
    one = {"id": f"c7a0c1f2{customer[8:]}", "friendlyName": "Azure subscription 1", "status": "inactive"}
    return _items({**one, "subscriptionId": plan_id(customer)})


def _availabilities(_plans: Plans, _customer: str, _body: bytes) -> Answer:
    return _items(
        {
            "id": "DZH318Z0BML6",
            "productId": "DZH318Z0BPS6",
            "skuId": "0001",
            "catalogItemId": ITEM,
            "defaultCurrency": {"code": "EUR", "symbol": "€"},
            "segment": "commercial",
            "country": "DE",
            "isPurchasable": True,
            "isRenewable": False,
            "terms": [],
            "product": {"id": "DZH318Z0BPS6", "title": "Azure plan"},
            "sku": {"id": "0001", "productId": "DZH318Z0BPS6"},
        }
    )


def _agreements(_plans: Plans, _customer: str, _body: bytes) -> Answer:
    contact = {"firstName": "Ana", "lastName": "Ruiz", "email": "ana@example.com"}
    template = "1b7a77b0-0000-4000-8000-c6dedc750cf9"
    kind = "MicrosoftCustomerAgreement"
    return _items(
        {"primaryContact": contact, "templateId": template, "dateAgreed": "2026-02-03T00:00:00", "type": kind}
    )


def _eligibility(_plans: Plans, _customer: str, body: bytes) -> Answer:
    asked = json.loads(body)
    return 200, {**asked, "isEligible": False, "reason": "no legacy Azure subscription"}


ROUTES: Final[dict[str, tuple[str, Callable[[Plans, str, bytes], Answer]]]] = {
    "GET customers/*": ("customers.get", _customer),
    "GET customers/*/orders": ("orders.list", _orders),
    "GET customers/*/orders/*": ("orders.get", lambda _, customer, __: (200, _order(customer, "completed"))),
    "GET customers/*/subscriptions": ("subscriptions.list", _subscriptions),
    "GET customers/*/subscriptions/*": ("subscriptions.get", _subscription),
    "PATCH customers/*/subscriptions/*": ("subscriptions.patch", _patch),
    "GET customers/*/subscriptions/*/azureEntitlements": ("azure_entitlements.list", _entitlements),
    "GET customers/*/entitlements": ("reservations.list", lambda *_: _items()),
    "POST customers/*/carts": ("carts.create", _cart),
    "POST customers/*/carts/*/checkout": ("carts.checkout", _checkout),
    "GET products/*/skus/*/availabilities": ("catalog.list_availabilities", _availabilities),
    "GET customers/*/products/*/skus/*/availabilities": ("catalog.list_availabilities_by_customer", _availabilities),
    "GET customers/*/agreements": ("agreements.confirmations", _agreements),
    "GET customers/*/directSignedMicrosoftCustomerAgreementStatus": (
        "agreements.direct_signature",
        lambda *_: (200, {"isSigned": True}),
    ),
    "POST productUpgrades/eligibility": ("upgrades.eligibility", _eligibility),
}
"""Operations by method and path, with `*` for each id: the operation's name, and the function that answers."""
WORDS: Final = frozenset(word for route in ROUTES for word in route.split(" ")[1].split("/")) - {"*"}


def route_of(method: str, target: str) -> tuple[str, str]:
    """The key of a call in `ROUTES`, and the customer in its address; an empty customer if there is none."""
    path = target.partition("?")[0].split("/")[2:]
    customer = path[1] if path[0] == "customers" else ""
    return f"{method} {'/'.join(word if word in WORDS else '*' for word in path)}", customer
