"""What a check found, as a value."""

from dataclasses import dataclass
from enum import StrEnum


class Result(StrEnum):
    """How a check ended."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"
    WARNING = "warning"


class Problem(StrEnum):
    """What kind of problem a failed check found."""

    CONFIGURATION = "configuration"
    """A setting is wrong, or a right is missing."""
    UNAVAILABLE = "unavailable"
    """A service does not answer, or something is not there."""
    REFUSED = "refused"
    """Microsoft refuses the call."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. `advice` says what to do; `problem` is None unless the check failed."""

    check: str
    result: Result
    detail: str
    advice: str | None = None
    partner: str | None = None
    problem: Problem | None = None


def ok(check: str, detail: str, partner: str | None = None) -> Finding:
    """The check found nothing wrong."""
    return Finding(check, Result.OK, detail, partner=partner)


def warning(check: str, detail: str, advice: str | None = None, partner: str | None = None) -> Finding:
    """The check found something that a person should know, and that does not fail the check."""
    return Finding(check, Result.WARNING, detail, advice, partner)


def skipped(check: str, because: str, partner: str | None = None) -> Finding:
    """The check was not made."""
    return Finding(check, Result.SKIPPED, f"not looked at, because {because}", partner=partner)


def failed(check: str, problem: Problem, detail: str, advice: str, partner: str | None = None) -> Finding:
    """The check found a problem."""
    return Finding(check, Result.FAILED, detail, advice, partner, problem)
