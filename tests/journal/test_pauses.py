"""No worker begins paused commands. Resumed commands are due at once, in the order in which they stood."""

import pytest

from tests.journal.bench import SUSPEND, UPGRADE, Bench, accept, change, claim, command, ended, rows, waiting
from worker.journal.journal import Journal
from worker.journal.operating.pauses import Pauses
from worker.journal.reading.command_queries import show
from worker.journal.records import State, Waits, Work
from worker.journal.selection import Selection


async def tell(journal: Journal, works: list[Work]) -> None:
    """Make paused commands wait, as a worker does."""
    for work in works:
        assert work.paused
        await journal.conclude(work, waiting(3600, waits=Waits(said="paused", count=1)))


@pytest.mark.parametrize(
    ("which", "held"),
    [
        (Selection(), {"1", "2", "3"}),
        (Selection(partner="us"), {"1", "2"}),
        (Selection(customer="contoso"), {"1"}),
        (Selection(type=UPGRADE), {"2", "3"}),
        (Selection(partner="us", type=UPGRADE), {"2"}),
        (Selection(partner="us", customer="nobody"), set()),
    ],
)
async def test_a_pause_holds_commands_that_match_all_of_its_words(
    bench: Bench, which: Selection, held: set[str]
) -> None:
    """The pause holds on every worker from the moment at which it is written."""
    one, verb = await bench.worker("one"), await bench.journal()
    await accept(
        one,
        command("1", customer="contoso", type=SUSPEND),
        command("2", customer="fabrikam", type=UPGRADE),
        command("3", customer="adatum", type=UPGRADE, partner="eu"),
    )
    pause = await Pauses(verb.transactions).pause("ada", "gone wrong", which)
    works = await claim(one, partners=["us", "eu"])
    assert {work.id for work in works if work.paused} == held
    assert all(work.paused in (None, pause) for work in works)


async def test_what_was_held_is_due_at_once_when_the_last_pause_that_holds_it_ends(bench: Bench) -> None:
    """The end of one of two pauses frees the commands that the other does not hold. No command changes its place."""
    one, verb = await bench.worker("one"), await bench.journal()
    brake = Pauses(verb.transactions)
    await accept(one, command("1"), command("2"), command("3", customer="fabrikam", type=UPGRADE))
    await brake.pause("ada", "all of it", Selection(partner="us"))
    await brake.pause("bob", "upgrades", Selection(type=UPGRADE))
    await tell(one, await claim(one))
    assert await claim(one) == []
    assert await brake.resume("ada", "mended", Selection(partner="us")) == 1
    (work,) = await claim(one)
    assert (work.id, work.paused, work.state) == ("1", None, State.WAITING)
    assert [pause.who for pause in await brake.in_force()] == ["bob"]
    await one.conclude(work, ended(work))
    assert [work.id for work in await claim(one)] == ["2"]
    assert await brake.resume("bob", "mended", Selection(type=UPGRADE)) == 1
    assert sorted(work.id for work in await claim(one)) == ["2", "3"]


async def test_a_resume_does_not_wake_commands_that_wait_for_other_reasons(bench: Bench) -> None:
    """Only commands that wait for a pause are woken. The words must be exactly those of the pause."""
    one, verb = await bench.worker("one"), await bench.journal()
    brake = Pauses(verb.transactions)
    await accept(one, command("1"))
    (work,) = await claim(one)
    await one.conclude(work, waiting(3600, waits=Waits(said="retry")))
    await brake.pause("ada", "why", Selection(partner="us", type=SUSPEND))
    assert await brake.resume("ada", "why", Selection(partner="us")) == 0
    assert len(await brake.in_force()) == 1
    assert await brake.resume("ada", "why", Selection(partner="us", type=SUSPEND)) == 1
    assert await claim(one) == []


async def test_many_that_were_held_are_let_go_in_portions(bench: Bench) -> None:
    """There are more commands than fit into one transaction. Each of them is resumed."""
    one, verb = await bench.worker("one"), await bench.journal()
    brake = Pauses(verb.transactions)
    for batch in range(3):
        await accept(one, *(command(f"{batch}-{n}", customer=f"{batch}-{n}") for n in range(300)))
    await brake.pause("ada", "why", Selection())
    for _ in range(9):
        await tell(one, list((await one.claim(["us"], 100, ())).work))
    assert await one.runnable(1000) == 0
    await brake.resume("ada", "why", Selection())
    assert await one.runnable(1000) == 900


@pytest.mark.parametrize(
    ("which", "free"),
    [
        (Selection(partner="us"), 2),
        (Selection(customer="a"), 3),
        (Selection(type=SUSPEND), 1),
        (Selection(partner="us", type=SUSPEND), 3),
        (Selection(), 0),
    ],
    ids=str,
)
async def test_what_is_paused_does_not_count_as_ready_to_run(bench: Bench, which: Selection, free: int) -> None:
    """Any number of paused commands leaves the intake open for the others."""
    one, verb = await bench.worker("one"), await bench.journal()
    await Pauses(verb.transactions).pause("ada", "why", which)
    await accept(
        one,
        command("1", customer="a", partner="us"),
        command("2", customer="b", partner="us", type=UPGRADE),
        command("3", customer="c", partner="eu"),
        command("4", customer="d", partner="eu"),
    )
    assert await one.runnable(1000) == free


async def test_the_story_of_a_command_names_the_pauses_that_it_lived_to_see(bench: Bench) -> None:
    """The story has the pauses that held the command when it came, and all later pauses and resumes up to its end."""
    one = await bench.worker("one")
    brake = Pauses(one.transactions)
    for who, which in (
        ("early", Selection(type=SUSPEND)),
        ("held", Selection(customer="a")),
        ("other", Selection(customer="b")),
    ):
        await brake.pause(who, "why", which)
    await brake.resume("early", "over", Selection(type=SUSPEND))
    await accept(one, command("1", customer="a"))
    await brake.pause("late", "why", Selection(partner="us"))
    await brake.resume("late", "over", Selection(partner="us"))
    await brake.resume("held", "over", Selection(customer="a"))
    (work,) = await claim(one)
    await one.conclude(work, ended(work))
    await brake.pause("after", "why", Selection())
    story = await one.transactions.read(lambda tx: show(tx, "/crm#1"))
    assert story is not None
    assert [(act.who, act.verb) for act in story.actions] == [
        ("held", "pause"),
        ("late", "pause"),
        ("late", "resume"),
        ("held", "resume"),
    ]


async def test_who_paused_and_resumed_and_why_is_remembered(bench: Bench) -> None:
    """The journal keeps this as it keeps everything that a person does."""
    journal = await bench.journal()
    brake = Pauses(journal.transactions)
    await brake.pause("ada", "five hundred suspensions", Selection(type=SUSPEND))
    await brake.resume("bob", "it was meant", Selection(type=SUSPEND))
    acts = await rows(journal, "SELECT who, why, verb, details, result FROM act ORDER BY seq")
    assert [tuple(act.values()) for act in acts] == [
        ("ada", "five hundred suspensions", "pause", f'[null,null,"{SUSPEND}"]', "done"),
        ("bob", "it was meant", "resume", f'[null,null,"{SUSPEND}"]', "done"),
    ]


async def test_what_is_held_is_not_due_until_the_last_pause_that_holds_it_ends(bench: Bench) -> None:
    """Two pauses overlap. The end of one makes no command due for any worker; the end of the other does."""
    one = await bench.worker("one")
    brake = Pauses((await bench.journal()).transactions)
    await brake.pause("ada", "why", Selection(type=SUSPEND))
    await brake.pause("bob", "why", Selection(customer="a"))
    await accept(one, command("1", customer="a"))
    (work,) = await claim(one)
    await one.conclude(work, waiting(held=True, waits=Waits(said="paused", count=1)))
    assert await claim(one) == []
    assert (await one.claim(("us",), 10, ())).next_in is None
    await brake.resume("ada", "over", Selection(type=SUSPEND))
    assert await Pauses(one.transactions).release(one.worker) == 0
    assert await claim(one) == []
    await brake.resume("bob", "over", Selection(customer="a"))
    assert [work.paused for work in await claim(one)] == [None]


async def test_a_command_whose_pause_ends_before_it_has_said_so_is_due_at_once(bench: Bench) -> None:
    """The person who resumed did not yet find it waiting. The command finds the end of the pause by itself."""
    one = await bench.worker("one")
    brake = Pauses((await bench.journal()).transactions)
    await brake.pause("ada", "why", Selection(type=SUSPEND))
    await accept(one, command("1", customer="a"))
    (work,) = await claim(one)
    await brake.resume("ada", "over", Selection(type=SUSPEND))
    await one.conclude(work, waiting(held=True, waits=Waits(said="paused", count=1)))
    assert len(await claim(one)) == 1


async def test_a_worker_frees_commands_that_no_pause_holds_in_its_own_lanes(bench: Bench) -> None:
    """The worker does so even if the resuming process died before. Other workers do so for their lanes."""
    one, two = await bench.worker("one"), await bench.worker("two")
    brake = Pauses((await bench.journal()).transactions)
    await brake.pause("ada", "why", Selection())
    for journal, customer in ((one, "a"), (two, "b")):
        await accept(journal, command(customer, customer=customer))
        (work,) = await claim(journal)
        await journal.conclude(work, waiting(held=True, waits=Waits(said="paused", count=1)))
    assert await Pauses(one.transactions).release(one.worker) == 0
    await change(one, "DELETE FROM pause")
    assert await Pauses(one.transactions).release(one.worker) == 1
    assert len(await claim(one)) == 1
    assert await claim(two) == []
    assert await Pauses(two.transactions).release(two.worker) == 1
    assert len(await claim(two)) == 1
