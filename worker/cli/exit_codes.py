"""Exit codes, and which error ends a verb with which code: a sentence for the person, and what to do next."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from worker.broker.port import BrokerError, BrokerUnavailable, TopicMissing
from worker.errors import JournalMissing, JournalRefused, JournalUnavailable, WorkerError
from worker.files.errors import DestinationRefused, DestinationUnavailable
from worker.operators.errors import (
    InvalidRequest,
    InvalidValue,
    NoAnswer,
    NothingFound,
    NotPossible,
    NotReachable,
    OperatorError,
    Unsuccessful,
)
from worker.settings.model import SettingsError


class Code(IntEnum):
    """What the shell is told. From 64 on as in sysexits.h."""

    OK = 0
    FAILED = 1
    """It was tried and failed; with `send --wait`: CommandFailed."""
    USAGE = 2
    """The words of the command line do not fit."""
    NOTHING = 3
    """Nothing matched."""
    REFUSED = 4
    """CommandRejected."""
    NO_ANSWER = 5
    """No answer in the time given."""
    UNAVAILABLE = 69
    """A dependency is unavailable."""
    CONFIGURATION = 78
    INTERRUPTED = 130
    """By SIGINT."""
    TERMINATED = 143
    """By SIGTERM."""


OF_OPERATOR_ERRORS: Final[Mapping[type[OperatorError], Code]] = {
    InvalidValue: Code.USAGE,
    InvalidRequest: Code.USAGE,
    NothingFound: Code.NOTHING,
    NotPossible: Code.REFUSED,
    Unsuccessful: Code.FAILED,
    NoAnswer: Code.NO_ANSWER,
    NotReachable: Code.UNAVAILABLE,
}


class Stop(Exception):
    """A verb ends here. `advice` says what to do next."""

    def __init__(self, code: Code, message: str, advice: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.advice = advice


def stop_for(error: Exception) -> Stop | None:
    """How a verb ends on an error that a person can do something about; None for any other error."""
    match error:
        case Stop():
            return error
        case InvalidValue():
            return Stop(Code.USAGE, f"--{error.name} {error.message}", error.advice)
        case OperatorError():
            return Stop(OF_OPERATOR_ERRORS[type(error)], error.message, error.advice)
        case SettingsError():
            advice = "`azplan config show` shows what counts and where each value came from"
            return Stop(Code.CONFIGURATION, "\n".join(error.problems), advice)
        case DestinationUnavailable() | DestinationRefused():
            return _for_destination(error)
        case JournalUnavailable() | BrokerUnavailable() | TopicMissing():
            return Stop(Code.UNAVAILABLE, str(error), "`azplan check` looks at everything that the worker needs")
        case JournalMissing():
            advice = (
                "The first `azplan run` makes it. If you mean another journal, set AZPLAN_JOURNAL__URL. A "
                "relative path counts from the current folder."
            )
            return Stop(Code.NOTHING, f"{error}: azplan has stored nothing there.", advice)
        case JournalRefused() | BrokerError():
            return Stop(Code.CONFIGURATION, str(error))
        case WorkerError():
            return Stop(Code.FAILED, str(error))
        case _:
            return None


def _for_destination(error: DestinationUnavailable | DestinationRefused) -> Stop:
    """How a verb ends that reads files or removes them."""
    if isinstance(error, DestinationRefused):
        return Stop(Code.CONFIGURATION, error.detail, error.advice)
    return Stop(Code.UNAVAILABLE, error.detail, "`azplan check` looks at everything that the worker needs")
