"""Decides what a replay does with one command: one of six outcomes, from the known facts about it. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from events.codes import FailedCode
from worker.journal.records import State


class Outcome(StrEnum):
    """What a replay would do with a command."""

    NOTHING = "nothing"
    """The command is done, or on its way."""
    RE_EMIT = "reEmit"
    """The command is done, and its recorded events are published again: same ids, same bytes."""
    START = "start"
    """The command is not known here, and is taken in as if it had just arrived."""
    RESUME = "resume"
    """The command failed, and begins its next story at the steps that it had reached."""
    CONFLICT = "conflict"
    """The id of the command was used before, for other content."""
    NEEDS_PERSON = "needsPerson"
    """The replay does nothing. The detail says what a person can do."""


@dataclass(frozen=True, slots=True)
class Known:
    """A command as the journal remembers it. `archived`: a person has archived its dead letter."""

    uid: str
    type: str
    state: State
    code: str | None
    redrive: int
    pruned: bool = False
    archived: bool = False
    same_content: bool = True


@dataclass(frozen=True, slots=True)
class Wanted:
    """The wishes of the person beside the selection.

    `re_emit`: publish recorded events again. `insisted`: the person means every failed command of the selection, also
    an archived one or one with an unknown outcome.
    """

    re_emit: bool = False
    insisted: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """An outcome, and why."""

    outcome: Outcome
    detail: str


def decide(known: Known | None, *, readable: bool, too_old: bool, wanted: Wanted) -> Decision:
    """What a replay does with a command. `known` is None if the journal does not know its identity.

    `readable` and `too_old` describe the record, if there is one.
    """
    if not readable:
        return Decision(Outcome.NEEDS_PERSON, "the record cannot be read as a command: it is a dead letter")
    if known is None:
        if too_old:
            detail = "it is not known, and older than the journal remembers: look, then send it again with a new id"
            return Decision(Outcome.NEEDS_PERSON, detail)
        return Decision(Outcome.START, "it is not known here")
    if not known.same_content:
        return Decision(Outcome.CONFLICT, "its id was used before, for other content")
    if not known.state.known:
        detail = f"its state is {known.state.value!r}, which only a newer azplan understands: use the newer azplan"
        return Decision(Outcome.NEEDS_PERSON, detail)
    if known.state.is_open:
        return Decision(Outcome.NOTHING, "it is on its way")
    if known.state is State.FAILED:
        return _failed(known, wanted)
    if wanted.re_emit:
        return Decision(Outcome.RE_EMIT, "its recorded events are published again")
    return Decision(Outcome.NOTHING, f"it is done: {known.state}")


def _failed(known: Known, wanted: Wanted) -> Decision:
    if known.pruned:
        return Decision(Outcome.NEEDS_PERSON, "it failed, and its bytes are forgotten: send it again with a new id")
    if wanted.insisted:
        return Decision(Outcome.RESUME, f"it failed with {known.code}")
    if known.archived:
        return Decision(Outcome.NEEDS_PERSON, "it failed, and a person archived it: `azplan dead-letters restore`")
    if known.code == FailedCode.OUTCOME_UNKNOWN:
        detail = "it is not known whether it took effect: `azplan commands show`, then `azplan commands resolve`"
        return Decision(Outcome.NEEDS_PERSON, detail)
    return Decision(Outcome.RESUME, f"it failed with {known.code}")
