"""A command sent to the commands topic, and the events that answer it."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from events.messages.base import Event
from events.messages.command_status import CommandFailed, CommandIdReused, CommandRejected
from events.wire.event_reader import PublishedEvent, SkippedRecords
from events.wire.record import Outgoing
from worker.broker.port import Ack, Admin, BrokerUnavailable, Partition, Sink
from worker.operators.errors import NotReachable
from worker.operators.sending.compose import CommandIdentity
from worker.operators.sending.follow_events import events_after
from worker.operators.sending.genuine_events import PublishedEvents
from worker.settings.model import Settings


class AnswerKind(StrEnum):
    """How a command was answered."""

    DONE = "done"
    FAILED = "failed"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class SendRequest:
    """A command to send, and how long to wait for its answer; None: not at all."""

    type: str
    customer: str
    identity: CommandIdentity
    outgoing: Outgoing
    wait: timedelta | None


@dataclass(slots=True)
class SentCommand:
    """A command that Kafka has acknowledged, and its events so far."""

    request: SendRequest
    ack: Ack
    starts: Mapping[Partition, int]
    """Where the events topic ended before the command was sent."""
    passed_over: SkippedRecords = field(default_factory=SkippedRecords)
    """The records of the events topic that are not believed to be azplan's."""
    events: list[PublishedEvent] = field(default_factory=list)

    def is_about(self, event: Event) -> bool:
        """Whether the event is about this command."""
        identity = self.request.identity
        return (event.command_id, event.command_source) == (identity.id, identity.source)

    def answer(self, event: PublishedEvent) -> AnswerKind | None:
        """How `event` answers this very record; None if it is no answer to it."""
        match event.event:
            case CommandFailed():
                return AnswerKind.FAILED
            case CommandRejected():
                return AnswerKind.REJECTED
            case CommandIdReused() as reused:
                place = (reused.topic, reused.partition, reused.offset)
                return AnswerKind.REJECTED if place == (*self.ack.partition, self.ack.offset) else None
            case other:
                return AnswerKind.DONE if other.terminal else None


async def send_command(settings: Settings, admin: Admin, sink: Sink, request: SendRequest) -> SentCommand:
    """Write the command to the commands topic. Returns when Kafka has acknowledged the record.

    Raises `NotReachable` if the broker does not answer: the record may be on the topic. Sending it again with the same
    id is harmless.
    """
    kafka = settings.kafka
    # Read before sending: the answer may be there before anybody looks.
    starts = dict(await admin.ends(kafka.events_topic)) if request.wait else {}
    try:
        return SentCommand(request, await sink.send(kafka.commands_topic, request.outgoing), starts)
    except BrokerUnavailable as error:
        again = f"Send it again with --id {request.identity.id}: should it be there already, nothing happens twice."
        raise NotReachable(str(error), again) from error


async def follow_answer(settings: Settings, admin: Admin, sent: SentCommand) -> AsyncIterator[PublishedEvent]:
    """The events of a sent command as they are published, up to and with its answer. Waits without end."""
    kafka = settings.kafka
    told = PublishedEvents(admin, kafka.commands_topic, sent.is_about)
    sent.passed_over = told.passed
    async for event in events_after(admin, kafka.events_topic, sent.starts, told):
        sent.events.append(event)
        yield event
        if sent.answer(event) is not None:
            return
