"""What a person asks of the workers: cancel commands, or say how a command of unknown outcome ended.

The journal keeps each request. The worker that owns the command's lane carries the request out.
"""

import asyncio
from array import array
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from worker.journal.operator_journal import OperatorJournal
from worker.journal.reading.counts import LivingWorker
from worker.journal.reading.views import Summary
from worker.journal.records import Json
from worker.journal.selection import Selection
from worker.operators.command_reports import find_command
from worker.operators.errors import InvalidRequest, NothingFound, NotPossible
from worker.operators.selection import check_partner
from worker.operators.who_and_why import Signature
from worker.settings.model import Settings

LOOK_EVERY: Final = 0.1
"""Seconds between two looks for answers."""
AT_ONCE: Final = 200
"""How many commands one transaction asks about, and how many answers one look reads."""
DONE: Final = "done"


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a request about a command. `result` is None while no worker has carried the request out."""

    command: Summary
    result: str | None

    @property
    def done(self) -> bool:
        """Whether the request was carried out."""
        return self.result == DONE


@dataclass(frozen=True, slots=True)
class CancelPlan:
    """The open commands that a cancellation is about.

    `kinds` counts the commands by type, state and reason for waiting. `one` is the command if exactly one was named.
    `last` is the number of the newest command that was counted.
    """

    selection: Selection
    kinds: Mapping[tuple[str, str, str], int]
    customers: int
    last: int
    one: Summary | None = None

    @property
    def commands(self) -> int:
        """How many commands are meant."""
        return sum(self.kinds.values())


async def living_workers(journal: OperatorJournal) -> Sequence[LivingWorker]:
    """The workers that are alive and can carry a request out."""
    return await journal.statistics.living_workers()


async def plan_cancel(
    journal: OperatorJournal,
    settings: Settings,
    selection: Selection,
    id: str | None = None,  # noqa: A002 - the attribute's name
    source: str | None = None,
) -> CancelPlan:
    """The open commands to cancel: the one with this id, or else all that match. Changes nothing.

    Raises `InvalidRequest` if neither an id nor a selection is given, `NothingFound`, and `NotPossible` for one command
    that is over.
    """
    if id is None and selection == Selection():
        raise InvalidRequest("say which commands: an ID, or what they have in common.", "See --help.")
    await check_partner(journal, settings, selection.partner)
    if id is not None:
        one = await find_command(journal, id, source)
        if one.state.known and not one.state.is_open:
            ended = f"{one.state}{f' ({one.code})' if one.code else ''}"
            raise NotPossible(f"{one.id} is over already: {ended}.", "What was answered stays answered.")
        return CancelPlan(selection, {(one.type, one.state.value, one.reason or ""): 1}, 1, one.seq, one)
    selection = replace(selection, open=True)
    found = await journal.commands.count(selection)
    if not found.commands:
        raise NothingFound(
            "no open command matches.", "What is over stays answered; `azplan commands list` shows what is."
        )
    return CancelPlan(selection, found.kinds, found.customers, found.last)


async def request_cancel(journal: OperatorJournal, signature: Signature, plan: CancelPlan) -> Sequence[int]:
    """Ask for the cancellation of the commands of this plan. The numbers of the requests, for `answers`."""
    return await ask(journal, signature, "cancel", _uids(journal, plan))


async def ask(
    journal: OperatorJournal,
    signature: Signature,
    verb: str,
    pages: AsyncIterable[Sequence[str]],
    details: Json = None,
) -> Sequence[int]:
    """Ask the same about each of these commands, which come in pages of uids. The numbers of the requests, ascending.

    Raises `NothingFound` if none of the commands is in the journal any more.
    """
    numbers = array("q")
    async for uids in pages:
        numbers.extend(await journal.requests.ask_each(signature.who, signature.why, verb, uids, details))
    if not numbers:
        raise NothingFound("what was meant has just been forgotten: it was over long ago.")
    return numbers


async def answers(journal: OperatorJournal, numbers: Sequence[int], seconds: float) -> AsyncIterator[Answered]:
    """The answers to these requests, in their order, as far as workers give them within so many seconds.

    Every request appears once; its `result` is None if the time was over before its answer.
    """
    until = _now() + seconds
    for start in range(0, len(numbers), AT_ONCE):
        page = numbers[start : start + AT_ONCE]
        results = await journal.requests.answers(page)
        while None in results.values() and _now() < until:
            await asyncio.sleep(min(LOOK_EVERY, until - _now()))
            results = await journal.requests.answers(page)
        commands = await journal.commands.named(list(results))
        for uid, result in results.items():
            if uid in commands:
                yield Answered(commands[uid], result)


async def _uids(journal: OperatorJournal, plan: CancelPlan) -> AsyncIterator[Sequence[str]]:
    """The commands of a plan, a page at a time. A command that came after the count is left alone."""
    if plan.one is not None:
        yield [plan.one.uid]
        return
    after = 0
    while page := await journal.commands.page(plan.selection, after, plan.last, AT_ONCE):
        after = page[-1].seq
        yield [each.uid for each in page]


def _now() -> float:
    return asyncio.get_running_loop().time()
