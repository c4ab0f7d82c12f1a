"""One command from its turn to its end: the journal afterwards, and the published events."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from events.codes import BlockerKind, FailedCode, RejectedCode, WaitingReason
from events.messages.base import Event
from events.messages.command_status import Blocker
from events.messages.plans import PlanSuspended, SuspendPlan
from events.messages.upgrades import ProductUpgradeStarted, StartProductUpgrade
from events.wire.dead_letter import record_size
from events.wire.identity import event_id
from events.wire.record import Outgoing
from tests.runtime.bench import CUSTOMER, DAY, SENDER, SUSPEND, WITHIN, Bench, Request, desk, record
from tests.worker.test_gate import call
from worker.errors import Failed, JournalUnavailable, LaneLost, Rejected, Wait
from worker.gate import Traffic
from worker.handling import Context
from worker.journal.records import SECOND, Conclusion, Work
from worker.journal.records import State as CommandState
from worker.partner_center.errors import GateClosed, Throttled, Unanswered
from worker.steps import State

UPGRADE = StartProductUpgrade(customer_id=CUSTOMER)


async def answered(ctx: Context, _command: Any) -> Event:
    """A handler that does nothing."""
    return ctx.answer(PlanSuspended, subscription_id="s-1", already_suspended=True)


def listing(number: int) -> Callable[..., Any]:
    """A handler with a long answer."""

    async def handler(ctx: Context, _command: Any) -> Event:
        assets = [Blocker(kind=BlockerKind.AZURE_SUBSCRIPTION, id=f"a-{each}") for each in range(number)]
        return ctx.answer(PlanSuspended, subscription_id="s-1", already_suspended=False, cancelled_assets=assets)

    return handler


def raising(error: Exception) -> Callable[..., Any]:
    """A handler that raises this error."""

    async def handler(_ctx: Context, _command: Any) -> Event:
        raise error

    return handler


def event_types(said: list[dict[str, Any]]) -> list[str]:
    """The names of events."""
    return [event["type"].split(".")[1] for event in said]


# ---- the ends of a story


async def test_an_answer_ends_the_story(bench: Bench) -> None:
    """State and terminal event are one transaction, with the instant at which it became true."""
    work = await bench.begin()
    await asyncio.sleep(5)
    await bench.dispatch(answered)(work)
    row = await bench.command()
    assert (row["state"], row["code"], row["due_at"], row["concluded_at"]) == (
        "succeeded",
        None,
        None,
        bench.journal.now(),
    )
    accepted, terminal = await bench.said()
    assert event_types([accepted, terminal]) == ["CommandAccepted", "PlanSuspended"]
    assert terminal["ce_id"] == str(event_id("/crm", "c-1", 0, "terminal"))
    assert terminal["ce_time"] == "2026-03-02T09:00:05Z"
    assert (terminal["ce_correlationid"], terminal["ce_causationid"], terminal["ce_subject"]) == (
        "c-1",
        "c-1",
        CUSTOMER,
    )
    assert (terminal["commandSource"], terminal["partner"], terminal["redrive"]) == ("/crm", "contoso", 0)
    assert await bench.claim() == []


async def test_an_answer_that_no_request_can_carry_has_shorter_lists_in_the_journal_already(bench: Bench) -> None:
    """Publishing the event again therefore gives the same bytes."""
    work = await bench.begin()
    await bench.dispatch(listing(500), sender=replace(SENDER, largest=9_000))(work)
    (row,) = [each for each in await bench.journal.unsent(10) if each.type == "azplan.PlanSuspended.v1"]
    data = json.loads(row.value)
    assert data["truncated"] == ["cancelledAssets"]
    assert 0 < len(data["cancelledAssets"]) < 500
    assert 8_900 < record_size(Outgoing(row.key, row.value, row.headers)) <= 9_000


async def test_a_command_for_which_there_is_no_room_says_that_it_waits_and_runs_no_handler(bench: Bench) -> None:
    """The handler would only meet the spent ceiling. The wait is no attempt, and is published once."""
    work, began = await bench.begin(), list[str]()

    async def handler(ctx: Context, _command: Any) -> Event:
        began.append(ctx.origin.command_id)
        return await answered(ctx, _command)

    wait = Wait(WaitingReason.THROTTLED, "the account contoso has reached its request ceiling for carts", delay=30.0)
    await bench.dispatch(handler)(work, wait)
    row = await bench.command()
    assert (row["state"], row["reason"], row["attempts"]) == ("waiting", "throttled", 0)
    assert row["due_at"] == bench.journal.now() + 30 * SECOND
    assert event_types(await bench.said()) == ["CommandAccepted", "CommandWaiting"]
    assert began == []


async def test_a_refusal_ends_the_story_without_a_dead_letter(bench: Bench) -> None:
    """A refusal is an answer. There is nothing for a person to redrive."""
    work = await bench.begin()
    await bench.dispatch(raising(Rejected(RejectedCode.PLAN_NOT_FOUND, "there is none")))(work)
    assert ((await bench.command())["state"], (await bench.command())["code"]) == ("rejected", "plan_not_found")
    assert event_types(await bench.said()) == ["CommandAccepted", "CommandRejected"]
    assert await bench.letters() == []


async def test_a_failure_is_also_a_dead_letter_made_from_the_bytes_as_they_came(bench: Bench) -> None:
    """The dead letter has everything that a redrive needs."""
    given = record(correlationid="k-1")
    await bench.accept(given)
    (work,) = await bench.claim()
    await bench.dispatch(raising(Failed(FailedCode.UPGRADE_FAILED, "it failed")))(work)
    (row,) = [each for each in await bench.journal.unsent(10) if each.letter]
    (letter,) = await bench.letters()
    assert (row.key, row.value, row.headers[: len(given.headers)]) == (given.key, given.value, given.headers)
    told = {name.removeprefix("azplan_dlq_"): value for name, value in letter.items() if "dlq" in name}
    assert told == {
        "topic": "azplan.commands.v1",
        "partition": "0",
        "offset": "0",
        "timestamp": "2026-03-02T09:30:00.250000Z",
        "group": "azplan-worker",
        "code": "upgrade_failed",
        "detail": "it failed",
        "attempts": "1",
        "first_failed_at": "2026-03-02T09:00:00Z",
        "worker_version": "1.2.3",
        "correlation_id": "k-1",
        "redrive": "0",
    }


async def test_a_dead_letter_tells_when_the_command_first_failed(bench: Bench) -> None:
    """It does not tell when the command was given up."""
    await bench.accept(record())
    dispatch = bench.dispatch(raising(Unanswered("subscriptions.get", "500")))
    for _ in range(10):
        for work in await bench.claim():
            await dispatch(work)
        await asyncio.sleep(600)
    (letter,) = await bench.letters()
    assert (letter["azplan_dlq_first_failed_at"], letter["azplan_dlq_attempts"]) == ("2026-03-02T09:00:00Z", "10")
    assert (await bench.command())["code"] == "retries_exhausted"


# ---- waits


async def test_a_wait_is_a_row_with_a_wake_up_time(bench: Bench) -> None:
    """The row says the reason of the wait, its end, and the number of the attempt."""
    work = await bench.begin()
    await bench.dispatch(raising(Wait(WaitingReason.ORDER_PROVISIONING, "pending", delay=90.0)))(work)
    row = await bench.command()
    assert (row["state"], row["reason"], row["due_at"]) == (
        "waiting",
        "order_provisioning",
        bench.journal.now() + 90 * SECOND,
    )
    _, waiting = await bench.said()
    assert (waiting["reason"], waiting["detail"], waiting["attempt"]) == ("order_provisioning", "pending", 0)
    assert waiting["until"] == "2026-03-02T09:01:30Z"
    assert waiting["ce_id"] == str(event_id("/crm", "c-1", 0, "waiting-1"))
    (note,) = await bench.rows("SELECT * FROM note")
    assert (note["kind"], note["reason"], note["until"]) == ("wait", "order_provisioning", row["due_at"])
    assert await bench.claim() == []
    await asyncio.sleep(90)
    assert len(await bench.claim()) == 1


async def test_a_wait_is_published_again_only_for_another_reason(bench: Bench) -> None:
    """The events are numbered in order, each with an id of its own."""
    await bench.accept(record())
    provisioning = Wait(WaitingReason.ORDER_PROVISIONING, "pending", delay=1.0)
    throttled = Throttled("orders.get", "429", 1.0)
    for error in (provisioning, provisioning, throttled, provisioning):
        await asyncio.sleep(1)
        await bench.dispatch(raising(error))((await bench.claim())[0])
    said = (await bench.said())[1:]
    assert [event["reason"] for event in said] == ["order_provisioning", "throttled", "order_provisioning"]
    assert [event["ce_id"] for event in said] == [
        str(event_id("/crm", "c-1", 0, f"waiting-{number}")) for number in (1, 2, 3)
    ]


async def test_what_waits_holds_its_lane(bench: Bench) -> None:
    """Order is a promise: the customer's next command has its turn when this command is over."""
    first = await bench.begin(id="c-1")
    await bench.accept(record(id="c-2", offset=1))
    await bench.dispatch(raising(Wait(WaitingReason.ORDER_PROVISIONING, "pending", delay=90.0)))(first)
    assert await bench.claim() == []
    await asyncio.sleep(90)
    (again,) = await bench.claim()
    assert again.id == "c-1"
    await bench.dispatch(answered)(again)
    assert [work.id for work in await bench.claim()] == ["c-2"]


async def test_a_wait_that_releases_its_lane_goes_on_beside_the_others(bench: Bench) -> None:
    """The lane stays released."""
    first = await bench.begin(UPGRADE, id="c-1")
    await bench.accept(record(id="c-2", offset=1))
    wait = Wait(WaitingReason.UPGRADE_RUNNING, "running", delay=90.0, release=True)
    await bench.dispatch(raising(wait))(first)
    assert [work.id for work in await bench.claim()] == ["c-2"]
    await asyncio.sleep(90)
    beside = next(work for work in await bench.claim() if work.id == "c-1")
    assert beside.released
    await bench.dispatch(raising(Throttled("upgrades.status", "429", 9.0)))(beside)
    assert (await bench.command("c-1"))["released"] == 1


async def test_a_request_held_back_at_the_gate_is_begun_again_without_an_event(bench: Bench) -> None:
    """The run begins again within a second, whatever the state of the command."""
    work = await bench.begin()
    await bench.dispatch(raising(GateClosed("carts.checkout", "lane lost")))(work)
    row = await bench.command()
    assert (row["state"], row["attempts"], row["due_at"]) == ("accepted", 0, bench.journal.now() + SECOND)
    assert event_types(await bench.said()) == ["CommandAccepted"]


# ---- events and notes of a run


async def test_events_of_a_run_come_before_its_end_and_are_published_once(bench: Bench) -> None:
    """A later run that publishes the event again publishes the same event (promise G3)."""

    async def handler(ctx: Context, _command: Any) -> Event:
        ctx.say("started", ProductUpgradeStarted, upgrade_id="u-1", adopted=False)
        if not ctx.memory.get("seen"):
            ctx.memory["seen"] = True
            raise Wait(WaitingReason.UPGRADE_RUNNING, "running", delay=1.0)
        return ctx.answer(PlanSuspended, subscription_id="s-1", already_suspended=False)

    work = await bench.begin(UPGRADE)
    await bench.dispatch(handler)(work)
    await asyncio.sleep(1)
    await bench.dispatch(handler)(await bench.again(work))
    types = event_types(await bench.said())
    assert types == ["CommandAccepted", "ProductUpgradeStarted", "CommandWaiting", "PlanSuspended"]


async def test_a_note_is_written_once_in_a_story(bench: Bench) -> None:
    """The number of runs does not matter."""

    async def handler(ctx: Context, _command: Any) -> Event:
        ctx.note("the agreement was not checked")
        raise Wait(WaitingReason.UPGRADE_RUNNING, "running", delay=1.0)

    work = await bench.begin()
    await bench.dispatch(handler)(work)
    await asyncio.sleep(1)
    await bench.dispatch(handler)(await bench.again(work))
    assert len(await bench.rows("SELECT * FROM note WHERE kind = 'note'")) == 1


# ---- checks before a handler


@pytest.mark.parametrize(
    ("asked", "detail"),
    [
        (None, "several accounts are configured and ce_partner names none"),
        ("nobody", "no account is named nobody"),
    ],
)
async def test_a_command_without_an_account_fails_and_can_be_redriven(
    bench: Bench, asked: str | None, detail: str
) -> None:
    """An operator may configure the account later."""
    await bench.accept(record(partner=asked), among=desk(("contoso", "fabrikam")))
    (work,) = await bench.claim("")
    await bench.dispatch(answered, traffic=lambda work: Traffic(work, bench.clock, lambda _: None, bench.journal.now))(
        work
    )
    failed = (await bench.said())[-1]
    assert (failed["code"], failed["detail"], failed["partner"]) == ("partner_not_configured", detail, None)
    assert len(await bench.letters()) == 1


async def test_a_command_does_not_run_in_another_line_than_the_customers_other_commands(bench: Bench) -> None:
    """The command was accepted while its account was unknown. It would act beside the commands of that account.

    Rule OneLine, promise G4.
    """
    await bench.accept(record(), among=desk(("contoso", "fabrikam")))
    (work,) = await bench.claim("")
    await bench.dispatch(answered)(work)
    failed = (await bench.said())[-1]
    assert failed["code"] == "partner_not_configured"
    assert failed["detail"] == "the account contoso could not be told to be meant when the command was accepted"
    assert failed["partner"] is None


async def test_an_unknown_account_is_not_replaced_by_the_only_one(bench: Bench) -> None:
    """The sender need not have meant the only account. The account named in the events stays the same."""
    await bench.accept(record(partner="nobody"), among=desk(("contoso",)))
    (work,) = await bench.claim("")
    await bench.dispatch(answered)(work)
    failed = (await bench.said())[-1]
    assert (failed["code"], failed["detail"]) == ("partner_not_configured", "no account is named nobody")
    assert failed["partner"] is None


async def test_a_timeline_goes_by_one_clock_whatever_the_workers_says(bench: Bench) -> None:
    """The worker's clock is an hour ahead.

    Its calls still stand between acceptance and answer; the difference is shown.
    """
    work = await bench.begin()
    bench.clock.jump(timedelta(hours=1))
    traffic = bench.traffic(work)

    async def calling(ctx: Context, command: Any) -> Event:
        await asyncio.sleep(5)
        traffic.called(replace(call(answered=True), at=bench.clock.now()))
        return await answered(ctx, command)

    await bench.dispatch(calling, traffic=lambda _: traffic)(work)
    (made,) = await bench.rows("SELECT at FROM call")
    row = await bench.command()
    assert row["received_at"] < made["at"] <= row["concluded_at"]
    (note,) = await bench.rows("SELECT kind, detail FROM note")
    assert note["kind"] == "clock"
    assert "is 3600.0 s ahead of the database's" in note["detail"]


async def test_a_difference_of_clocks_is_logged_once(bench: Bench) -> None:
    """The difference is logged again when it has changed."""

    async def waits(_ctx: Context, _command: Any) -> Event:
        raise Wait(WaitingReason.RETRY, "later", delay=1)

    work = await bench.begin()
    for hours in (1, 0, 1):
        bench.clock.jump(timedelta(hours=hours))
        await bench.dispatch(waits)(work)
        await asyncio.sleep(2)
        (work,) = await bench.claim()
    assert len(await bench.rows("SELECT * FROM note WHERE kind = 'clock'")) == 2


async def test_a_command_that_this_version_does_not_read_waits_for_one_that_does(bench: Bench) -> None:
    """An accepted command may not be dropped. It fails if no version has read it for a day."""
    work = await bench.begin()
    unread = replace(work.record, value=b"{")
    await bench.dispatch(answered)(replace(work, record=unread))
    assert (await bench.said())[-1]["reason"] == "retry"
    await asyncio.sleep(DAY)
    await bench.dispatch(answered)(replace(await bench.again(work), record=unread))
    assert (await bench.said())[-1]["code"] == "internal_error"


async def test_a_command_without_a_handler_fails_after_three_tries(bench: Bench) -> None:
    """A later deployment may bring the handler."""
    await bench.accept(record())
    dispatch = bench.dispatch(answered, handlers={})
    for _ in range(3):
        await dispatch((await bench.claim())[0])
        await asyncio.sleep(10)
    failed = (await bench.said())[-1]
    assert (failed["code"], failed["detail"]) == ("internal_error", "an error inside azplan: LookupError")


async def test_a_worker_that_only_validates_tells_every_handler(bench: Bench) -> None:
    """This holds whatever the command says."""
    asked: list[bool] = []

    async def handler(ctx: Context, _command: Any) -> Event:
        asked.append(ctx.validate_only)
        raise Rejected(RejectedCode.PLAN_NOT_FOUND, "there is none")

    await bench.dispatch(handler, validate_only=True)(await bench.begin(id="c-1"))
    await bench.dispatch(handler)(await bench.begin(id="c-2"))
    await bench.dispatch(handler)(await bench.begin(SUSPEND.model_copy(update={"validate_only": True}), id="c-3"))
    assert asked == [True, False, True]


async def test_the_commands_deadline_is_known_at_the_gate(bench: Bench) -> None:
    """A write that was prepared in time may not leave too late."""
    deadline = bench.clock.now() + timedelta(seconds=30)
    traffics: list[Traffic] = []

    def traffic(work: Work) -> Traffic:
        traffics.append(bench.traffic(work))
        return traffics[-1]

    command = SuspendPlan(customer_id=CUSTOMER, deadline=deadline)
    await bench.dispatch(answered, traffic=traffic)(await bench.begin(command))
    assert traffics[0].deadline == deadline


# ---- settling


def losing() -> Callable[..., Any]:
    """A handler whose write is never answered and whose look then shows no effect."""
    act = Request(Unanswered("subscriptions.patch", "timeout"))

    async def handler(ctx: Context, _command: Any) -> Event:
        if not ctx.step_state("suspend").was_sent:
            await ctx.step("suspend", State(there=False, act=act))
        raise Rejected(RejectedCode.ACTIVE_ASSETS, "one is active")

    return handler


async def test_a_no_is_held_back_until_a_request_without_an_answer_can_no_longer_arrive(bench: Bench) -> None:
    """Then the command ends as an unknown outcome, if nobody looked since."""
    work = await bench.begin()
    handler = losing()
    await bench.dispatch(handler)(work)
    await asyncio.sleep(1)
    await bench.dispatch(handler)(await bench.again(work))
    row = await bench.command()
    assert (row["state"], row["reason"]) == ("waiting", "settling")
    assert row["due_at"] == int(WITHIN * SECOND) + bench.journal.now() - SECOND
    await asyncio.sleep(WITHIN)
    await bench.dispatch(handler)(await bench.again(work))
    assert ((await bench.command())["state"], (await bench.command())["code"]) == ("failed", "outcome_unknown")


async def test_the_next_command_waits_until_nothing_of_the_one_before_can_arrive(bench: Bench) -> None:
    """The next command is not even begun (rule Settle, promise G4)."""
    first = await bench.begin(id="c-1")
    await bench.accept(record(id="c-2", offset=1))
    with pytest.raises(Unanswered):
        await bench.steps(first).take("s", State(there=False, act=Request(Unanswered("subscriptions.patch", "?"))))
    until = bench.journal.now() + int(WITHIN * SECOND)
    await bench.journal.conclude(first, Conclusion(state=CommandState.SUCCEEDED))
    runs: list[int] = []

    async def handler(ctx: Context, command: Any) -> Event:
        runs.append(1)
        return await answered(ctx, command)

    await asyncio.sleep(100)
    await bench.dispatch(handler)((await bench.claim())[0])
    row = await bench.command("c-2")
    assert (runs, row["state"], row["reason"], row["due_at"]) == ([], "waiting", "settling", until)
    await asyncio.sleep(WITHIN - 100)
    await bench.dispatch(handler)((await bench.claim())[0])
    assert (runs, (await bench.command("c-2"))["state"]) == ([1], "succeeded")


async def test_a_run_that_began_before_everything_had_settled_looks_once_more(bench: Bench) -> None:
    """The look of that run may be older than a request that arrived at the last moment (rule LookLast, promise G6)."""
    work = await bench.begin()
    handler = losing()
    await bench.dispatch(handler)(work)
    await asyncio.sleep(WITHIN - 1)

    async def slow(ctx: Context, command: Any) -> Event:
        await asyncio.sleep(5)
        return await handler(ctx, command)  # type: ignore[no-any-return]

    await bench.dispatch(slow)(await bench.again(work))
    row = await bench.command()
    assert (row["state"], row["reason"]) == ("waiting", "settling")
    assert row["due_at"] <= bench.journal.now() + 1


# ---- runs without a conclusion


@pytest.mark.parametrize("error", [LaneLost("contoso/x"), JournalUnavailable("gone")])
async def test_a_run_that_lost_its_lane_or_the_journal_leaves_without_an_event(bench: Bench, error: Exception) -> None:
    """The lane's next owner goes on from the last write."""
    work = await bench.begin()
    await bench.dispatch(raising(error))(work)
    assert (await bench.command())["state"] == "accepted"
    assert event_types(await bench.said()) == ["CommandAccepted"]


async def test_a_run_whose_lane_has_another_owner_concludes_nothing(bench: Bench) -> None:
    """The journal compares the epoch of the lane (rule Epoch, promise G3)."""
    work = await bench.begin()
    await bench.dispatch(answered)(replace(work, owner=replace(work.owner, epoch=7)))
    assert (await bench.command())["state"] == "accepted"


class Unwritable:
    """A journal that refuses to store the next ends of a run."""

    def __init__(self, bench: Bench, refusals: int) -> None:
        self._journal = bench.journal
        self._refusals = refusals

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def conclude(self, work: Work, end: Conclusion) -> None:
        """Refuse, or conclude."""
        self._refusals -= 1
        if self._refusals >= 0:
            raise ValueError("the database does not take it")
        await self._journal.conclude(work, end)


async def test_an_end_that_cannot_be_stored_is_an_internal_error(bench: Bench) -> None:
    """The run is retried like any error of azplan. Its event is lost."""
    work = await bench.begin()
    await bench.dispatch(answered, journal=Unwritable(bench, 1))(work)
    row = await bench.command()
    assert (row["state"], row["reason"], row["attempts"]) == ("waiting", "retry", 1)


async def test_a_command_whose_end_cannot_be_written_at_all_does_not_come_back_at_once(bench: Bench) -> None:
    """The command keeps its slot for a minute. No error is raised."""
    work = await bench.begin()
    begun = bench.clock.monotonic()
    await bench.dispatch(answered, journal=Unwritable(bench, 2))(work)
    assert bench.clock.monotonic() - begun == 60
    assert (await bench.command())["state"] == "accepted"
