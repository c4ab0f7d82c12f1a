"""A person beside a world of workers: writes requests into the journal and reads what came of them."""

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
    """The journal, opened by somebody who is no worker."""
    journal = OperatorJournal(Transactions(world._make_engine(world.clock), world.clock))
    await journal.open()
    try:
        yield journal
    finally:
        await journal.close()


async def ask(world: World, verb: str, command_id: str, details: Json = None) -> str:
    """Ask for something to be done to a command, and wait for what was answered."""
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
    """True when so many virtual seconds have passed from now."""
    end = world.clock.monotonic() + seconds
    return lambda: world.clock.monotonic() >= end


def uid(command_id: str) -> str:
    """The journal's name of a command of this world."""
    return str(command_uid(SOURCE, command_id))


def types(world: World, command_id: str) -> list[str]:
    """What was said of a command: the names of the events with their stories."""
    return [f"{type(each.event).__name__} {each.event.redrive}" for each in world.said(command_id)]
