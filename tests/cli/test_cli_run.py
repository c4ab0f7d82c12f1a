"""`azplan run`: its refusals to start, and the message of each. Other tests show the work of the worker."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from ops.local.azplan import azplan, environment
from ops.local.databases import run_apart
from ops.local.topics import Topics
from ops.local.waiting import wait_until

ROOT = Path(__file__).parents[2]
QUIET = {"AZPLAN_HTTP__PORT": "0", "AZPLAN_METRICS__PORT": "0", "AZPLAN_LOG__FORMAT": "json"}


class Running:
    """`azplan run` as a process of its own, which takes signals."""

    def __init__(self, folder: Path, settings: dict[str, str], *words: str) -> None:
        self._log = folder / "log.txt"
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "worker.cli", "run", *words],
                env=environment({**QUIET, "PYTHONPATH": str(ROOT), **settings}),
                cwd=folder,
                stdout=log,
                stderr=log,
            )

    @property
    def log(self) -> str:
        """The log so far."""
        return self._log.read_text()

    def ended(self) -> int:
        """The exit code, once the process has ended by itself."""
        return self.process.wait(60)

    def wait_for(self, text: str) -> None:
        """Return as soon as the log has this text."""
        wait_until(lambda: text in self.log or self.process.poll() is not None, f"it says {text}", within=30)
        assert text in self.log, self.log


@pytest.fixture
def busy_port() -> Iterator[int]:
    """A port on which another process listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


@pytest.mark.kafka
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it_in_good_order(number: signal.Signals, code: int, topics: Topics, tmp_path: Path) -> None:
    """The exit code is 128 and the signal's number, as every shell expects."""
    running = Running(tmp_path, topics.env)
    running.wait_for("worker.started")
    running.process.send_signal(number)
    assert running.ended() == code
    assert "worker.stopped" in running.log
    assert "Traceback" not in running.log


@pytest.mark.kafka
def test_an_unused_proxy_of_the_environment_is_reported_once(topics: Topics, tmp_path: Path) -> None:
    """The worker says so at start and names the setting to use. The proxy's password is not shown."""
    account = {"TENANT_ID": "contoso.example", "CLIENT_ID": "c", "CLIENT_SECRET": "secret-of-contoso"}
    partner = {f"AZPLAN_PARTNERS__CONTOSO__{key}": value for key, value in account.items()}
    running = Running(tmp_path, {**topics.env, **partner, "HTTPS_PROXY": "http://u:planted-canary@127.0.0.1:1"})
    running.wait_for("worker.started")
    running.process.send_signal(signal.SIGTERM)
    assert running.ended() == 143
    (line,) = [line for line in running.log.splitlines() if "proxy.unused" in line]
    advice = "if Microsoft needs a proxy, set AZPLAN_PARTNERS__CONTOSO__PROXY"
    assert f"HTTPS_PROXY is set, but azplan does not use it: {advice}" in line
    assert "planted-canary" not in running.log


def test_without_a_broker_it_is_exit_code_69(tmp_path: Path) -> None:
    """A supervisor may start the worker again: the broker may come back."""
    running = Running(tmp_path, {"AZPLAN_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1"})
    assert running.ended() == 69
    assert "azplan: no Kafka broker answers at 127.0.0.1:1" in running.log
    assert "Traceback" not in running.log
    assert [each.name for each in tmp_path.iterdir()] == ["log.txt"], "no journal is left behind"


@pytest.mark.postgres
def test_without_a_broker_no_table_is_left_behind(postgres_url: str, tmp_path: Path) -> None:
    """The worker makes a journal in PostgreSQL as late as a journal in a file."""
    nowhere = {"AZPLAN_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1", "AZPLAN_JOURNAL__URL": postgres_url}
    assert Running(tmp_path, nowhere).ended() == 69
    assert run_apart(tables(postgres_url)) == []


async def tables(url: str) -> list[str]:
    """The tables of a database."""
    connection = await asyncpg.connect(url)
    try:
        return [row[0] for row in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    finally:
        await connection.close()


@pytest.mark.kafka
def test_a_journal_that_is_refused_before_it_is_made_is_not_made(topics: Topics, tmp_path: Path) -> None:
    """The group has worked before, and its journal is in another place."""
    first = Running(tmp_path, topics.env)
    first.wait_for("worker.started")
    send_and_wait = azplan("send", "SuspendPlan", "--customer", str(uuid4()), settings=topics.env, cwd=tmp_path)
    assert send_and_wait.returncode == 0, send_and_wait.stderr
    first.wait_for("command.concluded")
    first.process.send_signal(signal.SIGTERM)
    first.ended()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    second = Running(elsewhere, topics.env)
    assert second.ended() == 78
    assert "azplan run --new-journal" in second.log
    assert [each.name for each in elsewhere.iterdir()] == ["log.txt"]


def test_without_its_database_it_is_exit_code_69(tmp_path: Path) -> None:
    """The same holds for PostgreSQL. The password is not shown."""
    running = Running(tmp_path, {"AZPLAN_JOURNAL__URL": "postgresql://azplan:planted-canary@127.0.0.1:1/azplan"})
    assert running.ended() == 69
    assert "azplan: PostgreSQL" in running.log
    assert "planted-canary" not in running.log


@pytest.mark.kafka
def test_without_its_topics_it_says_which_verb_makes_them(kafka_servers: str, tmp_path: Path) -> None:
    """The exit code is 69: somebody may make the topics before the next start."""
    running = Running(tmp_path, Topics(kafka_servers).env)
    assert running.ended() == 69
    assert "azplan topics apply" in running.log


def test_a_wrong_setting_is_exit_code_78(tmp_path: Path) -> None:
    """Another start would change nothing."""
    running = Running(tmp_path, {"AZPLAN_WORKER__LEASE": "1"})
    assert running.ended() == 78
    assert "AZPLAN_WORKER__LEASE must be at least" in running.log


@pytest.mark.kafka
@pytest.mark.parametrize("name", ["AZPLAN_HTTP__PORT", "AZPLAN_METRICS__PORT"])
def test_a_port_that_is_taken_is_exit_code_78_and_says_which_settings_to_change(
    name: str, busy_port: int, topics: Topics, tmp_path: Path
) -> None:
    """Two workers on one machine fail here first."""
    running = Running(tmp_path, {**topics.env, name: str(busy_port)})
    assert running.ended() == 78
    assert str(busy_port) in running.log
    assert "AZPLAN_HTTP__PORT and AZPLAN_METRICS__PORT" in running.log
    assert "Traceback" not in running.log
