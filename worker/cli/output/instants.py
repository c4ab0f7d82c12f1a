"""Instants of the journal, in microseconds since 1970, as people and programs read them."""

from events.wire.instants import format_instant
from worker import clock
from worker.cli.output.console import at_terminal
from worker.journal.records import SECOND
from worker.operators.wording.durations import rough


def instant(micros: int | None) -> str | None:
    """For programs: RFC 3339 in UTC; None for None."""
    return None if micros is None else format_instant(clock.instant(micros))


def date_time(micros: int | None) -> str:
    """For a person, to the second; empty for None."""
    return "" if micros is None else f"{clock.instant(micros):%Y-%m-%d %H:%M:%S} UTC"


def ago(micros: int | None, now: int) -> str:
    """For a person: the age on a terminal; elsewhere the instant, because an age in a file becomes wrong."""
    return date_time(micros) if micros is None or not at_terminal() else rough((now - micros) / SECOND)


def clock_time(micros: int) -> str:
    """The time of day in UTC, for lines of one day."""
    return f"{clock.instant(micros):%H:%M:%S}"


def day(micros: int) -> str:
    """The day in UTC."""
    return f"{clock.instant(micros):%Y-%m-%d}"
