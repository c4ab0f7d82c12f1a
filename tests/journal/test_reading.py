"""What a person reads: lists, stories, changes and counts, and the owner of the journal."""

import pytest

from tests.journal.bench import (
    SUSPEND,
    UPGRADE,
    Bench,
    accept,
    change,
    claim,
    command,
    ended,
    event,
    intent,
    lapse,
    only,
    poison,
    rows,
    waiting,
)
from worker.errors import JournalRefused
from worker.journal.operating import dead_letter_archive
from worker.journal.operating.dead_letter_archive import DeadLetters
from worker.journal.operating.requests import Requests
from worker.journal.reading import command_queries, counts
from worker.journal.records import Call, Note, State, Waits
from worker.journal.selection import Selection


async def test_a_command_is_found_by_its_id_in_every_source_that_uses_it(bench: Bench) -> None:
    """Sources that share an id give several commands, a named source gives one, and an unknown id gives none."""
    one = await bench.worker()
    await accept(one, command("1"), command("1", source="/erp"), command("2"))
    both = await one.transactions.read(lambda tx: command_queries.find(tx, "1"))
    (erp,) = await one.transactions.read(lambda tx: command_queries.find(tx, "1", "/erp"))
    assert [found.source for found in both] == ["/crm", "/erp"]
    assert (erp.uid, erp.state, erp.customer, erp.partner) == ("/erp#1", State.ACCEPTED, "contoso", "us")
    assert await one.transactions.read(lambda tx: command_queries.find(tx, "3")) == []


@pytest.mark.parametrize(
    ("wanted", "limit", "found"),
    [
        (Selection(), 0, ["4", "3", "2", "1"]),
        (Selection(), 2, ["4", "3"]),
        (Selection(state=State.ACCEPTED), 0, ["4", "2"]),
        (Selection(state=State.FAILED, code="outcome_unknown"), 0, ["1"]),
        (Selection(type=UPGRADE), 0, ["3"]),
        (Selection(customer="fabrikam", partner="us"), 1, ["3"]),
        (Selection(partner="eu"), 0, ["4"]),
        (Selection(code="no such code"), 0, []),
    ],
)
async def test_commands_are_listed_newest_first_by_all_given_filters(
    bench: Bench, wanted: Selection, limit: int, found: list[str]
) -> None:
    """A command must match every given filter."""
    one = await bench.worker()
    await accept(one, command("1"), command("2"), command("3", customer="fabrikam", type=UPGRADE))
    await accept(one, command("4", partner="eu"))
    works = {work.id: work for work in await claim(one)}
    await one.conclude(works["1"], ended(works["1"], State.FAILED))
    await one.conclude(works["3"], waiting(60, waits=Waits(said="upgrade_running")))
    listed = await one.transactions.read(lambda tx: command_queries.newest(tx, wanted, limit))
    assert [command.id for command in listed] == found


async def test_a_story_has_everything_in_the_order_in_which_it_happened(bench: Bench) -> None:
    """Steps, waits, checks, calls, events, dead letters, actions of people, open effects and the bytes are there."""
    one = await bench.worker()
    await accept(one, command("1"), command("2"))
    work = await only(one)
    now = work.received_at
    calls = [
        Call(
            now + at, "checkout", "carts.checkout", status, 40, f"request-{at}", "correlation", code, "key",
            answered=False,
        )
        for at, status, code in ((20, "timeout", None), (10, "503", "2000"))
    ]  # fmt: skip
    await one.intend(work, intent(details={"cart": "c-1"}), 900.0, "azure-plan")
    notes = [Note(5, "wait", "no answer", "retry", 9), Note(4, "note", "a check was left out")]
    await one.conclude(work, waiting(0, waits=Waits(1, "retry"), notes=notes, calls=calls, events=[event("w", at=5)]))
    work = await only(one)
    await one.conclude(work, ended(work, State.FAILED, attempts=2, keep_effects=True))
    await Requests(one.transactions).ask("ada", "looked", "resolve", work.uid, {"applied": True})
    story = await one.transactions.read(lambda tx: command_queries.show(tx, work.uid))
    assert story is not None
    assert (story.command.state, story.command.code, story.attempts) == (State.FAILED, "outcome_unknown", 2)
    assert [step.details for step in story.steps] == [{"cart": "c-1"}]
    assert [(wait.reason, wait.detail, wait.until) for wait in story.waits] == [("retry", "no answer", 9)]
    assert [note.detail for note in story.notes] == ["a check was left out"]
    assert [(call.at, call.status, call.code) for call in story.calls] == [
        (now + 10, "503", "2000"),
        (now + 20, "timeout", None),
    ]
    assert [said.id for said in story.events] == ["/crm#1/accepted", "w", "/crm#1/0/terminal"]
    assert [(dead.code, dead.state) for dead in story.dead_letters] == [("outcome_unknown", "open")]
    assert [(act.who, act.verb, act.details, act.result) for act in story.actions] == [
        ("ada", "resolve", {"applied": True}, None)
    ]
    assert (story.effects, story.record, story.lane) == (["azure-plan"], work.record, "us/contoso")
    assert story.settle_until == story.steps[0].until


async def test_a_story_tells_how_many_commands_stand_before_it(bench: Bench) -> None:
    """These are the open commands that hold the same lane."""
    one = await bench.worker()
    await accept(one, *(command(str(n)) for n in range(3)))
    (first,) = await claim(one)
    await one.conclude(first, waiting(60, released=True))
    for id_, behind in (("0", 0), ("1", 0), ("2", 1)):
        story = await one.transactions.read(lambda tx, uid=f"/crm#{id_}": command_queries.show(tx, uid))
        assert story is not None
        assert story.behind == behind
    assert await one.transactions.read(lambda tx: command_queries.show(tx, "nobody")) is None


async def test_changes_come_in_order_and_none_is_missed_that_becomes_visible_late(bench: Bench) -> None:
    """Events younger than a minute come again, and a reader knows them by their ids. Older events do not come again."""
    one = await bench.worker()
    await accept(one, command("1"))
    work = await only(one)
    now = one.now()
    await one.conclude(work, waiting(events=[event("old", at=now - 120_000_000), event("new", at=now)]))
    seen, after = await one.transactions.read(lambda tx: command_queries.changes(tx, 0))
    assert [(one.event.id, one.command.id) for one in seen] == [("/crm#1/accepted", "1"), ("old", "1"), ("new", "1")]
    again, after = await one.transactions.read(lambda tx: command_queries.changes(tx, after))
    assert [one.event.id for one in again] == ["new"]
    newest = await one.transactions.read(command_queries.newest_event_number)
    assert (await one.transactions.read(lambda tx: command_queries.changes(tx, newest)))[0] == []


async def test_dead_letters_are_listed_put_aside_and_taken_back(bench: Bench) -> None:
    """The list filters by state and code, newest first, with the original bytes. The journal notes who acted."""
    one = await bench.worker()
    first, second = poison(headers=(("a", b"\xff"),)), command("1")
    await accept(one, first, second, command("1", fingerprint="other"))
    listed = [each.letter for each in await DeadLetters(one.transactions).search(Selection(), "open")]
    assert [(letter.code, letter.uid) for letter in listed] == [("id_reused", "/crm#1"), ("invalid_json", None)]
    assert await one.transactions.read(lambda tx: dead_letter_archive.original(tx, listed[1].seq)) == first.record
    assert (
        await one.transactions.write(lambda tx: dead_letter_archive.archive(tx, "ada", "known", [listed[1].seq, 999]))
        == 1
    )
    assert [
        letter.code
        for letter in [each.letter for each in await DeadLetters(one.transactions).search(Selection(), "open")]
    ] == ["id_reused"]
    assert [each.letter.code for each in await DeadLetters(one.transactions).search(Selection(), "archived")] == [
        "invalid_json"
    ]
    assert (
        await one.transactions.write(lambda tx: dead_letter_archive.restore(tx, "bob", "not known", [listed[1].seq]))
        == 1
    )
    assert len(await DeadLetters(one.transactions).search(Selection(code="invalid_json"), "open", 5)) == 1
    acts = await rows(one, "SELECT who, why, verb FROM act ORDER BY seq")
    assert [tuple(act.values()) for act in acts] == [
        ("ada", "known", "dead-letters archive"),
        ("bob", "not known", "dead-letters restore"),
    ]


async def test_the_gauges_count_open_commands_unsent_events_and_dead_letters(bench: Bench) -> None:
    """Each gauge also has the age of the oldest row."""
    one = await bench.worker()
    empty = await one.gauges()
    assert (empty.open, empty.oldest_open_age, empty.dead_letters) == (0, {}, 0)
    assert (empty.outbox_pending, empty.outbox_oldest_age) == (0, 0.0)
    await accept(one, command("1"), command("2"), command("3", type=UPGRADE), poison())
    await change(one, "UPDATE command SET received_at = received_at - 60000000 WHERE id <> '2'")
    await change(one, "UPDATE event SET at = ? WHERE seq = 1", one.now() - 30_000_000)
    full = await one.gauges()
    assert (full.open, full.dead_letters, full.outbox_pending) == (3, 1, 4)
    assert {type_: round(age / 10) for type_, age in full.oldest_open_age.items()} == {SUSPEND: 6, UPGRADE: 6}
    assert 30 <= full.outbox_oldest_age < 60


async def test_the_statistics_count_everything(bench: Bench) -> None:
    """Commands by state and type, dead letters by code, lanes and their owners, living workers, the used space."""
    one, two = await bench.worker("one"), await bench.worker("two")
    await accept(one, command("1"), command("2", customer="b", state=State.REJECTED), poison())
    await one.intend(await only(one), intent(), 1.0, "azure-plan")
    await accept(two, command("3", customer="c"))
    await Requests(one.transactions).ask("ada", "why", "cancel", "/crm#1")
    await lapse(two)
    found = await one.transactions.read(counts.stats)
    assert found.commands == {"accepted": {SUSPEND: 2}, "rejected": {SUSPEND: 1}}
    assert (found.dead_letters, found.outbox_pending) == ({"invalid_json": 1}, 4)
    assert (found.lanes, found.free_lanes, found.effects, found.open_requests, found.pauses) == (4, 1, 1, 1, 0)
    assert [(worker.name, worker.version, worker.lanes) for worker in found.workers] == [("one", "1.0", 3)]
    assert found.bytes > 10_000
    assert found.oldest_open_at is not None


async def test_a_journal_remembers_its_group_and_its_topic(bench: Bench) -> None:
    """The first start binds the journal to its group and topic. A start with others is refused with the next step."""
    one = await bench.journal()
    assert await one.is_empty()
    await one.bind("azplan-worker", "azplan.commands.v1")
    assert not await one.is_empty()
    await one.bind("azplan-worker", "azplan.commands.v1")
    two = await bench.journal()
    with pytest.raises(JournalRefused, match=r"belongs to the group azplan-worker.*AZPLAN_KAFKA__GROUP_ID"):
        await two.bind("another", "azplan.commands.v1")
    with pytest.raises(JournalRefused, match=r"on another\.topic"):
        await two.bind("azplan-worker", "another.topic")


async def test_a_journal_that_took_anything_in_is_not_empty(bench: Bench) -> None:
    """A command or a dead letter is enough."""
    one = await bench.worker()
    assert await one.is_empty()
    await accept(one, poison())
    assert not await one.is_empty()
