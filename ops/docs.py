"""The tables of README.md that are made from the code, so that no fact is written twice.

    python -m ops.docs

writes them anew between their markers; a test of the house finds a table that is behind the code.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from events.codes import FailedCode, RecordCode, RejectedCode, WaitingReason
from worker import metrics
from worker.settings import reference

README = Path(__file__).parents[1] / "README.md"

MEANT = {
    "The answer is no (`CommandRejected`)": RejectedCode,
    "The worker gave up (`CommandFailed`, and a dead letter)": FailedCode,
    "A record that is no command (dead letter)": RecordCode,
    "Why a command waits (`CommandWaiting`)": WaitingReason,
}


def errors() -> str:
    """Every code word with what it means and what to do."""
    parts = []
    for heading, codes in MEANT.items():
        rows = [f"| `{code}` | {code.meaning.cause} | {code.meaning.advice} |" for code in codes]
        parts.append("\n".join([f"**{heading}**", "", "| code | means | what to do |", "|---|---|---|", *rows]))
    return "\n\n".join(parts)


def exported() -> str:
    """Every metric with its labels and its meaning."""
    rows = [
        f"| `{name}` | {kind} | {', '.join(labels) or '-'} | {meaning} |"
        for name, kind, labels, meaning in metrics.described()
    ]
    return "\n".join(["| metric | type | labels | meaning |", "|---|---|---|---|", *rows])


TABLES: dict[str, Callable[[], str]] = {
    "settings": reference.table,
    "errors": errors,
    "metrics": exported,
}


def written(text: str) -> str:
    """The text of README.md with every table as the code has it."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        if text.count(begin) != 1 or text.count(end) != 1:
            raise ValueError(f"README.md needs <!-- {name} --> and <!-- /{name} --> exactly once")
        before, rest = text.split(begin)
        text = f"{before}{begin}{table()}\n{end}{rest.split(end)[1]}"
    return text


def main() -> int:
    """Write the tables anew."""
    README.write_text(written(README.read_text("utf-8")), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
