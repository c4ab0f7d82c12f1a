"""Every event as it is said, read from the journal beside the workers that say it."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from worker.cli.output import json as json_facts
from worker.cli.output.event import headline
from worker.cli.output.terminal import (
    date_time,
    say,
    show,
    show_json,
)
from worker.errors import JournalUnavailable
from worker.journal.operator_journal import OperatorJournal
from worker.journal.reading.views import Change, Summary
from worker.journal.selection import Selection
from worker.operators import connections
from worker.operators.message_types import short
from worker.operators.pauses import say_held
from worker.operators.selection import check_partner
from worker.settings.model import Settings

PAUSE: Final = 0.5
"""Seconds between two looks."""


async def watch_events(settings: Settings, wanted: Selection, *, as_json: bool) -> None:
    """Print the events of commands that match, from now on and without end. A database that is away is waited for."""
    async with connections.journal(settings) as journal:
        await check_partner(journal, settings, wanted.partner)
        await say_held(journal)
        since = await journal.commands.newest_event_number()
        meant = await journal.commands.with_current_partner(wanted)
        seen: set[int] = set()
        say("Watching; Ctrl-C ends it.")
        while True:
            try:
                since = await look(journal, since, seen, lambda changes: _show(changes, meant, as_json=as_json))
            except JournalUnavailable as error:
                say(f"{error}; trying again")
            await asyncio.sleep(PAUSE)


async def look(journal: OperatorJournal, since: int, seen: set[int], tell: Callable[[list[Change]], None]) -> int:
    """Tell what was said after number `since` and is not in `seen`, a page at a time. Where to look from next time.

    `seen` are the numbers of events beyond that which were told already.
    """
    after, settled = since, since
    while True:
        changes, up_to = await journal.commands.changes(after)
        settled = max(settled, up_to)
        tell([each for each in changes if each.event.seq not in seen])
        seen.update(each.event.seq for each in changes)
        if not changes:
            break
        after = changes[-1].event.seq
    seen.difference_update([number for number in seen if number <= settled])
    return settled


def _fits(command: Summary, wanted: Selection) -> bool:
    return wanted.holds(command.partner, command.customer, command.type)


def _show(changes: Iterable[Change], wanted: Selection, *, as_json: bool) -> None:
    for change in changes:
        if _fits(change.command, wanted):
            show_json(json_facts.change(change), indent=None) if as_json else show(_told(change))


def _told(change: Change) -> str:
    event, command = change.event, change.command
    said = headline(event.type, json_facts.data_of(event))
    return f"{date_time(event.at)}  {short(command.type)} {command.id}  {short(event.type)}  {said}".rstrip()
