"""Dead letters: as tables, one in full, and for programs."""

import base64
from collections.abc import Sequence
from typing import Any, Final

from events.wire.record import Record
from events.wire.text import printable
from worker.cli.output.console import show, show_wrapped
from worker.cli.output.instants import ago, date_time, instant
from worker.cli.output.tables import show_table
from worker.journal.reading.dead_letter_search import DeadLetterGroup, FoundDeadLetter
from worker.journal.records import Micros
from worker.operators.wording.message_types import short

NO_COMMAND: Final = "(no command)"
LONGEST: Final = 2_000
"""Characters of a value that are shown; the export has all bytes."""


def show_groups(found: Sequence[DeadLetterGroup], now: Micros) -> None:
    """Print how many dead letters there are of each code and type."""
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


def show_letters(found: Sequence[FoundDeadLetter], now: Micros) -> None:
    """Print dead letters, one a line."""
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


def show_letter(dead: FoundDeadLetter, record: Record | None) -> None:
    """Print everything that is known of one dead letter. `record` is None if its bytes are forgotten."""
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


def facts(dead: FoundDeadLetter) -> dict[str, Any]:
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
    """The original record for programs: bytes in base64; null if they are forgotten."""
    if record is None:
        return {"key": None, "value": None, "headers": None}
    return {
        "key": _encoded(record.key),
        "value": _encoded(record.value),
        "headers": [[name, _encoded(value)] for name, value in record.headers],
    }


def _text(value: bytes | None) -> str:
    return "" if value is None else value.decode("utf-8", "backslashreplace")


def _encoded(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode("ascii")
