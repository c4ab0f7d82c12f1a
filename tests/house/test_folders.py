"""Tests are in folders and files with the names of the packages and modules that they test."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
PACKAGES = {
    **{path.parent.name: path.parent for path in (ROOT / "worker").glob("*/__init__.py")},
    "worker": ROOT / "worker",
    "events": ROOT / "events",
}
"""The packages of the product by their test folders. `tests/worker` is for modules outside the packages."""

STORIES = "tells whole stories with the fixtures of this folder"
ELSEWHERE: Mapping[str, str] = {
    "tests/journal/test_model.py": "compares the journal with a model of it",
    "tests/operators/test_pauses.py": STORIES,
    "tests/operators/test_poison.py": STORIES,
    "tests/operators/test_requests.py": STORIES,
    "tests/operators/test_retention.py": STORIES,
    "tests/operators/test_wakeups.py": STORIES,
}
"""Test files that have the name of a module of another package, each with the reason."""


def modules(package: str) -> set[str]:
    """The modules and packages in a package, at any depth.

    For `worker` itself, only the modules beside the packages.
    """
    folder = PACKAGES[package]
    found = folder.glob("*.py") if package == "worker" else folder.rglob("*.py")
    return {file.parent.name if file.stem == "__init__" else file.stem for file in found}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_has_a_test_folder(package: str) -> None:
    """Each package has its tests under its own name."""
    assert list((TESTS / package).glob("test_*.py")), f"add tests/{package}"


@pytest.mark.parametrize("package", PACKAGES)
def test_a_test_file_lies_beside_its_module(package: str) -> None:
    """A test file with the name of a module is in the test folder of that module's package."""
    others = {name for other in PACKAGES if other != package for name in modules(other)} - modules(package)
    files = [file for file in (TESTS / package).rglob("test_*.py") if str(file.relative_to(ROOT)) not in ELSEWHERE]

    assert [file.name for file in files if file.stem.removeprefix("test_") in others] == []


def test_every_exception_is_still_needed() -> None:
    """The list of exceptions can only shrink."""
    assert [name for name in ELSEWHERE if not (ROOT / name).exists()] == []


NOTICES = sorted(path for top in ("worker", "events", "ops") for path in (ROOT / top).rglob("__init__.py"))


@pytest.mark.parametrize("notice", NOTICES, ids=lambda path: path.parent.relative_to(ROOT).as_posix())
def test_the_table_of_a_package_names_its_modules(notice: Path) -> None:
    """The first column of the table in a package's docstring has modules and packages that exist."""
    cells = re.findall(r"^\| (`.+?`) \|", notice.read_text("utf-8"), re.MULTILINE)
    named = [name for cell in cells for name in re.findall(r"`([\w.]+)`", cell)]
    places = [notice.parent / name.replace(".", "/") for name in named]

    assert [place.name for place in places if not (place.with_suffix(".py").exists() or place.is_dir())] == []
