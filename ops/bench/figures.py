"""The arithmetic of the benchmark: percentiles, rates, ratios. Pure."""

from collections.abc import Mapping, Sequence
from math import ceil
from statistics import median

Times = Mapping[str, float]
"""A time in seconds for each command, by its id."""


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of all values do not exceed (nearest rank). Raises on no values."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]


def middle_rate(answered: Sequence[float], *, cut: float = 0.05) -> float:
    """Answers a second between the first and the last `cut` of them: without start and end of a run.

    Raises ValueError for fewer than three answers.
    """
    ordered = sorted(answered)
    least, most = int(len(ordered) * cut), len(ordered) - 1 - int(len(ordered) * cut)
    if most <= least or ordered[most] <= ordered[least]:
        raise ValueError(f"{len(ordered)} answers make no rate")
    return (most - least) / (ordered[most] - ordered[least])


def latencies(sent: Times, answered: Times) -> list[float]:
    """Seconds from sending to answer of each answered command."""
    return [at - sent[name] for name, at in answered.items()]


def bound(concurrency: int, calls: float, delay: float) -> float:
    """Commands a second that `concurrency` at once can reach if each makes `calls` calls of `delay` seconds."""
    return concurrency / (calls * delay)


def ratio(rounds: Sequence[float], base: Sequence[float]) -> float:
    """The median over the rounds of each round's value divided by the base's value in the same round."""
    return median(one / other for one, other in zip(rounds, base, strict=True))
