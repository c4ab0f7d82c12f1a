"""Customers of the partner, and their relationship to the partner."""

import json
from collections.abc import AsyncIterator
from typing import Annotated

from worker.looks.awaited import Awaited
from worker.partner_center.answers.resource import OR_NONE, Collection, Flag, Id, Resource, Text, Word
from worker.partner_center.operation import Auth, EffectClass, Operation
from worker.partner_center.paging import pages
from worker.partner_center.port import PartnerCenter

DOCS = "https://learn.microsoft.com/partner-center/developer/"


class Address(Resource):
    """A postal address: only the parts that decisions need."""

    country: Text = None
    """ISO 3166-1 alpha-2."""


class CompanyProfile(Resource):
    """The customer's company. The address is absent if the partner has no delegated access."""

    tenant_id: Text = None
    domain: Text = None
    company_name: Text = None
    address: Annotated[Address | None, OR_NONE] = None


class BillingProfile(Resource):
    """The billing address of the customer. Absent in the list of customers."""

    culture: Text = None
    """Language and country, such as `en-US`."""
    language: Text = None
    default_address: Annotated[Address | None, OR_NONE] = None


class Customer(Resource):
    """A customer tenant."""

    id: Id
    company_profile: Annotated[CompanyProfile | None, OR_NONE] = None
    billing_profile: Annotated[BillingProfile | None, OR_NONE] = None
    relationship_to_partner: Word = None
    """`reseller`, `advisor`, `syndication`, `microsoft_support`, `none`, or an unknown word."""
    allow_delegated_access: Flag = None
    associated_partner_id: Text = None

    @property
    def name(self) -> str | None:
        """Name of the company. None if it is absent."""
        return self.company_profile.company_name if self.company_profile else None

    @property
    def domain(self) -> str | None:
        """The first domain of the customer. None if it is absent."""
        return self.company_profile.domain if self.company_profile else None

    @property
    def language(self) -> str | None:
        """The language of the billing profile, such as `en-US` or `en`. None if there is none."""
        return (self.billing_profile.culture or self.billing_profile.language) if self.billing_profile else None

    @property
    def country(self) -> str | None:
        """The country of the billing profile, else of the company profile, in upper case. None if both have none."""
        addresses = (
            self.billing_profile and self.billing_profile.default_address,
            self.company_profile and self.company_profile.address,
        )
        return next((address.country.upper() for address in addresses if address and address.country), None)


LIST: Operation[Collection[Customer]] = Operation(
    name="customers.list",
    method="GET",
    path="/customers",
    answer=Collection[Customer],
    page=True,
    effect=EffectClass.READ,
    auth=Auth.EITHER,
    source=DOCS + "get-a-list-of-customers",
)

GET: Operation[Customer] = Operation(
    name="customers.get",
    method="GET",
    path="/customers/{customer_id}",
    answer=Customer,
    effect=EffectClass.READ,
    auth=Auth.EITHER,
    source=DOCS + "get-a-customer-by-id",
)

APPEARANCE = Awaited(
    name="customer_visible",
    half=10.0,
    most=60.0,
    source="not documented: a new customer may show a little late",
    after_write=False,
)


async def page(center: PartnerCenter, *, size: int = 40) -> Collection[Customer]:
    """The first page of the partner's customers, about `size` of them."""
    return await center.call(LIST, {}, query={"size": str(size)})


async def list_all(
    center: PartnerCenter, *, size: int = 100, name: str | None = None, domain: str | None = None
) -> AsyncIterator[Customer]:
    """Yield every customer of the partner, read in pages of about `size`. There can be very many.

    With `name` or `domain` Partner Center lists only companies whose name, or customers whose domain, begins so. Raises
    ValueError for both: Partner Center filters by one field.
    """
    query = {"size": str(size)}
    if name is not None and domain is not None:
        raise ValueError("the list of customers is filtered by one field")
    field, value = ("CompanyName", name) if domain is None else ("Domain", domain)
    if value is not None:
        query["filter"] = json.dumps({"Field": field, "Value": value, "Operator": "starts_with"})
    async for each in pages(center, LIST, {}, query=query, patient=True):
        for customer in each.items:
            yield customer


async def get(center: PartnerCenter, customer_id: str) -> Customer:
    """The customer. Refused with 20002 if it is not the partner's, with 60003 or 1000 if it does not exist."""
    return await center.call(GET, {"customer_id": customer_id})
