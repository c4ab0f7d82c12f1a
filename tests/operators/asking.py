"""A person beside a world of workers: writes requests into the journal and reads their answers."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from events.wire.identity import command_uid
from tests.support.harness import SOURCE, World
from worker.journal.database.transactions import Transactions
from worker.journal.operator_journal import OperatorJournal
from worker.journal.records import Json

WHO, WHY = "ada@desk", "the ordering system went wrong"


@asynccontextmanager
async def beside(world: World) -> AsyncIterator[OperatorJournal]:
    """The journal, opened by a person and not by a worker."""
    journal = OperatorJournal(Transactions(world._make_engine(world.clock), world.clock))
    await journal.open()
    try:
        yield journal
    finally:
        await journal.close()


async def ask(world: World, verb: str, command_id: str, details: Json = None) -> str:
    """Make a request about a command, and wait for the answer."""
    async with beside(world) as journal:
        acts = journal.requests
        number = await acts.ask(WHO, WHY, verb, uid(command_id), details)
        answers: list[str] = []

        async def look() -> None:
            answer = await acts.answer(number)
            if answer is not None:
                answers.append(answer)

        for _ in range(60):
            await look()
            if answers:
                return answers[0]
            await world.until(later(world, 1.0), "a second has passed")
        raise AssertionError(f"nobody has carried out {verb} of {command_id} within a minute")


def later(world: World, seconds: float) -> Callable[[], bool]:
    """Returns a function that is true once this many virtual seconds have passed."""
    end = world.clock.monotonic() + seconds
    return lambda: world.clock.monotonic() >= end


def uid(command_id: str) -> str:
    """The journal's name of a command of this world."""
    return str(command_uid(SOURCE, command_id))


def types(world: World, command_id: str) -> list[str]:
    """The published events of a command: their names with their stories."""
    return [f"{type(each.event).__name__} {each.event.redrive}" for each in world.said(command_id)]
