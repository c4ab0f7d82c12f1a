"""What is known of a command when its run is judged, and how long the command waits by that."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from events.messages.base import Event, Origin
from worker.errors import Wait
from worker.journal.records import SECOND, Micros, SeenLag, Waits
from worker.looks.awaited import Awaited
from worker.looks.next_look import Lags, next_look
from worker.steps import Policy

GROWTH = 1.5
"""The factor between two delays of one wait, up to the longest delay of the settings."""
MOST_GROWTH = 64
"""A delay grows this often at most. By then it is beyond any limit of the settings, and still a number."""


@dataclass(frozen=True, slots=True)
class CommandFacts:
    """What is known of the command beside the result of its run."""

    origin: Origin
    attempts: int
    waits: Waits
    now: Micros
    """The instant of the judgement, by the journal's clock."""
    policy: Policy
    lags: Callable[[Awaited], Lags]
    """How late things show at Partner Center, as far as this is known for the account of the command."""
    begun: Micros = 0
    """When the run began. What its looks did not find was not there at this instant."""
    written_at: Micros = 0
    """When the last write of the command took effect; 0 if none has."""
    received_at: Micros = 0
    settles_in: float = 0.0
    """Seconds until no unanswered request of the command can arrive any more; 0 if that was so when the run began."""
    in_doubt: bool = False
    """Whether a write of the command may have taken effect, or may yet."""
    changed: Sequence[str] = ()
    """Names of the steps that changed something at Microsoft."""
    deadline: Micros | None = None
    """The command's own deadline, where its handler refuses to go on after it: no wait is longer."""
    spread: float = 0.0
    """From 0 to 1: where in its span a delay falls, to part commands that failed together."""

    def with_changes(self, detail: str) -> str:
        """A sentence about the command's end, and what the command has changed before it."""
        return f"{detail} (changed at Microsoft before that: {', '.join(self.changed)})" if self.changed else detail

    def awaiting(self, waits: Waits, awaited: Awaited) -> Waits:
        """The waits of a command that waits for this. It may have waited for something else, which has shown then."""
        since = {name: at for name, at in waits.since.items() if name != waits.awaited or name == awaited.name}
        cause = self.written_at if awaited.after_write else self.now
        since.setdefault(awaited.name, cause or self.now)
        return replace(waits, since=since, awaited=awaited.name if cause else None, looked=self.begun)

    def seen_lag(self, result: Event | Exception) -> SeenLag | None:
        """How late that showed which the command waited for; None if this run did not find it."""
        awaited = self.waits.awaited
        has_shown = isinstance(result, Event) or (
            isinstance(result, Wait) and result.awaits is not None and result.awaits.name != awaited
        )
        if awaited is None or awaited not in self.waits.since or not has_shown:
            return None
        since = self.waits.since[awaited]
        return SeenLag(awaited, max(0, self.waits.looked - since), max(0, self.now - since))

    def look_delay(self, awaited: Awaited, since: Micros) -> float:
        """Seconds until the next look at something that began at `since`."""
        waited = max(0, self.now - since) / SECOND
        return next_look(self.lags(awaited), waited, self.policy.wait_first, self.policy.wait_max, self.spread)

    def poll_delay(self, polls: int) -> float:
        """Seconds until the next look at something unnamed that has been looked at `polls` times before."""
        return min(self.policy.wait_max, self.policy.wait_first * GROWTH ** min(polls, MOST_GROWTH))

    def retry_delay(self, attempts: int) -> float:
        """Seconds until the try after `attempts` failed ones: twice as long each time, and up to a quarter more."""
        delay = min(self.policy.retry_max, self.policy.retry_first * 2.0 ** min(attempts - 1, 30))
        return delay * (1 + self.spread / 4)
