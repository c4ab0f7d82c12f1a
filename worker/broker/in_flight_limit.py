"""How much may be on its way to the brokers at once: never more than fits into one request.

The library puts one batch of each partition of a broker into one request, however large that becomes. A broker that
finds a request too large closes the connection without a word (Apache Kafka's `socket.request.max.bytes`, Azure Event
Hubs). So the sum of all records that were handed to the library and not yet acknowledged is bounded here.
"""

import asyncio
from typing import Final

from events.wire.dead_letter import record_size
from events.wire.record import Outgoing

# The header of a request with our client id, and the number of topics.
_REQUEST_OVERHEAD: Final = 100
# The topic's name may be there once for each record, with a length, a number of partitions, a partition and a length.
_PLACE_OVERHEAD: Final = 20


def weight(topic: str, record: Outgoing) -> int:
    """An upper bound of the bytes that a record adds to a request."""
    return record_size(record) + len(topic) + _PLACE_OVERHEAD


def capacity(request: int) -> int:
    """How much weight a request of so many bytes carries."""
    return request - _REQUEST_OVERHEAD


def largest_record(request: int, topic: str) -> int:
    """The `record_size` of the largest record for `topic` that fits into a request of so many bytes."""
    return capacity(request) - len(topic) - _PLACE_OVERHEAD


class InFlightLimit:
    """What is on its way through one producer. One task at a time may wait to enter."""

    def __init__(self) -> None:
        self.peak = 0
        """The most that was on its way since there was nothing."""
        self._taken = 0
        self._left = asyncio.Event()

    async def enter(self, weight: int, most: int) -> None:
        """Wait until `weight` more is no more than `most`, or nothing else is on its way; then take it."""
        while self._taken and self._taken + weight > most:
            self._left.clear()
            await self._left.wait()
        self.peak = max(self.peak if self._taken else 0, self._taken + weight)
        self._taken += weight

    def leave(self, weight: int) -> None:
        """It has been acknowledged or has failed."""
        self._taken -= weight
        self._left.set()
