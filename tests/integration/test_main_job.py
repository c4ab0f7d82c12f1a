"""The main job, end to end on real parts."""

import json
from pathlib import Path

import pytest

from ops.local.azplan import Azplan, azplan
from ops.local.kafka_messages import Heard, Sent, answered, hear, is_answer, send, send_raw, story
from ops.local.simulator import SimulatorProcess
from ops.local.topics import Topics
from ops.local.waiting import eventually
from tests.integration.conftest import WorkerFactory

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

Settings = dict[str, str]


def orders_of(partner_center: SimulatorProcess, customer: str) -> list[object]:
    """The orders that Partner Center's books hold for the customer."""
    return [order for order in partner_center.book("orders") if order["customer_id"] == customer]


def test_send_prints_the_events_of_a_purchase_and_exits_0(
    settings: Settings, start_worker: WorkerFactory, partner_center: SimulatorProcess, tmp_path: Path
) -> None:
    """A person sends CreateAzurePlan and sees its events. Partner Center has sold one plan."""
    (customer,) = partner_center.customers("ready", 1)
    start_worker()

    sent = azplan(
        "send", "CreateAzurePlan", "--customer", customer, "--wait", "60s", "--json", settings=settings, cwd=tmp_path
    )

    assert sent.returncode == 0, sent.stderr
    assert "AzurePlanCreated" in sent.stdout
    assert len(orders_of(partner_center, customer)) == 1


def test_send_says_why_a_command_is_refused_and_exits_4(
    settings: Settings, start_worker: WorkerFactory, partner_center: SimulatorProcess, tmp_path: Path
) -> None:
    """A refusal prints its code, its reason and the next step."""
    (customer,) = partner_center.customers("plan", 1)
    start_worker()

    sent = azplan("send", "SuspendPlan", "--customer", customer, "--wait", "60s", settings=settings, cwd=tmp_path)

    assert sent.returncode == 4, sent.stderr
    assert "active_assets" in sent.stdout
    assert "What to do" in sent.stdout


async def test_a_record_sent_ten_times_buys_once_and_is_answered_once(
    topics: Topics, start_worker: WorkerFactory, partner_center: SimulatorProcess
) -> None:
    """Ten copies of one record lead to one order in Partner Center's books and one set of event ids."""
    (customer,) = partner_center.customers("ready", 1)
    command = Sent("CreateAzurePlan", customer)
    start_worker()

    await send(topics, *[command] * 10)
    await answered(topics, [command], within=60)
    last = Sent("ReactivatePlan", customer)  # behind all ten: they have been taken in when this command is answered
    await send(topics, last)
    await answered(topics, [last], within=60)

    events = await story(topics, command)
    assert len(orders_of(partner_center, customer)) == 1
    assert len({event.headers["ce_id"] for event in events}) == len(events)
    assert [event.type for event in events if is_answer(event)] == ["AzurePlanCreated"]


async def test_an_id_with_other_content_is_refused_and_changes_nothing(
    topics: Topics, start_worker: WorkerFactory, partner_center: SimulatorProcess
) -> None:
    """The second content gets CommandIdReused and a dead letter. The first command's answer stays the only one."""
    (customer,) = partner_center.customers("ready", 1)
    command = Sent("CreateAzurePlan", customer)
    other = Sent("CreateAzurePlan", customer, {"country": "DE"}, id=command.id)
    start_worker()
    await send(topics, command)
    await answered(topics, [command], within=60)

    await send(topics, other)

    letters = await eventually(lambda: hear(topics.bootstrap_servers, topics.dead_letters), "a dead letter", within=30)
    types = [event.type for event in await story(topics, command)]
    assert types.count("CommandIdReused") == 1
    assert types.count("AzurePlanCreated") == 1
    assert [letter.headers["azplan_dlq_code"] for letter in letters] == ["id_reused"]
    assert letters[0].value == other.value
    assert len(orders_of(partner_center, customer)) == 1


async def test_a_worker_killed_between_check_out_and_its_answer_has_bought_once(
    topics: Topics, start_worker: WorkerFactory, partner_center: SimulatorProcess
) -> None:
    """After SIGKILL between the order and its answer, the next worker finds the one order."""
    (customer,) = partner_center.customers("ready", 1)
    command = Sent("CreateAzurePlan", customer)
    partner_center.fault("slow_answer", operation="carts.checkout", customer=customer, seconds=30)
    quick = {"AZPLAN_WORKER__LEASE": "5", "AZPLAN_WORKER__HEARTBEAT": "1", "AZPLAN_WORKER__CALL_TIMEOUT": "3"}
    worker = start_worker(**quick, AZPLAN_WAITS__SETTLE="5")
    await send(topics, command)
    await eventually(lambda: orders_of(partner_center, customer), "the order is made", within=30)

    worker.kill()
    start_worker(**quick, AZPLAN_WAITS__SETTLE="5")

    events = (await answered(topics, [command], within=90))[command.id]
    assert [event.type for event in events if is_answer(event)] == ["AzurePlanCreated"]
    assert events[-1].data["alreadyExisted"] is False
    assert len(orders_of(partner_center, customer)) == 1


async def test_what_cannot_be_read_becomes_a_dead_letter_and_the_next_command_is_carried_out(
    topics: Topics, start_worker: WorkerFactory, partner_center: SimulatorProcess
) -> None:
    """Poison never blocks: the dead letter has the record's bytes and the reason."""
    (customer,) = partner_center.customers("suspended_plan", 1)
    good = Sent("ReactivatePlan", customer)
    bad = [(customer.encode(), b"\xff\xfe", good.headers), (customer.encode(), None, good.headers), (None, b"[]", [])]
    start_worker()

    await send_raw(topics, bad)
    await send(topics, good)

    events = (await answered(topics, [good], within=60))[good.id]
    letters = await eventually(lambda: three(topics), "three dead letters", within=30)
    assert events[-1].type == "PlanReactivated"
    assert sorted(letter.value or b"" for letter in letters) == sorted(value or b"" for _, value, _ in bad)


async def three(topics: Topics) -> list[Heard] | None:
    """The dead letters, once there are three of them."""
    letters = await hear(topics.bootstrap_servers, topics.dead_letters)
    return sorted(letters, key=lambda each: each.headers["azplan_dlq_offset"]) if len(letters) == 3 else None


def test_a_second_worker_on_an_sqlite_journal_is_refused_with_what_to_do(
    topics: Topics, partner_center: SimulatorProcess, sqlite_url: str, tmp_path: Path, settings: Settings
) -> None:
    """An SQLite journal serves one worker. The second worker ends with 78 and names PostgreSQL."""
    mine = {**settings, "AZPLAN_JOURNAL__URL": sqlite_url}
    first = Azplan(settings=mine, cwd=tmp_path, name="first")
    first.start()
    try:
        second = azplan("run", settings=mine, cwd=tmp_path)
        listed = azplan("commands", "list", "--json", settings=mine, cwd=tmp_path)
    finally:
        first.stop()

    assert second.returncode == 78
    assert "postgresql://" in second.stderr
    assert (listed.returncode, json.loads(listed.stdout)) == (0, [])


async def test_an_empty_journal_beside_a_used_group_is_refused_until_a_person_says_that_it_is_new(
    topics: Topics, start_worker: WorkerFactory, partner_center: SimulatorProcess, tmp_path: Path, settings: Settings
) -> None:
    """Finished commands would be carried out again.

    The worker ends with 78 and names the rebuild and `--new-journal`.
    """
    (customer,) = partner_center.customers("suspended_plan", 1)
    command = Sent("ReactivatePlan", customer)
    worker = start_worker()
    await send(topics, command)
    await answered(topics, [command], within=60)
    worker.stop()

    empty = {**settings, "AZPLAN_JOURNAL__URL": f"sqlite:///{tmp_path / 'empty.db'}"}
    refused = azplan("run", settings=empty, cwd=tmp_path)

    assert refused.returncode == 78
    assert "journal rebuild" in refused.stderr
    assert "--new-journal" in refused.stderr
