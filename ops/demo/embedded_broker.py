"""A Kafka broker within this process: the mock cluster of librdkafka, which comes with confluent-kafka.

It speaks the real protocol on a port of loopback, keeps everything in memory, and lives as long as this object. Good
for one member of a group; it knows no transactions, no creating of topics from outside and no look-up by time: azplan
reads records to find a time, and says that topics cannot be made.
Source: https://github.com/confluentinc/librdkafka/blob/master/INTRODUCTION.md#mock-cluster (test.mock.num.brokers).
"""

from collections.abc import Sequence
from typing import Any, Final

from confluent_kafka import Producer

_SECONDS: Final = 10


class EmbeddedBroker:
    """A broker with these topics, of four partitions each."""

    def __init__(self, topics: Sequence[str]) -> None:
        # Only errors: it would greet every start with a notice that it is a mock.
        self._cluster: Any = Producer({"test.mock.num.brokers": 1, "log_level": 3})
        brokers = self._cluster.list_topics(timeout=_SECONDS).brokers.values()
        self.bootstrap_servers = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
        for topic in topics:
            # Whoever asks for a topic by its name makes it here.
            self._cluster.list_topics(topic, timeout=_SECONDS)
