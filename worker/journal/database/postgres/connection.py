"""Makes connections to PostgreSQL, and remembers whether a pooler is in between.

A pooler gives each transaction any free connection to the server (PgBouncer in transaction mode). There is then no
session: statements prepared by name, LISTEN and settings of a session are lost.
"""

from typing import Any

import asyncpg

from worker.errors import JournalRefused, JournalUnavailable
from worker.journal.database.postgres.address import WEAK, Address

LOST_STATEMENT = (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError)
"""A statement that was prepared by name is missing, or exists already: others use the connection too."""

READ_ONLY = (asyncpg.ReadOnlySQLTransactionError, asyncpg.TargetServerAttributeNotMatched)
"""The server takes no writes: a standby, or a primary that became a standby."""

STATEMENTS = 100
"""How many statements stay prepared by name on each connection, if no pooler is in between."""

NO_TLS = "rejected SSL upgrade"


class Door:
    """Makes connections to one address."""

    def __init__(self, address: Address, patience: float) -> None:
        self._address = address
        self._patience = patience
        self._plain = False
        self.pooled = False
        """True after a pooler was seen: no statement is then prepared by name, and the worker does not listen."""

    async def connect(self, *_: Any, **__: Any) -> Any:
        """A connection to a server that takes writes. Raises the errors of asyncpg, and `JournalUnavailable`."""
        try:
            return await self._reach(careful=self.pooled)
        except JournalRefused as error:  # a file with certificates was removed after the start
            raise JournalUnavailable(str(error)) from error

    async def first(self) -> Any:
        """A connection that works behind any pooler, for `look`. Raises the errors of asyncpg, and `JournalRefused`."""
        return await self._reach(careful=True)

    async def _reach(self, *, careful: bool) -> Any:
        mode, context = self._address.mode, self._address.context()
        if context is None or self._plain:
            return await self._connect(careful=careful, ssl=False)
        if mode not in WEAK:
            return await self._connect(careful=careful, ssl=context)
        try:
            return await self._connect(careful=careful, ssl=context)
        except (ConnectionError, asyncpg.InvalidAuthorizationSpecificationError) as error:
            if isinstance(error, ConnectionError) and NO_TLS not in str(error):
                raise
            connection = await self._connect(careful=careful, ssl=False)
            self._plain = isinstance(error, ConnectionError)
            return connection

    async def look(self, connection: Any) -> None:
        """Learn whether a pooler is in between. Called inside a transaction.

        A pooler invents a number for the server's process, because it has connections to many.
        """
        if await connection.fetchval("SELECT pg_backend_pid()") != connection.get_server_pid():
            self.pooled = True

    async def _connect(self, *, careful: bool, ssl: Any) -> Any:
        return await asyncpg.connect(
            self._address.url,
            password=self._address.password,
            timeout=self._patience,
            command_timeout=self._patience,
            target_session_attrs=self._address.target,
            ssl=ssl,
            statement_cache_size=0 if careful else STATEMENTS,
        )


def refused(error: BaseException) -> JournalRefused:
    """The error, for the operator, of a server that refuses or of a URL that cannot be read."""
    if isinstance(error, (ValueError, KeyError)):
        return JournalRefused(
            "AZPLAN_JOURNAL__URL cannot be read as the address of a PostgreSQL database: "
            "postgresql://user:password@host:5432/database, with the user named"
        )
    return JournalRefused(f"PostgreSQL refuses: {error}. Look at AZPLAN_JOURNAL__URL and the user's rights")
