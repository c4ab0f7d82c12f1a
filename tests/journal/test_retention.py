"""Forgetting: details first, the rest much later, and never what is not over."""

import pytest

from tests.journal.bench import Bench, accept, change, claim, command, ended, instead, intent, only, poison, rows
from worker.journal import letters, timeline
from worker.journal.acts import Acts
from worker.journal.journal import Journal
from worker.journal.records import Call, Note, State, Step, StepState, Taken, Work
from worker.journal.retention import PORTION, Pruned, due, prune

DAY = 86_400.0
KEEP, DETAILS = 400 * DAY, 30 * DAY


async def concluded(journal: Journal, id: str = "1", state: State = State.SUCCEEDED, **facts: object) -> Work:  # noqa: A002
    """A command that is over, with a call, a note and a step."""
    await accept(journal, command(id, customer=id))
    work = await only(journal)
    await journal.record(work, Step("cart", "orphan", StepState.APPLIED, result={"cart": 1}))
    call = Call(1, "cart", "carts.create", "201", 5, "r", "c", None, "key", answered=True)
    await journal.conclude(work, ended(work, state, calls=[call], notes=[Note(1, "note", "seen")], **facts))
    return work


async def sent(journal: Journal) -> None:
    """Kafka has acknowledged everything."""
    await journal.sent(await journal.unsent(1000))


async def age(journal: Journal, days: float) -> None:
    """Everything happened so many days earlier."""
    shift = int(days * DAY * 1_000_000)
    await change(journal, "UPDATE command SET concluded_at = concluded_at - ?", shift)
    await change(journal, "UPDATE dead_letter SET at = at - ?", shift)
    await change(journal, "UPDATE act SET done_at = done_at - ?", shift)


async def count(journal: Journal, *tables: str) -> dict[str, int]:
    """How many rows there are."""
    return {table: (await rows(journal, f"SELECT count(*) AS n FROM {table}"))[0]["n"] for table in tables}


async def pruned(journal: Journal) -> Pruned:
    """Forget what is due, which is just what was said to be due before."""
    told = await journal.read(lambda tx: due(tx, KEEP, DETAILS))
    done = await prune(journal, KEEP, DETAILS)
    assert done == told
    return done


async def test_details_are_forgotten_first_and_the_recorded_answer_stays(bench: Bench) -> None:
    """Identity, content hash, state, code and events are there for a replay; bytes, steps and calls are not."""
    one = await bench.worker()
    work = await concluded(one, state=State.REJECTED)
    await sent(one)
    before = await rows(one, "SELECT * FROM event ORDER BY seq")
    await age(one, 31)
    assert await pruned(one) == Pruned(details=1, commands=0, letters=0)
    story = await one.read(lambda tx: timeline.show(tx, work.uid))
    assert story is not None
    assert (story.command.state, story.command.code, story.record) == (State.REJECTED, "refused", None)
    assert (story.steps, story.calls, story.notes) == ([], [], [])
    assert await rows(one, "SELECT * FROM event ORDER BY seq") == before
    assert await accept(one, command("1", customer="1")) == [Taken.DUPLICATE]
    assert await accept(one, command("1", customer="1", fingerprint="other")) == [Taken.REUSED]
    assert await pruned(one) == Pruned(0, 0, 0)


async def test_what_is_younger_is_kept_whole(bench: Bench) -> None:
    """To the day."""
    one = await bench.worker()
    await concluded(one)
    await sent(one)
    await age(one, 29.9)
    assert await pruned(one) == Pruned(0, 0, 0)


async def test_in_the_end_nothing_is_left(bench: Bench) -> None:
    """Of the command, its story, its events and what a person asked about it."""
    one = await bench.worker()
    await concluded(one)
    await sent(one)
    acts = Acts(one)
    await acts.ask("ada", "why", "cancel", "/crm#1")
    (act,) = await acts.open_acts()
    await acts.refuse(act, "it is over")
    await age(one, 401)
    assert await pruned(one) == Pruned(details=0, commands=1, letters=0)
    left = await count(one, "command", "step", "call", "note", "event", "dead_letter", "act")
    assert set(left.values()) == {0}


@pytest.mark.parametrize("keeper", ["unsent", "dead letter", "effect", "doubt", "settling", "request", "redriven"])
async def test_what_is_not_over_is_never_forgotten(bench: Bench, keeper: str) -> None:
    """However old: unsent answers, open dead letters, open effects, writes in doubt, open requests, open stories."""
    one = await bench.worker()
    state = State.FAILED if keeper in ("dead letter", "redriven") else State.SUCCEEDED
    await concluded(one, state=state, keep_effects=keeper == "effect")
    if keeper != "unsent":
        await sent(one)
    if keeper == "effect":
        await change(one, "INSERT INTO effect (lane, key, uid, opened_at) VALUES ('us/1', 'k', '/crm#1', 1)")
    if keeper == "doubt":
        await change(one, "UPDATE step SET state = 'intended'")
    if keeper == "settling":
        await change(one, "UPDATE step SET intent_until = ?", one.now() + 10**9)
    if keeper in ("request", "redriven"):
        acts = Acts(one)
        await acts.ask("ada", "why", "redrive", "/crm#1")
    if keeper == "redriven":
        (act,) = await acts.open_acts()
        item = await acts.subject(act)
        assert item is not None
        await acts.redrive(act, item)
        await sent(one)
    await age(one, 4000)
    before = await count(one, "command", "step", "call", "note", "event")
    assert await pruned(one) == Pruned(0, 0, 0)
    assert await count(one, "command", "step", "call", "note", "event") == before


async def test_an_open_command_is_never_forgotten(bench: Bench) -> None:
    """One that waits for years included."""
    one = await bench.worker()
    await accept(one, command("1"))
    await one.intend(await only(one), intent(), 1.0)
    await sent(one)
    await change(one, "UPDATE command SET received_at = 1")
    assert await prune(one, 0, 0) == Pruned(0, 0, 0)
    assert len(await claim(one)) == 1


async def test_dead_letters_without_a_command_are_forgotten_once_somebody_dealt_with_them(bench: Bench) -> None:
    """Bytes first, then the rest; open ones never."""
    one = await bench.worker()
    await accept(one, poison(), poison())
    await sent(one)
    await one.write(lambda tx: letters.archive(tx, "ada", "known", [1]))
    await age(one, 31)
    assert await pruned(one) == Pruned(0, 0, 0)
    assert await one.read(lambda tx: letters.original(tx, 1)) is None
    assert await one.read(lambda tx: letters.original(tx, 2)) is not None
    await age(one, 400)
    assert await pruned(one) == Pruned(0, 0, 1)
    assert [row["seq"] for row in await rows(one, "SELECT seq FROM dead_letter")] == [2]


async def test_much_is_forgotten_in_portions_past_what_must_stay(bench: Bench) -> None:
    """More than fits one transaction; what is kept in between holds nothing up."""
    one = await bench.worker()
    number = PORTION + 60
    for first in range(0, number, 100):
        items = [command(str(n), customer=str(n)) for n in range(first, min(first + 100, number))]
        await one.accept(items, instead)
        for work in await claim(one):
            await one.conclude(work, ended(work, State.FAILED if work.id.endswith("7") else State.SUCCEEDED))
        await sent(one)
    await age(one, 401)
    done = await pruned(one)
    kept = await rows(one, "SELECT id FROM command")
    assert all(row["id"].endswith("7") for row in kept)
    assert done.commands == number - len(kept)
