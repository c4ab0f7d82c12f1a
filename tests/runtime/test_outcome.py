"""The outcome of a run, for every result that a run can have and every state of the command."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from events.codes import BlockerKind, FailedCode, RejectedCode, WaitingReason
from events.messages.base import Event, Origin
from events.messages.command_status import Blocker, CommandFailed, CommandRejected, CommandValidated, PartnerCenterError
from events.messages.plans import PlanSuspended
from worker.errors import AttemptsSpent, Failed, JournalRefused, Rejected, Validated, Wait
from worker.journal.journal import EffectHeld
from worker.journal.records import SECOND, Waits
from worker.looks.next_look import lags
from worker.partner_center.errors import (
    CallError,
    GateClosed,
    NeverSent,
    NotPermitted,
    Refused,
    Throttled,
    TokenUnavailable,
    Unanswered,
    Unavailable,
)
from worker.runtime.facts_for_outcome import CommandFacts
from worker.runtime.outcome import Again, Ended, Waiting, judge
from worker.steps import Policy

POLICY = Policy(
    call_timeout=40,
    settle=300,
    order_list_lag=900,
    attempts=10,
    retry_first=1,
    retry_max=600,
    wait_first=5,
    wait_max=300,
    deadlines={"order": 86_400, "upgrade": 172_800},
)
ORIGIN = Origin("c-1", "/crm", "azplan.SuspendPlan.v1", "3c0e5f4a-9d2b-4a6e-8f1c-5b7d2e9a0c11", "contoso")
NOW = 1_772_443_800 * SECOND
DONE = PlanSuspended.of(ORIGIN, subscription_id="s-1", already_suspended=False)


def situation(**known: Any) -> CommandFacts:
    """A command in its first run, except for the changes that a test makes."""
    lag = partial(lags, longest=300)
    return replace(CommandFacts(ORIGIN, attempts=0, waits=Waits(), now=NOW, policy=POLICY, lags=lag), **known)


def ended(result: Event | Exception, **known: Any) -> Ended:
    """The outcome. It must be an end."""
    outcome = judge(result, situation(**known))
    assert isinstance(outcome, Ended), outcome
    return outcome


def waiting(result: Event | Exception, **known: Any) -> Waiting:
    """The outcome. It must be a wait."""
    outcome = judge(result, situation(**known))
    assert isinstance(outcome, Waiting), outcome
    return outcome


# ---- ends


def test_an_answer_is_success_and_is_published_unchanged() -> None:
    """The handler's event is the terminal event, unchanged."""
    outcome = ended(DONE, attempts=3)
    assert (outcome.name, outcome.event, outcome.attempts, outcome.code) == ("succeeded", DONE, 3, None)


def test_an_answer_is_not_held_back_while_an_earlier_request_of_the_command_may_still_arrive() -> None:
    """The look showed the effect. That is an answer, whatever else is under way."""
    assert ended(DONE, settles_in=120.0, in_doubt=True).name == "succeeded"


def test_a_validation_says_what_would_be_done() -> None:
    """Validation counts as success. The answer has plain sentences."""
    outcome = ended(Validated(["subscriptions.patch: suspend the plan"]))
    assert isinstance(outcome.event, CommandValidated)
    assert outcome.name == "succeeded"
    assert outcome.event.would_do == ("subscriptions.patch: suspend the plan",)


def test_nothing_was_changed_is_not_said_while_a_request_may_still_arrive() -> None:
    """A worker that now only validates found a command that had begun to write."""
    outcome = waiting(Validated([]), settles_in=30.0, in_doubt=True)
    assert (outcome.reason, outcome.delay) == (WaitingReason.SETTLING, 30.0)


def test_nothing_was_changed_is_not_said_of_a_command_whose_write_nobody_looked_after() -> None:
    """A write that nobody looked for later stays unknown."""
    outcome = ended(Validated([]), in_doubt=True)
    assert (outcome.name, outcome.code) == ("failed", FailedCode.OUTCOME_UNKNOWN)
    assert "CommandValidated stood in the way" in outcome.event.detail


def test_a_refusal_has_everything_that_explains_it() -> None:
    """Code, detail, advice and blockers are in the event."""
    blocker = Blocker(kind=BlockerKind.AZURE_SUBSCRIPTION, id="a-1", name="dev", status="active")
    no = Rejected(RejectedCode.ACTIVE_ASSETS, "one is active", advice="Cancel it.", blockers=[blocker])
    outcome = ended(no, attempts=2)
    event = outcome.event
    assert isinstance(event, CommandRejected)
    assert (outcome.name, outcome.code, outcome.attempts) == ("rejected", RejectedCode.ACTIVE_ASSETS, 2)
    assert (event.code, event.detail, event.advice) == (RejectedCode.ACTIVE_ASSETS, "one is active", "Cancel it.")
    assert event.blockers == (blocker,)


def test_a_refusal_without_advice_of_its_own_gets_that_of_its_code() -> None:
    """Every refusal names a next step."""
    event = ended(Rejected(RejectedCode.PLAN_NOT_FOUND, "there is none")).event
    assert isinstance(event, CommandRejected)
    assert event.advice == RejectedCode.PLAN_NOT_FOUND.meaning.advice


def test_a_refusal_names_the_changes_before_it() -> None:
    """A refusal means that nothing was changed, or names everything that was."""
    event = ended(Rejected(RejectedCode.DEADLINE_PASSED, "too late"), changed=["cancel a-1", "cancel a-2"]).event
    assert isinstance(event, CommandRejected)
    assert event.detail == "too late (changed at Microsoft before that: cancel a-1, cancel a-2)"


def test_a_failure_has_its_attempts_and_whether_the_outcome_is_known() -> None:
    """The run that gave up counts as the last attempt. The event says whether Microsoft itself ended the effect."""
    outcome = ended(Failed(FailedCode.ORDER_FAILED, "cancelled by Microsoft", ended=True), attempts=3)
    event = outcome.event
    assert isinstance(event, CommandFailed)
    assert (outcome.name, outcome.code, outcome.ended, outcome.unknown) == (
        "failed",
        FailedCode.ORDER_FAILED,
        True,
        False,
    )
    assert (event.attempts, event.outcome_unknown) == (4, False)


@pytest.mark.parametrize(
    ("failure", "in_doubt"),
    [(Failed(FailedCode.OUTCOME_UNKNOWN, "no trace of it"), False), (Failed(FailedCode.ORDER_FAILED, "?"), True)],
    ids=["because its code says so", "because a write is in doubt"],
)
def test_an_unknown_outcome_keeps_its_effect_open(failure: Failed, in_doubt: bool) -> None:
    """`unknown` keeps the effect's key taken."""
    outcome = ended(failure, in_doubt=in_doubt)
    assert isinstance(outcome.event, CommandFailed)
    assert outcome.unknown
    assert outcome.event.outcome_unknown


def test_an_effect_that_another_command_left_open_is_refused_by_that_name() -> None:
    """A purchase whose outcome is unknown is not made a second time."""
    outcome = ended(EffectHeld("u-1"))
    assert (outcome.name, outcome.code) == ("rejected", RejectedCode.EARLIER_OUTCOME_UNKNOWN)


# ---- no early refusal

NOES: Mapping[str, Exception] = {
    "a refusal": Rejected(RejectedCode.DEADLINE_PASSED, "too late"),
    "a failure": Failed(FailedCode.ORDER_FAILED, "cancelled"),
    "attempts spent": AttemptsSpent("10 attempts were made"),
    "Partner Center's no": Refused("carts.checkout", "no credit", status=400, code="800023"),
    "a missing permission": NotPermitted("carts.checkout", "needs a user"),
    "an effect held by another": EffectHeld("u-1"),
    "a wait beyond its deadline": Wait(WaitingReason.ORDER_PROVISIONING, "pending", limited=True),
}
LATE = Waits(said="order_provisioning", since={"order_provisioning": NOW - 86_400 * SECOND})


@pytest.mark.parametrize("no", NOES.values(), ids=NOES.keys())
def test_no_refusal_is_published_while_a_request_of_the_command_may_still_arrive(no: Exception) -> None:
    """The command waits as long as needed, then runs again and looks (rule SettledNo, promise G6)."""
    outcome = waiting(no, settles_in=77.5, in_doubt=True, waits=LATE, attempts=3)
    assert (outcome.reason, outcome.delay, outcome.attempts) == (WaitingReason.SETTLING, 77.5, 3)


@pytest.mark.parametrize("no", NOES.values(), ids=NOES.keys())
def test_a_refusal_without_a_look_before_it_is_an_unknown_outcome(no: Exception) -> None:
    """A rejection would claim that nothing happened."""
    outcome = ended(no, in_doubt=True, waits=LATE)
    assert outcome.name == "failed"
    assert outcome.unknown
    if not isinstance(no, Failed):
        assert outcome.code is FailedCode.OUTCOME_UNKNOWN


def test_the_evidence_of_a_no_that_became_an_unknown_outcome_is_kept() -> None:
    """A person decides by the blockers and by Partner Center's words."""
    blocker = Blocker(kind=BlockerKind.ORDER, id="o-1")
    refusal = Refused("carts.checkout", "no credit", status=400, code="800023", request_id="r-1")
    by_us = ended(Rejected(RejectedCode.ACTIVE_ASSETS, "two are active", blockers=[blocker]), in_doubt=True).event
    by_them = ended(refusal, in_doubt=True).event
    assert isinstance(by_us, CommandFailed)
    assert isinstance(by_them, CommandFailed)
    assert by_us.blockers == (blocker,)
    assert "active_assets" in by_us.detail
    assert "two are active" in by_us.detail
    assert by_them.partner_center is not None
    assert (by_them.partner_center.code, by_them.partner_center.request_id) == ("800023", "r-1")


def test_what_was_changed_is_named_once_in_an_unknown_outcome() -> None:
    """The refusal had named the change already."""
    event = ended(Rejected(RejectedCode.ACTIVE_ASSETS, "active"), in_doubt=True, changed=["cancel a-1"]).event
    assert isinstance(event, CommandFailed)
    assert event.detail.count("cancel a-1") == 1


# ---- calls


def test_partner_centers_no_is_a_refusal_with_the_facts_for_a_support_ticket() -> None:
    """The refusal has operation, status, code, words and both ids."""
    error = Refused("carts.checkout", "no credit", status=400, code="800023", request_id="r-1", correlation_id="k-1")
    outcome = ended(error)
    assert (outcome.name, outcome.code) == ("rejected", RejectedCode.CREDIT_OR_REVIEW)
    assert outcome.event.partner_center == PartnerCenterError(
        operation="carts.checkout",
        http_status=400,
        code="800023",
        description="no credit",
        request_id="r-1",
        correlation_id="k-1",
    )


def test_a_no_without_a_code_that_we_know_is_refused_by_partner_center() -> None:
    """If the call was about a purchase, the code is `order_refused`."""
    read = Refused("subscriptions.get", "odd", status=418, code="1")
    write = Refused("carts.create", "odd", status=418, code="1")
    assert ended(read).code is RejectedCode.REFUSED_BY_PARTNER_CENTER
    assert ended(write).code is RejectedCode.ORDER_REFUSED


def test_a_missing_users_token_is_not_permitted() -> None:
    """The refusal names the operation."""
    outcome = ended(NotPermitted("subscriptions.patch", "needs app+user"))
    assert (outcome.name, outcome.code) == ("rejected", RejectedCode.NOT_PERMITTED)
    assert "subscriptions.patch" in outcome.event.detail


DELAYED = {
    "too many requests": (Throttled("orders.get", "slow down", 17.0), WaitingReason.THROTTLED, 17.0),
    "an open circuit": (Unavailable("orders.get", "down", 40.0), WaitingReason.PARTNER_CENTER_UNAVAILABLE, 40.0),
    "no token": (TokenUnavailable("orders.get", "expired", 60.0), WaitingReason.TOKEN_UNAVAILABLE, 60.0),
    "a request that never left": (NeverSent("orders.get", "no route"), WaitingReason.PARTNER_CENTER_UNAVAILABLE, 1.0),
}


@pytest.mark.parametrize(("error", "reason", "delay"), DELAYED.values(), ids=DELAYED.keys())
def test_trouble_on_the_way_is_waited_out_and_is_no_attempt(
    error: CallError, reason: WaitingReason, delay: float
) -> None:
    """This holds when all attempts are spent and when nobody has looked yet: nothing is decided."""
    outcome = waiting(error, attempts=10, in_doubt=True)
    assert (outcome.reason, outcome.delay, outcome.attempts, outcome.failed) == (reason, delay, 10, False)


@pytest.mark.parametrize("kind", [Unanswered, NeverSent])
def test_a_request_that_failed_while_nobody_is_answered_is_no_attempt(kind: type[CallError]) -> None:
    """Partner Center is down. The command waits as long as the circuit says, however often it was the probe."""
    error = kind("customers.get", "503", status=503)
    error.outage = 312.0
    outcome = waiting(error, attempts=9, in_doubt=True)
    assert (outcome.reason, outcome.delay, outcome.attempts, outcome.failed) == (
        WaitingReason.PARTNER_CENTER_UNAVAILABLE,
        312.0,
        9,
        False,
    )


def test_a_request_held_back_at_the_gate_is_begun_again_without_an_event() -> None:
    """Nothing was sent and nothing is known: no attempt, no event."""
    assert judge(GateClosed("carts.checkout", "lane lost"), situation(attempts=9, in_doubt=True)) == Again(delay=1.0)


def test_a_lost_answer_is_an_attempt_and_is_retried() -> None:
    """The first retry comes soon."""
    outcome = waiting(Unanswered("carts.checkout", "timeout"), attempts=0)
    assert (outcome.reason, outcome.delay, outcome.attempts, outcome.failed) == (WaitingReason.RETRY, 1.0, 1, True)


PAGE = Unanswered("subscriptions.get", "the answer 404 is not Partner Center's own", status=404)
BEGUN: list[dict[str, Any]] = [{"changed": ["cancel a-1"]}, {"in_doubt": True}]


@pytest.mark.parametrize("begun", BEGUN, ids=str)
def test_an_answer_that_says_nothing_is_no_attempt_of_a_command_that_has_begun(begun: dict[str, Any]) -> None:
    """After any number of attempts the command waits, and remembers since when no other answer came."""
    outcome = waiting(PAGE, attempts=10, **begun)
    assert (outcome.reason, outcome.attempts, outcome.failed) == (WaitingReason.RETRY, 10, False)
    assert list(outcome.waits.since.values()) == [NOW]
    later = waiting(PAGE, attempts=10, waits=outcome.waits, now=NOW + 86_000 * SECOND, **begun)
    assert (later.waits.since, later.said) == (outcome.waits.since, False)
    last = ended(PAGE, attempts=10, waits=later.waits, now=NOW + 86_400 * SECOND, **begun)
    assert (last.code, last.unknown) == (FailedCode.OUTCOME_UNKNOWN, True)
    assert last.event.detail.startswith("subscriptions.get: 404: the answer 404 is not Partner Center's own")


@pytest.mark.parametrize("begun", BEGUN, ids=str)
def test_an_answer_in_between_forgets_since_when_nothing_was_said(begun: dict[str, Any]) -> None:
    """Two error pages two days apart are two pages, and no two days of pages."""
    page = waiting(PAGE, **begun)
    polled = Wait(WaitingReason.ASSETS_STOPPING, "stopping", limited=True)
    between = waiting(polled, waits=page.waits, now=NOW + 3600 * SECOND, **begun)
    again = waiting(PAGE, waits=between.waits, now=NOW + 40 * 3600 * SECOND, **begun)
    assert list(again.waits.since.values()) == [NOW + 3600 * SECOND, NOW + 40 * 3600 * SECOND]


def test_an_answer_that_says_nothing_is_an_attempt_of_a_command_that_has_not_begun() -> None:
    """The command changed nothing, so it may end when its attempts are used up."""
    assert waiting(PAGE, attempts=0).attempts == 1
    assert ended(PAGE, attempts=9).code is FailedCode.RETRIES_EXHAUSTED


UNKNOWN = [
    Refused("subscriptions.get", "not found", status=404, code="1000"),
    Refused("upgrades.eligibility", "no tenant has this id", status=404, code="60003"),
    Rejected(RejectedCode.CUSTOMER_NOT_FOUND, "there is none"),
]


@pytest.mark.parametrize("no", UNKNOWN, ids=str)
def test_a_customer_is_not_called_unknown_before_a_new_one_would_have_shown(no: Exception) -> None:
    """Looks come with growing pauses, the last one just when the lag is over. No attempt is used up."""
    received, now, waits, pauses = NOW, NOW, Waits(), []
    while isinstance(outcome := judge(no, situation(received_at=received, now=now, waits=waits, attempts=3)), Waiting):
        assert (outcome.reason, outcome.attempts, outcome.failed) == (WaitingReason.RETRY, 3, False)
        pauses.append(outcome.delay)
        now, waits = now + int(outcome.delay * SECOND), outcome.waits
    assert pauses[:-1] == sorted(pauses[:-1])
    assert (pauses[0] >= POLICY.wait_first, sum(pauses)) == (True, pytest.approx(120.0))
    assert len(pauses) <= 8
    assert isinstance(outcome, Ended)
    assert (outcome.name, outcome.code) == ("rejected", RejectedCode.CUSTOMER_NOT_FOUND)


def test_any_other_missing_resource_is_reported_at_once() -> None:
    """A missing subscription, agreement or relationship does not mean that the customer is new."""
    for code in (RejectedCode.PLAN_NOT_FOUND, RejectedCode.AGREEMENT_MISSING, RejectedCode.NO_RELATIONSHIP):
        assert ended(Rejected(code, "no"), received_at=NOW).code is code


def test_retries_come_twice_as_late_each_time_up_to_the_longest() -> None:
    """The delays are 1, 2, 4, ... seconds and never more than the setting."""
    patient = replace(POLICY, attempts=1000)
    delays = [
        waiting(Unanswered("orders.get", "500"), attempts=attempts, policy=patient).delay
        for attempts in (0, 1, 2, 3, 9, 10, 998)
    ]
    assert delays == [1, 2, 4, 8, 512, 600, 600]


def test_delays_are_spread_so_that_commands_do_not_come_back_at_once() -> None:
    """The delay grows by up to a quarter and is never shorter than asked for."""
    assert waiting(Throttled("orders.get", "429", 20.0), spread=1.0).delay == 20.0, "its slot is promised for then"
    assert waiting(Unanswered("orders.get", "500"), attempts=1, spread=0.5).delay == 2 * 1.125


def test_the_last_attempt_ends_the_command() -> None:
    """With nothing in doubt, retries are exhausted. Otherwise the outcome is unknown."""
    error = Unanswered("orders.get", "500", status=500)
    known, unknown = ended(error, attempts=9), ended(error, attempts=9, in_doubt=True)
    assert (known.code, known.attempts, known.unknown) == (FailedCode.RETRIES_EXHAUSTED, 10, False)
    assert (unknown.code, unknown.attempts, unknown.unknown) == (FailedCode.OUTCOME_UNKNOWN, 10, True)
    assert known.event.partner_center.http_status == 500


def test_a_write_that_may_not_be_tried_again_ends_the_command() -> None:
    """The step has already looked."""
    assert ended(AttemptsSpent("10 attempts were made"), attempts=10).code is FailedCode.RETRIES_EXHAUSTED


# ---- waits


def test_a_wait_is_published_once_for_each_new_reason() -> None:
    """An event is published when the reason changes, and not for each poll."""
    first = waiting(Wait(WaitingReason.ORDER_PROVISIONING, "pending"))
    again = waiting(Wait(WaitingReason.ORDER_PROVISIONING, "still pending"), waits=first.waits)
    other = waiting(Throttled("orders.get", "429", 3.0), waits=again.waits)
    back = waiting(Wait(WaitingReason.ORDER_PROVISIONING, "pending"), waits=other.waits)
    assert [outcome.said for outcome in (first, again, other, back)] == [True, False, True, True]
    assert [outcome.waits.count for outcome in (first, again, other, back)] == [1, 1, 2, 3]


def test_polls_come_ever_more_slowly_up_to_the_longest_interval() -> None:
    """The interval starts from the first one again when the reason changes."""
    waits, delays = Waits(), []
    for _ in range(13):
        outcome = waiting(Wait(WaitingReason.UPGRADE_RUNNING, "running"), waits=waits)
        waits = outcome.waits
        delays.append(round(outcome.delay, 2))
    assert delays[:4] == [5, 7.5, 11.25, 16.88]
    assert delays[-2:] == [300, 300]
    assert waiting(Wait(WaitingReason.SETTLING, "?"), waits=waits).delay == 5


def test_a_wait_of_many_thousand_polls_still_has_an_interval() -> None:
    """Polls every second for two days would raise the interval beyond the range of a float."""
    waits = Waits(said="upgrade_running", polls=172_800)
    assert waiting(Wait(WaitingReason.UPGRADE_RUNNING, "running"), waits=waits).delay == 300


def test_a_wait_keeps_the_delay_that_it_asks_for() -> None:
    """Only waits without a delay of their own grow."""
    assert waiting(Wait(WaitingReason.ASSETS_STOPPING, "stopping", delay=600.0)).delay == 600.0


def test_a_wait_may_release_the_lane() -> None:
    """The lane is released only if the wait says so."""
    assert waiting(Wait(WaitingReason.UPGRADE_RUNNING, "running", release=True)).release
    assert not waiting(Wait(WaitingReason.ORDER_PROVISIONING, "pending")).release


@pytest.mark.parametrize(("kind", "limit"), [("order_provisioning", 86_400), ("upgrade_running", 172_800)])
def test_a_wait_on_microsoft_ends_with_its_deadline(kind: str, limit: float) -> None:
    """A wait that is open at its deadline ends as unknown, unless the handler has a better answer."""
    wait = Wait(WaitingReason(kind), "still running", limited=True)
    almost = Waits(said=kind, since={kind: NOW - int((limit - 2) * SECOND)})
    over = Waits(said=kind, since={kind: NOW - int(limit * SECOND)})
    assert waiting(wait, waits=almost).delay == 2.0
    assert ended(wait, waits=over).code is FailedCode.OUTCOME_UNKNOWN
    better = Wait(WaitingReason(kind), "?", limited=True, give_up=Failed(FailedCode.UPGRADE_FAILED, "it failed"))
    assert ended(better, waits=over).code is FailedCode.UPGRADE_FAILED


def test_a_deadline_runs_from_the_first_wait_for_the_same() -> None:
    """Other waits in between do not move the deadline."""
    first = waiting(Wait(WaitingReason.ORDER_PROVISIONING, "pending", limited=True))
    later = NOW + 1000 * SECOND
    throttled = waiting(Throttled("orders.get", "429", 3.0), waits=first.waits, now=later)
    again = waiting(Wait(WaitingReason.ORDER_PROVISIONING, "p", limited=True), waits=throttled.waits, now=later)
    other = waiting(Wait(WaitingReason.UPGRADE_RUNNING, "r", limited=True), waits=again.waits, now=later)
    assert other.waits.since == {"order_provisioning": NOW, "upgrade_running": later}


def test_what_was_asked_for_late_is_not_given_up_at_once() -> None:
    """The plan's change was requested a moment ago, after Azure subscriptions that took a whole day to stop."""
    stopping = Waits(said="assets_stopping", since={"assets_stopping": NOW - 86_400 * SECOND})
    taken = Wait(WaitingReason.SETTLING, "taken, and still being made", limited=True)
    assert waiting(taken, waits=stopping).waits.since["settling"] == NOW


def test_a_wait_without_a_deadline_never_gives_up() -> None:
    """Settling, quota and tokens end by themselves."""
    assert waiting(Wait(WaitingReason.SETTLING, "settling", delay=9.0), waits=LATE).delay == 9.0


@pytest.mark.parametrize(
    "trouble",
    [Unanswered("usage.customers", "gateway", status=502), Throttled("usage.customers", "429", 90.0)],
    ids=["unanswered", "throttled"],
)
def test_no_wait_outlasts_the_deadline_of_a_command_that_only_reads(trouble: CallError) -> None:
    """The run at the deadline says that it has passed. A longer pause would say so late."""
    assert waiting(trouble, attempts=6).delay > 30.0
    assert waiting(trouble, attempts=6, deadline=NOW + 3 * SECOND).delay == 3.0
    assert waiting(trouble, attempts=6, deadline=NOW - SECOND).delay == 0.0


# ---- internal errors


@pytest.mark.parametrize("error", [ValueError("x"), JournalRefused("x"), AssertionError("x"), RecursionError("x")])
def test_an_internal_error_is_tried_three_times_and_then_published_without_its_text(error: Exception) -> None:
    """The text may hold secrets. The type is enough to find the error in the log."""
    first, second = waiting(error, attempts=0), waiting(error, attempts=1)
    assert (first.reason, first.failed, first.attempts, second.attempts) == (WaitingReason.RETRY, True, 1, 2)
    last = ended(error, attempts=2)
    assert (last.code, last.attempts) == (FailedCode.INTERNAL_ERROR, 3)
    assert last.event.detail == f"an error inside azplan: {type(error).__name__}"


def test_an_internal_error_with_a_write_in_doubt_waits_until_it_has_settled() -> None:
    """Then the answer says that the outcome is unknown."""
    assert waiting(ValueError("x"), attempts=2, settles_in=5.0, in_doubt=True).reason is WaitingReason.SETTLING
    assert ended(ValueError("x"), attempts=3, in_doubt=True).unknown
