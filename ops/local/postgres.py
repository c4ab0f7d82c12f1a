"""PostgreSQL from the machine's own binaries in a temporary cluster: the server that tests may kill."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from ops.local.server import Server, free_port, tether

USER = "azplan"


def why_not() -> str | None:
    """What this machine lacks for a server of its own, or None."""
    if _binary("postgres") is None or _binary("initdb") is None:
        return "install the PostgreSQL server (Debian: postgresql), or set AZPLAN_TEST_POSTGRES to a URL"
    if os.getuid() == 0 and unprivileged() is None:
        return "PostgreSQL refuses to run as root: make a user `postgres` (Debian's package has one)"
    return None


class LocalPostgres(Server):
    """A server on a free loopback port, with a cluster of its own that is removed by `remove`.

    It runs without fsync: the machine itself does not die in these tests, processes do.
    """

    stop_signal = signal.SIGINT  # fast shutdown: sessions are ended

    def __init__(
        self,
        *,
        also: str | None = None,
        standby_of: "LocalPostgres | None" = None,
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`also`: an address of this machine beside loopback at which it listens, to everybody in that network.

        `standby_of`: a server that runs, of which this one is a copy that follows it and takes no writes. `more`:
        options by PostgreSQL's own names.
        """
        self._folder = Path(tempfile.mkdtemp(prefix="azplan-postgres-"))
        self._user = unprivileged() if os.getuid() == 0 else None
        self._port = free_port()
        data = self._folder / "data"
        if self._user:
            shutil.chown(self._folder, self._user)
        self._initialise(data, standby_of)
        if also:
            with (data / "pg_hba.conf").open("a") as rules:
                rules.write("host all all samenet trust\n")
        addresses = ",".join(filter(None, ("127.0.0.1", also)))
        options = {"listen_addresses": addresses, "unix_socket_directories": str(self._folder), "fsync": "off"}
        # A full-size segment per database made would be most of the cost of a fresh database for every test.
        options |= {"max_connections": "200", "shared_buffers": "32MB", **more}
        command = [str(_binary("postgres")), "-D", str(data), "-p", str(self._port)]
        command += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        super().__init__("PostgreSQL", [*self._as_user(), *command], log=self._folder / "server.log")

    @property
    def port(self) -> int:
        """The port, the same through all restarts."""
        return self._port

    @property
    def data(self) -> Path:
        """The folder of the cluster: its rules of access, its certificate."""
        return self._folder / "data"

    def url(self, database: str = "postgres") -> str:
        """The URL of one database of the server."""
        return f"postgresql://{USER}@127.0.0.1:{self._port}/{database}"

    def stop_at_once(self) -> None:
        """As `pg_ctl stop -m immediate`: nothing is finished, and the next start recovers."""
        os.kill(self.pid, signal.SIGQUIT)
        self.wait()

    def ready(self) -> bool:
        """Whether the server's own tool finds it ready."""
        command = [str(_binary("pg_isready")), "-q", "-h", "127.0.0.1", "-p", str(self._port)]
        return subprocess.run(command, check=False).returncode == 0

    def remove(self) -> None:
        """Stop for good and remove the cluster."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _initialise(self, data: Path, primary: "LocalPostgres | None") -> None:
        if primary is not None:
            command = [str(_binary("pg_basebackup")), "-h", "127.0.0.1", "-p", str(primary.port), "-U", USER]
            self._make([*command, "-D", str(data), "-R", "-X", "stream", "-c", "fast"])
            return
        command = [str(_binary("initdb")), "-D", str(data), "-A", "trust", "-U", USER, "-E", "UTF8", "--locale=C", "-N"]
        self._make(command)

    def _make(self, command: list[str]) -> None:
        done = subprocess.run(
            command, user=self._user, cwd=self._folder, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _as_user(self) -> list[str]:
        return as_user(self._user)


def as_user(user: str | None) -> list[str]:
    """The words before a command that this user runs. None: the user who runs the tests."""
    if user is None:
        return tether()
    become = [f"--reuid={user}", f"--regid={user}", "--init-groups"]
    return tether(*become) or ["su", user, "-s", "/bin/sh", "-c", 'exec "$0" "$@"', "--"]


def _binary(name: str) -> Path | None:
    found = shutil.which(name)
    if found:
        return Path(found)
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    return versions[-1] if versions else None


def unprivileged() -> str | None:
    """The user that runs servers which refuse to run as root; None where there is none."""
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return None
