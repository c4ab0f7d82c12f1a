"""The ceiling: never more requests than allowed in any minute, in the order of the callers, without a stampede."""

import asyncio
import random
from contextlib import suppress
from heapq import heappop, heappush

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.quiet import overheard
from tests.support.virtual_time import LoopClock
from worker.partner_center.client.ceilings.quota import GROWTH, LOWERED, STUBBORN, CeilingReached, Quota
from worker.partner_center.client.ceilings.sliding_window import GRACE, MOST_UNHINDERED, SOONEST, SPAN, SlidingWindow


def test_no_more_requests_leave_than_the_ceiling_allows() -> None:
    """Requests under way count up to the ceiling. A slot is free again a minute after its answer."""
    window = SlidingWindow(2)
    assert [window.ask(0, who) for who in "ab"] == [0, 0]
    assert window.ask(0, "c") > 0
    window.done(1, left=True)
    window.done(5, left=True)
    assert window.ask(60, "c") == pytest.approx(1)
    assert window.ask(61, "c") == 0
    assert window.ask(61, "d") == pytest.approx(4)


def test_a_request_that_never_left_does_not_count() -> None:
    """Its slot is free at once."""
    window = SlidingWindow(1)
    window.ask(0, "a")
    window.done(0, left=False)
    assert window.ask(0, "b") == 0


def test_a_slot_counts_from_its_answer() -> None:
    """A slow request may have arrived at its very end. Its minute begins only then."""
    window = SlidingWindow(1)
    window.ask(0, "slow")
    window.done(40, left=True)
    assert window.ask(61, "next") == pytest.approx(39)
    assert window.ask(100, "next") == 0


def test_each_caller_is_promised_a_slot_of_its_own() -> None:
    """Waiting callers do not all come back at the same moment."""
    window = SlidingWindow(3)
    for number, who in enumerate("abc"):
        window.ask(number, who)
    for number in range(3):
        window.done(number, left=True)
    now = 3
    promised = [now + window.ask(now, who) for who in "defghi"]
    assert promised == pytest.approx([60, 61, 62, 120, 121, 122])


def test_the_first_caller_gets_the_first_slot() -> None:
    """A new caller does not take the slot promised to another."""
    window = SlidingWindow(1)
    window.ask(0, "a")
    window.done(0, left=True)
    assert window.ask(1, "first") == pytest.approx(59)
    assert window.ask(60, "newcomer") > 0
    assert window.ask(61, "first") == 0


def test_all_who_need_several_requests_get_them_although_they_ask_at_the_same_time() -> None:
    """A run that must wait is repeated. If everybody got the first slot and nobody the last, no run would end."""
    window, needed, ended = SlidingWindow(10), 4, 0
    asking = [(number / 1000, number, 0) for number in range(40)]
    while asking:
        now, who, made = heappop(asking)
        assert now < 40 * SPAN  # 160 requests take at least 16
        delay = window.ask(now, who)
        if delay:
            heappush(asking, (now + delay, who, 0))
            continue
        window.done(now, left=True)
        if made + 1 < needed:
            heappush(asking, (now + 0.1, who, made + 1))
        else:
            ended += 1
    assert ended == 40


def test_a_run_that_fell_short_begins_again_only_when_it_can_end() -> None:
    """Its first requests would take each slot that comes free, and the run would never reach its last request."""
    window = SlidingWindow(4)
    for at in (0, 15, 30, 45):
        window.ask(at, "others")
        window.done(at, left=True)
    now, runs, needed, made = 60.0, 0, 3, 0
    while made < needed:
        delay = window.ask(now, "one", run=runs)
        if delay:
            window.fell_short("one", refused=False)
            now, runs, made = now + delay, runs + 1, 0
        else:
            window.done(now, left=True)
            made += 1
    assert now < 60 + 3 * SPAN
    assert runs <= needed + 1


def test_a_promise_that_is_as_good_as_due_is_due() -> None:
    """A caller does not wait again and again for an instant that a clock cannot tell from now."""
    window = SlidingWindow(1)
    window.ask(0, "a")
    window.done(0, left=True)
    assert window.ask(1, "b") == pytest.approx(59)
    assert window.ask(60 - 1e-12, "b") == pytest.approx(SOONEST)
    assert window.ask(60 + SOONEST, "b") == 0


def test_a_promise_that_nobody_keeps_lapses() -> None:
    """A command that does not come back blocks nobody for long."""
    window = SlidingWindow(1)
    window.ask(0, "a")
    window.done(0, left=True)
    window.ask(1, "gone")
    assert window.ask(60 + GRACE, "next") > 0
    assert window.ask(61 + GRACE, "next") == 0


def test_callers_are_forgotten_while_nobody_waits() -> None:
    """The window stays small, however many commands a worker carries out."""
    window = SlidingWindow(100_000)
    for number in range(5_000):
        window.ask(number / 100, who=number, run=number)
        window.done(number / 100, left=True)

    assert len(window._ranks) == len(window._runs) == MOST_UNHINDERED


def test_callers_are_remembered_while_some_wait() -> None:
    """A caller that waits keeps its place before callers that ask later, however many these are."""
    window = SlidingWindow(1)
    window.ask(0, "served")
    window.ask(0, "first")
    for number in range(3 * MOST_UNHINDERED):
        window.ask(0, number)
    window.done(0, left=True)

    assert window.ask(61, "first") == 0
    assert len(window._ranks) > 3 * MOST_UNHINDERED


def test_a_hold_stops_everybody_and_lets_them_go_one_by_one() -> None:
    """After a 429 the waiting callers are spread over the minute."""
    window = SlidingWindow(60)
    window.hold(0, 30)
    assert [window.ask(0, who) for who in "abc"] == pytest.approx([30, 31, 32])
    assert [window.ask(30 + number, who) for number, who in enumerate("abc")] == [0, 0, 0]


def test_a_shorter_hold_does_not_end_a_longer_one() -> None:
    """The longest one counts."""
    window = SlidingWindow(5)
    window.hold(0, 30)
    window.hold(1, 2)
    assert window.ask(10, "a") == pytest.approx(20)


@given(st.integers(1, 8), st.integers(0, 2**32), st.integers(50, 300))
def test_no_minute_ever_sees_more(limit: int, seed: int, steps: int) -> None:
    """For any callers, times and durations, no 60 seconds have more arrivals than the ceiling."""
    chance = random.Random(seed)
    window = SlidingWindow(limit)
    now = 0.0
    under_way: list[tuple[float, float]] = []
    arrivals: list[float] = []
    for who in range(steps):
        now += chance.expovariate(limit / 15)
        for end, arrival in [each for each in under_way if each[0] <= now]:
            under_way.remove((end, arrival))
            window.done(end, left=True)
        if window.ask(now, who % 7) == 0:
            end = now + chance.uniform(0, 40)
            arrivals.append(chance.uniform(now, end))
            under_way.append((end, arrivals[-1]))
        if chance.random() < 0.02:
            window.hold(now, chance.uniform(0, 20))
    arrivals.sort()
    for first, arrival in enumerate(arrivals[: len(arrivals) - limit]):
        assert arrivals[first + limit] - arrival >= SPAN


def quota(limit: int, *, patience: float = 2.0, waited: list[float] | None = None) -> Quota:
    """A quota for a test."""
    told = [] if waited is None else waited
    return Quota("carts", limit, LoopClock(), patience=patience, waited=told.append)


@pytest.mark.looptime
async def test_a_short_wait_is_waited_out_here() -> None:
    """The wait is two seconds at most and is reported."""
    waited: list[float] = []
    ceiling = quota(1, waited=waited)
    async with ceiling.slot("a") as slot:
        slot.left = True
    await asyncio.sleep(59)
    async with ceiling.slot("b"):
        assert asyncio.get_running_loop().time() == pytest.approx(60, abs=0.01)
    assert waited == pytest.approx([1])


@pytest.mark.looptime
async def test_a_long_wait_is_left_to_others() -> None:
    """The error says when to come back. The caller holds nothing meanwhile."""
    ceiling = quota(1)
    async with ceiling.slot("a") as slot:
        slot.left = True
    with pytest.raises(CeilingReached) as caught:
        async with ceiling.slot("b"):
            pytest.fail("there was no slot")
    assert caught.value.delay == pytest.approx(60)


@pytest.mark.looptime
async def test_a_cancelled_request_that_left_still_counts() -> None:
    """The request may have arrived."""
    ceiling = quota(1)

    async def cancelled() -> None:
        async with ceiling.slot("a") as slot:
            slot.left = True
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await cancelled()
    with pytest.raises(CeilingReached):
        async with ceiling.slot("b"):
            pytest.fail("there was no slot")


@pytest.mark.looptime
async def test_refusals_without_a_time_double_the_hold() -> None:
    """The hold is 5, 10, 20 seconds. Another answer resets it to 5."""
    ceiling = quota(500)
    assert [round(ceiling.refused(who, None)) for who in "abc"] == [5, 10, 20]
    ceiling.taken()
    await asyncio.sleep(30)
    assert round(ceiling.refused("d", None)) == 5


@pytest.mark.looptime
async def test_a_refusal_without_a_delay_still_means_a_wait() -> None:
    """`Retry-After: 0` still means a short wait."""
    assert quota(500).refused("a", 0.0) == pytest.approx(1)


@pytest.mark.looptime
async def test_a_ceiling_that_partner_center_does_not_know_is_lowered() -> None:
    """If one command is refused again and again, the ceiling falls to the accepted number, and rises minutes later."""
    ceiling = quota(500)

    async def request(number: int) -> float | None:
        async with ceiling.slot("a", number) as slot:
            slot.left = True
        return ceiling.refused("a", 1.0, number) if number % 3 == 2 else None

    for number in range(3 * STUBBORN):
        await asyncio.sleep(await request(number) or 0)
    with pytest.raises(CeilingReached) as caught:
        await request(0)
    assert caught.value.delay > 30
    await asyncio.sleep(LOWERED + 6 * GROWTH)
    for number in range(100):
        await request(3 * number)


@pytest.mark.looptime
async def test_a_ceiling_that_was_lowered_and_raised_is_logged_once_each() -> None:
    """The log has account and family. Further equal refusals are not logged. `standing` shows the present ceiling."""
    ceiling = Quota("carts", 500, LoopClock(), patience=2.0, waited=lambda _: None, account="contoso")

    async def refused(number: int) -> None:
        async with ceiling.slot("a", number) as slot:
            slot.left = True
        await asyncio.sleep(ceiling.refused("a", 1.0, number))

    with overheard() as logged:
        for number in range(STUBBORN - 1):
            await refused(number)
        assert (logged, ceiling.standing()) == ([], (500, STUBBORN - 1))
        await refused(STUBBORN)
        lowered = STUBBORN - 1
        assert ceiling.standing() == (lowered, STUBBORN)
        for number in range(40):
            with suppress(CeilingReached):
                await refused(number)
            await asyncio.sleep(2)
        assert {line["event"] for line in logged} == {"quota.lowered"}
        assert len(logged) < 5
        assert logged[0] == {
            "event": "quota.lowered",
            "log_level": "warning",
            "partner": "contoso",
            "family": "carts",
            "requests_per_minute": lowered,
        }
        logged.clear()
        await asyncio.sleep(LOWERED + 12 * GROWTH)
        assert ceiling.standing() == (500, 0)
        assert ceiling.standing() == (500, 0)
    assert [(line["event"], line["requests_per_minute"]) for line in logged] == [("quota.raised", 500)]


@pytest.mark.looptime
async def test_a_few_refusals_lower_nothing() -> None:
    """A few refusals may be momentary, and the command waited for them."""
    ceiling = quota(500)
    for number in range(STUBBORN - 1):
        async with ceiling.slot("a", number) as slot:
            slot.left = True
        await asyncio.sleep(ceiling.refused("a", 1.0, number))
    for number in range(100):
        async with ceiling.slot("b", number) as slot:
            slot.left = True


@pytest.mark.looptime
async def test_an_outage_says_nothing_about_ceilings() -> None:
    """A 503 with `Retry-After` holds everybody back, however often. Afterwards the ceiling is unchanged."""
    ceiling = quota(500)
    for number in range(2 * STUBBORN):
        async with ceiling.slot("a", number) as slot:
            slot.left = True
        ceiling.away(1.0)
        await asyncio.sleep(1)
    for number in range(100):
        async with ceiling.slot("b", number) as slot:
            slot.left = True
