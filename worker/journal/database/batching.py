"""Statements that wait to be sent together, so that a group of operations costs few round trips."""

from collections.abc import Collection, Sequence
from typing import Any


class Pending:
    """Statements in the order in which they are to run, equal ones of different operations side by side.

    A statement never runs before one that its own operation, or an earlier operation on the same lane, asked for first.
    """

    def __init__(self) -> None:
        self._groups: list[tuple[str, list[Sequence[Any]]]] = []
        self._reached: dict[str, int] = {}

    def add(self, lanes: Collection[str], sql: str, values: Sequence[Sequence[Any]]) -> None:
        """Put a statement behind all that concerns these lanes, into the first group of its kind from there on."""
        behind = max((self._reached.get(lane, 0) for lane in lanes), default=0)
        place = next((at for at in range(behind, len(self._groups)) if self._groups[at][0] == sql), len(self._groups))
        if place == len(self._groups):
            self._groups.append((sql, []))
        self._groups[place][1].extend(values)
        for lane in lanes:
            self._reached[lane] = place

    def take(self) -> list[tuple[str, list[Sequence[Any]]]]:
        """All of them, to be run now."""
        groups, self._groups = self._groups, []
        self._reached.clear()
        return groups
