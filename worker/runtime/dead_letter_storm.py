"""Pauses a partition that brings a storm of dead letters, and probes it after ever longer pauses. Pure.

One broken sender would otherwise turn its whole partition into dead letters, faster than a person can look. Records
that the pause holds up stay in Kafka, and other partitions go on.
"""

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from worker.broker.port import Partition

FIRST_PAUSE = 5.0
LONGEST_PAUSE = 300.0
QUIET = 60.0
"""Seconds after which a probed partition without enough records to judge counts as healthy."""
PROBE = 20
"""The most records that a probe reads."""


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
        """Note what became of records, in their order: True for each that became a dead letter.

        True if the partition is paused from now on because of these records.
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
        """The partitions that must not be read now. Partitions outside `assignment` are forgotten: others read them."""
        for partition in [each for each in self._watched if assignment and each not in assignment]:
            del self._watched[partition]
        held = set()
        for partition, watched in self._watched.items():
            if watched.until is None:
                continue
            if now < watched.until:
                held.add(partition)
            elif not watched.probing:
                # The probe begins now: intake may have been held back for other reasons since the pause ended.
                watched.probing, watched.probe, watched.until = True, [], now
            elif now >= watched.until + QUIET:
                self._clear(watched)
        return held

    @property
    def probing(self) -> bool:
        """Whether a partition is being probed: then only few records are read."""
        return any(watched.probing for watched in self._watched.values())

    def pauses(self) -> dict[Partition, float]:
        """The partitions that are paused or probed, and for how many seconds each was paused last."""
        return {partition: watched.pause for partition, watched in self._watched.items() if watched.until is not None}

    def complaints(self) -> list[str]:
        """A sentence for each partition that is paused or probed."""
        return [
            f"partition {partition.number} of {partition.topic} is paused: more than {self._share:.0%} of its last "
            f"{self._window} records became dead letters; it is looked at again every {watched.pause:.0f} s or later"
            for partition, watched in sorted(self._watched.items())
            if watched.until is not None
        ]

    def _probed(self, watched: _Watched, now: float) -> bool:
        """Judge a probe: the storm is over if the probe has no more dead letters than any partition may have."""
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
