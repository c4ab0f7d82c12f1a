"""Each library that reaches outside is imported in one place."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = {
    str(path.relative_to(ROOT)): ast.parse(path.read_text("utf-8"))
    for package in ("worker", "events")
    for path in (ROOT / package).rglob("*.py")
}

DOORS: Mapping[str, tuple[str, ...]] = {
    "aiokafka": ("worker/broker/",),
    "aiohttp": ("worker/partner_center/",),
    "httpx": ("worker/partner_center/",),
    "yarl": ("worker/partner_center/http_transport.py",),
    "msal": ("worker/partner_center/",),
    "obstore": ("worker/files/object_store.py",),
    "asyncpg": ("worker/journal/",),
    "sqlite3": ("worker/journal/",),
    "prometheus_client": ("worker/metrics.py", "worker/app.py"),
    "starlette": ("worker/http/health.py",),
    "uvicorn": ("worker/http/health.py",),
    "pyarrow": ("worker/files/conversion/", "worker/files/focus/"),
    "typer": ("worker/cli/",),
    "rich": ("worker/cli/output/",),
}
"""The modules that may import a library. A folder stands for all of its modules."""


def imported(tree: ast.Module) -> Iterator[str]:
    """All modules that a module imports, at any place in its code."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("library", DOORS)
def test_a_library_has_one_door(library: str) -> None:
    """To replace a library, a person reads one folder."""
    users = [name for name, tree in MODULES.items() if library in {each.split(".")[0] for each in imported(tree)}]

    assert users, f"nothing imports {library}: take it out of DOORS, and perhaps out of pyproject.toml"
    assert [name for name in users if not name.startswith(DOORS[library])] == []


def test_only_programs_read_settings() -> None:
    """All other parts get plain values, and a test can give them any."""
    readers = {
        name
        for name, tree in MODULES.items()
        if {"worker.settings.model", "worker.settings.reference"} & {*imported(tree)}
    }
    others = {name for name in readers if not name.startswith(("worker/cli/", "worker/operators/", "worker/settings"))}

    assert others <= {
        "worker/app.py",
        "worker/assembly/accounts.py",
        "worker/assembly/parts.py",
    }


@pytest.mark.parametrize("name", [name for name in MODULES if name.endswith("__init__.py")])
def test_an_init_file_has_a_docstring_and_no_code(name: str) -> None:
    """`__init__.py` has a docstring and no code."""
    body = MODULES[name].body

    assert ast.get_docstring(MODULES[name]), f"{name} says nothing"
    assert len(body) == 1, f"{name} holds code"


def test_no_import_hides_in_a_function() -> None:
    """All imports are at the top of a module."""
    hidden = [
        f"{name}:{node.lineno}"
        for name, tree in MODULES.items()
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]

    assert hidden == []


@pytest.mark.parametrize("call", ["time.time", "datetime.now", "datetime.utcnow", "time.monotonic"])
def test_the_time_is_asked_of_one_clock(call: str) -> None:
    """Tests run in virtual time, because no other code asks the machine."""
    owner, attribute = call.split(".")
    askers = {
        name
        for name, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr == attribute
        and isinstance(node.value, ast.Name)
        and node.value.id == owner
    }

    assert {name for name in askers if not name.startswith("worker/cli/")} <= {"worker/clock.py"}


def test_no_comment_marks_missing_work() -> None:
    """A comment is no place for missing work."""
    words = ("TODO", "FIXME", "XXX", "NotImplementedError")
    sources = {name: (ROOT / name).read_text("utf-8") for name in MODULES}

    assert [(name, word) for name, text in sources.items() for word in words if word in text] == []


def test_a_scrape_calls_only_code_that_is_made_for_it() -> None:
    """A thread of its own reads the metrics: a callback there would walk through data that the event loop changes."""
    calling = [
        f"{name}: {ast.unparse(node)}"
        for name, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "set_function"
    ]

    assert calling == ["worker/app.py: metrics.READY.set_function(service.shows_ready)"]


def test_all_output_to_a_terminal_has_one_door() -> None:
    """A verb prints with `worker/cli/output/console.py`, which takes from a text what a terminal would obey."""
    past = [
        f"{name}:{node.lineno}"
        for name, tree in MODULES.items()
        if name.startswith(("worker/cli/", "worker/operators/")) and name != "worker/cli/output/console.py"
        for node in ast.walk(tree)
        if _writes(node)
    ]

    assert past == []


def _writes(node: ast.AST) -> bool:
    """Whether the expression may write to the terminal: a stream, `print`, `echo` or `input`."""
    match node:
        case ast.Attribute(value=ast.Attribute(value=ast.Name("sys"), attr="stdout" | "stderr"), attr=attribute):
            return attribute != "isatty"
        case ast.Call(func=ast.Name("print" | "input")) | ast.Call(func=ast.Attribute(attr="echo" | "secho")):
            return True
        case ast.Attribute(value=ast.Name("os"), attr="write"):
            return True
        case ast.ImportFrom(module="rich" | "rich.console" | "sys"):
            return True
    return False


def test_no_coroutine_of_obstore_is_used() -> None:
    """A thread of obstore that wakes such a coroutine aborts a process that ends meanwhile (SIGABRT)."""
    names = {node.attr for node in ast.walk(MODULES["worker/files/object_store.py"]) if isinstance(node, ast.Attribute)}
    assert {name for name in names if name.endswith("_async")} == set()
