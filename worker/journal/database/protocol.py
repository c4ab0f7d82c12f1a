"""The little of SQL that differs between databases, and what a statement needs to know of its transaction.

Operations are written once, as coroutines over a `Transaction`. Statements use `?` for values; tables and columns are
the same everywhere; instants are integers, truth is 0 or 1.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
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
    """What a transaction has read under its locks, and keeps in step with what it writes.

    `lanes` are the rows that it has locked, `revisions` those of the commands that its operations name. For operations
    that ask for them, `steps` are those of their commands, and `effects` tells which command has an effect open, by
    lane and key.
    """

    lanes: dict[str, LaneRow] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)
    steps: dict[str, dict[str, Step]] = field(default_factory=dict)
    effects: dict[tuple[str, str], str] = field(default_factory=dict)


class Transaction(Protocol):
    """An open transaction.

    `now` is the database's clock, read when the locks were there. `known` is what was read under them.
    """

    now: Micros
    known: Known

    async def rows(self, sql: str, *values: Value | Sequence[str]) -> Sequence[Row]:
        """The rows of a query, or of a statement with RETURNING."""

    async def run(self, sql: str, *values: Value | Sequence[str]) -> int:
        """Run a statement; how many rows it touched."""

    async def many(self, sql: str, values: Sequence[Sequence[Value]]) -> None:
        """Run one statement for each row of values, at the latest before this transaction reads, runs or ends.

        Of two operations that share no lane, the statements may change places.
        """

    def among(self, column: str) -> str:
        """A condition that takes one value, a list of texts, and holds where the column is one of them."""

    @property
    def locking(self) -> str:
        """What a SELECT ends in that locks its rows and waits for those that others hold."""

    @property
    def skip_locked(self) -> str:
        """What a SELECT ends in that locks the rows nobody else holds, and passes over the others."""

    @property
    def present(self) -> str:
        """A query that takes a list of tables and gives the `name` of each that there is."""

    @property
    def size(self) -> str:
        """A query that takes a list of tables and gives the `bytes` that they take."""

    async def hint(self, worker: str) -> None:
        """Tell a worker, once this transaction is committed, that there is something to look at; "" tells all."""

    async def tick(self) -> None:
        """Read the database's clock into `now`."""

    def enter(self, operation: "Operation[Any]") -> None:
        """The statements that follow belong to this operation."""


@dataclass(frozen=True, slots=True)
class Operation(Generic[T]):
    """One caller's share of a group commit: what to make, to lock and to look up first, then the statements.

    `in_full`: with the steps of its commands and the effects of its lanes. It may be run again from the start, in
    another transaction, when the group it was in is refused.
    """

    run: Callable[[Transaction], Awaitable[T]]
    lanes: Sequence[str] = ()
    new_lanes: Sequence[LaneKey] = ()
    commands: Sequence[str] = ()
    in_full: bool = False

    @property
    def touches(self) -> set[str]:
        """The names of all lanes that it may write for."""
        return {*self.lanes, *(key.id for key in self.new_lanes)}


class Engine(Protocol):
    """A database.

    Raises `JournalUnavailable` for everything that is wrong with the database itself. What it raises beside that, the
    database holds against the values of an operation, and would again.
    """

    @property
    def writers(self) -> int:
        """How many transactions may write at once."""

    @property
    def alone(self) -> bool:
        """True where no other worker can be alive, so that whatever is left of one is dead."""

    @property
    def warnings(self) -> Sequence[str]:
        """Settings of the database that weaken what is promised, a sentence each."""

    async def open(self) -> None:
        """Connect and bring the schema up to date; a guest changes nothing, and finds it so or is refused.

        Raises `JournalRefused` with what to do, `JournalMissing` where a guest finds no journal.
        """

    async def close(self) -> None:
        """Let go of every connection."""

    async def commit(self, operations: Sequence[Operation[Any]]) -> list[Any]:
        """Run all operations in one transaction and give their results in order. All or nothing."""

    async def read(self, query: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run a query that changes nothing, on one state of the database, beside the writers."""

    async def listen(self, heard: Callable[[str], None]) -> None:
        """Call `heard` with what others pass to `Transaction.hint`, until cancelled. May miss some; may never call."""


def storable(text: str) -> str:
    """Text that every database can hold: U+FFFD in place of U+0000 and of halves of surrogate pairs."""
    if text.isascii() and "\x00" not in text:
        return text
    return _UNSTORABLE.sub("\ufffd", text)


def clean(value: Any) -> Any:
    """A value fit for a statement: texts made storable, all else as it is."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, (list, tuple)):
        return [clean(item) for item in value]
    return value
