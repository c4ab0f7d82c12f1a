"""A Kafka broker within this process: the mock cluster of librdkafka, which comes with confluent-kafka.

The broker speaks the real protocol on a loopback port, keeps everything in memory, and lives as long as this object. It
serves one member of a group. It has no transactions, cannot create topics on request, and cannot look up a time: azplan
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
        # Only errors: otherwise the broker logs at every start that it is a mock.
        self._cluster: Any = Producer({"test.mock.num.brokers": 1, "log_level": 3})
        brokers = self._cluster.list_topics(timeout=_SECONDS).brokers.values()
        self.bootstrap_servers = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
        for topic in topics:
            # The mock cluster makes a topic when somebody asks for it by name.
            self._cluster.list_topics(topic, timeout=_SECONDS)
