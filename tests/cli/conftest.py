"""The command line in this process: what it printed, and its exit code."""

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
        """What it printed, read as JSON."""
        return json.loads(self.out)


Azplan = Callable[..., Ended]


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A verb configures logging for its process, which here is that of all tests."""
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
    """An empty folder to be in, and no settings but those that the test makes."""
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
        # In a thread of its own: an event loop that a verb runs must not disturb the one of the test.
        with ThreadPoolExecutor(1) as apart:
            code = apart.submit(call, words).result()
        printed = capsys.readouterr()
        return Ended(code, printed.out, printed.err)

    return run
