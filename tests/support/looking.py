"""A look at a worker's journal from this process: tests that wait look often, and a verb takes a second."""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from ops.local.databases import run_apart
from tests.support.harness import settings_of
from worker.errors import JournalMissing
from worker.journal.database.protocol import Transaction
from worker.journal.operator_journal import OperatorJournal
from worker.journal.reading.command_queries import newest
from worker.journal.reading.dead_letter_search import search
from worker.journal.reading.views import Summary
from worker.journal.selection import Selection
from worker.operators import connections
from worker.operators.command_reports import read_story

T = TypeVar("T")


def commands_of(url: str) -> dict[str, Summary]:
    """The commands of the journal by their ids, as `azplan commands list` shows them; none before a journal exists."""
    try:
        return {each.id: each for each in _look(url, lambda tx: newest(tx, Selection()))}
    except JournalMissing:
        return {}


def calls_of(url: str, ids: Iterable[str]) -> list[str]:
    """The operations of all calls in the timelines of these commands."""

    async def read(journal: OperatorJournal) -> list[str]:
        return [call.operation for id_ in ids for call in (await read_story(journal, id_)).story.calls]

    return run_apart(_with_journal(url, read))


def stories_of_dead_letters(url: str, *, code: str) -> list[int]:
    """The stories whose dead letters in the journal have this code, in whatever state. 0 is a command's first story."""
    return sorted(dead.letter.redrive for dead in _look(url, lambda tx: search(tx, Selection(code=code))))


def _look(url: str, query: Callable[[Transaction], Awaitable[T]]) -> T:
    return run_apart(_read(url, query))


async def _read(url: str, query: Callable[[Transaction], Awaitable[T]]) -> T:
    return await _with_journal(url, lambda journal: journal.transactions.read(query))


async def _with_journal(url: str, work: Callable[[OperatorJournal], Awaitable[T]]) -> T:
    async with connections.journal(settings_of(journal={"url": url})) as journal:
        return await work(journal)
