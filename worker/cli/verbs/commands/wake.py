"""`azplan commands wake`: a person says that it is worth trying now."""

import asyncio
from collections.abc import Mapping
from typing import Annotated

import typer

from events.codes import WaitingReason
from worker.azure_plans.wording import counted
from worker.cli.exit_codes import Code, Stop
from worker.cli.options import Json, Source, Yes
from worker.cli.output.confirm import insist
from worker.cli.output.terminal import say, show_json
from worker.cli.person import Signature, Who, Why
from worker.journal.journal import Journal
from worker.journal.operating.wakeups import Waking
from worker.journal.selection import Selection
from worker.operators import connections
from worker.operators.commands import the_command
from worker.operators.pauses import replicas
from worker.operators.selection import OfPartner, check_partner, code_word
from worker.settings import model
from worker.settings.model import Settings

OfReason = Annotated[
    str | None, typer.Option("--reason", help="Only those that wait for this reason, such as retry or throttled.")
]
HELD = {
    "paused": "Commands that are paused wait for `azplan resume`.",
    "settling": "Commands that wait for settling go on when nothing that was sent can arrive any more.",
}
"""Why a wait is not ended by this verb, by its reason."""


def wake(
    id: Annotated[str | None, typer.Argument(metavar="ID", help="ce_id of one command.")] = None,  # noqa: A002
    source: Source = None,
    reason: OfReason = None,
    partner: OfPartner = None,
    every: Annotated[bool, typer.Option("--all", help="Every command that waits.")] = False,
    who: Who = "",
    why: Why = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Try waiting commands again now, for instance after an outage: they are due within two seconds.

    Circuits that are open let one request through at once, and tokens are asked for again. Pauses and settling stay.
    Exit code 3 where no command waits that matches.
    """
    given = [word for word in (id, reason, partner) if word is not None]
    if every == bool(given) or (id is not None and len(given) > 1):
        raise Stop(Code.USAGE, "say which commands: an ID, or --reason, --partner or both, or --all alone.")
    meant = None if reason is None else code_word(reason, WaitingReason, "--reason")
    if meant in HELD:
        raise Stop(Code.USAGE, f"a wait for the reason {meant} cannot be ended by this verb.", HELD[meant])
    words = Selection(reason=meant, partner=None if partner is None else partner.strip().casefold())
    done = asyncio.run(_wake(model.load(), (id, source), words, Signature(who, why), yes=yes))
    if as_json:
        show_json(done)


async def _wake(
    loaded: Settings, name: tuple[str | None, str | None], words: Selection, signature: Signature, *, yes: bool
) -> Mapping[str, object]:
    async with connections.journal(loaded) as journal:
        await check_partner(journal, loaded, words.partner)
        which = words if name[0] is None else Selection(uid=(await the_command(journal, name[0], name[1])).uid)
        waking = Waking(journal)
        found = await waking.counted(which)
        if not found:
            raise Stop(Code.NOTHING, "no command waits that matches.", await _why_none(journal, name))
        number = sum(found.values())
        reasons = ", ".join(f"{each} {reason or 'just begun'}" for reason, each in found.items())
        say(f"{counted(number, 'command')} would be tried again within two seconds: {reasons}.")
        insist(f"Wake {counted(number, 'command')}?", yes=yes)
        woken = await waking.wake(signature.who, signature.why, which)
        say(f"Woken: {counted(woken, 'command')}. {await replicas(journal)}")
        return {"woken": woken, "reasons": dict(found)}


async def _why_none(journal: Journal, name: tuple[str | None, str | None]) -> str:
    if name[0] is None:
        return "`azplan commands list --state waiting` shows what waits; " + HELD["paused"].lower()
    command = await the_command(journal, name[0], name[1])
    if command.state.known and not command.state.is_open:
        return f"{command.id} is over: {command.state}."
    return HELD.get(command.reason or "", f"{command.id} is due already, or waits behind another command.")
