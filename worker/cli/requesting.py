"""What a person asks of the worker: written into the journal, carried out by whoever owns the command's lane."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final

import typer

from worker.cli.durations import DURATION, parse_duration, spoken
from worker.cli.exits import Code, Stop
from worker.cli.person import Signature
from worker.cli.printing import say, show_json, show_table
from worker.cli.types import short
from worker.journal import counts
from worker.journal.acts import DONE, Acts
from worker.journal.journal import Journal
from worker.journal.records import Json
from worker.journal.sql import Transaction
from worker.journal.views import Summary

LOOK_EVERY: Final = 0.1
AT_ONCE: Final = 200
"""Requests that are written side by side, which the journal then commits together."""

Wait = Annotated[
    timedelta,
    typer.Option(parser=parse_duration, metavar=DURATION, help="Wait so long until the worker has carried it out."),
]
PATIENCE: Final = "30s"


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a request about a command. `result` is None while nobody has carried it out."""

    command: Summary
    result: str | None

    @property
    def done(self) -> bool:
        """Whether it was carried out."""
        return self.result == DONE


async def say_who_will(journal: Journal) -> bool:
    """Tell whether a worker lives that will carry a request out."""
    living = await journal.read(counts.living)
    if living:
        names = ", ".join(sorted({worker.name for worker in living}))
        say(f"{len(living)} {'worker lives' if len(living) == 1 else 'workers live'} to carry it out ({names}).")
    else:
        say("No worker lives now. It is carried out as soon as one runs: `azplan run`.")
    return bool(living)


async def request(
    journal: Journal,
    verb: str,
    commands: Sequence[Summary],
    signature: Signature,
    wait: timedelta,
    *,
    details: Json = None,
) -> list[Answered]:
    """Ask the same about each of these commands, and wait for the answers while somebody lives to give them."""
    acts, numbers = Acts(journal), list[int]()
    for start in range(0, len(commands), AT_ONCE):
        portion = commands[start : start + AT_ONCE]
        asked = (acts.ask(signature.who, signature.why, verb, each.uid, details) for each in portion)
        numbers.extend(await asyncio.gather(*asked))
    seconds = wait.total_seconds() if await say_who_will(journal) else 0.0
    results = await _answers(journal, numbers, seconds)
    return [Answered(each, results.get(number)) for each, number in zip(commands, numbers, strict=True)]


async def _answers(journal: Journal, numbers: Sequence[int], seconds: float) -> dict[int, str]:
    async def look(tx: Transaction) -> dict[int, str]:
        rows = await tx.rows(
            "SELECT seq, result FROM act WHERE seq BETWEEN ? AND ? AND done_at IS NOT NULL", min(numbers), max(numbers)
        )
        return {row["seq"]: row["result"] for row in rows if row["seq"] in wanted}

    wanted, found = set(numbers), dict[int, str]()
    try:
        async with asyncio.timeout(seconds):
            while True:
                found = await journal.read(look)
                if len(found) == len(wanted):
                    return found
                await asyncio.sleep(LOOK_EVERY)
    except TimeoutError:
        return found


def show_answers(verb: str, answers: Sequence[Answered], wait: timedelta, *, as_json: bool) -> None:
    """Print what came of it. Raises Stop where not all was carried out."""
    if as_json:
        show_json([_facts(verb, each) for each in answers])
    else:
        rows = [(short(each.command.type), each.command.id, each.result or "not carried out yet") for each in answers]
        show_table(("type", "id", "result"), rows)
    open_ = [each for each in answers if each.result is None]
    refused = [each for each in answers if each.result is not None and not each.done]
    if open_:
        raise Stop(
            Code.NO_ANSWER,
            f"{len(open_)} of {len(answers)} not carried out within {spoken(wait)}.",
            "They stay written down and are carried out by whoever owns the lane; see `azplan commands show`.",
        )
    if refused:
        raise Stop(Code.REFUSED, f"{len(refused)} of {len(answers)} could not be carried out: {refused[0].result}.")


def _facts(verb: str, answered: Answered) -> dict[str, Any]:
    command = answered.command
    return {
        "id": command.id,
        "source": command.source,
        "type": command.type,
        "customerId": command.customer,
        "partner": command.partner,
        "request": verb,
        "done": answered.done,
        "result": answered.result,
    }
