"""Wake-ups: a person says that it is worth trying waiting commands again now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from events.codes import WaitingReason
from worker.journal.operator_journal import OperatorJournal
from worker.journal.selection import Selection
from worker.operators.command_reports import find_command
from worker.operators.errors import InvalidRequest, NothingFound
from worker.operators.selection import check_partner, code_word, partner_name
from worker.operators.who_and_why import Signature
from worker.settings.model import Settings

HELD: Final[Mapping[str, str]] = {
    "paused": "Commands that are paused wait for `azplan resume`.",
    "settling": "Commands that wait for settling go on when nothing that was sent can arrive any more.",
}
"""The reasons for waiting that no wake-up ends, and what ends them."""


@dataclass(frozen=True, slots=True)
class WakePlan:
    """The waiting commands of a wake-up. `reasons` counts them by reason; "" is a wait that has just begun."""

    selection: Selection
    reasons: Mapping[str, int]

    @property
    def commands(self) -> int:
        """How many commands wait."""
        return sum(self.reasons.values())


async def plan_wake(
    journal: OperatorJournal,
    settings: Settings,
    *,
    id: str | None = None,  # noqa: A002 - the attribute's name
    source: str | None = None,
    reason: str | None = None,
    partner: str | None = None,
    every: bool = False,
) -> WakePlan:
    """The waiting commands to wake: one by its id, those of a reason, a partner or both, or every one. Changes nothing.

    Raises `InvalidRequest`, and `NothingFound` if no command waits that matches.
    """
    given = [word for word in (id, reason, partner) if word is not None]
    if every == bool(given) or (id is not None and len(given) > 1):
        raise InvalidRequest("say which commands: an ID, or --reason, --partner or both, or --all alone.")
    meant = None if reason is None else code_word(reason, WaitingReason, "reason")
    if meant is not None and meant in HELD:
        raise InvalidRequest(f"a wait for the reason {meant} cannot be ended by this verb.", HELD[meant])
    selection = Selection(reason=meant, partner=None if partner is None else partner_name(partner))
    await check_partner(journal, settings, selection.partner)
    if id is not None:
        selection = Selection(uid=(await find_command(journal, id, source)).uid)
    found = await journal.wakeups.count(selection)
    if not found:
        raise NothingFound("no command waits that matches.", await _why_none(journal, id, source))
    return WakePlan(selection, found)


async def wake(journal: OperatorJournal, signature: Signature, selection: Selection) -> int:
    """Make these commands due within two seconds, and have open circuits try one request. How many were woken."""
    return await journal.wakeups.wake(signature.who, signature.why, selection)


async def _why_none(journal: OperatorJournal, id_: str | None, source: str | None) -> str:
    if id_ is None:
        return "`azplan commands list --state waiting` shows what waits; " + HELD["paused"].lower()
    command = await find_command(journal, id_, source)
    if command.state.known and not command.state.is_open:
        return f"{command.id} is over: {command.state}."
    return HELD.get(command.reason or "", f"{command.id} is due already, or waits behind another command.")
