"""The story of a command as a person reads it: its answer and what to do, then the facts, then everything in time."""

import json
from collections.abc import Iterator

from worker.cli.output.console import STYLES, say, show, show_wrapped
from worker.cli.output.instants import clock_time, date_time, day
from worker.cli.output.story.timeline import Line, fold, timeline
from worker.cli.output.story.unknown_outcome import told
from worker.cli.output.story.verdict import facts, verdict
from worker.cli.output.text_wrapping import tied
from worker.journal.reading.views import Story
from worker.journal.records import Micros, Step
from worker.operators.unknown_outcome import evidence
from worker.operators.wording.message_types import short

_LABEL, _WHAT, _INDENT = 13, 11, 23
"""Characters of a label, of the kind of a line, and before the text of a line."""


def show_story(story: Story, now: Micros) -> None:
    """Print the story. Looks with the same result are counted in one line."""
    command = story.command
    stands = f"{command.state}{f' ({command.code})' if command.code else ''}"
    show((f"{short(command.type)} {command.id}: ", "bold"), (stands, STYLES.get(command.state, "")))
    for name, text in verdict(story, now):
        _told(name, text)
    _unknown(story)
    show()
    for name, text in facts(story, now):
        _told(name, text)
    show()
    lines = timeline(story)
    shown = fold(lines)
    _timeline(shown)
    if story.steps:
        show()
        show(("Writes at Partner Center:", "bold"))
        for step in story.steps:
            _show_step(step)
    if len(shown) < len(lines):
        say("Looks that say the same are counted in one line; --json has each of them.")


def _told(name: str, text: str) -> None:
    show_wrapped(text, indent=_LABEL, start=f"{name:<{_LABEL}}")


def _unknown(story: Story) -> None:
    unknown = evidence(story)
    if unknown is not None:
        show()
        show(("Not known: whether it took effect at Microsoft. Look there, then decide:", "bold"))
        for indent, text in told(unknown):
            show_wrapped(text, indent=indent + 2, start=" " * indent)


def _timeline(lines: list[Line]) -> None:
    """Print the lines with the time of day, each day under its date."""
    today = ""
    for line in lines:
        if day(line.at) != today:
            today = day(line.at)
            show((f"{today} UTC", "bold"))
        last = clock_time(line.last) if day(line.last) == today else f"{day(line.last)} {clock_time(line.last)}"
        counted = f"  {tied(f'×{line.times}, last {last}')}" if line.times > 1 else ""
        start = f"{clock_time(line.at)}  {line.what:<{_WHAT}}  "
        show_wrapped(_with_count(line.text, counted), indent=_INDENT, start=start)
        for more in line.rest:
            show_wrapped(more, indent=_INDENT + 2, start=" " * _INDENT)


def _with_count(text: str, counted: str) -> str:
    """The text with the count before the ids of a call, which are the least important part of the line."""
    before, request, ids = text.partition("  " + tied("request "))
    return f"{before}{counted}{request}{ids}"


def _show_step(step: Step) -> None:
    state = step.state.replace("_", " ")
    tries = "once" if step.attempts == 1 else f"{step.attempts} times"
    doubt = f", may still arrive until {date_time(step.until)}" if step.in_doubt and step.until else ""
    show_wrapped(f"{step.name}  {step.effect}  {state}, tried {tries}{doubt}", indent=4, start="  ")
    for text in _values(step):
        show_wrapped(text, indent=6, start="    ")


def _values(step: Step) -> Iterator[str]:
    for name, value in (("by", step.details), ("gave", step.result)):
        if value:
            yield f"{name} {json.dumps(value, ensure_ascii=False)}"
