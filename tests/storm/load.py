"""The records sent during a scene: all command types, repeats, known ids with other content, unreadable records."""

import asyncio
import itertools
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from events.messages.base import Command, commands
from ops.local.kafka_messages import Headers, Sent
from ops.local.topics import PARTITIONS, Topics
from tests.support.harness import SOURCE

PROFILES = {
    "ready": 8,
    "plan": 2,
    "quiet_plan": 3,
    "suspended_plan": 2,
    "legacy": 4,
    "no_credit": 1,
    "order_fails": 1,
    "no_agreement": 2,
    "reserved": 1,
    "two_reserved": 1,
}
"""The profiles of every 25 customers."""
SPREAD = 1 / 3
"""Share of customers whose records lie on two partitions."""
REPEATED, CONFLICTING, UNREADABLE = 0.2, 0.04, 0.02
"""Shares of commands with another record behind: the same command, other content, a value that is no JSON."""
CHECKED_ONLY = 0.05
OTHERWISE = {"deadline": "2199-01-01T00:00:00Z"}
"""The member that makes content other content. Nothing else in a storm has a deadline."""
NOBODY_READS = "bad-"
"""The prefix of the ids of unreadable records."""
LATER = 30
"""A repeat follows at most this many records later."""
PATIENT_MS = 120_000
CHUNK_SECONDS = 0.25

Step = tuple[str, dict[str, Any]]
CANCEL = {"activeAssets": "cancel"}
RETURN = {**CANCEL, "reservations": "return"}
BRING_BACK = {"azureSubscriptions": "reactivate"}
AGREED = {
    "primaryContact": {"firstName": "Ana", "lastName": "Ruiz", "email": "ana@example.com"},
    "dateAgreed": "2026-02-03",
}
CYCLE: tuple[Step, ...] = (("SuspendPlan", CANCEL), ("ReactivatePlan", BRING_BACK), ("CreateAzurePlan", {}))
BEGINNINGS: Mapping[str, tuple[Step, ...]] = {
    "ready": (("CreateAzurePlan", {}),),
    "plan": (("SuspendPlan", {}),),
    "quiet_plan": (("SetUsageBudget", {"amount": "250.00"}), ("ReportUsage", {}), ("ReportCustomer", {})),
    "suspended_plan": (("ReactivatePlan", {}), ("SetUsageBudget", {"amount": None, "ifAmount": None})),
    "legacy": (("StartProductUpgrade", {}), ("CreateAzurePlan", {})),
    "no_credit": (("CreateAzurePlan", {}), ("CreateAzurePlan", {})),
    "order_fails": (("CreateAzurePlan", {}),),
    "no_agreement": (("ConfirmCustomerAgreement", AGREED), ("CreateAzurePlan", {})),
    "reserved": (("SuspendPlan", RETURN),),
    "two_reserved": (("SuspendPlan", RETURN),),
}


@dataclass(frozen=True, slots=True)
class Posting:
    """A record to write."""

    key: bytes
    value: bytes
    headers: Headers
    partition: int


@dataclass
class Load:
    """The commands that a seed sends for its customers, in this order, and the commands that a scene adds."""

    postings: Sequence[Posting]
    sent: dict[str, Sent]
    """Every command by its id, with the content that is sent first."""
    straight: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """For each customer whose records lie on one partition: the ids of its commands, in sending order."""
    added: int = 0

    @property
    def records(self) -> int:
        """The least number of records that the topic will hold."""
        return len(self.postings) + self.added

    def add(self, more: Sequence[Sent]) -> None:
        """Count in commands that a scene sends itself."""
        self.sent.update({each.id: each for each in more})
        self.added += len(more)

    @property
    def commands(self) -> dict[str, Command]:
        """The commands by their ids, as the worker reads them."""
        return {name: command_of(sent) for name, sent in self.sent.items()}


def command_of(sent: Sent) -> Command:
    """A sent command as the worker reads it."""
    found: Command = commands()[f"azplan.{sent.type}.v1"].model_validate(json.loads(sent.value))
    return found


def counts_of(number: int) -> dict[str, int]:
    """This many customers by profile, in the shares of `PROFILES`."""
    order = [profile for profile, share in PROFILES.items() for _ in range(share)]
    Random(number).shuffle(order)
    counted: dict[str, int] = dict.fromkeys(PROFILES, 0)
    for profile in itertools.islice(itertools.cycle(order), number):
        counted[profile] += 1
    return {profile: count for profile, count in counted.items() if count}


def compose(rng: Random, customers: Mapping[str, Sequence[str]], number: int) -> Load:
    """Make `number` commands of these customers (by profile), with every record that follows them."""
    names = [customer for ids in customers.values() for customer in ids]
    stories = {customer: story(profile) for profile, ids in customers.items() for customer in ids}
    homes = {customer: rng.sample(range(PARTITIONS), 2 if rng.random() < SPREAD else 1) for customer in names}
    sent: dict[str, Sent] = {}
    straight: dict[str, list[str]] = {name: [] for name in names if len(homes[name]) == 1}
    queue: list[tuple[float, int, Posting]] = []
    for place in range(number):
        customer = rng.choice(names)
        kind, data = next(stories[customer])
        if rng.random() < CHECKED_ONLY:
            data = {**data, "validateOnly": True}
        one = Sent(kind, customer, dict(data), id=f"c-{place}", source=SOURCE)
        sent[one.id] = one
        straight.get(customer, []).append(one.id)
        home = rng.choice(homes[customer])
        queue.append((place, len(queue), posting(one, home)))
        if rng.random() < REPEATED:
            again = posting(one, rng.choice(homes[customer]))
            queue.append((place + rng.uniform(0, LATER), len(queue), again))
        if rng.random() < CONFLICTING:  # on the same partition, to be read second
            other = replace(one, data={**one.data, **OTHERWISE})
            queue.append((place + rng.uniform(0.5, LATER), len(queue), posting(other, home)))
        if rng.random() < UNREADABLE:
            name = (NOBODY_READS + one.id).encode()
            queue.append((place + 0.5, len(queue), Posting(customer.encode(), b"{ no JSON", [("ce_id", name)], home)))
    return Load([each for *_, each in sorted(queue, key=lambda entry: entry[:2])], sent, straight)


def story(profile: str) -> Iterator[Step]:
    """The commands that the system of such a customer sends, one after the other."""
    yield from BEGINNINGS[profile]
    yield from itertools.cycle(CYCLE)


def posting(sent: Sent, partition: int) -> Posting:
    """A command's record on a partition."""
    return Posting(sent.customer.encode(), sent.value, sent.headers, partition)


async def send(topics: Topics, postings: Sequence[Posting], *, over: float) -> None:
    """Write the records in their order, each acknowledged, evenly over these seconds or as fast as Kafka takes them.

    While the broker is down, this function waits. Records that the broker may already have are then sent again, in the
    same order.
    """
    begun, done = time.monotonic(), 0
    producer = await _producer(topics)
    try:
        while done < len(postings):
            share = (time.monotonic() - begun) / over if over else 1.0
            due = postings[done : min(len(postings), int(share * len(postings)) + 1)]
            try:
                acknowledged = [await _write(producer, topics, each) for each in due]
                await asyncio.gather(*acknowledged)
            except KafkaError:
                await producer.stop()
                producer = await _producer(topics)
                continue
            done += len(due)
            await asyncio.sleep(CHUNK_SECONDS)
    finally:
        await producer.stop()


async def _producer(topics: Topics) -> AIOKafkaProducer:
    while True:
        producer = AIOKafkaProducer(
            bootstrap_servers=topics.bootstrap_servers,
            acks="all",
            enable_idempotence=True,
            request_timeout_ms=PATIENT_MS,
        )
        try:
            await producer.start()
        except KafkaError:
            await producer.stop()
            await asyncio.sleep(CHUNK_SECONDS)
        else:
            return producer


async def _write(producer: AIOKafkaProducer, topics: Topics, each: Posting) -> Any:
    return await producer.send(
        topics.commands, each.value, key=each.key, headers=each.headers, partition=each.partition
    )
