"""The reports of customers that a person asks for: the commands, and the answers that a worker publishes."""

from collections.abc import Iterable
from datetime import timedelta

from events.messages.base import Event
from events.messages.customers import CustomersListed, ListedCustomer, ReportCustomer, ReportCustomers
from worker.operators.sending.asking import about_account, request
from worker.operators.sending.compose import CUSTOMER
from worker.operators.sending.send import SendRequest
from worker.settings.model import Settings


def ask_for_customers(settings: Settings, *, name: str | None, partner: str | None, wait: timedelta) -> SendRequest:
    """The command that lists the customers of a partner account. `name`: only companies whose name begins so.

    Raises `InvalidRequest` where the settings do not tell which account is meant, and for a name that cannot be one.
    """
    return about_account(settings, ReportCustomers, {"name": name}, partner, wait)


def ask_for_customer(customer: str, *, partner: str | None, wait: timedelta) -> SendRequest:
    """The command that reports what one customer has. Raises `InvalidRequest` if `customer` is no GUID."""
    return request(ReportCustomer, {CUSTOMER: customer}, partner, wait)


def listed(told: Iterable[Event]) -> list[ListedCustomer]:
    """The customers on all pages of a report."""
    return [customer for page in told if isinstance(page, CustomersListed) for customer in page.customers]
