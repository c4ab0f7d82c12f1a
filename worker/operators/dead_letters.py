"""Dead letters as a person deals with them: listed, read, put aside, taken back, or redriven."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final, Literal

from events.codes import FailedCode
from events.wire.record import Record
from worker.journal.operating.replay_items import ReplayPlan
from worker.journal.operator_journal import OperatorJournal
from worker.journal.reading.dead_letter_search import DeadLetterGroup, FoundDeadLetter
from worker.journal.records import Micros, Pause
from worker.journal.selection import Selection
from worker.operators.errors import InvalidRequest, NothingFound, NotPossible
from worker.operators.replay.candidates import Candidate, of_commands
from worker.operators.replay.decisions import Wanted
from worker.operators.replay.planning import Order, make
from worker.operators.replay.plans import calls_per_minute
from worker.operators.selection import check_partner
from worker.operators.who_and_why import Signature
from worker.settings.model import Settings

PAGE: Final = 200
"""How many dead letters one transaction reads, and changes."""
OTHERS: Final = "`azplan dead-letters list`, with --state archived or redriven for the others, shows what there is."
REDRIVABLE: Final = frozenset(code.value for code in FailedCode)
"""The codes of dead letters that are commands. The other codes belong to records that never became commands."""


class LetterState(StrEnum):
    """The states of a dead letter."""

    OPEN = "open"
    REDRIVEN = "redriven"
    ARCHIVED = "archived"


@dataclass(frozen=True, slots=True)
class DeadLetterList:
    """Dead letters: `groups` counts all that match, `letters` are the newest. `pauses` are the pauses in force."""

    groups: Sequence[DeadLetterGroup]
    letters: Sequence[FoundDeadLetter]
    pauses: Sequence[Pause]
    now: Micros


@dataclass(frozen=True, slots=True)
class DeadLetterChoice:
    """The dead letters that a change is about: those with these `numbers`, or all that match up to number `last`.

    `codes` counts them by code. All of them are in `state`.
    """

    selection: Selection
    state: LetterState
    numbers: Sequence[int]
    last: int
    codes: Mapping[str, int]

    @property
    def letters(self) -> int:
        """How many dead letters are meant."""
        return sum(self.codes.values())

    @property
    def never_commands(self) -> int:
        """How many of them never became commands, and so cannot be redriven."""
        return sum(number for code, number in self.codes.items() if code not in REDRIVABLE)


async def list_dead_letters(
    journal: OperatorJournal,
    settings: Settings,
    selection: Selection,
    *,
    state: LetterState = LetterState.OPEN,
    limit: int = 100,
) -> DeadLetterList:
    """The dead letters that match, the newest first, at most `limit`; 0 for all.

    Raises `InvalidValue` for a partner account that does not exist.
    """
    await check_partner(journal, settings, selection.partner)
    held = await journal.pauses.in_force()
    groups = await journal.dead_letters.groups(selection, state)
    return DeadLetterList(groups, await journal.dead_letters.search(selection, state, limit), held, journal.now())


async def read_dead_letter(journal: OperatorJournal, number: int) -> tuple[FoundDeadLetter, Record | None]:
    """A dead letter and its record; None if the record's bytes are forgotten. Raises `NothingFound`."""
    return await _numbered(journal, number), await journal.dead_letters.original(number)


async def choose_dead_letters(
    journal: OperatorJournal,
    settings: Settings,
    selection: Selection,
    *,
    numbers: Sequence[int] = (),
    state: LetterState = LetterState.OPEN,
    every: bool = False,
) -> DeadLetterChoice:
    """The dead letters in this state that are meant: by their numbers, by a selection, or every one. Changes nothing.

    Raises `InvalidRequest` if it is not said which, `NotPossible` for a number in another state, and `NothingFound`.
    """
    await check_partner(journal, settings, selection.partner)
    numbers, codes = list(dict.fromkeys(numbers)), Counter[str]()
    for number in numbers:
        letter = (await _numbered(journal, number)).letter
        if letter.state != state:
            raise NotPossible(f"dead letter {number} is {letter.state}, not {state}.", OTHERS)
        codes[letter.code] += 1
    if numbers:
        return DeadLetterChoice(selection, state, numbers, max(numbers), codes)
    if not every and selection == Selection():
        raise InvalidRequest("say which dead letters: numbers, what they have in common, or --all.", "See --help.")
    found = await journal.dead_letters.groups(selection, state)
    if not found:
        raise NothingFound(f"no {state} dead letter matches.", OTHERS)
    for group in found:
        codes[group.code] += group.number
    return DeadLetterChoice(selection, state, (), max(group.example for group in found), codes)


async def move_dead_letters(
    journal: OperatorJournal, signature: Signature, choice: DeadLetterChoice, verb: Literal["archive", "restore"]
) -> AsyncIterator[tuple[int, Sequence[int]]]:
    """Put these dead letters aside, or take them back, a page at a time.

    For each page: how many were moved, and the numbers of all of the page; `dead_letters_numbered` reads them again.
    """
    change = journal.dead_letters.archive if verb == "archive" else journal.dead_letters.restore
    async for page in _pages(journal, choice):
        some = [each.letter.seq for each in page]
        yield await change(signature.who, signature.why, some), some


async def dead_letters_numbered(journal: OperatorJournal, numbers: Sequence[int]) -> Sequence[FoundDeadLetter]:
    """The dead letters with these numbers, in this order, as they stand now."""
    return await journal.dead_letters.these(numbers)


async def plan_redrive(
    journal: OperatorJournal, settings: Settings, signature: Signature, choice: DeadLetterChoice
) -> ReplayPlan:
    """A replay plan that begins the next story of each command among these dead letters. Changes no command.

    Raises `NotPossible` if none of the dead letters is a command.
    """
    if choice.never_commands == choice.letters:
        raise NotPossible("none of them can be redriven.", "`azplan dead-letters archive` puts them aside.")
    order = Order(signature.who, signature.why, _asked(choice), Wanted(insisted=True))
    return await make(journal, _candidates(journal, choice), order, calls_per_minute(settings))


async def _numbered(journal: OperatorJournal, number: int) -> FoundDeadLetter:
    found = await journal.dead_letters.numbered(number)
    if found is None:
        raise NothingFound(f"there is no dead letter {number}.", "`azplan dead-letters list` shows them.")
    return found


async def _pages(journal: OperatorJournal, choice: DeadLetterChoice) -> AsyncIterator[Sequence[FoundDeadLetter]]:
    """The chosen dead letters, a page at a time: as they were named, or the oldest first."""
    if choice.numbers:
        for start in range(0, len(choice.numbers), PAGE):
            yield await journal.dead_letters.these(choice.numbers[start : start + PAGE])
        return
    after = 0
    while page := await journal.dead_letters.following(choice.selection, choice.state, after, choice.last, PAGE):
        after = page[-1].letter.seq
        yield page


async def _uids(journal: OperatorJournal, choice: DeadLetterChoice) -> AsyncIterator[Sequence[str]]:
    """The commands among the chosen dead letters, each once, a page at a time."""
    if choice.numbers:
        named = [each.letter async for page in _pages(journal, choice) for each in page]
        yield list(dict.fromkeys(letter.uid for letter in named if letter.uid and letter.code in REDRIVABLE))
        return
    after, codes = 0, sorted(REDRIVABLE)
    while page := await journal.dead_letters.commands_of(
        choice.selection, choice.state, codes, after, choice.last, PAGE
    ):
        after = page[-1][0]
        yield [uid for _, uid in page]


async def _candidates(journal: OperatorJournal, choice: DeadLetterChoice) -> AsyncIterator[Candidate]:
    async for uids in _uids(journal, choice):
        for candidate in await of_commands(journal, uids):
            yield candidate


def _asked(choice: DeadLetterChoice) -> dict[str, Any]:
    """The choice, as the replay plan keeps it."""
    if choice.numbers:
        return {"deadLetters": list(choice.numbers)}
    given = {name: word for name, word in asdict(choice.selection).items() if word not in (None, False)}
    return {"deadLetters": {"state": choice.state.value, **given, "last": choice.last}}
