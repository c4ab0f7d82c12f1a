"""`azplan commands wake`: says which commands it will wake, wakes only these, and refuses impossible selections."""

from pathlib import Path

import pytest

from ops.local.databases import run_apart
from tests.cli.conftest import Azplan
from tests.cli.telling import tell


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, clean_place: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a journal in which one command waits for assets to stop. The settings point to it."""
    made: str = request.getfixturevalue(f"{request.param}_url")
    run_apart(tell(made))
    monkeypatch.setenv("AZPLAN_JOURNAL__URL", made)
    return made


@pytest.mark.parametrize("words", [["waits-1"], ["--reason", "assets_stopping"], ["--partner", "us"], ["--all"]])
def test_what_waits_is_due_at_once(words: list[str], url: str, azplan: Azplan) -> None:
    """Before, the verb says how many commands wait, for which reasons, and whether a worker is running."""
    before = azplan("commands", "show", "waits-1", "--json").json
    ended = azplan("commands", "wake", *words, "--yes", "--json")
    assert ended.code == 0
    assert ended.json == {"woken": 1, "reasons": {"assets_stopping": 1}}
    assert "1 command would be tried again within two seconds: 1 assets_stopping" in ended.err
    again = azplan("commands", "wake", *words, "--yes")
    assert again.code == 3, "what is due already is not woken twice"
    after = azplan("commands", "show", "waits-1", "--json").json
    assert [each["request"] for each in after["requests"]] == [
        *(each["request"] for each in before["requests"]),
        *(["wake"] if words == ["waits-1"] else []),
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "say which commands"),
        (["--all", "--reason", "retry"], "say which commands"),
        (["waits-1", "--reason", "retry"], "say which commands"),
        (["--reason", "retri"], "Did you mean retry?"),
        (["--reason", "paused"], "azplan resume"),
        (["--reason", "settling"], "settling"),
        (["--partner", "nobody"], "is no account"),
    ],
)
def test_words_that_can_match_nothing_are_a_usage_error(words: list[str], said: str, url: str, azplan: Azplan) -> None:
    """Nothing is changed, and the message shows a right selection."""
    ended = azplan("commands", "wake", *words, "--yes")
    assert ended.code == 2
    assert said in ended.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["failed-1"], "failed-1 is over: failed."),
        (["behind-1"], "waits behind another command"),
        (["--reason", "throttled"], "commands list --state waiting"),
    ],
)
def test_it_says_why_nothing_is_woken(words: list[str], said: str, url: str, azplan: Azplan) -> None:
    """The exit code is 3. The message says what the person may have expected."""
    ended = azplan("commands", "wake", *words, "--yes")
    assert ended.code == 3
    assert said in ended.err
