"""The port to a database: the parts of SQL that differ between databases, and the data that statements need.

Operations are written once, as coroutines over a `Transaction`. Statements use `?` for values; tables and columns are
the same everywhere. Instants are integers; truth is 0 or 1.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from worker.journal.records import Micros, Step

T = TypeVar("T")
Row = Mapping[str, Any]
Value = str | int | float | bytes | None

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(slots=True)
class LaneRow:
    """A lane as it stands under this transaction's lock."""

    owner: str | None
    epoch: int
    settle_until: Micros
    unfinished: bool
    unfinished_since: Micros


@dataclass(frozen=True, slots=True)
class LaneKey:
    """A lane that may not exist yet."""

    id: str
    partner: str = ""
    customer: str = ""


@dataclass(slots=True)
class Known:
    """The data that a transaction has read under its locks. The transaction updates these values when it writes.

    `lanes`: the locked rows. `revisions`: the revisions of the commands that the operations name. For operations that
    ask for them: `steps` of their commands, and in `effects` the command that has an effect open, by lane and key.
    """

    lanes: dict[str, LaneRow] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)
    steps: dict[str, dict[str, Step]] = field(default_factory=dict)
    effects: dict[tuple[str, str], str] = field(default_factory=dict)


class Transaction(Protocol):
    """An open transaction.

    `now`: the database's clock, read when the transaction had its locks. `known`: the data read under the locks.
    """

    now: Micros
    known: Known

    async def rows(self, sql: str, *values: Value | Sequence[str]) -> Sequence[Row]:
        """The rows of a query, or of a statement with RETURNING."""

    async def rows_and_clock(self, sql: str, *values: Value | Sequence[str]) -> Sequence[Row]:
        """The rows of a query whose first column is never NULL. The database's clock is read into `now` with them."""

    async def run(self, sql: str, *values: Value | Sequence[str]) -> int:
        """Run a statement. How many rows it touched."""

    async def many(self, sql: str, values: Sequence[Sequence[Value]]) -> None:
        """Run one statement for each row of values, at the latest before this transaction reads, runs or ends.

        The statements of two operations that share no lane may run in either order.
        """

    async def lock_lanes(self, names: Sequence[str]) -> None:
        """Lock these lanes before anything is read, in the order of their names, until the transaction ends."""

    def among(self, column: str) -> str:
        """A condition that takes one value, a list of texts, and is true if the column is one of the texts."""

    def gather(self, columns: Iterable[str]) -> str:
        """An expression that puts all rows of a query into one text: JSON, a list for each row. NULL or [] if none."""

    @property
    def locking(self) -> str:
        """The end of a SELECT that locks its rows and waits for rows that others have locked."""

    @property
    def skip_locked(self) -> str:
        """The end of a SELECT that locks its rows and leaves out rows that others have locked."""

    @property
    def present(self) -> str:
        """A query that takes a list of tables and gives the `name` of each existing one."""

    @property
    def size(self) -> str:
        """A query that takes a list of tables and gives the `bytes` that they use."""

    async def hint(self, worker: str) -> None:
        """Tell a worker to look at the journal as soon as this transaction is committed; "" tells all workers."""

    async def tick(self) -> None:
        """Read the database's clock into `now`."""

    def enter(self, operation: "Operation[Any]") -> None:
        """The statements that follow belong to this operation."""


@dataclass(frozen=True, slots=True)
class Operation(Generic[T]):
    """One caller's part of a group commit: the rows to create, lock and read first, and then the statements.

    `in_full`: read the steps of its commands and the effects of its lanes, too. `at`: the instant that is exact enough
    for the operation; None if it needs the database's clock. When its group is refused, the operation runs again from
    the start in another transaction.
    """

    run: Callable[[Transaction], Awaitable[T]]
    lanes: Sequence[str] = ()
    new_lanes: Sequence[LaneKey] = ()
    commands: Sequence[str] = ()
    in_full: bool = False
    at: Micros | None = None

    @property
    def touches(self) -> set[str]:
        """The names of all lanes that the operation may write for."""
        return {*self.lanes, *(key.id for key in self.new_lanes)}


class Engine(Protocol):
    """A database.

    Raises `JournalUnavailable` for trouble of the database itself. Any other error is a refusal of an operation's
    values, and comes again if the operation is tried again.
    """

    @property
    def writers(self) -> int:
        """How many transactions may write at once."""

    @property
    def alone(self) -> bool:
        """True if no other worker can be alive: every worker in the journal is dead."""

    @property
    def warnings(self) -> Sequence[str]:
        """Settings of the database that weaken what the journal promises, one sentence each."""

    async def open(self) -> None:
        """Connect and bring the schema up to date. A guest changes nothing and needs a schema that is up to date.

        Raises `JournalRefused` with what to do, and `JournalMissing` if a guest finds no journal.
        """

    async def close(self) -> None:
        """Close every connection."""

    async def commit(self, operations: Sequence[Operation[Any]]) -> list[Any]:
        """Run all operations in one transaction: all or nothing. Returns their results in order."""

    async def read(self, query: Callable[[Transaction], Awaitable[T]]) -> T:
        """The result of a query that changes nothing. It sees one state of the database and blocks no writer."""

    async def read_statement(self, query: Callable[[Transaction], Awaitable[T]], now: Micros) -> T:
        """The result of a query of one statement that changes nothing. `now` is the query's instant.

        It costs one round trip. If the query makes several statements, each sees a state of its own.
        """

    async def listen(self, heard: Callable[[str], None]) -> None:
        """Call `heard` with the workers that others hint at, until cancelled. It may miss hints, or all of them."""


def storable(text: str) -> str:
    """Text that every database can store: U+FFFD in place of U+0000 and of lone surrogates."""
    if text.isascii() and "\x00" not in text:
        return text
    return _UNSTORABLE.sub("\ufffd", text)


def clean(value: Any) -> Any:
    """A value for a statement, or a list of them: texts are made storable, other values stay."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, (list, tuple)):
        # Most values need nothing, and a group has thousands: they are not handed to a function one by one.
        return [
            each
            if each is None
            or isinstance(each, (int, bytes))
            or (isinstance(each, str) and each.isascii() and "\x00" not in each)
            else clean(each)
            for each in value
        ]
    return value
