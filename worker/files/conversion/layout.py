"""The columns of a version: which there are, and which are text because a value does not fit its type.

All parts of a version have the same columns. A part that needs more says so, and the parts before it are made again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from worker.files.lines import COLUMNS, Attribute, ValueType, attribute, type_of

PART, LINE = WAY_BACK = ("_part", "_line")
"""The columns that lead from a row back to the line of the source. No attribute has their names."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a version of these lines."""

    lines: str
    legacy: bool = False
    wires: frozenset[str] = frozenset()
    """Every name that the wire uses in this version."""
    as_text: frozenset[str] = frozenset()
    """Columns that are text though their type says otherwise: a value would not fit."""
    doubled: frozenset[str] = frozenset()
    """Columns for which a line has two different values. The last one is in the column."""

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Self:
        """The layout that `plain` was made from. A version of unknown lines has no fixed columns."""
        return cls(
            plain["lines"],
            plain["legacy"],
            frozenset(plain["wires"]),
            frozenset(plain["as_text"]),
            frozenset(plain["doubled"]),
        )

    def plain(self) -> dict[str, Any]:
        """The layout as JSON."""
        return {
            "lines": self.lines,
            "legacy": self.legacy,
            "wires": sorted(self.wires),
            "as_text": sorted(self.as_text),
            "doubled": sorted(self.doubled),
        }

    def joined(self, other: Self) -> Self:
        """This layout with everything that another layout of the same lines has."""
        return replace(
            self,
            legacy=self.legacy or other.legacy,
            wires=self.wires | other.wires,
            as_text=self.as_text | other.as_text,
            doubled=self.doubled | other.doubled,
        )

    def attribute(self, wire: str) -> Attribute:
        """The attribute that the wire calls `wire` in these lines.

        An attribute that nobody knows is one attribute in every case: readers compare names of columns without case.
        One with the name of a column of azplan gets as many `_` behind its own name as make it another one.
        """
        found = attribute(wire, lines=self.lines, legacy=self.legacy)
        if found.known:
            return found
        spelled = max(each for each in {wire, *self.wires} if each.lower() == wire.lower())
        return self._beside_the_way_back(attribute(spelled, lines=self.lines))

    def _beside_the_way_back(self, found: Attribute) -> Attribute:
        name, taken = found.name, {each.lower() for each in self.wires}
        if name.lower() not in WAY_BACK:
            return found
        while name.lower() in WAY_BACK or name.lower() in taken:
            name += "_"
        return replace(found, name=name)

    def columns(self) -> dict[str, ValueType]:
        """The columns by their names, in order: the fixed ones, then what else the lines have."""
        fixed = () if self.legacy else COLUMNS.get(self.lines, ())
        found = sorted({self.attribute(wire).name for wire in self.wires} - set(fixed))
        types = {name: type_of(name, self.lines) for name in [*fixed, *found]}
        return types | dict.fromkeys(self.as_text & types.keys(), ValueType.TEXT)

    def described(self) -> list[Mapping[str, str | None]]:
        """The columns as manifest.json lists them: name, name on the wire (null: absent), type."""
        wires: dict[str, list[str]] = {}
        for wire in sorted(self.wires):
            wires.setdefault(self.attribute(wire).name, []).append(wire)
        return [
            {"name": name, "wire": ",".join(wires[name]) if name in wires else None, "type": value_type.value}
            for name, value_type in self.columns().items()
        ]

    def notices(self) -> list[str]:
        """What a reader should know of these columns."""
        unknown = {self.attribute(wire).name for wire in self.wires if not self.attribute(wire).known}
        timestamps = {name for name in self.as_text if type_of(name, self.lines) is ValueType.TIMESTAMP}
        return [
            *(f"new_attribute:{name}" for name in sorted(unknown)),
            *(f"decimals_as_text:{name}" for name in sorted(self.as_text - timestamps)),
            *(f"doubled_attribute:{name}" for name in sorted(self.doubled)),
            *(f"timestamps_as_text:{name}" for name in sorted(timestamps)),
        ]
