"""`azplan send`: one command onto the commands topic and, where asked, its events as they come.

Every type of command is a verb of its own here, with its members as options, made from its schema.
"""

import asyncio
import inspect
import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from events.messages.base import Command, commands
from worker.cli.durations import DURATION, parse_duration
from worker.cli.exit_codes import Code, Stop
from worker.cli.help_texts import WORKING, examples
from worker.cli.options import Json
from worker.operators.compose import CUSTOMER, Identity, Member, compose, members, read_data, value_of
from worker.operators.message_types import find, short
from worker.operators.send import Request, send
from worker.settings import model

SOURCE: Final = "/azplan/cli"

_PREFIX: Final = "member_"
"""Keeps a member called `source` apart from the option `--source` in Python; on the command line they must differ."""


def register(app: typer.Typer) -> None:
    """Add the verb with one of its own for each type of command."""
    group = typer.Typer(
        no_args_is_help=True, subcommand_metavar="TYPE [OPTIONS]", context_settings={"token_normalize_func": _type_name}
    )
    group.callback(
        epilog=examples(
            app,
            "azplan send CreateAzurePlan --customer 9b2a6d0e-5c43-4f7e-8f53-1d1f6d2c7a10 --country DE --wait 2m",
            "azplan send SuspendPlan --customer 9b2a6d0e-5c43-4f7e-8f53-1d1f6d2c7a10 --validate-only --wait 1m",
            "azplan send CreateAzurePlan --file command.json --id order-4711 --source /crm/orders --json",
            "azplan send SuspendPlan --help",
        )
    )(_group)
    for kind in commands().values():
        group.command(short(kind.wire_type()), help=kind.__doc__)(_sender(kind))
    app.add_typer(group, name="send", rich_help_panel=WORKING)


def _group() -> None:
    """Send a command. With `--wait`, print its events as they come and end as it ends.

    Exit code 0 when it was done, 4 when it was rejected, 1 when it failed, 5 when no answer came in time.
    """


def _type_name(word: str) -> str:
    """A type as it is called here, for `azplan.SuspendPlan.v1` or `suspend-plan`; any other word as it is."""
    kind = None if word.startswith("-") else find(word, commands())
    return word if kind is None else short(kind.wire_type())


def _sender(kind: type[Command]) -> Callable[..., None]:
    """The verb for one type of command: a function whose parameters are made from the schema."""
    known = {_PREFIX + member.name: member for member in members(kind)}

    def verb(**given: Any) -> None:
        typed = {known[name].name: given.pop(name) for name in known}
        data = {name: value for name, value in typed.items() if value is not None}
        _send(kind, data, **given)

    own = [_parameter(name, member) for name, member in known.items()]
    shared = [each for name, each in inspect.signature(_send).parameters.items() if name not in ("kind", "data")]
    verb.__dict__["__signature__"] = inspect.Signature([*own, *shared])
    return verb


def _parameter(name: str, member: Member) -> inspect.Parameter:
    flag = member.kind == "boolean"
    default = f" [default: {member.default}]" if member.default not in (None, False) else ""
    option = typer.Option(
        None,
        f"{member.option}/--no-{member.option[2:]}" if member.default is True else member.option,
        help=member.description + default,
        metavar=None if flag else member.hint,
        parser=None if flag else partial(value_of, member),
        rich_help_panel="Members",
        show_default=False,
    )
    annotation: Any = bool | None if flag else Any
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=annotation)


def _send(
    kind: type[Command],
    data: dict[str, Any],
    *,
    customer: Annotated[
        str | None, typer.Option(metavar="GUID", help="The customer's Microsoft Entra tenant id.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="JSON file with the data of the command, - for standard input; options win.")
    ] = None,
    partner: Annotated[str | None, typer.Option(help="The partner account, where several are configured.")] = None,
    id: Annotated[str | None, typer.Option(help="The command's id; a new UUID where none is given.")] = None,  # noqa: A002
    source: Annotated[str, typer.Option(help="Who sends it: with the id, the command's identity.")] = SOURCE,
    wait: Annotated[
        timedelta | None,
        typer.Option(
            parser=parse_duration, metavar=DURATION, help="Wait so long for the answer; its events are printed."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    data = {**(read_data(file) if file else {}), **data}
    if customer is not None:
        if str(data.get(CUSTOMER, customer)).lower() != customer.lower():
            raise Stop(Code.USAGE, f"--customer and the {CUSTOMER} in {file} are two customers.", "Nothing was sent.")
        data[CUSTOMER] = customer
    identity = Identity(str(uuid.uuid4()) if id is None else id, source, partner)
    outgoing = compose(kind, data, identity)
    request = Request(kind.wire_type(), data[CUSTOMER].lower(), identity, outgoing, wait)
    asyncio.run(send(model.load(), request, as_json=as_json))
