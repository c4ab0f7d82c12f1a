"""An environment of its own for the official FOCUS validator, which needs another Python and older libraries."""

import fcntl
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PINS = Path(__file__).parent / "focus_validator" / "requirements.txt"
PLACE = ROOT / ".cache" / "focus-validator"
NEEDED = (3, 12)


@cache
def environment() -> Path:
    """The folder of the environment, made once for each state of the pins. Skips the test where that is impossible.

    In CI (AZPLAN_CI=1) a machine that has the Python must have the validator.
    """
    python = _python()
    if python is None:
        pytest.skip("needs Python 3.12 or newer for the FOCUS validator")
    PLACE.parent.mkdir(exist_ok=True)
    with (PLACE.parent / "focus-validator.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = PLACE / "pins.txt"
        if not made.exists() or made.read_text() != PINS.read_text():
            shutil.rmtree(PLACE, ignore_errors=True)
            try:
                subprocess.run([python, "-m", "venv", PLACE], check=True, capture_output=True)
                pip = [PLACE / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
                subprocess.run([*pip, "--no-deps", "-r", PINS], check=True, capture_output=True, timeout=600)
            except (subprocess.SubprocessError, OSError) as error:
                if os.environ.get("AZPLAN_CI"):
                    raise
                pytest.skip(f"the FOCUS validator cannot be installed here: {error}")
            made.write_text(PINS.read_text())
    return PLACE


def site_packages() -> Path:
    """Where the validator's modules are: it reads one of its files relative to the working directory."""
    return next(environment().glob("lib/python3.*/site-packages"))


def _python() -> Path | None:
    named = [shutil.which(name) for name in ("python3.14", "python3.13", "python3.12", "python3")]
    found = [Path(name) for name in named if name]
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for python in [*found, *sorted(versions.glob("3.*/bin/python3"), reverse=True)]:
        said = subprocess.run(
            [python, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True, check=False
        )
        if said.returncode == 0 and tuple(map(int, said.stdout.split())) >= NEEDED:
            return python
    return None
