"""ReportCustomers: the customers of the partner account, in pages. Reads only.

Vendor pages: partner-center/developer/get-a-list-of-customers, get-a-customer-by-name.
"""

from events.messages.base import Event
from events.messages.customers import CustomersListed, CustomersReported, ListedCustomer, ReportCustomers
from events.report_pages import in_pages
from worker.handling import Context, handles, plain_id
from worker.partner_center.resources import customers
from worker.partner_center.resources.customers import Customer

MOST_CUSTOMERS = 100_000
"""The most customers of a report: all of its pages are in memory at once, and in one transaction of the journal."""
PAGE_SIZE = 500
"""Customers that a page of Partner Center is asked for. Partner Center may give fewer."""


@handles(ReportCustomers)
async def report_customers(ctx: Context, command: ReportCustomers) -> Event:
    """List the customers whose name and domain begin as the command says. Pages and answer are published together."""
    found, has_more = await _listed(ctx, command)
    pages = list(in_pages(found))
    answer = ctx.answer(
        CustomersReported,
        customers=len(found),
        pages=len(pages),
        truncated=["customers"] if has_more else [],
    )
    for number, page in enumerate(pages, start=1):
        place = CustomersListed.nth_place(number)
        ctx.say(place, CustomersListed, page=number, pages=len(pages), customers=page)
    return answer


async def _listed(ctx: Context, command: ReportCustomers) -> tuple[list[ListedCustomer], bool]:
    """The customers, and whether Partner Center has more than a report may hold.

    Partner Center filters by one field. With both filters it filters by the name, and azplan by the domain.
    """
    begins = command.domain.casefold() if command.domain is not None else ""
    asked = {"domain": command.domain} if command.name is None else {"name": command.name}
    found: list[ListedCustomer] = []
    async for customer in customers.list_all(ctx.center, size=PAGE_SIZE, **asked):
        if not (customer.domain or "").casefold().startswith(begins):
            continue
        if len(found) == MOST_CUSTOMERS:
            ctx.note(f"Partner Center has more than {MOST_CUSTOMERS} such customers: ask for a name or a domain")
            return found, True
        found.append(_as_listed(customer))
    return found, False


def _as_listed(customer: Customer) -> ListedCustomer:
    # The list hardly ever says the country. A model takes half a kilobyte less if it is given four members, not five.
    country = {"country": customer.country} if customer.country else {}
    return ListedCustomer(
        customer_id=plain_id(customer.id),
        name=customer.name,
        domain=customer.domain,
        relationship=customer.relationship_to_partner,
        **country,
    )
