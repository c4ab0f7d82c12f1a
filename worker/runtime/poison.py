"""A storm of dead letters on a partition: it is left alone, and looked at again after ever longer pauses. Pure.

One sender gone wrong would otherwise drain its whole partition into dead letters, faster than anybody can look. What
the pause holds up stays in Kafka, and what comes on other partitions goes on.
"""

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from worker.broker.port import Partition

FIRST_PAUSE = 5.0
LONGEST_PAUSE = 300.0
QUIET = 60.0
"""Seconds without enough records to judge by after which a partition that is looked at again counts as well."""
PROBE = 20
"""Records that are read at most to see whether the storm is over."""


@dataclass(slots=True)
class _Watched:
    """One partition: its last records (true for a dead letter), and its pause where it has one."""

    last: deque[bool]
    until: float | None = None
    pause: float = 0.0
    probing: bool = False
    probe: list[bool] = field(default_factory=list)


class Poison:
    """Judges partitions by the share of dead letters among their last records. A window of 0 judges none."""

    def __init__(self, window: int, share: float) -> None:
        self._window = window
        self._share = share
        self._watched: dict[Partition, _Watched] = {}

    def took(self, partition: Partition, dead: Iterable[bool], now: float) -> bool:
        """What became of records, in their order: true for each that became a dead letter.

        True where this is what the partition is paused for from now on.
        """
        if self._window == 0:
            return False
        watched = self._watched.setdefault(partition, _Watched(deque(maxlen=self._window)))
        results = list(dead)
        watched.last.extend(results)
        if watched.probing:
            watched.probe.extend(results)
            return self._probed(watched, now)
        if len(watched.last) == self._window and self._too_many(watched.last):
            self._pause(watched, now)
            return True
        return False

    def held(self, now: float, assignment: Collection[Partition]) -> set[Partition]:
        """The partitions that are not to be read now. Those that are not held any more are somebody else's to judge."""
        for partition in [each for each in self._watched if assignment and each not in assignment]:
            del self._watched[partition]
        held = set()
        for partition, watched in self._watched.items():
            if watched.until is None:
                continue
            if now < watched.until:
                held.add(partition)
            elif not watched.probing:
                # Counted from now on: intake may have been held back for other reasons since the pause was over.
                watched.probing, watched.probe, watched.until = True, [], now
            elif now >= watched.until + QUIET:
                self._clear(watched)
        return held

    @property
    def probing(self) -> bool:
        """Whether a partition is being looked at again, so that only little is to be read."""
        return any(watched.probing for watched in self._watched.values())

    def pauses(self) -> dict[Partition, float]:
        """The partitions that are paused or being looked at again, and for how many seconds each was paused last."""
        return {partition: watched.pause for partition, watched in self._watched.items() if watched.until is not None}

    def complaints(self) -> list[str]:
        """The partitions that are paused or being looked at again, as sentences."""
        return [
            f"partition {partition.number} of {partition.topic} is paused: more than {self._share:.0%} of its last "
            f"{self._window} records became dead letters; it is looked at again every {watched.pause:.0f} s or later"
            for partition, watched in sorted(self._watched.items())
            if watched.until is not None
        ]

    def _probed(self, watched: _Watched, now: float) -> bool:
        """The storm is over when a probe has no more dead letters than any partition may have."""
        if len(watched.probe) < min(PROBE, self._window):
            return False
        if self._too_many(watched.probe):
            self._pause(watched, now)
            return True
        self._clear(watched)
        return False

    def _clear(self, watched: _Watched) -> None:
        watched.until, watched.pause, watched.probing = None, 0.0, False
        watched.last.clear()

    def _pause(self, watched: _Watched, now: float) -> None:
        watched.pause = min(LONGEST_PAUSE, max(FIRST_PAUSE, 2 * watched.pause))
        watched.until, watched.probing = now + watched.pause, False

    def _too_many(self, results: Collection[bool]) -> bool:
        return sum(results) > self._share * len(results)
