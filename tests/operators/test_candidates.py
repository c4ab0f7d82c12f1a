"""What people type to select commands, and the answers to impossible selections."""

from datetime import UTC, datetime, timedelta

import pytest

from events.wire.record import Outgoing
from tests.operators.memory_admin import MemoryAdmin
from tests.support.memory_broker import MemoryBroker
from worker.broker.port import Partition
from worker.clock import Clock
from worker.operators.errors import InvalidRequest
from worker.operators.replay.candidates import NotThere, ranges, shortened
from worker.operators.selection import offsets, select, wire_type

MORNING, EVENING = "2026-03-02T08:00:00Z", "2026-03-02T20:00:00+01:00"
HOUR = 3_600_000_000
NOON = 1_772_452_800_000_000  # 2026-03-02T12:00:00Z


def test_a_range_of_offsets_holds_its_last_one() -> None:
    """3:1000-1999 selects a thousand records of partition 3."""
    assert offsets("3:1000-1999") == (3, range(1000, 2000))
    assert offsets("0:7-7") == (0, range(7, 8))


@pytest.mark.parametrize("text", ["", "3", "3:9-1", "3:-1-5", "a:1-2", "3:1-2-3"])
def test_a_wrong_range_of_offsets_is_refused_with_an_example(text: str) -> None:
    """The answer shows how to write a range."""
    with pytest.raises(InvalidRequest) as told:
        offsets(text)
    assert "3:1000-1999" in (told.value.advice or "")


def test_a_span_holds_both_its_ends_and_is_open_at_an_end_that_was_not_given() -> None:
    """Instants have offsets from UTC. An end that was not given is open."""
    assert (select(begin=MORNING).begin, select(end=EVENING).end) == (NOON - 4 * HOUR, NOON + 7 * HOUR)
    noon = select(begin="2026-03-02T12:00:00Z", end="2026-03-02T12:00:00Z")
    assert (noon.begin, noon.end) == (NOON, NOON)
    assert (select().begin, select().end) == (None, None)


@pytest.mark.parametrize(("begin", "end"), [("yesterday", None), (None, "2026-03-02"), (EVENING, MORNING)])
def test_a_wrong_span_is_refused(begin: str | None, end: str | None) -> None:
    """A wrong reading would replay other records than the person meant."""
    with pytest.raises(InvalidRequest):
        select(begin=begin, end=end)


def test_types_customers_and_accounts_are_taken_in_any_case() -> None:
    """People type names in any case."""
    found = select(type="suspend-plan", customer="C0FFEE00-0000-4000-8000-000000000001", partner="Contoso")
    assert (found.type, found.customer, found.partner) == (
        "azplan.SuspendPlan.v1",
        "c0ffee00-0000-4000-8000-000000000001",
        "contoso",
    )


def test_a_type_that_is_none_is_refused_with_a_suggestion() -> None:
    """A typing error that selects nothing would look as if there were nothing to do."""
    with pytest.raises(InvalidRequest, match="no type of command"):
        wire_type("SuspendPlann")


class Shortened(MemoryAdmin):
    """A topic whose oldest records are deleted."""

    async def beginnings(self, topic: str) -> dict[Partition, int]:
        """The oldest record of the first partition has the offset 2."""
        return {each: 0 if each.number else 2 for each in await super().beginnings(topic)}

    async def offsets_at(self, topic: str, instant: datetime) -> dict[Partition, int]:
        """Deleted records are not found."""
        found, first = await super().offsets_at(topic, instant), await self.beginnings(topic)
        return {each: max(offset, first[each]) for each, offset in found.items()}


async def admin() -> Shortened:
    """Two partitions, of which the first has the offsets 2 to 4 and the second none."""
    broker = MemoryBroker(Clock(), {"commands": 2})
    for _ in range(5):
        await broker.write("commands", Outgoing(b"k", b"v", ()), partition=0)
    return Shortened(broker)


async def test_a_range_ends_where_the_topic_ends() -> None:
    """The replay does not wait for records that are not written yet."""
    found = await ranges(await admin(), "commands", offsets=[(0, range(3, 1000))])
    assert found == {Partition("commands", 0): range(3, 5)}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ((7, range(3)), "commands has no partition 7: it has 0 to 1"),
        ((0, range(4)), "begins at offset 2 now.*--journal"),
        ((0, range(5, 9)), "ends before offset 5: no record is at 5 yet"),
    ],
)
async def test_offsets_that_the_topic_does_not_have_are_told(asked: tuple[int, range], told: str) -> None:
    """Otherwise the plan would silently have fewer records than the person meant."""
    with pytest.raises(NotThere, match=told):
        await ranges(await admin(), "commands", offsets=[asked])


async def test_a_day_of_which_the_topic_has_deleted_records_is_told() -> None:
    """A partition is named if its oldest record is younger than the start of the day."""
    there = await admin()
    assert await shortened(there, "commands", datetime(2020, 1, 1, tzinfo=UTC)) == [0]
    assert await shortened(there, "commands", datetime.now(UTC) + timedelta(days=1)) == []
    assert await shortened(MemoryAdmin(there._broker), "commands", datetime(2020, 1, 1, tzinfo=UTC)) == []
