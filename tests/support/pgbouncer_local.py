"""PgBouncer from the machine's own binary, in front of a PostgreSQL server: a pooler in transaction mode."""

import os
import shutil
import tempfile
from pathlib import Path

from ops.local.postgres import USER, as_user, unprivileged
from ops.local.server import Server, free_port, listens

SETTINGS = """[databases]
* = host=127.0.0.1 port={server} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
max_client_conn = 500
server_round_robin = 1
"""
"""Round robin: each transaction gets another connection than the one before, as among many clients."""


def why_not() -> str | None:
    """What this machine lacks for a pooler, or None."""
    if _binary() is None:
        return "install PgBouncer (Debian: pgbouncer)"
    if os.getuid() == 0 and unprivileged() is None:
        return "PgBouncer refuses to run as root: make a user `postgres` (Debian's package of PostgreSQL has one)"
    return None


class LocalPgBouncer(Server):
    """A pooler on a free loopback port, in front of the server on another."""

    def __init__(self, server_port: int, *, mode: str = "transaction", size: int = 3) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="azplan-pgbouncer-"))
        self.port = free_port()
        settings = self._folder / "pgbouncer.ini"
        settings.write_text(SETTINGS.format(server=server_port, user=USER, port=self.port, mode=mode, size=size))
        user = unprivileged() if os.getuid() == 0 else None
        if user:
            for path in (self._folder, settings):
                shutil.chown(path, user)
        command = [*as_user(user), str(_binary()), "-q", str(settings)]
        super().__init__("PgBouncer", command, log=self._folder / "pooler.log")

    def url(self, database: str) -> str:
        """The URL of a database behind the pooler."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def ready(self) -> bool:
        """Whether the pooler accepts connections."""
        return listens(self.port)

    def remove(self) -> None:
        """Stop for good and remove the folder."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


def _binary() -> Path | None:
    found = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
    return Path(found) if found else None
