"""The brake on this worker: what is paused, known within half a second, and held at the gate from then on.

The journal holds commands back before they begin (`Work.paused`); what has begun is held here, at its next request.
"""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from events.codes import WaitingReason
from worker import metrics
from worker.errors import JournalUnavailable, Wait
from worker.journal.journal import Journal
from worker.journal.records import Pause, Work
from worker.runtime.sleep import Alarm

log = structlog.get_logger("azplan.brake")

EVERY = 0.5
"""Seconds between two looks, so that every replica holds within one."""
LOOK_AGAIN = 60.0
"""Seconds after which a worker looks for commands that no pause holds any more: whoever resumed may have died before
making them due. It is one look at an index, however many wait."""


class Brake:
    """What is paused, as this worker last read it."""

    def __init__(self, journal: Journal, released: Callable[[], None], every: float = EVERY) -> None:
        """`released` is called when something is held no longer: there may be something to run."""
        self._every = every
        self._journal = journal
        self._released = released
        self._alarm = Alarm()
        self._held: Sequence[Pause] = ()
        self._look_again_at = 0.0

    def wake(self) -> None:
        """Something may have been paused or resumed: look now."""
        self._alarm.ring()

    def holds(self, work: Work) -> str | None:
        """Why no request of this command may leave now; None where it may."""
        for pause in self._held:
            if pause.which.holds(work.partner, work.customer, work.type):
                return told(pause)
        return None

    def in_force(self) -> list[str]:
        """That something is paused, for anybody who asks: no customer, no person and no reason is named."""
        number = len(self._held)
        if not number:
            return []
        are = "a pause is" if number == 1 else f"{number} pauses are"
        return [f"{are} in force, so some commands wait for an operator: `azplan pause --list` shows more"]

    async def run(self) -> None:
        """Look until cancelled. While the journal is silent, what was held stays held."""
        while True:
            try:
                await self.look()
            except JournalUnavailable as error:
                log.debug("journal.unavailable", error=str(error))
            await self._alarm.sleep(self._every)

    async def look(self) -> None:
        """Learn what is paused. Raises `JournalUnavailable`."""
        before, self._held = self._held, await self._journal.pauses()
        metrics.PAUSES.set(len(self._held))
        now = {pause.id for pause in self._held}
        ended = [pause for pause in before if pause.id not in now]
        for pause in self._held:
            if pause not in before:
                log.warning("commands.paused", what=told(pause), who=pause.who)
        if ended:
            log.warning("commands.resumed", pauses=len(ended))
        at = asyncio.get_running_loop().time()
        if ended or at >= self._look_again_at:
            await self._journal.release_paused()
            self._look_again_at = at + LOOK_AGAIN
            self._released()


def wait_for(pause: Pause) -> Wait:
    """What a command does that is held before it begins: it says so once, and has no turn until it is let go."""
    return Wait(WaitingReason.PAUSED, told(pause), delay=0.0)


def told(pause: Pause) -> str:
    """What is paused and why, as its senders read it."""
    parts = [
        f"{name} {value}"
        for name, value in (("type", pause.type), ("customer", pause.customer), ("partner", pause.account))
        if value is not None
    ]
    why = f": {pause.why}" if pause.why else ""
    return f"an operator has paused {', '.join(parts) or 'all commands'}{why}"
