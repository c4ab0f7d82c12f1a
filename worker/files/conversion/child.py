"""A program of a child process: reads jobs as JSON, does them, and writes the answers as JSON.

Arrow holds much memory and Python's decoder holds the interpreter, and the worker has promised to answer within
milliseconds; so neither runs in the worker. Each job is a module that calls `answer` when it is run as a program.

The input is a pipe from the worker. It ends when the worker dies, however the worker dies; the child then ends at once.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from threading import Thread
from typing import Any

from worker.files.conversion.exact_lines import UnreadableLines
from worker.operating_system import FULL_DISK

WORKER_IS_GONE = 3
"""Exit code of a child whose input ended."""


def answer(do: Callable[[Mapping[str, Any]], dict[str, Any]]) -> None:
    """Do the jobs on standard input, one a line; write one line for each. When the input ends, so does this process.

    An answer has `done`, `unreadable` where a part is no gzip of JSON lines, or `full` where the disk has no room.
    """
    jobs = SimpleQueue[str]()
    Thread(target=_hear, args=(jobs,), daemon=True).start()
    while True:
        said: dict[str, Any]
        try:
            said = {"done": do(json.loads(jobs.get()))}
        except UnreadableLines as error:
            said = {"unreadable": str(error)}
        except OSError as error:
            if error.errno not in FULL_DISK:
                raise
            said = {"full": os.strerror(error.errno)}
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


def _hear(jobs: SimpleQueue[str]) -> None:
    """Take jobs in until the input ends. End the process then, in the middle of a job too: nobody waits for it."""
    for line in sys.stdin:
        jobs.put(line)
    os._exit(WORKER_IS_GONE)
