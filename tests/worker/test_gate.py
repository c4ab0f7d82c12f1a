"""The gate at the send: the checks at the very instant at which a request leaves (promises G2, G4)."""

import asyncio
from datetime import timedelta

import pytest

from tests.runtime.bench import Bench
from tests.support.virtual_time import START
from worker.gate import Traffic
from worker.partner_center.errors import GateClosed
from worker.partner_center.port import Call
from worker.partner_center.resources import carts, subscriptions


async def test_a_request_leaves_only_for_the_worker_that_owns_the_lane(bench: Bench) -> None:
    """Rule GateAtSend: the worker that claimed the command must own the lane, not any worker that runs by now."""
    work = await bench.begin()
    asked: list[str] = []

    def closed(claimed_by: str) -> str | None:
        asked.append(claimed_by)
        return "another worker owns the lane"

    traffic = Traffic(work, bench.clock, closed, bench.journal.now)
    traffic.permit("suspend", 40)
    for operation, step in ((subscriptions.PATCH, "suspend"), (subscriptions.GET, None)):
        with pytest.raises(GateClosed, match="another worker owns the lane"):
            traffic.gate(operation, step)
    assert asked == [work.owner.worker] * 2


async def test_a_write_leaves_only_soon_after_its_intent(bench: Bench) -> None:
    """Rule GateAtSend: a later write could arrive after the instant until which the lane's next command waits."""
    traffic = bench.traffic(await bench.begin())
    traffic.permit("suspend", 40)
    await asyncio.sleep(40)
    traffic.gate(subscriptions.PATCH, "suspend")
    await asyncio.sleep(1)
    with pytest.raises(GateClosed, match="too much time has passed"):
        traffic.gate(subscriptions.PATCH, "suspend")
    traffic.gate(subscriptions.GET, None)


async def test_no_write_leaves_after_the_commands_deadline(bench: Bench) -> None:
    """Rule GateAtSend: a write prepared in time may have waited for a connection. Looks go on."""
    traffic = bench.traffic(await bench.begin())
    traffic.deadline = bench.clock.now() + timedelta(seconds=10)
    traffic.permit("checkout", 40)
    await asyncio.sleep(10)
    with pytest.raises(GateClosed, match="deadline has passed"):
        traffic.gate(carts.CHECKOUT, "checkout")
    traffic.gate(carts.GET, None)


@pytest.mark.parametrize("step", [None, "another"])
async def test_no_write_leaves_without_an_intent(bench: Bench, step: str | None) -> None:
    """A handler that calls a write without a step is stopped: nobody could look for that write (G6)."""
    traffic = bench.traffic(await bench.begin())
    for operation in (carts.CHECKOUT, subscriptions.PATCH):
        with pytest.raises(LookupError, match="outside a step"):
            traffic.gate(operation, step)
    traffic.gate(carts.CREATE, step)  # nobody can use an object whose id was never learned


async def test_an_answer_makes_the_next_request_another_one(bench: Bench) -> None:
    """Partner Center may repeat an old answer to a known request id. An unanswered request keeps its id (G6)."""
    traffic = bench.traffic(await bench.begin())
    for answered, counted in ((False, 0), (True, 1), (False, 1), (True, 2)):
        traffic.called(call(answered=answered))
        assert traffic.answers("key") == counted
    assert traffic.answers("another key") == 0
    assert [each.answered for each in traffic.drain()] == [False, True, False, True]
    assert traffic.drain() == []


def call(*, answered: bool) -> Call:
    """A check-out, as the client reports it to the gate."""
    return Call(
        at=START,
        operation=carts.CHECKOUT.name,
        step="checkout",
        status=400 if answered else "lost",
        duration=0.1,
        request_id="request-1",
        correlation_id="run-1",
        code=None,
        key="key",
        answered=answered,
    )
