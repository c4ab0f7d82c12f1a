"""One clock, driven by the machine, by an event loop or by hand."""

import asyncio
from datetime import UTC, datetime

import pytest

from ops.simulator.clock import Clock, wire_date


async def test_a_manual_clock_moves_when_it_is_told() -> None:
    """A sleeper wakes when its time has come and not before."""
    clock = Clock.manual()
    sleeper = asyncio.create_task(clock.sleep(10))
    await asyncio.sleep(0)
    clock.advance(9)
    await asyncio.sleep(0)
    assert not sleeper.done()
    clock.advance(1)
    await asyncio.wait_for(sleeper, timeout=5)
    assert clock.time() == 10


@pytest.mark.looptime
async def test_a_virtual_clock_follows_its_loop_and_can_jump() -> None:
    """Loop time passes by itself; a jump wakes sleepers early."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(5)
    start = datetime(2026, 3, 2, tzinfo=UTC)
    clock = Clock.virtual(loop.time, origin=start)
    assert clock.date() == start
    await clock.sleep(10)
    assert (clock.date() - start).total_seconds() == 10
    sleeper = asyncio.create_task(clock.sleep(100))
    await asyncio.sleep(1)
    clock.advance(99)
    await asyncio.wait_for(sleeper, timeout=0.1)


def test_a_wall_clock_tells_todays_date() -> None:
    """The machine says the same."""
    assert abs((Clock.wall().date() - datetime.now(UTC)).total_seconds()) < 1


def test_time_does_not_run_backwards_and_has_a_scale_above_zero() -> None:
    """Both are errors of the caller."""
    with pytest.raises(ValueError, match="backwards"):
        Clock.manual().advance(-1)
    with pytest.raises(ValueError, match="above zero"):
        Clock.manual(scale=0)


def test_dates_are_written_with_seven_digits() -> None:
    """They can be turned back into instants."""
    date = datetime(2026, 3, 1, 9, 0, 0, 123456, tzinfo=UTC)
    assert wire_date(date) == "2026-03-01T09:00:00.1234560Z"
    assert wire_date(date, digits=0) == "2026-03-01T09:00:00Z"
    clock = Clock.manual()
    assert clock.date(clock.instant(date)) == date
