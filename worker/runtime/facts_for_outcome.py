"""What is known of a command when its run is judged, and how long the command waits by that."""

from collections.abc import Sequence
from dataclasses import dataclass

from events.messages.base import Origin
from worker.journal.records import Micros, Waits
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
    received_at: Micros = 0
    settles_in: float = 0.0
    """Seconds until no unanswered request of the command can arrive any more; 0 if that was so when the run began."""
    in_doubt: bool = False
    """Whether a write of the command may have taken effect, or may yet."""
    changed: Sequence[str] = ()
    """Names of the steps that changed something at Microsoft."""
    spread: float = 0.0
    """From 0 to 1: where in its span a delay falls, to part commands that failed together."""

    def poll_delay(self, polls: int) -> float:
        """Seconds until the next look of a wait that has been looked at `polls` times before."""
        return min(self.policy.wait_max, self.policy.wait_first * GROWTH ** min(polls, MOST_GROWTH))

    def retry_delay(self, attempts: int) -> float:
        """Seconds until the try after `attempts` failed ones: twice as long each time, and up to a quarter more."""
        delay = min(self.policy.retry_max, self.policy.retry_first * 2.0 ** min(attempts - 1, 30))
        return delay * (1 + self.spread / 4)
