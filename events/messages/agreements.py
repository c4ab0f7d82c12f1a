"""The customer's acceptance of the Microsoft Customer Agreement, recorded by the partner."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict

from events.messages.base import Command, Event, Message
from events.messages.fields import Country, Email, Instant, InstantOrDate, Label, Language, Name
from events.wire.instants import format_instant


class PrimaryContact(Message):
    """The person of the customer who accepted the agreement."""

    model_config = ConfigDict(extra="forbid", strict=True)

    first_name: Name
    last_name: Name
    email: Email
    """Microsoft sends an e-mail to this address."""
    phone_number: Name | None = None


class CustomerAgreementConfirmed(Event):
    """The customer's acceptance of the Microsoft Customer Agreement is on record at Microsoft."""

    terminal: ClassVar[bool] = True

    agreed_on: Instant | None = None
    """Null if Microsoft names no date: a direct acceptance has none."""
    how: Literal["attested", "direct"]
    """`attested`: a partner recorded the acceptance. `direct`: the customer accepted on Microsoft's own pages."""
    already_confirmed: bool
    """Whether the acceptance was on record before."""
    template_id: Label | None = None
    """Id of the accepted template; null if Microsoft names none."""

    @property
    def nothing_done(self) -> bool:
        """Whether the acceptance was on record before."""
        return self.already_confirmed


class ConfirmCustomerAgreement(Command):
    """Record that the customer accepted the Microsoft Customer Agreement, unless an acceptance is on record."""

    answered_by: ClassVar[type[Event]] = CustomerAgreementConfirmed
    trials: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "": {
            "primaryContact": {"firstName": "Nobody", "lastName": "Nobody", "email": "nobody@example.com"},
            "dateAgreed": "2020-01-01",
        }
    }

    primary_contact: PrimaryContact
    """The person of the customer who accepted: `firstName`, `lastName`, `email` and perhaps `phoneNumber`."""
    date_agreed: InstantOrDate
    """When the customer accepted: a date, which stands for 00:00 UTC, or an instant. Not in the future."""
    company_name: Name | None = None
    """Name of the customer's company. Default: the name at Partner Center."""
    language: Language | None = None
    """Language in which the customer accepted, such as `en-US`. Default: the customer's."""
    country: Country | None = None
    """ISO 3166-1 alpha-2 code. Default: the country of the customer's billing profile, then of its company profile."""

    def problem_on_receipt(self, received_at: datetime) -> str | None:
        """An acceptance in the future is a mistake."""
        if self.date_agreed <= received_at:
            return None
        return f"dateAgreed must not be in the future: the command was received at {format_instant(received_at)}"
