"""The program as a whole: its verbs, its help, usage errors and unexpected errors."""

import re
from collections.abc import Iterator
from pkgutil import iter_modules
from typing import Any

import pytest
import typer

from tests.cli.conftest import Azplan
from worker.cli import main, verbs
from worker.cli.main import build, call
from worker.version import revision, version

MODULES = sorted(info.name.replace("_", "-") for info in iter_modules(verbs.__path__))


def paths(command: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every verb below a command, and of every group with an example of its own."""
    for name, each in getattr(command, "commands", {}).items():
        path = (*above, name)
        yield from [path] if path == ("send",) else paths(each, path) if hasattr(each, "commands") else [path]


VERBS = sorted(paths(typer.main.get_command(build())))


def test_help_names_every_verb_and_shows_examples(azplan: Azplan) -> None:
    """A newcomer reads in `azplan --help` which verbs there are and which to type next."""
    ended = azplan("--help")
    assert ended.code == 0
    listed = re.findall(r"^  ([a-z-]+)  +[A-Z]", ended.out.partition("Commands:")[2], re.MULTILINE)
    assert listed == MODULES
    assert "Examples:" in ended.out
    assert "azplan demo" in ended.out


@pytest.mark.parametrize("path", VERBS, ids=" ".join)
def test_every_verb_has_help_with_an_example(path: tuple[str, ...], azplan: Azplan) -> None:
    """The help has a sentence about the verb and an example of its use."""
    ended = azplan(*path, "--help")
    assert ended.code == 0
    assert f"Usage: azplan {' '.join(path)}" in ended.out
    assert f"  azplan {' '.join(path)}" in ended.out.partition("Examples:")[2]


def test_without_a_verb_help_is_shown_and_nothing_is_done(azplan: Azplan) -> None:
    """A bare `azplan` is a usage error with an explanation."""
    ended = azplan()
    assert ended.code == 2
    assert "Usage: azplan" in ended.out + ended.err


def test_the_version_is_printed(azplan: Azplan) -> None:
    """`--version` prints one line."""
    ended = azplan("--version")
    assert (ended.code, ended.out) == (0, f"azplan {version()} (revision {revision()})\n")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["chekc"], "Did you mean 'check'?"),
        (["comands", "list"], "Did you mean 'commands'?"),
        (["commands", "shwo", "x"], "Did you mean 'show'?"),
        (["send", "CreateAzurePlann"], "Did you mean 'CreateAzurePlan'?"),
        (["send", "SuspendPlan", "--subscripton-id", "x"], "--subscription-id"),
        (["commands", "list", "--limt", "3"], "--limit"),
    ],
)
def test_a_mistyped_word_is_a_usage_error_with_a_suggestion(words: list[str], hint: str, azplan: Azplan) -> None:
    """The answer names the nearest verb, type or option. The exit code is 2."""
    ended = azplan(*words)
    assert ended.code == 2
    assert hint in ended.err
    assert ended.out == ""


def test_an_unexpected_error_is_a_sentence_and_no_traceback(azplan: Azplan, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect ends with exit code 1. The message has its name and how to see more; secrets are masked."""

    def broken(*_: object) -> None:
        raise RuntimeError("lost at postgresql://azplan:hunter22@db/azplan")

    monkeypatch.setattr(main, "build", broken)
    ended = azplan("config", "show")
    assert ended.code == 1
    assert "RuntimeError: lost at postgresql://azplan:********@db/azplan" in ended.err
    assert "AZPLAN_LOG__LEVEL=debug" in ended.err
    assert "Traceback" not in ended.err


def test_with_debug_the_place_of_an_unexpected_error_is_shown(azplan: Azplan, monkeypatch: pytest.MonkeyPatch) -> None:
    """AZPLAN_LOG__LEVEL=debug shows the traceback."""

    def broken(*_: object) -> None:
        raise RuntimeError("password=hunter22")

    monkeypatch.setattr(main, "build", broken)
    monkeypatch.setenv("AZPLAN_LOG__LEVEL", "debug")
    ended = azplan("config", "show")
    assert ended.code == 1
    assert "Traceback" in ended.err
    assert "in broken" in ended.err
    assert "hunter22" not in ended.err


def test_an_interrupt_is_exit_code_130(clean_place: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends a verb as a signal does, without a traceback."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(main, "build", interrupted)
    assert call(["config", "show"]) == 130


@pytest.mark.parametrize(
    "words",
    [
        ["config", "show"],
        ["topics", "plan"],
        ["check"],
        ["run"],
        ["commands", "list"],
        ["commands", "show", "x"],
        ["commands", "watch"],
        ["send", "CreateAzurePlan", "--customer", "3c0e5f4a-9d2b-4a6e-8f1c-5b7d2e9a0c11"],
    ],
    ids=" ".join,
)
def test_wrong_settings_end_every_verb_with_78_and_a_suggestion(
    words: list[str], azplan: Azplan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No verb ignores a mistyped setting."""
    monkeypatch.setenv("AZPLAN_KAFKA__GROUPID", "mine")
    ended = azplan(*words)
    assert ended.code == 78
    assert "Did you mean AZPLAN_KAFKA__GROUP_ID?" in ended.err + ended.out
