"""Which commands a verb is about: the options that say so, and what they mean to the journal.

A word that can match nothing is a mistake of typing, and is answered as one: exit code 2 and what may have been meant.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Annotated

import typer

from events.codes import Code as Word
from events.codes import FailedCode, RejectedCode
from events.messages.base import commands
from events.messages.fields import is_guid
from events.wire.instants import parse_instant
from events.wire.text import quoted
from worker.cli.exit_codes import Code, Stop
from worker.journal.journal import Journal
from worker.journal.reading import timeline
from worker.journal.records import SECOND, Micros, State
from worker.journal.selection import Selection
from worker.operators.message_types import find, suggestion
from worker.settings.model import Settings

OfType = Annotated[str | None, typer.Option("--type", help="Only those of this type, such as SuspendPlan.")]
OfCustomer = Annotated[str | None, typer.Option("--customer", metavar="GUID", help="Only those for this customer.")]
OfPartner = Annotated[str | None, typer.Option("--partner", help="Only those for this partner account.")]
WithCode = Annotated[str | None, typer.Option("--code", help="Only those that ended with this code.")]
From = Annotated[str | None, typer.Option("--from", metavar="INSTANT", help="Only from this instant on (RFC 3339).")]
To = Annotated[str | None, typer.Option("--to", metavar="INSTANT", help="Only up to this instant.")]

_RANGE = re.compile(r"(\d+):(\d+)-(\d+)")


def chosen(
    type_: str | None, customer: str | None, partner: str | None, state: State | None = None, code: str | None = None
) -> Selection:
    """The commands that match all that was said. Raises Stop for a word that can match none."""
    return Selection(
        state=state,
        type=None if type_ is None else wire_type(type_),
        customer=None if customer is None else customer_id(customer),
        partner=None if partner is None else partner.strip().casefold(),
        code=None if code is None else code_word(code, (*RejectedCode, *FailedCode)),
    )


def wire_type(name: str) -> str:
    """The full type of a name as people type it. Raises Stop if there is none."""
    kind = find(name, commands())
    if kind is not None:
        return kind.wire_type()
    if name.count(".") >= 2:
        return name  # a type that this azplan does not know was refused, and is remembered all the same
    raise _no_type(name)


def known_type(name: str) -> str:
    """The full type of a command that this azplan carries out. Raises Stop for any other name."""
    kind = find(name, commands())
    if kind is None:
        raise _no_type(name)
    return kind.wire_type()


def customer_id(text: str) -> str:
    """The customer as the journal names it. Raises Stop for what is no GUID."""
    if not is_guid(text.strip()):
        raise Stop(
            Code.USAGE,
            f"--customer {quoted(text)} is no GUID.",
            "Write the customer's id at Microsoft, such as 3c0e5f4a-9d2b-4a6e-8f1c-5b7d2e9a0c11; "
            "`azplan commands list` shows those of its commands.",
        )
    return text.strip().lower()


def code_word(text: str, known: Iterable[Word], option: str = "--code") -> str:
    """One of these codes. Raises Stop for any other word."""
    words = [word.value for word in known]
    wanted = text.strip().lower().replace("-", "_")
    if wanted in words:
        return wanted
    raise Stop(Code.USAGE, f"{option} {quoted(text)} does not exist.", meant(wanted, words))


def meant(text: str, known: Iterable[str]) -> str:
    """What may have been meant, as a sentence, or everything that could have been."""
    words = list(dict.fromkeys(known))
    near = get_close_matches(text, words, n=3)
    return f"Did you mean {', '.join(near)}?" if near else f"There are {', '.join(words)}."


async def check_partner(journal: Journal, loaded: Settings, partner: str | None) -> None:
    """Raises Stop for an account that is not configured and that no command in the journal is of."""
    if partner is None or partner in loaded.partners:
        return
    wanted = Selection(partner=partner)
    if await journal.read(lambda tx: timeline.newest(tx, wanted, 1)):
        return
    message = f"--partner {quoted(partner)} is no account: none is configured as that, and no command is of it."
    configured = meant(partner, loaded.partners) if loaded.partners else "No account is configured here."
    raise Stop(Code.USAGE, message, f"{configured} `azplan config show` shows the configured accounts.")


@dataclass(frozen=True, slots=True)
class Span:
    """A span of time, both ends included; None is open."""

    begin: datetime | None
    end: datetime | None

    def holds(self, micros: int) -> bool:
        """Whether an instant of the journal is in it."""
        at = datetime.fromtimestamp(micros / 1_000_000, UTC)
        return (self.begin is None or self.begin <= at) and (self.end is None or at <= self.end)


def micros(at: datetime | None) -> Micros | None:
    """An instant as the journal keeps it."""
    return None if at is None else int(at.timestamp() * SECOND)


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


def _no_type(name: str) -> Stop:
    return Stop(Code.USAGE, f"{name!r} is no type of command.", suggestion(name, commands()))


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
