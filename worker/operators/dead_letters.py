"""Dead letters at the command line: which are meant, and how they are shown."""

import base64
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from events.codes import FailedCode, RecordCode
from events.wire.record import Record
from events.wire.text import printable
from worker.cli.exit_codes import Code, Stop
from worker.cli.output.terminal import (
    ago,
    at_terminal,
    date_time,
    instant,
    show,
    show_table,
    show_wrapped,
    write_bytes,
)
from worker.journal.journal import Journal
from worker.journal.operating.dead_letter_search import (
    Dead,
    Group,
    commands_of,
    following,
    groups,
    numbered,
    these,
)
from worker.journal.records import Micros
from worker.journal.selection import Selection
from worker.operators.message_types import short
from worker.operators.selection import code_word, customer_id, wire_type

PAGE: Final = 200
"""Dead letters that are read, and changed, at once."""
NO_COMMAND: Final = "(no command)"
LONGEST: Final = 2_000
"""Characters of a value that are shown; the export has all bytes."""
OTHERS: Final = "`azplan dead-letters list`, with --state archived or redriven for the others, shows what there is."


def wanted_of(code: str | None, type_: str | None, customer: str | None, partner: str | None) -> Selection:
    """The dead letters that the options name. Raises Stop for a word that can match none."""
    return Selection(
        code=None if code is None else code_word(code, (*FailedCode, *RecordCode)),
        type=None if type_ is None else wire_type(type_),
        customer=None if customer is None else customer_id(customer),
        partner=None if partner is None else partner.strip().casefold(),
    )


@dataclass(frozen=True, slots=True)
class Meant:
    """The dead letters that a verb is about: those of these numbers, or all up to `last` that match.

    `codes` is how many there are of each code.
    """

    wanted: Selection
    state: str
    numbers: Sequence[int]
    last: int
    codes: Mapping[str, int]

    @property
    def letters(self) -> int:
        """How many they are."""
        return sum(self.codes.values())


async def meant(journal: Journal, numbers: Sequence[int], wanted: Selection, state: str, *, every: bool) -> Meant:
    """Which dead letters a verb is about. Raises Stop where it is about none."""
    codes = Counter[str]()
    for number in dict.fromkeys(numbers):
        letter = (await _numbered(journal, number)).letter
        if letter.state != state:
            raise Stop(Code.REFUSED, f"dead letter {number} is {letter.state}, not {state}.", OTHERS)
        codes[letter.code] += 1
    if numbers:
        return Meant(wanted, state, list(dict.fromkeys(numbers)), max(numbers), codes)
    if not every and wanted == Selection():
        raise Stop(Code.USAGE, "say which dead letters: numbers, what they have in common, or --all.", "See --help.")
    found = await journal.read(lambda tx: groups(tx, wanted, state))
    if not found:
        raise Stop(Code.NOTHING, f"no {state} dead letter matches.", OTHERS)
    for group in found:
        codes[group.code] += group.number
    return Meant(wanted, state, [], max(group.example for group in found), codes)


async def pages(journal: Journal, which: Meant) -> AsyncIterator[Sequence[Dead]]:
    """The dead letters that are meant, a page at a time: as they were named, or the oldest first."""
    for start in range(0, len(which.numbers), PAGE):
        some = which.numbers[start : start + PAGE]
        yield await journal.read(lambda tx, some=some: these(tx, some))  # type: ignore[misc]
    after = which.last if which.numbers else 0
    while page := await journal.read(
        lambda tx, after=after: following(tx, which.wanted, which.state, after, which.last, PAGE)  # type: ignore[misc]
    ):
        after = page[-1].letter.seq
        yield page


async def uids(journal: Journal, which: Meant, codes: Sequence[str]) -> AsyncIterator[Sequence[str]]:
    """The commands of the dead letters that are meant and have one of these codes, each once, a page at a time."""
    if which.numbers:
        named = [each.letter async for page in pages(journal, which) for each in page]
        yield list(dict.fromkeys(letter.uid for letter in named if letter.uid and letter.code in codes))
        return
    after = 0
    while page := await journal.read(
        lambda tx, after=after: commands_of(tx, which.wanted, which.state, codes, after, which.last, PAGE)  # type: ignore[misc]
    ):
        after = page[-1][0]
        yield [uid for _, uid in page]


async def the_letter(journal: Journal, number: int) -> Dead:
    """The dead letter of this number. Raises Stop where there is none."""
    return await _numbered(journal, number)


def show_groups(found: Sequence[Group], now: Micros) -> None:
    """Dead letters, counted."""
    rows = [
        (
            group.code,
            short(group.type) if group.type else NO_COMMAND,
            str(group.number),
            ago(group.first, now),
            ago(group.last, now),
            str(group.example),
        )
        for group in found
    ]
    show_table(("code", "type", "letters", "first", "last", "newest"), rows)


def show_letters(found: Sequence[Dead], now: Micros) -> None:
    """Dead letters, a line each."""
    rows = [
        (
            str(each.letter.seq),
            ago(each.letter.at, now),
            each.letter.code,
            short(each.type) if each.type else NO_COMMAND,
            each.id or "",
            each.letter.detail,
        )
        for each in found
    ]
    show_table(("number", "at", "code", "type", "id", "detail"), rows)


def show_letter(dead: Dead, record: Record | None) -> None:
    """One dead letter with all that is known of it."""
    letter = dead.letter
    command = f"{short(dead.type or '')} {dead.id} of {dead.source}" if dead.id else NO_COMMAND
    lines = {
        "number": str(letter.seq),
        "state": letter.state,
        "code": letter.code,
        "detail": letter.detail,
        "command": command,
        "story": str(letter.redrive),
        "attempts": str(letter.attempts),
        "record": f"{letter.topic}, partition {letter.partition}, offset {letter.position}",
        "at": date_time(letter.at),
        "sent": date_time(letter.sent_at) or "not yet",
    }
    for name, text in lines.items():
        show_wrapped(printable(text, LONGEST), indent=10, start=f"{name:<10}")
    if record is None:
        show("its bytes are forgotten (AZPLAN_JOURNAL__DETAIL_RETENTION)")
        return
    for name, value in record.headers:
        show_wrapped(printable(f"{name}: {_text(value)}", LONGEST), indent=10, start=f"{'header':<10}")
    show_wrapped(printable(_text(record.value), LONGEST), indent=10, start=f"{'value':<10}")


def facts(dead: Dead) -> dict[str, Any]:
    """A dead letter for programs."""
    letter = dead.letter
    return {
        "number": letter.seq,
        "state": letter.state,
        "code": letter.code,
        "detail": letter.detail,
        "id": dead.id,
        "source": dead.source,
        "type": dead.type,
        "customerId": dead.customer,
        "partner": dead.partner,
        "redrive": letter.redrive,
        "attempts": letter.attempts,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.position,
        "at": instant(letter.at),
        "publishedAt": instant(letter.sent_at),
    }


def bytes_facts(record: Record | None) -> dict[str, Any]:
    """The original record for programs: bytes in base64; null where they are forgotten."""
    if record is None:
        return {"key": None, "value": None, "headers": None}
    return {
        "key": _encoded(record.key),
        "value": _encoded(record.value),
        "headers": [[name, _encoded(value)] for name, value in record.headers],
    }


def export(record: Record | None, to: str) -> None:
    """Write the original value, byte for byte, to a file or, for `-`, to standard output. Raises Stop."""
    if record is None:
        raise Stop(Code.NOTHING, "its bytes are forgotten.", "The dead-letters topic may still have them.")
    if to == "-":
        if at_terminal():
            raise Stop(Code.USAGE, "a terminal may obey bytes that came from outside.", "Name a file, or use a pipe.")
        write_bytes(record.value or b"")
        return
    try:
        Path(to).write_bytes(record.value or b"")
    except OSError as error:
        raise Stop(Code.FAILED, f"could not write {to}: {error.strerror}.") from error


async def _numbered(journal: Journal, number: int) -> Dead:
    found = await journal.read(lambda tx: numbered(tx, number))
    if found is None:
        raise Stop(Code.NOTHING, f"there is no dead letter {number}.", "`azplan dead-letters list` shows them.")
    return found


def _text(value: bytes | None) -> str:
    return "" if value is None else value.decode("utf-8", "backslashreplace")


def _encoded(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode("ascii")
