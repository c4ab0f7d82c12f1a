"""The little of SQL that differs between databases, and what a statement needs to know of its transaction.

Operations are written once, as coroutines over a `Transaction`. Statements use `?` for values; tables and columns are the
same everywhere; instants are integers, truth is 0 or 1.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from worker.journal.records import Micros

T = TypeVar("T")
Row = Mapping[str, Any]
Value = str | int | float | bytes | None


class Transaction(Protocol):
    """An open transaction. `now` is the database's clock; `lanes` are the rows that this transaction has locked."""

    now: Micros
    lanes: dict[str, "LaneRow"]

    async def rows(self, sql: str, *values: Value | Sequence[str]) -> Sequence[Row]:
        """The rows of a query, or of a statement with RETURNING."""

    async def run(self, sql: str, *values: Value | Sequence[str]) -> int:
        """Run a statement; how many rows it touched."""

    async def many(self, sql: str, values: Sequence[Sequence[Value]]) -> None:
        """Run one statement for each row of values."""

    def among(self, column: str) -> str:
        """A condition that takes one value, a list of texts, and holds where the column is one of them."""

    @property
    def skip_locked(self) -> str:
        """What a SELECT ends in that takes the rows nobody else holds."""


@dataclass(slots=True)
class LaneRow:
    """A lane as it stands under this transaction's lock."""

    owner: str | None
    epoch: int
    settle_until: Micros


@dataclass(frozen=True, slots=True)
class LaneKey:
    """A lane that may not exist yet."""

    id: str
    partner: str = ""
    customer: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One caller's share of a group commit: the lanes to make and to lock first, then the statements."""

    run: Callable[[Transaction], Awaitable[Any]]
    lanes: Sequence[str] = ()
    new_lanes: Sequence[LaneKey] = field(default=())


class Engine(Protocol):
    """A database. Raises `JournalUnavailable` when it does not answer."""

    writers: int

    async def open(self) -> None:
        """Connect and bring the schema up to date. Raises `JournalRefused` with what to do."""

    async def close(self) -> None:
        """Let go of every connection."""

    async def commit(self, operations: Sequence[Operation]) -> list[Any]:
        """Run all operations in one transaction and give their results in order. All or nothing."""

    async def read(self, query: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run a query that changes nothing, beside the writers."""


def printable(text: str) -> str:
    """Text that every database can hold: no U+0000, no half of a surrogate pair."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def clean(value: Any) -> Any:
    """A value fit for a statement: texts made printable, all else as it is."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, (list, tuple)):
        return [clean(item) for item in value]
    return value


async def lock_lanes(tx: Transaction, operations: Iterable[Operation]) -> None:
    """Make and lock the rows of all lanes that the operations name, in the order of their names, so that nobody deadlocks."""
    fresh = {key.id: key for operation in operations for key in operation.new_lanes}
    names = sorted({name for operation in operations for name in operation.lanes} | set(fresh))
    if fresh:
        await tx.many(
            "INSERT INTO lane (id, partner, customer) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING",
            [(key.id, key.partner, key.customer) for _, key in sorted(fresh.items())],
        )
    if names:
        for row in await tx.rows(
            f"SELECT id, owner, epoch, settle_until FROM lane WHERE {tx.among('id')} ORDER BY id{lock_clause(tx)}",
            names,
        ):
            tx.lanes[row["id"]] = LaneRow(row["owner"], row["epoch"], row["settle_until"])


def lock_clause(tx: Transaction) -> str:
    """` FOR UPDATE` where rows are locked one by one; nothing where a writer has the database to itself."""
    return " FOR UPDATE" if tx.skip_locked else ""
