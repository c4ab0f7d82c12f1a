"""How many requests of each resource family a run of a command makes, learned from earlier runs of its kind. Pure."""

import math
from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

Kind = tuple[str, str]
"""What makes runs alike: the type of the command, and its state when the run begins."""

LEARNS = 0.2
"""How far an estimate moves towards what one more run needed, if that is less."""
SELDOM = 0.3
"""A request that fewer runs than this part of all make is not expected."""


@dataclass(slots=True)
class _Run:
    """One run under way."""

    kind: Kind
    expected: Mapping[str, int] | None
    made: Counter[str] = field(default_factory=Counter)
    short_of: str | None = None
    """The family of the request for which the run got no slot."""


class RunNeeds:
    """The needs of kinds of runs, and what the runs under way still need."""

    def __init__(self) -> None:
        self._learned: dict[Kind, dict[str, float]] = {}
        self._under_way: dict[Hashable, _Run] = {}
        self._left: Counter[str] = Counter()
        self._runs: Counter[str] = Counter()

    def of(self, kind: Kind) -> Mapping[str, int] | None:
        """How many requests of which family a run of this kind is expected to make. None: no run of it has ended."""
        learned = self._learned.get(kind)
        if learned is None:
            return None
        return {family: number for family, each in learned.items() if (number := math.ceil(each - SELDOM)) > 0}

    def left(self, family: str) -> int:
        """How many requests of a family the runs under way are still expected to make."""
        return self._left[family]

    def runs(self, family: str) -> int:
        """How many runs under way are expected to make requests of a family."""
        return self._runs[family]

    def begin(self, who: Hashable, kind: Kind) -> None:
        """A run of `who` begins."""
        self.end(who)
        expected = self.of(kind)
        self._under_way[who] = _Run(kind, expected)
        self._left.update(expected or {})
        self._runs.update(dict.fromkeys(expected or {}, 1))

    def made(self, who: Hashable, family: str) -> None:
        """The run of `who` makes a request."""
        run = self._under_way.get(who)
        if run is not None:
            run.made[family] += 1
            if run.made[family] <= (run.expected or {}).get(family, 0):
                self._left[family] -= 1

    def fell_short(self, who: Hashable, family: str) -> None:
        """The run of `who` ends because it got no slot for a request of this family."""
        run = self._under_way.get(who)
        if run is not None:
            run.short_of = family

    def more(self, who: Hashable, family: str) -> int | None:
        """How many further requests of a family the run of `who` is expected to make. None if nobody knows."""
        run = self._under_way.get(who)
        if run is None or run.expected is None:
            return None
        return max(run.expected.get(family, 0) - run.made[family], 0)

    def end(self, who: Hashable) -> None:
        """The run of `who` has ended, if there is one. A run that ended early teaches what is needed at least."""
        run = self._under_way.pop(who, None)
        if run is None:
            return
        for family, number in (run.expected or {}).items():
            self._left[family] -= max(number - run.made[family], 0)
            self._runs[family] -= 1
        if run.short_of is not None:
            run.made[run.short_of] += 1
        learned = self._learned.setdefault(run.kind, {})
        for family in {*learned, *run.made}:
            before, now = learned.get(family, 0.0), float(run.made[family])
            if now > before or run.short_of is None:
                learned[family] = now if now > before else before + (now - before) * LEARNS
