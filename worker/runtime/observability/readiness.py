"""What `/readyz` says: whether a rollout should wait for this worker, and what the worker cannot do meanwhile. Pure.

Anybody who reaches the port may ask. The sentences are azplan's own, one for each kind of trouble; the words of
databases, brokers and authorities are in the log.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from worker.broker.port import BrokerError, BrokerUnavailable, TopicMissing
from worker.errors import JournalUnavailable

Trouble = BrokerError | JournalUnavailable
"""An error that stops the worker's loops without ending them."""

SILENT_BROKER = "Kafka does not answer"
MISSING_TOPIC = "a topic that this worker needs does not exist: `azplan topics apply` makes it"
REFUSED = "Kafka answers, and refuses what this worker asks of it: `azplan check` says what is missing"

HELD_UP = (
    "answers cannot leave: Kafka does not take what this worker writes. `azplan check` says which right is missing, "
    "the log (outbox.failed) what Kafka says"
)


@dataclass(frozen=True, slots=True)
class Readiness:
    """`reasons` keep the worker from being ready. `degraded` says what no other worker could do either."""

    reasons: Sequence[str] = ()
    degraded: Sequence[str] = ()

    @property
    def ready(self) -> bool:
        """Whether a rollout may go on."""
        return not self.reasons


@dataclass(frozen=True, slots=True)
class Probes:
    """What the health pages ask of a worker."""

    stuck: Callable[[], Sequence[str]]
    """A sentence for each loop that makes no progress; empty where all do."""
    readiness: Callable[[], Readiness]


def readiness(troubles: Iterable[Trouble | None], reasons: Iterable[str], degraded: Iterable[str]) -> Readiness:
    """Sort troubles into those that a rollout must wait for and those that it cannot help; each sentence once."""
    hindering: list[str] = []
    lasting: list[str] = []
    for trouble in troubles:
        if trouble is not None:
            (hindering if hinders(trouble) else lasting).append(sentence(trouble))
    return Readiness(tuple(dict.fromkeys((*hindering, *reasons))), tuple(dict.fromkeys((*lasting, *degraded))))


def hinders(trouble: Trouble) -> bool:
    """Whether the worker has no journal or no broker. A refusal is an answer that every worker would get."""
    return isinstance(trouble, JournalUnavailable | BrokerUnavailable)


def sentence(trouble: Trouble) -> str:
    """The trouble for anybody who asks."""
    match trouble:
        case JournalUnavailable():
            return trouble.plain
        case BrokerUnavailable():
            return SILENT_BROKER
        case TopicMissing():
            return MISSING_TOPIC
        case _:
            return REFUSED
