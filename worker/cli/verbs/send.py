"""`azplan send`: writes one command to the commands topic and, with `--wait`, prints its events as they come.

Every type of command is a verb of its own. Its options are made from its schema, one for each member.
"""

import asyncio
import inspect
import sys
import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from events.messages.base import Command, commands
from worker.broker.port import Admin
from worker.cli import interruptible
from worker.cli.durations import DURATION, parse_duration
from worker.cli.exit_codes import Code, Stop
from worker.cli.help_layout import WORKING, examples
from worker.cli.options import Json
from worker.cli.output.console import say, show
from worker.cli.output.event import passed_over
from worker.cli.output.json import show_json
from worker.cli.output.sent_command import facts, no_answer, say_sent, show_event
from worker.operators import connections
from worker.operators.sending.compose import (
    CUSTOMER,
    SOURCE,
    CommandIdentity,
    Member,
    compose,
    members,
    own_tenant_id,
    parse_data,
    value_of,
    with_customer,
)
from worker.operators.sending.send import AnswerKind, SendRequest, SentCommand, follow_answer, send_command
from worker.operators.wording.message_types import find, short
from worker.settings import model
from worker.settings.model import Settings

_CODES: Final[Mapping[AnswerKind, Code]] = {
    AnswerKind.DONE: Code.OK,
    AnswerKind.FAILED: Code.FAILED,
    AnswerKind.REJECTED: Code.REFUSED,
}

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
    """`SuspendPlan` for `azplan.SuspendPlan.v1` or `suspend-plan`; any other word unchanged."""
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
    id: Annotated[str | None, typer.Option(help="The command's id; by default a new UUID.")] = None,  # noqa: A002
    source: Annotated[str, typer.Option(help="Who sends it: with the id, the command's identity.")] = SOURCE,
    wait: Annotated[
        timedelta | None,
        typer.Option(
            parser=parse_duration, metavar=DURATION, help="Wait so long for the answer; its events are printed."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    given = {**(_read(file) if file else {}), **data}
    data = with_customer(given, customer, str(file))
    if kind.subject_of(data) == "partner_account" and CUSTOMER not in data:
        data[CUSTOMER] = own_tenant_id(model.load(calling=False), partner, may_give_it=True)
    identity = CommandIdentity(str(uuid.uuid4()) if id is None else id, source, partner)
    outgoing = compose(kind, data, identity)
    request = SendRequest(kind.wire_type(), data[CUSTOMER].lower(), identity, outgoing, wait)
    interruptible.run(_deliver(model.load(calling=False), request, as_json=as_json))


def _read(path: Path) -> dict[str, Any]:
    """The data of a command from a file; from standard input for `-`."""
    try:
        content = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise Stop(Code.USAGE, f"{path} cannot be read: {error.strerror}.") from error
    return parse_data(content, str(path))


async def _deliver(settings: Settings, request: SendRequest, *, as_json: bool) -> None:
    """Send the command and print what comes of it, until its answer or the end of the wait."""
    async with connections.admin(settings) as admin:
        async with connections.sink(settings) as sink:
            sent = await send_command(settings, admin, sink, request)
        say_sent(sent)
        if request.wait is None:
            show_json(facts(sent)) if as_json else show(request.identity.id)
            return
        answer = await _follow(settings, admin, sent, request.wait, as_json=as_json)
        for line in passed_over(sent.passed_over, settings.kafka.events_topic):
            say(line)
    if as_json:
        show_json(facts(sent))
    if answer is None:
        raise no_answer(request, request.wait)
    raise typer.Exit(_CODES[answer])


async def _follow(
    settings: Settings, admin: Admin, sent: SentCommand, wait: timedelta, *, as_json: bool
) -> AnswerKind | None:
    """Print the events of the command until one answers it; the answer, or None if the time is over."""
    try:
        async with asyncio.timeout(wait.total_seconds()):
            async for event in follow_answer(settings, admin, sent):
                if not as_json:
                    show_event(event)
    except TimeoutError:
        return None
    except asyncio.CancelledError:
        say(f"The command goes on; see `azplan commands show {sent.request.identity.id}`.")
        raise
    return sent.answer(sent.events[-1])
