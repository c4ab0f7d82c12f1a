"""`azplan errors`: what a code means, whose it is to mend, and what to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any

import typer

from events.codes import Code as OurCode
from events.codes import FailedCode, RecordCode, RejectedCode, WaitingReason, codes
from worker.cli.exit_codes import Code, Stop
from worker.cli.help_texts import LOOKING, examples
from worker.cli.options import Json
from worker.cli.output.terminal import show, show_json, show_wrapped
from worker.partner_center.answers.codes import Explanation, explanations, known_codes
from worker.partner_center.client.trouble import Trouble, find_trouble, known_trouble

APPEARS: Mapping[type[OurCode], str] = {
    RejectedCode: "CommandRejected",
    FailedCode: "CommandFailed, dead letters",
    RecordCode: "dead letters",
    WaitingReason: "CommandWaiting",
}


@dataclass(frozen=True, slots=True)
class Meaning:
    """One thing that a code can say."""

    seen_in: str
    title: str
    cause: str
    fault: str
    advice: str
    resolved_by: str | None = None
    """Whether a person is needed or it passes; None where the advice says all."""


def register(app: typer.Typer) -> None:
    """Add the verbs of this group."""
    group = typer.Typer(no_args_is_help=True)
    group.command(epilog=examples(app, "azplan errors explain active_assets", "azplan errors explain AADSTS7000215"))(
        explain
    )
    app.add_typer(group, name="errors", help="What the codes mean.", rich_help_panel=LOOKING)


def explain(
    code: Annotated[
        str,
        typer.Argument(
            help="A code of azplan (active_assets), of Partner Center (900115), or of sign-in (AADSTS7000215)."
        ),
    ],
    as_json: Json = False,
) -> None:
    """Explain a code: what it says, the cause, whose it is to mend, and what to do."""
    code = code.strip().lower()
    meanings = _meanings(code)
    sign_in = find_trouble(code)
    if sign_in is not None:
        code = sign_in.kind
    if not meanings:
        raise _unknown(code)
    if as_json:
        show_json({"code": code, "meanings": [_facts(meaning) for meaning in meanings]})
        return
    for meaning in meanings:
        show((f"{code}: {meaning.title}", "bold"))
        show_wrapped(meaning.seen_in, indent=15, start="  seen in      ")
        show_wrapped(meaning.cause, indent=15, start="  cause        ")
        show_wrapped(meaning.fault, indent=15, start="  whose fault  ")
        if meaning.resolved_by:
            show_wrapped(meaning.resolved_by, indent=15, start="  resolved by  ")
        show_wrapped(meaning.advice, indent=15, start="  what to do   ")


def _meanings(code: str) -> Sequence[Meaning]:
    ours = codes().get(code)
    if ours is not None:
        meaning = ours.meaning
        return [Meaning(APPEARS[type(ours)], meaning.title, meaning.cause, meaning.fault, meaning.advice)]
    sign_in = find_trouble(code)
    return [*(_of_partner_center(each) for each in explanations(code)), *([_of_sign_in(sign_in)] if sign_in else [])]


def _of_partner_center(each: Explanation) -> Meaning:
    seen_in = "an item of a cart" if each.status is None else f"HTTP {each.status}"
    return Meaning(f"Partner Center, {seen_in}", each.title, each.cause, each.fault, each.advice)


def _of_sign_in(each: Trouble) -> Meaning:
    seen_in = "Microsoft's sign-in" if each.code else "the way to Microsoft's sign-in and Partner Center"
    resolved = "a person" if each.person else "itself: azplan asks again"
    return Meaning(seen_in, each.title, each.cause, each.fault, each.advice, resolved)


def _facts(meaning: Meaning) -> dict[str, Any]:
    resolved = {"resolvedBy": meaning.resolved_by} if meaning.resolved_by else {}
    return resolved | {
        "seenIn": meaning.seen_in,
        "title": meaning.title,
        "cause": meaning.cause,
        "fault": str(meaning.fault),
        "advice": meaning.advice,
    }


def _unknown(code: str) -> Stop:
    signs = (each.removeprefix("AADSTS") for each in known_trouble())
    near = get_close_matches(code.removeprefix("aadsts"), [*codes(), *known_codes(), *signs], n=3)
    hint = f"Did you mean {', '.join(near)}?" if near else f"Codes of azplan: {', '.join(codes())}."
    return Stop(Code.NOTHING, f"no code {code!r} is known.", hint)
