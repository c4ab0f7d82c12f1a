"""Every operation: the request that its function sends, and the value read from an answer of Partner Center's shape."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.partner_center.conftest import MakeAccount, Recorder
from tests.partner_center.wire import Wire, answers
from worker.partner_center.all_operations import operations
from worker.partner_center.operation import MEGABYTE, Accepted, Api, Auth, EffectClass, Operation
from worker.partner_center.port import PartnerCenter
from worker.partner_center.resources import (
    agreements,
    arm_reservations,
    arm_subscriptions,
    azure_entitlements,
    billing_exports,
    carts,
    catalog,
    customers,
    orders,
    reservations,
    subscriptions,
    upgrades,
)
from worker.partner_center.resources.billing_exports import Lines, Wanted
from worker.partner_center.resources.carts import NewCart, NewLineItem
from worker.partner_center.resources.spending import budgets, invoice_documents, invoice_lines, invoices, usage
from worker.partner_center.resources.spending.invoice_lines import LinesPath

C = "0a1b2c3d-0000-4000-8000-00000000cafe"
S = "5a2a03c7-0000-4000-8000-dee8841e2001"
E = "c7a0c1f2-0000-4000-8000-000000000001"
CART = "0b7d3c52-61f2-4b0f-9a60-8a8f1f3c2001"
ORDER = "a1b2c3d4e5f6"
OPERATION_ID = "0f000000-0000-4000-8000-000000000001"
UPGRADE = "42d075a4-0000-4000-8000-6c68a57edc01"
R = "e51f0000-0000-4000-8000-000000000001"
RO = "0d0e0000-0000-4000-8000-000000000001"
CAPACITY = f"/providers/Microsoft.Capacity/reservationOrders/{RO}"
ITEM = "DZH318Z0BPS6:0001:DZH318Z0BML6"


def link(uri: str) -> dict[str, object]:
    """A link in the form of the answers."""
    return {"uri": uri, "method": "GET", "headers": []}


def collection(*items: object) -> dict[str, object]:
    """A collection whose count differs from its length, as happens at Partner Center."""
    return {
        "totalCount": 99,
        "items": list(items),
        "links": {"self": link("/x")},
        "attributes": {"objectType": "Collection"},
    }


async def gathered(items: AsyncIterator[bytes]) -> list[bytes]:
    """All items."""
    return [item async for item in items]


async def document(opened: AbstractAsyncContextManager[AsyncIterator[bytes]]) -> bytes:
    """A whole document."""
    async with opened as pieces:
        return b"".join([piece async for piece in pieces])


@dataclass(frozen=True)
class Case:
    """One operation: the call, its request, the answer, and the value that is read from it."""

    call: Callable[[PartnerCenter], Awaitable[Any]]
    target: str
    answer: object
    reads: Callable[[Any], object]
    expected: object
    sends: object = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


FIGURES = {"id": "x", "name": "Demo", "totalCost": 10.5, "currencyLocale": "en-US", "usdTotalCost": 0}
PLACE = {"customer_id": C, "subscription_id": S}


async def all_of(items: AsyncIterator[Any]) -> list[Any]:
    """Everything that an iterator gives."""
    return [item async for item in items]


ANA = {"firstName": "Ana", "lastName": "Ruiz", "email": "a@b.c"}
CUSTOMER = {
    "id": C,
    "commerceId": "99e6a635-0000-4000-8000-000000000000",
    "companyProfile": {
        "tenantId": C,
        "domain": "fabrikam.example",
        "companyName": "Fabrikam",
        "address": {"country": "de", "city": "Ulm", "phoneNumber": "0"},
        "links": {"self": link("/x")},
        "attributes": {"objectType": "CustomerCompanyProfile"},
    },
    "billingProfile": {
        "id": "1",
        "culture": "de-DE",
        "defaultAddress": {"country": "at"},
        "attributes": {"etag": "-42", "objectType": "CustomerBillingProfile"},
    },
    "relationshipToPartner": "reseller",
    "allowDelegatedAccess": True,
    "customDomains": ["fabrikam.example"],
    "attributes": {"objectType": "Customer"},
}
PRODUCT = {
    "id": "DZH318Z0BPS6",
    "title": "Azure plan",
    "description": "",
    "productType": {"id": "Azure", "displayName": "Azure", "subType": {"id": "x"}},
    "isMicrosoftProduct": True,
    "publisherName": "Microsoft",
    "links": {
        "skus": link("/products/DZH318Z0BPS6/skus?country=DE"),
        "self": link("/products/DZH318Z0BPS6?country=DE"),
    },
}
SKU = {
    "id": "0001",
    "productId": "DZH318Z0BPS6",
    "title": "Microsoft Azure plan",
    "minimumQuantity": 1,
    "maximumQuantity": "1",
    "isTrial": False,
    "supportedBillingCycles": ["one_time"],
    "purchasePrerequisites": ["MicrosoftCustomerAgreement"],
    "inventoryVariables": [],
    "dynamicAttributes": {"pilotProgram": "modernazurepilot", "upgradeTargetOffers": None},
}
AVAILABILITY = {
    "id": "DZH318Z0BML6",
    "productId": "dzh318z0bps6",
    "skuId": "0001",
    "catalogItemId": ITEM,
    "defaultCurrency": {"code": "EUR", "symbol": "€"},
    "segment": "commercial",
    "country": "DE",
    "isPurchasable": True,
    "isRenewable": False,
    "terms": [{"duration": "P1M", "billingCycle": "Annual"}],
    "product": {},
    "sku": {},
}
CART_DOCUMENT = {
    "id": CART,
    "creationTimestamp": "2026-03-01T09:00:00.1234567Z",
    "expirationTimestamp": "2026-03-08T09:00:07.7654321Z",
    "lastModifiedUser": "5e4b6b7a-1111-4222-8333-444455556666",
    "status": "Active",
    "lineItems": [
        {
            "id": 0,
            "catalogItemId": ITEM,
            "quantity": 1,
            "currencyCode": "EUR",
            "billingCycle": "one_time",
            "provisioningContext": {},
            "orderGroup": "0",
            "error": {"errorCode": 10001, "errorDescription": "stale", "attributes": {"objectType": "CartError"}},
        }
    ],
    "attributes": {"objectType": "Cart"},
}
ORDER_DOCUMENT = {
    "id": ORDER,
    "alternateId": ORDER,
    "referenceCustomerId": C,
    "billingCycle": "one_time",
    "currencyCode": "EUR",
    "lineItems": [
        {
            "lineItemNumber": 0,
            "offerId": ITEM,
            "subscriptionId": S.upper(),
            "termDuration": "",
            "transactionType": "New",
            "friendlyName": "Azure plan",
            "quantity": 1,
            "links": {"product": link("/products/DZH318Z0BPS6?country=DE")},
        }
    ],
    "creationDate": "2026-03-01T09:01:00.76+00:00",
    "status": "completed",
    "transactionType": "UserPurchase",
    "client": {},
    "attributes": {"objectType": "Order"},
}
SUBSCRIPTION = {
    "id": S,
    "offerId": "dzh318z0bps6:0001:DZH318Z0BML6",
    "offerName": "Azure plan",
    "friendlyName": "Azure plan",
    "productType": {"id": "Azure", "displayName": "Azure"},
    "quantity": 1,
    "unitType": "Usage-based",
    "creationDate": "2026-03-01T09:02:10.1",
    "commitmentEndDate": "9999-12-31T00:00:00Z",
    "status": "active",
    "autoRenewEnabled": False,
    "billingType": "usage",
    "billingCycle": "one_time",
    "termDuration": "",
    "partnerId": "",
    "price": 1.10,
    "orderId": ORDER,
    "attributes": {"objectType": "Subscription"},
}
ENTITLEMENT = {"id": E, "friendlyName": " Azure subscription 1", "status": "Active", "subscriptionId": S}
RESERVATION = {
    "includedEntitlements": [],
    "referenceOrder": {"id": "KaJ8XvkKc", "lineItemId": "0", "alternateId": "8f3af3dea1ea"},
    "productId": "DZH318Z0BQ3W",
    "skuId": "007J",
    "skuTitle": "Reserved VM Instance, 1 Year",
    "quantity": 1,
    "quantityDetails": [{"quantity": 1, "status": "Active"}],
    "entitledArtifacts": [
        {"link": link("/x"), "resourceId": "ebf2", "artifactType": "virtual_machine_reserved_instance"}
    ],
    "entitlementType": "virtual_machine_reserved_instance",
    "expiryDate": "2027-01-28T00:00:00Z",
}
ASKED = {"customerId": C, "productFamily": "azure"}
IN_GERMANY = "country=DE"


RETURNED = {
    "scope": "Reservation",
    "reservationToReturn": {
        "reservationId": f"/providers/microsoft.capacity/reservationOrders/{RO}/reservations/{R}",
        "quantity": 2,
    },
}
QUOTE = {
    "id": f"/providers/microsoft.capacity/reservationOrders/{RO}/reservations/{R}",
    "properties": {
        "sessionId": "5e55",
        "quantity": 2,
        "billingRefundAmount": {"currencyCode": "EUR", "amount": 1234.50},
        "pricingRefundAmount": {"currencyCode": "USD", "amount": 1300},
        "policyResult": {
            "properties": {
                "consumedRefundsTotal": {"currencyCode": "USD", "amount": 0},
                "maxRefundLimit": {"currencyCode": "USD", "amount": 50000},
                "policyErrors": [{"code": "SelfServiceRefundNotSupported", "message": "not here"}],
            }
        },
    },
}

CASES = {
    "customers.list": Case(
        lambda center: customers.page(center, size=1),
        "/v1/customers?size=1",
        collection({"id": C, "companyProfile": {"companyName": "Fabrikam"}, "relationshipToPartner": "reseller"}),
        lambda page: [(each.id, each.country, page.next) for each in page.items],
        [(C, None, None)],
    ),
    "customers.get": Case(
        lambda center: customers.get(center, C),
        f"/v1/customers/{C}",
        CUSTOMER,
        lambda it: (it.id, it.country, it.relationship_to_partner, it.allow_delegated_access),
        (C, "AT", "reseller", True),
    ),
    "agreements.metadata": Case(
        agreements.metadata,
        "/v1/agreements?agreementType=MicrosoftCustomerAgreement",
        collection({"templateId": "1b7a", "agreementType": "MicrosoftCustomerAgreement", "versionRank": 0}),
        lambda items: [(each.template_id, each.version_rank) for each in items],
        [("1b7a", 0)],
    ),
    "agreements.confirmations": Case(
        lambda center: agreements.confirmations(center, C),
        f"/v1/customers/{C}/agreements?agreementType=MicrosoftCustomerAgreement",
        {"totalCount": 1, "items": [{"primaryContact": {"firstName": "Ana"}, "dateAgreed": "2026-02-03T00:00:00"}]},
        lambda items: [each.date_agreed for each in items],
        [datetime(2026, 2, 3, tzinfo=UTC)],
    ),
    "agreements.confirm": Case(
        lambda center: agreements.confirm(center, C, ANA, datetime(2026, 2, 3, tzinfo=UTC), "1b"),
        f"/v1/customers/{C}/agreements",
        {"primaryContact": {"firstName": "Ana"}, "templateId": "1b", "dateAgreed": "2026-02-03T00:00:00Z"},
        lambda it: (it.template_id, it.date_agreed),
        ("1b", datetime(2026, 2, 3, tzinfo=UTC)),
        status=201,
        sends={
            "primaryContact": ANA,
            "dateAgreed": "2026-02-03T00:00:00Z",
            "templateId": "1b",
            "type": "MicrosoftCustomerAgreement",
        },
    ),
    "agreements.direct_signature": Case(
        lambda center: agreements.direct_signature(center, C),
        f"/v1/customers/{C}/directSignedMicrosoftCustomerAgreementStatus",
        {"isSigned": True},
        lambda it: it.is_signed,
        True,
    ),
    "catalog.list_products": Case(
        lambda center: catalog.list_products(center, "DE"),
        f"/v1/products?{IN_GERMANY}&targetView=MicrosoftAzure",
        collection(PRODUCT),
        lambda items: [(each.id, each.product_type.id, each.description) for each in items],
        [("DZH318Z0BPS6", "Azure", None)],
    ),
    "catalog.list_products_by_customer": Case(
        lambda center: catalog.list_products_by_customer(center, C),
        f"/v1/customers/{C}/products?targetView=MicrosoftAzure",
        collection(PRODUCT),
        lambda items: [each.title for each in items],
        ["Azure plan"],
    ),
    "catalog.get_product": Case(
        lambda center: catalog.get_product(center, "DZH318Z0BPS6", "DE"),
        f"/v1/products/DZH318Z0BPS6?{IN_GERMANY}",
        PRODUCT,
        lambda it: it.publisher_name,
        "Microsoft",
    ),
    "catalog.get_product_by_customer": Case(
        lambda center: catalog.get_product_by_customer(center, C, "DZH318Z0BPS6"),
        f"/v1/customers/{C}/products/DZH318Z0BPS6",
        PRODUCT,
        lambda it: it.is_microsoft_product,
        True,
    ),
    "catalog.list_skus": Case(
        lambda center: catalog.list_skus(center, "DZH318Z0BPS6", "DE"),
        f"/v1/products/DZH318Z0BPS6/skus?{IN_GERMANY}",
        collection(SKU),
        lambda items: [(each.id, each.maximum_quantity, each.supported_billing_cycles) for each in items],
        [("0001", Decimal(1), ("one_time",))],
    ),
    "catalog.list_skus_by_customer": Case(
        lambda center: catalog.list_skus_by_customer(center, C, "DZH318Z0BPS6"),
        f"/v1/customers/{C}/products/DZH318Z0BPS6/skus",
        collection(SKU),
        lambda items: [each.purchase_prerequisites for each in items],
        [("MicrosoftCustomerAgreement",)],
    ),
    "catalog.get_sku": Case(
        lambda center: catalog.get_sku(center, "DZH318Z0BPS6", "0001", "DE"),
        f"/v1/products/DZH318Z0BPS6/skus/0001?{IN_GERMANY}",
        SKU,
        lambda it: it.title,
        "Microsoft Azure plan",
    ),
    "catalog.get_sku_by_customer": Case(
        lambda center: catalog.get_sku_by_customer(center, C, "DZH318Z0BPS6", "0001"),
        f"/v1/customers/{C}/products/DZH318Z0BPS6/skus/0001",
        SKU,
        lambda it: it.is_trial,
        False,
    ),
    "catalog.list_availabilities": Case(
        lambda center: catalog.list_availabilities(center, "DZH318Z0BPS6", "0001", "DE"),
        f"/v1/products/DZH318Z0BPS6/skus/0001/availabilities?{IN_GERMANY}",
        collection(AVAILABILITY),
        lambda items: [(each.catalog_item_id, each.is_purchasable, each.is_azure_plan) for each in items],
        [(ITEM, True, True)],
    ),
    "catalog.list_availabilities_by_customer": Case(
        lambda center: catalog.list_availabilities_by_customer(center, C, "DZH318Z0BPS6", "0001"),
        f"/v1/customers/{C}/products/DZH318Z0BPS6/skus/0001/availabilities",
        collection(AVAILABILITY),
        lambda items: [(each.segment, each.country) for each in items],
        [("commercial", "DE")],
    ),
    "catalog.get_availability": Case(
        lambda center: catalog.get_availability(center, "DZH318Z0BPS6", "0001", "DZH318Z0BML6", "DE"),
        f"/v1/products/DZH318Z0BPS6/skus/0001/availabilities/DZH318Z0BML6?{IN_GERMANY}",
        AVAILABILITY,
        lambda it: (it.default_currency.code, it.terms[0].billing_cycle),
        ("EUR", "annual"),
    ),
    "catalog.get_availability_by_customer": Case(
        lambda center: catalog.get_availability_by_customer(center, C, "DZH318Z0BPS6", "0001", "DZH318Z0BML6"),
        f"/v1/customers/{C}/products/DZH318Z0BPS6/skus/0001/availabilities/DZH318Z0BML6",
        AVAILABILITY,
        lambda it: it.id,
        "DZH318Z0BML6",
    ),
    "carts.create": Case(
        lambda center: carts.create(center, C, NewCart([NewLineItem(ITEM, reseller_id="5550001")])),
        f"/v1/customers/{C}/carts",
        CART_DOCUMENT,
        lambda it: (it.id, it.status, [error.error_code for error in it.errors], it.line_items[0].id),
        (CART, "active", ["10001"], "0"),
        sends={
            "lineItems": [
                {
                    "id": 0,
                    "catalogItemId": ITEM,
                    "quantity": 1,
                    "billingCycle": "one_time",
                    "participants": [{"key": "transaction_reseller", "value": "5550001"}],
                }
            ],
            "partnerOnRecordAttestationAccepted": True,
        },
        status=201,
    ),
    "carts.get": Case(
        lambda center: carts.get(center, C, CART),
        f"/v1/customers/{C}/carts/{CART}",
        CART_DOCUMENT | {"status": "Ordered"},
        lambda it: (it.is_ordered, it.expiration_timestamp),
        (True, datetime(2026, 3, 8, 9, 0, 7, 765432, tzinfo=UTC)),
    ),
    "carts.update": Case(
        lambda center: carts.update(center, C, CART, CART_DOCUMENT),
        f"/v1/customers/{C}/carts/{CART}",
        CART_DOCUMENT,
        lambda it: it.is_ordered,
        False,
        sends=CART_DOCUMENT,
        status=201,
    ),
    "carts.checkout": Case(
        lambda center: carts.checkout(center, C, CART),
        f"/v1/customers/{C}/carts/{CART}/checkout",
        {
            "orders": [ORDER_DOCUMENT | {"status": "Pending"}],
            "orderErrors": [{"orderGroupId": "1", "code": 800023, "description": "credit"}],
            "attributes": {"objectType": "CartCheckoutResult"},
        },
        lambda it: (
            it.orders[0].id,
            it.orders[0].is_open,
            [(error.code, error.order_group_id) for error in it.order_errors],
        ),
        (ORDER, True, [("800023", "1")]),
        status=201,
    ),
    "orders.get": Case(
        lambda center: orders.get(center, C, ORDER),
        f"/v1/customers/{C}/orders/{ORDER}",
        ORDER_DOCUMENT,
        lambda it: (it.is_completed, [line.subscription_id for line in it.azure_plan_lines], it.creation_date),
        (True, [S.upper()], datetime(2026, 3, 1, 9, 1, 0, 760000, tzinfo=UTC)),
    ),
    "orders.list": Case(
        lambda center: orders.list_all(center, C),
        f"/v1/customers/{C}/orders",
        collection(ORDER_DOCUMENT, ORDER_DOCUMENT | {"status": "pending_review", "lineItems": None}),
        lambda items: [(each.is_completed, each.status, each.transaction_type) for each in items],
        [(True, "completed", "user_purchase"), (False, "pending_review", "user_purchase")],
    ),
    "orders.provisioning_status": Case(
        lambda center: orders.provisioning_status(center, C, ORDER),
        f"/v1/customers/{C}/orders/{ORDER}/provisioningstatus",
        collection(
            {
                "orderLineItemId": 0,
                "lineItemNumber": 0,
                "status": "prefulfillmentPending",
                "quantityProvisioningInformation": [{"quantity": 1, "status": "fulfilled"}],
            }
        ),
        lambda items: [(each.status, each.quantity_provisioning_information[0].status) for each in items],
        [("prefulfillment_pending", "fulfilled")],
    ),
    "subscriptions.list": Case(
        lambda center: subscriptions.list_all(center, C),
        f"/v1/customers/{C}/subscriptions",
        collection(SUBSCRIPTION, {"id": "x", "offerId": "MS-AZR-0145P", "billingType": "usage", "status": "suspended"}),
        lambda items: [(each.is_azure_plan, each.is_legacy_azure, each.is_active) for each in items],
        [(True, False, True), (False, True, False)],
    ),
    "subscriptions.list_by_order": Case(
        lambda center: subscriptions.list_by_order(center, C, ORDER),
        f"/v1/customers/{C}/subscriptions?order_id={ORDER}",
        collection(SUBSCRIPTION),
        lambda items: [(each.order_id, each.partner_id) for each in items],
        [(ORDER, None)],
    ),
    "subscriptions.get": Case(
        lambda center: subscriptions.get(center, C, S),
        f"/v1/customers/{C}/subscriptions/{S}",
        SUBSCRIPTION,
        lambda it: (it.creation_date, it.commitment_end_date.year, it.quantity),
        (datetime(2026, 3, 1, 9, 2, 10, 100000, tzinfo=UTC), 9999, Decimal(1)),
    ),
    "subscriptions.patch": Case(
        lambda center: subscriptions.patch(
            center, C, subscriptions.Subscription.model_validate(SUBSCRIPTION), status="suspended"
        ),
        f"/v1/customers/{C}/subscriptions/{S}",
        SUBSCRIPTION | {"status": "suspended"},
        lambda it: it.is_suspended,
        True,
        sends=SUBSCRIPTION | {"status": "suspended"},
    ),
    "azure_entitlements.list": Case(
        lambda center: azure_entitlements.list_all(center, C, S),
        f"/v1/customers/{C}/subscriptions/{S}/azureEntitlements",
        collection(ENTITLEMENT, ENTITLEMENT | {"status": "inactive"}),
        lambda items: [(each.id, each.is_active, each.friendly_name) for each in items],
        [(E, True, "Azure subscription 1"), (E, False, "Azure subscription 1")],
    ),
    "azure_entitlements.get": Case(
        lambda center: azure_entitlements.get(center, C, S, E),
        f"/v1/customers/{C}/subscriptions/{S}/azureEntitlements/{E}",
        ENTITLEMENT,
        lambda it: (it.status, it.subscription_id),
        ("active", S),
    ),
    "azure_entitlements.cancel": Case(
        lambda center: azure_entitlements.cancel(center, C, S, E),
        f"/v1/customers/{C}/subscriptions/{S}/azureEntitlements/{E}/cancel",
        ENTITLEMENT,
        lambda it: it,
        Accepted(),
        sends={"cancellationReason": "compromise"},
    ),
    "azure_entitlements.reactivate": Case(
        lambda center: azure_entitlements.reactivate(center, C, S, E),
        f"/v1/customers/{C}/subscriptions/{S}/azureEntitlements/{E}/reactivate",
        b"",
        lambda it: it,
        Accepted(),
        status=202,
    ),
    "arm.subscriptions.get": Case(
        lambda center: arm_subscriptions.get(center, C, E),
        f"/subscriptions/{E}?api-version=2022-12-01",
        {"id": f"/subscriptions/{E}", "subscriptionId": E, "displayName": "Azure", "state": "PastDue", "tenantId": C},
        lambda it: (it.subscription_id, it.display_name, it.state),
        (E, "Azure", "past_due"),
    ),
    "arm.subscriptions.cancel": Case(
        lambda center: arm_subscriptions.cancel(center, C, E),
        f"/subscriptions/{E}/providers/Microsoft.Subscription/cancel?api-version=2021-10-01",
        {"subscriptionId": E},
        lambda it: it,
        Accepted(),
    ),
    "arm.subscriptions.enable": Case(
        lambda center: arm_subscriptions.enable(center, C, E),
        f"/subscriptions/{E}/providers/Microsoft.Subscription/enable?api-version=2021-10-01",
        {"subscriptionId": E},
        lambda it: it,
        Accepted(),
    ),
    "arm.reservations.list": Case(
        lambda center: arm_reservations.list_all(center, C, RO),
        f"{CAPACITY}/reservations?api-version=2022-11-01",
        {
            "value": [
                {
                    "id": f"/providers/microsoft.capacity/reservationOrders/{RO}/reservations/{R}",
                    "name": f"{RO}/{R}",
                    "properties": {"displayName": "VM", "quantity": 2, "provisioningState": "Succeeded"},
                }
            ]
        },
        lambda items: [
            (
                each.reservation_id,
                each.properties.display_name,
                each.properties.quantity,
                each.properties.provisioning_state,
            )
            for each in items
        ],
        [(R, "VM", Decimal(2), "succeeded")],
    ),
    "arm.reservations.quote": Case(
        lambda center: arm_reservations.quote(center, C, RO, R, Decimal(2)),
        f"{CAPACITY}/calculateRefund?api-version=2022-11-01",
        QUOTE,
        lambda it: (
            it.properties.session_id,
            it.properties.quantity,
            str(it.properties.billing_refund_amount.amount),
            it.properties.billing_refund_amount.currency_code,
            [(each.code, each.message) for each in it.policy_errors],
        ),
        ("5e55", Decimal(2), "1234.5", "EUR", [("SelfServiceRefundNotSupported", "not here")]),
        sends={"id": f"/providers/microsoft.capacity/reservationOrders/{RO}", "properties": RETURNED},
    ),
    "arm.reservations.return": Case(
        lambda center: arm_reservations.give_back(
            center, C, RO, R, Decimal(2), session_id="5e55", reason="the plan is suspended"
        ),
        f"{CAPACITY}/return?api-version=2022-11-01",
        QUOTE,
        lambda it: it,
        Accepted(location="https://management.azure.com/x?api-version=2022-11-01"),
        sends={"properties": {**RETURNED, "sessionId": "5e55", "returnReason": "the plan is suspended"}},
        status=202,
        headers={"Location": "https://management.azure.com/x?api-version=2022-11-01"},
    ),
    "arm.reservations.return_result": Case(
        lambda center: arm_reservations.is_under_way(center, C, "/providers/Microsoft.Capacity/r/1?api-version=1"),
        "/providers/Microsoft.Capacity/r/1?api-version=1",
        QUOTE,
        lambda it: it,
        True,
        status=202,
    ),
    **{
        f"billing_exports.{name}": Case(
            lambda center, wanted=wanted: billing_exports.begin(center, wanted),
            f"{version}/reports/partners/billing/{path}/export",
            b"",
            lambda it: (it.location, it.retry_after),
            ("https://graph.microsoft.com/v1.0/reports/partners/billing/operations/1", 45.0),
            sends=body,
            status=202,
            headers={
                "Location": "https://graph.microsoft.com/v1.0/reports/partners/billing/operations/1",
                "Retry-After": "45",
            },
        )
        for name, wanted, version, path, body in (
            (
                "usage_billed",
                Wanted(Lines.USAGE, invoice_id="G000000001"),
                "/v1.0",
                "usage/billed",
                {"invoiceId": "G000000001", "attributeSet": "full"},
            ),
            (
                "usage_unbilled",
                Wanted(Lines.USAGE, currency="EUR", period="previous", attributes="basic"),
                "/v1.0",
                "usage/unbilled",
                {"currencyCode": "EUR", "billingPeriod": "last", "attributeSet": "basic"},
            ),
            (
                "reconciliation_billed",
                Wanted(Lines.RECONCILIATION, invoice_id="G000000001", attributes="basic"),
                "/v1.0",
                "reconciliation/billed",
                {"invoiceId": "G000000001", "attributeSet": "basic"},
            ),
            (
                "reconciliation_unbilled",
                Wanted(Lines.RECONCILIATION, currency="USD", period="current"),
                "/v1.0",
                "reconciliation/unbilled",
                {"currencyCode": "USD", "billingPeriod": "current", "attributeSet": "full"},
            ),
            (
                "aggregated_usage_billed",
                Wanted(Lines.AGGREGATED_USAGE, invoice_id="G000000001"),
                "/beta",
                "aggregatedUsage/billed",
                {"invoiceId": "G000000001"},
            ),
        )
    },
    "billing_exports.aggregated_usage_billed_v1": Case(
        lambda center: center.call(billing_exports.AGGREGATED_USAGE_BILLED_V1, {}, body={"invoiceId": "G000000001"}),
        "/v1.0/reports/partners/billing/aggregatedUsage/billed/export",
        b"",
        lambda it: it,
        Accepted(location="https://graph.microsoft.com/v1.0/x"),
        sends={"invoiceId": "G000000001"},
        status=202,
        headers={"Location": "https://graph.microsoft.com/v1.0/x"},
    ),
    "billing_exports.operation": Case(
        lambda center: billing_exports.look(center, f"/v1.0/reports/partners/billing/operations/{OPERATION_ID}"),
        f"/v1.0/reports/partners/billing/operations/{OPERATION_ID}",
        {
            "@odata.type": "#microsoft.graph.partners.billing.runningOperation",
            "id": OPERATION_ID,
            "status": "notStarted",
            "createdDateTime": "2026-11-08T08:12:53",
        },
        lambda it: (it.id, it.status, it.retry_after, it.manifest),
        (OPERATION_ID, "running", 10.0, None),
        headers={"Retry-After": "10"},
    ),
    "billing_exports.manifest": Case(
        lambda center: center.call(billing_exports.MANIFEST, {"manifest_id": "m1"}),
        "/v1.0/reports/partners/billing/manifests/m1",
        {"id": "m1", "rootDirectory": "https://files.example/x", "blobs": [{"name": "part-0.json.gz"}]},
        lambda it: (it.id, it.address(it.blobs[0]).get_secret_value()),
        ("m1", "https://files.example/x/part-0.json.gz"),
    ),
    "invoices.list_lines": Case(
        lambda center: gathered(
            invoice_lines.items(center, LinesPath("onetime", "usagelineitems", currency="EUR", period="previous"))
        ),
        "/v1/invoices/unbilled/lineitems?provider=onetime&invoicelineitemtype=usagelineitems&currencycode=EUR"
        "&period=previous&size=2000",
        b'{"totalCount":1,"items":[{"unitPrice": 1.50, "quantity": "3"}]}',
        lambda it: it,
        [b'{"unitPrice": 1.50, "quantity": "3"}'],
    ),
    "invoices.statement": Case(
        lambda center: document(invoice_documents.statement(center, "G000000001")),
        "/v1/invoices/G000000001/documents/statement",
        b"%PDF-1.7 ...",
        lambda it: it,
        b"%PDF-1.7 ...",
    ),
    "invoices.receipt": Case(
        lambda center: document(invoice_documents.receipt(center, "G000000001", "R1")),
        "/v1/invoices/G000000001/receipts/R1/documents/statement",
        b"%PDF-1.7 ...",
        lambda it: it,
        b"%PDF-1.7 ...",
    ),
    "reservations.list": Case(
        lambda center: reservations.list_all(center, C),
        f"/v1/customers/{C}/entitlements?entitlementType=reservedInstance&showExpiry=true",
        collection(RESERVATION),
        lambda items: [(each.resource_id, each.status, each.sku_title, each.expiry_date.year) for each in items],
        [("ebf2", "active", "Reserved VM Instance, 1 Year", 2027)],
    ),
    "upgrades.eligibility": Case(
        lambda center: upgrades.eligibility(center, C),
        "/v1/productUpgrades/eligibility",
        {"customerId": C, "isEligible": False, "productFamily": "Azure", "upgradeId": UPGRADE, "reason": "suspended"},
        lambda it: (it.is_eligible, it.upgrade_id, it.reason),
        (False, UPGRADE, "suspended"),
        sends=ASKED,
    ),
    "upgrades.create": Case(
        lambda center: upgrades.create(center, C),
        "/v1/productUpgrades",
        b"",
        lambda it: it,
        UPGRADE,
        sends=ASKED,
        status=202,
        headers={"Location": f"productUpgrades/{UPGRADE}"},
    ),
    "upgrades.status": Case(
        lambda center: upgrades.status(center, UPGRADE, C),
        f"/v1/productUpgrades/{UPGRADE}/status",
        {
            "id": UPGRADE,
            "status": "Completed",
            "productFamily": "Azure",
            "lineItems": [
                {
                    "sourceProduct": {"id": "b1be", "name": "AzureSubscription"},
                    "targetProduct": {"id": "d231", "name": "Microsoft Azure plan"},
                    "upgradedDate": "2026-03-01T10:00:00.1234567Z",
                    "status": "Failed",
                    "errorDetails": {"code": 5, "message": "why"},
                }
            ],
        },
        lambda it: (it.state, it.line_items[0].target_product.name, it.line_items[0].error_details.text),
        ("completed", "Microsoft Azure plan", "why"),
        sends=ASKED,
    ),
    "budgets.get": Case(
        lambda center: budgets.get(center, C),
        f"/v1/customers/{C}/usagebudget",
        b'{"Amount": 1.50, "usageSpendingBudget": 100, "attributes": {"objectType": "SpendingBudget"}}',
        lambda it: str(it.value),
        "1.50",
    ),
    "budgets.set": Case(
        lambda center: budgets.set(center, C, "007.50"),
        f"/v1/customers/{C}/usagebudget",
        {"ammount": "7.50"},
        lambda it: str(it.value),
        "7.50",
        sends={"Amount": 7.5, "Attributes": {"ObjectType": "SpendingBudget"}},
    ),
    "invoices.list": Case(
        invoices.list_all,
        "/v1/invoices?size=200&offset=0",
        collection({"id": "G1", "totalCharges": -1.50, "taxReceipts": [None, {"id": "r"}], "amendments": None}),
        lambda items: [(each.id, str(each.total_charges), [one.id for one in each.tax_receipts]) for each in items],
        [("G1", "-1.5", ["r"])],
    ),
    "invoices.get": Case(
        lambda center: invoices.get(center, "G1"),
        "/v1/invoices/G1",
        {"id": "G1", "billingPeriodStartDate": "2026-01-01T00:00:00Z", "documentType": "VoidNote"},
        lambda it: (it.document_type, it.billing_period_start_date.day),
        ("void_note", 1),
    ),
    "invoices.summaries": Case(
        invoices.summaries,
        "/v1/invoices/summaries",
        collection({"balanceAmount": "12.50", "currencyCode": "EUR", "lastPaymentDate": "0001-01-01T00:00:00"}),
        lambda items: [(str(each.balance_amount), each.last_payment_date) for each in items],
        [("12.50", None)],
    ),
    "invoices.estimate_links": Case(
        lambda center: invoices.estimate_links(center, "EUR"),
        "/v1/invoices/estimates/links?currencyCode=EUR",
        {"totalCount": 1, "items": [{"type": "daily_rated_usage", "period": "Current", "link": link("/x?a=b")}]},
        lambda items: [(each.type, each.link.uri) for each in items],
        [("daily_rated_usage", "/x?a=b")],
    ),
    "usage.partner_summary": Case(
        lambda center: usage.summary(center, usage.PARTNER, {}),
        "/v1/usagesummary",
        {**FIGURES, "customersOverBudget": 2, "billingStartDate": "2026-01-28T00:00:00-07:00"},
        lambda it: (str(it.total_cost), int(it.customers_over_budget), it.billing_start_date.isoformat()),
        ("10.5", 2, "2026-01-28T00:00:00-07:00"),
    ),
    "usage.customer_summary": Case(
        lambda center: usage.summary(center, usage.CUSTOMER, {"customer_id": C}),
        f"/v1/customers/{C}/usagesummary",
        b'{"budget": {"amount": 97}, "totalCost": 28.82860766744404945, "billingEndDate": "0001-01-01T00:00:00"}',
        lambda it: (str(it.total_cost), str(it.budget.value), it.billing_end_date),
        ("28.82860766744404945", "97", None),
    ),
    "usage.subscription_summary": Case(
        lambda center: usage.summary(center, usage.SUBSCRIPTION, {"customer_id": C, "subscription_id": S}),
        f"/v1/customers/{C}/subscriptions/{S}/usagesummary",
        FIGURES,
        lambda it: (it.name, it.currency_locale),
        ("Demo", "en-US"),
    ),
    **{
        name: Case(
            lambda center, operation=operation: all_of(usage.records(center, operation, PLACE)),
            target,
            collection({**FIGURES, "quantityUsed": "0.0026"}),
            lambda items: [(each.name, str(each.total_cost), str(each.quantity_used)) for each in items],
            [("Demo", "10.5", "0.0026")],
        )
        for name, operation, target in (
            ("usage.customers", usage.CUSTOMERS, "/v1/customers/usagerecords"),
            ("usage.subscriptions", usage.SUBSCRIPTIONS, f"/v1/customers/{C}/subscriptions/usagerecords"),
            ("usage.by_resource", usage.BY_RESOURCE, f"/v1/customers/{C}/subscriptions/{S}/resourceusagerecords"),
            ("usage.by_meter", usage.BY_METER, f"/v1/customers/{C}/subscriptions/{S}/meterusagerecords"),
            (
                "usage.legacy_resources",
                usage.LEGACY_RESOURCES,
                f"/v1/customers/{C}/subscriptions/{S}/usagerecords/resources",
            ),
        )
    },
}


def test_every_operation_has_a_case() -> None:
    """Every operation is read at least once. `test_storage` reads files."""
    assert sorted(CASES) == [name for name, operation in operations().items() if operation.api is not Api.STORAGE]


@pytest.mark.parametrize("name", CASES)
async def test_an_operation(
    name: str, make_account: MakeAccount, partner_center: Wire, arm: Wire, graph: Wire, run: Recorder, tmp_path: Path
) -> None:
    """The operation sends the documented request and reads the answer."""
    case = CASES[name]
    file = tmp_path / "refresh-token"
    file.write_text("a-refresh-token")
    service = {Api.CENTER: partner_center, Api.ARM: arm, Api.GRAPH: graph}[operations()[name].api]
    service.will(answers(case.status, case.answer, **case.headers))
    value = await case.call(make_account(refresh_token_file=file).center(run))
    seen = service.seen[0]
    assert (seen.method, seen.target) == (operations()[name].method, case.target)
    assert (seen.json() if seen.body else None) == case.sends
    assert case.reads(value) == case.expected
    assert run.calls[0].operation == name


@pytest.mark.parametrize(
    ("amount", "sent"),
    [("5000.00", b"5000.00"), ("0012.10", b"12.10"), ("0", b"0"), ("0.30", b"0.30"), (None, b"null")],
)
async def test_a_budget_is_sent_with_exactly_its_digits(
    amount: str | None, sent: bytes, make_account: MakeAccount, partner_center: Wire, run: Recorder
) -> None:
    """A JSON number without leading zeros, never through a float; null removes the budget."""
    partner_center.will(answers(200, {}))
    await budgets.set(make_account().center(run), C, amount)
    assert partner_center.seen[0].body == b'{"Amount":' + sent + b',"Attributes":{"ObjectType":"SpendingBudget"}}'


@pytest.mark.parametrize("operation", operations().values(), ids=list(operations()))
def test_the_properties_of_an_operation(operation: Operation[Any]) -> None:
    """Other code uses these data: ceilings, effects, tokens, sources."""
    assert operation.source.startswith("https://learn.microsoft.com/")
    assert operation.path.startswith("/")
    assert operation.success <= {200, 201, 202, 204}
    assert operation.writes == (operation.effect is not EffectClass.READ)
    assert (
        operation.page == operation.name.endswith((".list", "_by_order", "_by_customer"))
        or not operation.page
        or operation.name.startswith(("usage.", "invoices."))
        or (
            "list" in operation.name
            or operation.name.split(".")[1] in {"metadata", "confirmations", "provisioning_status"}
        )
    )


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("customers.list", "customers"),
        ("customers.get", "customers"),
        ("agreements.metadata", "agreements"),
        ("agreements.confirmations", "agreements"),
        ("catalog.list_products", "products"),
        ("catalog.get_sku_by_customer", "products"),
        ("carts.checkout", "carts"),
        ("orders.provisioning_status", "orders"),
        ("subscriptions.patch", "subscriptions"),
        ("azure_entitlements.cancel", "subscriptions"),
        ("reservations.list", "entitlements"),
        ("upgrades.status", "productUpgrades"),
        ("upgrades.create", "productUpgrades"),
        ("arm.subscriptions.get", "arm"),
        ("arm.reservations.quote", "arm"),
        ("billing_exports.usage_billed", "graph.billing"),
        ("billing_exports.manifest", "graph.billing"),
    ],
)
def test_the_family_that_shares_a_ceiling(name: str, family: str) -> None:
    """The path's segment after the customer, or the first segment. Azure Resource Manager is one; Graph is another."""
    assert operations()[name].family == family


def test_the_operations_that_take_a_users_token() -> None:
    """These are agreements, provisioning status, upgrades, usage, invoices, and Azure Resource Manager's."""
    users = {name for name, operation in operations().items() if operation.auth is Auth.USER and not operation.arm}
    assert {operation.auth for operation in operations().values() if operation.arm} == {Auth.USER}
    assert users == {
        "invoices.statement",
        "invoices.receipt",
        "agreements.metadata",
        "agreements.confirmations",
        "agreements.confirm",
        "agreements.direct_signature",
        "orders.provisioning_status",
        "upgrades.eligibility",
        "upgrades.create",
        "upgrades.status",
        "invoices.get",
        "invoices.summaries",
        *(name for name in operations() if name.startswith("usage.")),
    }


def test_the_class_of_each_effect() -> None:
    """Exactly the purchases are money. An operation that is not listed here only reads."""
    writes = {name: operation.effect for name, operation in operations().items() if operation.writes}
    assert writes == {
        "agreements.confirm": EffectClass.STATE,
        "budgets.set": EffectClass.STATE,
        "arm.reservations.return": EffectClass.MONEY,
        "arm.subscriptions.cancel": EffectClass.STATE,
        "arm.subscriptions.enable": EffectClass.STATE,
        "carts.create": EffectClass.ORPHAN,
        "carts.update": EffectClass.STATE,
        "carts.checkout": EffectClass.MONEY,
        "subscriptions.patch": EffectClass.STATE,
        **dict.fromkeys(
            [
                f"billing_exports.{each}"
                for each in ("usage_billed", "usage_unbilled", "aggregated_usage_billed", "aggregated_usage_billed_v1")
            ],
            EffectClass.ORPHAN,
        ),
        "billing_exports.reconciliation_billed": EffectClass.ORPHAN,
        "billing_exports.reconciliation_unbilled": EffectClass.ORPHAN,
        "azure_entitlements.cancel": EffectClass.STATE,
        "azure_entitlements.reactivate": EffectClass.STATE,
        "upgrades.create": EffectClass.MONEY,
    }


SPENDING = ("usage.", "budgets.", "invoices.", "billing_exports.", "invoice_")


def test_no_answer_about_spending_above_a_megabyte_is_held_whole() -> None:
    """Collections, files and documents with long lists are read piece by piece. Other answers are not read above it."""
    held = [
        each.name
        for each in operations().values()
        if each.name.startswith(SPENDING)
        and not each.page
        and each.api is not Api.STORAGE
        and each.accept == "application/json"
        if each.largest > MEGABYTE
    ]
    assert held == []
