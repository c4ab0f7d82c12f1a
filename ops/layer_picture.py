"""The picture of the layers in ARCHITECTURE.md, made from `.importlinter` and from the docstring of each module.

    python -m ops.layer_picture

writes the picture between its markers; a house test finds a picture that differs from the code.
"""

import ast
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "ARCHITECTURE.md"
BEGIN, END = "<!-- layers -->\n", "<!-- /layers -->"


def layers() -> list[list[str]]:
    """The layers of `worker` from the top, each with its modules, as `lint-imports` checks them."""
    rules = ConfigParser()
    rules.read(ROOT / ".importlinter", "utf-8")
    lines = rules["importlinter:contract:layers"]["layers"].split("\n")
    return [line.replace("|", " ").split() for line in lines if line.strip()]


def meaning(module: Path) -> str:
    """The first sentence of the docstring of a module or of a package. Raises ValueError if there is none."""
    file = module / "__init__.py" if module.is_dir() else module.with_suffix(".py")
    first = (ast.get_docstring(ast.parse(file.read_text("utf-8"))) or "").split("\n")[0]
    if not first:
        raise ValueError(f"{file} needs a docstring whose first line says what it is for")
    return first.split(". ")[0].rstrip(".")


def picture() -> str:
    """Each module of `worker` in a line with its meaning. Modules of one layer share a number; the last is lowest."""
    found = [(str(number), name) for number, names in enumerate(layers(), 1) for name in names]
    rows = [(number, name, meaning(ROOT / "worker" / name)) for number, name in found]
    rows.append((str(len(layers()) + 1), "events", meaning(ROOT / "events")))
    return "\n".join(["```", *_lines(rows), "```"])


def written(text: str) -> str:
    """The text of ARCHITECTURE.md with the picture as the code has it. Raises ValueError if the markers are missing."""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"{PAGE.name} needs {BEGIN.strip()} and {END} exactly once")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}{picture()}\n{END}{rest.split(END)[1]}"


def _lines(rows: list[tuple[str, str, str]]) -> Iterator[str]:
    width = max(len(name) for _, name, _ in rows)
    before = ""
    for number, name, text in rows:
        yield f"{number if number != before else '':>2}  {name:<{width}}  {text}"
        before = number


def main() -> int:
    """Write the picture."""
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
