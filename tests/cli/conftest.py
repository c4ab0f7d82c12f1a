"""The command line in this process: its output and its exit code."""

import json
import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from worker.cli.main import call
from worker.logs import OURS


@dataclass(frozen=True)
class Ended:
    """A verb that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The output, read as JSON."""
        return json.loads(self.out)


Azplan = Callable[..., Ended]


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Restore the logging: a verb configures logging for its process, which all tests share."""
    names = (None, *OURS)
    levels = [logging.getLogger(name).level for name in names]
    handlers = list(logging.getLogger().handlers)
    yield
    logging.getLogger().handlers[:] = handlers
    for name, level in zip(names, levels, strict=True):
        logging.getLogger(name).setLevel(level)
    structlog.reset_defaults()


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
        # In a thread of its own: the event loop of a verb must not disturb the loop of the test.
        with ThreadPoolExecutor(1) as apart:
            code = apart.submit(call, words).result()
        printed = capsys.readouterr()
        return Ended(code, printed.out, printed.err)

    return run
