"""A sent command and its events: as lines, and for programs."""

from datetime import timedelta
from typing import Any

from events.wire.event_reader import PublishedEvent
from events.wire.instants import format_instant
from worker.cli.output.console import say, show
from worker.cli.output.event import details, headline
from worker.operators.errors import NoAnswer
from worker.operators.sending.send import SendRequest, SentCommand
from worker.operators.wording.durations import spoken
from worker.operators.wording.message_types import short


def say_sent(sent: SentCommand) -> None:
    """Tell where the record is, and how long its answer is waited for."""
    request, ack = sent.request, sent.ack
    place = f"{ack.partition.topic}, partition {ack.partition.number}, offset {ack.offset}"
    say(f"Sent {short(request.type)} {request.identity.id} ({place}).")
    if request.wait is not None:
        say(f"Waiting up to {spoken(request.wait)} for the answer; Ctrl-C stops waiting, not the command.")


def show_event(event: PublishedEvent) -> None:
    """Print an event with its details."""
    name, data = event.event.wire_type(), event.event.wire_data()
    at = f"{event.time:%H:%M:%S}" if event.time else " " * 8
    show(f"{at}  {short(name):<24} {headline(name, data)}".rstrip())
    for line in details(name, data):
        show(f"{'':<10}{line}")


def no_answer(request: SendRequest, wait: timedelta) -> NoAnswer:
    """The error for a wait that ended without an answer."""
    return NoAnswer(
        f"no answer within {spoken(wait)}. The command goes on.",
        f"See `azplan commands show {request.identity.id}`. If this id was sent before, its answer came then, "
        "and not again.",
    )


def facts(sent: SentCommand) -> dict[str, Any]:
    """A sent command and its events for programs."""
    request, identity = sent.request, sent.request.identity
    return {
        "id": identity.id,
        "source": identity.source,
        "type": request.type,
        "customerId": request.customer,
        "partner": identity.partner,
        "topic": sent.ack.partition.topic,
        "partition": sent.ack.partition.number,
        "offset": sent.ack.offset,
        "events": [_event_facts(event) for event in sent.events],
    }


def _event_facts(event: PublishedEvent) -> dict[str, Any]:
    return {
        "id": event.id,
        "type": event.event.wire_type(),
        "time": None if event.time is None else format_instant(event.time),
        "data": event.event.wire_data(),
    }
