"""What a person asked for, carried out: the owner of a command's lane finds the request and does it, once.

A request is answered in the transaction that does it, so it cannot run into a turn of the same command: whichever is
written first stands, and the other finds that it has come too late.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from events.codes import RejectedCode
from events.messages.base import Event, Origin
from events.messages.status import CommandAccepted, CommandRejected
from events.wire import identity
from events.wire.envelope import AcceptedCommand, RefusedCommand, decode
from worker.clock import instant
from worker.errors import JournalUnavailable, LaneLost
from worker.journal.database.protocol import LaneKey
from worker.journal.journal import Journal
from worker.journal.processing.requests import DONE, Request
from worker.journal.processing.tenants import Tenant
from worker.journal.records import Conclusion, Json, NewEvent, Puzzle, Resolution, State, Work
from worker.runtime.conclusion import event_at
from worker.runtime.intake import Resolve, lane_of
from worker.runtime.sleep import Alarm
from worker.runtime.tracing import record_trace
from worker.version import version

log = structlog.get_logger("azplan.acts")

EVERY = 0.5
"""Seconds between two looks: a person waits."""
LONGEST_PAUSE = 5.0
"""Seconds between two looks at requests that could not be carried out, once many looks have brought nothing."""
PORTION = 100

CANCEL, REDRIVE, RESOLVE = "cancel", "redrive", "resolve"
"""The verbs of requests about a command."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What carrying out a request needs."""

    journal: Journal
    resolve: Resolve
    """The tenant that a command asks for, by today's settings."""
    changed: Callable[[], None]
    """Called when a request was carried out: there may be something to run and to send."""


class Requests:
    """Carries out requests about commands of this worker's lanes until cancelled.

    New ones are looked at at once. Those that could not be carried out then (they wait for Kafka, or their lane had
    another owner) are looked at again: a page at a time, after growing pauses. They keep no new one waiting.
    """

    def __init__(self, desk: Desk, every: float = EVERY) -> None:
        self._desk = desk
        self._every = every
        self._alarm = Alarm()
        self._requests = desk.journal.requests
        self._seen = 0
        self._page = 0
        self._pause, self._again_at = every / 2, 0.0

    def wake(self) -> None:
        """Something may have been asked for: look now."""
        self._alarm.ring()

    async def run(self) -> None:
        """Look now and then; at once again while requests are answered. A silent journal is asked again later."""
        while True:
            try:
                answered = await self.look()
            except JournalUnavailable as error:
                log.warning("journal.unavailable", error=str(error))
                answered = 0
            if not answered:
                await self._alarm.sleep(self._every)

    async def look(self) -> int:
        """Carry out what is asked for now; how many requests were answered. Raises `JournalUnavailable`."""
        before = self._seen
        answered = await self._new()
        if asyncio.get_running_loop().time() >= self._again_at:
            answered += await self._again(before)
        if answered:
            self._desk.changed()
        return answered

    async def _new(self) -> int:
        """Requests that came since the last look."""
        answered = 0
        while acts := await self._requests.open(PORTION, self._seen):
            self._seen = acts[-1].seq
            answered += await self._all(acts)
        return answered

    async def _again(self, up_to: int) -> int:
        """The next page of those that came before and are still open, or that stand in a lane that is ours by now."""
        acts = await self._requests.open(PORTION, self._page, up_to)
        self._page = acts[-1].seq if len(acts) == PORTION else 0
        self._pause = min(2 * self._pause, max(self._every, LONGEST_PAUSE))
        self._again_at = asyncio.get_running_loop().time() + self._pause
        answered = await self._all(acts)
        if answered:
            self._soon()
        return answered

    def _soon(self) -> None:
        """What could not be carried out may be possible now."""
        self._pause, self._again_at = self._every / 2, 0.0

    async def _all(self, acts: Sequence[Request]) -> int:
        answered = 0
        for each in _one_of_each_command(acts):
            answered += sum(await asyncio.gather(*(self._one(act) for act in each)))
        return answered

    async def _one(self, act: Request) -> bool:
        """Carry out a request. Whether it was answered."""
        try:
            result = await self._carry_out(act)
        except LaneLost:
            self._soon()  # the command changed, or its lane's owner did: the request is still open, and found again
            return False
        except JournalUnavailable:
            raise
        except Exception as error:  # whatever is wrong with this request, the others are carried out
            log.exception("act.crashed", verb=act.verb, who=act.who, command_uid=act.uid)
            result = await self._refuse(act, f"an error inside azplan: {type(error).__name__}; its log says more")
        if result is not None:
            log.info("act.answered", verb=act.verb, who=act.who, why=act.why, result=result, command_uid=act.uid)
        return result is not None

    async def _carry_out(self, act: Request) -> str | None:
        """The answer that was given; None where there is none yet."""
        if act.puzzle is not None:
            return await self._refuse(act, not_understood(act.puzzle))
        item = await self._requests.subject(act)
        if isinstance(item, Puzzle):
            return await self._refuse(act, not_understood(f"as for the command, {item.why}"))
        if item is None:
            if await self._requests.is_forgotten(act):
                return await self._refuse(act, "the command's bytes are forgotten: send it anew, with a new id")
            return None  # the lane has another owner by now, who finds the request
        match act.verb:
            case "cancel":
                return await self._requests.cancel(act, item, cancelled(item, act.why, self._desk.journal.now()))
            case "redrive":
                return await self._redrive(act, item)
            case "resolve":
                found = found_out(act.details)
                if found is None:
                    return await self._refuse(act, not_understood(f"its details are {act.details!r}"))
                return await self._requests.resolve(act, item, found, [self._accepted(item)])
            case other:
                return await self._refuse(act, not_understood(f"there is no request {other!r}"))

    async def _redrive(self, act: Request, item: Work) -> str | None:
        expected = act.details.get("redrive") if isinstance(act.details, dict) else None
        if expected is not None and expected != item.redrive:
            return await self._refuse(act, f"it was redriven meanwhile: its story is number {item.redrive} by now")
        tenant = self._tenant_now(item)
        if item.partner is None and tenant and item.state is State.FAILED and not item.steps:
            # The request goes along. It is carried out by whoever owns the lane in which the command now stands.
            lane = LaneKey(lane_of(tenant, item.customer), tenant.lanes, item.customer)
            if await self._desk.journal.move_to_lane(item, lane, tenant.account):
                self._soon()
            return None
        return await self._requests.redrive(act, item, [self._accepted(item)])

    def _tenant_now(self, item: Work) -> Tenant | None:
        """The tenant for which the command would be accepted today; None where today's settings do not say."""
        decoded = decode(item.record)
        return (
            self._desk.resolve(decoded.envelope.partner_key)
            if isinstance(decoded, AcceptedCommand | RefusedCommand)
            else None
        )

    async def _refuse(self, act: Request, why: str) -> str:
        await self._requests.refuse(act, why)
        return why

    def _accepted(self, item: Work) -> NewEvent:
        """The first event of the next story."""
        redrive = item.redrive + 1
        event = CommandAccepted.of(origin(item, redrive), received_at=instant(item.received_at))
        return story_event(item, redrive, CommandAccepted.place, event, self._desk.journal.now())


def not_understood(why: str) -> str:
    """The answer to a request that only a newer azplan understands."""
    return (
        f"not understood by the worker that owns the lane (azplan {version()}): {why}. "
        "Ask again when all workers have the newer version."
    )


def found_out(details: Json) -> Resolution | None:
    """What a person says about an effect whose outcome was unknown; None where that is not understood."""
    found = Resolution(str(details.get("found"))) if isinstance(details, dict) else None
    return found if found is not None and found.known else None


def cancelled(item: Work, why: str, now: int) -> Conclusion:
    """The end of a command that a person cancelled."""
    detail = f"an operator cancelled it before it had changed anything{f': {why}' if why else ''}"
    event = CommandRejected.of(origin(item, item.redrive), code=RejectedCode.CANCELLED_BY_OPERATOR, detail=detail)
    return Conclusion(
        state=State.REJECTED,
        code=RejectedCode.CANCELLED_BY_OPERATOR,
        attempts=item.attempts,
        waits=item.waits,
        memory=item.memory,
        events=[story_event(item, item.redrive, identity.TERMINAL, event, now)],
    )


def origin(item: Work, redrive: int) -> Origin:
    """What the events of a command say about it."""
    return Origin(item.id, item.source, item.type, item.customer, item.account, redrive)


def story_event(item: Work, redrive: int, place: str, event: Event, now: int) -> NewEvent:
    """An event that nobody's turn said, in the trace of the command's record."""
    with record_trace(item.record.headers):
        return event_at(
            event,
            id=identity.event_id(item.source, item.id, redrive, place),
            at=now,
            correlation_id=item.correlation_id,
            causation_id=item.id,
        )


def _one_of_each_command(acts: Sequence[Request]) -> list[list[Request]]:
    """The requests in rounds: those about one command one after the other, those about others side by side."""
    rounds: list[list[Request]] = []
    depth: dict[str, int] = {}
    for act in acts:
        place = depth.get(act.uid, 0)
        depth[act.uid] = place + 1
        if place == len(rounds):
            rounds.append([])
        rounds[place].append(act)
    return rounds


__all__ = ["CANCEL", "DONE", "REDRIVE", "RESOLVE", "Desk", "Requests", "cancelled"]
