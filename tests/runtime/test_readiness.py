"""Which trouble a rollout has to wait for, and which trouble waiting does not help."""

import pytest

from worker.broker.port import BrokerRefused, BrokerUnavailable, NoCommittedOffsets, TopicMissing
from worker.errors import FULL_DISK, SILENT_JOURNAL, JournalUnavailable
from worker.runtime.observability.readiness import Readiness, Trouble, readiness

THEIRS = "password authentication failed for user azplan at 10.0.0.7"


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (JournalUnavailable(THEIRS), SILENT_JOURNAL),
        (JournalUnavailable(THEIRS, plain=FULL_DISK), FULL_DISK),
        (BrokerUnavailable(THEIRS), "Kafka does not answer"),
    ],
)
def test_a_worker_without_journal_or_broker_is_not_ready(trouble: Trouble, said: str) -> None:
    """A rollout waits for readiness, and a person reads a sentence of azplan."""
    now = readiness([trouble, None], [], [])
    assert (now.ready, now) == (False, Readiness((said,)))


@pytest.mark.parametrize("trouble", [BrokerRefused(THEIRS), TopicMissing(THEIRS), NoCommittedOffsets(THEIRS)])
def test_a_broker_that_refuses_has_answered(trouble: Trouble) -> None:
    """The broker would refuse the next worker as well, so a rollout need not wait.

    The broker's words stay in the log.
    """
    now = readiness([None, trouble], [], ["somebody has paused something"])
    assert now.ready
    assert len(now.degraded) == 2
    assert THEIRS not in str(now)
    assert "azplan " in now.degraded[0], "it says what to do"


def test_the_same_trouble_of_two_loops_is_reported_once() -> None:
    """Intake and heartbeat both miss the database."""
    assert readiness([JournalUnavailable("a"), JournalUnavailable("b")], [], []).reasons == (SILENT_JOURNAL,)
