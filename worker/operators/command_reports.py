"""Commands as a person reads them: one by its id, the newest that match, and the story of one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from difflib import get_close_matches
from typing import Final

from worker.clock import duration_micros
from worker.journal.operator_journal import OperatorJournal
from worker.journal.reading.views import Story, Summary
from worker.journal.records import Micros, Pause
from worker.journal.selection import Selection
from worker.operators.errors import InvalidRequest, NothingFound
from worker.operators.selection import check_partner
from worker.settings.model import Settings

REMEMBERED: Final = 1_000
"""How many of the newest commands are searched for ids that are like an unknown one."""
ALIKE: Final = 0.8
"""From this likeness on, an id may have been meant for another; 1 is the same id."""


@dataclass(frozen=True, slots=True)
class CommandList:
    """The newest commands that match. `now` is the journal's clock; `pauses` are the pauses in force.

    `similar_customer` is a customer that has commands and whose id is like the selected one, if none matches.
    """

    commands: Sequence[Summary]
    now: Micros
    pauses: Sequence[Pause]
    similar_customer: str | None = None


@dataclass(frozen=True, slots=True)
class CommandStory:
    """The story of a command. `pauses` are the pauses that hold the command; `now` is the journal's clock."""

    story: Story
    pauses: Sequence[Pause]
    now: Micros


async def find_command(journal: OperatorJournal, id: str, source: str | None = None) -> Summary:  # noqa: A002
    """The command with this `ce_id`. `source` is its `ce_source`, needed only if two sources share the id.

    Raises `NothingFound`; `InvalidRequest` if several sources share the id and `source` is None.
    """
    found = await journal.commands.find(id, source)
    if not found:
        raise await _unknown(journal, id, source)
    if len(found) > 1:
        sources = ", ".join(each.source for each in found)
        raise InvalidRequest(f"{len(found)} sources share the id {id!r}: {sources}.", "Say which with --source.")
    return found[0]


async def list_commands(
    journal: OperatorJournal,
    settings: Settings,
    selection: Selection,
    *,
    since: timedelta | None = None,
    limit: int = 100,
) -> CommandList:
    """The newest commands that match, at most `limit`; 0 for all. `since`: only those received within this time.

    Raises `InvalidValue` for a partner account that does not exist.
    """
    await check_partner(journal, settings, selection.partner)
    held, now = await journal.pauses.in_force(), journal.now()
    if since is not None:
        selection = replace(selection, begin=now - duration_micros(since.total_seconds()))
    found = await journal.commands.newest(selection, limit)
    similar = None if found or not selection.customer else await _similar_customer(journal, selection.customer)
    return CommandList(found, now, held, similar)


async def read_story(journal: OperatorJournal, id: str, source: str | None = None) -> CommandStory:  # noqa: A002
    """Everything that the journal remembers about one command. Raises as `find_command` does."""
    found = await find_command(journal, id, source)
    held: Sequence[Pause] = await journal.pauses.in_force() if found.state.is_open else ()
    who = (found.partner, found.customer, found.type)
    story = await journal.commands.story(found.uid)
    if story is None:
        raise NothingFound(f"command {id!r} has just been forgotten: it was over long ago.")
    return CommandStory(story, [pause for pause in held if pause.which.holds(*who)], journal.now())


async def _unknown(journal: OperatorJournal, id_: str, source: str | None) -> NothingFound:
    newest = await journal.commands.newest(Selection(), REMEMBERED)
    near = get_close_matches(id_, {each.id for each in newest}, n=3, cutoff=ALIKE)
    of = f" from {source}" if source else ""
    hint = f"Did you mean {', '.join(near)}?" if near else "`azplan commands list` shows the newest."
    return NothingFound(f"no command {id_!r}{of} is in the journal.", hint)


async def _similar_customer(journal: OperatorJournal, customer: str) -> str | None:
    known = {each.customer for each in await journal.commands.newest(Selection(), REMEMBERED)}
    return next(iter(get_close_matches(customer, known - {customer}, 1, ALIKE)), None)
