"""A command that is sent for its answer: composed, and its events followed up to the answer."""

import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final

from events.messages.base import Command, Event
from events.messages.command_status import CommandFailed, CommandRejected, CommandValidated
from events.wire.event_reader import PublishedEvent
from worker.operators.errors import NotPossible, Unsuccessful
from worker.operators.sending.compose import CUSTOMER, SOURCE, CommandIdentity, compose, own_tenant_id
from worker.operators.sending.send import SendRequest
from worker.settings.model import Settings

WORDS: Final = MappingProxyType(
    {
        CUSTOMER: "the customer's ID",
        "subscriptionId": "--subscription",
        "amount": "AMOUNT",
        "ifAmount": "--if",
        "invoiceId": "the invoice's ID",
        "receiptId": "--receipt",
        "unbilled.period": "--unbilled",
        "unbilled.currency": "--currency",
    }
)
"""What the verbs that wait for an answer call the members of their commands, where it is not the member's name."""


def request(kind: type[Command], data: Mapping[str, Any], partner: str | None, wait: timedelta | None) -> SendRequest:
    """A command of class `kind` with these members, under a new id. Raises `InvalidRequest` if it is not valid."""
    identity = CommandIdentity(str(uuid.uuid4()), SOURCE, partner)
    outgoing = compose(kind, data, identity, WORDS)
    return SendRequest(kind.wire_type(), data[CUSTOMER].lower(), identity, outgoing, wait)


def about_account(
    settings: Settings, kind: type[Command], data: Mapping[str, Any], partner: str | None, wait: timedelta | None
) -> SendRequest:
    """A command about a partner account itself. Members that are None are left out.

    Raises `InvalidRequest` where the settings do not tell which account is meant, and for members that are not valid.
    """
    given = {name: value for name, value in data.items() if value is not None}
    return request(kind, {CUSTOMER: own_tenant_id(settings, partner), **given}, partner, wait)


async def answered(
    events: AsyncIterator[PublishedEvent], on_event: Callable[[Event], None] | None = None
) -> list[Event]:
    """The events of a command; the last one is its answer. `on_event` sees each of them as it comes.

    Raises `NotPossible` if the command is rejected or only validated, and `Unsuccessful` if it fails; both say why.
    """
    told: list[Event] = []
    async for each in events:
        told.append(each.event)
        if on_event is not None:
            on_event(each.event)
    match told[-1]:
        case CommandRejected() as no:
            raise NotPossible(f"{no.code}: {no.detail}.", no.advice)
        case CommandFailed() as no:
            raise Unsuccessful(f"{no.code}: {no.detail}.", no.advice)
        case CommandValidated():
            only = "The setting AZPLAN_WORKER__VALIDATE_ONLY of the worker is true: set it to false to have an answer."
            raise NotPossible("the worker only validates commands, so it does nothing else.", only)
        case _:
            return told
