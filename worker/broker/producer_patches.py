"""What aiokafka's producer does inside, where its own ends and retries are not ours. It has no public way for these."""

import asyncio
from collections.abc import Callable
from typing import Any

from aiokafka.errors import KafkaConnectionError, KafkaError, ProducerClosed
from aiokafka.producer.sender import SendProduceReqHandler

from worker.broker.connection import STOP_SECONDS, close_connections, wait_until_done


def limit_retries(producer: Any, deaths: Callable[[], int]) -> None:
    """Have a started producer fail what it cannot send, and leave it at that.

    When its sender fails, the library fails a transaction as well; without one that ends in an AttributeError, which
    the event loop logs with its trace. And where the connection dies on a request, it sends the same request for ever:
    here a batch fails with KafkaConnectionError when the connection has died on it as often as `deaths` says.
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
    """The library's own, but for requests on which the connection died."""

    def __init__(self, sender: Any, batches: dict[Any, Any], deaths: Callable[[], int]) -> None:
        super().__init__(sender, batches)
        self._deaths = deaths

    def _can_retry(self, error: KafkaError, batch: Any) -> bool:
        if not isinstance(error, KafkaConnectionError):
            return bool(super()._can_retry(error, batch))
        batch.deaths = getattr(batch, "deaths", 0) + 1
        return bool(batch.deaths < self._deaths())


async def end_sending(producer: Any) -> None:
    """Have the producer deliver nothing more.

    Stopping alone would deliver what it holds, however late: when the broker is back, behind newer records. There is no
    public way; the sender's task has to be over before `stop`, which would cancel it a second time and then close
    nothing.
    """
    sender, waiting = producer._sender, producer._message_accumulator  # noqa: SLF001
    sender.sender_task.cancel()
    _fail_held(waiting, ProducerClosed("the connection was given up"))
    await close_connections(producer)
    await wait_until_done(sender.sender_task, STOP_SECONDS)


def _fail_held(waiting: Any, error: BaseException) -> None:
    """Fail every batch that a producer holds: those under way, those in line, and those in line again.

    The library counts a batch that it will try again as in line, and when it fails takes it off those under way, where
    it is not: a traceback of the event loop. So all are counted among those first.
    """
    in_line = [batch for batches in waiting._batches.values() for batch in batches]  # noqa: SLF001
    waiting._pending_batches.update(in_line)  # noqa: SLF001
    waiting.fail_all(error)
    for batch in in_line:
        batch._drain_waiter.exception()  # noqa: SLF001  # nobody waits, and asyncio would say so
