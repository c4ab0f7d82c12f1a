"""A program of a child process: reads jobs as JSON, does them, and writes the answers as JSON.

Arrow holds much memory and Python's decoder holds the interpreter, and the worker has promised to answer within
milliseconds; so neither runs in the worker. Each job is a module that calls `answer` when it is run as a program.
"""

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from worker.files.conversion.exact_lines import UnreadableLines
from worker.operating_system import give_way


def answer(do: Callable[[Mapping[str, Any]], dict[str, Any]]) -> None:
    """Do the jobs on standard input, one a line, until the input ends; write one line for each.

    An answer has `done`, or `unreadable` where a part is no gzip of JSON lines.
    """
    give_way()
    for line in sys.stdin:
        said: dict[str, Any]
        try:
            said = {"done": do(json.loads(line))}
        except UnreadableLines as error:
            said = {"unreadable": str(error)}
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()
