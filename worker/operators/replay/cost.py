"""Estimates the cost of a replay: calls of Partner Center, and the time that they take within the quota. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

UNSEEN = 12.0
"""Expected calls of a command of a type that has never run here: about as many as a purchase of a plan makes."""
MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Expected:
    """Calls, and the seconds that they take at the ceilings of their accounts."""

    calls: int
    seconds: int


def expect(
    commands: Iterable[tuple[str, str]], calls_of: Mapping[str, float], per_minute: Mapping[str, int]
) -> Expected:
    """The expected cost of `commands`, as (account, type). `calls_of` has the average number of calls of each type.

    `per_minute` is the ceiling of each account for one family. The estimate is the longest time, in which all calls are
    of one family. Accounts do not wait for each other.
    """
    calls: dict[str, float] = {}
    for account, kind in commands:
        calls[account] = calls.get(account, 0.0) + calls_of.get(kind, UNSEEN)
    seconds = [number / per_minute[account] * MINUTE for account, number in calls.items() if account in per_minute]
    return Expected(round(sum(calls.values())), round(max(seconds, default=0.0)))
