"""Pauses: commands are held back until a person lets them go."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from events.messages.base import commands
from worker.assembly.parts import tenants_of
from worker.journal.operator_journal import OperatorJournal
from worker.journal.records import SECOND, Micros, Pause
from worker.journal.selection import Selection
from worker.operators.errors import InvalidRequest, NothingFound
from worker.operators.selection import check_partner, customer_id, known_type, partner_name
from worker.operators.who_and_why import Signature
from worker.operators.wording.durations import rough
from worker.operators.wording.message_types import find, short
from worker.settings.model import Settings


@dataclass(frozen=True, slots=True)
class PausePlan:
    """What a pause would do: hold `commands` open commands, of which other pauses hold `held` already."""

    selection: Selection
    commands: int
    held: int


@dataclass(frozen=True, slots=True)
class ResumePlan:
    """The pauses that a resumption ends, how many open commands that frees, and how many pauses stay in force."""

    pauses: Sequence[Pause]
    commands: int
    left: int
    now: Micros


async def held_pauses(journal: OperatorJournal) -> Sequence[Pause]:
    """The pauses in force, the oldest first."""
    return await journal.pauses.in_force()


async def plan_pause(
    journal: OperatorJournal,
    settings: Settings,
    *,
    partner: str | None = None,
    customer: str | None = None,
    type: str | None = None,  # noqa: A002 - the attribute's name
    every: bool = False,
) -> PausePlan:
    """What a pause with these words would hold. Changes nothing. `every` means every command, and stands alone.

    Raises `InvalidRequest`, also for an account, a customer or a type that cannot exist.
    """
    _insist_on_words(partner, customer, type, every=every, verb="pause")
    selection = await _existing(journal, settings, partner, customer, type)
    number, already = await journal.pauses.count_matching(selection)
    return PausePlan(selection, number, already)


async def pause(journal: OperatorJournal, signature: Signature, selection: Selection) -> Pause:
    """Hold the commands of this partner, customer and type, on every replica within a second."""
    return await journal.pauses.pause(signature.who, signature.why, selection)


async def plan_resume(
    journal: OperatorJournal,
    settings: Settings,
    *,
    partner: str | None = None,
    customer: str | None = None,
    type: str | None = None,  # noqa: A002 - the attribute's name
    every: bool = False,
) -> ResumePlan:
    """The pauses that were made with just these words; with `every`, all. Changes nothing.

    Raises `InvalidRequest`, and `NothingFound` if nothing is paused with these words.
    """
    _insist_on_words(partner, customer, type, every=every, verb="resume")
    held = await journal.pauses.in_force()
    words = None if every else await journal.pauses.with_current_partner(_as_typed(partner, customer, type))
    ended = [each for each in held if words is None or each.which == words]
    if not ended:
        if words is not None:
            await _existing(journal, settings, partner, customer, type)
        others = "; ".join(spoken(each.which) for each in held)
        hint = f"Paused are: {others}. Use the same words, or --all." if held else "Nothing is paused at all."
        raise NothingFound("nothing is paused with these words.", hint)
    freed = await journal.pauses.count_released([each.id for each in ended])
    return ResumePlan(ended, freed, len(held) - len(ended), journal.now())


async def resume(journal: OperatorJournal, signature: Signature, pauses: Sequence[Pause]) -> None:
    """End these pauses. Commands that no other pause holds are due at once, in the order of their lanes."""
    for selection in dict.fromkeys(each.which for each in pauses):
        await journal.pauses.resume(signature.who, signature.why, selection)


def spoken(selection: Selection) -> str:
    """The commands of a partner, a customer and a type in words: `SuspendPlan of partner contoso`."""
    parts = [
        short(selection.type) if selection.type else "",
        f"of customer {selection.customer}" if selection.customer else "",
        f"of partner {selection.partner}" if selection.partner else "",
    ]
    words = " ".join(part for part in parts if part)
    return words if selection.type else f"all commands {words}".rstrip()


def in_force(pause: Pause, now: Micros) -> str:
    """A pause as a sentence: since when, which commands, by whom and why."""
    why = f": {pause.why}" if pause.why else ""
    return f"Paused for {rough((now - pause.at) / SECOND)}: {spoken(pause.which)}, by {pause.who}{why}"


def _insist_on_words(partner: str | None, customer: str | None, type_: str | None, *, every: bool, verb: str) -> None:
    """Every command is meant only by `every`, and never by saying nothing."""
    words = "Say --partner, --customer, --type, or several of them together; --all means every command."
    given = [each for each in (partner, customer, type_) if each is not None]
    if not given and not every:
        raise InvalidRequest(f"say which commands: `azplan {verb}` alone is not enough.", words)
    if given and every:
        raise InvalidRequest("--all means every command: leave the other words out.", words)


async def _existing(
    journal: OperatorJournal, settings: Settings, partner: str | None, customer: str | None, type_: str | None
) -> Selection:
    """The commands that the words name. Raises `InvalidRequest` for a word that can match nothing."""
    selection = Selection(
        partner=None if partner is None else partner_name(partner),
        customer=None if customer is None else customer_id(customer),
        type=None if type_ is None else known_type(type_),
    )
    await check_partner(journal, settings, selection.partner)
    if selection.partner is None:
        return selection
    meant = await journal.tenants.meant_by_settings(selection.partner, tenants_of(settings))
    return replace(selection, partner=meant)


def _as_typed(partner: str | None, customer: str | None, type_: str | None) -> Selection:
    """The same without a look whether they exist: a pause of something that is gone can be ended too."""
    kind = None if type_ is None else find(type_, commands())
    return Selection(
        partner=None if partner is None else partner_name(partner),
        customer=None if customer is None else customer.strip().lower(),
        type=kind.wire_type() if kind else type_,
    )
