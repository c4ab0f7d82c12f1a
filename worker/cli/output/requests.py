"""Which workers carry requests out, and what they answered."""

from collections.abc import AsyncIterator, Sequence
from contextlib import nullcontext
from datetime import timedelta
from typing import Any, Final

from worker.cli.output.console import say
from worker.cli.output.json import json_array
from worker.cli.output.tables import show_table
from worker.journal.reading.counts import LivingWorker
from worker.operators.errors import NoAnswer, NotPossible
from worker.operators.requests import DONE, Answered
from worker.operators.wording.durations import spoken
from worker.operators.wording.message_types import short

FEW: Final = 20
"""How many commands are shown one by one."""
NOT_YET: Final = "not carried out yet"


def applied_by(workers: Sequence[LivingWorker]) -> str:
    """How many workers apply a change, as a sentence."""
    number = len(workers)
    if number == 0:
        return "No worker runs now; a worker that starts applies this."
    return f"{number} {'worker applies' if number == 1 else 'workers apply'} this within a second."


def say_who_will(workers: Sequence[LivingWorker]) -> None:
    """Tell which workers are alive to carry a request out."""
    if workers:
        names = ", ".join(sorted({worker.name for worker in workers}))
        say(f"{len(workers)} {'worker lives' if len(workers) == 1 else 'workers live'} to carry it out ({names}).")
    else:
        say("No worker lives now. It is carried out as soon as one runs: `azplan run`.")


async def show_answers(verb: str, answers: AsyncIterator[Answered], wait: timedelta, *, as_json: bool) -> None:
    """Print the answer about each command. Raises `NoAnswer` or `NotPossible` if not all was carried out."""
    tally = _Tally()
    with json_array() if as_json else nullcontext() as add:
        async for each in answers:
            tally.count(each)
            if add:
                add(_facts(verb, each))
    if not as_json:
        tally.show()
    tally.judge(wait)


class _Tally:
    """The answers, counted; the first few are kept to be shown."""

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
        """Count one more answer."""
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
        """Print a few answers one by one; of many the numbers, and the first that were not carried out."""
        if self._all <= FEW:
            _show_each(self._first)
            return
        rows = ((DONE, self._done), ("refused", self._refused), (NOT_YET, self._open))
        show_table(("result", "commands"), [(name, str(number)) for name, number in rows if number])
        if self._amiss:
            say(f"The first {len(self._amiss)} that were not carried out; --json tells of all:")
            _show_each(self._amiss)

    def judge(self, wait: timedelta) -> None:
        """Raises `NoAnswer` or `NotPossible` if not all was carried out."""
        if self._open:
            raise NoAnswer(
                f"{self._open} of {self._all} not carried out within {spoken(wait)}.",
                "They stay written down, and the worker that owns the lane carries them out; "
                "see `azplan commands show`.",
            )
        if self._refused:
            raise NotPossible(f"{self._refused} of {self._all} could not be carried out: {self._refusal}.")


def _show_each(answers: Sequence[Answered]) -> None:
    rows = [(short(each.command.type), each.command.id, each.result or NOT_YET) for each in answers]
    show_table(("type", "id", "result"), rows)


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
