"""Nothing is unused: each public function, class and constant of the product has a use in the product or in ops/."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT, USERS = ("worker", "events"), ("worker", "events", "ops")

REGISTERED: Mapping[str, str] = {
    "worker.handlers.": "a handler is found in its module",
    "worker.files.object_store": "`opening` imports it where the extra is installed",
    "worker.cli.verbs.": "a verb is found by its function `register`",
}
"""Packages whose modules are found at run time, and how they are found."""
OPERATIONS = "worker.partner_center.resources."
"""Functions of these modules are the client's operations.

`tests/partner_center/test_operations.py` tries all documented operations of these resources, even those that no handler
needs yet.
"""
KEPT: Mapping[str, str] = {
    "worker.operators.who_and_why.sign": "for a page: the command line makes its signature from the person at it",
}
"""Other names that nothing uses, each with the reason to keep it."""


CALLED_BY_LIBRARIES = (
    "Assignment.on_partitions_assigned",
    "Assignment.on_partitions_revoked",
    "FetchedBatches.has_next",
    "FetchedBatches.next_batch",
    "FetchedBatches.size_in_bytes",
)


def modules(*folders: str) -> dict[str, ast.Module]:
    """Every module of these folders, by its dotted name."""
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    return {
        ".".join(file.relative_to(ROOT).with_suffix("").parts): ast.parse(file.read_text("utf-8")) for file in files
    }


def defined(tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    """The public names that a module defines, each with its statement."""
    for node in tree.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names = [node.name]
            case ast.Assign():
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            case ast.AnnAssign(target=ast.Name(id=name)):
                names = [name]
            case _:
                names = []
        yield from ((name, node) for name in names if not name.startswith("_"))


def read_in(tree: ast.AST) -> Iterator[str]:
    """The names that a piece of code reads, including annotations in text form."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            yield node.value


def attributes(tree: ast.Module) -> Iterator[str]:
    """The attributes that a module reads, and the words in it that may name an attribute."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            yield node.value


def taken_from_others(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Names that a module imports from others, or reads from imported modules: (module, name)."""
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            known.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
            yield from ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            known.update({alias.asname or alias.name: alias.name for alias in node.names})
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in known:
            yield known[node.value.id], node.attr


def unused() -> Iterator[str]:
    """The public names that nothing uses."""
    uses = {use for tree in modules(*USERS).values() for use in taken_from_others(tree)}
    for module, tree in modules(*PRODUCT).items():
        if module.startswith(tuple(REGISTERED)):
            continue
        for name, statement in defined(tree):
            operation = module.startswith(OPERATIONS) and isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef)
            here = (name in read_in(each) for each in tree.body if each is not statement)
            if not operation and (module, name) not in uses and not any(here):
                yield f"{module}.{name}"


def test_every_public_name_has_a_use() -> None:
    """Code that only tests use does not belong to the product. Code without any use belongs nowhere."""
    assert sorted(set(unused()) - set(KEPT)) == []


def test_every_public_method_has_a_use() -> None:
    """A method or property that nothing reads is called by a library or is unused."""
    read = {name for tree in modules(*USERS).values() for name in attributes(tree)}
    methods = {
        f"{statement.name}.{each.name}"
        for tree in modules(*PRODUCT).values()
        for _, statement in defined(tree)
        if isinstance(statement, ast.ClassDef)
        for each in statement.body
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) and not each.name.startswith("_")
        if each.name not in read
    }

    assert sorted(methods - set(CALLED_BY_LIBRARIES)) == []


def test_ops_needs_no_tests() -> None:
    """Code that the benchmark and the tests share is in ops/."""
    borrowers = {
        name: module
        for name, tree in modules("ops").items()
        for module, _ in taken_from_others(tree)
        if "tests" in module
    }

    assert [name for name, module in borrowers.items() if module.split(".")[0] == "tests"] == []
