"""Since when a command waits for something, when it looks next, and how late the thing has shown."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from events.codes import FailedCode, WaitingReason
from events.messages.base import Event
from tests.runtime.test_outcome import DONE, NOW, POLICY, ended, situation, waiting
from worker.errors import Failed, Rejected, Wait
from worker.journal.database.columns import dump_waits, load_waits
from worker.journal.records import SECOND, SeenLag, Waits
from worker.looks.awaited import Awaited
from worker.looks.next_look import lags, next_look
from worker.partner_center.errors import Throttled
from worker.partner_center.resources import azure_entitlements, carts, orders, subscriptions
from worker.runtime.outcome import Ended, Waiting, judge

WRITTEN = NOW - 100 * SECOND
BEGUN = NOW - SECOND
ORDERED = {"written_at": WRITTEN, "begun": BEGUN}
"""The check-out was answered 100 s ago, and the run began a second ago."""


def pending(awaits: Awaited = orders.COMPLETION, **more: Any) -> Wait:
    """The wait of a handler for something at Partner Center."""
    return Wait(WaitingReason.ORDER_PROVISIONING, "pending", awaits=awaits, limited=True, **more)


def expected(awaits: Awaited, waited: float) -> float:
    """The seconds to the next look after so many seconds."""
    return next_look(lags(awaits, POLICY.wait_max), waited, POLICY.wait_first, POLICY.wait_max)


def after(outcome: Waiting, seconds: float = 50.0, **more: Any) -> dict[str, Any]:
    """The facts of the next run of the command."""
    now = NOW + int(seconds * SECOND)
    return {"waits": outcome.waits, "now": now, "begun": now - SECOND, "written_at": WRITTEN, **more}


def test_a_wait_begins_with_the_write_that_it_follows() -> None:
    """Also if the first look comes late, as after a restart, or after a redrive, which forgets all waits."""
    first = waiting(pending(), **ORDERED)
    assert first.delay == pytest.approx(expected(orders.COMPLETION, 100.0))
    assert first.waits.since["order_completed"] == WRITTEN


def test_a_wait_goes_on_where_it_stood_in_the_next_run() -> None:
    """The journal keeps its beginning, so a restart changes nothing."""
    first = waiting(pending(), **ORDERED)
    stored = replace(first, waits=load_waits(dump_waits(first.waits)))
    again = waiting(pending(), **after(stored, written_at=0))
    assert again.delay == pytest.approx(expected(orders.COMPLETION, 150.0))
    assert again.lag is None


def test_a_wait_for_what_others_do_begins_with_the_first_look() -> None:
    """A cart that is busy says nothing about the command's last write."""
    first = waiting(pending(carts.FREEDOM), **ORDERED)
    assert first.waits.since["cart_free"] == NOW
    assert first.delay == pytest.approx(expected(carts.FREEDOM, 0.0))


def test_a_wait_without_the_write_that_it_follows_teaches_nothing() -> None:
    """The order is an earlier command's: nobody knows when it began."""
    first = waiting(pending(subscriptions.OF_ORDER), begun=BEGUN)
    assert first.waits.awaited is None
    assert judged(DONE, **after(first)).lag is None


def test_what_has_shown_gives_the_interval_between_two_looks() -> None:
    """The first run began 99 s after the write and did not find it; the second ended 150 s after it and did."""
    first = waiting(pending(), **ORDERED)
    assert judged(DONE, **after(first)).lag == SeenLag("order_completed", 99 * SECOND, 150 * SECOND)


def test_a_run_that_could_not_look_makes_the_interval_longer() -> None:
    """What kept the command from looking says nothing about the order."""
    first = waiting(pending(), **ORDERED)
    throttled = waiting(Throttled("orders.get", "429", 3.0), **after(first, 20.0))
    assert throttled.lag is None
    assert judged(DONE, **after(throttled)).lag == SeenLag("order_completed", 99 * SECOND, 150 * SECOND)


def test_the_next_wait_says_that_the_one_before_is_over() -> None:
    """A later wait for the first thing begins again from zero."""
    first = waiting(pending(azure_entitlements.INACTIVITY), **ORDERED)
    other = waiting(pending(subscriptions.CHANGE), **after(first, written_at=NOW + 40 * SECOND))
    assert other.lag == SeenLag("azure_subscription_inactive", 99 * SECOND, 150 * SECOND)
    assert {name for name in other.waits.since if name != "order_provisioning"} == {"plan_changed"}
    assert other.delay == pytest.approx(expected(subscriptions.CHANGE, 10.0))


@pytest.mark.parametrize(
    "no",
    [Rejected("active_assets", "no"), Failed(FailedCode.ORDER_FAILED, "ended"), ValueError("x")],  # type: ignore[arg-type]
    ids=["refused", "failed", "crashed"],
)
def test_a_run_that_found_something_else_teaches_nothing(no: Exception) -> None:
    """An order that Microsoft ended was never completed."""
    first = waiting(pending(), **ORDERED)
    assert judged(no, **after(first)).lag is None


def test_an_older_worker_beside_reads_these_waits_and_keeps_their_beginning() -> None:
    """It knows four members and writes only those. What it drops costs one observation."""
    first = waiting(pending(), **ORDERED)
    known = {"count", "said", "polls", "since"}
    old = Waits(**{name: getattr(first.waits, name) for name in known})
    next_outcome = waiting(pending(), **after(replace(first, waits=old)))
    assert next_outcome.delay == pytest.approx(expected(orders.COMPLETION, 150.0))
    assert judged(DONE, **after(replace(first, waits=old))).lag is None


def test_the_deadline_of_a_wait_stays_the_deadline_of_its_reason() -> None:
    """The last look comes at the deadline, however the looks before it were spread."""
    day = 86_400 * SECOND
    almost = Waits(said="order_provisioning", since={"order_provisioning": NOW - day + 2 * SECOND})
    assert waiting(pending(), waits=almost, **ORDERED).delay == 2.0
    over = Waits(said="order_provisioning", since={"order_provisioning": NOW - day})
    assert ended(pending(), waits=over, **ORDERED).code is FailedCode.OUTCOME_UNKNOWN


def test_what_the_account_has_shown_moves_the_looks() -> None:
    """Forty orders took a minute each: the next look at a new one comes after a minute."""
    minute = partial(lags, longest=POLICY.wait_max, intervals=((57.0, 62.0),) * 40)
    first = waiting(pending(), now=NOW, begun=NOW, written_at=NOW, lags=minute)
    assert 50 < first.delay < 70


def judged(result: Event | Exception, **known: Any) -> Ended | Waiting:
    """The outcome of a run with an event."""
    outcome = judge(result, situation(**known))
    assert isinstance(outcome, Ended | Waiting)
    return outcome
