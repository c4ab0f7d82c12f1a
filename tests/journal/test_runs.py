"""A command's run: intents that are durable before their requests leave, outcomes, waits, ends, and the next turn."""

import asyncio
from dataclasses import replace

import pytest

from tests.journal.bench import (
    Bench,
    accept,
    change,
    claim,
    command,
    ended,
    event,
    intent,
    lapse,
    letter,
    only,
    rows,
    waiting,
)
from worker.errors import LaneLost
from worker.journal.journal import EffectHeld, Journal
from worker.journal.processing.runs import StepIsApplied
from worker.journal.records import SECOND, Call, Note, State, Step, StepState, Waits

HOUR = 3600.0


def call(key: str = "checkout|POST|/carts/1/checkout", *, answered: bool = True) -> Call:
    """A call of Partner Center."""
    return Call(5, "checkout", "carts.checkout", "200", 12, "request", "correlation", None, key, answered)


async def settles(journal: Journal) -> list[int]:
    """The instant until which the lane waits."""
    return [row["settle_until"] for row in await rows(journal, "SELECT settle_until FROM lane ORDER BY id")]


async def test_an_intent_is_there_for_the_next_owner(bench: Bench) -> None:
    """The intent has its effect, its details, the number of attempts, and until when its request may arrive."""
    one, two = await bench.worker("one"), await bench.worker("two")
    await accept(one, command("1"))
    before = one.now()
    step = await one.intend(await only(one), intent(details={"cart": "c-1"}), 340.0, "azure-plan")
    await lapse(one)
    await two.take_lanes(10)
    found = (await only(two)).steps["checkout"]
    assert found == step
    assert (found.state, found.attempts, found.details, found.in_doubt) == (
        StepState.INTENDED,
        1,
        {"cart": "c-1"},
        True,
    )
    assert before + 340 * SECOND <= found.until <= one.now() + 341 * SECOND


async def test_more_take_overs_do_not_move_an_instant_of_settling(bench: Bench) -> None:
    """The time counts from the intent, not from the worker that looks."""
    one = await bench.worker("one")
    await accept(one, command("1"))
    until = (await one.intend(await only(one), intent(), 340.0)).until
    for name in ("two", "three", "four"):
        await change(one, "UPDATE worker SET expires_at = 1")
        worker = await bench.worker(name)
        await worker.take_lanes(10)
        assert (await only(worker)).unsettled_until() == until


async def test_an_unanswered_request_stays_in_the_account_when_the_step_is_tried_again(bench: Bench) -> None:
    """The later of the two instants counts, even when the second request is answered."""
    one = await bench.worker("one")
    await accept(one, command("1"))
    work = await only(one)
    first = await one.intend(work, intent(), 900.0)
    second = await one.intend(work, intent(), 10.0)
    assert (second.attempts, second.earlier_until, second.until) == (2, first.until, first.until)
    answered = Step("checkout", "money", StepState.NOT_APPLIED, attempts=2, earlier_until=second.earlier_until)
    await one.record(work, answered)
    await one.conclude(work, waiting())
    found = (await only(one)).steps["checkout"]
    assert (found.until, found.in_doubt) == (first.until, True)


async def test_a_step_that_took_effect_is_never_begun_again(bench: Bench) -> None:
    """The journal refuses the intent, whatever the caller believes: nothing can be bought by mistake."""
    one = await bench.worker("one")
    await accept(one, command("1"))
    work = await only(one)
    step = await one.intend(work, intent(), 10.0, "buy")
    await one.record(work, Step("checkout", "money", StepState.APPLIED, 1, 0, 0, step.details, {"order": "o-1"}))
    with pytest.raises(StepIsApplied, match="checkout"):
        await one.intend(work, intent(), 10.0, "buy")
    await one.conclude(work, waiting())
    assert (await only(one)).steps["checkout"].result == {"order": "o-1"}


async def test_details_and_results_come_back_as_they_were(bench: Bench) -> None:
    """Any text at any depth comes back: U+0000, lone surrogates, backslashes and emoji too."""
    odd = {"a\x00b": ["\ud800", "\\u0000", "é😀", None, True, 1.5, 10**30], "deep": {"er": [{}]}}
    one = await bench.worker("one")
    await accept(one, command("1"))
    work = await only(one)
    await one.intend(work, intent(details=odd), 1.0)
    await one.record(work, Step("checkout", "money", StepState.APPLIED, details=odd, result=odd))
    await one.conclude(work, waiting(memory=odd))
    again = await only(one)
    assert (again.steps["checkout"].details, again.steps["checkout"].result, again.memory) == (odd, odd, odd)


async def test_the_next_command_has_its_turn_when_the_one_before_is_over(bench: Bench) -> None:
    """One command of a lane runs at a time, in the order of acceptance, whatever the end (promise G4)."""
    one = await bench.worker("one")
    await accept(one, *(command(str(n)) for n in range(4)))
    order = []
    for state in (State.SUCCEEDED, State.REJECTED, State.FAILED, State.SUCCEEDED):
        work = await only(one)
        order.append(work.id)
        await one.conclude(work, ended(work, state))
    assert order == ["0", "1", "2", "3"]
    assert await claim(one) == []


async def test_a_waiting_command_holds_its_lane(bench: Bench) -> None:
    """The next command is not due. The journal says in how many seconds the next one will be."""
    one = await bench.worker("one")
    await accept(one, command("1"), command("2"))
    await one.conclude(await only(one), waiting(HOUR, waits=Waits(said="retry", count=1)))
    found = await one.claim(["us"], 10, ())
    assert list(found.work) == []
    assert found.next_in is not None
    assert HOUR - 10 < found.next_in <= HOUR


async def test_a_wait_that_releases_lets_the_next_command_run_beside_it(bench: Bench) -> None:
    """A released command stays released, whatever its later waits say. Its end frees no second command."""
    one = await bench.worker("one")
    await accept(one, command("1"), command("2"), command("3"))
    await one.conclude(await only(one), waiting(released=True))
    first, second = sorted(await claim(one), key=lambda work: work.id)
    assert (first.id, first.released, second.id, second.released) == ("1", True, "2", False)
    await one.conclude(first, waiting())
    again = next(work for work in await claim(one) if work.id == "1")
    assert again.released
    await one.conclude(again, ended(again))
    assert [work.id for work in await claim(one)] == ["2"]


async def test_the_next_run_finds_everything_that_a_run_leaves(bench: Bench) -> None:
    """Attempts, waits, memory, counts of answers and the first failure are kept."""
    one = await bench.worker("one")
    await accept(one, command("1"))
    waits = Waits(count=2, said="retry", polls=3, since={"settling": 17})
    end = waiting(attempts=4, failed=True, waits=waits, memory={"upgrade": "u-1"}, calls=[call(), call(answered=False)])
    await one.conclude(await only(one), end)
    work = await only(one)
    assert (work.attempts, work.waits, work.memory) == (4, waits, {"upgrade": "u-1"})
    assert work.answers == {"checkout|POST|/carts/1/checkout": 1}
    first = work.first_failed_at
    assert first is not None
    await one.conclude(work, waiting(failed=True))
    assert (await only(one)).first_failed_at == first


async def test_a_later_command_learns_until_when_an_unanswered_request_may_arrive(bench: Bench) -> None:
    """The instant stays with the lane, whatever the end of the command that sent the request.

    Rule Settle, promise G4.
    """
    one = await bench.worker("one")
    await accept(one, command("1"), command("2"), command("3", customer="fabrikam"))
    first = next(work for work in await claim(one) if work.id == "1")
    until = (await one.intend(first, intent(), 340.0)).until
    await one.conclude(first, ended(first, State.FAILED))
    works = {work.id: work.settle_until for work in await claim(one)}
    assert works == {"2": until, "3": 0}


async def test_a_released_command_leaves_its_unsettled_requests_to_the_lane(bench: Bench) -> None:
    """The lane gets the instants at the release, and for each later request of the command.

    The command itself waits for none.
    """
    one = await bench.worker("one")
    await accept(one, command("1"), command("2"))
    first = await only(one)
    until = (await one.intend(first, intent(), 100.0)).until
    await one.conclude(first, waiting(released=True))
    released, second = sorted(await claim(one), key=lambda work: work.id)
    assert (released.settle_until, second.settle_until) == (0, until)
    later = (await one.intend(released, intent("another"), 500.0)).until
    assert {work.id: work.settle_until for work in await claim(one)} == {"1": 0, "2": later}


async def test_an_instant_of_settling_is_never_moved_back(bench: Bench) -> None:
    """A later command with a shorter doubt does not hide the longer doubt before it."""
    one = await bench.worker("one")
    await accept(one, command("1"), command("2"), command("3"))
    longest = 0
    for seconds in (900.0, 10.0):
        work = await only(one)
        longest = max(longest, (await one.intend(work, intent(), seconds)).until)
        await one.conclude(work, ended(work))
    assert (await only(one)).settle_until == longest


async def test_a_spent_key_needs_no_settling(bench: Bench) -> None:
    """An ordered cart can be ordered again a hundred times: no command waits for requests that still carry its key."""
    one = await bench.worker("one")
    await accept(one, command("1"), command("2"))
    work = await only(one)
    await one.intend(work, intent("cart"), 900.0)
    await one.intend(work, intent(), 900.0)
    await one.record(work, Step("checkout", "money", StepState.APPLIED), spent=True)
    await one.conclude(work, ended(work))
    assert (await only(one)).settle_until == 0


async def test_an_effect_is_open_for_one_command_at_a_time(bench: Bench) -> None:
    """The second command is told who has the effect. The first may begin it again. An end closes it.

    Rule OpenEffect, promise G2.
    """
    one = await bench.worker("one")
    await accept(one, command("1"), command("2"))
    first = await only(one)
    await one.intend(first, intent(), 1.0, "azure-plan")
    await one.intend(first, intent(), 1.0, "azure-plan")
    await one.conclude(first, ended(first, State.FAILED, keep_effects=True))
    second = await only(one)
    with pytest.raises(EffectHeld) as held:
        await one.intend(second, intent(), 1.0, "azure-plan")
    assert held.value.uid == first.uid
    assert second.steps == {}
    await one.intend(second, intent("other"), 1.0, "another effect")
    await one.conclude(second, ended(second))
    assert [row["uid"] for row in await rows(one, "SELECT uid FROM effect")] == [first.uid]


async def test_a_later_command_sees_the_open_effect_of_an_earlier_one_and_may_close_it(bench: Bench) -> None:
    """The steps are there, so the later command can look. The command that finds the answer closes the effect."""
    one = await bench.worker("one")
    await accept(one, command("1"), command("2"))
    first = await only(one)
    await one.intend(first, intent(details={"cart": "c-1"}), 1.0, "azure-plan")
    await one.conclude(first, ended(first, State.FAILED, keep_effects=True))
    (earlier,) = (second := await only(one)).earlier
    assert (earlier.key, earlier.uid, earlier.command_id) == ("azure-plan", first.uid, "1")
    assert earlier.steps["checkout"].details == {"cart": "c-1"}
    await one.close_effect(second, "azure-plan")
    await one.intend(second, intent(), 1.0, "azure-plan")
    assert (await only(one)).earlier == ()


async def test_an_effect_that_is_ended_makes_room_for_a_new_beginning(bench: Bench) -> None:
    """Steps that were put away keep their place and instants in the timeline, but no run reads them as current."""
    one = await bench.worker("one")
    await accept(one, command("1"))
    work = await only(one)
    until = (await one.intend(work, intent(), 900.0)).until
    await one.put_away(work, ["checkout", "never begun"])
    await one.intend(work, intent(), 10.0)
    await one.put_away(work, ["checkout"])
    await one.intend(work, intent(), 20.0)
    await one.conclude(work, ended(work, State.FAILED, ended=True))
    names = [row["name"] for row in await rows(one, "SELECT name FROM step ORDER BY name")]
    assert names == ["checkout~1", "checkout~2", "checkout~3"]
    assert (await settles(one))[-1] == until


async def test_the_end_of_a_command_that_failed_is_also_a_dead_letter(bench: Bench) -> None:
    """It is written in the same transaction, from the original bytes, once for each story."""
    one = await bench.worker("one")
    await accept(one, command("1", partition=6))
    work = await only(one)
    await one.conclude(work, ended(work, State.FAILED))
    (dead,) = [row for row in await one.unsent(10) if row.letter]
    assert (dead.lane, dead.value, dead.type) == ("dead-letters/6", work.record.value, "outcome_unknown")


async def test_text_of_others_enters_the_journal_printable(bench: Bench) -> None:
    """People read Microsoft's words in a wait, a call or a dead letter as long as the journal has them."""
    hostile, harmless = "\x1b[2J\u202efailed\u2028\u200b", "\ufffd[2J\ufffdfailed \ufffd"
    one = await bench.worker("one")
    await accept(one, command("1"))
    work = await only(one)
    notes = [Note(1, "wait", f"the upgrade is {hostile}", "upgrade_running"), Note(2, "note", hostile)]
    call = Call(1, "", "upgrades.get", "409", 1, "r", "c", hostile, "k", answered=True)
    end = ended(work, State.FAILED, notes=notes, calls=[call])
    assert end.letter is not None
    await one.conclude(work, replace(end, letter=replace(end.letter, detail=hostile)))
    assert [row["detail"] for row in await rows(one, "SELECT detail FROM note ORDER BY at")] == [
        f"the upgrade is {harmless}",
        harmless,
    ]
    assert [row["code"] for row in await rows(one, "SELECT code FROM call")] == [harmless]
    assert [row["detail"] for row in await rows(one, "SELECT detail FROM dead_letter")] == [harmless]


async def test_a_run_that_is_over_writes_nothing_more(bench: Bench) -> None:
    """A claim is for one run. When that run has ended, by itself or by a person, the claim is lost."""
    one = await bench.worker("one")
    await accept(one, command("1"))
    stale, work = await only(one), await only(one)
    await one.conclude(work, waiting())
    for write in (
        one.intend(stale, intent(), 1.0, "buy"),
        one.record(stale, Step("cart", "orphan", StepState.APPLIED)),
        one.conclude(stale, ended(stale)),
    ):
        with pytest.raises(LaneLost):
            await write
    again = await only(one)
    assert (again.steps, again.state) == ({}, State.WAITING)
    assert await rows(one, "SELECT * FROM effect") == []


async def test_two_ends_of_one_run_in_one_group_are_one_end(bench: Bench) -> None:
    """When both are committed together, the second finds that the run is over (promise G3)."""
    one = await bench.worker("one")
    await accept(one, command("1"))
    work = await only(one)
    ends = [one.conclude(work, ended(work, state)) for state in (State.SUCCEEDED, State.REJECTED, State.FAILED)]
    results = await asyncio.gather(*ends, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["LaneLost", "LaneLost", "NoneType"]
    assert len([row for row in await one.unsent(10) if row.type == "azplan.PlanSuspended.v1"]) == 1


async def test_an_event_said_twice_is_one_event(bench: Bench) -> None:
    """The id identifies the event. The first content stays (promise G3)."""
    one = await bench.worker("one")
    await accept(one, command("1"))
    for at, said in ((1, b"first"), (2, b"second")):
        await one.conclude(await only(one), waiting(events=[replace(event("waiting-1", at=at), value=said)]))
    told = [(row.at, row.value) for row in await one.unsent(10) if row.headers[0][1] == b"waiting-1"]
    assert told == [(1, b"first")]


async def test_claims_are_fair_to_partners_and_leave_out_running_commands(bench: Bench) -> None:
    """Each partner gets the same number at most, the longest due first."""
    one = await bench.worker("one")
    items = [command(f"{partner}-{n}", partner=partner, customer=str(n)) for partner in ("us", "eu") for n in range(5)]
    await accept(one, *items, command("nobody", partner=None))
    found = (await one.claim(["us", "eu", ""], 2, {"/crm#us-0", "/crm#eu-0"})).work
    assert [work.id for work in found] == ["us-1", "us-2", "eu-1", "eu-2", "nobody"]
    assert await one.partners() == ["", "eu", "us"]
    assert (await one.runnable(100), await one.runnable(4)) == (11, 4)


async def test_notes_and_calls_are_kept_for_the_timeline(bench: Bench) -> None:
    """All notes and calls of a run are there in the order in which they happened."""
    one = await bench.worker("one")
    await accept(one, command("1"))
    work = await only(one)
    await one.record(work, Step("cart", "orphan", StepState.APPLIED), [call("a")])
    note = Note(at=7, kind="wait", detail="not yet", reason="retry", until=9)
    await one.conclude(work, waiting(calls=[call("b")], notes=[note]))
    assert [row["request"] for row in await rows(one, "SELECT request FROM call ORDER BY seq")] == ["a", "b"]
    (kept,) = await rows(one, "SELECT at, kind, detail, reason, until FROM note")
    assert kept == {"at": 7, "kind": "wait", "detail": "not yet", "reason": "retry", "until": 9}


async def test_a_dead_letter_of_a_story_is_written_once(bench: Bench) -> None:
    """Place, bytes and the number of the story tell dead letters apart."""
    one = await bench.worker("one")
    await accept(one, command("1"))
    work = await only(one)
    await one.conclude(work, waiting(letter=letter(work.record, "internal_error")))
    work = await only(one)
    await one.conclude(work, ended(work, State.FAILED))
    assert len(await rows(one, "SELECT seq FROM dead_letter")) == 1
