"""From the journal to Kafka: in the order of each lane, until acknowledged, whatever trouble comes."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from events.messages.plans import SuspendPlan
from events.wire.record import Outgoing
from tests.runtime.bench import Bench, record
from tests.runtime.test_dispatch import listing
from tests.support.memory_broker import MemoryBroker
from worker.broker.port import Ack, BrokerRefused, BrokerUnavailable, TooLarge, TopicMissing
from worker.errors import JournalUnavailable
from worker.runtime import publisher as module
from worker.runtime.publisher import Publisher, Topics

EVENTS, DEAD_LETTERS = "azplan.events.v1", "azplan.dead-letters.v1"
A, B = (f"c0ffee00-0000-4000-8000-00000000000{number}" for number in (1, 2))


class Sink:
    """Kafka as these tests need it: takes some time and refuses the records that the test names."""

    def __init__(self, bench: Bench) -> None:
        self._broker = MemoryBroker(bench.clock, {EVENTS: 1, DEAD_LETTERS: 1}, largest=2_000)
        self.refuse: Callable[[Outgoing], Exception | None] = lambda _: None
        self.begun: list[str] = []

    async def start(self) -> None:
        """Connect."""

    async def stop(self) -> None:
        """Close."""

    async def send(self, topic: str, outgoing: Outgoing, *, partition: int | None = None) -> Ack:
        """Write, a moment later."""
        self.begun.append(name(outgoing))
        await asyncio.sleep(0.01)
        error = self.refuse(outgoing)
        if error is not None:
            raise error
        return await self._broker.write(topic, outgoing, partition=partition)

    def events(self) -> list[str]:
        """The records of the events topic, in order: command and type."""
        return [name(each) for each in self._broker.records(EVENTS)]

    def letters(self) -> list[Any]:
        """The records of the topic of dead letters."""
        return self._broker.records(DEAD_LETTERS)


def name(outgoing: Any) -> str:
    """The command of an event, and the event's type."""
    headers = dict(outgoing.headers)
    kind = headers.get("ce_type", b"?").decode().split(".")[1]
    return f"{headers.get('ce_causationid', b'?').decode()} {kind.removeprefix('Command')}"


@pytest.fixture
def sink(bench: Bench) -> Sink:
    """Kafka."""
    return Sink(bench)


@pytest.fixture
def publisher(bench: Bench, sink: Sink) -> Publisher:
    """Sends the outbox of the bench's journal."""
    return Publisher(bench.journal, sink, Topics(EVENTS, DEAD_LETTERS), bench.clock)


async def say(bench: Bench, *ids: str, customer: str = A) -> None:
    """Refuse these commands of a customer at once. Each then has one event."""
    bad = [record(SuspendPlan(customer_id=customer), id=each, type="azplan.Nonsense.v1") for each in ids]
    await bench.accept(*bad)


async def test_what_was_said_is_sent_once_in_its_order(bench: Bench, sink: Sink, publisher: Publisher) -> None:
    """An acknowledged event is not sent again."""
    await say(bench, "a", "b", "c")
    assert await publisher.flush()
    assert not await publisher.flush()
    assert sink.events() == ["a Rejected", "b Rejected", "c Rejected"]
    assert await bench.journal.unsent(10) == []


async def test_what_was_acknowledged_before_the_end_is_written_down_and_nothing_more_is_begun(
    bench: Bench, sink: Sink, publisher: Publisher
) -> None:
    """The lane's next owner repeats only the events that were under way."""
    await say(bench, "a1", "a2", "a3", customer=A)
    flushing = asyncio.create_task(publisher.flush())
    await asyncio.sleep(0.005)
    publisher.end()
    assert not await flushing
    assert not await publisher.flush()
    assert sink.begun == ["a1 Rejected"]
    assert len(await bench.journal.unsent(10)) == 2


async def test_a_lane_never_has_two_on_the_way(bench: Bench, sink: Sink, publisher: Publisher) -> None:
    """The next event leaves when the one before it is acknowledged. Lanes do not wait for each other."""
    await say(bench, "a1", "a2", customer=A)
    await say(bench, "b1", "b2", customer=B)
    flushing = asyncio.create_task(publisher.flush())
    await asyncio.sleep(0.005)
    assert sorted(sink.begun) == ["a1 Rejected", "b1 Rejected"]
    await flushing
    assert len(sink.events()) == 4


async def test_nothing_behind_a_failed_event_of_a_lane_is_read_before_it(
    bench: Bench, sink: Sink, publisher: Publisher
) -> None:
    """The other lanes go on."""
    await say(bench, "a1", "a2", "a3", customer=A)
    await say(bench, "b1", customer=B)
    sink.refuse = lambda outgoing: BrokerUnavailable("no leader") if name(outgoing) == "a2 Rejected" else None
    await publisher.flush()
    assert sorted(sink.events()) == ["a1 Rejected", "b1 Rejected"]
    sink.refuse = lambda _: None
    await publisher.flush()
    await publisher.flush()
    assert [each for each in sink.events() if each.startswith("a")] == ["a1 Rejected", "a2 Rejected", "a3 Rejected"]


async def test_a_lane_that_cannot_be_sent_does_not_fill_the_way_of_the_others(
    bench: Bench, sink: Sink, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The amount of waiting events does not matter."""
    monkeypatch.setattr(module, "PORTION", 3)
    await say(bench, *(f"a{number}" for number in range(10)), customer=A)
    await say(bench, "b1", "b2", customer=B)
    sink.refuse = lambda outgoing: TooLarge("no") if name(outgoing).startswith("a") else None
    while await publisher.flush():
        continue
    assert sink.events() == ["b1 Rejected", "b2 Rejected"]
    assert sink.begun.count("a0 Rejected") == 1
    assert "a1 Rejected" not in sink.begun


async def test_a_broker_that_is_gone_is_not_asked_for_each_of_a_long_backlog(
    bench: Bench, sink: Sink, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The publisher tries one portion, then pauses."""
    monkeypatch.setattr(module, "PORTION", 1)
    for customer in (A, B):
        await say(bench, customer[-1], customer=customer)
    sink.refuse = lambda _: BrokerUnavailable("gone")
    assert not await publisher.flush()
    assert len(sink.begun) == 1


async def test_what_may_have_been_written_is_sent_again_the_same_to_the_byte(
    bench: Bench, sink: Sink, publisher: Publisher
) -> None:
    """A reader sees a repeat, never a second truth (promise G3)."""
    await say(bench, "a")
    rows: list[Outgoing] = []
    sink.refuse = lambda outgoing: rows.append(outgoing) or BrokerUnavailable("lost")  # type: ignore[func-returns-value]
    await publisher.flush()
    await asyncio.sleep(60)
    await publisher.flush()
    assert len(rows) == 2
    assert rows[0] == rows[1]


async def test_a_dead_letter_that_is_too_large_is_sent_without_its_value(
    bench: Bench, sink: Sink, publisher: Publisher
) -> None:
    """The dead letter says so. The journal has the bytes."""
    small = record(specversion="9", id="small")
    await bench.accept(small, replace(small, value=b"x" * 5_000, offset=1))
    await publisher.flush()
    whole, cut = sorted(sink.letters(), key=lambda letter: not letter.value)
    assert whole.value == small.value
    assert (cut.key, cut.value, dict(cut.headers)["azplan_dlq_truncated"]) == (small.key, b"", b"true")
    assert await bench.journal.unsent(10) == []


async def test_an_event_that_the_broker_finds_too_large_is_sent_with_shorter_lists(
    bench: Bench, sink: Sink, publisher: Publisher
) -> None:
    """The shortening is always the same, also for an event that may have been sent before."""
    work = await bench.begin()
    await bench.dispatch(listing(400))(work)
    while await publisher.flush():
        continue
    last = sink._broker.records(EVENTS)[-1]
    data = json.loads(last.value or b"")
    assert (data["truncated"], data["cancelledAssets"][0]["id"]) == (["cancelledAssets"], "a-0")
    assert 0 < len(data["cancelledAssets"]) < 400
    assert await bench.journal.unsent(10) == []


async def test_dead_letters_do_not_wait_for_each_other(bench: Bench, sink: Sink, publisher: Publisher) -> None:
    """Many dead letters are sent side by side. One that fails holds up no other."""
    await bench.accept(*(record(specversion="9", id=f"l{number}", offset=number) for number in range(20)))
    begun = bench.clock.monotonic()
    sink.refuse = lambda outgoing: TopicMissing("x") if dict(outgoing.headers)["ce_id"] == b"l3" else None
    await publisher.flush()
    assert bench.clock.monotonic() - begun == pytest.approx(0.01)
    assert len(sink.letters()) == 19


async def test_it_sends_at_once_when_called_and_soon_when_not(bench: Bench, sink: Sink, publisher: Publisher) -> None:
    """A look finds the events of commands that another worker accepted for this worker's lanes."""
    task = asyncio.create_task(publisher.run())
    await asyncio.sleep(5)
    await say(bench, "called")
    publisher.wake()
    await asyncio.sleep(0.1)
    assert sink.events() == ["called Rejected"]
    await say(bench, "quiet")
    await asyncio.sleep(1.1)
    assert sink.events() == ["called Rejected", "quiet Rejected"]
    task.cancel()


async def test_neither_a_silent_broker_nor_a_silent_database_ends_it(
    bench: Bench, sink: Sink, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The publisher goes on by itself."""
    task = asyncio.create_task(publisher.run())
    await say(bench, "a")
    sink.refuse = lambda _: BrokerUnavailable("gone")
    await asyncio.sleep(600)
    sink.refuse = lambda _: None
    with monkeypatch.context() as silence:
        silence.setattr(bench.journal, "unsent", _silent)
        await asyncio.sleep(600)
        assert sink.events() == []
    await asyncio.sleep(2)
    assert sink.events() == ["a Rejected"]
    task.cancel()


async def test_an_error_that_nobody_expected_holds_up_its_own_lane_only(
    bench: Bench, sink: Sink, publisher: Publisher
) -> None:
    """The error is logged and the event is tried again."""
    await say(bench, "a", customer=A)
    await say(bench, "b", customer=B)
    sink.refuse = lambda outgoing: ValueError("?") if name(outgoing) == "a Rejected" else None
    while await publisher.flush():
        continue
    assert sink.events() == ["b Rejected"]


async def test_it_says_that_something_cannot_leave_until_all_of_it_has_left(
    bench: Bench, sink: Sink, publisher: Publisher
) -> None:
    """Meanwhile other events may leave: one lane that is held up is enough."""
    await say(bench, "a", customer=A)
    await say(bench, "b", customer=B)
    sink.refuse = lambda outgoing: BrokerRefused("no right") if name(outgoing) == "a Rejected" else None
    assert publisher.trouble is None
    for _ in range(3):
        await publisher.flush()
        assert publisher.trouble == "no right"
    sink.refuse = lambda _: None
    while await publisher.flush():
        continue
    await publisher.flush()
    assert publisher.trouble is None


async def test_two_who_send_at_once_do_not_send_the_same(bench: Bench, sink: Sink, publisher: Publisher) -> None:
    """While the worker stops, both the loop and the last flush are running."""
    await say(bench, "a", "b")
    await asyncio.gather(publisher.flush(), publisher.flush())
    assert sink.events() == ["a Rejected", "b Rejected"]


async def test_a_lane_taken_over_meanwhile_begins_with_its_oldest_event(
    bench: Bench, sink: Sink, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The publisher reads on from a place of its own while another lane is held up. It still finds older events."""
    monkeypatch.setattr(module, "PORTION", 2)
    await say(bench, "b1", customer=B)
    await bench.journal.transactions.write(_steal)
    await say(bench, "a1", "a2", "a3", customer=A)
    sink.refuse = lambda outgoing: TooLarge("no") if name(outgoing) == "a2 Rejected" else None
    assert await publisher.flush()
    await bench.journal.transactions.write(_give_back)
    await say(bench, "b2", customer=B)
    for _ in range(2):
        while await publisher.flush():
            continue
    assert [each for each in sink.events() if each.startswith("b")] == ["b1 Rejected", "b2 Rejected"]


async def test_what_could_not_be_sent_is_tried_again_however_much_else_there_is(
    bench: Bench, sink: Sink, publisher: Publisher
) -> None:
    """An endless stream of events of other lanes does not keep a lane from its turn."""
    await say(bench, "a1", customer=A)
    sink.refuse = lambda outgoing: BrokerUnavailable("no leader") if name(outgoing) == "a1 Rejected" else None
    for number in range(100):
        await say(bench, f"b{number}", customer=B)
        assert await publisher.flush()
        await asyncio.sleep(1.0)
        if number == 20:
            sink.refuse = lambda _: None
        if number > 20 + module.TRY_AGAIN:
            assert "a1 Rejected" in sink.events()


async def _silent(*_: object) -> Any:
    raise JournalUnavailable("gone")


async def test_only_events_of_the_workers_own_lanes_are_sent(bench: Bench, sink: Sink, publisher: Publisher) -> None:
    """Other lanes are sent by their owners."""
    await say(bench, "a")
    await bench.journal.transactions.write(_steal)
    assert not await publisher.flush()
    assert sink.events() == []


async def _steal(tx: Any) -> None:
    await tx.run("UPDATE lane SET owner = 'another'")


async def _give_back(tx: Any) -> None:
    await tx.run("UPDATE lane SET owner = (SELECT id FROM worker)")
