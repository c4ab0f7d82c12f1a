"""What a replay would do, how many calls it costs, and its pace: tables, without a journal."""

import pytest

from worker.journal.records import State
from worker.operators.replay.canary_pace import FIRST_PORTION, Pace, Standing, portion, too_many_failed
from worker.operators.replay.cost import UNSEEN, expect
from worker.operators.replay.decisions import Known, Outcome, Wanted, decide


def known(state: State, code: str | None = None, **more: object) -> Known:
    """A command of the journal."""
    return Known("uid", "azplan.SuspendPlan.v1", state, code, 0, **more)


@pytest.mark.parametrize(
    ("command", "wanted", "outcome"),
    [
        (None, Wanted(), Outcome.START),
        (known(State.ACCEPTED), Wanted(), Outcome.NOTHING),
        (known(State.WAITING), Wanted(re_emit=True), Outcome.NOTHING),
        (known(State.SUCCEEDED), Wanted(), Outcome.NOTHING),
        (known(State.SUCCEEDED), Wanted(re_emit=True), Outcome.RE_EMIT),
        (known(State.REJECTED, "plan_not_found"), Wanted(), Outcome.NOTHING),
        (known(State.REJECTED, "plan_not_found"), Wanted(re_emit=True), Outcome.RE_EMIT),
        (known(State.FAILED, "retries_exhausted"), Wanted(), Outcome.RESUME),
        (known(State.FAILED, "outcome_unknown"), Wanted(), Outcome.NEEDS_PERSON),
        (known(State.FAILED, "outcome_unknown"), Wanted(insisted=True), Outcome.RESUME),
        (known(State.FAILED, "retries_exhausted", archived=True), Wanted(), Outcome.NEEDS_PERSON),
        (known(State.FAILED, "retries_exhausted", archived=True), Wanted(insisted=True), Outcome.RESUME),
        (known(State.FAILED, "retries_exhausted", pruned=True), Wanted(insisted=True), Outcome.NEEDS_PERSON),
        (known(State.SUCCEEDED, same_content=False), Wanted(re_emit=True), Outcome.CONFLICT),
        (known(State.FAILED, "internal_error", same_content=False), Wanted(), Outcome.CONFLICT),
    ],
)
def test_each_command_has_one_outcome(command: Known | None, wanted: Wanted, outcome: Outcome) -> None:
    """The outcome follows from the state of the command and the person's request."""
    assert decide(command, readable=True, too_old=False, wanted=wanted).outcome is outcome


def test_what_cannot_be_read_or_is_too_old_is_never_started() -> None:
    """A record that the journal may have forgotten, or that is no command, is left to a person."""
    assert decide(None, readable=False, too_old=False, wanted=Wanted()).outcome is Outcome.NEEDS_PERSON
    assert decide(None, readable=True, too_old=True, wanted=Wanted()).outcome is Outcome.NEEDS_PERSON


def test_a_replay_costs_what_its_types_have_cost_and_accounts_do_not_wait_for_each_other() -> None:
    """Calls add up. The duration is that of the account that takes longest at its ceiling."""
    commands = [("contoso", "A"), ("contoso", "A"), ("fabrikam", "A"), ("fabrikam", "B")]
    expected = expect(commands, {"A": 8.0}, {"contoso": 60, "fabrikam": 10})
    assert expected.calls == round(3 * 8.0 + UNSEEN)
    assert expected.seconds == round((8.0 + UNSEEN) / 10 * 60)
    assert expect([], {}, {}).seconds == 0


CANARY = Pace(canary=3)


@pytest.mark.parametrize(
    ("now", "pace", "number"),
    [
        (Standing(planned=100), CANARY, 3),
        (Standing(planned=98, under_way=2), CANARY, 1),
        (Standing(planned=97, under_way=3), CANARY, 0),
        (Standing(planned=97, under_way=1, done=2), CANARY, 0),
        (Standing(planned=97, done=3), CANARY, FIRST_PORTION),
        (Standing(planned=97, done=1, patient=2), CANARY, 0),
        (Standing(planned=90, done=3, patient=7), CANARY, 20),
        (Standing(planned=500, done=20, under_way=5), Pace(), 35),
        (Standing(planned=4, done=20), Pace(), 4),
        (Standing(planned=100), Pace(), FIRST_PORTION),
        (Standing(), Pace(), 0),
    ],
)
def test_the_canary_goes_alone_and_then_ever_more(now: Standing, pace: Pace, number: int) -> None:
    """No command begins beside the canary.

    Then twice as many as have ended may run, and never more than are planned.
    """
    assert portion(now, pace, begun=0, seconds=0) == number


def test_a_rate_holds_over_the_whole_replay() -> None:
    """At 60 a minute one command may begin each second, whatever the ramp allows."""
    now, pace = Standing(planned=1000, done=100), Pace(rate=60)
    assert portion(now, pace, begun=0, seconds=0) == 1
    assert portion(now, pace, begun=1, seconds=0.9) == 0
    assert portion(now, pace, begun=5, seconds=10) == 6


@pytest.mark.parametrize(
    ("now", "stops"),
    [
        (Standing(done=100), False),
        (Standing(failed=1, under_way=2), True),
        (Standing(done=5, failed=1), False),
        (Standing(done=3, failed=2), True),
        (Standing(done=90, failed=10), False),
        (Standing(done=89, failed=11), True),
    ],
)
def test_too_many_failures_stop_a_replay(now: Standing, stops: bool) -> None:
    """Any failure of the canary stops the replay. After the canary, more than a tenth stops it."""
    assert too_many_failed(now, CANARY) is stops
