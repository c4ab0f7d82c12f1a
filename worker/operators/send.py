"""A command on its way: written to the commands topic, its events printed as they come, its end as an exit code."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import typer

from events.messages.base import Event
from events.messages.status import CommandFailed, CommandIdReused, CommandRejected
from events.wire.instants import format_instant
from events.wire.published_event import PublishedEvent
from events.wire.record import Outgoing
from worker.broker.port import Ack, BrokerUnavailable
from worker.cli.durations import spoken
from worker.cli.exit_codes import Code, Stop
from worker.cli.output.event import details, headline, passed_over
from worker.cli.output.terminal import say, show, show_json
from worker.operators import connections
from worker.operators.compose import Identity
from worker.operators.follow_events import events_after
from worker.operators.message_types import short
from worker.operators.published_events import ToldEvents
from worker.settings.model import Settings


@dataclass(frozen=True, slots=True)
class Request:
    """A command to be sent, and how long its answer is waited for; None: not at all."""

    type: str
    customer: str
    identity: Identity
    outgoing: Outgoing
    wait: timedelta | None


@dataclass(slots=True)
class Sent:
    """A command that Kafka has acknowledged, and what came of it so far."""

    request: Request
    ack: Ack
    events: list[PublishedEvent] = field(default_factory=list)

    def is_about(self, event: Event) -> bool:
        """Whether the event is of this command."""
        identity = self.request.identity
        return (event.command_id, event.command_source) == (identity.id, identity.source)

    def ends_with(self, event: PublishedEvent) -> Code | None:
        """The exit code where `event` is the answer to what was sent; None where it is not."""
        match event.event:
            case CommandFailed():
                return Code.FAILED
            case CommandRejected():
                return Code.REFUSED
            case CommandIdReused() as reused:
                place = (reused.topic, reused.partition, reused.offset)
                return Code.REFUSED if place == (*self.ack.partition, self.ack.offset) else None
            case other:
                return Code.OK if other.terminal else None

    def facts(self) -> dict[str, Any]:
        """All of it for a program."""
        request, identity = self.request, self.request.identity
        return {
            "id": identity.id,
            "source": identity.source,
            "type": request.type,
            "customerId": request.customer,
            "partner": identity.partner,
            "topic": self.ack.partition.topic,
            "partition": self.ack.partition.number,
            "offset": self.ack.offset,
            "events": [_event_facts(event) for event in self.events],
        }


async def send(settings: Settings, request: Request, *, as_json: bool) -> None:
    """Send it and print what comes of it. Raises Stop or typer.Exit with the exit code where that is not 0."""
    async with connections.admin(settings) as admin:
        topic = settings.kafka.events_topic
        # Taken before sending: the answer may be there before anybody looks again.
        starts = dict(await admin.ends(topic)) if request.wait else {}
        sent = Sent(request, await _deliver(settings, request))
        _say_sent(sent)
        if request.wait is None:
            show_json(sent.facts()) if as_json else show(request.identity.id)
            return
        told = ToldEvents(admin, settings.kafka.commands_topic, sent.is_about)
        code = await _follow(events_after(admin, topic, starts, told), sent, as_json=as_json)
        for line in passed_over(told.passed, topic):
            say(line)
    if as_json:
        show_json(sent.facts())
    if code is None:
        raise _no_answer(request, request.wait)
    raise typer.Exit(code)


async def _deliver(settings: Settings, request: Request) -> Ack:
    try:
        async with connections.sink(settings) as sink:
            return await sink.send(settings.kafka.commands_topic, request.outgoing)
    except BrokerUnavailable as error:
        again = f"Send it again with --id {request.identity.id}: should it be there already, nothing happens twice."
        raise Stop(Code.UNAVAILABLE, str(error), again) from error


async def _follow(events: AsyncIterator[PublishedEvent], sent: Sent, *, as_json: bool) -> Code | None:
    """Print the events of the command until one answers it; its exit code, or None where the time is over."""
    seconds = sent.request.wait.total_seconds() if sent.request.wait else 0.0
    try:
        async with asyncio.timeout(seconds):
            async for event in events:
                sent.events.append(event)
                if not as_json:
                    _show_event(event)
                code = sent.ends_with(event)
                if code is not None:
                    return code
    except TimeoutError:
        return None
    except asyncio.CancelledError:
        say(f"The command goes on; see `azplan commands show {sent.request.identity.id}`.")
        raise
    return None


def _no_answer(request: Request, wait: timedelta) -> Stop:
    identity = request.identity
    return Stop(
        Code.NO_ANSWER,
        f"no answer within {spoken(wait)}. The command goes on.",
        f"See `azplan commands show {identity.id}`. If this id was sent before, its answer came then, and not again.",
    )


def _say_sent(sent: Sent) -> None:
    request, ack = sent.request, sent.ack
    place = f"{ack.partition.topic}, partition {ack.partition.number}, offset {ack.offset}"
    say(f"Sent {short(request.type)} {request.identity.id} ({place}).")
    if request.wait is not None:
        say(f"Waiting up to {spoken(request.wait)} for the answer; Ctrl-C stops waiting, not the command.")


def _show_event(event: PublishedEvent) -> None:
    name, data = event.event.wire_type(), event.event.wire_data()
    at = f"{event.time:%H:%M:%S}" if event.time else " " * 8
    show(f"{at}  {short(name):<24} {headline(name, data)}".rstrip())
    for line in details(name, data):
        show(f"{'':<10}{line}")


def _event_facts(event: PublishedEvent) -> dict[str, Any]:
    return {
        "id": event.id,
        "type": event.event.wire_type(),
        "time": None if event.time is None else format_instant(event.time),
        "data": event.event.wire_data(),
    }
