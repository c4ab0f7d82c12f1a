"""Batches of records as hostile and ordinary producers write them: compressed with any codec, of any size."""

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.record.legacy_records import _LegacyRecordBatchBuilderPy

CODECS = {"gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
MIB = 1024 * 1024


def batch(codec: int, values: Sequence[bytes]) -> bytes:
    """A batch with these values, as a fetch returns it. Its first offset is 0."""
    builder = _builder(codec)
    for number, value in enumerate(values):
        builder.append(number, 1_772_443_800_250, b"k", value, [("n", str(number).encode())])
    return bytes(builder.build())


def message(codec: int, values: Sequence[bytes], magic: int = 1) -> bytes:
    """The same batch in the oldest formats."""
    builder = _LegacyRecordBatchBuilderPy(magic=magic, compression_type=codec, batch_size=2**31)  # type: ignore[arg-type]
    for number, value in enumerate(values):
        builder.append(number, 1_772_443_800_250, b"k", value)
    return bytes(builder.build())


async def write_batches(servers: str, topic: str, partition: int, *batches: tuple[int, Sequence[bytes]]) -> None:
    """Write batches with codec and values, one after the other."""
    async with AIOKafkaProducer(
        bootstrap_servers=servers, acks="all", max_request_size=2**21, request_timeout_ms=60_000
    ) as producer:
        for codec, values in batches:
            made = producer.create_batch()
            made._builder = _builder(codec)
            for value in values:
                assert made.append(timestamp=None, key=b"k", value=value) is not None
            await asyncio.to_thread(made._build)
            await (await producer.send_batch(made, topic, partition=partition))


def _builder(codec: int) -> _DefaultRecordBatchBuilderPy:
    return _DefaultRecordBatchBuilderPy(
        magic=2,
        compression_type=codec,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=2**31,
    )
