"""One command, from its turn to its end: the page to read first."""

from worker.errors import JournalUnavailable, LaneLost
from worker.journal.records import Work
from worker.runtime import telemetry
from worker.runtime.conclusion import Sender, conclude
from worker.runtime.outcome import judge
from worker.runtime.turn import Desk, Turn


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
                result = await turn.result()
                outcome = judge(result, turn.situation())
                await self._desk.journal.conclude(work, conclude(turn, outcome, self._sender))
            except (LaneLost, JournalUnavailable) as error:
                telemetry.left(error)
            else:
                telemetry.concluded(work, outcome)
