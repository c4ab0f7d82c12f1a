"""The states that stand in columns, including states that only a newer azplan knows."""

from enum import StrEnum
from typing import Self


class Word(StrEnum):
    """A word in a column. A word that only a newer azplan knows stays as it is: it equals no member, and `known` is
    False."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        word = str.__new__(cls, value)
        word._name_, word._value_ = "", value
        return word

    @property
    def known(self) -> bool:
        """Whether this azplan knows the word."""
        return bool(self.name)


class State(Word):
    """Where a command stands. The first two are open; the others are final until a person redrives."""

    ACCEPTED = "accepted"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    REJECTED = "rejected"
    FAILED = "failed"

    @property
    def is_open(self) -> bool:
        """True while the story of the command has no terminal event."""
        return self in (State.ACCEPTED, State.WAITING)


class StepState(Word):
    """The known state of a write at Partner Center."""

    INTENDED = "intended"
    APPLIED = "applied"
    NOT_APPLIED = "not_applied"


class Resolution(Word):
    """The finding of a person about an effect with an unknown outcome."""

    APPLIED = "applied"
    NOT_APPLIED = "not_applied"
