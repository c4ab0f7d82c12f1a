"""Reads the pauses every half second, and holds the commands that have begun at their next request.

The journal holds commands back before they begin (`Work.paused`).
"""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from events.codes import WaitingReason
from worker import metrics
from worker.errors import Wait
from worker.journal.journal import Journal
from worker.journal.records import Pause, Work
from worker.runtime.controls.sleep import Sleeper

log = structlog.get_logger("azplan.brake")

EVERY = 0.5
"""Seconds between two looks. Every worker therefore applies a pause within a second."""
LOOK_AGAIN = 60.0
"""Seconds between two searches for commands that no pause holds any more: a process that resumed commands may have died
before it made them due. A search is one look at an index, however many commands wait."""


class Pauses:
    """The pauses in force, as this worker last read them."""

    def __init__(self, journal: Journal, released: Callable[[], None], every: float = EVERY) -> None:
        """`released` is called when a pause may have ended: there may be commands to run. `every` in seconds."""
        self._every = every
        self._journal = journal
        self._released = released
        self._sleeper = Sleeper()
        self._held: Sequence[Pause] = ()
        self._look_again_at = 0.0

    def wake(self) -> None:
        """Look now: a pause may have begun or ended."""
        self._sleeper.wake()

    def holds(self, work: Work) -> str | None:
        """Why no request of this command may leave now. None if a request may leave."""
        for pause in self._held:
            if pause.which.holds(work.partner, work.customer, work.type):
                return told(pause)
        return None

    def in_force(self) -> list[str]:
        """A sentence for the health page if a pause is in force. It names no customer, no person and no reason."""
        number = len(self._held)
        if not number:
            return []
        are = "a pause is" if number == 1 else f"{number} pauses are"
        return [f"{are} in force, so some commands wait for an operator: `azplan pause --list` shows more"]

    async def run(self) -> None:
        """Look until cancelled. While the journal does not answer, the known pauses stay in force."""
        await self._sleeper.look_every(self._every, self.look)

    async def look(self) -> None:
        """Read the pauses. Raises `JournalUnavailable`."""
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
    """The wait of a command that a pause holds: published once. The command does not run before the pause ends."""
    return Wait(WaitingReason.PAUSED, told(pause), delay=0.0)


def told(pause: Pause) -> str:
    """Which commands are paused and why, in words for the senders of commands."""
    parts = [
        f"{name} {value}"
        for name, value in (("type", pause.type), ("customer", pause.customer), ("partner", pause.account))
        if value is not None
    ]
    why = f": {pause.why}" if pause.why else ""
    return f"an operator has paused {', '.join(parts) or 'all commands'}{why}"
