"""Servers of the machine's own: fresh topics and databases, and faults that end."""

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from ops.local.databases import fresh_database, run_apart
from ops.local.kafka import LocalKafka
from ops.local.postgres import LocalPostgres
from ops.local.server import listens
from ops.local.topics import Topics


async def _produce_and_read(topics: Topics, value: bytes) -> list[bytes | None]:
    async with AIOKafkaProducer(bootstrap_servers=topics.bootstrap_servers, acks="all") as producer:
        await producer.send_and_wait(topics.commands, value, key=b"k")
    settings = {"bootstrap_servers": topics.bootstrap_servers, "auto_offset_reset": "earliest"}
    async with AIOKafkaConsumer(topics.commands, **settings) as consumer:
        batches = await consumer.getmany(timeout_ms=10_000)
        return [record.value for batch in batches.values() for record in batch]


@pytest.mark.kafka
async def test_a_record_that_was_sent_is_read(topics: Topics) -> None:
    """A fresh topic takes a record and gives it back."""
    assert await _produce_and_read(topics, b"hello") == [b"hello"]


@pytest.mark.kafka
def test_a_killed_broker_comes_back_with_its_data(own_kafka: LocalKafka, own_topics: Topics) -> None:
    """A restarted broker has every record that it acknowledged before SIGKILL."""
    assert run_apart(_produce_and_read(own_topics, b"one")) == [b"one"]
    own_kafka.kill()
    assert not own_kafka.running
    own_kafka.start()
    assert run_apart(_produce_and_read(own_topics, b"two")) == [b"one", b"two"]


@pytest.mark.postgres
async def test_each_database_is_empty_and_takes_tables(postgres_url: str) -> None:
    """Each test begins with an empty database of its own."""
    connection = await asyncpg.connect(postgres_url)
    assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    await connection.close()


@pytest.mark.postgres
def test_a_killed_database_comes_back_with_its_data(own_postgres: LocalPostgres) -> None:
    """SIGKILL of the whole server loses nothing that was committed."""

    async def execute(url: str, statement: str) -> str:
        connection = await asyncpg.connect(url)
        answer = await connection.fetchval(statement)
        await connection.close()
        return str(answer)

    with fresh_database(own_postgres.url()) as url:
        run_apart(execute(url, "CREATE TABLE kept AS SELECT 42 AS answer"))
        own_postgres.kill()
        own_postgres.start()
        assert run_apart(execute(url, "SELECT answer FROM kept")) == "42"


@pytest.mark.postgres
def test_a_frozen_server_is_there_again_after_it(own_postgres: LocalPostgres) -> None:
    """A paused server keeps its port and answers again when it is resumed."""
    own_postgres.pause()
    assert own_postgres.running
    own_postgres.resume()
    assert own_postgres.ready()
    assert listens(own_postgres._port)
