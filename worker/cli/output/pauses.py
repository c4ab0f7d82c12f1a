"""Pauses in force: beside other data, as a table, and for programs."""

from collections.abc import Sequence
from typing import Any, Final

from worker.cli.output.console import say
from worker.cli.output.instants import date_time, instant
from worker.cli.output.tables import show_table
from worker.journal.records import Micros, Pause
from worker.operators.pauses import in_force, spoken

MOST: Final = 3
"""How many pauses are named one by one beside other data."""


def say_pauses(held: Sequence[Pause], now: Micros) -> None:
    """Tell the person which pauses are in force. Says nothing if there are none."""
    for pause in held[:MOST]:
        say(in_force(pause, now), style="yellow")
    if len(held) > MOST:
        say(f"{len(held) - MOST} more pauses are in force: `azplan pause --list`.", style="yellow")


def show_pauses(pauses: Sequence[Pause]) -> None:
    """Print pauses, one a line."""
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
