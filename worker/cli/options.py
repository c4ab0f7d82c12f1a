"""Options that several verbs share, spelt and explained the same everywhere."""

from datetime import timedelta
from typing import Annotated, Final

import typer

from worker.cli import person
from worker.cli.durations import DURATION, parse_duration

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="ce_id of the command.")]
OneId = Annotated[str | None, typer.Argument(metavar="ID", help="ce_id of one command.")]
Source = Annotated[
    str | None, typer.Option(help="ce_source of the command; needed only where two sources share an id.")
]
OfType = Annotated[str | None, typer.Option("--type", help="Only those of this type, such as SuspendPlan.")]
OfCustomer = Annotated[str | None, typer.Option("--customer", metavar="GUID", help="Only those for this customer.")]
OfPartner = Annotated[str | None, typer.Option("--partner", help="Only those for this partner account.")]
WithCode = Annotated[str | None, typer.Option("--code", help="Only those with this code.")]
From = Annotated[str | None, typer.Option("--from", metavar="INSTANT", help="Only from this instant on (RFC 3339).")]
To = Annotated[str | None, typer.Option("--to", metavar="INSTANT", help="Only up to this instant.")]
Limit = Annotated[int, typer.Option(min=0, help="The newest so many; 0 for all.")]
Canary = Annotated[int, typer.Option(min=0, help="So many go first, and alone; any failure of theirs stops.")]
Rate = Annotated[float | None, typer.Option(min=0.01, help="Commands a minute at most.")]
Wait = Annotated[
    timedelta,
    typer.Option(parser=parse_duration, metavar=DURATION, help="Wait so long until the worker has carried it out."),
]
OfAccount = Annotated[str | None, typer.Option("--partner", help="The partner account, where several are configured.")]
AnswerWait = Annotated[
    timedelta, typer.Option(parser=parse_duration, metavar=DURATION, help="Wait so long for the worker's answer.")
]
DestinationWait = Annotated[
    timedelta | None,
    typer.Option(
        "--wait", parser=parse_duration, metavar=DURATION, help="Wait so long for the files; without it, to the end."
    ),
]
PATIENCE: Final = "30s"
"""How long a verb waits for a worker, unless `--wait` says otherwise."""
Who = Annotated[
    str,
    typer.Option(
        "--who",
        envvar=person.OPERATOR,
        callback=person.name,
        metavar="NAME",
        help="Who you are, for the record; otherwise the name of this process's user.",
    ),
]
Why = Annotated[
    str, typer.Option("--why", callback=person.reason, help="Why, for the record: shown with the command from then on.")
]
