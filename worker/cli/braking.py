"""What `azplan pause` and `azplan resume` have in common: which commands, and how a pause is told."""

from collections.abc import Sequence
from typing import Any

from worker.cli.printing import date_time, instant, show_table
from worker.cli.selecting import wire_type
from worker.cli.types import short
from worker.journal import counts
from worker.journal.journal import Journal
from worker.journal.records import Pause, Which


def which_of(partner: str | None, customer: str | None, type_: str | None) -> Which:
    """The commands that the options name. Raises Stop for a type that cannot be one."""
    return Which(
        partner=partner and partner.casefold(),
        customer=customer and customer.lower(),
        type=None if type_ is None else wire_type(type_),
    )


def spoken(which: Which) -> str:
    """Which commands, in words."""
    parts = [
        short(which.type) if which.type else "",
        f"of customer {which.customer}" if which.customer else "",
        f"of partner {which.partner}" if which.partner else "",
    ]
    words = " ".join(part for part in parts if part)
    return words if which.type else f"all commands {words}".rstrip()


async def replicas(journal: Journal) -> str:
    """Who obeys, in words."""
    number = len(await journal.read(counts.living))
    if number == 0:
        return "No worker lives now; any that starts obeys."
    return f"{number} {'worker obeys' if number == 1 else 'workers obey'} within a second."


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
