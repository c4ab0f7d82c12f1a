"""Tests name each promise, and fail if the code that keeps it is missing."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PROMISES = [f"G{number}" for number in range(1, 8)]
NAMED = re.compile(r"[Pp]romises? ((?:G\d(?:, | and )?)+)")


@cache
def named() -> frozenset[str]:
    """The promises that docstrings of tests name."""
    found: set[str] = set()
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                for several in NAMED.findall(ast.get_docstring(node) or ""):
                    found.update(re.findall(r"G\d", several))
    return frozenset(found)


@pytest.mark.parametrize("promise", PROMISES)
def test_a_promise_is_named_by_its_tests(promise: str) -> None:
    """A change that breaks a promise fails a test with the promise's name."""
    assert promise in named()
