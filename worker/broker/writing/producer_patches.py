"""Patches of aiokafka's producer: how it fails, retries and stops. The library has no public way to change these."""

import asyncio
from collections.abc import Callable
from typing import Any

from aiokafka.errors import KafkaConnectionError, KafkaError, ProducerClosed
from aiokafka.producer.sender import SendProduceReqHandler

from worker.broker.kafka_clients import STOP_SECONDS, close_connections, wait_until_done


def limit_retries(producer: Any, deaths: Callable[[], int]) -> None:
    """Make a started producer give up on records that it cannot send.

    When the library's sender fails, it also aborts a transaction. Without a transaction that raises an AttributeError,
    and the event loop logs its traceback. When the connection breaks on a request, the library repeats the request
    forever. With this patch a batch fails with KafkaConnectionError after the connection broke on it `deaths()` times.
    """
    sender, waiting = producer._sender, producer._message_accumulator  # noqa: SLF001

    def failed(task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _fail_held(waiting, error)

    sender.sender_task.remove_done_callback(sender._fail_all)  # noqa: SLF001
    sender.sender_task.add_done_callback(failed)

    async def send(node: int, batches: dict[Any, Any]) -> None:
        await _Handler(sender, batches, deaths).do(node)
        sender._in_flight.remove(node)  # noqa: SLF001
        sender._muted_partitions.difference_update(batches)  # noqa: SLF001

    sender._send_produce_req = send  # noqa: SLF001


class _Handler(SendProduceReqHandler):  # type: ignore[misc]  # the library has no types
    """The library's handler, with a limit of retries for requests on which the connection broke."""

    def __init__(self, sender: Any, batches: dict[Any, Any], deaths: Callable[[], int]) -> None:
        super().__init__(sender, batches)
        self._deaths = deaths

    def _can_retry(self, error: KafkaError, batch: Any) -> bool:
        if not isinstance(error, KafkaConnectionError):
            return bool(super()._can_retry(error, batch))
        batch.deaths = getattr(batch, "deaths", 0) + 1
        return bool(batch.deaths < self._deaths())


async def end_sending(producer: Any) -> None:
    """Make the producer deliver nothing more.

    Stopping alone would still deliver the records that the producer holds, perhaps long after newer records, when the
    broker is back. There is no public way to prevent that. The sender's task must end before `stop`: otherwise `stop`
    cancels the task a second time and then closes nothing.
    """
    sender, waiting = producer._sender, producer._message_accumulator  # noqa: SLF001
    sender.sender_task.cancel()
    _fail_held(waiting, ProducerClosed("the connection was given up"))
    await close_connections(producer)
    await wait_until_done(sender.sender_task, STOP_SECONDS)


def _fail_held(waiting: Any, error: BaseException) -> None:
    """Fail every batch that a producer holds: in flight, queued, and queued again for a retry.

    The library lists a batch that it will retry as queued. But when the batch fails, the library removes it from the
    batches in flight, does not find it there, and the event loop logs a traceback. So this lists all batches as in
    flight first.
    """
    in_line = [batch for batches in waiting._batches.values() for batch in batches]  # noqa: SLF001
    waiting._pending_batches.update(in_line)  # noqa: SLF001
    waiting.fail_all(error)
    for batch in in_line:
        batch._drain_waiter.exception()  # noqa: SLF001  # asyncio logs an exception that nobody retrieves
