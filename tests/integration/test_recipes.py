"""The recipes of docs/recipes.md, typed as they are written by a person who answers yes."""

import os
import pty
import re
import subprocess
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from ops.local.azplan import PROGRAM, ROOT, environment
from ops.local.databases import run_apart
from ops.local.kafka_messages import Sent, answered, is_answer
from ops.local.simulator import SimulatorProcess
from ops.local.topics import Topics
from ops.local.waiting import wait_until
from tests.integration.conftest import WorkerFactory
from tests.support.looking import stories_of_dead_letters
from tests.support.verbs import type_verb

pytestmark = pytest.mark.kafka

PAGE = ROOT / "docs/recipes.md"
MONDAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
BLOCK = r"^#+ {}\n[^#]*?^```console\n(.*?)^```"
QUICK_TO_GIVE_UP = {
    "AZPLAN_WORKER__CALL_TIMEOUT": "3",
    "AZPLAN_WAITS__SETTLE": "3",
    "AZPLAN_WAITS__ORDER_LIST_LAG": "1",
    "AZPLAN_RETRIES__ATTEMPTS": "3",
    "AZPLAN_JOURNAL__RETENTION": "P100Y",
}


def recipe(heading: str) -> list[str]:
    """The commands below a heading."""
    block = re.search(BLOCK.format(re.escape(heading)), PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert block, f"{PAGE.name} has no commands below {heading!r}"
    return [line.removeprefix("$ ") for line in block[1].splitlines()]


class Desk:
    """A shell at a terminal, with the workers' settings, whose person answers yes."""

    def __init__(self, settings: dict[str, str], folder: Path, start_worker: WorkerFactory) -> None:
        self.settings = settings
        self._folder = folder
        self._start_worker = start_worker
        self._worker = start_worker()

    def states(self) -> dict[str, str]:
        """The commands of the journal with their states."""
        listed = type_verb("commands", "list", "--json", settings=self.settings, cwd=self._folder)
        return {each["id"]: each["state"] for each in listed.json}

    def file(self, name: str) -> bytes:
        """The contents of a file that a verb wrote into the person's folder."""
        return (self._folder / name).read_bytes()

    def stop_worker(self) -> None:
        """Send SIGTERM and wait for the end."""
        self._worker.stop()

    def follow(self, heading: str) -> list[str]:
        """Type each command of a recipe. Returns the output of each. All commands must end well."""
        return [self.type(line) for line in recipe(heading)]

    def type(self, line: str) -> str:
        """Type a command and answer yes. `azplan run` does not end, so it is started beside the shell."""
        if line.startswith("export "):
            name, value = line.removeprefix("export ").split("=", 1)
            self.settings[name] = value
            return ""
        if line == "azplan run":
            self._worker = self._start_worker()
            return ""
        path = f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            ["bash", "-c", line],
            env={**environment(self.settings), "PATH": path, "TERM": "dumb"},
            cwd=self._folder,
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=theirs,
            text=True,
        )
        os.close(theirs)
        os.write(ours, b"y\n")
        talk: list[bytes] = []
        listening = threading.Thread(target=lambda: talk.extend(everything(ours)))
        listening.start()
        printed, _ = process.communicate(timeout=120)
        listening.join()
        os.close(ours)
        said = b"".join(talk).decode(errors="replace")
        assert process.returncode == 0, f"{line} ended with {process.returncode}:\n{printed}\n{said}"
        return printed + said


def everything(terminal: int) -> Iterator[bytes]:
    """Everything written to a terminal until its other side is closed."""
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:
            return
        if not part:
            return
        yield part


@pytest.fixture
def journal_url(tmp_path: Path) -> str:
    """An SQLite journal is enough here: other tests run the verbs on both databases."""
    return f"sqlite:///{tmp_path / 'journal.db'}"


@pytest.fixture
def topics(kafka_servers: str) -> Topics:
    """Topics that keep their records, whatever age the records' timestamps say."""
    fresh = Topics(kafka_servers)
    run_apart(fresh.create(**{"retention.ms": "-1"}))
    return fresh


@pytest.fixture
def desk(settings: dict[str, str], tmp_path: Path, start_worker: WorkerFactory) -> Desk:
    """A person's place, and a worker beside it."""
    settings.update(QUICK_TO_GIVE_UP)
    return Desk(settings, tmp_path, start_worker)


def on_monday(topics: Topics, *commands: Sent | bytes) -> None:
    """Write commands, or bytes that are no commands, with the day of the recipes as their timestamp."""

    async def write() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=topics.bootstrap_servers, acks="all")
        at = int(MONDAY.timestamp() * 1000)
        await producer.start()
        try:
            for each in commands:
                if isinstance(each, bytes):
                    await producer.send_and_wait(topics.commands, each, timestamp_ms=at)
                else:
                    await producer.send_and_wait(
                        topics.commands,
                        each.value,
                        key=each.customer.encode(),
                        headers=each.headers,
                        timestamp_ms=at,
                    )
        finally:
            await producer.stop()

    run_apart(write())


def answers(topics: Topics, *commands: Sent) -> dict[str, list[str]]:
    """The names of the answering events by command id, once each of these commands has an answer."""
    found = run_apart(answered(topics, commands, within=60))
    return {id_: [each.type for each in events] for id_, events in found.items()}


def until_answered(topics: Topics, commands: Sequence[Sent], *expected: str) -> None:
    """Wait until each of the commands has exactly these answers, story by story."""

    def look() -> bool:
        found = run_apart(answered(topics, commands, within=60))
        return all([each.type for each in found[command.id] if is_answer(each)] == [*expected] for command in commands)

    wait_until(look, f"{len(commands)} commands are answered with {', '.join(expected)}", within=60)


def purchases(customers: list[str], *ids: str) -> list[Sent]:
    """One purchase of a plan for each customer."""
    return [Sent("CreateAzurePlan", customer, id=id_) for id_, customer in zip(ids, customers, strict=True)]


def test_recipes_after_failures_and_a_lost_journal(
    desk: Desk, topics: Topics, partner_center: SimulatorProcess
) -> None:
    """A failure is explained, redriven by its code with a canary, its day replayed, its journal lost.

    Nothing is bought twice.
    """
    failing = partner_center.customers("order_fails", 9)
    early = purchases(failing[:7], "order-4711", *(f"early-{number}" for number in range(6)))
    late = purchases(failing[7:], "late-1", "late-2")
    (good,) = purchases(partner_center.customers("ready", 1), "good")
    on_monday(topics, *early, good, b"no json")
    until_answered(topics, early, "CommandFailed")

    listed, shown, explained = desk.follow("Why did this command fail?")
    assert "order-4711" in listed
    assert "carts.checkout" in shown
    assert "CommandFailed  order_failed" in shown
    assert "whose fault  microsoft" in explained

    for customer in failing:
        partner_center.change_customer(customer, settings={"order_outcome": "completed"})
    letters, redriven = desk.follow("Redrive all failures of one code")
    assert re.search(r"order_failed +CreateAzurePlan +7 ", letters)
    assert "Apply this to 7 commands, 5 of them first?" in redriven
    assert "7/7" in redriven
    until_answered(topics, early, "CommandFailed", "AzurePlanCreated")

    for customer in failing[7:]:
        partner_center.change_customer(customer, settings={"order_outcome": "error"})
    on_monday(topics, *late)
    until_answered(topics, late, "CommandFailed")
    for customer in failing[7:]:
        partner_center.change_customer(customer, settings={"order_outcome": "completed"})
    planned, replayed = desk.follow("Replay a day after a bad deployment")
    for outcome in (
        r"nothing +8 +it is done: succeeded",
        r"resume +2 +it failed with order_failed",
        r"needsPerson +1 ",
    ):
        assert re.search(outcome, planned), planned
    assert "2/2" in replayed
    until_answered(topics, late, "CommandFailed", "AzurePlanCreated")

    orders, before = partner_center.counts()["orders"], desk.states()
    desk.stop_worker()
    built = desk.follow("The journal is lost")[1]
    assert "10 concluded by their answers, 0 open again" in built
    on_monday(topics, *early, *late, good)
    (new,) = purchases(failing[:1], "new")
    on_monday(topics, new)
    until_answered(topics, [new], "AzurePlanCreated")
    assert desk.states() == {**before, "new": "succeeded"}
    assert partner_center.counts()["orders"] == orders


def test_recipes_for_floods_unknown_outcomes_and_bad_records(
    desk: Desk, topics: Topics, partner_center: SimulatorProcess
) -> None:
    """Unreadable records, unknown outcomes and a stopped flood are all handled as the recipes say."""
    on_monday(topics, b"no json")
    url = desk.settings["AZPLAN_JOURNAL__URL"]
    wait_until(lambda: stories_of_dead_letters(url, code="invalid_json"), "it is a dead letter", within=30)
    desk.follow("Records that are no commands")
    assert desk.file("record.json") == b"no json"

    applied, not_applied = purchases(partner_center.customers("ready", 2), "order-4712", "order-4713")
    partner_center.fault("reset_after", operation="carts.checkout", customer=applied.customer)
    partner_center.fault("reset_before", operation="carts.checkout", customer=not_applied.customer)
    for each in (applied, not_applied):
        partner_center.fault(
            "error_before", operation="carts.get", status=403, code="900115", customer=each.customer, count=None
        )
    on_monday(topics, applied, not_applied)
    until_answered(topics, [applied, not_applied], "CommandFailed")
    partner_center.calm()
    listed, shown, *_ = desk.follow("A command ended in `outcome_unknown`")
    assert "order-4712" in listed
    assert "Something may have taken effect at Microsoft" in shown
    until_answered(topics, [applied, not_applied], "CommandFailed", "AzurePlanCreated")
    for each in (applied, not_applied):
        assert len(partner_center.book("orders", customer=each.customer)) == 1

    pause, cancel, held, resume = recipe("Stop a flood")
    desk.type(pause)
    flood = [
        Sent("SuspendPlan", customer, id=f"flood-{customer}") for customer in partner_center.customers("quiet_plan", 3)
    ]
    on_monday(topics, *flood)
    wait_until(lambda: sorted(desk.states().values()).count("waiting") == 3, "the flood is held", within=30)
    stats, waiting = desk.follow("How does it stand?")
    assert "the ordering system went wrong" in stats
    assert waiting.count("paused") == 3
    assert desk.type(cancel).count("done") == 3
    assert "SuspendPlan" in desk.type(held)
    desk.type(resume)
    until_answered(topics, flood, "CommandRejected")
    for each in flood:
        assert partner_center.book("requests", customer=each.customer) == []


def test_recipe_for_a_plan_that_cannot_be_suspended(desk: Desk, partner_center: SimulatorProcess) -> None:
    """The check says what works. The validated command says what would be returned, and for how much."""
    (customer,) = partner_center.customers("reserved", 1)
    checked, validated = (
        desk.type(re.sub(r"c0ffee\S+", customer, line)) for line in recipe("A plan that cannot be suspended")
    )
    assert "would call arm.reservations.return" in checked
    assert "USD" in validated
    assert partner_center.book("effects", customer=customer) == []
