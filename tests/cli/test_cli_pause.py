"""`azplan pause` and `resume`: impossible pauses are refused, a full pause needs --all, every verb shows a pause."""

from pathlib import Path

import pytest

from ops.local.databases import run_apart
from tests.cli.conftest import Azplan
from tests.cli.telling import CUSTOMER, tell
from tests.journal.bench import Bench
from worker.journal.operating.pauses import Pauses
from worker.journal.selection import Selection

OTHER = "9b2a6d0e-5c43-4f7e-8f53-1d1f6d2c7a10"
LISTING = (
    ("commands", "list"),
    ("commands", "list", "--json"),
    ("dead-letters", "list"),
    ("journal", "stats"),
    ("journal", "stats", "--json"),
    ("replay", "plan", "--journal"),
)
"""Verbs that print a list."""


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, clean_place: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a journal with stories, and one configured account. The settings point to the journal."""
    made: str = request.getfixturevalue(f"{request.param}_url")
    run_apart(tell(made))
    monkeypatch.setenv("AZPLAN_JOURNAL__URL", made)
    monkeypatch.setenv("AZPLAN_PARTNERS__CONTOSO__TENANT_ID", OTHER)
    monkeypatch.setenv("AZPLAN_PARTNERS__CONTOSO__CLIENT_ID", OTHER)
    monkeypatch.setenv("AZPLAN_PARTNERS__CONTOSO__CLIENT_SECRET", "s3cret")
    return made


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--partner", "contso"], "Did you mean contoso?"),
        (["--partner", "zzz"], "There are contoso."),
        (["--customer", "zzz"], "is no GUID"),
        (["--customer", CUSTOMER[:-1]], "is no GUID"),
        (["--customer", ""], "is no GUID"),
        (["--type", "SuspendPlans"], "Did you mean SuspendPlan?"),
        (["--type", "azplan.SuspendPlans.v1"], "Did you mean SuspendPlan?"),
        ([], "--all"),
        (["--all", "--partner", "us"], "leave the other words out"),
    ],
)
@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_what_cannot_exist_is_refused_with_a_suggestion(
    verb: str, words: list[str], said: str, url: str, azplan: Azplan
) -> None:
    """The pause would hold nothing while the person believes in it. A yes does not change that."""
    ended = azplan(verb, *words, "--yes")
    assert ended.code == 2
    assert said in ended.err
    assert azplan("pause", "--list", "--json").json == []


@pytest.mark.parametrize(
    ("words", "number"),
    [
        (["--partner", "US"], "3 open commands"),
        (["--partner", "contoso"], "0 open commands"),
        (["--customer", CUSTOMER.upper()], "2 open commands"),
        (["--customer", OTHER], "0 open commands"),
        (["--type", "suspend-plan", "--customer", CUSTOMER], "2 open commands"),
        (["--all"], "3 open commands"),
    ],
)
def test_the_plan_says_how_many_open_commands_it_concerns(
    words: list[str], number: str, url: str, azplan: Azplan
) -> None:
    """An account counts if it is configured or has commands. A customer counts even without commands."""
    ended = azplan("pause", *words)
    assert ended.code == 2, "there is no terminal to ask on"
    assert f"This holds {number}, and every later command that matches." in ended.err
    assert azplan("pause", *words, "--yes").code == 0
    resumed = azplan("resume", *words, "--yes")
    assert (resumed.code, f"This lets {number} go." in resumed.err) == (0, True)


def test_a_command_under_two_pauses_is_freed_by_the_last_of_them(url: str, azplan: Azplan) -> None:
    """The plan of the second pause and the plan of each end say so."""
    azplan("pause", "--customer", CUSTOMER, "--yes")
    assert "3 open commands (2 of them are held by another pause already)" in azplan("pause", "--all", "--yes").err
    ended = azplan("resume", "--customer", CUSTOMER, "--yes")
    assert "This lets 0 open commands go. 1 other pause stays in force." in ended.err
    assert "This lets 3 open commands go." in azplan("resume", "--all", "--yes").err
    assert azplan("resume", "--all", "--yes").code == 3


def test_a_pause_of_a_word_that_no_longer_exists_can_be_ended(url: str, azplan: Azplan) -> None:
    """An older azplan accepted any word, and an account may have been removed since."""

    async def old() -> None:
        async with Bench(url) as bench:
            brake = Pauses((await bench.worker("old")).transactions)
            await brake.pause("ada", "", Selection(customer="zzz"))
            await brake.pause("ada", "", Selection(partner="gone", type="azplan.Gone.v1"))

    run_apart(old())
    assert azplan("resume", "--customer", "ZZZ", "--yes").code == 0
    assert azplan("resume", "--partner", "gone", "--type", "azplan.Gone.v1", "--yes").code == 0


@pytest.mark.parametrize("words", LISTING)
def test_every_listing_verb_says_that_a_pause_is_in_force(words: tuple[str, ...], url: str, azplan: Azplan) -> None:
    """The note is not on standard output: programs read the data unchanged."""
    assert "Paused" not in azplan(*words).err
    azplan("pause", "--partner", "us", "--who", "ada", "--why", "case 1", "--yes")
    ended = azplan(*words)
    assert ended.code == 0
    assert "Paused for 0 s: all commands of partner us, by ada: case 1\n" in ended.err.replace("1 s", "0 s")
    assert ended.json if "--json" in words else ended.out


def test_many_pauses_are_counted(url: str, azplan: Azplan) -> None:
    """The list stays the first thing on the screen."""
    for kind in ("SuspendPlan", "ReactivatePlan", "CreateAzurePlan", "StartProductUpgrade"):
        azplan("pause", "--type", kind, "--yes")
    said = azplan("commands", "list").err
    assert said.count("Paused for") == 3
    assert "1 more pauses are in force: `azplan pause --list`." in said


def test_check_says_that_a_pause_is_in_force(url: str, azplan: Azplan, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line is a warning. The set-up is right, and the pause explains why commands wait."""
    monkeypatch.setenv("AZPLAN_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("AZPLAN_PARTNERS__CONTOSO__AUTHORITY", f"https://127.0.0.1:1/{OTHER}")
    assert "pause" not in {each["check"] for each in azplan("check", "--json").json}
    azplan("pause", "--type", "SuspendPlan", "--who", "ada", "--yes")
    (found,) = [each for each in azplan("check", "--json").json if each["check"] == "pause"]
    assert (found["result"], found["detail"][-19:]) == ("warning", "SuspendPlan, by ada")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["commands", "list", "--customer", "zzz"], "is no GUID"),
        (["commands", "list", "--code", "outcome-unknwon"], "Did you mean outcome_unknown"),
        (["commands", "list", "--partner", "uss"], "--partner"),
        (["commands", "watch", "--customer", "zzz"], "is no GUID"),
        (["commands", "watch", "--partner", "zzz"], "There are contoso."),
        (["commands", "cancel", "--customer", "zzz"], "is no GUID"),
        (["commands", "cancel", "--partner", "zzz"], "There are contoso."),
        (["dead-letters", "list", "--code", "invalid_jsn"], "Did you mean invalid_json"),
        (["dead-letters", "list", "--customer", "zzz"], "is no GUID"),
        (["dead-letters", "redrive", "--partner", "zzz"], "There are contoso."),
        (["dead-letters", "archive", "--code", "zzz"], "There are retries_exhausted"),
        (["replay", "plan", "--journal", "--code", "zzz"], "There are invalid_command"),
        (["replay", "plan", "--journal", "--partner", "zzz"], "There are contoso."),
    ],
)
def test_a_word_that_can_match_nothing_is_a_usage_error(words: list[str], said: str, url: str, azplan: Azplan) -> None:
    """A person who mistypes the word would believe that the list is empty."""
    ended = azplan(*words)
    assert (ended.code, said in ended.err) == (2, True), ended.err
