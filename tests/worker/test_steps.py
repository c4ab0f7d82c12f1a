"""A handler's writes: what is durable before a request leaves, after its answer, and without an answer."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from events.codes import RejectedCode
from tests.runtime.bench import POLICY, WITHIN, Bench, Request
from worker.datasets.publication import Publication
from worker.errors import AttemptsSpent, LaneLost, Rejected, Validated, Wait
from worker.journal.journal import EffectHeld
from worker.journal.records import SECOND, Conclusion
from worker.journal.records import State as CommandState
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
from worker.steps import Applied, Money, NotApplied, Orphan, State, Verdict

LOST = Unanswered("carts.checkout", "timeout")
NO = Refused("carts.checkout", "no", status=400)
NEVER_LEFT = {
    "the gate": GateClosed("carts.checkout", "lane lost"),
    "no connection": NeverSent("carts.checkout", "no route"),
    "too many requests": Throttled("carts.checkout", "429", 5.0),
    "an open circuit": Unavailable("carts.checkout", "down", 5.0),
    "no token": TokenUnavailable("carts.checkout", "expired", 5.0),
    "no permission": NotPermitted("carts.checkout", "needs a user"),
}


class Look:
    """A look after a request with an unknown outcome. It sees what the test says."""

    def __init__(self, *sees: Verdict | Exception) -> None:
        self._sees = list(sees)
        self.looks = 0

    async def __call__(self) -> Verdict:
        """Look."""
        self.looks += 1
        seen = self._sees.pop(0)
        if isinstance(seen, Exception):
            raise seen
        return seen


def money(
    act: Request, look: Callable[[], Awaitable[Verdict]] | None = None, *, key: str = "plan", spends: bool = True
) -> Money:
    """A purchase with the cart as its key."""
    return Money(key=key, details={"cartId": "cart-1"}, reconcile=look or Look(), act=act, spends=spends)


# ---- orphans


async def test_the_result_of_an_orphan_is_durable_before_it_is_used(bench: Bench) -> None:
    """Another run finds the object and makes no second one."""
    work = await bench.begin()
    make = Request({"cartId": "cart-1"})
    assert await bench.steps(work).take("cart", Orphan(make)) == {"cartId": "cart-1"}
    again = await bench.again(work)
    assert await bench.steps(again).take("cart", Orphan(make)) == {"cartId": "cart-1"}
    assert make.sent == 1


async def test_an_orphan_whose_answer_was_lost_is_made_again_without_waiting(bench: Bench) -> None:
    """Its id was never learned and nobody can use the object: there is nothing to settle and nothing in doubt."""
    work = await bench.begin()
    make = Request(LOST, {"cartId": "cart-2"})
    with pytest.raises(Unanswered):
        await bench.steps(work).take("cart", Orphan(make))
    again = await bench.again(work)
    assert again.unsettled_until() == 0
    assert not bench.steps(again).in_doubt()
    assert await bench.steps(again).take("cart", Orphan(make)) == {"cartId": "cart-2"}


# ---- intents


@pytest.mark.parametrize("kind", ["state", "money"])
async def test_the_intent_is_durable_before_the_request_leaves(bench: Bench, kind: str) -> None:
    """The intent has the instant until which the request may arrive, and the details that a look needs."""
    work = await bench.begin()
    seen: list[Any] = []

    async def leaving() -> None:
        seen.append(await bench.step("write"))

    act = Request({}, leaving=leaving)
    effect = State(there=False, act=act) if kind == "state" else money(act)
    await bench.steps(work).take("write", effect)
    (row,) = seen
    assert row["state"] == "intended"
    assert row["intent_until"] == bench.journal.now() + int(WITHIN * SECOND)
    assert row["details"] == ('{"cartId":"cart-1"}' if kind == "money" else "null")


async def test_a_request_leaves_inside_its_step(bench: Bench) -> None:
    """The step's name is part of the request id."""
    work = await bench.begin()
    act = Request({})
    await bench.steps(work).take("checkout", money(act))
    assert act.steps == ["checkout"]


async def test_a_request_may_leave_for_as_long_as_a_call_may_take_after_its_intent(bench: Bench) -> None:
    """A later request could arrive after the instant that the intent names."""
    work = await bench.begin()
    steps = bench.steps(work)
    exchange = steps._run.exchange
    refused: list[str | None] = []

    async def leaving() -> None:
        for seconds in (POLICY.call_timeout, 1.0):
            await asyncio.sleep(seconds)
            refused.append(exchange._too_late("checkout"))  # type: ignore[attr-defined]

    await steps.take("checkout", money(Request({}, leaving=leaving)))
    assert refused == [None, "too much time has passed since the intent was written down"]


async def test_no_request_leaves_if_the_lane_was_lost_before_the_intent(bench: Bench) -> None:
    """The journal refuses the intent in the same transaction."""
    work = await bench.begin()
    act = Request({})
    stolen = replace(work, owner=replace(work.owner, epoch=work.owner.epoch - 1))
    with pytest.raises(LaneLost):
        await bench.steps(stolen).take("checkout", money(act))
    assert act.sent == 0


# ---- answers


async def test_an_answer_is_durable_and_leaves_nothing_in_doubt(bench: Bench) -> None:
    """The intent is closed."""
    work = await bench.begin()
    assert await bench.steps(work).take("checkout", money(Request({"orders": ["o-1"]}), spends=False)) == {
        "orders": ["o-1"]
    }
    again = await bench.again(work)
    assert bench.steps(again).view("checkout").result == {"orders": ["o-1"]}
    assert again.unsettled_until() == 0
    assert not bench.steps(again).in_doubt()


async def test_a_purchase_that_was_answered_is_not_made_again(bench: Bench) -> None:
    """This holds in this run and in every other run."""
    work = await bench.begin()
    act, look = Request({"orders": ["o-1"]}), Look()
    await bench.steps(work).take("checkout", money(act, look))
    await bench.steps(await bench.again(work)).take("checkout", money(act, look))
    assert (act.sent, look.looks) == (1, 0)


async def test_a_definite_no_is_recorded_as_not_applied(bench: Bench) -> None:
    """The step may be tried again without a look."""
    work = await bench.begin()
    act, look = Request(NO, {"orders": ["o-1"]}), Look()
    with pytest.raises(Refused):
        await bench.steps(work).take("checkout", money(act, look))
    again = await bench.again(work)
    assert (again.steps["checkout"].state, again.unsettled_until()) == ("not_applied", 0)
    assert await bench.steps(again).take("checkout", money(act, look)) == {"orders": ["o-1"]}
    assert look.looks == 0


@pytest.mark.parametrize(
    "error",
    [
        Unanswered("carts.checkout", "a page", status=404),
        Throttled("carts.checkout", "a page", 5.0, status=429, in_doubt=True),
        TokenUnavailable("carts.checkout", "a page", 5.0, status=401, in_doubt=True),
    ],
    ids=lambda error: str(error.status),
)
async def test_a_page_of_something_on_the_way_leaves_the_step_in_doubt(bench: Bench, error: CallError) -> None:
    """This holds for any status: the next run looks before it acts again."""
    work = await bench.begin()
    act, look = Request(error, {"orders": ["o-1"]}), Look(Applied({"orders": ["o-2"]}))
    with pytest.raises(type(error)):
        await bench.steps(work).take("checkout", money(act, look))
    again = await bench.again(work)
    assert bench.steps(again).in_doubt()
    assert again.unsettled_until() > 0
    assert await bench.steps(again).take("checkout", money(act, look)) == {"orders": ["o-2"]}
    assert (act.sent, look.looks) == (1, 1)


async def test_calls_are_written_down_with_their_results(bench: Bench) -> None:
    """One transaction writes the timeline and the counts of answers."""
    work = await bench.begin()
    steps = bench.steps(work)
    drained: list[int] = []
    steps._run.exchange.drain = lambda: drained.append(1) or []  # type: ignore[func-returns-value]
    await steps.take("checkout", money(Request({})))
    assert drained == [1]


# ---- no answer


async def test_a_lost_answer_leaves_the_step_in_doubt_until_it_has_settled(bench: Bench) -> None:
    """The intent stays as written."""
    work = await bench.begin()
    with pytest.raises(Unanswered):
        await bench.steps(work).take("checkout", money(Request(LOST)))
    again = await bench.again(work)
    assert bench.steps(again).in_doubt()
    assert bench.steps(again).view("checkout").may_have_happened
    assert again.unsettled_until() == bench.journal.now() + int(WITHIN * SECOND)


async def test_a_purchase_in_doubt_is_looked_after_before_anything_is_sent(bench: Bench) -> None:
    """The result of the look is recorded like an answer, and nothing is sent (promises G2, G6)."""
    work = await bench.begin()
    act = Request(LOST)
    with pytest.raises(Unanswered):
        await bench.steps(work).take("checkout", money(act))
    again = await bench.again(work)
    look = Look(Applied({"orders": ["o-1"]}))
    assert await bench.steps(again).take("checkout", money(act, look)) == {"orders": ["o-1"]}
    assert (act.sent, look.looks) == (1, 1)
    last = await bench.again(work)
    assert (last.steps["checkout"].state, last.steps["checkout"].result) == ("applied", {"orders": ["o-1"]})


async def test_a_purchase_that_is_not_there_is_sent_again_under_the_same_key_at_once(bench: Bench) -> None:
    """A request of the same command needs no settling: both can only do the same thing (rule SameCart, promise G2)."""
    work = await bench.begin()
    act = Request(LOST, {"orders": ["o-1"]})
    with pytest.raises(Unanswered):
        await bench.steps(work).take("checkout", money(act))
    again = await bench.again(work)
    assert await bench.steps(again).take("checkout", money(act, Look(NotApplied()), spends=False)) == {
        "orders": ["o-1"]
    }
    assert act.sent == 2
    assert (await bench.step("checkout"))["attempts"] == 2


async def test_earlier_requests_stay_in_the_account_after_a_later_one_was_answered(bench: Bench) -> None:
    """The first request may still arrive. The commands behind wait for it."""
    work = await bench.begin()
    act = Request(LOST, {})
    with pytest.raises(Unanswered):
        await bench.steps(work).take("suspend", State(there=False, act=act))
    first = bench.journal.now() + int(WITHIN * SECOND)
    await asyncio.sleep(30)
    again = await bench.again(work)
    await bench.steps(again).take("suspend", State(there=False, act=act))
    last = await bench.again(work)
    assert (last.steps["suspend"].state, last.unsettled_until()) == ("applied", first)


async def test_nothing_is_in_the_account_of_a_cart_that_is_known_to_be_ordered(bench: Bench) -> None:
    """No request of the command can change anything more, whichever step sent it."""
    work = await bench.begin()
    mend, act = Request(LOST), Request(LOST, {"orders": ["o-1"]})
    with pytest.raises(Unanswered):
        await bench.steps(work).take("mend", State(there=False, act=mend))
    with pytest.raises(Unanswered):
        await bench.steps(await bench.again(work)).take("checkout", money(act))
    await bench.steps(await bench.again(work)).take("checkout", money(act, Look(NotApplied())))
    assert (await bench.again(work)).unsettled_until() == 0


async def test_a_look_that_cannot_tell_sends_nothing(bench: Bench) -> None:
    """The look raises the next step of the command (promise G6)."""
    work = await bench.begin()
    act = Request(LOST)
    with pytest.raises(Unanswered):
        await bench.steps(work).take("checkout", money(act))
    look = Look(Wait("settling", "not yet"))  # type: ignore[arg-type]
    with pytest.raises(Wait):
        await bench.steps(await bench.again(work)).take("checkout", money(act, look))
    assert act.sent == 1


@pytest.mark.parametrize("error", NEVER_LEFT.values(), ids=NEVER_LEFT.keys())
async def test_a_request_that_certainly_never_left_leaves_nothing_in_doubt(bench: Bench, error: CallError) -> None:
    """No command has to wait for it."""
    work = await bench.begin()
    with pytest.raises(type(error)):
        await bench.steps(work).take("checkout", money(Request(error)))
    again = await bench.again(work)
    assert not bench.steps(again).in_doubt()
    assert again.unsettled_until() == 0


@pytest.mark.parametrize("error", NEVER_LEFT.values(), ids=NEVER_LEFT.keys())
async def test_a_request_that_never_left_changes_nothing_about_one_before_it(bench: Bench, error: CallError) -> None:
    """An earlier doubt stays for as long as it would have."""
    work = await bench.begin()
    act = Request(LOST, error)
    with pytest.raises(Unanswered):
        await bench.steps(work).take("checkout", money(act))
    until = (await bench.again(work)).unsettled_until()
    await asyncio.sleep(30)
    with pytest.raises(type(error)):
        await bench.steps(await bench.again(work)).take("checkout", money(act, Look(NotApplied())))
    again = await bench.again(work)
    assert bench.steps(again).in_doubt()
    assert again.unsettled_until() == until


async def test_a_definite_no_does_not_clear_a_request_before_it(bench: Bench) -> None:
    """An answer that the cart was submitted already demands a look."""
    work = await bench.begin()
    act = Request(LOST, NO)
    with pytest.raises(Unanswered):
        await bench.steps(work).take("checkout", money(act))
    with pytest.raises(Refused):
        await bench.steps(await bench.again(work)).take("checkout", money(act, Look(NotApplied())))
    assert bench.steps(await bench.again(work)).in_doubt()


async def test_an_internal_error_after_the_request_left_leaves_it_in_doubt(bench: Bench) -> None:
    """Nobody knows what the request did."""
    work = await bench.begin()
    with pytest.raises(ValueError, match="ours"):
        await bench.steps(work).take("checkout", money(Request(ValueError("ours"))))
    assert bench.steps(await bench.again(work)).in_doubt()


# ---- settling


async def settled(bench: Bench, seconds: float, effect: Callable[[Request], Any], name: str) -> Any:
    """Lose an answer, let time pass, look and see nothing, and be refused. Returns the command after that."""
    work = await bench.begin()
    act = Request(LOST, NO)
    with pytest.raises(Unanswered):
        await bench.steps(work).take(name, effect(act))
    await asyncio.sleep(seconds)
    with pytest.raises(Refused):
        await bench.steps(await bench.again(work)).take(name, effect(act))
    return await bench.again(work)


EFFECTS = {
    "state": lambda act: State(there=False, act=act),
    "money": lambda act: money(act, Look(NotApplied())),
}


@pytest.mark.parametrize("effect", EFFECTS.values(), ids=EFFECTS.keys())
async def test_a_look_after_everything_had_settled_is_final(bench: Bench, effect: Callable[[Request], Any]) -> None:
    """No sent request can take effect any more, and nothing is in doubt."""
    again = await settled(bench, WITHIN, effect, "write")
    assert not bench.steps(again).in_doubt()


@pytest.mark.parametrize("effect", EFFECTS.values(), ids=EFFECTS.keys())
async def test_a_look_before_that_proves_nothing(bench: Bench, effect: Callable[[Request], Any]) -> None:
    """The request may arrive a moment later."""
    again = await settled(bench, WITHIN - 1, effect, "write")
    assert bench.steps(again).in_doubt()


async def test_a_look_that_began_before_everything_had_settled_proves_nothing_when_it_ends_later(bench: Bench) -> None:
    """The look did not see a request that arrived in between (rule LookLast, promise G2)."""
    work = await bench.begin()
    act = Request(LOST, NO)
    with pytest.raises(Unanswered):
        await bench.steps(work).take("checkout", money(act))
    await asyncio.sleep(WITHIN - 1)
    steps = bench.steps(await bench.again(work))

    async def slow_look() -> Verdict:
        await asyncio.sleep(5)
        return NotApplied()

    with pytest.raises(Refused):
        await steps.take("checkout", money(act, slow_look))
    assert bench.steps(await bench.again(work)).in_doubt()


async def test_a_run_looks_once_more_for_effects_that_it_could_have_missed(bench: Bench) -> None:
    """A list read before the last request would show in it proves nothing when it is judged (promise G2)."""
    work = await bench.begin()
    with pytest.raises(Unanswered):
        await bench.steps(work).take("checkout", money(Request(LOST)))
    until = (await bench.again(work)).unsettled_until()
    await asyncio.sleep(WITHIN + 900 - 1)
    early = bench.steps(await bench.again(work))
    await asyncio.sleep(30)
    assert early.shows_in(until, 900) == 1.0
    assert bench.steps(await bench.again(work)).shows_in(until, 900) == 0.0


async def test_a_cart_that_is_used_up_leaves_no_write_in_doubt(bench: Bench) -> None:
    """It does not matter whether its item was corrected."""
    work = await bench.begin()
    with pytest.raises(Unanswered):
        await bench.steps(work).take("mend", State(there=False, act=Request(LOST)))
    assert bench.steps(await bench.again(work)).in_doubt()
    await bench.steps(await bench.again(work)).take("checkout", money(Request({"orders": ["o-1"]})))
    assert not bench.steps(await bench.again(work)).in_doubt()


# ---- states


async def test_a_state_that_is_there_already_is_left_alone(bench: Bench) -> None:
    """Nothing is sent and no step is recorded."""
    work = await bench.begin()
    act = Request()
    assert await bench.steps(work).take("suspend", State(there=True, act=act)) is None
    assert await bench.rows("SELECT * FROM step") == []


async def test_a_state_that_appeared_after_a_lost_answer_is_the_commands_own(bench: Bench) -> None:
    """The step is recorded as applied. Its request may still arrive a second time, so its instant stays."""
    work = await bench.begin()
    act = Request(LOST)
    with pytest.raises(Unanswered):
        await bench.steps(work).take("suspend", State(there=False, act=act))
    until = (await bench.again(work)).unsettled_until()
    assert await bench.steps(await bench.again(work)).take("suspend", State(there=True, act=act)) is None
    again = await bench.again(work)
    assert (again.steps["suspend"].state, again.unsettled_until()) == ("applied", until)
    assert act.sent == 1


async def test_a_state_that_was_taken_and_does_not_show_yet_is_not_asked_for_again(bench: Bench) -> None:
    """Partner Center answered 202 and is slow."""
    work = await bench.begin()
    act = Request({"status": None})
    await bench.steps(work).take("suspend", State(there=False, act=act))
    assert await bench.steps(await bench.again(work)).take("suspend", State(there=False, act=act)) == {"status": None}
    assert act.sent == 1


async def test_each_story_of_a_command_makes_its_change_again(bench: Bench) -> None:
    """A redrive suspends a plan again that a person has reactivated since."""
    work = await bench.begin()
    act = Request({"n": 1}, {"n": 2})
    await bench.steps(work).take("suspend", State(there=False, act=act))
    second = replace(await bench.again(work), redrive=1)
    steps = bench.steps(second)
    assert steps.view("suspend").result == {"n": 1}
    await steps.take("suspend", State(there=False, act=act))
    assert act.sent == 2
    assert steps.view("suspend").result == {"n": 2}


async def test_what_is_read_in_a_later_story_tells_of_the_doubt_of_an_earlier_one(bench: Bench) -> None:
    """After settling, a plan that is not suspended was not suspended by the first story either."""
    work = await bench.begin()
    act = Request(LOST, NO)
    with pytest.raises(Unanswered):
        await bench.steps(work).take("suspend", State(there=False, act=act))
    await asyncio.sleep(WITHIN)
    second = replace(await bench.again(work), redrive=1)
    steps = bench.steps(second)
    with pytest.raises(Refused):
        await steps.take("suspend", State(there=False, act=act))
    assert not steps.in_doubt()


# ---- deadlines and attempts


@pytest.mark.parametrize("effect", [Orphan, lambda act: State(there=False, act=act), money])
async def test_nothing_new_is_written_after_the_commands_deadline(bench: Bench, effect: Callable[[Any], Any]) -> None:
    """The answer is `deadline_passed`, and no intent is left."""
    work = await bench.begin()
    act = Request({})
    steps = bench.steps(work, deadline=bench.clock.now() + timedelta(seconds=10))
    await asyncio.sleep(10)
    with pytest.raises(Rejected) as refusal:
        await steps.take("write", effect(act))
    assert refusal.value.code is RejectedCode.DEADLINE_PASSED
    assert act.sent == 0
    assert await bench.rows("SELECT * FROM step") == []


async def test_files_are_not_published_after_the_commands_deadline(bench: Bench) -> None:
    """The command changes nothing at Microsoft, and the answer does not say so."""
    work, files = await bench.begin(), Publication(cast("Any", None), "version", "content", cast("Any", None))
    steps = bench.steps(work, deadline=bench.clock.now())
    with pytest.raises(Rejected) as refusal:
        await steps.take("publish usage", files)
    assert refusal.value.code is RejectedCode.DEADLINE_PASSED
    assert refusal.value.detail.startswith("the files were still to be published when the deadline ")


async def test_a_purchase_in_doubt_is_looked_after_although_the_deadline_has_passed(bench: Bench) -> None:
    """If the look finds an answer, that answer counts."""
    work = await bench.begin()
    act = Request(LOST)
    deadline = bench.clock.now() + timedelta(seconds=10)
    with pytest.raises(Unanswered):
        await bench.steps(work, deadline=deadline).take("checkout", money(act))
    await asyncio.sleep(20)
    steps = bench.steps(await bench.again(work), deadline=deadline)
    assert await steps.take("checkout", money(act, Look(Applied({"orders": []})))) == {"orders": []}


@pytest.mark.parametrize("effect", [Orphan, lambda act: State(there=False, act=act), money])
async def test_a_write_is_not_tried_more_often_than_the_settings_allow(
    bench: Bench, effect: Callable[[Any], Any]
) -> None:
    """A command without attempts left does not begin a write either."""
    work = await bench.begin()
    act = Request({})
    with pytest.raises(AttemptsSpent):
        await bench.steps(replace(work, attempts=POLICY.attempts)).take("write", effect(act))
    assert act.sent == 0


@pytest.mark.parametrize("effect", [Orphan, lambda act: State(there=False, act=act), money])
async def test_a_command_that_only_asks_writes_nothing(bench: Bench, effect: Callable[[Any], Any]) -> None:
    """This holds even if its handler does not check: the step says what it would have done."""
    work = await bench.begin()
    act = Request({})
    with pytest.raises(Validated) as asked:
        await bench.steps(work, validate_only=True).take("write", effect(act))
    assert asked.value.would_do == ("the write of the step write",)
    assert act.sent == 0
    assert await bench.rows("SELECT * FROM step") == []


# ---- effects


async def test_two_commands_of_a_customer_cannot_have_one_effect_open(bench: Bench) -> None:
    """The second command is told which command holds the effect, and sends nothing (rule OpenEffect, promise G2)."""
    first = await bench.begin(id="c-1")
    with pytest.raises(Unanswered):
        await bench.steps(first).take("checkout", money(Request(LOST)))
    await bench.journal.conclude(
        first, Conclusion(state=CommandState.FAILED, code="outcome_unknown", keep_effects=True)
    )
    second = await bench.begin(id="c-2")
    act = Request({})
    with pytest.raises(EffectHeld) as held:
        await bench.steps(second).take("checkout", money(act))
    assert held.value.uid == first.uid
    assert act.sent == 0
    (left,) = second.earlier
    assert (left.key, left.command_id, left.steps["checkout"].details) == ("plan", "c-1", {"cartId": "cart-1"})


async def test_an_effect_is_free_again_when_its_command_is_over(bench: Bench) -> None:
    """An unknown outcome keeps the effect."""
    first = await bench.begin(id="c-1")
    await bench.steps(first).take("checkout", money(Request({})))
    await bench.journal.conclude(first, Conclusion(state=CommandState.SUCCEEDED))
    second = await bench.begin(id="c-2")
    act = Request({})
    await bench.steps(second).take("checkout", money(act))
    assert (act.sent, second.earlier) == (1, ())
