"""`azplan files`: the files of exports, listed, shown, verified and pruned. Reads the destination, and no message."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

import typer

from worker.assembly.parts import open_destination
from worker.cli import interruptible, person
from worker.cli.asking import within
from worker.cli.exit_codes import Code
from worker.cli.help_layout import LOOKING, examples
from worker.cli.list_by_default import ListByDefault
from worker.cli.options import DestinationWait, Json, OfPartner, Who, Yes
from worker.cli.output import files as output
from worker.cli.output.confirm import insist
from worker.cli.output.console import say
from worker.cli.output.json import show_json
from worker.cli.output.progress import read_progress
from worker.files.destination import Destination, Published
from worker.files.verification import Verified
from worker.operators import connections
from worker.operators import files as operators
from worker.operators.files import Listed, Removal, Which
from worker.operators.who_and_why import Signature
from worker.settings import model
from worker.settings.model import Settings

OfDataset = Annotated[str, typer.Argument(metavar="DATASET", help="Path of the dataset below v1/, as the list has it.")]
OneDataset = Annotated[str | None, typer.Argument(metavar="DATASET", help="Only this dataset.")]


def register(app: typer.Typer) -> None:
    """Add the verbs of this group."""
    one = "partner=contoso/lines=usage/billed/invoice=G016907411"
    group = typer.Typer(cls=ListByDefault)
    group.command(
        "list",
        epilog=examples(
            app, "azplan files", "azplan files list --invoice G016907411 --lines usage", "azplan files --json"
        ),
    )(list_)
    group.command(epilog=examples(app, f"azplan files show {one}"))(show)
    group.command(epilog=examples(app, "azplan files verify", f"azplan files verify {one} --all"))(verify)
    group.command(epilog=examples(app, "azplan files prune", "azplan files prune --why 'the disk is full'"))(prune)
    app.add_typer(
        group, name="files", help="List, show, verify and prune the files of exports.", rich_help_panel=LOOKING
    )


def list_(
    invoice: Annotated[str | None, typer.Option(metavar="ID", help="Only those of this invoice.")] = None,
    lines: Annotated[
        str | None, typer.Option(metavar="KIND", help="Only reconciliation, usage or aggregatedUsage.")
    ] = None,
    partner: OfPartner = None,
    wait: DestinationWait = None,
    as_json: Json = False,
) -> None:
    """List the datasets at AZPLAN_FILES__URL, each with its newest version.

    With `--json` an array with `dataset`, `latest` and `versions[]`. Exit code 3 when nothing matches, 5 when
    `--wait` was too short, 69 when the destination does not answer, 78 when it refuses.
    """
    destination = open_destination(model.load(calling=False))
    found = interruptible.run(within(wait, operators.found(destination, Which(partner, invoice, lines))))
    if as_json:
        show_json([output.dataset_facts(each) for each in found])
    else:
        output.show_datasets(found)


def show(dataset: OfDataset, partner: OfPartner = None, wait: DestinationWait = None, as_json: Json = False) -> None:
    """Show a dataset: its versions, and the source, files, totals and notices of the newest.

    With `--json` also the whole manifest of the newest version. Exit code 3 when there is no such dataset.
    """
    destination = open_destination(model.load(calling=False))
    listed, versions = interruptible.run(within(wait, _read(destination, Which(partner, dataset=dataset))))
    if as_json:
        show_json(output.versions_facts(listed, versions))
    else:
        output.show_dataset(listed, versions)


def verify(
    dataset: OneDataset = None,
    every: Annotated[bool, typer.Option("--all", help="Every version, and not only the newest.")] = False,
    partner: OfPartner = None,
    wait: DestinationWait = None,
    as_json: Json = False,
) -> None:
    """Read every file of the newest versions and compare its hash with the manifest.

    Without DATASET also statements and usage records: their names have the first digits of their hashes. Counts lines
    of the source that are equal in every attribute (notice `identical_lines`, which is no problem). Exit code 1 when
    any file differs or is missing, 3 when nothing matches.
    """
    destination = open_destination(model.load(calling=False))
    found = interruptible.run(within(wait, _verify(destination, Which(partner, dataset=dataset), every=every)))
    if as_json:
        show_json([output.verified_facts(each) for each in found])
    else:
        output.show_verified(found)
    if any(each.problems for each in found):
        raise typer.Exit(Code.FAILED)


def prune(
    partner: OfPartner = None,
    wait: DestinationWait = None,
    who: Who = "",
    why: Annotated[
        str, typer.Option("--why", callback=person.reason, help="Why, for the record of the removed versions.")
    ] = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Remove versions of unbilled months beyond AZPLAN_FILES__KEEP_UNBILLED, and files that belong to no version.

    Versions of an invoice stay, and so does every newest version and every dataset that a command works on. Exit code 3
    when nothing is to be removed.
    """
    loaded = model.load(calling=False)
    done = interruptible.run(_prune(loaded, partner, Signature(who, why), yes=yes, wait=wait))
    if as_json:
        show_json([output.removal_facts(each) for each in done])
    else:
        say(output.removed(done, "Removed"))


async def _read(destination: Destination, which: Which) -> tuple[Listed, Sequence[Published]]:
    (listed,) = await operators.found(destination, which)
    return listed, await operators.versions_of(destination, listed, every=True)


async def _verify(destination: Destination, which: Which, *, every: bool) -> list[Verified]:
    meant = await operators.to_verify(destination, which, every=every)
    with read_progress(operators.bytes_of(meant), "verify") as read:
        return [each async for each in operators.verified(destination, meant, read)]


async def _prune(
    loaded: Settings, partner: str | None, signature: Signature, *, yes: bool, wait: timedelta | None
) -> Sequence[Removal]:
    destination = open_destination(loaded)
    async with connections.journal(loaded) as journal:
        planned = await within(wait, operators.plan_prune(destination, journal, partner))
        output.say_plan(planned)
        insist("Remove them?", yes=yes)
        return await within(wait, operators.prune(destination, journal, signature, planned))
