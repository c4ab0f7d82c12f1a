"""One command, from its turn to its end: the page to read first."""

import asyncio

from events.messages.base import Event
from worker.errors import JournalUnavailable, LaneLost
from worker.journal.records import Work
from worker.runtime import telemetry
from worker.runtime.conclusion import Sender, conclude
from worker.runtime.outcome import Outcome, judge
from worker.runtime.turn import Desk, Turn

PAUSE = 60.0
"""Seconds for which a command keeps its place whose end cannot be written down at all."""
SILENCE = 1.0
"""Seconds until the next turn of a command whose turn the journal's silence ended. A full disk, or a standby that has
not taken over yet, can be read: the same command would be claimed again at once, and again."""


class Dispatch:
    """Runs the turns of commands."""

    def __init__(self, desk: Desk, sender: Sender) -> None:
        self._desk = desk
        self._sender = sender

    async def __call__(self, work: Work) -> None:
        """Give a command its turn: run it, judge what came of it, conclude.

        Never raises. Where the lane is lost or the journal silent, nothing is concluded: whoever owns the lane then
        finds everything as it was last written and goes on from there.
        """
        turn = Turn(work, self._desk, self._desk.traffic(work))
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
        """Judge and conclude. An end that cannot be written down is an error of ours, and is concluded as one."""
        try:
            outcome = judge(result, turn.situation())
            await self._desk.journal.conclude(turn.work, conclude(turn, outcome, self._sender))
        except (LaneLost, JournalUnavailable):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the judge has an outcome for it
            telemetry.crashed(error)
            turn.context = None  # what the run wanted to say may be what cannot be written
            outcome = judge(error, turn.situation())
            await self._desk.journal.conclude(turn.work, conclude(turn, outcome, self._sender))
        return outcome
