"""The owner of a command's lane finds the requests about the command and carries out each exactly once.

The owner finds a request with `open`, reads its command with `subject`, and answers the request in the transaction that
carries it out. The lane stays unfinished until then, so some worker will own it.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from events.codes import FailedCode
from worker.errors import LaneLost
from worker.journal.database.columns import load
from worker.journal.database.protocol import Row, Transaction
from worker.journal.database.state_conditions import OWN_LANE
from worker.journal.database.transactions import Transactions
from worker.journal.processing import runnable_commands
from worker.journal.processing.intake import INSERT_EVENT, event_row
from worker.journal.processing.lane_ownership import own_fresh
from worker.journal.processing.runs import NEXT_DUE, archive_steps, conclude, stands
from worker.journal.records import SECOND, Conclusion, Json, NewEvent, Resolution, State, UnknownRow, Work

LAST = 2**62
"""Above the number of any request."""
DONE = "done"
"""The result of a request that was carried out. Any other result is a sentence that says why it was not."""
REBUILT = "rebuilt"
"""The kind of the note on a command whose steps were lost when the journal was rebuilt: it may have begun."""

NEW_STORY = """UPDATE command SET redrive = redrive + 1, revision = revision + 1, state = 'accepted', code = NULL,
    attempts = 0, released = 0, reason = NULL, waits = '{}', resolution = ?, first_failed_at = NULL,
    concluded_at = NULL, due_at = NULL, turn = (SELECT max(turn) + 1 FROM command) WHERE uid = ?"""


BEGUN = """SELECT name FROM step WHERE uid = ? AND ((name NOT LIKE '%~%' AND state <> 'not_applied')
    OR intent_until > ? OR earlier_until > ?) ORDER BY at, name LIMIT 1"""
"""The first write of a command that has changed something at Microsoft or may still change it. A write that never left
or that Microsoft refused is not one."""

REDRIVEN = """UPDATE dead_letter SET state = 'redriven'
    WHERE uid = ? AND state = 'open' AND code <> 'id_reused'"""
"""A record that was refused because of its id says nothing about the command that has the id."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request that waits for the owner of its command's lane."""

    seq: int
    who: str
    why: str
    verb: str
    uid: str
    lane: str
    details: Json
    unreadable: str | None = None
    """Why this azplan cannot read the row."""


Change = Callable[[Transaction], Awaitable[str]]
"""Carries out a request in the transaction that answers it. Returns the answer."""


class LaneRequests:
    """The requests about commands of one worker's lanes. Every method raises `JournalUnavailable`."""

    def __init__(self, transactions: Transactions, worker: Callable[[], str]) -> None:
        """`worker` returns the id of the worker that owns the lanes."""
        self._transactions = transactions
        self._worker = worker

    async def open(self, limit: int = 100, after: int = 0, up_to: int | None = None) -> list[Request]:
        """The oldest unanswered requests about commands of this worker's lanes, at most `limit`.

        Their numbers are above `after`, and not above `up_to`.
        """
        worker = self._worker()

        async def look(tx: Transaction) -> list[Request]:
            rows = await tx.rows(
                f"""SELECT act.seq, act.who, act.why, act.verb, act.uid, act.lane, act.details
                   FROM act JOIN lane ON lane.id = act.lane
                   WHERE act.done_at IS NULL AND {OWN_LANE} AND act.seq > ? AND act.seq <= ?
                   ORDER BY act.seq LIMIT ?""",
                worker,
                after,
                LAST if up_to is None else up_to,
                limit,
            )
            return [_request(row) for row in rows]

        return await self._transactions.read_statement(look)

    async def subject(self, request: Request) -> Work | UnknownRow | None:
        """The command that a request is about, in any state.

        None if the command or its bytes are forgotten, or another worker owns its lane.
        """
        worker = self._worker()
        return await self._transactions.read_statement(lambda tx: runnable_commands.subject(tx, worker, request.uid))

    async def is_forgotten(self, request: Request) -> bool:
        """Whether nobody can carry the request out, because its command or the command's bytes are forgotten."""

        async def look(tx: Transaction) -> bool:
            return not await tx.rows("SELECT uid FROM command WHERE uid = ? AND pruned_at IS NULL", request.uid)

        return await self._transactions.read_statement(look)

    async def refuse(self, request: Request, why: str) -> None:
        """Answer a request that is not carried out with the reason `why`."""

        async def write(tx: Transaction) -> None:
            await _answer(tx, request, why)

        await self._transactions.write(write, lanes=[request.lane])

    async def redrive(self, request: Request, item: Work, events: Sequence[NewEvent] = ()) -> str:
        """Begin the next story of a failed command, at the end of its lane, with these events. Returns the answer.

        Raises `LaneLost` if the command is no longer as `item` says; the request then stays open.
        """

        async def write(tx: Transaction) -> str:
            if item.state is not State.FAILED:
                return f"only a failed command can be redriven; this one is {item.state}"
            await _next_story(tx, item, None, events)
            return DONE

        return await self._carry_out(request, item, write)

    async def resolve(self, request: Request, item: Work, found: Resolution, events: Sequence[NewEvent] = ()) -> str:
        """Begin the next story of a failed command with an unknown outcome, with the finding of a person.

        Applied: the steps stay in doubt, and `Work.resolution` says that a look will find the effect. Not applied: the
        steps are archived as not applied, and the next story sends its requests again. Returns the answer. Raises
        `LaneLost` if the command is no longer as `item` says; the request then stays open.
        """

        async def write(tx: Transaction) -> str:
            if item.state is not State.FAILED or not await _unknown(tx, item):
                return f"nothing about this command is unknown; it is {item.state}"
            if found is Resolution.NOT_APPLIED:
                if item.unsettled_until() > tx.now:
                    seconds = (item.unsettled_until() - tx.now) / SECOND
                    return f"a request that was never answered may still arrive: look and ask again in {seconds:.0f} s"
                await tx.many(
                    """UPDATE step SET state = 'not_applied', intent_until = 0, earlier_until = 0
                       WHERE uid = ? AND state <> 'applied'""",
                    [(item.uid,)],
                )
                await archive_steps(tx, item.uid)
            await _next_story(tx, item, found, events)
            return DONE

        return await self._carry_out(request, item, write)

    async def cancel(self, request: Request, item: Work, end: Conclusion) -> str:
        """End a command that has not begun to write, with the conclusion `end`. Returns the answer.

        A run of the command that is under way can write nothing more. Raises `LaneLost` if the command is no longer as
        `item` says; the request then stays open.
        """

        async def write(tx: Transaction) -> str:
            if not item.state.is_open:
                return f"the command is over already: it is {item.state}"
            begun = await tx.rows(BEGUN, item.uid, tx.now, tx.now)
            if begun:
                return f"the command has begun to write ({begun[0]['name']}): it goes on to its end"
            if await tx.rows("SELECT 1 AS one FROM note WHERE uid = ? AND kind = ?", item.uid, REBUILT):
                return (
                    "the journal was rebuilt after the command was received, so the command may have begun to write: "
                    "it goes on to its end"
                )
            await conclude(tx, item, end)
            return DONE

        return await self._carry_out(request, item, write)

    async def _carry_out(self, request: Request, item: Work, write: Change) -> str:
        """Carry the request out and answer it, in one transaction, unless it was answered before. The answer."""

        async def change(tx: Transaction) -> str | None:
            if not stands(tx, item):
                return None
            rows = await tx.rows("SELECT result FROM act WHERE seq = ? AND done_at IS NOT NULL", request.seq)
            if rows:
                return str(rows[0]["result"])
            result = await write(tx)
            await _answer(tx, request, result)
            return result

        result = await self._transactions.write(change, item, lanes=[request.lane])
        if result is None:
            raise LaneLost(request.lane)
        return result


def _request(row: Row) -> Request:
    details, unreadable = None, None
    try:
        details = load(row["details"])
    except ValueError as error:
        unreadable = f"its details cannot be read: {error}"
    return Request(row["seq"], row["who"], row["why"], row["verb"], row["uid"], row["lane"], details, unreadable)


async def _answer(tx: Transaction, request: Request, result: str) -> None:
    await tx.many(
        "UPDATE act SET done_at = ?, result = ? WHERE seq = ? AND done_at IS NULL", [(tx.now, result, request.seq)]
    )


async def _unknown(tx: Transaction, item: Work) -> bool:
    """Whether the outcome of an effect of the command is unknown: an effect that it left open, or a write in doubt.

    A rebuilt journal has lost both. There the code of the command says that its outcome is unknown.
    """
    if item.code == FailedCode.OUTCOME_UNKNOWN:
        return True
    left_open = await tx.rows("SELECT key FROM effect WHERE uid = ?", item.uid)
    return bool(left_open) or any(step.in_doubt for step in item.steps.values())


async def _next_story(tx: Transaction, item: Work, found: Resolution | None, events: Sequence[NewEvent]) -> None:
    tx.known.revisions[item.uid] = item.revision + 1
    await own_fresh(tx, item.owner.worker, [item.lane])
    await tx.many(NEW_STORY, [(found, item.uid)])
    await tx.many(NEXT_DUE, [(tx.now, item.lane)])
    await tx.many(REDRIVEN, [(item.uid,)])
    if events:
        await tx.many(INSERT_EVENT, [event_row(event, item.uid, item.redrive + 1, item.lane) for event in events])
