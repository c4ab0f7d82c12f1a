"""Why something that a person asked for is not done, and what the person can do next.

OperatorError
├── InvalidRequest     the request contradicts itself, or does not say enough
│   └── InvalidValue   one value of the request cannot be right
├── NothingFound       nothing matches the request
├── NotPossible        the request is understood, and the present state does not allow it
├── Unsuccessful       the request was carried out, and some of it failed
├── NoAnswer           no answer came within the time that the person gave
└── NotReachable       a worker or a service that the request needs is not there

Errors of the journal, of the broker and of the settings pass through every function of this package.
"""


class OperatorError(Exception):
    """A request of a person is not done. `message` says why, `advice` what to do next; None if there is no advice."""

    def __init__(self, message: str, advice: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


class InvalidRequest(OperatorError):
    """The request contradicts itself, or does not say enough. Nothing was changed."""


class InvalidValue(InvalidRequest):
    """One value of the request cannot be right. `name` names the value; `message` goes on after the name."""

    def __init__(self, name: str, message: str, advice: str | None = None) -> None:
        super().__init__(message, advice)
        self.name = name


class NothingFound(OperatorError):
    """Nothing matches the request. Nothing was changed."""


class NotPossible(OperatorError):
    """The present state does not allow the request."""


class Unsuccessful(OperatorError):
    """The request was carried out, and some of it failed."""


class NoAnswer(OperatorError):
    """No answer came in time. The work that was asked for goes on."""


class NotReachable(OperatorError):
    """A worker or a service that the request needs is not there."""
