"""The command line in this process: its output and its exit code."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.verbs import Ended, call_apart, logging_as_it_was

Azplan = Callable[..., Ended]


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Restore the logging after a verb."""
    with logging_as_it_was():
        yield


@pytest.fixture
def clean_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, with only the settings that the test makes."""
    for name in [name for name in os.environ if name.upper().startswith("AZPLAN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AZPLAN_SECRETS_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def azplan(clean_place: Path, capsys: pytest.CaptureFixture[str]) -> Azplan:
    """Run `azplan` with these words."""

    def run(*words: str) -> Ended:
        capsys.readouterr()
        code = call_apart(*words)
        printed = capsys.readouterr()
        return Ended(code, printed.out, printed.err)

    return run
