"""Statements that wait to be sent together: a group of operations then costs few round trips."""

from collections.abc import Collection, Sequence
from typing import Any


class Pending:
    """Statements in the order in which they will run, with equal statements of different operations side by side.

    A statement never runs before an earlier statement of its own operation, or of an earlier operation on the same
    lane.
    """

    def __init__(self) -> None:
        self._groups: list[tuple[str, list[Sequence[Any]]]] = []
        self._reached: dict[str, int] = {}

    def add(self, lanes: Collection[str], sql: str, values: Sequence[Sequence[Any]]) -> None:
        """Put a statement behind all statements for these lanes, into the next group of the same statement."""
        behind = max((self._reached.get(lane, 0) for lane in lanes), default=0)
        place = next((at for at in range(behind, len(self._groups)) if self._groups[at][0] == sql), len(self._groups))
        if place == len(self._groups):
            self._groups.append((sql, []))
        self._groups[place][1].extend(values)
        for lane in lanes:
            self._reached[lane] = place

    def __bool__(self) -> bool:
        return bool(self._groups)

    def take(self) -> list[tuple[str, list[Sequence[Any]]]]:
        """All waiting statements, to run now. None waits afterwards."""
        groups, self._groups = self._groups, []
        self._reached.clear()
        return groups
