"""Which commands a verb is about: the options that say so, and what they mean to the journal."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer

from events.base import commands
from events.instants import parse_instant
from worker.cli.exits import Code, Stop
from worker.cli.types import find, suggestion
from worker.journal.records import State
from worker.journal.views import Filter

OfType = Annotated[str | None, typer.Option("--type", help="Only those of this type, such as SuspendPlan.")]
OfCustomer = Annotated[str | None, typer.Option("--customer", metavar="GUID", help="Only those for this customer.")]
OfPartner = Annotated[str | None, typer.Option("--partner", help="Only those for this partner account.")]
WithCode = Annotated[str | None, typer.Option("--code", help="Only those that ended with this code.")]
From = Annotated[str | None, typer.Option("--from", metavar="INSTANT", help="Only from this instant on (RFC 3339).")]
To = Annotated[str | None, typer.Option("--to", metavar="INSTANT", help="Only up to this instant.")]

_RANGE = re.compile(r"(\d+):(\d+)-(\d+)")


def chosen(
    type_: str | None, customer: str | None, partner: str | None, state: State | None = None, code: str | None = None
) -> Filter:
    """The commands that match all that was said. Raises Stop for a type that cannot be one."""
    return Filter(
        state=state,
        type=None if type_ is None else wire_type(type_),
        customer=customer and customer.lower(),
        partner=partner and partner.casefold(),
        code=code,
    )


def wire_type(name: str) -> str:
    """The full type of a name as people type it. Raises Stop where there is none."""
    kind = find(name, commands())
    if kind is not None:
        return kind.wire_type()
    if name.count(".") >= 2:
        return name  # a type that this azplan does not know was refused, and is remembered all the same
    raise Stop(Code.USAGE, f"{name!r} is no type of command.", suggestion(name, commands()))


@dataclass(frozen=True, slots=True)
class Span:
    """A span of time, both ends included; None is open."""

    begin: datetime | None
    end: datetime | None

    def holds(self, micros: int) -> bool:
        """Whether an instant of the journal is in it."""
        at = datetime.fromtimestamp(micros / 1_000_000, UTC)
        return (self.begin is None or self.begin <= at) and (self.end is None or at <= self.end)


def span(begin: str | None, end: str | None) -> Span:
    """The span that was said. Raises Stop where it is none."""
    made = Span(_instant(begin, "--from"), _instant(end, "--to"))
    if made.begin is not None and made.end is not None and made.end < made.begin:
        raise Stop(Code.USAGE, "--to is before --from.", "Exchange them; an offset such as +01:00 counts.")
    return made


def offsets(text: str) -> tuple[int, range]:
    """`PARTITION:FIRST-LAST` as a partition and its offsets, the last one included. Raises Stop."""
    found = _RANGE.fullmatch(text.strip())
    if found is None or int(found[3]) < int(found[2]):
        raise Stop(Code.USAGE, f"{text!r} is no range of offsets.", "Write PARTITION:FIRST-LAST, such as 3:1000-1999.")
    return int(found[1]), range(int(found[2]), int(found[3]) + 1)


def _instant(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    found = parse_instant(text)
    if found is None:
        raise Stop(
            Code.USAGE,
            f"{option} {text!r} is no instant.",
            "Write it in RFC 3339 with an offset: 2026-03-02T09:00:00Z.",
        )
    return found
