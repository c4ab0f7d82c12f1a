"""The reports of customers that a person asks for: the commands, and the answers that a worker publishes."""

import uuid
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from typing import Any

from events.messages.base import Command, Event
from events.messages.command_status import CommandFailed, CommandRejected, CommandValidated
from events.messages.customers import CustomersListed, ListedCustomer, ReportCustomer, ReportCustomers
from events.wire.event_reader import PublishedEvent
from worker.operators.errors import NotPossible, Unsuccessful
from worker.operators.sending.compose import CUSTOMER, SOURCE, CommandIdentity, compose, own_tenant_id
from worker.operators.sending.send import SendRequest
from worker.settings.model import Settings


def ask_for_customers(settings: Settings, *, name: str | None, partner: str | None, wait: timedelta) -> SendRequest:
    """The command that lists the customers of a partner account. `name`: only companies whose name begins so.

    Raises `InvalidRequest` where the settings do not tell which account is meant, and for a name that cannot be one.
    """
    data = {CUSTOMER: own_tenant_id(settings, partner), **({} if name is None else {"name": name})}
    return _request(ReportCustomers, data, partner, wait)


def ask_for_customer(customer: str, *, partner: str | None, wait: timedelta) -> SendRequest:
    """The command that reports what one customer has. Raises `InvalidRequest` if `customer` is no GUID."""
    return _request(ReportCustomer, {CUSTOMER: customer}, partner, wait)


async def report(events: AsyncIterator[PublishedEvent]) -> list[Event]:
    """The events that answer a report. The last one is `CustomersReported` or `CustomerReported`.

    Raises `NotPossible` if the command is rejected or only validated, and `Unsuccessful` if it fails; both say why.
    """
    told = [each.event async for each in events]
    match told[-1]:
        case CommandRejected() as no:
            raise NotPossible(f"{no.code}: {no.detail}.", no.advice)
        case CommandFailed() as no:
            raise Unsuccessful(f"{no.code}: {no.detail}.", no.advice)
        case CommandValidated():
            only = "The setting AZPLAN_WORKER__VALIDATE_ONLY of the worker is true: set it to false to read reports."
            raise NotPossible("the worker only validates commands, so it reports nothing.", only)
        case _:
            return told


def listed(told: Iterable[Event]) -> list[ListedCustomer]:
    """The customers on all pages of a report."""
    return [customer for page in told if isinstance(page, CustomersListed) for customer in page.customers]


def _request(kind: type[Command], data: dict[str, Any], partner: str | None, wait: timedelta) -> SendRequest:
    identity = CommandIdentity(str(uuid.uuid4()), SOURCE, partner)
    outgoing = compose(kind, data, identity)
    return SendRequest(kind.wire_type(), data[CUSTOMER].lower(), identity, outgoing, wait)
