"""`azplan` under the user ids of an image: its own, one in the group 0, and one without rights.

The test runs as root, because only root can become another user. No container engine is needed.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ops.local.azplan import ROOT, environment

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

OWN, ARBITRARY, FOREIGN = (10001, 10001), (12345, 0), (1000, 1000)
"""The image's own user; the user of OpenShift or of `--user 12345:0`; a user without rights to the image's folders."""
NOBODY_THERE = {
    "AZPLAN_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "AZPLAN_HTTP__PORT": "0",
    "AZPLAN_METRICS__PORT": "0",
    "AZPLAN_LOG__FORMAT": "json",
}
POSTGRES = {"AZPLAN_JOURNAL__URL": "postgresql://azplan@127.0.0.1:1/azplan"}
# Everything is imported and read before, as root: the checkout and its interpreter may be in a folder of root's own.
PROGRAM = """
import contextlib, importlib, io, json, os, pkgutil, sys
import worker
from worker.cli import main, verbs
from worker.journal.database import schema
for module in pkgutil.walk_packages(worker.__path__, "worker."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
read, listed = schema.migrations(), list(pkgutil.iter_modules(verbs.__path__))
schema.migrations, main.iter_modules = lambda: read, lambda _: listed
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    for warm in (["--help"], ["errors", "explain", "800023"], ["errors", "explain", "none"]):
        main.call(warm)
for line in sys.stdin:
    case = json.loads(line)
    child = os.fork()
    if child == 0:
        said = os.open(case["said"], os.O_WRONLY)
        os.dup2(said, 1)
        os.dup2(said, 2)
        os.chdir(case["folder"])
        os.environ.clear()
        os.environ.update(case["environment"])
        os.setgroups([])
        os.setgid(case["group"])
        os.setuid(case["user"])
        code = 1
        try:
            code = main.call(case["words"])
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@dataclass(frozen=True)
class Ended:
    """How it ended."""

    code: int
    said: str


class Everybody:
    """A process with all of azplan in memory. For one verb it becomes any user."""

    def __init__(self, process: subprocess.Popen[str], said: Path) -> None:
        self._process = process
        self._said = said

    def __call__(self, user: tuple[int, int], folder: Path, *words: str, **settings: str) -> Ended:
        """Run a verb as that user in that folder."""
        assert self._process.stdin
        assert self._process.stdout
        self._said.write_text("")
        case = {
            "user": user[0],
            "group": user[1],
            "folder": str(folder),
            "words": words,
            "said": str(self._said),
            "environment": environment({"HOME": "/nowhere", **NOBODY_THERE, **settings}),
        }
        print(json.dumps(case), file=self._process.stdin, flush=True)
        code = int(self._process.stdout.readline())
        said = self._said.read_text()
        assert "Traceback" not in said, said
        return Ended(code, said)


@pytest.fixture(scope="module")
def azplan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everybody]:
    """`azplan` as any user."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Everybody(process, tmp_path_factory.mktemp("everybody") / "said.txt")
        assert process.stdin
        process.stdin.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    """The image's working folder, with the owner, group and mode from ops/Dockerfile."""
    text = (ROOT / "ops" / "Dockerfile").read_text("utf-8")
    found = re.search(r"install --directory --owner azplan --group (\w+) --mode (\d+) /var/lib/azplan", text)
    assert found
    with tempfile.TemporaryDirectory() as outer:
        Path(outer).chmod(0o755)
        made = Path(outer) / "azplan"
        made.mkdir()
        os.chown(made, OWN[0], OWN[1] if found[1] == "azplan" else int(found[1]))
        made.chmod(int(found[2], 8))
        yield made


@pytest.mark.parametrize("user", [OWN, ARBITRARY, FOREIGN])
def test_version_and_settings_are_printed_for_every_user(
    user: tuple[int, int], folder: Path, azplan: Everybody
) -> None:
    """The verb needs no rights to the working folder, because nobody named a file in it."""
    assert azplan(user, folder, "--version").code == 0
    shown = azplan(user, folder, "config", "show")
    assert shown.code == 0
    assert "AZPLAN_KAFKA__BOOTSTRAP_SERVERS" in shown.said


@pytest.mark.parametrize("user", [OWN, ARBITRARY])
def test_who_may_write_the_folder_keeps_a_journal_in_it(user: tuple[int, int], folder: Path, azplan: Everybody) -> None:
    """The image's own user and a user in the group 0 can. The missing broker is the only error."""
    ended = azplan(user, folder, "run")
    assert (ended.code, "127.0.0.1:1" in ended.said) == (69, True), ended.said


@pytest.mark.parametrize("user", [OWN, ARBITRARY, FOREIGN])
def test_a_journal_elsewhere_needs_no_folder(user: tuple[int, int], folder: Path, azplan: Everybody) -> None:
    """A worker on PostgreSQL gets as far as the database."""
    ended = azplan(user, folder, "run", **POSTGRES)
    assert ended.code == 69, ended.said


@pytest.mark.parametrize("words", [["run"], ["commands", "list"], ["check"]])
def test_a_journal_that_may_not_be_written_is_named(words: list[str], folder: Path, azplan: Everybody) -> None:
    """The message to a user without rights names the file."""
    ended = azplan(FOREIGN, folder, *words)
    assert ended.code == 78, ended.said
    assert f"{folder}/azplan.db cannot be used as a journal: Permission denied" in ended.said


@pytest.mark.parametrize("words", [["run"], ["config", "show"], ["commands", "list"], ["check"]])
@pytest.mark.parametrize("named", [False, True])
def test_settings_that_may_not_be_read_are_named(
    words: list[str], named: bool, folder: Path, azplan: Everybody
) -> None:
    """If `azplan.toml` belongs to another user, one sentence names file and reason.

    The settings are not read by halves.
    """
    file = folder / "azplan.toml"
    file.write_text("[worker]\nconcurrency = 3\n")
    file.chmod(0o600)
    ended = azplan(ARBITRARY, folder, *words, **({"AZPLAN_CONFIG_FILE": str(file)} if named else {}))
    assert ended.code == 78, ended.said
    assert "azplan.toml cannot be read: Permission denied" in ended.said


def test_a_named_settings_file_in_a_forbidden_folder_is_reported(folder: Path, azplan: Everybody) -> None:
    """A person who names a file needs it."""
    ended = azplan(FOREIGN, Path("/"), "config", "show", AZPLAN_CONFIG_FILE=str(folder / "azplan.toml"))
    assert ended.code == 78
    assert f"{folder}/azplan.toml cannot be read: Permission denied" in ended.said


@pytest.mark.parametrize("mode", [0o700, 0o744])
def test_secrets_that_may_not_be_read_are_named(mode: int, folder: Path, azplan: Everybody) -> None:
    """The message names the folder, or the file in it."""
    secrets = folder / "secrets"
    secrets.mkdir()
    (secrets / "azplan_journal__url").write_text("sqlite:///x.db")
    secrets.chmod(mode)
    folder.chmod(0o755)
    ended = azplan(FOREIGN, Path("/"), "config", "show", AZPLAN_SECRETS_DIR=str(secrets))
    assert ended.code == 78
    assert "cannot be read: Permission denied" in ended.said
    assert str(secrets) in ended.said
