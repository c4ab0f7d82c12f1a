"""A command whose outcome at Microsoft is unknown: the evidence, and the two decisions of the person who looked."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from events.codes import FailedCode
from worker.journal.operator_journal import OperatorJournal
from worker.journal.reading.views import Story, Summary
from worker.journal.records import Call, Resolution, State, Step
from worker.operators.command_reports import find_command
from worker.operators.errors import NotPossible
from worker.operators.requests import ask
from worker.operators.who_and_why import Signature

DECISIONS: Mapping[Resolution, str] = {
    Resolution.APPLIED: "you found it there: the worker looks once more and answers with that; it buys nothing",
    Resolution.NOT_APPLIED: "it is not there: the worker closes what was begun for good and starts over; it may buy",
}
"""The decisions, and what the worker does after each."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A write whose end is unknown, and the last call that tried the write."""

    step: Step
    call: Call | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a person decides by.

    `doubts` is empty if every write was answered and only its effect never showed. `holds` are the effects that a
    later command of the customer is refused because of this one (`earlier_outcome_unknown`). `look` is the last read.
    """

    id: str
    doubts: tuple[Doubt, ...]
    holds: tuple[str, ...]
    look: Call | None


def evidence(story: Story) -> Evidence | None:
    """The evidence of a command whose outcome is unknown; None for any other command."""
    command = story.command
    doubts = tuple(Doubt(step, _last(story, step.name)) for step in story.steps if step.in_doubt)
    unknown = command.code == FailedCode.OUTCOME_UNKNOWN or doubts or story.effects
    if command.state is not State.FAILED or not unknown:
        return None
    return Evidence(command.id, doubts, tuple(story.effects), _last(story, ""))


async def command_to_resolve(journal: OperatorJournal, id: str, source: str | None = None) -> Summary:  # noqa: A002
    """The failed command with this id. Raises `NotPossible` if it has not failed, and as `find_command` does."""
    command = await find_command(journal, id, source)
    if command.state is not State.FAILED:
        raise NotPossible(f"{command.id} has not failed: it is {command.state}.", "There is nothing to resolve.")
    return command


async def request_resolve(
    journal: OperatorJournal, signature: Signature, command: Summary, decision: Resolution
) -> Sequence[int]:
    """Ask for the command's next story, begun with this decision. The number of the request, for `answers`."""

    async def one() -> AsyncIterator[Sequence[str]]:
        yield [command.uid]

    return await ask(journal, signature, "resolve", one(), {"found": decision.value})


def _last(story: Story, step: str) -> Call | None:
    return next((call for call in reversed(story.calls) if call.step == step), None)
