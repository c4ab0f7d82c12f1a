"""The answer of `/readyz`: whether a rollout should wait for this worker, and which work is held up. Pure.

Anybody who reaches the port may ask. The sentences are azplan's own, one for each kind of trouble. Only the log has the
words of databases, brokers and authorities.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from worker.broker.port import BrokerError, BrokerUnavailable, TopicMissing
from worker.errors import JournalUnavailable

Trouble = BrokerError | JournalUnavailable
"""An error that stops the worker's loops without ending them."""

SILENT_BROKER = "Kafka does not answer"
MISSING_TOPIC = "a topic that this worker needs does not exist: `azplan topics apply` makes it"
REFUSED = "Kafka answers, and refuses requests of this worker: `azplan check` says what is missing"

HELD_UP = (
    "answers cannot leave: Kafka refuses the records of this worker. `azplan check` says which right is missing, "
    "and the log (outbox.failed) has the error of Kafka"
)


@dataclass(frozen=True, slots=True)
class Readiness:
    """`reasons` keep the worker from being ready. `degraded` names troubles that every other worker would have too."""

    reasons: Sequence[str] = ()
    degraded: Sequence[str] = ()

    @property
    def ready(self) -> bool:
        """Whether a rollout may go on."""
        return not self.reasons


@dataclass(frozen=True, slots=True)
class Probes:
    """The questions that the health pages ask a worker."""

    stuck: Callable[[], Sequence[str]]
    """A sentence for each loop that makes no progress; empty if all make progress."""
    readiness: Callable[[], Readiness]


def readiness(troubles: Iterable[Trouble | None], reasons: Iterable[str], degraded: Iterable[str]) -> Readiness:
    """Sort troubles: a rollout must wait for some of them, and cannot change the others. Each sentence once."""
    hindering: list[str] = []
    lasting: list[str] = []
    for trouble in troubles:
        if trouble is not None:
            (hindering if hinders(trouble) else lasting).append(sentence(trouble))
    return Readiness(tuple(dict.fromkeys((*hindering, *reasons))), tuple(dict.fromkeys((*lasting, *degraded))))


def hinders(trouble: Trouble) -> bool:
    """Whether the journal or the broker does not answer. A refusal is an answer that every worker would get."""
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
