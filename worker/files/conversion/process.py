"""The side of the worker: starts one child at a time, and understands its answer."""

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from worker.errors import Broken
from worker.files.conversion.layout import Layout
from worker.files.conversion.totals import Totals
from worker.files.scratch import Scratch, no_disk
from worker.operating_system import give_way, leave_a_core

TIME_TO_END = 5.0
"""Seconds that a child may take to end after it has closed its output."""
MOST_WORDS = 500
"""Characters of a child's last words that the log has: the last lines of a traceback."""
LONGEST_ANSWER = 64 << 20
"""Bytes of one answer of a child."""
PART = "worker.files.conversion.part"
INSTALL = "install the extra: pip install 'azplan[finance]'"


class ExtraMissing(Exception):
    """Parquet and FOCUS need the extra `finance`. The text says what to install."""

    def __init__(self) -> None:
        super().__init__(f"Parquet and FOCUS need pyarrow, which is not installed here; {INSTALL}")


class LinesUnreadable(Exception):
    """A source part is not gzip, not UTF-8 or not JSON lines. The text names the part and the line."""

    def __init__(self, why: str, ordinal: int | None = None) -> None:
        super().__init__(why if ordinal is None else f"part {ordinal}: {why}")
        self.why = why
        self.ordinal = ordinal


class ChildFailed(Broken):
    """The child ended without an answer: killed, out of memory, or broken. The text has its last words."""

    def __init__(self, end: str, words: str = "") -> None:
        """`end`: how the child ended. `words`: its last ones."""
        plain = f"the process that converts lines {end}"
        super().__init__(f"{plain}: {words}" if words else plain, plain=plain)


@dataclass(frozen=True, slots=True)
class SourcePart:
    """A part as Microsoft sent it: gzip JSON lines in a local file."""

    ordinal: int
    path: Path


@dataclass(frozen=True, slots=True)
class ConvertedPart:
    """What became of a part: its Parquet file (None: it has no lines), its rows, and how it was read."""

    ordinal: int
    path: Path | None
    rows: int
    layout: Layout
    totals: Totals
    way: str


@dataclass(frozen=True, slots=True)
class Converted:
    """The Parquet parts of a version, all with the same columns."""

    parts: tuple[ConvertedPart, ...]
    layout: Layout

    @property
    def rows(self) -> int:
        """The lines of all parts."""
        return sum(part.rows for part in self.parts)

    @property
    def totals(self) -> Totals:
        """The sums of all parts."""
        whole = Totals()
        for part in self.parts:
            whole.join(part.totals)
        return whole


def extra_installed() -> bool:
    """Whether Parquet and FOCUS can be written here."""
    return find_spec("pyarrow") is not None


class Converter:
    """Runs jobs in child processes, one at a time in this worker."""

    def __init__(self, scratch: Scratch | None = None) -> None:
        """`scratch`: where the words of a child wait; the system's folder for temporary files if it is None."""
        self._turn = asyncio.Semaphore(1)
        self._folder = nullcontext if scratch is None else scratch.folder

    async def parquet(
        self,
        lines: str,
        sources: Sequence[SourcePart],
        folder: Path,
        *,
        known: Iterable[ConvertedPart] = (),
        on_part: Callable[[ConvertedPart], Awaitable[object]] | None = None,
    ) -> Converted:
        """Write a Parquet part into `folder` for each source part. `on_part` gets each one when it is made.

        `known`: parts that were made before, and are not made again. Where a part needs more columns than the ones
        before it, those are made again in any case.
        Raises `ExtraMissing`, `LinesUnreadable`, `ChildFailed`, and the errors of `Scratch.folder`.
        """
        if not extra_installed():
            raise ExtraMissing
        made = {part.ordinal: part for part in known}
        layout = Layout(lines)
        for part in made.values():
            layout = layout.joined(part.layout)
        behind = _behind(sources, made, layout)
        async with self.child(PART) as child:
            while behind:
                part = await _convert(child, behind.popleft(), folder, layout)
                made[part.ordinal] = part
                wider = layout.joined(part.layout)
                if wider != layout:
                    layout = wider
                    behind = _behind(sources, made, layout)
                if on_part is not None:
                    await on_part(part)
        return Converted(tuple(made[each.ordinal] for each in sources), layout)

    @asynccontextmanager
    async def child(self, program: str) -> AsyncIterator["Child"]:
        """A child that does jobs with the module `program`. Waits for its turn. The child ends with the block."""
        async with self._turn:
            with self._folder() as folder, tempfile.TemporaryFile(dir=folder) as words:
                child = Child(program, words)
                try:
                    yield child
                finally:
                    await child.end()


async def _convert(child: "Child", source: SourcePart, folder: Path, layout: Layout) -> ConvertedPart:
    """Write one Parquet part. Where the fast way ends the child, the slow way is taken."""
    target = folder / f"part-{source.ordinal:05}.parquet"
    paths = {"source": str(source.path), "target": str(target)}
    job = {**paths, "ordinal": source.ordinal, "layout": layout.plain()}
    try:
        try:
            done = await child.ask({**job, "exact": False})
        except ChildFailed:
            done = await child.ask({**job, "exact": True})
    except LinesUnreadable as error:
        raise LinesUnreadable(str(error), source.ordinal) from error
    needed, totals = Layout.of(done["layout"]), Totals.of(done["totals"])
    path = target if done["rows"] else None
    return ConvertedPart(source.ordinal, path, done["rows"], needed, totals, done["way"])


class Child:
    """A child process, started by the first job, and by the first one after it died."""

    def __init__(self, program: str, words: IO[bytes]) -> None:
        """`words`: an empty file for what the child says of its end."""
        self._program = program
        self._process: asyncio.subprocess.Process | None = None
        self._words = words

    async def ask(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to this job. Raises `LinesUnreadable`, or `ChildFailed` where the child ended instead.

        Raises `DestinationUnavailable` if the disk is full.
        """
        process = self._process
        if process is None:
            process = self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self._program,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=self._words,
                env=_environment(),
                limit=LONGEST_ANSWER,
                start_new_session=True,
            )
            leave_a_core(process.pid)
            await give_way(process.pid)
        wire_in, wire_out = process.stdin, process.stdout
        line = b""
        if wire_in is not None and wire_out is not None:
            with suppress(ConnectionError):
                wire_in.write(json.dumps(job).encode() + b"\n")
                await wire_in.drain()
                line = await wire_out.readline()
        if not line.endswith(b"\n"):  # nothing, or the begin of an answer
            raise await self._death(process)
        answer: dict[str, Any] = json.loads(line)
        if "unreadable" in answer:
            raise LinesUnreadable(answer["unreadable"])
        if "full" in answer:
            raise no_disk(answer["full"])
        done: dict[str, Any] = answer["done"]
        return done

    async def _death(self, process: asyncio.subprocess.Process) -> ChildFailed:
        """How the process ended that has closed its output: of itself, if it does so in time."""
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), TIME_TO_END)
        await self.end()
        self._words.seek(0)
        words = self._words.read().decode(errors="replace").strip()
        self._words.seek(0)
        self._words.truncate()
        return ChildFailed(_how(process.returncode or 0), words[-MOST_WORDS:])

    async def end(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _how(code: int) -> str:
    """What the exit code of a process says. It is negative after a signal."""
    if code >= 0:
        return f"ended with {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"was ended by {name}{', as Linux does where memory is short' if name == 'SIGKILL' else ''}"


def _behind(sources: Iterable[SourcePart], made: Mapping[int, ConvertedPart], layout: Layout) -> deque[SourcePart]:
    """The source parts whose Parquet is not made, or lacks columns that the layout has."""
    columns = layout.columns()
    having = {ordinal for ordinal, part in made.items() if part.layout == layout or part.layout.columns() == columns}
    return deque(each for each in sources if each.ordinal not in having)


def _environment() -> dict[str, str]:
    """The variables of the child: none of azplan's, which may be secrets."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("AZPLAN_", "OTEL_"))}
