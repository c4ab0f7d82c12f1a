"""What a replay would cost: calls of Partner Center, and the time that they take within the quota. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

UNSEEN = 12.0
"""Calls that a command is expected to make whose type has never run here: about what buying a plan takes."""
MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Expected:
    """Calls, and the seconds that they take at the ceilings of their accounts."""

    calls: int
    seconds: int


def expect(
    commands: Iterable[tuple[str, str]], calls_of: Mapping[str, float], per_minute: Mapping[str, int]
) -> Expected:
    """`commands` are (account, type) of those that would run; `calls_of` is what a type has called on average.

    `per_minute` is the ceiling of each account, which holds for every resource family: that all calls fell into one
    family is the longest that it can take. Accounts do not wait for each other.
    """
    calls: dict[str, float] = {}
    for account, kind in commands:
        calls[account] = calls.get(account, 0.0) + calls_of.get(kind, UNSEEN)
    seconds = [number / per_minute[account] * MINUTE for account, number in calls.items() if account in per_minute]
    return Expected(round(sum(calls.values())), round(max(seconds, default=0.0)))
