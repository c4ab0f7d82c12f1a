"""The largest size of a module, a function and a package, and names that may be given only once."""

import ast
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
LONGEST_MODULE, LONGEST_FUNCTION, LONGEST_DISPATCH, MOST_MODULES = 300, 60, 60, 15
TABLES = {"events/codes.py"}
"""Files of data, without a limit."""

TOO_LONG: Mapping[str, int] = {}
"""Modules above the limit, with their lines. The numbers may only shrink."""
TOO_LARGE: Mapping[str, int] = {}
"""Functions above the limit, with their lines. The numbers may only shrink."""
TOO_MANY: Mapping[str, int] = {}
"""Packages above the limit, with their modules. The numbers may only shrink."""
SHARED_NAMES: Mapping[str, str] = {}
"""Names of two classes in one package, each with what both mean."""


def sources(*folders: str) -> dict[str, str]:
    """The text of every module of these folders, by its path."""
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in files}


def above(found: Mapping[str, int], limit: int, excused: Mapping[str, int]) -> dict[str, int]:
    """Everything above the limit, or above its excused size."""
    return {name: size for name, size in found.items() if size > max(limit, excused.get(name, 0))}


def test_no_module_has_outgrown_its_subject() -> None:
    """A longer module has more than one subject."""
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
    """The main page of the runtime stays a straight line."""
    assert len((ROOT / "worker/runtime/dispatch.py").read_text().splitlines()) <= LONGEST_DISPATCH


def test_a_package_can_be_listed_at_a_glance() -> None:
    """A folder with more modules has a second subject. Registries grow with their entries."""
    modules = [Path(name) for name in sources("worker", "events", "ops") if not name.endswith("/__init__.py")]
    registries = {"worker/handlers", "worker/cli/verbs"}
    counted = Counter(path.parent.as_posix() for path in modules if path.parent.as_posix() not in registries)

    assert above(counted, MOST_MODULES, TOO_MANY) == {}


def test_a_name_is_given_once_in_a_package() -> None:
    """Readers confuse two classes of one name in one package."""
    names = Counter(
        f"{'/'.join(name.split('/')[:2])} {node.name}"
        for name, text in sources("worker", "events").items()
        for node in ast.parse(text).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )

    assert [name for name, times in names.items() if times > 1 and name not in SHARED_NAMES] == []
