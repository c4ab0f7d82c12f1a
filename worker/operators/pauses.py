"""What `azplan pause` and `azplan resume` have in common, and how other verbs say that a pause is in force."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from events.messages.base import commands
from worker.cli.durations import rough
from worker.cli.exit_codes import Code, Stop
from worker.cli.output.terminal import (
    date_time,
    instant,
    say,
    show_table,
)
from worker.journal.journal import Journal
from worker.journal.operating.pauses import Brake
from worker.journal.processing.tenants import meant_by_settings
from worker.journal.reading import counts
from worker.journal.records import SECOND, Micros, Pause
from worker.journal.selection import Selection
from worker.operators.message_types import find, short
from worker.operators.selection import check_partner, customer_id, known_type
from worker.settings.build import tenants_of
from worker.settings.model import Settings

MOST: Final = 3
"""Pauses that are said one by one beside other data."""
WORDS: Final = "Say --partner, --customer, --type, or several of them together; --all means every command."


def insist_on_words(partner: str | None, customer: str | None, type_: str | None, *, every: bool, verb: str) -> None:
    """Raises Stop unless it was said which commands are meant: all of them by `--all`, and only by that."""
    given = [each for each in (partner, customer, type_) if each is not None]
    if not given and not every:
        raise Stop(Code.USAGE, f"say which commands: `azplan {verb}` alone is not enough.", WORDS)
    if given and every:
        raise Stop(Code.USAGE, "--all means every command: leave the other words out.", WORDS)


async def which_of(
    journal: Journal, loaded: Settings, partner: str | None, customer: str | None, type_: str | None
) -> Selection:
    """The commands that the options name. Raises Stop for an account, a customer or a type that cannot exist."""
    which = Selection(
        partner=None if partner is None else partner.strip().casefold(),
        customer=None if customer is None else customer_id(customer),
        type=None if type_ is None else known_type(type_),
    )
    await check_partner(journal, loaded, which.partner)
    if which.partner is None:
        return which
    named, accounts = which.partner, tenants_of(loaded)
    return replace(which, partner=await journal.read(lambda tx: meant_by_settings(tx, named, accounts)))


def literally(partner: str | None, customer: str | None, type_: str | None) -> Selection:
    """The same without a look at whether they exist: a pause of something that is gone can be ended too."""
    kind = None if type_ is None else find(type_, commands())
    return Selection(
        partner=None if partner is None else partner.strip().casefold(),
        customer=None if customer is None else customer.strip().lower(),
        type=kind.wire_type() if kind else type_,
    )


def spoken(which: Selection) -> str:
    """Selection commands, in words."""
    parts = [
        short(which.type) if which.type else "",
        f"of customer {which.customer}" if which.customer else "",
        f"of partner {which.partner}" if which.partner else "",
    ]
    words = " ".join(part for part in parts if part)
    return words if which.type else f"all commands {words}".rstrip()


async def replicas(journal: Journal) -> str:
    """How many workers apply it, in words."""
    number = len(await journal.read(counts.living))
    if number == 0:
        return "No worker runs now; a worker that starts applies this."
    return f"{number} {'worker applies' if number == 1 else 'workers apply'} this within a second."


async def say_held(journal: Journal) -> None:
    """Tell the person which pauses are in force, beside whatever a verb shows. Says nothing if there are none."""
    say_pauses(await Brake(journal).held(), journal.now())


def say_pauses(held: Sequence[Pause], now: Micros) -> None:
    """The same for pauses that were read already."""
    for pause in held[:MOST]:
        say(in_force(pause, now), style="yellow")
    if len(held) > MOST:
        say(f"{len(held) - MOST} more pauses are in force: `azplan pause --list`.", style="yellow")


def in_force(pause: Pause, now: Micros) -> str:
    """A pause as a sentence."""
    why = f": {pause.why}" if pause.why else ""
    return f"Paused for {rough((now - pause.at) / SECOND)}: {spoken(pause.which)}, by {pause.who}{why}"


def show_pauses(pauses: Sequence[Pause]) -> None:
    """What is paused, a line each."""
    show_table(
        ("since", "what", "who", "why"),
        [(date_time(pause.at), spoken(pause.which), pause.who, pause.why) for pause in pauses],
    )


def facts(pause: Pause) -> dict[str, Any]:
    """A pause for programs."""
    return {
        "id": pause.id,
        "partner": pause.which.partner,
        "customerId": pause.which.customer,
        "type": pause.which.type,
        "since": instant(pause.at),
        "who": pause.who,
        "why": pause.why,
    }
