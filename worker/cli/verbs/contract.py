"""`azplan contract`: every command and event, with its schema and an example record."""

import json
from inspect import cleandoc
from typing import Annotated, Any

import typer

from events.contract_files import example, messages, schema
from events.messages.base import Command, Event, Message
from worker.cli.exit_codes import Code, Stop
from worker.cli.help_layout import LOOKING, examples
from worker.cli.options import Json
from worker.cli.output.console import show
from worker.cli.output.json import show_json
from worker.cli.output.tables import show_table
from worker.operators.wording.message_types import find, short, suggestion


def register(app: typer.Typer) -> None:
    """Add the verb."""
    epilog = examples(app, "azplan contract", "azplan contract SuspendPlan", "azplan contract --json > contract.json")
    app.command(epilog=epilog, rich_help_panel=LOOKING)(contract)


def contract(
    type_: Annotated[
        str | None, typer.Argument(metavar="[TYPE]", help="A command or an event; without it, all of them.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print the commands and events, their schemas and examples."""
    if type_ is None:
        _show_all(as_json=as_json)
        return
    kind = find(type_, messages())
    if kind is None:
        raise Stop(Code.NOTHING, f"{type_!r} is no command or event.", suggestion(type_, messages()))
    if as_json:
        show_json(_facts(kind))
    else:
        _show_one(kind)


def _facts(kind: type[Message]) -> dict[str, Any]:
    answer = kind.answered_by.wire_type() if issubclass(kind, Command) else None
    return {
        "type": kind.wire_type(),
        "kind": _word(kind),
        "description": _description(kind),
        "answeredBy": answer,
        "schema": schema(kind.wire_type()),
        "example": example(kind.wire_type()),
    }


def _show_all(*, as_json: bool) -> None:
    if as_json:
        show_json([_facts(kind) for kind in messages().values()])
        return
    rows = [(kind.wire_type(), _word(kind), _description(kind)) for kind in messages().values()]
    show_table(("type", "kind", "meaning"), rows)


def _show_one(kind: type[Message]) -> None:
    described, record = schema(kind.wire_type()), example(kind.wire_type())
    show((f"{kind.wire_type()} ({_word(kind)})", "bold"))
    show(f"{_description(kind)}")
    if issubclass(kind, Command):
        show(f"Answered by {short(kind.answered_by.wire_type())}, CommandValidated, CommandRejected or CommandFailed.")
    show()
    required = described.get("required", ())
    rows = [
        (name, "required" if name in required else _default(member), member.get("description", ""))
        for name, member in described["properties"].items()
    ]
    show_table(("member", "default", "meaning"), rows)
    show()
    show(("An example record, as binary CloudEvent:", "bold"))
    show(f"key: {record['key']}")
    for name, value in record["headers"].items():
        show(f"{name}: {value}")
    show_json(record["value"])
    show()
    show(("Its JSON Schema:", "bold"))
    show_json(described)


def _word(kind: type[Message]) -> str:
    if issubclass(kind, Event):
        return "answer" if kind.terminal else "event"
    return "command"


def _description(kind: type[Message]) -> str:
    return " ".join(cleandoc(kind.__doc__ or "").split())


def _default(member: dict[str, Any]) -> str:
    value = member.get("default")
    return "" if value is None else json.dumps(value)
