"""What is granted of a ceiling that several processes share, and what still counts."""

import random
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.ceiling.shared_ceiling import BUCKET, LEASE, SECOND, SPAN, Ceiling, Statement, Terms, exchange, granted

TERMS = Terms(longest=40.0)
NOW = 1_800_000_000 * SECOND


@pytest.mark.parametrize(
    ("room", "wanted", "rivals", "gets", "why"),
    [
        (500, 10, 0, 10, "there is enough"),
        (500, 10, 400, 10, "there is enough for all"),
        (10, 64, 0, 10, "one process alone gets all of it"),
        (12, 30, 30, 6, "two that want the same get the same"),
        (12, 10, 30, 3, "each gets its part of what is wanted"),
        (1, 1, 30, 1, "each that wants something gets something"),
        (0, 5, 0, 0, "nothing is left"),
        (-3, 5, 0, 0, "more counts than the ceiling allows, because the ceiling was lowered"),
        (5, 0, 0, 0, "nothing is wanted"),
    ],
)
def test_what_a_process_is_granted(room: int, wanted: int, rivals: int, gets: int, why: str) -> None:
    """By what is left, by what it wants, and by what the others want."""
    assert granted(room, wanted, rivals) == gets, why


def test_what_was_granted_counts_until_it_is_stated_otherwise() -> None:
    """Nobody else gets it. Slots that are given back are free at once."""
    ceiling, first = exchange(Ceiling(), "a", Statement(10, 0, wanted=10), TERMS, NOW)
    ceiling, second = exchange(ceiling, "b", Statement(10, 0, wanted=4), TERMS, NOW + SECOND)
    assert (first.slots, second.slots, second.others) == (10, 0, 10)
    ceiling, _ = exchange(ceiling, "a", Statement(10, 3), TERMS, NOW + 2 * SECOND)
    _, third = exchange(ceiling, "b", Statement(10, 0, wanted=9), TERMS, NOW + 3 * SECOND)
    assert (third.slots, third.others) == (7, 3)


def test_a_used_slot_counts_for_a_minute_after_its_answer() -> None:
    """Its end is rounded up, so it never counts too short; and the others learn when it comes free."""
    ceiling, _ = exchange(Ceiling(), "a", Statement(1, 0, used=[(10.1, 1)]), TERMS, NOW)
    _, early = exchange(ceiling, "b", Statement(1, 0, wanted=1), TERMS, NOW + int(49.8 * SECOND))
    _, late = exchange(ceiling, "b", Statement(1, 0, wanted=1), TERMS, NOW + 50 * SECOND)
    assert (early.slots, late.slots) == (0, 1)
    assert early.coming == [(pytest.approx(0.2), 1)]


def test_a_used_slot_counts_a_little_longer_where_its_minute_ends_with_a_bucket() -> None:
    """Instants are exact to a microsecond: the answer may have come an instant later than stated."""
    ceiling, _ = exchange(Ceiling(), "a", Statement(1, 0, used=[(0.0, 1)]), TERMS, NOW)
    end = NOW + int(SPAN * SECOND)
    _, early = exchange(ceiling, "b", Statement(1, 0, wanted=1), TERMS, end)
    _, late = exchange(ceiling, "b", Statement(1, 0, wanted=1), TERMS, end + BUCKET)
    assert (early.slots, late.slots) == (0, 1)


def test_the_slots_of_a_dead_process_count_as_used_at_the_last_moment() -> None:
    """Until the end of its lease, and the longest request and a minute from there. Then they are free."""
    ceiling, _ = exchange(Ceiling(), "dead", Statement(5, 0, wanted=5), TERMS, NOW)
    gone = NOW + int((LEASE + TERMS.longest + SPAN) * SECOND)
    ceiling, before = exchange(ceiling, "b", Statement(5, 0, wanted=5), TERMS, gone - SECOND)
    ceiling, after = exchange(ceiling, "b", Statement(5, 0, wanted=5), TERMS, gone)
    assert (before.slots, after.slots) == (0, 5)
    assert before.coming == [(pytest.approx(1.0, abs=BUCKET / SECOND), 5)]
    assert set(ceiling.holders) == {"b"}


def test_a_reserve_comes_from_plenty_only() -> None:
    """A part of what nobody wants. When little is left, nothing is put aside."""
    _, plenty = exchange(Ceiling(), "a", Statement(500, 0, wanted=1, spare=4), TERMS, NOW)
    _, little = exchange(Ceiling(), "a", Statement(500, 495, wanted=1, spare=4), TERMS, NOW)
    assert (plenty.slots, plenty.reserve) == (5, 31)
    assert (little.slots, little.reserve) == (1, 0)


def test_a_process_that_is_silent_for_a_while_keeps_nothing_from_the_others() -> None:
    """What it wanted at its last exchange is set aside for seconds only."""
    ceiling, _ = exchange(Ceiling(), "a", Statement(8, 8, wanted=100), TERMS, NOW)
    ceiling, _ = exchange(ceiling, "a", Statement(8, 0, wanted=100), TERMS, NOW)
    ceiling = Ceiling({"a": ceiling.holders["a"]}, 0)
    assert ceiling.holders["a"].wanted == 92
    _, now = exchange(Ceiling(ceiling.holders), "b", Statement(16, 0, wanted=100), TERMS, NOW + SECOND)
    _, later = exchange(Ceiling(ceiling.holders), "b", Statement(16, 0, wanted=100), TERMS, NOW + 9 * SECOND)
    assert (now.slots, later.slots) == (0, 0)


def test_a_hold_concerns_all_processes() -> None:
    """After a 429 nobody is granted anything until its time is over, and everybody learns how long that is."""
    ceiling, _ = exchange(Ceiling(), "a", Statement(500, 1, hold=30.0), TERMS, NOW)
    ceiling, during = exchange(ceiling, "b", Statement(500, 0, wanted=1), TERMS, NOW + 10 * SECOND)
    _, after = exchange(ceiling, "b", Statement(500, 0, wanted=1), TERMS, NOW + 30 * SECOND)
    assert (during.slots, during.hold) == (0, pytest.approx(20.0))
    assert (after.slots, after.hold) == (1, 0.0)


def test_the_lowest_ceiling_holds_that_a_living_process_knows() -> None:
    """A process that learned of a lower ceiling teaches the others, until it knows better or is silent."""
    ceiling, _ = exchange(Ceiling(), "a", Statement(100, 50), TERMS, NOW)
    ceiling, now = exchange(ceiling, "b", Statement(500, 0, wanted=400), TERMS, NOW)
    ceiling, _ = exchange(ceiling, "a", Statement(500, 50), TERMS, NOW)
    _, later = exchange(ceiling, "b", Statement(500, 50, wanted=400), TERMS, NOW)
    assert (now.slots, later.slots) == (50, 400)


@pytest.mark.parametrize("back", [5, 3_600, 86_400])
def test_a_database_whose_clock_is_set_back_closes_no_ceiling_for_long(back: int) -> None:
    """Instants that lie too far ahead are moved to where a statement of now would put them."""
    ceiling, _ = exchange(Ceiling(), "dead", Statement(5, 2, used=[(1.0, 3)]), TERMS, NOW)
    then = NOW - back * SECOND
    ceiling, _ = exchange(ceiling, "b", Statement(5, 0, wanted=5), TERMS, then)
    most = int((LEASE + TERMS.longest + SPAN) * SECOND)
    _, used = exchange(ceiling, "b", Statement(5, 0, wanted=5), TERMS, then + int((SPAN + 1) * SECOND))
    _, all_of_it = exchange(ceiling, "b", Statement(5, 0, wanted=5), TERMS, then + min(back, most) * SECOND + most)
    assert (used.slots, all_of_it.slots) == (3, 5)


@dataclass
class Process:
    """A process whose moves are drawn by lot."""

    name: str
    hand: int = 0
    lease_until: float = 0.0
    under_way: list[tuple[float, float]] = field(default_factory=list)
    """Arrival and end of each request."""
    answers: list[float] = field(default_factory=list)

    def grow_older(self, now: float) -> None:
        """Take the answers that have come, and forget slots whose lease is over."""
        for request in [each for each in self.under_way if each[1] <= now]:
            self.under_way.remove(request)
            self.answers.append(request[1])
        if now >= self.lease_until:
            self.hand = 0

    def statement(self, limit: int, now: float, wanted: int) -> Statement:
        """All that it has."""
        ages = Counter(now - each for each in self.answers if now - each < SPAN)
        return Statement(limit, self.hand + len(self.under_way), list(ages.items()), wanted=wanted)

    def send(self, now: float, chance: random.Random) -> float:
        """Use a slot. Returns when the request arrives."""
        self.hand -= 1
        end = now + chance.uniform(0, TERMS.longest)
        arrival = chance.uniform(now, end)
        self.under_way.append((arrival, end))
        return arrival


@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 4))
def test_no_minute_ever_sees_more_than_the_ceiling(seed: int, limit: int, processes: int) -> None:
    """Processes ask, die and use their slots at any time, and any answers of exchanges are lost."""
    chance = random.Random(seed)
    ceiling, now, arrivals = Ceiling(), 0.0, list[float]()
    crew, born = [Process(str(number)) for number in range(processes)], processes
    for _ in range(400):
        now += chance.expovariate(2.0)
        place = chance.randrange(processes)
        one = crew[place]
        one.grow_older(now)
        if chance.random() < 0.02:
            crew[place], born = Process(str(born)), born + 1
        elif chance.random() < 0.4:
            one.hand -= chance.randint(0, one.hand)
            sent, said = now, one.statement(limit, now, chance.randint(0, limit))
            now += chance.uniform(0, 0.2)
            after, grant = exchange(ceiling, one.name, said, TERMS, NOW + round(now * SECOND))
            assert sum(each.counted for each in after.holders.values()) <= limit
            done, heard = chance.random() < 0.9, chance.random() < 0.9
            ceiling = after if done else ceiling
            if done and heard:
                one.hand, one.lease_until = one.hand + grant.slots, sent + LEASE
        elif one.hand:
            arrivals.append(one.send(now, chance))
    arrivals.sort()
    for first, arrival in enumerate(arrivals[: max(len(arrivals) - limit, 0)]):
        assert arrivals[first + limit] - arrival >= SPAN - 1e-6
