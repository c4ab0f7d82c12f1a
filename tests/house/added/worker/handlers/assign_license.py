"""AssignLicense: says how far the assignment is, waits once, and answers."""

from events.messages.licenses import AssignLicense, LicenseAssigned, LicenseAssignmentProgressed

from events.codes import WaitingReason
from events.messages.base import Event
from worker.errors import Wait
from worker.handling import Context, handles


@handles(AssignLicense)
async def assign_license(ctx: Context, command: AssignLicense) -> Event:
    """Wait in the first run, and find the license in the second."""
    if "waited" not in ctx.memory:
        ctx.memory["waited"] = True
        ctx.say(LicenseAssignmentProgressed.nth_place(1), LicenseAssignmentProgressed, status="queued")
        raise Wait(WaitingReason("license_pending"), "the license is being assigned", delay=0.0, limited=True)
    return ctx.answer(LicenseAssigned, user=command.user, already_assigned=True)
