"""Requests of persons about commands, carried out once by the worker that owns the command's lane.

A request is answered in the transaction that carries it out. A request and a run of one command cannot collide: the
first to be stored stands, and the other comes too late.
"""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from events.codes import RejectedCode
from events.messages.base import Event, Origin
from events.messages.command_status import CommandAccepted, CommandRejected
from events.wire import identity
from events.wire.codec import AcceptedCommand, RefusedCommand, decode
from worker.clock import instant
from worker.errors import JournalUnavailable, LaneLost
from worker.journal.database.protocol import LaneKey
from worker.journal.journal import Journal
from worker.journal.processing.lane_prefixes_of_accounts import Tenant
from worker.journal.processing.requests import DONE, Request
from worker.journal.records import Conclusion, Json, NewEvent, Resolution, State, UnknownRow, Work
from worker.runtime.conclusion import event_at
from worker.runtime.controls.sleep import Sleeper
from worker.runtime.intake_rules import Resolve, lane_of
from worker.runtime.observability.tracing import record_trace
from worker.version import version

log = structlog.get_logger("azplan.acts")

EVERY = 0.5
"""Seconds between two looks. It is short because a person waits."""
LONGEST_PAUSE = 5.0
"""The longest pause between two looks at requests that could not be carried out so far, in seconds."""
PORTION = 100

CANCEL, REDRIVE, RESOLVE = "cancel", "redrive", "resolve"
"""The verbs of requests about a command."""


class Requests:
    """Carries out requests about commands of this worker's lanes until cancelled.

    New requests come first. Requests that could not be carried out before (they wait for Kafka, or their lane had
    another owner) are read again, a page at a time and after growing pauses. They delay no new request.
    """

    def __init__(self, journal: Journal, resolve: Resolve, changed: Callable[[], None], every: float = EVERY) -> None:
        """`resolve` returns the tenant that a command asks for, by today's settings. `every` in seconds.

        `changed` is called when a request was carried out: there may be a command to run and an event to send.
        """
        self._journal = journal
        self._resolve = resolve
        self._changed = changed
        self._every = every
        self._sleeper = Sleeper()
        self._requests = journal.requests
        self._seen = 0
        self._page = 0
        self._pause, self._again_at = every / 2, 0.0

    def wake(self) -> None:
        """Look now: there may be a new request."""
        self._sleeper.wake()

    async def run(self) -> None:
        """Look at intervals, and at once again while requests are answered. Goes on while the journal is down."""
        while True:
            try:
                answered = await self.look()
            except JournalUnavailable as error:
                log.warning("journal.unavailable", error=str(error))
                answered = 0
            if not answered:
                await self._sleeper.sleep(self._every)

    async def look(self) -> int:
        """Carry out the open requests. Returns how many were answered. Raises `JournalUnavailable`."""
        before = self._seen
        answered = await self._new()
        if asyncio.get_running_loop().time() >= self._again_at:
            answered += await self._again(before)
        if answered:
            self._changed()
        return answered

    async def _new(self) -> int:
        """Carry out the requests that came since the last look. The number answered."""
        answered = 0
        while requests := await self._requests.open(PORTION, self._seen):
            self._seen = requests[-1].seq
            answered += await self._all(requests)
        return answered

    async def _again(self, up_to: int) -> int:
        """Carry out the next page of older open requests: their lanes may be this worker's now. The number answered."""
        requests = await self._requests.open(PORTION, self._page, up_to)
        self._page = requests[-1].seq if len(requests) == PORTION else 0
        self._pause = min(2 * self._pause, max(self._every, LONGEST_PAUSE))
        self._again_at = asyncio.get_running_loop().time() + self._pause
        answered = await self._all(requests)
        if answered:
            self._soon()
        return answered

    def _soon(self) -> None:
        """Look soon at the requests that could not be carried out: this worker may be able to do so now."""
        self._pause, self._again_at = self._every / 2, 0.0

    async def _all(self, requests: Sequence[Request]) -> int:
        answered = 0
        for each in _one_of_each_command(requests):
            answered += sum(await asyncio.gather(*(self._one(request) for request in each)))
        return answered

    async def _one(self, request: Request) -> bool:
        """Carry out a request. Whether it was answered."""
        try:
            result = await self._carry_out(request)
        except LaneLost:
            self._soon()  # the command or its lane's owner changed: a later look finds the open request
            return False
        except JournalUnavailable:
            raise
        except Exception as error:  # one request must not hold up the others
            log.exception("act.crashed", verb=request.verb, who=request.who, command_uid=request.uid)
            result = await self._refuse(request, f"an error inside azplan: {type(error).__name__}; its log says more")
        if result is not None:
            log.info(
                "act.answered",
                verb=request.verb,
                who=request.who,
                why=request.why,
                result=result,
                command_uid=request.uid,
            )
        return result is not None

    async def _carry_out(self, request: Request) -> str | None:
        """The answer that was stored. None while the request is still open."""
        if request.unreadable is not None:
            return await self._refuse(request, not_understood(request.unreadable))
        item = await self._requests.subject(request)
        if isinstance(item, UnknownRow):
            return await self._refuse(request, not_understood(f"about the command: {item.why}"))
        if item is None:
            if await self._requests.is_forgotten(request):
                return await self._refuse(
                    request, "the command's bytes are forgotten: send the command again, with a new id"
                )
            return None  # the lane has another owner, who finds the request
        match request.verb:
            case "cancel":
                return await self._requests.cancel(request, item, cancelled(item, request.why, self._journal.now()))
            case "redrive":
                return await self._redrive(request, item)
            case "resolve":
                found = found_out(request.details)
                if found is None:
                    return await self._refuse(request, not_understood(f"its details are {request.details!r}"))
                return await self._requests.resolve(request, item, found, [self._accepted(item)])
            case other:
                return await self._refuse(request, not_understood(f"there is no request {other!r}"))

    async def _redrive(self, request: Request, item: Work) -> str | None:
        expected = request.details.get("redrive") if isinstance(request.details, dict) else None
        if expected is not None and expected != item.redrive:
            return await self._refuse(
                request, f"the command was redriven meanwhile: its story is number {item.redrive} now"
            )
        tenant = self._tenant_now(item)
        if item.partner is None and tenant and item.state is State.FAILED and not item.steps:
            # The request moves with the command. The owner of the command's new lane carries it out.
            lane = LaneKey(lane_of(tenant, item.customer), tenant.lanes, item.customer)
            if await self._journal.move_to_lane(item, lane, tenant.account):
                self._soon()
            return None
        return await self._requests.redrive(request, item, [self._accepted(item)])

    def _tenant_now(self, item: Work) -> Tenant | None:
        """The tenant for which the command would be accepted today. None if today's settings name no such tenant."""
        decoded = decode(item.record)
        return (
            self._resolve(decoded.envelope.partner_key)
            if isinstance(decoded, AcceptedCommand | RefusedCommand)
            else None
        )

    async def _refuse(self, request: Request, why: str) -> str:
        await self._requests.refuse(request, why)
        return why

    def _accepted(self, item: Work) -> NewEvent:
        """The first event of the next story."""
        redrive = item.redrive + 1
        event = CommandAccepted.of(origin(item, redrive), received_at=instant(item.received_at))
        return story_event(item, redrive, CommandAccepted.place, event, self._journal.now())


def not_understood(why: str) -> str:
    """The answer to a request that this azplan does not understand. A newer azplan may understand the request."""
    return (
        f"not understood by the worker that owns the lane (azplan {version()}): {why}. "
        "Ask again when all workers have the newer version."
    )


def found_out(details: Json) -> Resolution | None:
    """A person's finding about an unknown outcome. None if this azplan does not understand the details."""
    found = Resolution(str(details.get("found"))) if isinstance(details, dict) else None
    return found if found is not None and found.known else None


def cancelled(item: Work, why: str, now: int) -> Conclusion:
    """The end of a command that a person cancelled."""
    detail = f"an operator cancelled the command before it had changed anything{f': {why}' if why else ''}"
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
    """The fields by which every event of a command names the command."""
    return Origin(item.id, item.source, item.type, item.customer, item.account, redrive)


def story_event(item: Work, redrive: int, place: str, event: Event, now: int) -> NewEvent:
    """An event that no run of the command says, in the trace of the command's record."""
    with record_trace(item.record.headers):
        return event_at(
            event,
            id=identity.event_id(item.source, item.id, redrive, place),
            at=now,
            correlation_id=item.correlation_id,
            causation_id=item.id,
        )


def _one_of_each_command(requests: Sequence[Request]) -> list[list[Request]]:
    """The requests in rounds of at most one request for each command. The requests of a command keep their order."""
    rounds: list[list[Request]] = []
    depth: dict[str, int] = {}
    for request in requests:
        place = depth.get(request.uid, 0)
        depth[request.uid] = place + 1
        if place == len(rounds):
            rounds.append([])
        rounds[place].append(request)
    return rounds


__all__ = ["CANCEL", "DONE", "REDRIVE", "RESOLVE", "Requests", "cancelled"]
