"""Reads a part without holding up the event loop: a small one in a thread, a large one in a process of its own.

The lines of a large part that becomes Parquet are only counted here, because the conversion reads them anyway.
"""

import asyncio
import json
import sys
from pathlib import Path

from worker.exports import line_files
from worker.exports.line_facts import Facts, UnreadableLines
from worker.exports.line_files import ReadFile, count_lines, read_file
from worker.handling import Context
from worker.operating_system import give_way

LARGE = 1024 * 1024
"""Bytes of a part, compressed, from which it is read in a process of its own. That is some thousand lines."""


async def read_apart(ctx: Context, path: Path, lines: str) -> ReadFile:
    """Read a file of gzip JSON lines. Raises `UnreadableLines`."""
    if (await ctx.files.in_thread(path.stat)).st_size < LARGE:
        return await ctx.files.in_thread(lambda: read_file(path, lines))
    return await _apart(path, lines)


async def count_apart(ctx: Context, path: Path, lines: str) -> ReadFile:
    """Count the lines of a file of gzip JSON lines; read them if they are few. Raises `UnreadableLines`."""
    if (await ctx.files.in_thread(path.stat)).st_size < LARGE:
        return await read_apart(ctx, path, lines)
    return await ctx.files.in_thread(lambda: count_lines(path))


async def _apart(path: Path, lines: str) -> ReadFile:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", line_files.__name__, str(path), lines),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        await give_way(child.pid)
        said, _ = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode != 0:
        raise ChildProcessError(f"the process that reads lines ended with {child.returncode}")
    told = json.loads(said)
    if "unreadable" in told:
        raise UnreadableLines(told["unreadable"])
    return ReadFile(Facts.of(told["rows"], told), told["sha256"])
