"""What a person asks of the worker: written into the journal, carried out by whoever owns the command's lane."""

import asyncio
from array import array
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final

import typer

from worker.cli.durations import DURATION, parse_duration, spoken
from worker.cli.exit_codes import Code, Stop
from worker.cli.output.terminal import json_array, say, show_table
from worker.cli.person import Signature
from worker.journal.operator_journal import OperatorJournal
from worker.journal.processing.requests import DONE
from worker.journal.reading.views import Summary
from worker.journal.records import Json
from worker.operators.message_types import short

LOOK_EVERY: Final = 0.1
AT_ONCE: Final = 200
"""Commands of which one transaction asks, and answers that one look reads."""
FEW: Final = 20
"""So many commands are shown one by one."""
NOT_YET: Final = "not carried out yet"

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


async def say_who_will(journal: OperatorJournal) -> bool:
    """Tell whether a worker lives that will carry a request out."""
    living = await journal.statistics.living_workers()
    if living:
        names = ", ".join(sorted({worker.name for worker in living}))
        say(f"{len(living)} {'worker lives' if len(living) == 1 else 'workers live'} to carry it out ({names}).")
    else:
        say("No worker lives now. It is carried out as soon as one runs: `azplan run`.")
    return bool(living)


async def request(
    journal: OperatorJournal,
    verb: str,
    pages: AsyncIterable[Sequence[str]],
    signature: Signature,
    wait: timedelta,
    *,
    details: Json = None,
    as_json: bool,
) -> None:
    """Ask the same about each of these commands, wait while somebody lives to answer, and print what came of it.

    The commands come in pages of uids, and the answers are read in pages. Raises Stop where not all was carried out.
    """
    numbers = array("q")
    async for uids in pages:
        numbers.extend(await journal.requests.ask_each(signature.who, signature.why, verb, uids, details))
    if not numbers:
        raise Stop(Code.NOTHING, "what was meant has just been forgotten: it was over long ago.")
    until = _now() + (wait.total_seconds() if await say_who_will(journal) else 0.0)
    tally = _Tally()
    with json_array() if as_json else nullcontext() as add:
        for start in range(0, len(numbers), AT_ONCE):
            for each in await _answers(journal, numbers[start : start + AT_ONCE], until):
                tally.count(each)
                if add:
                    add(_facts(verb, each))
    if not as_json:
        tally.show()
    tally.judge(wait)


async def one_page(command: Summary) -> AsyncIterator[Sequence[str]]:
    """One command alone, as the page that it is."""
    yield [command.uid]


async def _answers(journal: OperatorJournal, numbers: Sequence[int], until: float) -> list[Answered]:
    """What came of these requests by then, or as soon as all are answered."""
    results = await journal.requests.answers(numbers)
    while None in results.values() and _now() < until:
        await asyncio.sleep(min(LOOK_EVERY, until - _now()))
        results = await journal.requests.answers(numbers)
    commands = await journal.commands.named(list(results))
    return [Answered(commands[uid], result) for uid, result in results.items() if uid in commands]


class _Tally:
    """What came of the requests, counted; the first few are kept to be shown."""

    def __init__(self) -> None:
        self._done = 0
        self._refused = 0
        self._open = 0
        self._first: list[Answered] = []
        self._amiss: list[Answered] = []
        self._refusal = ""

    @property
    def _all(self) -> int:
        return self._done + self._refused + self._open

    def count(self, each: Answered) -> None:
        """One more."""
        if len(self._first) < FEW:
            self._first.append(each)
        if not each.done and len(self._amiss) < FEW:
            self._amiss.append(each)
        if each.result is None:
            self._open += 1
        elif each.done:
            self._done += 1
        else:
            self._refused += 1
            self._refusal = self._refusal or each.result

    def show(self) -> None:
        """Few one by one; of many how many, and the first that were not carried out."""
        if self._all <= FEW:
            _show_each(self._first)
            return
        rows = ((DONE, self._done), ("refused", self._refused), (NOT_YET, self._open))
        show_table(("result", "commands"), [(name, str(number)) for name, number in rows if number])
        if self._amiss:
            say(f"The first {len(self._amiss)} that were not carried out; --json tells of all:")
            _show_each(self._amiss)

    def judge(self, wait: timedelta) -> None:
        """Raises Stop where not all was carried out."""
        if self._open:
            raise Stop(
                Code.NO_ANSWER,
                f"{self._open} of {self._all} not carried out within {spoken(wait)}.",
                "They stay written down and are carried out by whoever owns the lane; see `azplan commands show`.",
            )
        if self._refused:
            raise Stop(Code.REFUSED, f"{self._refused} of {self._all} could not be carried out: {self._refusal}.")


def _show_each(answers: Sequence[Answered]) -> None:
    rows = [(short(each.command.type), each.command.id, each.result or NOT_YET) for each in answers]
    show_table(("type", "id", "result"), rows)


def _now() -> float:
    return asyncio.get_running_loop().time()


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
