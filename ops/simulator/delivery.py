"""Delivers a request that meets a fault: whether the request acts, when, and what the caller sees."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime

import httpx

from ops.simulator.clock import Clock
from ops.simulator.faults import Fault, Kind
from ops.simulator.requests.answers import Answer, fault_body, throttled
from ops.simulator.world import World

Act = Callable[[], Answer]
"""Carries out the request at the present instant of the world. Call it once at most."""

GARBAGE = (
    b"<html><head><title>Service</title></head><body><h1>Our services aren't available right now</h1></body></html>"
)
UNEXPECTED = 800003


class ConnectionDropped(httpx.ReadError):
    """The connection was dropped. In process the httpx call raises it; over a socket the socket is reset."""


class ConnectionRefused(httpx.ConnectError):
    """The connection was refused. In process the httpx call raises it; over a socket the socket is reset."""


async def deliver(world: World, fault: Fault | None, act: Act) -> Answer:
    """Carry a request out under a fault.

    Raises ConnectionDropped or ConnectionRefused where the caller gets no answer.
    """
    return act() if fault is None else await _WAYS[fault.kind](world, fault, act)


def retry_after(clock: Clock, seconds: float, form: str) -> str | None:
    """Return the value of Retry-After in whole seconds or as an HTTP date; None for another form."""
    if form == "seconds":
        return str(math.ceil(seconds))
    if form == "date":
        return format_datetime(clock.date() + timedelta(seconds=math.ceil(seconds)), usegmt=True)
    return None


async def _refused(_world: World, _fault: Fault, _act: Act) -> Answer:
    raise ConnectionRefused("the connection was refused by a fault")


async def _reset_before(world: World, fault: Fault, _act: Act) -> Answer:
    await world.clock.sleep(fault.seconds)
    raise ConnectionDropped("the connection was dropped by a fault before the request acted")


async def _reset_after(world: World, fault: Fault, act: Act) -> Answer:
    act()
    await world.clock.sleep(fault.seconds)
    raise ConnectionDropped("the connection was dropped by a fault after the request acted")


async def _late(world: World, fault: Fault, act: Act) -> Answer:
    world.later(fault.seconds, act)
    raise ConnectionDropped("the connection was dropped by a fault; the request acts later")


async def _delay(world: World, fault: Fault, act: Act) -> Answer:
    done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def arrive() -> None:
        answer = act()
        if not done.done():
            done.set_result(answer)

    world.later(fault.seconds, arrive)
    await world.clock.sleep(fault.seconds)
    world.settle()
    return await done


async def _slow_answer(world: World, fault: Fault, act: Act) -> Answer:
    answer = act()
    await world.clock.sleep(fault.seconds)
    return answer


async def _error_before(world: World, fault: Fault, _act: Act) -> Answer:
    return _error(world, fault)


async def _error_after(world: World, fault: Fault, act: Act) -> Answer:
    act()
    return _error(world, fault)


async def _throttle(world: World, fault: Fault, _act: Act) -> Answer:
    seconds = fault.retry_after
    value = retry_after(world.clock, seconds, fault.retry_after_form) if seconds is not None else None
    return throttled(math.ceil(seconds or 0), value)


async def _truncated(_world: World, _fault: Fault, act: Act) -> Answer:
    return replace(act(), cut="connection")


async def _cut_json(_world: World, _fault: Fault, act: Act) -> Answer:
    return replace(act(), cut="json")


async def _empty(_world: World, fault: Fault, act: Act) -> Answer:
    if fault.acts is not False:
        act()
    return Answer(fault.status or 200)


async def _garbage(_world: World, fault: Fault, act: Act) -> Answer:
    if fault.acts is not False:
        act()
    return Answer(fault.status or 200, raw=GARBAGE, headers={"Content-Type": "text/html"}, from_gateway=True)


async def _gateway(_world: World, fault: Fault, act: Act) -> Answer:
    if fault.acts:
        act()
    status = fault.status or 404
    match fault.page:
        case "json":
            return Answer(status, {"statusCode": status, "message": "Resource not found"}, from_gateway=True)
        case "empty":
            return Answer(status, from_gateway=True)
        case "html":
            return Answer(status, raw=GARBAGE, headers={"Content-Type": "text/html"}, from_gateway=True)


async def _fault_in_200(_world: World, fault: Fault, act: Act) -> Answer:
    if fault.acts:
        act()
    return Answer(fault.status or 200, fault_body(fault.code or UNEXPECTED))


def _error(world: World, fault: Fault) -> Answer:
    status = fault.status or 500
    headers = {}
    if fault.retry_after is not None:
        headers["Retry-After"] = retry_after(world.clock, fault.retry_after, fault.retry_after_form) or ""
    if fault.code is None and status in (502, 503, 504):
        headers["Content-Type"] = "text/html"
        return Answer(status, raw=GARBAGE, headers=headers, from_gateway=True)
    return Answer(status, fault_body(UNEXPECTED if fault.code is None else fault.code), headers=headers)


_WAYS: dict[Kind, Callable[[World, Fault, Act], Awaitable[Answer]]] = {
    Kind.REFUSED: _refused,
    Kind.RESET_BEFORE: _reset_before,
    Kind.RESET_AFTER: _reset_after,
    Kind.LATE: _late,
    Kind.DELAY: _delay,
    Kind.SLOW_ANSWER: _slow_answer,
    Kind.ERROR_BEFORE: _error_before,
    Kind.ERROR_AFTER: _error_after,
    Kind.THROTTLE: _throttle,
    Kind.TRUNCATED: _truncated,
    Kind.CUT_JSON: _cut_json,
    Kind.EMPTY: _empty,
    Kind.GARBAGE: _garbage,
    Kind.GATEWAY: _gateway,
    Kind.FAULT_IN_200: _fault_in_200,
}
