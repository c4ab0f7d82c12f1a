"""The lane's owner carries out each request of a person once, and answers it in the same transaction."""

import asyncio
from dataclasses import replace

import pytest

from tests.journal.bench import Bench, accept, change, claim, command, ended, event, intent, lapse, only, rows
from worker.errors import LaneLost
from worker.journal.journal import Journal
from worker.journal.operating.requests import Requests
from worker.journal.processing.requests import DONE, LaneRequests, Request
from worker.journal.records import Conclusion, Resolution, State, Step, StepState, Waits, Work


async def failed(journal: Journal, id: str = "1", **facts: object) -> Work:  # noqa: A002
    """A failed command whose events are all sent."""
    await accept(journal, command(id))
    work = await only(journal)
    await journal.conclude(work, ended(work, State.FAILED, attempts=3, waits=Waits(count=2, said="retry"), **facts))
    return work


async def asked(one: Journal, verb: str, uid: str = "/crm#1") -> tuple[LaneRequests, Request, Work]:
    """A request as its carrier finds it, with the command of the request."""
    acts = one.requests
    await Requests(one.transactions).ask("ada", "because", verb, uid, {"with": ["details"]})
    (act,) = await acts.open()
    item = await acts.subject(act)
    assert item is not None
    return acts, act, item


async def test_a_request_is_found_by_the_owner_of_its_lane_and_by_nobody_else(bench: Bench) -> None:
    """The request says who asked, and why. The verb reads the answer by the request's number."""
    one, two, verb = await bench.worker("one"), await bench.worker("two"), await bench.journal()
    await failed(one)
    number = await Requests(verb.transactions).ask(
        "ada", "the agreement is signed", "redrive", "/crm#1", {"canary": True}
    )
    assert await two.requests.open() == []
    (act,) = await one.requests.open()
    assert act == Request(number, "ada", "the agreement is signed", "redrive", "/crm#1", "us/contoso", {"canary": True})
    assert await Requests(verb.transactions).answer(number) is None
    await one.requests.refuse(act, "not today")
    assert await Requests(verb.transactions).answer(number) == "not today"
    assert await one.requests.open() == []


async def test_a_request_about_a_lane_that_nobody_owns_finds_an_owner(bench: Bench) -> None:
    """The request makes the lane unfinished: a worker takes the lane and keeps it until the request is answered."""
    one, verb = await bench.worker("one"), await bench.journal()
    await failed(one)
    await one.sent(await one.unsent(10))
    assert await one.give_back(10) == 2
    await Requests(verb.transactions).ask("ada", "why", "redrive", "/crm#1")
    assert await one.take_lanes(10) == 1
    assert await one.give_back(10) == 0
    (act,) = await one.requests.open()
    await one.requests.refuse(act, "no")
    assert await one.give_back(10) == 1


async def test_a_request_about_nothing_is_not_written(bench: Bench) -> None:
    """The person hears at once that there is no such command."""
    verb = await bench.journal()
    with pytest.raises(LookupError, match="no command nobody"):
        await Requests(verb.transactions).ask("ada", "why", "cancel", "nobody")
    assert await rows(verb, "SELECT seq FROM act") == []


async def test_a_redriven_command_begins_its_next_story_at_the_end_of_its_lane(bench: Bench) -> None:
    """The old story is over. Everything that the command holds at Microsoft stays its own."""
    one = await bench.worker("one")
    await accept(one, command("1"))
    work = await only(one)
    await one.intend(work, intent(details={"cart": "c-1"}), 60.0, "azure-plan")
    await one.conclude(work, ended(work, State.FAILED, attempts=3, keep_effects=True, waits=Waits(4, "retry", 2)))
    await accept(one, command("2"))
    acts, act, item = await asked(one, "redrive")
    assert (item.state, item.code) == (State.FAILED, "outcome_unknown")
    assert await acts.redrive(act, item, [event("/crm#1/1/accepted")]) == DONE
    second = await only(one)
    assert second.id == "2", "what was accepted before the redrive comes first"
    await one.conclude(second, ended(second))
    again = await only(one)
    assert (again.id, again.redrive, again.state, again.attempts, again.waits) == ("1", 1, State.ACCEPTED, 0, Waits())
    assert (again.first_failed_at, again.code, again.resolution) == (None, None, None)
    assert again.steps["checkout"].in_doubt
    assert [row.headers[0][1] for row in await one.unsent(10) if row.headers[0][1].startswith(b"/crm#1/1")] == [
        b"/crm#1/1/accepted"
    ]
    assert [row["state"] for row in await rows(one, "SELECT state FROM dead_letter")] == ["redriven"]
    await one.intend(again, intent(details={"cart": "c-1"}), 60.0, "azure-plan")


async def test_a_redriven_command_whose_lane_is_idle_is_due_at_once(bench: Bench) -> None:
    """A second failure makes a dead letter of its own."""
    one = await bench.worker("one")
    await failed(one)
    acts, act, item = await asked(one, "redrive")
    assert await acts.redrive(act, item) == DONE
    again = await only(one)
    await one.conclude(again, ended(again, State.FAILED))
    letters = await rows(one, "SELECT redrive, state FROM dead_letter ORDER BY seq")
    assert [(row["redrive"], row["state"]) for row in letters] == [(0, "redriven"), (1, "open")]


@pytest.mark.parametrize("state", [State.SUCCEEDED, State.REJECTED])
async def test_only_a_failed_command_is_redriven(bench: Bench, state: State) -> None:
    """Any other command is refused with its state and stays unchanged."""
    one = await bench.worker("one")
    await accept(one, command("1"))
    work = await only(one)
    await one.conclude(work, ended(work, state))
    acts, act, item = await asked(one, "redrive")
    assert str(state) in await acts.redrive(act, item)
    assert await claim(one) == []


async def test_a_request_is_carried_out_once(bench: Bench) -> None:
    """Several carriers may find the request, each several times."""
    one = await bench.worker("one")
    await failed(one)
    acts, act, item = await asked(one, "redrive")
    results = await asyncio.gather(*(acts.redrive(act, item) for _ in range(3)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["LaneLost", "LaneLost", "str"]
    assert (await only(one)).redrive == 1


async def test_a_request_stays_open_when_its_carrier_has_lost_the_lane(bench: Bench) -> None:
    """The next owner of the lane carries it out."""
    one, two = await bench.worker("one"), await bench.worker("two")
    await failed(one)
    acts, act, item = await asked(one, "redrive")
    await lapse(one)
    await two.take_lanes(10)
    with pytest.raises(LaneLost):
        await acts.redrive(act, item)
    (again,) = await two.requests.open()
    found = await two.requests.subject(again)
    assert found is not None
    assert await two.requests.redrive(again, found) == DONE


async def test_a_command_that_has_not_begun_to_write_is_cancelled_wherever_it_stands(bench: Bench) -> None:
    """First in its lane or behind another, the command is answered. The order of the others stays."""
    one = await bench.worker("one")
    await accept(one, *(command(str(n)) for n in range(1, 5)))
    for id_ in ("3", "1"):
        acts, act, item = await asked(one, "cancel", f"/crm#{id_}")
        assert await acts.cancel(act, item, cancelled(item)) == DONE
    order = []
    while works := await claim(one):
        order += [work.id for work in works]
        await one.conclude(works[0], ended(works[0]))
    assert order == ["2", "4"]
    states = await rows(one, "SELECT id, state, code FROM command WHERE id IN ('1', '3') ORDER BY id")
    assert [(row["state"], row["code"]) for row in states] == [("rejected", "cancelled_by_operator")] * 2


def cancelled(item: Work) -> Conclusion:
    """The end of a command that a person cancelled."""
    return ended(item, State.REJECTED, code="cancelled_by_operator")


async def test_a_run_that_is_under_way_when_its_command_is_cancelled_writes_nothing(bench: Bench) -> None:
    """The run has only read so far. Its first intent is refused, and no request leaves."""
    one = await bench.worker("one")
    await accept(one, command("1"))
    work = await only(one)
    acts, act, item = await asked(one, "cancel")
    assert await acts.cancel(act, item, cancelled(item)) == DONE
    with pytest.raises(LaneLost):
        await one.intend(work, intent(), 60.0, "azure-plan")


async def test_a_command_that_has_begun_to_write_is_not_cancelled(bench: Bench) -> None:
    """This holds if the intent came after the request was read: the first of the two in the journal counts."""
    one = await bench.worker("one")
    await accept(one, command("1"))
    acts, act, item = await asked(one, "cancel")
    await one.intend(await only(one), intent(), 60.0)
    assert "begun to write (checkout)" in await acts.cancel(act, item, cancelled(item))
    assert (await only(one)).state is State.ACCEPTED


async def test_a_write_that_never_left_or_was_refused_is_no_beginning(bench: Bench) -> None:
    """Nothing was changed, so the command can still be cancelled.

    A request that may still arrive counts as a change.
    """
    one = await bench.worker("one")
    await accept(one, command("1"))
    work = await only(one)
    step = await one.intend(work, intent(), 60.0)
    acts, act, item = await asked(one, "cancel")
    await one.record(work, replace(step, state=StepState.NOT_APPLIED))
    assert "begun to write (checkout)" in await acts.cancel(act, item, cancelled(item))
    await one.record(work, replace(step, state=StepState.NOT_APPLIED, intent_until=0))
    acts, act, item = await asked(one, "cancel")
    assert await acts.cancel(act, item, cancelled(item)) == DONE


async def test_a_write_that_was_put_away_counts_until_it_can_no_longer_arrive(bench: Bench) -> None:
    """A refusal must not be published while a request may still take effect."""
    one = await bench.worker("one")
    await accept(one, command("1"))
    work = await only(one)
    await one.intend(work, intent(), 600.0)
    await one.put_away(work, ["checkout"])
    acts, act, item = await asked(one, "cancel")
    assert "begun to write" in await acts.cancel(act, item, cancelled(item))
    await change(one, "UPDATE step SET intent_until = 1")
    acts, act, item = await asked(one, "cancel")
    assert await acts.cancel(act, item, cancelled(item)) == DONE


async def test_a_command_that_is_over_is_not_cancelled(bench: Bench) -> None:
    """Its answer stays."""
    one = await bench.worker("one")
    await failed(one)
    acts, act, item = await asked(one, "cancel")
    assert "over already: it is failed" in await acts.cancel(act, item, cancelled(item))


async def unknown(one: Journal, until: float) -> None:
    """A command that ended with a check-out in doubt."""
    await accept(one, command("1"))
    work = await only(one)
    await one.record(work, Step("cart", "orphan", StepState.APPLIED, attempts=1, result={"cart": "c-1"}))
    await one.intend(work, intent(details={"cart": "c-1"}), until, "azure-plan")
    await one.conclude(work, ended(work, State.FAILED, keep_effects=True))


async def test_a_command_resolved_as_applied_goes_on_knowing_so(bench: Bench) -> None:
    """Its next story has the same steps, and the finding of the person."""
    one = await bench.worker("one")
    await unknown(one, 600.0)
    acts, act, item = await asked(one, "resolve")
    assert await acts.resolve(act, item, Resolution.APPLIED) == DONE
    again = await only(one)
    assert (again.redrive, again.resolution, sorted(again.steps)) == (1, Resolution.APPLIED, ["cart", "checkout"])
    assert again.steps["checkout"].in_doubt


async def test_a_command_resolved_as_not_applied_begins_again(bench: Bench) -> None:
    """Its steps are put away and no longer in doubt.

    Its effect stays its own, so no other command takes it meanwhile.
    """
    one = await bench.worker("one")
    await unknown(one, 0.0)
    await change(one, "UPDATE step SET intent_until = 1 WHERE name = 'checkout'")
    acts, act, item = await asked(one, "resolve")
    assert await acts.resolve(act, item, Resolution.NOT_APPLIED) == DONE
    again = await only(one)
    assert (again.redrive, again.resolution) == (1, Resolution.NOT_APPLIED)
    assert {name: step.in_doubt for name, step in again.steps.items()} == {"cart~1": False, "checkout~1": False}
    assert again.steps["cart~1"].result == {"cart": "c-1"}
    assert [row["uid"] for row in await rows(one, "SELECT uid FROM effect")] == [again.uid]


async def test_nothing_is_resolved_as_not_applied_while_a_request_may_still_arrive(bench: Bench) -> None:
    """A request may still arrive a minute after the person looked."""
    one = await bench.worker("one")
    await unknown(one, 600.0)
    acts, act, item = await asked(one, "resolve")
    assert "may still arrive" in await acts.resolve(act, item, Resolution.NOT_APPLIED)
    assert await claim(one) == []


async def test_only_an_unknown_outcome_is_resolved(bench: Bench) -> None:
    """A failure without doubt is redriven, not resolved."""
    one = await bench.worker("one")
    await failed(one, code="order_failed")
    acts, act, item = await asked(one, "resolve")
    assert "nothing about this command is unknown" in await acts.resolve(act, item, Resolution.APPLIED)


async def test_what_a_rebuilt_journal_knows_as_unknown_is_resolved(bench: Bench) -> None:
    """Its steps and effects are lost, but its code is known. A person may still say what was found."""
    one = await bench.worker("one")
    await failed(one, code="outcome_unknown")
    acts, act, item = await asked(one, "resolve")
    assert await acts.resolve(act, item, Resolution.APPLIED) == DONE


async def test_a_request_about_a_command_without_its_bytes_is_refused(bench: Bench) -> None:
    """The command cannot run again. The person who asked is told so."""
    one = await bench.worker("one")
    await failed(one)
    await change(one, "UPDATE command SET pruned_at = 1")
    acts = one.requests
    await Requests(one.transactions).ask("ada", "why", "redrive", "/crm#1")
    (act,) = await acts.open()
    assert await acts.subject(act) is None


async def test_a_redrive_leaves_the_dead_letters_of_others_alone(bench: Bench) -> None:
    """Only the dead letters of the command itself are marked as redriven."""
    one = await bench.worker("one")
    await failed(one, "1")
    await failed(one, "2")
    acts, act, item = await asked(one, "redrive", "/crm#2")
    await acts.redrive(act, item)
    letters = await rows(one, "SELECT uid, state FROM dead_letter ORDER BY seq")
    assert [row["state"] for row in letters] == ["open", "redriven"]
