"""Topics of a broker in memory, seen from outside the group."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime

from events.wire.record import Record
from tests.support.memory_broker import MemoryBroker
from worker.broker.port import Partition


class MemoryAdmin:
    """The reading half of `worker.broker.port.Admin`."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    async def beginnings(self, topic: str) -> Mapping[Partition, int]:
        """The first offsets: a broker in memory keeps everything."""
        return {Partition(topic, number): 0 for number in range(len(self._broker._topics[topic]))}

    async def ends(self, topic: str) -> Mapping[Partition, int]:
        """Newest offsets."""
        return {each: self._broker.end(each) for each in await self.beginnings(topic)}

    async def offsets_at(self, topic: str, instant: datetime) -> Mapping[Partition, int]:
        """The first offsets of that instant or later."""
        milliseconds = int(instant.timestamp() * 1000)
        found = {}
        for each, end in (await self.ends(topic)).items():
            later = (one.offset for one in self._broker.read(each, 0, end) if (one.timestamp or 0) >= milliseconds)
            found[each] = next(later, end)
        return found

    async def read(self, ranges: Mapping[Partition, range]) -> AsyncIterator[Record]:
        """Records of these ranges."""
        for each, offsets in ranges.items():
            for record in self._broker.read(each, offsets.start, len(offsets)):
                yield record
