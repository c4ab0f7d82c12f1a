"""The records of the events topic: azplan's own events, and records of others, which are skipped."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from events.messages.base import Event
from events.messages.command_status import CommandIdReused
from events.wire.codec import NotACommand, decode
from events.wire.event_reader import PublishedEvent, SkippedRecords, read_event, read_own_event
from events.wire.record import Record
from worker.broker.port import Admin, Partition

NOT_THERE = "the record that it is about is not on the commands topic, so its ce_id cannot be checked"


class PublishedEvents:
    """Reads azplan's own events one by one, and remembers the records that were skipped."""

    def __init__(self, admin: Admin, commands_topic: str, wants: Callable[[Event], bool] = lambda _: True) -> None:
        """`wants`: whether an event is of interest. Other events are neither returned nor counted as skipped."""
        self._admin = admin
        self._topic = commands_topic
        self._wants = wants
        self._there: Mapping[Partition, range] = {}
        self.passed = SkippedRecords()

    async def event(self, record: Record) -> PublishedEvent | None:
        """The event in a record; None if it is no event of azplan, or of no interest. Raises `BrokerError`."""
        found = read_event(record)
        if isinstance(found, PublishedEvent):
            event = found.event
            if not self._wants(event):
                return None
            refused = await self._content(event) if isinstance(event, CommandIdReused) else None
            found = read_own_event(record, refused)
            if isinstance(event, CommandIdReused) and refused is None and not isinstance(found, PublishedEvent):
                found = replace(found, why=NOT_THERE)
        if isinstance(found, PublishedEvent):
            return found
        self.passed.add(found)
        return None

    async def _content(self, event: CommandIdReused) -> str | None:
        """The fingerprint of the refused record; None if the topic does not have the record any more."""
        place = Partition(event.topic, event.partition)
        if place.topic != self._topic:
            return None
        if not self._there or event.offset >= self._there.get(place, range(0)).stop:
            await self._look()
        if event.offset not in self._there.get(place, range(0)):
            return None
        async for record in self._admin.read({place: range(event.offset, event.offset + 1)}):
            decoded = decode(record)
            return None if isinstance(decoded, NotACommand) else decoded.fingerprint
        return None

    async def _look(self) -> None:
        ends, first = await self._admin.ends(self._topic), await self._admin.beginnings(self._topic)
        self._there = {each: range(start, ends[each]) for each, start in first.items()}
