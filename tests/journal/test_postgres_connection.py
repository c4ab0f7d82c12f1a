"""The way to PostgreSQL: TLS that is proved or warned about, passwords with any character, users without a home."""

import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest
import trustme

from ops.local.databases import run_apart
from ops.local.postgres import LocalPostgres
from worker.clock import Clock
from worker.errors import JournalRefused, JournalUnavailable
from worker.journal.database.postgres.address import Address
from worker.journal.database.postgres.engine import PostgresEngine
from worker.journal.database.transactions import Transactions
from worker.journal.journal import Journal

FAR = "postgresql://azplan:secret@db.example/azplan"


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        (FAR, True),
        (f"{FAR}?sslmode=require", True),
        (f"{FAR}?sslmode=verify-ca", True),
        (f"{FAR}?sslmode=verify-full", False),
        ("postgresql://127.0.0.1,db.example/azplan", True),
        ("postgresql://127.0.0.1:5432/azplan", False),
        ("postgresql://localhost/azplan", False),
        ("postgresql://[::1]:5432/azplan", False),
        ("postgresql:///azplan?host=/run/postgresql", False),
        ("postgresql://%2Frun%2Fpostgresql/azplan", False),
        ("postgresql:///azplan?host=db.example", True),
    ],
)
def test_what_leaves_the_machine_without_a_proved_server_is_warned_about(url: str, warned: bool) -> None:
    """The warning says what could happen and which setting to change, without a secret."""
    warning = Address(url).warning()
    assert (warning is not None) is warned
    if warning is not None:
        assert "db.example" in warning
        assert "sslmode=verify-full" in warning
        assert "AZPLAN_JOURNAL__CA_FILE" in warning
        assert "secret" not in warning


@pytest.mark.postgres
async def test_a_journal_says_so_when_it_is_opened(postgres_url: str) -> None:
    """`azplan run` logs the journal's warnings; 0.0.0.0 is no loopback address."""
    journal = Journal(Transactions(PostgresEngine(postgres_url.replace("127.0.0.1", "0.0.0.0")), Clock()))
    await journal.open()
    try:
        assert any("sslmode=verify-full" in warning for warning in journal.warnings)
    finally:
        await journal.close()


def test_an_sslmode_that_there_is_not_is_refused() -> None:
    """The message lists the valid modes."""
    with pytest.raises(JournalRefused, match="must be one of disable, allow, prefer, require, verify-ca, verify-full"):
        _ = Address(f"{FAR}?sslmode=yes").mode


def test_a_mode_that_proves_trusts_the_system_and_the_authority_beside_it(tmp_path: Path) -> None:
    """The weaker modes take any certificate, as they do in every client."""
    authority = trustme.CA()
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(file)
    system = ssl.create_default_context().cert_store_stats()["x509_ca"]
    full = Address(f"{FAR}?sslmode=verify-full", ca_file=str(file)).context()
    assert full is not None
    assert (full.check_hostname, full.verify_mode) == (True, ssl.CERT_REQUIRED)
    assert full.cert_store_stats()["x509_ca"] == system + 1
    weak = Address(FAR).context()
    assert weak is not None
    assert (weak.check_hostname, weak.verify_mode) == (False, ssl.CERT_NONE)
    assert Address(f"{FAR}?sslmode=disable").context() is None
    with pytest.raises(JournalRefused, match="AZPLAN_JOURNAL__CA_FILE"):
        Address(FAR, ca_file=str(tmp_path / "nowhere.pem")).context()


# ---- on a real server


@pytest.fixture
def secured(own_postgres: LocalPostgres, own_postgres_url: str, tmp_path: Path) -> Iterator[Path]:
    """A server with TLS. The file has the authority that signed its certificate."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    for file, pem in (("server.crt", certificate.cert_chain_pems[0]), ("server.key", certificate.private_key_pem)):
        place = own_postgres.data / file
        pem.write_to_path(place)
        place.chmod(0o600)
        if os.getuid() == 0:
            shutil.chown(place, "postgres")
    run_apart(_execute(own_postgres.url(), "ALTER SYSTEM SET ssl = on"))
    own_postgres.restart()
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(file)
    yield file
    run_apart(_execute(own_postgres.url(), "ALTER SYSTEM RESET ssl"))
    own_postgres.restart()


async def _execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url, ssl=False)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def reach(url: str, **given: str) -> bool:
    """Open a journal there. Returns whether its connections are encrypted."""
    journal = Journal(Transactions(PostgresEngine(url, **given), Clock()))  # type: ignore[arg-type]
    try:
        await journal.open()
        rows = await journal.transactions.read(
            lambda tx: tx.rows("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        )
        return bool(rows[0]["ssl"])
    finally:
        await journal.close()


@pytest.mark.postgres
async def test_a_server_is_proved_by_its_authority_and_its_name(own_postgres_url: str, secured: Path) -> None:
    """Without the authority, or with another name than the certificate's, nothing is sent to the server."""
    named = own_postgres_url.replace("127.0.0.1", "localhost")
    assert await reach(own_postgres_url), "prefer takes TLS where there is some"
    assert await reach(f"{named}?sslmode=verify-full", ca_file=str(secured))
    with pytest.raises(JournalUnavailable, match="certificate"):
        await reach(f"{named}?sslmode=verify-full")
    with pytest.raises(JournalUnavailable, match="certificate"):
        await reach(f"{own_postgres_url}?sslmode=verify-full", ca_file=str(secured))
    assert await reach(f"{own_postgres_url}?sslmode=verify-ca", ca_file=str(secured))
    assert not await reach(f"{own_postgres_url}?sslmode=disable")


@pytest.mark.postgres
async def test_without_tls_on_the_server_only_the_weak_modes_go_on(own_postgres_url: str) -> None:
    """libpq does the same."""
    assert not await reach(own_postgres_url)
    assert not await reach(f"{own_postgres_url}?sslmode=allow")
    with pytest.raises(JournalUnavailable, match="SSL"):
        await reach(f"{own_postgres_url}?sslmode=require")


PASSWORD = "p/w#?[]@%41 :ü"


@pytest.fixture
def guarded(own_postgres: LocalPostgres, own_postgres_url: str) -> Iterator[str]:
    """The URL, without a password, of a user whom the server asks for one."""
    rules = own_postgres.data / "pg_hba.conf"
    before = rules.read_text()
    user = "azplan_guarded"
    run_apart(_execute(own_postgres.url(), f"CREATE ROLE {user} SUPERUSER LOGIN PASSWORD '{PASSWORD}'"))
    rules.write_text(f"host all {user} 127.0.0.1/32 scram-sha-256\n{before}")
    run_apart(_execute(own_postgres.url(), "SELECT pg_reload_conf()"))
    yield own_postgres_url.replace("azplan@", f"{user}@")
    rules.write_text(before)
    reset = f"REASSIGN OWNED BY {user} TO azplan"
    run_apart(_execute(own_postgres_url, reset, f"DROP ROLE {user}", "SELECT pg_reload_conf()"))


@pytest.mark.postgres
async def test_a_password_of_any_characters_works_beside_the_url_and_encoded_in_it(guarded: str) -> None:
    """A wrong password is refused and not shown."""
    await reach(guarded, password=PASSWORD)
    await reach(guarded.replace("@", f":{quote(PASSWORD, safe='')}@"))
    with pytest.raises(JournalRefused) as caught:
        await reach(guarded, password="another one")
    assert "another one" not in str(caught.value)


# Everything is imported and read before, as root: the checkout and its interpreter may be in a folder of root's own.
HOMELESS = """
import asyncio, os, sys
from worker.clock import Clock
from worker.journal.journal import Journal
from worker.journal.database import schema
from worker.journal.database.transactions import Transactions
from worker.journal.database.postgres.engine import PostgresEngine

async def main():
    journal = Journal(Transactions(PostgresEngine(sys.argv[1]), Clock()))
    await journal.open()
    await journal.close()

read = schema.migrations()
schema.migrations = lambda: read
asyncio.run(main())
if len(sys.argv) > 2:
    os.environ["HOME"] = sys.argv[2]
os.setgroups([])
os.setgid(0)
os.setuid(12345)
asyncio.run(main())
"""


@pytest.mark.postgres
def test_a_home_that_may_not_be_read_does_not_matter(own_postgres_url: str, tmp_path: Path) -> None:
    """An image may run under another user while HOME is still root's."""
    if os.getuid() != 0:
        pytest.skip("only root can become a user who may not read this home")
    home = tmp_path / "home"
    (home / ".postgresql").mkdir(parents=True)
    (home / ".postgresql" / "postgresql.key").write_text("no key")
    home.chmod(0o700)
    for words in ([str(home)], []):
        ended = subprocess.run(
            [sys.executable, "-c", HOMELESS, own_postgres_url, *words],
            env={name: value for name, value in os.environ.items() if name != "HOME"},
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parents[2],
            timeout=60,
        )
        assert ended.returncode == 0, ended.stderr
