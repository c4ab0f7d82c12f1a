"""The bare loop that azplan is compared with: commands from Kafka, the same calls, one answer to Kafka. Nothing else.

    python -m ops.bench.ground.bare_loop '{"bootstrap_servers": "127.0.0.1:9092", …}'

This is what remains of such a worker if a crash, a lost answer, a replay and a throttle do not matter: aiokafka, httpx
over aiohttp as its pages show it, at most `concurrency` commands at once, one command of a customer at a time. There is
no journal, no gate, no quota, no retry, no order across crashes, no classification, no log of calls, no metric. Offsets
are committed by the client every five seconds, whatever became of the records.

The calls of a command are those that azplan makes for the same command: the benchmark records them from a worker before
it measures (`recipes`), with `<first>` and `<rest>` for the two parts of the customer's id.
"""

import asyncio
import json
import sys
import uuid
from collections import deque
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
import httpx
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from httpx_aiohttp import AiohttpTransport

ANSWERS = {
    "azplan.CreateAzurePlan.v1": "azplan.AzurePlanCreated.v1",
    "azplan.SuspendPlan.v1": "azplan.PlanSuspended.v1",
    "azplan.ReactivatePlan.v1": "azplan.PlanReactivated.v1",
}


@dataclass(frozen=True, slots=True)
class Given:
    """What the loop is told."""

    bootstrap_servers: str
    commands: str
    events: str
    group: str
    base_url: str
    token: str
    concurrency: int
    recipes: dict[str, list[tuple[str, str, str]]]
    """The calls of each type of command: method, address, body."""

    @classmethod
    def of(cls, document: dict[str, Any]) -> Self:
        """The value of a JSON document with these members."""
        return cls(**document)


class BareLoop:
    """Consumer, client and producer, and the queue of each customer."""

    def __init__(self, given: Given) -> None:
        self._given = given
        self._slots = asyncio.Semaphore(given.concurrency)
        self._queues: dict[str, deque[Any]] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Work until the process ends."""
        given = self._given
        consumer = AIOKafkaConsumer(
            given.commands,
            bootstrap_servers=given.bootstrap_servers,
            group_id=given.group,
            auto_offset_reset="earliest",
        )
        producer = AIOKafkaProducer(bootstrap_servers=given.bootstrap_servers, acks="all", enable_idempotence=True)
        connector = aiohttp.TCPConnector(limit=given.concurrency)
        transport = AiohttpTransport(client=lambda: aiohttp.ClientSession(connector=connector))
        await consumer.start()
        await producer.start()
        async with httpx.AsyncClient(transport=transport, base_url=given.base_url, timeout=40) as client:
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            while True:
                for records in (await consumer.getmany(timeout_ms=500, max_records=500)).values():
                    for record in records:
                        self._take(record, client, producer)

    def _take(self, record: Any, client: httpx.AsyncClient, producer: AIOKafkaProducer) -> None:
        """Put the record behind the others of its customer."""
        customer = record.key.decode()
        if customer in self._queues:
            self._queues[customer].append(record)
            return
        self._queues[customer] = deque([record])
        task = asyncio.create_task(self._work(customer, client, producer))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _work(self, customer: str, client: httpx.AsyncClient, producer: AIOKafkaProducer) -> None:
        """Carry out the customer's commands one after the other."""
        queue = self._queues[customer]
        while queue:
            async with self._slots:
                await self._carry_out(queue.popleft(), client, producer)
        del self._queues[customer]

    async def _carry_out(self, record: Any, client: httpx.AsyncClient, producer: AIOKafkaProducer) -> None:
        """Make the calls of one command, and publish its answer."""
        attributes = {name: value.decode() for name, value in record.headers}
        command = json.loads(record.value)
        customer = command["customerId"]
        correlation = str(uuid.uuid4())
        last: Any = None
        for method, target, body in self._given.recipes[attributes["ce_type"]]:
            headers = {
                "Authorization": f"Bearer {self._given.token}",
                "Accept": "application/json",
                "MS-RequestId": str(uuid.uuid4()),
                "MS-CorrelationId": correlation,
            }
            if body:
                headers["Content-Type"] = "application/json"
            response = await client.request(
                method, filled(target, customer), headers=headers, content=filled(body, customer).encode()
            )
            response.raise_for_status()
            last = response.json()
        answer = {
            "commandId": attributes["ce_id"],
            "commandSource": attributes["ce_source"],
            "customerId": customer,
            "subscriptionId": last.get("id"),
            "status": last.get("status"),
        }
        told = {**attributes, "ce_type": ANSWERS[attributes["ce_type"]], "ce_id": str(uuid.uuid4())}
        told_headers = [(name, value.encode()) for name, value in told.items()]
        await producer.send_and_wait(
            self._given.events, json.dumps(answer).encode(), key=customer.encode(), headers=told_headers
        )


def filled(text: str, customer: str) -> str:
    """A part of a recipe for this customer."""
    return text.replace("<first>", customer[:8]).replace("<rest>", customer[8:])


if __name__ == "__main__":
    uvloop.run(BareLoop(Given.of(json.loads(sys.argv[1]))).run())
