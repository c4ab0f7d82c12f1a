"""Verbs that are typed in this process: as a process of its own, a verb takes a second to start."""

import io
import json
import logging
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import structlog

from ops.local.azplan import environment
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


def type_verb(*words: str, settings: Mapping[str, str], cwd: Path) -> Ended:
    """Type a verb in the folder `cwd`, with these settings of azplan and no others."""
    out, err = io.StringIO(), io.StringIO()
    here = patch.dict(os.environ, environment(settings), clear=True)
    with logging_as_it_was(), here, chdir(cwd), redirect_stdout(out), redirect_stderr(err):
        code = call_apart(*words)
    return Ended(code, out.getvalue(), err.getvalue())


def call_apart(*words: str) -> int:
    """The exit code of a verb in a thread of its own: its event loop must not disturb the loop of the test."""
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(call, words).result()


@contextmanager
def logging_as_it_was() -> Iterator[None]:
    """Restore the logging in the end: a verb configures logging for its process, which all tests share."""
    names = (None, *OURS)
    levels = [logging.getLogger(name).level for name in names]
    handlers = list(logging.getLogger().handlers)
    try:
        yield
    finally:
        logging.getLogger().handlers[:] = handlers
        for name, level in zip(names, levels, strict=True):
            logging.getLogger(name).setLevel(level)
        structlog.reset_defaults()
