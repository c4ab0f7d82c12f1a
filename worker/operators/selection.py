"""Words of a person as a selection of commands.

A word that can match nothing is a typing mistake: `InvalidValue` says so, and what the person may have meant.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches
from typing import Final

from events.codes import Code as CodeWord
from events.codes import FailedCode, RecordCode, RejectedCode, WaitingReason
from events.messages.base import commands
from events.messages.fields import is_guid
from events.wire.instants import parse_instant
from events.wire.text import quoted
from worker.clock import micros
from worker.journal.operator_journal import OperatorJournal
from worker.journal.records import State
from worker.journal.selection import Selection
from worker.operators.errors import InvalidRequest, InvalidValue
from worker.operators.wording.message_types import find, suggestion
from worker.settings.model import Settings

OPEN: Final = "open"
"""The state of all commands that are not over."""

_RANGE = re.compile(r"(\d+):(\d+)-(\d+)")


def select(
    *,
    partner: str | None = None,
    customer: str | None = None,
    type: str | None = None,  # noqa: A002 - the attribute's name
    state: str | None = None,
    code: str | None = None,
    reason: str | None = None,
    begin: str | None = None,
    end: str | None = None,
) -> Selection:
    """The commands that match every given word; None matches any command.

    `type` may be short (`SuspendPlan`). `state` is a state of a command, or `OPEN`. `begin` and `end` are instants in
    RFC 3339; a command matches if it was received between them. Raises `InvalidRequest`.
    """
    first, last = instant(begin, "from"), instant(end, "to")
    if first is not None and last is not None and last < first:
        raise InvalidRequest("--to is before --from.", "Exchange them; an offset such as +01:00 counts.")
    return Selection(
        partner=None if partner is None else partner_name(partner),
        customer=None if customer is None else customer_id(customer),
        type=None if type is None else wire_type(type),
        state=None if state in (None, OPEN) else State(state),
        code=None if code is None else code_word(code, (*RejectedCode, *FailedCode)),
        reason=None if reason is None else code_word(reason, WaitingReason, "reason"),
        open=state == OPEN,
        begin=None if first is None else micros(first),
        end=None if last is None else micros(last),
    )


def select_dead_letters(
    *,
    partner: str | None = None,
    customer: str | None = None,
    type: str | None = None,  # noqa: A002 - the attribute's name
    code: str | None = None,
) -> Selection:
    """The same for dead letters, which have codes that no command has. Raises `InvalidValue`."""
    selected = select(partner=partner, customer=customer, type=type)
    known = (*FailedCode, *RecordCode)
    return selected if code is None else replace(selected, code=code_word(code, known))


def partner_name(text: str) -> str:
    """The name of a partner account as settings and journal write it."""
    return text.strip().casefold()


def customer_id(text: str) -> str:
    """The customer as the journal names it. Raises `InvalidValue` for what is no GUID."""
    if not is_guid(text.strip()):
        raise InvalidValue(
            "customer",
            f"{quoted(text)} is no GUID.",
            "Write the customer's id at Microsoft, such as 3c0e5f4a-9d2b-4a6e-8f1c-5b7d2e9a0c11; "
            "`azplan commands list` shows those of its commands.",
        )
    return text.strip().lower()


def wire_type(name: str) -> str:
    """The full type of a name as people type it. Raises `InvalidRequest` if there is none."""
    kind = find(name, commands())
    if kind is not None:
        return kind.wire_type()
    if name.count(".") >= 2:
        return name  # a type that this azplan does not know was refused, and is remembered all the same
    raise _no_type(name)


def known_type(name: str) -> str:
    """The full type of a command that this azplan carries out. Raises `InvalidRequest` for any other name."""
    kind = find(name, commands())
    if kind is None:
        raise _no_type(name)
    return kind.wire_type()


def code_word(text: str, known: Iterable[CodeWord], name: str = "code") -> str:
    """One of these codes. Raises `InvalidValue` for any other word; `name` names the value."""
    words = [word.value for word in known]
    wanted = text.strip().lower().replace("-", "_")
    if wanted in words:
        return wanted
    raise InvalidValue(name, f"{quoted(text)} does not exist.", meant(wanted, words))


def meant(text: str, known: Iterable[str]) -> str:
    """A sentence with the known words that are like `text`, or with all known words if none is."""
    words = list(dict.fromkeys(known))
    near = get_close_matches(text, words, n=3)
    return f"Did you mean {', '.join(near)}?" if near else f"There are {', '.join(words)}."


async def check_partner(journal: OperatorJournal, settings: Settings, partner: str | None) -> None:
    """Raises `InvalidValue` for an account that is not configured and that no command in the journal belongs to."""
    if partner is None or partner in settings.partners:
        return
    if await journal.commands.newest(Selection(partner=partner), 1):
        return
    known = meant(partner, settings.partners) if settings.partners else "No account is configured here."
    raise InvalidValue(
        "partner",
        f"{quoted(partner)} is no account: none is configured as that, and no command is of it.",
        f"{known} `azplan config show` shows the configured accounts.",
    )


def instant(text: str | None, name: str) -> datetime | None:
    """An instant from RFC 3339; None for None. Raises `InvalidValue` for any other text; `name` names the value."""
    if text is None:
        return None
    found = parse_instant(text)
    if found is None:
        raise InvalidValue(
            name, f"{text!r} is no instant.", "Write it in RFC 3339 with an offset: 2026-03-02T09:00:00Z."
        )
    return found


def offsets(text: str) -> tuple[int, range]:
    """`PARTITION:FIRST-LAST` as a partition and its offsets, the last one included. Raises `InvalidRequest`."""
    found = _RANGE.fullmatch(text.strip())
    if found is None or int(found[3]) < int(found[2]):
        raise InvalidRequest(f"{text!r} is no range of offsets.", "Write PARTITION:FIRST-LAST, such as 3:1000-1999.")
    return int(found[1]), range(int(found[2]), int(found[3]) + 1)


def _no_type(name: str) -> InvalidRequest:
    return InvalidRequest(f"{name!r} is no type of command.", suggestion(name, commands()))
