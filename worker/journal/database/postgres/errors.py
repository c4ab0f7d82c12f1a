"""The errors of PostgreSQL and of its driver, by what they mean for the journal."""

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
"""Over when it is tried again: locks of others, a schema that was just migrated, an identity that another worker wrote
down under another lane at the same time, a pooler that was not seen before."""

REFUSED = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.ProgramLimitExceededError)
"""The values cannot be stored: out of range, not text, too large for a row or an index, doubled."""

TROUBLE = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
"""What else the driver raises: the database's own trouble."""

DENIED = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.ClientConfigurationError,
)
"""PostgreSQL answers, and will refuse until somebody changes the URL or the user's rights."""


def is_too_large(error: BaseException) -> bool:
    """Whether the server refuses a value for its size: it asks for more memory at once than it ever gives."""
    return isinstance(error, asyncpg.InternalServerError) and "invalid memory alloc request size" in str(error)


def unavailable(error: BaseException) -> JournalUnavailable:
    """What the operator must know about a database that is in trouble."""
    if isinstance(error, READ_ONLY):
        return JournalUnavailable(
            "PostgreSQL takes no writes: the host leads to a standby, or the server was made read-only (is its disk "
            f"full?). The worker goes on when it leads to one that does ({error})"
        )
    text = f"PostgreSQL: {str(error) or type(error).__name__}"
    if isinstance(error, asyncpg.DiskFullError):
        return JournalUnavailable(text, plain=FULL_DISK)
    return JournalUnavailable(text)
