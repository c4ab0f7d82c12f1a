"""The points of a path at which its worker dies: every point once, and points that leave the same world only once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from worker.partner_center.all_operations import operations

SETTLE = 60.0
"""Virtual seconds until a request that has left is taken to have arrived or to be lost."""
NEAR = 4
"""A write of the journal counts as a point of its own only if another kind of boundary is within this many points.

The writes in between are heartbeats of a waiting worker, each like the one before.
"""
LEAVING = frozenset(
    f"{operation}: before it leaves"
    for operation in (
        "agreements.confirm",
        "arm.reservations.return",
        "carts.create",
        "carts.update",
        "carts.checkout",
        "subscriptions.patch",
        "azure_entitlements.cancel",
        "azure_entitlements.reactivate",
        "arm.subscriptions.cancel",
        "arm.subscriptions.enable",
        "upgrades.create",
    )
)
"""Requests that also arrive after the worker's death."""
NOTED_BY = 2
"""Writes of the journal after an answer until the answer is surely in the journal."""


@dataclass(frozen=True, slots=True)
class Point:
    """A boundary that a worker passed, and when."""

    name: str
    at: float
    """Virtual seconds."""

    @property
    def done(self) -> bool:
        """Whether the worker has just changed something outside itself."""
        return ": after " in self.name or self.name.endswith((ANSWERED, "not acknowledged"))


ANSWERED = "acted, not answered"


@dataclass(frozen=True, slots=True)
class Death:
    """Where a worker dies, and what is left of its last request."""

    point: int
    name: str
    remembers: bool
    """Whether Partner Center remembers request ids."""
    late: float | None = None
    """Seconds until the request arrives that was just leaving. None: the request never arrives."""

    def __str__(self) -> str:
        memory = "remembering" if self.remembers else "forgetting"
        late = "" if self.late is None else f", which arrives {self.late:g} s later"
        return f"point {self.point} ({self.name}{late}), Partner Center {memory} request ids"


def deaths(points: Sequence[Point], *, alike: bool = True) -> Iterator[Death]:
    """Every point. Partner Center remembers request ids at one half of the points and not at the other half.

    A write that was just leaving also arrives later: while its lane has a new owner, and shortly before it has settled.
    `alike`: whether points count that leave the same world as the next point.
    """
    counted = [not _is_heartbeat(points, index) for index in range(len(points))]
    alike_to_next = [False] * len(points) if alike else _alike_to_next(points)
    for index, point in enumerate(points):
        if not counted[index] or (alike_to_next[index] and counted[index + 1]):
            continue
        number = index + 1
        yield Death(number, point.name, remembers=number % 2 == 0)
        if point.name in LEAVING:
            yield from (Death(number, point.name, remembers=False, late=late) for late in (45.0, SETTLE + 15.0))


def _alike_to_next(points: Sequence[Point]) -> list[bool]:
    """For each point, whether a death there leaves the world that a death at the next point leaves.

    So it is between a change that was just made and the next change that was not made yet, at the same instant: a dead
    worker's memory is lost. While the journal does not know the answer to a write, both points count. Partner Center
    remembers request ids at one of them and not at the other.
    """
    in_doubt = _in_doubt(points)
    pairs = zip(points, points[1:], in_doubt, strict=False)
    return [one.done and not next_.done and one.at == next_.at and not doubt for one, next_, doubt in pairs] + [False]


def _in_doubt(points: Sequence[Point]) -> list[bool]:
    """For each point, whether the journal may not know the answer to a write that has left."""
    writes = {name for name, operation in operations().items() if operation.writes}
    waiting: set[str] = set()
    noted = NOTED_BY
    found = []
    for point in points:
        operation = point.name.partition(":")[0]
        if operation in writes:
            noted = 0
            (waiting.discard if point.name.endswith(ANSWERED) else waiting.add)(operation)
        found.append(bool(waiting) or noted < NOTED_BY)
        noted += point.name == "journal: after a write"
    return found


def _is_heartbeat(points: Sequence[Point], index: int) -> bool:
    around = points[max(0, index - NEAR) : index + NEAR + 1]
    return all(point.name.startswith("journal") for point in around)
