"""One turn of a command, from its run to what the journal remembers: the page to read first."""

import asyncio

from events.messages.base import Event
from worker.errors import JournalUnavailable, LaneLost, Wait
from worker.journal.records import Work
from worker.runtime.conclusion import Sender, conclude
from worker.runtime.handler_run import Turn, TurnParts
from worker.runtime.observability import telemetry
from worker.runtime.outcome import Outcome, judge

PAUSE = 60.0
"""Seconds for which a command keeps its slot when its result cannot be stored."""
SILENCE = 1.0
"""Seconds until the next turn of a command whose turn ended because the journal did not answer. A database with a full
disk, or a standby before it takes over, can still be read: without a pause the command would be claimed at once."""


class Dispatch:
    """Runs the turns of commands."""

    def __init__(self, parts: TurnParts, sender: Sender) -> None:
        self._parts = parts
        self._sender = sender

    async def __call__(self, work: Work, wait: Wait | None = None) -> None:
        """Give a command its turn: run its handler, judge the result, conclude. With `wait`, no handler runs.

        Never raises. Where the lane is lost or the journal does not answer, nothing is concluded: the lane's next owner
        goes on from what was last written.
        """
        turn = Turn(work, self._parts, self._parts.traffic(work), wait)
        with telemetry.watching(work, turn.traffic.correlation_id):
            try:
                outcome = await self._end(turn, await turn.result())
            except LaneLost as error:
                telemetry.left(error)
            except JournalUnavailable as error:
                telemetry.left(error)
                await asyncio.sleep(SILENCE)
            except Exception as error:  # noqa: BLE001 - the lane has its next turn, but not at once
                telemetry.crashed(error)
                await asyncio.sleep(PAUSE)
            else:
                telemetry.concluded(work, outcome)

    async def _end(self, turn: Turn, result: Event | Exception) -> Outcome:
        """Judge and conclude. A result that cannot be stored is concluded as an error of azplan's own."""
        try:
            outcome = judge(result, turn.command_facts())
            await self._parts.journal.conclude(turn.work, conclude(turn, outcome, self._sender))
        except (LaneLost, JournalUnavailable):
            raise
        except Exception as error:  # noqa: BLE001 - the judge has an outcome for every error
            telemetry.crashed(error)
            turn.context = None  # an event of the run may be what cannot be stored
            outcome = judge(error, turn.command_facts())
            await self._parts.journal.conclude(turn.work, conclude(turn, outcome, self._sender))
        return outcome
