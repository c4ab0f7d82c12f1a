"""`azplan replay`: replay plans are kept, listed and shown; an empty plan is not kept."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ops.local.databases import run_apart
from tests.cli.conftest import Azplan
from tests.cli.telling import tell

PLAN = {"planId", "commands", "outcomes", "expectedCalls", "expectedSeconds"}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, clean_place: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a journal with stories. The settings point to it."""
    made: str = request.getfixturevalue(f"{request.param}_url")
    run_apart(tell(made))
    monkeypatch.setenv("AZPLAN_JOURNAL__URL", made)
    return made


@pytest.mark.usefixtures("url")
def test_an_empty_plan_is_not_kept(azplan: Azplan) -> None:
    """The exit code is 3. `latest` stays the plan before. An empty list says so."""
    assert azplan("replay", "list").err.startswith("There are no plans.")
    assert azplan("replay", "plan", "--journal", "--code", "order_failed").code == 3
    assert azplan("replay", "list", "--json").json == []
    assert azplan("replay", "show", "latest").code == 3
    assert azplan("replay", "apply", "latest", "--yes").code == 3
    kept = azplan("replay", "plan", "--journal", "--code", "outcome_unknown", "--json").json
    assert azplan("replay", "plan", "--journal", "--code", "order_failed").code == 3
    assert azplan("replay", "show", "latest", "--json").json["planId"] == kept["planId"]


def test_an_empty_plan_of_an_earlier_version_is_passed_over(
    azplan: Azplan, clean_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An earlier version kept empty plans. `latest` would be one of them."""
    monkeypatch.setenv("AZPLAN_JOURNAL__URL", f"sqlite:///{clean_place / 'j.db'}")
    run_apart(tell(f"sqlite:///{clean_place / 'j.db'}"))
    kept = azplan("replay", "plan", "--journal", "--json").json["planId"]
    with closing(sqlite3.connect(clean_place / "j.db")) as database, database:
        database.execute("INSERT INTO plan SELECT 'empty', at + 1, who, why, asked, 0, 0, 0 FROM plan")
    assert [each["planId"] for each in azplan("replay", "list", "--json").json] == [kept]
    assert azplan("replay", "show", "latest", "--json").json["planId"] == kept


@pytest.mark.usefixtures("url")
def test_plans_are_listed_the_newest_first_with_who_made_them(azplan: Azplan) -> None:
    """The list has the amount of work. `latest` is the newest plan of any person."""
    first = azplan("replay", "plan", "--journal", "--who", "ada", "--why", "case 1", "--json").json
    assert set(first) == PLAN
    second = azplan("replay", "plan", "--journal", "--code", "outcome_unknown", "--who", "grace", "--json").json
    listed = azplan("replay", "list", "--json").json
    assert [each["planId"] for each in listed] == [second["planId"], first["planId"]]
    assert [(each["who"], each["why"], each["commands"]) for each in listed] == [("grace", "", 1), ("ada", "case 1", 5)]
    assert set(listed[0]) > PLAN
    lines = azplan("replay", "list").out.splitlines()
    assert lines[0].split() == ["MADE", "PLAN", "COMMANDS", "TO", "DO", "WHO", "WHY"]
    assert lines[1].split()[3:] == [second["planId"], "1", "0", "grace"]
    assert len(azplan("replay", "list", "--limit", "1").out.splitlines()) == 2
    assert azplan("replay", "show", "latest", "--json").json["planId"] == second["planId"]


@pytest.mark.usefixtures("url")
def test_a_plan_is_shown_by_the_beginning_of_its_id(azplan: Azplan) -> None:
    """The output has the plan's author, each outcome with its reason, and the progress."""
    plan = azplan("replay", "plan", "--journal", "--re-emit", "--who", "ada", "--why", "case 1", "--json").json
    number = plan["outcomes"]["reEmit"]
    shown = azplan("replay", "show", plan["planId"][:8])
    assert shown.code == 0
    assert shown.out.startswith("Made ")
    assert "ago by ada: case 1" in shown.out
    assert "it is on its way" in shown.out
    assert number > 0
    assert f"Of what is to be done: {number} planned" in shown.out
    told = azplan("replay", "show", plan["planId"], "--json").json
    assert {name: told[name] for name in PLAN} == plan
    assert (told["who"], told["why"], told["standing"]) == ("ada", "case 1", {"planned": number})
    assert azplan("replay", "show", "no-such-plan").code == 3
