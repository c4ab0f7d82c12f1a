"""A command has one name in three folders: its message, its handler, its tests."""

import re
from pathlib import Path

import pytest

from events.contract_files import example, messages, schema
from events.messages.base import commands, events
from ops.simulator.simulator import routes
from worker.handling import load
from worker.partner_center.all_operations import operations
from worker.partner_center.operation import Api

ROOT = Path(__file__).parents[2]
COMMANDS = list(commands().values())


def snake(name: str) -> str:
    """The name of the file of `SuspendPlan`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
def test_a_command_has_its_handler_in_a_file_of_its_name(command: type) -> None:
    """A person who wants to know a command reads one file."""
    file = ROOT / "worker" / "handlers" / f"{snake(command.__name__)}.py"
    handler = load("worker.handlers").get(command)

    assert file.is_file(), f"{command.__name__} has no handler: add {file.relative_to(ROOT)}"
    assert handler is not None, f"{file.relative_to(ROOT)} lacks @handles({command.__name__})"
    assert handler.__module__ == f"worker.handlers.{snake(command.__name__)}"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
def test_a_command_has_tests_of_its_handler(command: type) -> None:
    """Tests of a handler are in files that begin with its name."""
    found = sorted((ROOT / "tests" / "handlers").glob(f"test_{snake(command.__name__)}*.py"))

    assert found, f"add tests/handlers/test_{snake(command.__name__)}.py"


@pytest.mark.parametrize("kind", [*commands(), *events()])
def test_a_message_has_a_schema_and_an_example(kind: str) -> None:
    """Other teams build on schema and example."""
    assert kind in messages()
    assert schema(kind)["properties"]
    assert example(kind)["value"]


@pytest.mark.parametrize("operation", operations().values(), ids=list(operations()))
def test_an_operation_of_the_client_can_be_practised(operation) -> None:
    """Every operation has a route in the simulator. A file has none: its address is a part of its manifest."""
    if operation.api is Api.STORAGE:
        return
    known = {(method, bare(path)) for method, path in routes()}

    assert (operation.method, bare(operation.path)) in known, f"ops/simulator lacks {operation.method} {operation.path}"


def bare(path: str) -> str:
    """The template of a path without the names of its members, in lower case."""
    return re.sub(r"\{[^}]*\}", "{}", path).lower()
