"""How large a module, a function and a package may be, and how often a name may be given."""

import ast
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
LONGEST_MODULE, LONGEST_FUNCTION, LONGEST_DISPATCH, MOST_MODULES = 300, 60, 60, 15
TABLES = {"events/codes.py"}
"""Data, and not code: as long as there is to say."""

TOO_LONG: Mapping[str, int] = {}
"""Modules above the limit, with their lines: they may only shrink."""
TOO_LARGE: Mapping[str, int] = {}
"""Functions above the limit, with their lines: they may only shrink."""
TOO_MANY: Mapping[str, int] = {}
"""Packages above the limit, with their modules: they may only shrink."""
SHARED_NAMES: Mapping[str, str] = {}
"""Names of two classes in one package, each with what both mean."""


def sources(*folders: str) -> dict[str, str]:
    """The text of every module of these folders, by its path."""
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in files}


def above(found: Mapping[str, int], limit: int, excused: Mapping[str, int]) -> dict[str, int]:
    """What is larger than the limit, or than it was when it was excused."""
    return {name: size for name, size in found.items() if size > max(limit, excused.get(name, 0))}


def test_no_module_has_outgrown_its_subject() -> None:
    """A module that is longer than this is more than one thing."""
    lengths = {name: len(text.splitlines()) for name, text in sources("worker", "events", "ops").items()}

    assert (
        above({name: length for name, length in lengths.items() if name not in TABLES}, LONGEST_MODULE, TOO_LONG) == {}
    )


def test_a_function_can_be_seen_at_once() -> None:
    """A function fits on a screen."""
    lengths = {
        f"{name} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for name, text in sources("worker", "events", "ops").items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert above(lengths, LONGEST_FUNCTION, TOO_LARGE) == {}


def test_dispatch_can_be_read_in_a_minute() -> None:
    """The page that everything hangs on stays a straight line."""
    assert len((ROOT / "worker/runtime/dispatch.py").read_text().splitlines()) <= LONGEST_DISPATCH


def test_a_package_can_be_listed_at_a_glance() -> None:
    """A folder with more modules than this has a second subject. Registries grow with what they hold."""
    modules = [Path(name) for name in sources("worker", "events", "ops") if not name.endswith("/__init__.py")]
    registries = {"worker/handlers", "worker/cli/verbs"}
    counted = Counter(path.parent.as_posix() for path in modules if path.parent.as_posix() not in registries)

    assert above(counted, MOST_MODULES, TOO_MANY) == {}


def test_a_name_is_given_once_in_a_package() -> None:
    """Two classes of one name in one package are confused."""
    names = Counter(
        f"{'/'.join(name.split('/')[:2])} {node.name}"
        for name, text in sources("worker", "events").items()
        for node in ast.parse(text).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )

    assert [name for name, times in names.items() if times > 1 and name not in SHARED_NAMES] == []
