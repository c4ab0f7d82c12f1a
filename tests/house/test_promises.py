"""Each promise is named by the tests that fail without what keeps it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PROMISES = [f"G{number}" for number in range(1, 8)]
NAMED = re.compile(r"[Pp]romises? ((?:G\d(?:, | and )?)+)")


def named() -> Iterator[str]:
    """The promises that docstrings of tests name."""
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                for found in NAMED.findall(ast.get_docstring(node) or ""):
                    yield from re.findall(r"G\d", found)


@pytest.mark.parametrize("promise", PROMISES)
def test_a_promise_is_named_by_its_tests(promise: str) -> None:
    """Whoever breaks it reads its name in the test that fails."""
    assert promise in set(named())
