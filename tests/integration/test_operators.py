"""The operators' verbs beside a running worker, on both databases: their output, their effects, their exit codes."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ops.local.azplan import Azplan, azplan
from ops.local.databases import fresh_database, run_apart
from ops.local.kafka_messages import Sent, send, send_raw
from ops.local.simulator import SimulatorProcess
from ops.local.topics import Topics
from ops.local.waiting import wait_until
from tests.integration.conftest import WorkerFactory
from tests.support.looking import commands_of, stories_of_dead_letters
from tests.support.verbs import Ended, type_verb

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

Verb = Callable[..., Ended]
States = Callable[[], dict[str, str]]
SUSPEND = "azplan.SuspendPlan.v1"


@pytest.fixture
def verb(settings: dict[str, str], tmp_path: Path) -> Verb:
    """Type a verb in this process, with the worker's settings."""

    def run(*words: str) -> Ended:
        return type_verb(*words, settings=settings, cwd=tmp_path)

    return run


@pytest.fixture
def start_verb(settings: dict[str, str], tmp_path: Path) -> Verb:
    """Run a verb with the worker's settings in a process of its own, which takes a second longer."""

    def run(*words: str) -> Ended:
        done = azplan(*words, settings=settings, cwd=tmp_path)
        return Ended(done.returncode, done.stdout, done.stderr)

    return run


def say(topics: Topics, *commands: Sent) -> None:
    """Write commands."""
    run_apart(send(topics, *commands))


def told(done: Ended) -> Any:
    """The JSON that a verb printed. The verb must have ended well."""
    assert done.code == 0, f"ended with {done.code}:\n{done.out}\n{done.err}"
    return done.json


@pytest.fixture
def states(settings: dict[str, str]) -> States:
    """The commands of the journal with their states, and with a code if they have one."""
    return lambda: {
        id_: each.code or each.state.value for id_, each in commands_of(settings["AZPLAN_JOURNAL__URL"]).items()
    }


def until(states: States, command: Sent, state: str) -> None:
    """Wait until a command has this state."""
    wait_until(lambda: states().get(command.id) == state, f"{command.id} is {state}", within=40)


def test_a_pause_holds_queued_commands_and_cancel_answers_them(
    start_worker: WorkerFactory, topics: Topics, partner_center: SimulatorProcess, verb: Verb, states: States
) -> None:
    """Paused suspensions wait and are shown as paused. One verb cancels them, and none reached Partner Center."""
    customers = partner_center.customers("quiet_plan", 5)
    start_worker()
    made = told(verb("pause", "--type", "SuspendPlan", "--why", "a flood", "--yes", "--json"))
    assert (made["type"], made["partner"], made["why"]) == (SUSPEND, None, "a flood")
    flood = [Sent("SuspendPlan", customer) for customer in customers]
    say(topics, *flood)
    wait_until(lambda: set(states().values()) == {"waiting"}, "all are held", within=30)
    assert [each["type"] for each in told(verb("pause", "--list", "--json"))] == [SUSPEND]
    stats = told(verb("journal", "stats", "--json"))
    assert stats["commands"] == {"waiting": {SUSPEND: 5}}
    assert len(stats["pauses"]) == len(stats["workers"]) == 1
    answers = told(verb("commands", "cancel", "--type", "SuspendPlan", "--yes", "--json"))
    assert [each["done"] for each in answers] == [True] * 5
    wait_until(lambda: set(states().values()) == {"cancelled_by_operator"}, "all are answered", within=30)
    assert verb("commands", "cancel", flood[0].id, "--yes").code == 4
    resumed = told(verb("resume", "--type", "SuspendPlan", "--yes", "--json"))
    assert [each["type"] for each in resumed] == [SUSPEND]
    assert verb("resume", "--type", "SuspendPlan", "--yes").code == 3
    story = told(verb("commands", "show", flood[1].id, "--json"))
    assert [(each["request"], each["why"], each["result"]) for each in story["requests"]] == [
        ("pause", "a flood", "done"),
        ("cancel", "", "done"),
    ]
    asked = {each["customer"] for each in partner_center.book("requests")}
    assert not asked & set(customers)


def test_failures_of_one_code_are_listed_redriven_archived_and_restored(
    start_worker: WorkerFactory,
    topics: Topics,
    partner_center: SimulatorProcess,
    settings: dict[str, str],
    verb: Verb,
    states: States,
    tmp_path: Path,
) -> None:
    """Dead letters of failed commands are found by code, exported byte for byte, and begin the command's next story."""
    (customer,) = partner_center.customers("order_fails", 1)
    start_worker()
    command = Sent("CreateAzurePlan", customer)
    say(topics, command)
    run_apart(send_raw(topics, [(b"k", b"no json at all", [])]))
    until(states, command, "order_failed")
    wait_until(lambda: len(told(verb("dead-letters", "list", "--json"))) == 2, "both are dead letters", within=20)
    letters = {each["code"]: each for each in told(verb("dead-letters", "list", "--json"))}
    assert letters["order_failed"]["id"] == command.id
    assert "order_failed" in verb("dead-letters", "list").out
    unreadable = str(letters["invalid_json"]["number"])
    assert verb("dead-letters", "show", unreadable, "--export", "out.bin").code == 0
    assert (tmp_path / "out.bin").read_bytes() == b"no json at all"
    assert verb("dead-letters", "redrive", unreadable, "--yes").code == 4
    archived = told(verb("dead-letters", "archive", unreadable, "--why", "a test", "--yes", "--json"))
    assert [each["state"] for each in archived] == ["archived"]
    assert [each["code"] for each in told(verb("dead-letters", "list", "--json"))] == ["order_failed"]
    verb("dead-letters", "restore", unreadable, "--yes")
    assert len(told(verb("dead-letters", "list", "--json"))) == 2
    redriven = verb("dead-letters", "redrive", "--code", "order_failed", "--canary", "1", "--yes", "--json")
    result = redriven.json
    # Its order ends when Microsoft says so: while the verb is watching, or later.
    assert (redriven.code, result["failed"], result["waiting"]) in ((1, 1, 0), (0, 0, 1)), redriven.err
    url = settings["AZPLAN_JOURNAL__URL"]
    wait_until(lambda: stories_of_dead_letters(url, code="order_failed") == [0, 1], "it failed again", within=40)
    story = told(verb("commands", "show", command.id, "--json"))
    terminal = [each for each in story["events"] if each["type"] == "azplan.CommandFailed.v1"]
    assert [each["redrive"] for each in terminal] == [0, 1]
    assert [each["redrive"] for each in story["events"] if "CommandAccepted" in each["type"]] == [0, 1]


def test_an_apply_that_was_killed_is_continued_by_the_next(
    start_worker: WorkerFactory,
    topics: Topics,
    partner_center: SimulatorProcess,
    settings: dict[str, str],
    verb: Verb,
    start_verb: Verb,
    states: States,
    tmp_path: Path,
) -> None:
    """After `kill -9` in the middle, two applies go on with the same plan at once: each failure is redriven once."""
    customers = partner_center.customers("order_fails", 4)
    start_worker()
    commands = [Sent("CreateAzurePlan", customer) for customer in customers]
    say(topics, *commands)
    wait_until(lambda: list(states().values()) == ["order_failed"] * 4, "all have failed", within=40)
    for customer in customers:
        partner_center.change_customer(customer, settings={"order_outcome": "completed"})
    plan = told(verb("replay", "plan", "--journal", "--code", "order_failed", "--why", "mended", "--json"))["planId"]
    slowly = ("replay", "apply", plan, "--rate", "6", "--yes")
    applying = Azplan(*slowly, settings=settings, cwd=tmp_path, name="apply", says="1 done, ")
    try:
        applying.start()
    finally:
        applying.kill()
    with ThreadPoolExecutor() as pool:
        both = list(pool.map(lambda _: told(start_verb("replay", "apply", plan, "--yes", "--json")), range(2)))
    assert [(each["done"] + each["waiting"], each["planned"], each["failed"]) for each in both] == [(4, 0, 0)] * 2
    wait_until(lambda: set(states().values()) == {"succeeded"}, "all have gone on to their ends", within=40)
    assert [len(partner_center.book("orders", customer=each)) for each in customers] == [2] * 4
    story = told(verb("commands", "show", commands[0].id, "--json"))
    assert [each["redrive"] for each in story["events"] if "CommandAccepted" in each["type"]] == [0, 1]
    requests = [(each["request"], each["why"], each["result"]) for each in story["requests"]]
    assert requests == [("redrive", "mended", "done")]


def test_a_range_of_the_topic_is_planned_and_replayed_without_effect(
    start_worker: WorkerFactory, topics: Topics, partner_center: SimulatorProcess, verb: Verb, states: States
) -> None:
    """The replay plan of a time span has the shape that programs read.

    Applying it calls nobody and publishes nothing twice.
    """
    customers = partner_center.customers("ready", 3)
    start_worker()
    commands = [Sent("CreateAzurePlan", customer) for customer in customers]
    say(topics, *commands)
    for command in commands:
        until(states, command, "succeeded")
    orders = partner_center.counts()["orders"]
    plan = told(verb("replay", "plan", "--from", "2020-01-01T00:00:00Z", "--json"))
    assert plan == {
        "planId": plan["planId"],
        "commands": 3,
        "outcomes": {"nothing": 3, "reEmit": 0, "start": 0, "resume": 0, "conflict": 0, "needsPerson": 0},
        "expectedCalls": 0,
        "expectedSeconds": 0,
    }
    assert told(verb("replay", "apply", plan["planId"], "--yes", "--json"))["done"] == 0
    again = told(verb("replay", "apply", plan["planId"][:8], "--re-emit", "--yes", "--json"))
    assert again["done"] == 3
    one = told(verb("replay", "plan", "--journal", "--customer", customers[0].upper(), "--json"))
    assert one["commands"] == 1
    assert verb("replay", "plan", "--journal", "--code", "order_failed").code == 3
    assert verb("replay", "apply", "no such plan", "--yes").code == 3
    assert partner_center.counts()["orders"] == orders


def test_without_a_living_worker_a_request_is_kept_until_one_runs(
    start_worker: WorkerFactory, topics: Topics, partner_center: SimulatorProcess, verb: Verb, states: States
) -> None:
    """The verb says that no living worker can carry out the request and ends with 5.

    The next worker does it first of all.
    """
    (customer,) = partner_center.customers("quiet_plan", 1)
    worker = start_worker()
    verb("pause", "--customer", customer, "--yes")
    command = Sent("SuspendPlan", customer)
    say(topics, command)
    until(states, command, "waiting")
    worker.stop()
    asked = verb("commands", "cancel", command.id, "--yes")
    assert asked.code == 5
    assert "No worker lives now" in asked.err
    start_worker()
    until(states, command, "cancelled_by_operator")
    assert verb("commands", "resolve", command.id, "--applied", "--yes").code == 4


def test_nothing_is_changed_without_a_yes(
    start_worker: WorkerFactory, topics: Topics, partner_center: SimulatorProcess, verb: Verb, states: States
) -> None:
    """Without a terminal and without --yes, each of these verbs shows its plan and changes nothing."""
    (customer,) = partner_center.customers("order_fails", 1)
    start_worker()
    command = Sent("CreateAzurePlan", customer)
    say(topics, command)
    until(states, command, "order_failed")
    before = told(verb("commands", "show", command.id, "--json"))
    for words in (
        ("pause", "--type", "SuspendPlan"),
        ("dead-letters", "redrive", "--all"),
        ("dead-letters", "archive", "--all"),
        ("commands", "resolve", command.id, "--not-applied"),
        ("journal", "prune"),
    ):
        ended = verb(*words)
        assert ended.code == 2, ended.err
        assert "Add --yes to do it" in ended.err
    assert told(verb("pause", "--list", "--json")) == []
    assert told(verb("commands", "show", command.id, "--json")) == before


def test_a_journal_serves_the_group_that_it_began_with(
    start_worker: WorkerFactory, settings: dict[str, str], start_verb: Verb
) -> None:
    """A worker of another group is refused with both names and the setting to change: exit code 78."""
    start_worker().stop()
    group = settings["AZPLAN_KAFKA__GROUP_ID"]
    settings["AZPLAN_KAFKA__GROUP_ID"] = "another"
    refused = start_verb("run")
    assert refused.code == 78, refused.err
    assert f"this journal belongs to the group {group} on" in refused.err
    assert "the worker is set to the group another on" in refused.err
    assert "Set AZPLAN_KAFKA__GROUP_ID" in refused.err


@pytest.fixture
def empty_journal(settings: dict[str, str], request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a second journal, as empty as a journal on a new disk."""
    if settings["AZPLAN_JOURNAL__URL"].startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'new.db'}"
        return
    with fresh_database(request.getfixturevalue("_postgres_server")) as url:
        yield url


def test_a_lost_journal_is_built_from_the_topics_and_nothing_is_bought_again(
    start_worker: WorkerFactory,
    topics: Topics,
    partner_center: SimulatorProcess,
    settings: dict[str, str],
    empty_journal: str,
    verb: Verb,
    start_verb: Verb,
    states: States,
) -> None:
    """A worker refuses the empty journal.

    A rebuild is refused while a worker lives. Then the journal knows all commands again.
    """
    customers = partner_center.customers("ready", 3)
    worker = start_worker()
    commands = [Sent("CreateAzurePlan", customer) for customer in customers]
    say(topics, *commands)
    for command in commands:
        until(states, command, "succeeded")
    assert verb("journal", "rebuild", "--yes").code == 78
    worker.stop()
    settings["AZPLAN_JOURNAL__URL"] = empty_journal
    orders = partner_center.counts()["orders"]
    refused = start_verb("run")
    assert refused.code == 78
    assert "azplan journal rebuild" in refused.err
    built = told(verb("journal", "rebuild", "--why", "the disk was lost", "--yes", "--json"))
    assert (built["commands"], built["concluded"], built["open"]) == (3, 3, 0)
    start_worker()
    say(topics, *commands)
    new = Sent("CreateAzurePlan", customers[0])
    say(topics, new)
    until(states, new, "succeeded")
    assert set(states().values()) == {"succeeded"}
    assert partner_center.counts()["orders"] == orders
