"""SIGTERM and Ctrl-C end a verb at every moment, and close what it opened."""

import ast
import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from worker.cli import interruptible

ROOT = Path(__file__).parents[2]
SLOW_TO_END = """
import asyncio
from worker.cli import interruptible

async def work():
    while True:
        try:
            print("works", flush=True)
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            continue

interruptible.run(work())
"""
"""A verb that does not end when it is cancelled."""


class Interrupted:
    """Receives the signal while Python removes it. Python swallows every exception of `__del__`."""

    def __init__(self, number: signal.Signals) -> None:
        self._number = number

    def __del__(self) -> None:
        signal.raise_signal(self._number)


@pytest.fixture
def _handlers_as_they_were() -> Iterator[None]:
    """A failed test must not leave a handler behind that ends the process of the tests."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    assert {number: signal.getsignal(number) for number in before} == before


@pytest.mark.usefixtures("_handlers_as_they_were")
@pytest.mark.parametrize(("number", "raised"), [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)])
def test_a_signal_ends_a_verb_in_code_that_swallows_exceptions(
    number: signal.Signals, raised: type[BaseException]
) -> None:
    """What the verb opened is closed. After SIGTERM the exit code is 143."""
    closed = []

    async def work() -> None:
        try:
            one = Interrupted(number)
            del one
            await asyncio.sleep(5)
        finally:
            await asyncio.sleep(0)
            closed.append("journal")

    with pytest.raises(raised) as ended:
        interruptible.run(work())
    assert closed == ["journal"]
    if isinstance(ended.value, SystemExit):
        assert ended.value.code == 143


@pytest.mark.usefixtures("_handlers_as_they_were")
def test_a_verb_that_ends_as_sigterm_comes_ends_with_its_code() -> None:
    """The next part of the verb does not begin."""

    async def work() -> str:
        signal.raise_signal(signal.SIGTERM)
        return "done"

    with pytest.raises(SystemExit) as ended:
        interruptible.run(work())
    assert ended.value.code == 143


@pytest.mark.usefixtures("_handlers_as_they_were")
def test_without_a_signal_the_result_and_the_errors_are_those_of_the_work() -> None:
    """A cancellation that no signal caused stays one."""

    async def result() -> str:
        return "done"

    async def cancelled() -> None:
        raise asyncio.CancelledError

    assert interruptible.run(result()) == "done"
    with pytest.raises(asyncio.CancelledError):
        interruptible.run(cancelled())


def test_the_second_sigterm_ends_a_verb_that_does_not_end() -> None:
    """The operating system ends the process, so no code can swallow it."""
    with subprocess.Popen([sys.executable, "-c", SLOW_TO_END], cwd=ROOT, stdout=subprocess.PIPE, text=True) as verb:
        try:
            assert verb.stdout is not None
            for _ in range(2):
                assert verb.stdout.readline() == "works\n"
                verb.send_signal(signal.SIGTERM)
            assert verb.wait(timeout=20) == -signal.SIGTERM
        finally:
            verb.kill()


def test_every_verb_runs_its_event_loop_so_that_sigterm_cancels_it() -> None:
    """`azplan run` alone has handlers of its own: it ends in good order."""
    loops = set()
    for path in (ROOT / "worker" / "cli").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in {"asyncio.run", "asyncio.Runner"}:
                loops.add(path.name)
    assert loops == {"interruptible.py", "run.py"}
