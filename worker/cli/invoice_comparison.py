"""`azplan invoices compare`: whether an invoice adds up. Reads the files that its export published, and no message."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from worker.cli import interruptible
from worker.cli.exit_codes import Code, Stop
from worker.cli.options import Json, OfAccount
from worker.cli.output.console import say, show
from worker.cli.output.json import show_json
from worker.cli.output.spending import bridge as output
from worker.operators import connections
from worker.operators.invoices.bridge import bridge
from worker.operators.invoices.bridge_picture import Caption, picture
from worker.operators.invoices.comparisons import ComparedInvoice, compared_invoice, shares
from worker.settings import model

CODES = {"different": Code.FAILED, "incomplete": Code.NO_ANSWER}
"""Exit codes of what is not equal."""


def compare(
    invoice: Annotated[str, typer.Argument(metavar="ID", help="Id of the invoice.")],
    by: Annotated[
        Literal["customer", "chargeType", "product"] | None, typer.Option(help="Also divide the sums by this.")
    ] = None,
    top: Annotated[int | None, typer.Option(min=1, metavar="N", help="Only the first so many of --by.")] = None,
    chart: Annotated[
        Path | None, typer.Option(metavar="FILE.svg", help="Also draw the way from usage to invoice.")
    ] = None,
    partner: OfAccount = None,
    as_json: Json = False,
) -> None:
    """Show whether usage lines, reconciliation lines and invoice add up, and name every cent between them.

    Reads what `azplan invoices export` published. With `--json` the comparison, and the sums of `--by` in `sums[]`.
    Exit code 1 where they are different, 5 where Microsoft's usage is incomplete, 3 where nothing was compared yet.
    """
    if top is not None and by is None:
        raise Stop(Code.USAGE, "--top belongs to --by.", "Say what the sums are divided by with --by.")
    settings = model.load(calling=False)
    accounts = list(settings.partners) if partner is None else [partner]
    with connections.destination(settings) as destination:
        found = interruptible.run(compared_invoice(destination, accounts, invoice, with_groups=by is not None))
    parts = [] if by is None else shares(found.groups, by)[:top]
    if as_json:
        facts: dict[str, Any] = {"invoiceId": found.invoice_id, "version": found.version, **found.comparison}
        show_json(facts if by is None else {**facts, "sums": [output.share_facts(by, each) for each in parts]})
    else:
        output.show_comparison(found)
        if by is not None:
            show()
            output.show_shares(by, parts)
    if chart is not None:
        _draw(found, chart, blocks=not as_json)
    if found.comparison["differences"] and not as_json:
        number, more = len(found.comparison["differences"]), "" if found.has_all_differences else "or more "
        say(f"{number} {more}groups are apart: see the largest ones with --json.")
    raise typer.Exit(CODES.get(found.comparison["status"], Code.OK))


def _draw(found: ComparedInvoice, chart: Path, *, blocks: bool) -> None:
    status = found.comparison["status"].replace("_", " ")
    caption = Caption(
        f"{found.invoice_id} · {found.month} · {status}", f"version {found.version}, as of {found.as_of}, azplan"
    )
    bridges = [(each["currency"], bridge(each)) for each in found.comparison["currencies"]]
    try:
        chart.write_text(picture(caption, bridges), "utf-8")
    except OSError as error:
        raise Stop(Code.FAILED, f"{chart} cannot be written: {error.strerror}.", "Name another file.") from error
    if blocks:
        output.show_blocks(found)
    say(f"The picture is in {chart}.")
