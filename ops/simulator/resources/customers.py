"""Customers: list by pages, get by id.

Pages: partner-center/developer/get-a-list-of-customers, get-a-customer-by-name, get-a-customer-by-id.
"""

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from ops.simulator.commerce.error_codes import Refused
from ops.simulator.requests.answers import Answer, Json, collection, link, present
from ops.simulator.requests.calls import Call, Operation
from ops.simulator.state import Customer

SEEKS = frozenset({"first", "next", "previous", "last"})


def list_customers(call: Call) -> Answer:
    """List the partner's customers, thin, one page at a time."""
    customers = _filtered(call)
    size = _size(call)
    start = _start(call, len(customers), size)
    page = customers[start : start + size]
    filter_part = f"&filter={quote(call.query['filter'], safe='')}" if call.query.get("filter") else ""
    uri = f"/customers?size={size}{filter_part}"
    links = {}
    if start + size < len(customers):
        links["next"] = _page_link(uri, "Next", start)
    if start > 0:
        links["previous"] = _page_link(uri, "Previous", start)
    return Answer(200, collection([thin_body(each) for each in page], uri, **links))


def get_customer(call: Call) -> Answer:
    """Answer one customer; without delegated access the address, the e-mail and the domains are left out."""
    return Answer(200, customer_body(call.customer))


def thin_body(customer: Customer) -> Json:
    """Return a Customer as the list shows it."""
    uri = f"/customers/{customer.id}"
    return {
        "id": customer.id,
        "companyProfile": {
            "tenantId": customer.id,
            "domain": customer.domain,
            "companyName": customer.name,
            "links": {"self": link(f"{uri}/profiles/company")},
            "attributes": {"objectType": "CustomerCompanyProfile"},
        },
        "relationshipToPartner": "reseller" if customer.related else "none",
        "links": {"self": link(uri)},
        "attributes": {"objectType": "Customer"},
    }


def customer_body(customer: Customer) -> Json:
    """Return a Customer as get-by-id shows it."""
    body = thin_body(customer)
    body["commerceId"] = "c0" + customer.id[2:]
    if customer.delegated:
        company = customer.company_country or customer.country
        body["companyProfile"] |= {"address": _address(company, "Main street 1"), "email": f"it@{customer.domain}"}
        body["customDomains"] = [customer.domain]
    if customer.billing_profile:
        body["billingProfile"] = {
            "id": "b0" + customer.id[2:],
            "firstName": "Ana",
            "lastName": "Ruiz",
            "email": f"billing@{customer.domain}",
            "culture": "en-US",
            "language": "en",
            "companyName": customer.name,
            "defaultAddress": _address(customer.country, "Side street 2") | {"firstName": "Ana", "lastName": "Ruiz"},
            "links": {"self": link(f"/customers/{customer.id}/profiles/billing")},
            "attributes": {"etag": "-4242001122334455667", "objectType": "CustomerBillingProfile"},
        }
    body["allowDelegatedAccess"] = customer.delegated
    return body | present(associatedPartnerId=customer.reseller)


def _address(country: str, street: str) -> Json:
    return {"country": country, "city": "Springfield", "addressLine1": street, "postalCode": "12345"}


def _filtered(call: Call) -> list[Customer]:
    all_of_them = (c for c in call.world.customers.values() if c.shows_at is None or c.shows_at <= call.at)
    own = [c for c in all_of_them if c.partner == call.partner.tenant_id and c.related]
    text = call.query.get("filter")
    if not text:
        return own
    try:
        wanted: Any = {str(key).lower(): value for key, value in json.loads(text).items()}
        field, value = str(wanted["field"]).lower(), str(wanted["value"]).lower()
    except (ValueError, KeyError, AttributeError):
        raise Refused(800002, "filter must be JSON with Field, Value and Operator") from None
    if str(wanted.get("operator", "")).lower() != "starts_with":
        raise Refused(800002, "the only operator is starts_with")
    columns: dict[str, Callable[[Customer], str | None]] = {
        "companyname": lambda c: c.name,
        "domain": lambda c: c.domain,
        "indirectreseller": lambda c: c.reseller,
        "indirectcloudsolutionprovider": lambda _: None,  # nobody here buys through another provider
    }
    if field not in columns:
        raise Refused(800002, "customers cannot be filtered by that field")
    return [c for c in own if (columns[field](c) or "").lower().startswith(value)]


def _size(call: Call) -> int:
    text = call.query.get("size") or "0"
    if not text.isdigit():
        raise Refused(800002, "size must be a whole number")
    most = call.world.settings.page_size
    return min(int(text), most) or most


def _start(call: Call, count: int, size: int) -> int:
    seek = call.query.get("seekoperation", "first").lower()
    if seek not in SEEKS:
        raise Refused(900126, "seekOperation")
    if seek == "first":
        return 0
    if seek == "last":
        return max(0, (count - 1) // size * size)
    token = call.headers.get("ms-continuationtoken")
    if not token:
        raise Refused(800002, f"seekOperation={seek} needs the header MS-ContinuationToken")
    try:
        here = int(base64.b64decode(token, validate=True).decode().removeprefix("from:"))
    except (binascii.Error, ValueError):
        raise Refused(800002, "the continuation token is not one of ours") from None
    return here + size if seek == "next" else max(0, here - size)


def _page_link(uri: str, seek: str, start: int) -> Json:
    token = base64.b64encode(f"from:{start}".encode()).decode()
    return link(f"{uri}&seekOperation={seek}", headers=[{"key": "MS-ContinuationToken", "value": token}])


OPERATIONS = (
    Operation("customers.list", "GET", "/customers", list_customers),
    Operation("customers.get", "GET", "/customers/{customer_id}", get_customer),
)
