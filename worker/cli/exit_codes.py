"""Exit codes, and the exception with which a verb ends early: a sentence for the person, and what to do next."""

from enum import IntEnum

from worker.broker.port import BrokerError, BrokerUnavailable, TopicMissing
from worker.errors import JournalMissing, JournalRefused, JournalUnavailable, WorkerError
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


class Stop(Exception):
    """A verb ends here. `advice` says what to do next."""

    def __init__(self, code: Code, message: str, advice: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.advice = advice


def stop_for(error: Exception) -> Stop | None:
    """How a verb ends on an error that somebody can do something about; None for any other."""
    match error:
        case Stop():
            return error
        case SettingsError():
            advice = "`azplan config show` shows what counts and where each value came from"
            return Stop(Code.CONFIGURATION, "\n".join(error.problems), advice)
        case JournalUnavailable() | BrokerUnavailable() | TopicMissing():
            return Stop(Code.UNAVAILABLE, str(error), "`azplan check` looks at everything that the worker needs")
        case JournalMissing():
            advice = (
                "The first `azplan run` makes it. Where you mean another, set AZPLAN_JOURNAL__URL; a relative path "
                "counts from the folder that you are in."
            )
            return Stop(Code.NOTHING, f"{error}: nothing was ever taken in there.", advice)
        case JournalRefused() | BrokerError():
            return Stop(Code.CONFIGURATION, str(error))
        case WorkerError():
            return Stop(Code.FAILED, str(error))
        case _:
            return None
