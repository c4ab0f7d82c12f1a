"""Sends commands to one subject and hears its answers, with the time of each. librdkafka keeps its own CPU small."""

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from events.messages.base import events
from ops.local.kafka_messages import Sent
from ops.local.topics import Topics

TERMINAL: Final = frozenset(name.encode() for name, kind in events().items() if kind.terminal)
GOOD: Final = frozenset(
    f"azplan.{name}.v1".encode() for name in ("AzurePlanCreated", "PlanSuspended", "PlanReactivated")
)
LONGEST_WAIT: Final = 300.0
"""Seconds without any answer after which a measurement fails."""


Header = tuple[str, str | bytes | None]


class Stuck(Exception):
    """A subject answered nothing for too long, or with something else than success."""


@dataclass(slots=True)
class Heard:
    """The answers of one subject, by the command's id, with the monotonic time at which each was read."""

    at: dict[str, float] = field(default_factory=dict)
    odd: list[str] = field(default_factory=list)
    """Types of answers that are no success."""


class Line:
    """A producer of commands to one subject, and a consumer of its events in a thread of its own."""

    def __init__(self, topics: Topics, *, any_answer: bool = False) -> None:
        """`any_answer`: answers that are no success are no mistake."""
        self._good = TERMINAL if any_answer else GOOD
        self._topics = topics
        # The mock broker does not end a waiting fetch when a record comes.
        reading = {"enable.auto.commit": False, "fetch.wait.max.ms": 20, "log_level": 0}
        self._reader = {"bootstrap.servers": topics.bootstrap_servers, **reading}
        quick = {"acks": "all", "linger.ms": 0, "log_level": 0}
        self._producer = Producer({"bootstrap.servers": topics.bootstrap_servers, **quick})
        self._heard = Heard()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def send(self, commands: Sequence[Sent], pace: float = 0.0) -> dict[str, float]:
        """Send the commands, one every `pace` seconds. Returns the time at which each was sent."""
        sent: dict[str, float] = {}
        begun = time.perf_counter()
        for index, one in enumerate(commands):
            if pace and (rest := begun + index * pace - time.perf_counter()) > 0:
                self._producer.poll(0)
                time.sleep(rest)
            sent[one.id] = time.perf_counter()
            self._producer.produce(
                self._topics.commands, one.value, key=one.customer.encode(), headers=list[Header](one.headers)
            )
            if pace:
                self._producer.poll(0)
        self._producer.flush(60)
        return sent

    def wait(self, ids: Sequence[str], progress: Callable[[int], None] = lambda _: None) -> dict[str, float]:
        """Wait for the answers to these commands. The time at which each was read. Raises `Stuck`."""
        count, since = 0, time.monotonic()
        while True:
            known = self._heard.at
            now = sum(1 for each in ids if each in known)
            if self._heard.odd:
                raise Stuck(f"answers other than success: {self._heard.odd[:5]}")
            progress(now)
            if now == len(ids):
                return {each: known[each] for each in ids}
            if now > count:
                count, since = now, time.monotonic()
            if time.monotonic() - since > LONGEST_WAIT:
                raise Stuck(f"{now} of {len(ids)} commands were answered")
            time.sleep(0.05)

    def has_answered(self, identifier: str) -> bool:
        """Whether the answer to this command was heard."""
        return identifier in self._heard.at

    def answered(self) -> int:
        """How many answers were heard so far."""
        return len(self._heard.at)

    def echo(self, identifier: str) -> None:
        """Write an answer of this id to the events topic, as a subject would."""
        headers: list[Header] = [("ce_type", min(GOOD))]
        value = json.dumps({"commandId": identifier}).encode()
        self._producer.produce(self._topics.events, value, key=identifier.encode(), headers=headers)
        self._producer.poll(0)

    def wait_until_read(self, progress: Callable[[int], None] = lambda _: None) -> None:
        """Wait until the subject's group has committed every record. Raises `Stuck`."""
        name, until = self._topics.commands, time.monotonic() + LONGEST_WAIT
        reader = Consumer({**self._reader, "group.id": self._topics.group})
        partitions = [
            TopicPartition(name, number) for number in reader.list_topics(name, timeout=30).topics[name].partitions
        ]
        while time.monotonic() < until:
            ends = [reader.get_watermark_offsets(each, timeout=30)[1] for each in partitions]
            left = sum(end - max(0, each.offset) for end, each in zip(ends, reader.committed(partitions), strict=True))
            progress(left)
            if left == 0:
                reader.close()
                return
            time.sleep(0.1)
        raise Stuck("the records are not read")

    def _listen(self) -> None:
        consumer = Consumer({**self._reader, "group.id": "nobody"})
        partitions = consumer.list_topics(self._topics.events, timeout=30).topics[self._topics.events].partitions
        consumer.assign([TopicPartition(self._topics.events, number, OFFSET_BEGINNING) for number in partitions])
        while not self._ended.is_set():
            message = consumer.poll(0.2)
            if message is None or message.error():
                continue
            self._note(message)
        consumer.close()

    def _note(self, message: Any) -> None:
        kind = dict(message.headers()).get("ce_type", b"")
        if kind in TERMINAL:
            at = time.perf_counter()
            if kind not in self._good:
                self._heard.odd.append(f"{kind.decode()} {message.value()[:300]!r}")
            self._heard.at[json.loads(message.value())["commandId"]] = at

    def __enter__(self) -> "Line":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(10)
