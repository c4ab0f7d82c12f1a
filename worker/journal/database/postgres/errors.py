"""The errors of PostgreSQL and of its driver, by their meaning for the journal."""

import asyncpg

from worker.errors import FULL_DISK, JournalUnavailable
from worker.journal.database.postgres.connection import LOST_STATEMENT, READ_ONLY

AGAIN = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.UniqueViolationError,
    *LOST_STATEMENT,
)
"""A new try will succeed: locks of others, a schema that was just migrated, an identity that another worker stored
under another lane at the same time, a pooler that was not seen before."""

REFUSED = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.ProgramLimitExceededError)
"""The values cannot be stored: out of range, not text, too large for a row or an index, or duplicates."""

TROUBLE = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
"""Any other error of the driver is trouble of the database itself."""

DENIED = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.ClientConfigurationError,
)
"""PostgreSQL answers, and refuses until a person changes the URL or the user's rights."""


def is_too_large(error: BaseException) -> bool:
    """Whether the server refuses a value for its size: the value needs more memory at once than the server gives."""
    return isinstance(error, asyncpg.InternalServerError) and "invalid memory alloc request size" in str(error)


def unavailable(error: BaseException) -> JournalUnavailable:
    """The error, for the operator, of a database in trouble."""
    if isinstance(error, READ_ONLY):
        return JournalUnavailable(
            "PostgreSQL takes no writes: the host leads to a standby, or the server was made read-only (is its disk "
            f"full?). The worker goes on when the host leads to a server that takes writes ({error})"
        )
    text = f"PostgreSQL: {str(error) or type(error).__name__}"
    if isinstance(error, asyncpg.DiskFullError):
        return JournalUnavailable(text, plain=FULL_DISK)
    return JournalUnavailable(text)
