"""Which points of a path are deaths of their own, and which leave the same world."""

import re
from typing import Any

import pytest

from tests.crash.deaths import Death, Point, deaths
from tests.crash.enumeration import points_of, scratch, world_after
from tests.crash.paths import EXPORT, SPEND, Path
from tests.support.virtual_loop import run_virtual

READ = ("customers.get: before it leaves", "customers.get: acted, not answered")
BUY = ("carts.checkout: before it leaves", "carts.checkout: acted, not answered")
WRITE = ("journal: before a write", "journal: after a write")


def taken(*names: str, apart: float = 0.0) -> list[int]:
    """The numbers of the points that are deaths of their own, `apart` virtual seconds one from the next."""
    points = [Point(name, at=index * apart) for index, name in enumerate(names)]
    return list(dict.fromkeys(death.point for death in deaths(points, alike=False)))


def test_a_death_between_two_changes_is_taken_once() -> None:
    """After a read and before the next write of the journal, nothing has changed."""
    assert taken(*READ, *WRITE) == [1, 3, 4]


def test_a_death_counts_twice_if_time_passes_between() -> None:
    """Later, Partner Center may have gone on."""
    assert taken(*READ, *WRITE, apart=1.0) == [1, 2, 3, 4]


def test_a_death_counts_twice_while_the_answer_to_a_write_is_not_written_down() -> None:
    """Partner Center remembers request ids at one of the two points and not at the other."""
    assert taken(*READ, *BUY, *WRITE, *WRITE, *READ, *WRITE) == [1, 3, 4, 5, 6, 7, 8, 9, 11, 12]


def test_make_crash_takes_every_point() -> None:
    """There, no point is left out."""
    points = [Point(name, 0.0) for name in (*READ, *WRITE)]
    assert [death.point for death in deaths(points)] == [1, 2, 3, 4]


@pytest.mark.parametrize("path", [SPEND[2], EXPORT[0]], ids=str)
def test_points_that_are_taken_once_leave_the_same_world(path: Path) -> None:
    """The journal, the topics, the files and Partner Center's books are equal after both deaths."""
    with scratch() as fresh:
        points = run_virtual(points_of(path, fresh())).points
        kept = {death.point for death in deaths(points, alike=False)}
        left_out = [death for death in deaths(points) if death.point not in kept]
        assert len(left_out) >= 8
        for death in left_out[::4]:
            next_ = Death(death.point + 1, points[death.point].name, death.remembers)
            one, other = (run_virtual(world_after(path, each, fresh())) for each in (death, next_))
            assert without_chance(one) == without_chance(other), f"{death} leaves another world than {next_}"


def without_chance(world: Any) -> str:
    """A world as text, without names that are drawn by lot."""
    return re.sub(r"azplan-world-\w+|[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "", repr(world))
