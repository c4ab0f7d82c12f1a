"""What a code means: a code of azplan, of one of Microsoft's services, or of Microsoft's sign-in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from events.codes import Code, FailedCode, RecordCode, RejectedCode, WaitingReason, codes
from worker.operators.errors import NothingFound
from worker.partner_center.answers.error_code_explanations import Explanation, as_written, explanations, known_codes
from worker.partner_center.client.trouble_explanations import Trouble, find_trouble, known_trouble
from worker.partner_center.operation import SERVICES, Api

SEEN_IN: Final[Mapping[type[Code], str]] = {
    RejectedCode: "CommandRejected",
    FailedCode: "CommandFailed, dead letters",
    RecordCode: "dead letters",
    WaitingReason: "CommandWaiting",
}


@dataclass(frozen=True, slots=True)
class CodeMeaning:
    """One meaning of a code. `resolved_by` says whether a person has to act; None if the advice says everything."""

    seen_in: str
    title: str
    cause: str
    fault: str
    advice: str
    resolved_by: str | None = None


@dataclass(frozen=True, slots=True)
class ExplainedCode:
    """A code as its source writes it, and its meanings; there may be several."""

    code: str
    meanings: Sequence[CodeMeaning]


def explain(code: str) -> ExplainedCode:
    """The meanings of a code, in upper or lower case. Raises `NothingFound` with the known codes that are like it."""
    code = code.strip().lower()
    ours = [(place, each.meaning) for words, place in SEEN_IN.items() for each in words if each == code]
    if ours:
        return ExplainedCode(
            code, [CodeMeaning(place, each.title, each.cause, each.fault, each.advice) for place, each in ours]
        )
    sign_in, name = find_trouble(code), as_written(code)
    meanings = [*map(_of_a_service, explanations(name)), *([_of_sign_in(sign_in)] if sign_in else [])]
    if not meanings:
        raise _unknown(code)
    return ExplainedCode(sign_in.kind if sign_in else name, meanings)


def _of_a_service(each: Explanation) -> CodeMeaning:
    where = "an export that failed" if each.service is Api.GRAPH else "an item of a cart"
    seen_in = where if each.status is None else f"HTTP {each.status}"
    return CodeMeaning(f"{SERVICES[each.service]}, {seen_in}", each.title, each.cause, each.fault, each.advice)


def _of_sign_in(each: Trouble) -> CodeMeaning:
    seen_in = "Microsoft's sign-in" if each.code else "the way to Microsoft's sign-in and Partner Center"
    resolved = "a person" if each.person else "itself: azplan asks again"
    return CodeMeaning(seen_in, each.title, each.cause, each.fault, each.advice, resolved)


def _unknown(code: str) -> NothingFound:
    signs = (each.removeprefix("AADSTS") for each in known_trouble())
    near = get_close_matches(code.removeprefix("aadsts"), [*codes(), *known_codes(), *signs], n=3)
    hint = f"Did you mean {', '.join(near)}?" if near else f"Codes of azplan: {', '.join(codes())}."
    return NothingFound(f"no code {code!r} is known.", hint)
