"""`azplan commands`: lists, stories and new events, on both databases, beside a worker."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ops.local.azplan import environment
from ops.local.databases import run_apart
from ops.local.waiting import wait_until
from tests.cli.conftest import Azplan
from tests.cli.telling import CUSTOMER, say_more, tell
from tests.journal.bench import Bench

COMMAND = {
    "id",
    "source",
    "type",
    "customerId",
    "partner",
    "state",
    "code",
    "reason",
    "attempts",
    "dueAt",
    "receivedAt",
    "concludedAt",
}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, clean_place: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a journal with stories. The settings point to it."""
    made: str = request.getfixturevalue(f"{request.param}_url")
    run_apart(tell(made))
    monkeypatch.setenv("AZPLAN_JOURNAL__URL", made)
    return made


def test_list_shows_the_newest_first(url: str, azplan: Azplan) -> None:
    """Each command has a line with state, code and wait reason."""
    ended = azplan("commands", "list")
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert lines[0].split() == ["RECEIVED", "TYPE", "ID", "STATE", "CODE", "CUSTOMER", "PARTNER"]
    ids = [line.split()[4] for line in lines[1:]]
    assert ids == ["rejected-1", "rejected-1", "failed-1", "behind-1", "waits-1"]
    assert "failed" in lines[3]
    assert "outcome_unknown" in lines[3]
    assert "assets_stopping" in lines[5]


def test_list_as_json_has_the_members_of_the_contract_and_no_others(url: str, azplan: Azplan) -> None:
    """The output is one array. Instants are RFC 3339; unknown values are null."""
    found = azplan("commands", "list", "--json").json
    assert all(set(each) == COMMAND for each in found)
    waits = found[-1]
    assert (waits["id"], waits["source"], waits["type"]) == ("waits-1", "/crm", "azplan.SuspendPlan.v1")
    assert (waits["customerId"], waits["partner"], waits["state"], waits["code"]) == (CUSTOMER, "us", "waiting", None)
    assert waits["receivedAt"].endswith("Z")
    assert waits["concludedAt"] is None
    assert (waits["reason"], waits["attempts"], waits["dueAt"] > waits["receivedAt"]) == ("assets_stopping", 0, True)
    assert (found[2]["reason"], found[2]["attempts"], found[2]["dueAt"]) == (None, 2, None)
    assert found[2]["concludedAt"] is not None


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (["--state", "failed"], ["failed-1"]),
        (["--customer", CUSTOMER.upper()], ["behind-1", "waits-1"]),
        (["--type", "start-product-upgrade"], ["rejected-1"]),
        (["--code", "outcome_unknown", "--partner", "US"], ["failed-1"]),
        (["--limit", "2"], ["rejected-1", "rejected-1"]),
        (["--limit", "0", "--state", "waiting"], ["waits-1"]),
        (["--state", "open", "--customer", CUSTOMER], ["behind-1", "waits-1"]),
        (["--reason", "assets-stopping"], ["waits-1"]),
        (["--state", "open", "--since", "9999d", "--partner", "us"], ["rejected-1", "behind-1", "waits-1"]),
        (["--from", "2026-02-02T00:00:00Z", "--code", "outcome_unknown"], ["failed-1"]),
    ],
)
def test_list_shows_only_commands_that_match_every_filter(
    words: list[str], ids: list[str], url: str, azplan: Azplan
) -> None:
    """A command must match every filter. The case of names does not matter."""
    assert [each["id"] for each in azplan("commands", "list", *words, "--json").json] == ids


def test_list_says_when_there_may_be_more(url: str, azplan: Azplan) -> None:
    """The note about a cut list is not on standard output."""
    assert "--limit 0 shows all" in azplan("commands", "list", "--limit", "2").err
    assert azplan("commands", "list").err == ""


def test_a_list_without_matches_is_exit_code_3(url: str, azplan: Azplan) -> None:
    """Programs read an empty array."""
    ended = azplan("commands", "list", "--code", "order_failed", "--json")
    assert (ended.code, ended.json) == (3, [])
    for words in (["--to", "2020-01-01T00:00:00Z"], ["--from", "2099-01-01T00:00:00Z"], ["--reason", "paused"]):
        assert azplan("commands", "list", *words).code == 3
    assert azplan("commands", "show", "no-such-id").code == 3
    assert azplan("commands", "show", "waits-1", "--source", "/erp").code == 3


def test_a_mistyped_id_is_answered_with_the_nearest(url: str, azplan: Azplan) -> None:
    """People make mistakes when they copy ids."""
    ended = azplan("commands", "show", "wait-1")
    assert ended.code == 3
    assert "Did you mean waits-1?" in ended.err


def test_a_mistyped_type_or_state_is_a_usage_error(url: str, azplan: Azplan) -> None:
    """A type or state that does not exist is not looked for."""
    ended = azplan("commands", "list", "--type", "SuspendPlans")
    assert ended.code == 2
    assert "Did you mean SuspendPlan?" in ended.err
    assert azplan("commands", "list", "--state", "done").code == 2
    assert "Did you mean assets_stopping" in azplan("commands", "list", "--reason", "asset_stopping").err
    assert azplan("commands", "list", "--since", "1h", "--from", "2026-03-02T09:00:00Z").code == 2
    assert azplan("commands", "list", "--since", "yesterday").code == 2


def test_a_customer_that_has_no_commands_is_answered_with_the_nearest(url: str, azplan: Azplan) -> None:
    """A GUID may exist, but people make mistakes when they copy ids."""
    ended = azplan("commands", "list", "--customer", CUSTOMER[:-1] + "2")
    assert ended.code == 3
    assert f"Did you mean --customer {CUSTOMER}?" in ended.err


def test_an_id_of_two_sources_needs_the_source(url: str, azplan: Azplan) -> None:
    """The verb never guesses the source."""
    ended = azplan("commands", "show", "rejected-1")
    assert ended.code == 2
    assert "/crm, /erp" in ended.err
    assert "--source" in ended.err
    assert azplan("commands", "show", "rejected-1", "--source", "/erp", "--json").json["customerId"] == "c-4"


def test_show_prints_the_story_in_the_order_in_which_it_happened(url: str, azplan: Azplan) -> None:
    """Receipt, calls with the ids for support, skipped checks, waits with their reasons, events."""
    ended = azplan("commands", "show", "waits-1")
    assert ended.code == 0
    assert ended.out.startswith("SuspendPlan waits-1: waiting\nwaits for    assets_stopping: one is still active\n")
    parts = [
        "next look    in 9 m",
        "what to do   Nothing: azplan suspends the plan when nothing under it is active.",
        f"customer     {CUSTOMER}",
        "received     azplan.commands.v1, partition 0",
        "call         subscriptions.list  200  120 ms  request request-1  correlation ms-1",
        "note         customers.get was left out",
        "event        CommandWaiting  (not published yet)",
        "wait         assets_stopping until 02:41:00: one is still active",
    ]
    at = [ended.out.index(part) for part in parts]
    assert at == sorted(at)


def test_show_says_how_many_are_in_front(url: str, azplan: Azplan) -> None:
    """A command behind another one of its customer waits for that one."""
    assert "waits for    1 earlier command of the customer" in azplan("commands", "show", "behind-1").out


def test_show_says_that_a_pause_holds_the_command(url: str, azplan: Azplan) -> None:
    """A pause that is over or holds other commands is not shown."""
    azplan("pause", "--customer", CUSTOMER, "--yes")
    assert "Paused for" in azplan("commands", "show", "waits-1").err
    assert azplan("commands", "show", "failed-1").err == ""


def test_show_begins_with_the_answer_and_what_to_do(url: str, azplan: Azplan) -> None:
    """The answer comes before customer, timeline and writes, and only once."""
    out = azplan("commands", "show", "failed-1").out
    lines = out.splitlines()
    assert lines[0] == "SuspendPlan failed-1: failed (outcome_unknown)"
    assert [line.split("  ")[0] for line in lines[1:5]] == ["answer", "why", "what to do", "careful"]
    assert lines[6].startswith("Not known: whether it took effect")
    assert out.index("azplan commands resolve failed-1 --applied") < out.index("customer     ")
    assert out.count("never told") == 1


def test_show_brings_the_evidence_of_an_unknown_outcome(url: str, azplan: Azplan) -> None:
    """The unanswered call, the write that may have taken effect, the ids to look for, and the next step."""
    out = azplan("commands", "show", "failed-1").out
    assert "failed (outcome_unknown)" in out
    assert "carts.checkout  timeout  40000 ms  request request-2" in out
    assert "orders.list  403 code 900115" in out
    assert "Something may have taken effect at Microsoft" in out
    assert "azplan commands resolve" in out
    assert "  checkout  money  intended, tried once, may still arrive until" in out
    assert '{"cart_id": "cart-1"}' in out
    assert "dead letter" in out
    _, _, unknown = out.partition("Not known: whether it took effect at Microsoft.")
    parts = ["checkout was never answered", "cart_id cart-1", "last sent", "request-2", "last look", "orders.list 403"]
    at = [unknown.index(part) for part in parts]
    assert at == sorted(at)
    assert "  azplan commands resolve failed-1 --applied\n" in unknown
    assert "  azplan commands resolve failed-1 --not-applied\n" in unknown


def test_show_asks_for_no_decision_if_no_outcome_is_unknown(url: str, azplan: Azplan) -> None:
    """The command of this test waits."""
    for known in ("behind-1", "waits-1"):
        assert "Not known" not in azplan("commands", "show", known).out
        assert azplan("commands", "show", known, "--json").json["unknown"] is None


def test_show_as_json_has_the_evidence_and_the_decisions(url: str, azplan: Azplan) -> None:
    """A program passes these members on to a person."""
    unknown = azplan("commands", "show", "failed-1", "--json").json["unknown"]
    (write,) = unknown["writes"]
    assert (write["name"], write["details"]) == ("checkout", {"cart_id": "cart-1"})
    assert (write["lastSent"]["operation"], write["lastSent"]["requestId"]) == ("carts.checkout", "request-2")
    assert (unknown["lastLook"]["operation"], unknown["lastLook"]["status"]) == ("orders.list", 403)
    assert unknown["decisions"] == {
        "applied": "azplan commands resolve failed-1 --applied",
        "notApplied": "azplan commands resolve failed-1 --not-applied",
    }


def test_show_as_json_adds_the_story_to_the_command(url: str, azplan: Azplan) -> None:
    """Steps, waits, events and calls have their members in camelCase."""
    told = azplan("commands", "show", "failed-1", "--json").json
    assert set(told) > COMMAND
    assert {"steps", "waits", "events", "calls"} <= set(told)
    assert told["calls"][0] == {
        "at": "2026-02-02T02:40:00Z",
        "operation": "carts.checkout",
        "status": "timeout",
        "durationMs": 40_000,
        "requestId": "request-2",
        "correlationId": "ms-2",
    }
    assert told["calls"][1]["status"] == 403
    (step,) = told["steps"]
    assert (step["name"], step["effect"], step["state"], step["attempts"]) == ("checkout", "money", "intended", 1)
    assert step["details"] == {"cart_id": "cart-1"}
    assert step["mayArriveUntil"] is not None
    last = told["events"][-1]
    assert (last["type"], last["data"]["code"]) == ("azplan.CommandFailed.v1", "outcome_unknown")
    waits = azplan("commands", "show", "waits-1", "--json").json["waits"]
    assert waits == [
        {
            "at": "2026-02-02T02:40:00Z",
            "reason": "assets_stopping",
            "detail": "one is still active",
            "until": "2026-02-02T02:41:00Z",
        }
    ]


@pytest.mark.parametrize(("ending", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_watch_prints_new_events_until_a_signal_ends_it(
    ending: signal.Signals, code: int, url: str, clean_place: Path
) -> None:
    """Each new event is a line, or JSON if asked for.

    Earlier events are not printed. The exit code names the signal.
    """
    out = clean_place / "watched.txt"
    with (
        out.open("wb") as written,
        subprocess.Popen(
            [sys.executable, "-m", "worker.cli", "commands", "watch", "--json"],
            env=environment({"AZPLAN_JOURNAL__URL": url, "PYTHONPATH": str(Path(__file__).parents[2])}),
            cwd=clean_place,
            stdout=written,
            stderr=subprocess.PIPE,
            text=True,
        ) as watching,
    ):
        try:
            assert watching.stderr is not None
            assert watching.stderr.readline().startswith("Watching")
            run_apart(say_more(url, "fresh-1"))
            wait_until(lambda: "fresh-1" in out.read_text(), "the new event is shown", within=10)
            watching.send_signal(ending)
            _, talk = watching.communicate(timeout=20)
        finally:
            watching.kill()
    assert watching.returncode == code
    assert "Traceback" not in talk
    (line,) = out.read_text().splitlines()
    change = json.loads(line)
    assert set(change["command"]) == COMMAND
    assert change["event"]["type"] == "azplan.CommandAccepted.v1"


def test_without_a_journal_no_verb_makes_one(azplan: Azplan, clean_place: Path) -> None:
    """The exit code is 3.

    The message names the searched place and how a journal is made; most people are in a wrong folder.
    """
    for words in (["commands", "list"], ["commands", "show", "x"], ["commands", "watch"], ["pause", "--list"]):
        ended = azplan(*words)
        assert ended.code == 3
        assert f"there is no journal at {clean_place / 'azplan.db'} yet" in ended.err
        assert "The first `azplan run` makes it." in ended.err
    assert list(clean_place.iterdir()) == []


async def made(url: str) -> None:
    """An empty journal, as a worker leaves it right after its first start."""
    async with Bench(url) as bench:
        await bench.worker()


def test_an_empty_journal_lists_nothing(azplan: Azplan, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The person asked for no particular command, so none is missing: exit code 0."""
    run_apart(made(sqlite_url))
    monkeypatch.setenv("AZPLAN_JOURNAL__URL", sqlite_url)
    ended = azplan("commands", "list", "--json")
    assert (ended.code, ended.json) == (0, [])


def test_a_database_that_does_not_answer_is_exit_code_69(azplan: Azplan, monkeypatch: pytest.MonkeyPatch) -> None:
    """The password in the URL is not shown."""
    monkeypatch.setenv("AZPLAN_JOURNAL__URL", "postgresql://azplan:planted-canary@127.0.0.1:1/azplan")
    ended = azplan("commands", "list")
    assert ended.code == 69
    assert "planted-canary" not in ended.err
