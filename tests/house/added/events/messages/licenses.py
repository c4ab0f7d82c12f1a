"""Licenses: assign one to a user."""

from typing import ClassVar

from events.messages.base import Command, Event
from events.messages.fields import Label


class LicenseAssignmentProgressed(Event):
    """The assignment got further."""

    place: ClassVar[str] = "assignment"
    numbered: ClassVar[bool] = True

    status: Label


class LicenseAssigned(Event):
    """The user has the license."""

    terminal: ClassVar[bool] = True

    user: Label
    already_assigned: bool
    """Whether the user had the license before."""

    @property
    def nothing_done(self) -> bool:
        """Whether the user had the license before."""
        return self.already_assigned


class AssignLicense(Command):
    """Assign a license to a user of the customer."""

    answered_by: ClassVar[type[Event]] = LicenseAssigned

    user: Label
    """The user's sign-in name."""
