"""The module of a new command, event, wait reason, operation or setting is the only place to edit.

A copy of the product gets one of each. `probe.py` then checks everything that the product derives from them.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from events.codes import WaitingReason
from worker.settings.model import Waits

ROOT = Path(__file__).parents[2]
ADDED = Path(__file__).with_name("added")
PROBE = Path(__file__).with_name("probe.py")
IGNORED = shutil.ignore_patterns("__pycache__")


def extended(place: Path) -> Path:
    """A copy of the product with the added modules, one more wait reason and one more setting."""
    for package in ("worker", "events"):
        shutil.copytree(ROOT / package, place / package, ignore=IGNORED)
        shutil.copytree(ADDED / package, place / package, dirs_exist_ok=True, ignore=IGNORED)
    add(place / "events", "class WaitingReason(Code):", (ADDED / "wait_reason.txt").read_text("utf-8"))
    add(place / "worker" / "settings", "class Waits(Section):", (ADDED / "setting.txt").read_text("utf-8"))
    return place


def add(folder: Path, class_line: str, member: str) -> None:
    """Put a member below the docstring of the one class in this folder that begins with this line."""
    (file,) = [path for path in folder.rglob("*.py") if class_line in path.read_text("utf-8")]
    text = file.read_text("utf-8")
    begin = re.compile(re.escape(class_line) + r'\n    """.*?"""\n', re.DOTALL)
    assert begin.search(text), f"{file} has no docstring below {class_line}"
    file.write_text(begin.sub(lambda found: f"{found[0]}\n{member}", text), "utf-8")


def run(words: list[str], place: Path, environment: dict[str, str]) -> str:
    """The output of Python for these words. Python must succeed."""
    ended = subprocess.run(
        [sys.executable, *words], cwd=place, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a process that imports the copy instead of the product."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("AZPLAN_")}
    path = os.pathsep.join(map(str, (extended(tmp_path / "copy"), ROOT)))
    return {**ours, "PYTHONPATH": path, "AZPLAN_SECRETS_DIR": str(tmp_path), "COLUMNS": "200"}


def test_a_new_thing_is_added_in_one_place(environment: dict[str, str], tmp_path: Path) -> None:
    """Only the added modules and members are new, and every part of the product works with them."""
    run(["-m", "events.contract_files"], tmp_path / "copy", environment)

    assert "nothing else to edit" in run([str(PROBE), str(tmp_path / "journal.db")], tmp_path / "copy", environment)


@pytest.mark.parametrize("reason", WaitingReason)
def test_a_deadline_is_a_setting(reason: WaitingReason) -> None:
    """A reason without its setting would fail in the middle of a run."""
    assert reason.treatment.deadline in Waits().deadlines()
