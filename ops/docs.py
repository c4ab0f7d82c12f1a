"""The pages of docs/ that are made from the code: settings, errors, metrics, verbs and messages.

    python -m ops.docs

writes them. A house test finds a page that differs from the code.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from events.codes import Code, FailedCode, RecordCode, RejectedCode, WaitingReason
from events.contract_files import example, schema
from events.messages.base import Event, commands, events
from worker import metrics
from worker.cli import exit_codes
from worker.cli.main import build
from worker.settings import reference

FOLDER = Path(__file__).parents[1] / "docs"

NOTE = "<!-- Made from the code by `make docs`. Change the code, then run it. -->"

CODES: Mapping[str, type[Code]] = {
    "The answer is no: `CommandRejected`": RejectedCode,
    "The worker gave up: `CommandFailed` and a dead letter": FailedCode,
    "The record is no command: a dead letter": RecordCode,
    "The command waits: `CommandWaiting`": WaitingReason,
}

EXIT_CODES: Mapping[exit_codes.Code, str] = {
    exit_codes.Code.OK: "done",
    exit_codes.Code.FAILED: "tried and failed; with `send --wait`: `CommandFailed`",
    exit_codes.Code.USAGE: "the words of the command line do not fit",
    exit_codes.Code.NOTHING: "nothing matched",
    exit_codes.Code.REFUSED: "`CommandRejected`",
    exit_codes.Code.NO_ANSWER: "no answer in the time given",
    exit_codes.Code.UNAVAILABLE: "a dependency is unavailable",
    exit_codes.Code.CONFIGURATION: "the settings, or what they name, cannot be used",
    exit_codes.Code.INTERRUPTED: "ended by SIGINT (Ctrl-C)",
    exit_codes.Code.TERMINATED: "ended by SIGTERM",
}

FORMATS = {"uuid": "GUID", "date-time": "instant (RFC 3339)"}
"""What the page of the messages calls the formats of JSON Schema."""


def settings() -> str:
    """The page of the settings."""
    return _page(
        "Settings",
        "For people who deploy azplan: every setting, its default and its meaning. `azplan config show` prints the "
        "value that counts on a machine and where it came from, with secrets masked.",
        "azplan looks for a setting in the environment first, then in the files of secrets, then in `azplan.toml`, "
        "then takes the default. Durations are seconds or ISO 8601. [Deploying](deploying.md) says which settings a "
        "first start needs.",
        reference.table(),
    )


def errors() -> str:
    """The page of the code words."""
    parts = []
    for heading, codes in CODES.items():
        rows = [(f"`{each}`", each.meaning.cause, each.meaning.fault, each.meaning.advice) for each in codes]
        parts += [f"## {heading}", _table(("code", "means", "who can fix it", "what to do"), rows)]
    return _page(
        "Errors and waits",
        "For people who read an answer, a dead letter or a wait: what each code means, who can fix the cause, and "
        "what to do next. `azplan errors explain CODE` prints the same, and knows the codes of Partner Center "
        "(`900115`) and of Microsoft's sign-in (`AADSTS7000215`) too.",
        "`caller` is the system that sent the command. `partner` is the partner that runs azplan: its set-up, its "
        "account at Microsoft, its customers.",
        *parts,
    )


def exported_metrics() -> str:
    """The page of the metrics."""
    rows = [(f"`{name}`", kind, ", ".join(labels) or "-", text) for name, kind, labels, text in metrics.described()]
    return _page(
        "Metrics",
        "For people who watch azplan: every metric of `/metrics` (port 9464), for dashboards and alerts. "
        "`ops/grafana` has a dashboard that shows them.",
        _table(("metric", "type", "labels", "meaning"), rows),
    )


def verbs() -> str:
    """The page of the command line."""
    program = typer.main.get_command(build())
    return _page(
        "Verbs of the command line",
        "For people who work at a terminal: every verb of `azplan` with its arguments, options and examples, as "
        "`--help` prints them. [Recipes](recipes.md) show the verbs at work.",
        "Every verb that prints data has `--json`. Every verb that changes something prints its plan first and needs "
        "`--yes` or a yes; [Operating](operating.md#who-did-it-and-why) says what `--who` and `--why` keep.",
        *_verb(program, "azplan"),
        "## Exit codes",
        _table(("code", "means"), [(f"{code:d}", EXIT_CODES[code]) for code in exit_codes.Code]),
    )


def messages() -> str:
    """The page of the commands and events."""
    parts: dict[str, Any] = {}
    sections = []
    for heading, kinds in (("Commands", commands()), ("Events", events())):
        sections.append(f"## {heading}")
        if kinds == events():
            sections += ["Every event has these members:", _members_of_every_event()]
        for type_ in kinds:
            sections += _message(type_, parts)
    sections.append("## Parts of messages")
    for name in sorted(parts):
        sections += [f"### {name}", _description(parts[name]), _members(parts[name])]
    return _page(
        "Commands and events",
        "For people who write a system that sends commands or reads events: every message, its members and an "
        "example of its record. `azplan contract` prints the same as JSON Schemas.",
        "A command is a closed object: azplan refuses a member that it does not know. A reader of events ignores the "
        "members that it does not know. In a command, a member without a default is required; an event has all its "
        "members, except that `truncated` is left out if no list was cut. The "
        "codes are in "
        "[Errors and waits](errors.md).",
        *filter(None, sections),
    )


PAGES: Mapping[str, Callable[[], str]] = {
    "settings.md": settings,
    "errors.md": errors,
    "metrics.md": exported_metrics,
    "verbs.md": verbs,
    "messages.md": messages,
}


def main() -> int:
    """Write the pages."""
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), "utf-8")
    return 0


def _page(title: str, *paragraphs: str) -> str:
    return "\n\n".join((f"# {title}", NOTE, *paragraphs)) + "\n"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = (" | ".join(cell.replace("|", "\\|") for cell in row) for row in rows)
    return "\n".join([f"| {' | '.join(heads)} |", "|---" * len(heads) + "|", *(f"| {line} |" for line in lines)])


def _verb(command: Any, name: str) -> Iterator[str]:
    """The sections of one verb, or of every verb of a group."""
    inner = getattr(command, "commands", {})
    if not inner:
        yield f"## `{name}`" if name.count(" ") == 1 else f"### `{name}`"
        yield _paragraphs(command.help or "")
        yield from _parameters(command, name)
        if lines := re.findall(r"azplan .*?(?=`?$)|AZPLAN_\S+=.*?(?=`?$)", command.epilog or "", re.MULTILINE):
            yield "\n".join(["```sh", *lines, "```"])
        return
    if " " in name:
        yield f"## `{name}`"
        yield _paragraphs(command.help or "")
    for word in sorted(inner):
        yield from _verb(inner[word], f"{name} {word}")


def _parameters(command: Any, name: str) -> Iterator[str]:
    context = typer.Context(command, info_name=name)
    records = [each.get_help_record(context) for each in command.params]
    rows = [(f"`{_one_line(given)}`", _one_line(text)) for given, text in filter(None, records)]
    if rows:
        yield _table(("argument or option", "meaning"), rows)


def _paragraphs(text: str) -> str:
    """`text` with a line for each paragraph."""
    return re.sub(r"(?<!\n)\n(?!\n)", " ", text.strip())


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _message(type_: str, parts: dict[str, Any]) -> list[str]:
    """The section of one message. Adds the objects that its members hold to `parts`."""
    found, record = schema(type_), example(type_)
    parts |= found.get("$defs", {})
    shown = {name: record[name] for name in ("key", "headers", "value")}
    return [
        f"### {type_.split('.')[1]}",
        f"`{type_}`. {_description(found)}",
        _members(found, leave_out=_common_names() if type_ in events() else frozenset()),
        "\n".join(["```json", json.dumps(shown, indent=2), "```"]),
    ]


def _members_of_every_event() -> str:
    whole = schema(next(iter(events())))
    return _members(whole, leave_out=frozenset(whole["properties"]) - _common_names())


def _common_names() -> frozenset[str]:
    return frozenset(field.alias or name for name, field in Event.model_fields.items())


def _description(found: Mapping[str, Any]) -> str:
    return _paragraphs(str(found.get("description", "")))


def _members(found: Mapping[str, Any], leave_out: frozenset[str] = frozenset()) -> str:
    """The members of an object as a table, or the words of an enumeration as a sentence."""
    if "enum" in found:
        return f"One of {', '.join(f'`{word}`' for word in found['enum'])}."
    required = found.get("required", ())
    rows = [
        (f"`{name}`", _type(each), _default(each, required=name in required), _description(each))
        for name, each in found["properties"].items()
        if name not in leave_out
    ]
    return _table(("member", "type", "default", "meaning"), rows) if rows else ""


def _type(member: Mapping[str, Any]) -> str:
    """The type of a member in words, with a link to the section of an object."""
    if "anyOf" in member:
        return " or ".join(map(_type, member["anyOf"]))
    if "$ref" in member:
        name = member["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in member:
        return " or ".join(f"`{word}`" for word in member["enum"])
    if member["type"] == "array":
        return f"list of {_type(member['items'])}"
    return FORMATS.get(member.get("format", ""), str(member["type"]))


def _default(member: Mapping[str, Any], *, required: bool) -> str:
    return "" if required or "default" not in member else f"`{json.dumps(member['default'])}`"


if __name__ == "__main__":
    sys.exit(main())
