"""The limit of bytes in flight to the brokers: never more than fits into one request.

The library puts one batch of each partition of a broker into one request, without a limit. A broker closes the
connection without an answer if a request is too large (Apache Kafka's `socket.request.max.bytes`, Azure Event Hubs).
So this module limits the sum of all records that the library has accepted and Kafka has not yet acknowledged.
"""

import asyncio
from typing import Final

from events.wire.dead_letter import record_size
from events.wire.record import Outgoing

# The header of a request with our client id, and the number of topics.
_REQUEST_OVERHEAD: Final = 100
# In the worst case the topic's name is repeated for each record, with four numbers.
_PLACE_OVERHEAD: Final = 20


def weight(topic: str, record: Outgoing) -> int:
    """An upper bound of the bytes that `record` adds to a request."""
    return record_size(record) + len(topic) + _PLACE_OVERHEAD


def capacity(request: int) -> int:
    """How much weight fits into a request of `request` bytes."""
    return request - _REQUEST_OVERHEAD


def largest_record(request: int, topic: str) -> int:
    """The size in bytes of the largest record for `topic` that fits into a request of `request` bytes."""
    return capacity(request) - len(topic) - _PLACE_OVERHEAD


class InFlightLimit:
    """The bytes in flight through one producer. At most one task may wait in `enter`."""

    def __init__(self) -> None:
        self.peak = 0
        """The highest number of bytes in flight since the producer was last idle."""
        self._taken = 0
        self._left = asyncio.Event()

    async def enter(self, weight: int, most: int) -> None:
        """Add `weight`. Waits until the sum is at most `most`, or nothing else is in flight."""
        while self._taken and self._taken + weight > most:
            self._left.clear()
            await self._left.wait()
        self.peak = max(self.peak if self._taken else 0, self._taken + weight)
        self._taken += weight

    def leave(self, weight: int) -> None:
        """Subtract `weight`: its record has been acknowledged or has failed."""
        self._taken -= weight
        self._left.set()
