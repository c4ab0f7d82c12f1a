"""The simulator is written from the vendor's pages alone: shared code could not show a mistake of the worker."""

import ast
from pathlib import Path

import ops.simulator

HERE = Path(ops.simulator.__file__).parent


def test_the_simulator_imports_nothing_of_the_worker() -> None:
    """It imports neither the worker nor the contract: only itself, the standard library and third-party packages."""
    modules = list(HERE.rglob("*.py"))
    assert len(modules) > 30
    for module in modules:
        for node in ast.walk(ast.parse(module.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not {name.partition(".")[0] for name in names} & {"worker", "events", "tests"}, module.name
