"""A worker may die at any instruction: for each handler, path and point, another worker goes on and every promise
holds.

The suite runs a path once and notes every boundary that its worker passes: each write of the journal, each request and
its answer, each event, each commit of offsets. Of two points that leave the same world one is taken; `make crash` takes
both. `tests.support.invariants` then checks the promises G1 to G4 and G6 by Partner Center's own books.
"""

from collections.abc import Callable

import pytest

from tests.crash.deaths import deaths
from tests.crash.enumeration import Outcome, points_of, scratch, survive
from tests.crash.paths import CREATE, EVERYTHING, PATHS, SAMPLED, Path
from tests.support.harness import MakeEngine
from tests.support.virtual_loop import run_virtual
from tests.support.virtual_postgres import emptied, told_the_time
from worker.handling import load

MAIN = [next(path for path in PATHS if path.command is command) for command in {path.command: None for path in PATHS}]
"""The main path of each handler: the first one listed."""
ON_POSTGRESQL = PATHS if EVERYTHING else MAIN
"""A server takes six times as long as a file. Only `make crash` takes every path there."""

Record = Callable[[str, object], None]


@pytest.fixture(params=PATHS, ids=str)
def path(request: pytest.FixtureRequest) -> Path:
    """Each path of each handler."""
    return request.param  # type: ignore[no-any-return]


def test_every_handler_has_a_path() -> None:
    """The crash suite covers each new handler from its first day."""
    assert set(load("worker.handlers")) == {path.command for path in PATHS}


def test_a_worker_may_die_anywhere(path: Path, record_property: Record) -> None:
    """On SQLite: every point of every path."""
    with scratch() as fresh:
        _enumerate(path, fresh, record_property, "SQLite")


def test_a_worker_may_die_around_parquet_and_focus(record_property: Record) -> None:
    """On SQLite: once each write to the destination is done; `make crash` takes every point."""
    with scratch() as fresh:
        _enumerate(SAMPLED, fresh, record_property, "SQLite, after files", only="files: after ")


@pytest.mark.postgres
@pytest.mark.parametrize("path", ON_POSTGRESQL, ids=str)
def test_a_worker_may_die_anywhere_on_postgresql(
    path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch, record_property: Record
) -> None:
    """On a real server: every point of each handler's main path, or of every path."""
    with told_the_time(monkeypatch) as engines:
        _enumerate(path, lambda: engines(emptied(postgres_url)), record_property, "PostgreSQL")


def test_a_worker_may_die_anywhere_and_its_account_be_renamed(record_property: Record) -> None:
    """On SQLite: a purchase goes on under the account's new name, with everything in doubt, and is made once."""
    with scratch() as fresh:
        _enumerate(CREATE[0], fresh, record_property, "SQLite", renamed=True)


@pytest.mark.postgres
def test_a_worker_may_die_anywhere_and_its_account_be_renamed_on_postgresql(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, record_property: Record
) -> None:
    """On a real server, a purchase goes on under the account's new name and is made once."""
    with told_the_time(monkeypatch) as engines:
        _enumerate(CREATE[0], lambda: engines(emptied(postgres_url)), record_property, "PostgreSQL", renamed=True)


def _enumerate(
    path: Path,
    fresh: Callable[[], MakeEngine],
    record_property: Record,
    database: str,
    *,
    renamed: bool = False,
    only: str = "",
) -> None:
    """End a worker at every point of the path, or at every point whose name begins with `only`."""
    reference = run_virtual(points_of(path, fresh()))
    assert reference.ends == path.ends
    found = deaths(reference.points, alike=EVERYTHING or bool(only))
    chosen = [death for death in found if death.name.startswith(only)]
    for death in chosen:
        outcome = run_virtual(survive(path, death, fresh(), renamed=renamed))
        assert _as_good(outcome, path), f"{path}, {death}: {outcome.ends}"
    way = f"{path.command.__name__}{', renamed,' if renamed else ''} on {database}"
    record_property("deaths", {way: len(chosen)})


def _as_good(outcome: Outcome, path: Path) -> bool:
    """A death changes nothing about how a command ends, unless the command's deadline passed meanwhile."""
    return outcome.ends == path.ends
