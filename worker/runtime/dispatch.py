"""One command, from its turn to its end: the page to read first."""

from worker import logs, metrics
from worker.errors import JournalUnavailable, LaneLost
from worker.journal.records import Work
from worker.runtime.conclusion import Sender, conclude
from worker.runtime.outcome import judge
from worker.runtime.tracing import command_span
from worker.runtime.turn import Desk, Turn

log = logs.get("azplan.dispatch")


class Dispatch:
    """Runs the turns of commands."""

    def __init__(self, desk: Desk, sender: Sender) -> None:
        self._desk = desk
        self._sender = sender

    async def __call__(self, work: Work) -> None:
        """Give a command its turn: run it, judge what came of it, conclude.

        Never raises. Where the lane is lost or the journal silent, nothing is concluded: whoever owns the lane then finds
        everything as it was last written and goes on from there.
        """
        turn = Turn(work, self._desk, self._desk.traffic(work))
        with logs.bound(work, turn.traffic), metrics.running(work), command_span(work):
            try:
                try:
                    result = await turn.run()
                except (LaneLost, JournalUnavailable):
                    raise
                except Exception as error:  # noqa: BLE001 - whatever it is, the judge has an outcome for it
                    result = error
                outcome = judge(result, turn.situation())
                await self._desk.journal.conclude(work, conclude(turn, outcome, self._sender))
            except LaneLost:
                log.warning("command.lane_lost")
            except JournalUnavailable as error:
                log.warning("command.journal_unavailable", error=str(error))
            else:
                metrics.concluded(work, outcome)
                log.info("command.concluded", outcome=outcome.name, **outcome.facts())
