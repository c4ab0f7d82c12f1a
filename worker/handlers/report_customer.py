"""ReportCustomer: what one customer has. Reads only.

Vendor pages: partner-center/developer/get-a-customer-by-id, get-all-of-a-customer-s-subscriptions,
get-a-collection-of-entitlements, get-eligibility-for-product-upgrade, get-all-of-a-customer-s-orders.
"""

from events.messages.base import Event
from events.messages.customers import ALL_PARTS, CustomerReported, ReportCustomer
from worker.customers.report_parts import PartsOfReport
from worker.handling import Context, handles
from worker.partner_center.resources import customers


@handles(ReportCustomer)
async def report_customer(ctx: Context, command: ReportCustomer) -> Event:
    """Report the parts that the command asks for. A part that Partner Center refuses is left out and named."""
    as_of = ctx.now()
    customer = await customers.get(ctx.center, command.customer_id)
    parts = PartsOfReport(ctx.center, command.customer_id)
    for part in ALL_PARTS:
        if part in command.include:
            await parts.read(part)
    return ctx.answer(
        CustomerReported,
        name=customer.name,
        domain=customer.domain,
        country=customer.country,
        relationship=customer.relationship_to_partner,
        as_of=as_of,
        left_out=parts.left_out,
        truncated=sorted(parts.truncated),
        **parts.members,
    )
