"""The layer of operators is enough for a page: a test without a terminal calls each of its functions."""

import ast
from collections.abc import Iterator
from pathlib import Path

from worker.cli.exit_codes import OF_OPERATOR_ERRORS
from worker.operators.errors import OperatorError

ROOT = Path(__file__).parents[2]
OPERATORS = ROOT / "worker" / "operators"
PAGE = ROOT / "tests" / "operators" / "page.py"
INSIDE = {"worker.operators.rebuild"}
"""Modules whose functions take rows of the journal. A page calls `journal_maintenance.rebuild_journal` instead."""


def public_functions() -> Iterator[str]:
    """The public functions of the layer, with their modules."""
    for path in sorted(OPERATORS.rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
                yield f"{module}.{node.name}"


def called(tree: ast.Module) -> set[str]:
    """The functions that a module calls by names that it imports from the layer."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("worker.operators"):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(module), attr=name)) if module in names:
                found.add(f"{names[module]}.{name}")
            case ast.Call(func=ast.Name(name)) if name in names:
                found.add(names[name])
    return found


def test_every_function_of_the_operators_is_called_without_a_terminal() -> None:
    """`tests/operators/page.py` calls each new one too."""
    missing = set(public_functions()) - called(ast.parse(PAGE.read_text()))
    assert {name for name in missing if name.rpartition(".")[0] not in INSIDE} == set()


def test_every_error_of_the_operators_has_an_exit_code() -> None:
    """The command line has the exit code of each error in one place."""
    kinds, found = [OperatorError], set[type[OperatorError]]()
    while kinds:
        below = kinds.pop().__subclasses__()
        kinds += below
        found |= {*below}
    assert set(OF_OPERATOR_ERRORS) == found
