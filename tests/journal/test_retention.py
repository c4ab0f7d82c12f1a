"""Retention deletes details first and the rest much later, and never anything unfinished."""

import asyncio
from collections.abc import Iterable

import pytest

from tests.journal.bench import Bench, accept, change, claim, command, ended, instead, intent, only, poison, rows
from worker.journal.database import operation_group
from worker.journal.database.protocol import LaneKey, Transaction
from worker.journal.export_records import DatasetVersion, Export, Part, VersionState
from worker.journal.intake_records import Taken
from worker.journal.journal import Journal
from worker.journal.operating import dead_letter_archive, replay_items, replay_plans
from worker.journal.operating.requests import Requests
from worker.journal.operating.retention import PORTION, Pruned, Retention, due
from worker.journal.operating.retention_kinds import Ages
from worker.journal.processing import chore_lease
from worker.journal.reading import command_queries
from worker.journal.records import Call, Note, State, Step, StepState, Work

DAY = 86_400.0
KEEP, DETAILS = 400 * DAY, 30 * DAY


async def concluded(journal: Journal, id: str = "1", state: State = State.SUCCEEDED, **facts: object) -> Work:  # noqa: A002
    """A concluded command with a call, a note and a step."""
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
    """Move everything this many days into the past."""
    shift = int(days * DAY * 1_000_000)
    await change(journal, "UPDATE command SET concluded_at = concluded_at - ?", shift)
    await change(journal, "UPDATE dead_letter SET at = at - ?", shift)
    await change(journal, "UPDATE act SET done_at = done_at - ?", shift)


async def count(journal: Journal, *tables: str) -> dict[str, int]:
    """The number of rows."""
    return {table: (await rows(journal, f"SELECT count(*) AS n FROM {table}"))[0]["n"] for table in tables}


async def pruned(journal: Journal) -> Pruned:
    """Delete everything that is due: exactly the rows that were announced before."""
    told = await journal.transactions.read(lambda tx: due(tx, Ages(KEEP, DETAILS)))
    done = await Retention(journal.transactions).forget_all(Ages(KEEP, DETAILS))
    assert done == told
    return done


async def test_details_are_forgotten_first_and_the_recorded_answer_stays(bench: Bench) -> None:
    """Identity, content hash, state, code and events stay for a replay. Bytes, steps and calls are deleted."""
    one = await bench.worker()
    work = await concluded(one, state=State.REJECTED)
    await sent(one)
    before = await rows(one, "SELECT * FROM event ORDER BY seq")
    await age(one, 31)
    assert await pruned(one) == Pruned(details=1, commands=0, letters=0)
    story = await one.transactions.read(lambda tx: command_queries.show(tx, work.uid))
    assert story is not None
    assert (story.command.state, story.command.code, story.record) == (State.REJECTED, "refused", None)
    assert (story.steps, story.calls, story.notes) == ([], [], [])
    assert await rows(one, "SELECT * FROM event ORDER BY seq") == before
    assert await accept(one, command("1", customer="1")) == [Taken.DUPLICATE]
    assert await accept(one, command("1", customer="1", fingerprint="other")) == [Taken.REUSED]
    assert await pruned(one) == Pruned(0, 0, 0)


async def test_what_is_younger_is_kept_whole(bench: Bench) -> None:
    """The limit is exact to the day."""
    one = await bench.worker()
    await concluded(one)
    await sent(one)
    await age(one, 29.9)
    assert await pruned(one) == Pruned(0, 0, 0)


async def test_in_the_end_nothing_is_left(bench: Bench) -> None:
    """The command, its story, its events and the requests of people about it are deleted."""
    one = await bench.worker()
    await concluded(one)
    await sent(one)
    acts = one.requests
    await Requests(one.transactions).ask("ada", "why", "cancel", "/crm#1")
    (act,) = await acts.open()
    await acts.refuse(act, "it is over")
    await age(one, 401)
    assert await pruned(one) == Pruned(details=0, commands=1, letters=0)
    left = await count(one, "command", "step", "call", "note", "event", "dead_letter", "act")
    assert set(left.values()) == {0}


@pytest.mark.parametrize("keeper", ["unsent", "dead letter", "effect", "doubt", "settling", "request", "redriven"])
async def test_what_is_not_over_is_never_forgotten(bench: Bench, keeper: str) -> None:
    """Unsent answers, open dead letters, open effects, writes in doubt, open requests and open stories are kept."""
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
        acts = one.requests
        await Requests(one.transactions).ask("ada", "why", "redrive", "/crm#1")
    if keeper == "redriven":
        (act,) = await acts.open()
        item = await acts.subject(act)
        assert item is not None
        await acts.redrive(act, item)
        await sent(one)
    await age(one, 4000)
    before = await count(one, "command", "step", "call", "note", "event")
    assert await pruned(one) == Pruned(0, 0, 0)
    assert await count(one, "command", "step", "call", "note", "event") == before


async def test_an_open_command_is_never_forgotten(bench: Bench) -> None:
    """A command that waits for years stays too."""
    one = await bench.worker()
    await accept(one, command("1"))
    await one.intend(await only(one), intent(), 1.0)
    await sent(one)
    await change(one, "UPDATE command SET received_at = 1")
    assert await Retention(one.transactions).forget_all(Ages(0, 0)) == Pruned(0, 0, 0)
    assert len(await claim(one)) == 1


async def test_dead_letters_without_a_command_are_forgotten_once_a_person_has_archived_them(bench: Bench) -> None:
    """The bytes are deleted first, then the rest. Open dead letters stay."""
    one = await bench.worker()
    await accept(one, poison(), poison())
    await sent(one)
    await one.transactions.write(lambda tx: dead_letter_archive.archive(tx, "ada", "known", [1]))
    await age(one, 31)
    assert await pruned(one) == Pruned(0, 0, 0)
    assert await one.transactions.read(lambda tx: dead_letter_archive.original(tx, 1)) is None
    assert await one.transactions.read(lambda tx: dead_letter_archive.original(tx, 2)) is not None
    await age(one, 400)
    assert await pruned(one) == Pruned(0, 0, 1)
    assert [row["seq"] for row in await rows(one, "SELECT seq FROM dead_letter")] == [2]


async def test_many_rows_are_forgotten_in_portions_past_rows_that_must_stay(bench: Bench) -> None:
    """There is more than fits into one transaction. Rows that must stay hold nothing up."""
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


async def test_a_lane_in_which_nothing_stands_is_forgotten(bench: Bench) -> None:
    """The lane goes with its last command, or was never used. A new command of its customer makes it again."""
    one = await bench.worker()
    await concluded(one)
    await sent(one)
    await age(one, 401)
    assert (await pruned(one)).lanes == 0, "its owner has not let it go yet"
    await one.give_back(10)
    assert await Retention(one.transactions).forget_all(Ages(KEEP, DETAILS)) == Pruned(0, 0, 0, lanes=1)
    assert await rows(one, "SELECT id FROM lane WHERE customer <> ''") == []
    assert await accept(one, command("2", customer="1")) == [Taken.NEW]
    assert (await only(one)).id == "2"


@pytest.mark.parametrize("keeper", ["command", "unsent", "dead letters", "effect", "request", "owner", "settling"])
async def test_a_lane_is_kept_while_anything_stands_in_it(bench: Bench, keeper: str) -> None:
    """A remembered command, an unsent event, an open effect or request, an owner, or a request that may still act."""
    one = await bench.worker()
    await accept(one, poison() if keeper == "dead letters" else command("1"))
    await change(one, "DELETE FROM event")
    if keeper != "command":
        await change(one, "DELETE FROM command")
    (lane,) = await rows(one, f"SELECT id FROM lane WHERE customer {'=' if keeper == 'dead letters' else '<>'} ''")
    if keeper != "owner":
        await change(one, "UPDATE lane SET owner = NULL, unfinished = 0")
    match keeper:
        case "unsent":
            await change(
                one,
                """INSERT INTO event (id, uid, redrive, type, lane, key, value, headers, at)
                   VALUES ('e', 'u', 0, 't', ?, ?, ?, '[]', 1)""",
                lane["id"],
                b"",
                b"",
            )
        case "effect":
            await change(one, "INSERT INTO effect (lane, key, uid, opened_at) VALUES (?, 'k', 'u', 1)", lane["id"])
        case "request":
            await change(
                one,
                "INSERT INTO act (at, who, why, verb, uid, lane, details) VALUES (1, '', '', 'cancel', 'u', ?, '')",
                lane["id"],
            )
        case "settling":
            await change(one, "UPDATE lane SET settle_until = ?", one.now() + 10**9)
        case _:
            pass
    assert (await Retention(one.transactions).forget_all(Ages(KEEP, DETAILS))).lanes == 0
    assert lane in await rows(one, "SELECT id FROM lane")


async def test_no_lane_is_forgotten_while_workers_of_two_versions_run(bench: Bench) -> None:
    """An older worker may not expect a missing lane."""
    one = await bench.worker()
    older = await bench.journal()
    await older.register("older", "0.9", 60.0)
    await change(one, "INSERT INTO lane (id, partner, customer) VALUES ('us/1', 'us', '1')")
    assert (await Retention(one.transactions).forget_all(Ages(KEEP, DETAILS))).lanes == 0
    await older.retire()
    assert (await Retention(one.transactions).forget_all(Ages(KEEP, DETAILS))).lanes == 1


@pytest.mark.parametrize("url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
async def test_a_lane_that_is_forgotten_between_making_and_locking_it_is_made_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retention deletes the lane after the intake found it and before the intake locks it.

    The command is accepted anyway.
    """
    one, other = await bench.worker(), await bench.journal()
    await change(one, "INSERT INTO lane (id, partner, customer) VALUES ('us/contoso', 'us', 'contoso')")
    make, forgotten = operation_group._make, list[Pruned]()

    async def made(tx: Transaction, keys: Iterable[LaneKey]) -> None:
        monkeypatch.setattr(operation_group, "_make", make)
        await make(tx, keys)
        await tx.rows("SELECT 1 AS one")  # now the database has the new rows
        forgotten.append(await Retention(other.transactions).forget_all(Ages(KEEP, DETAILS)))

    monkeypatch.setattr(operation_group, "_make", made)
    assert await accept(one, command("1")) == [Taken.NEW]
    assert forgotten[0].lanes == 1
    assert (await only(one)).id == "1"


async def test_intake_and_forgetting_of_the_same_lanes_do_not_disturb_each_other(bench: Bench) -> None:
    """In either order every command is taken in, none becomes a dead letter, and each has its lane."""
    one, other = await bench.worker(), await bench.journal()
    for turn in range(10):
        customers = [str(number) for number in range(5)]
        for customer in customers:
            await change(
                one,
                "INSERT INTO lane (id, partner, customer) VALUES (?, 'us', ?) ON CONFLICT (id) DO NOTHING",
                f"us/{customer}",
                customer,
            )
        taken, *_ = await asyncio.gather(
            accept(one, *(command(f"{turn}-{customer}", customer=customer) for customer in customers)),
            *(Retention(other.transactions).forget_all(Ages(KEEP, DETAILS)) for _ in range(3)),
        )
        assert set(taken) == {Taken.NEW}
        assert len(await claim(one)) == len(customers)
        await change(one, "DELETE FROM command")
        await change(one, "DELETE FROM event")
        await change(one, "UPDATE lane SET owner = NULL, unfinished = 0")


async def test_one_process_at_a_time_has_a_chore(bench: Bench) -> None:
    """By the database's clock, the process has the chore until its hold lapses or as long as it renews the hold."""
    one, two = await bench.worker("one"), await bench.worker("two")

    async def take(journal: Journal, seconds: float) -> bool:
        return bool(await journal.transactions.write(lambda tx: chore_lease.take(tx, "x", journal.worker, seconds)))

    assert await take(one, 60.0)
    assert not await take(two, 60.0)
    assert await take(one, -1.0)
    assert await take(two, 60.0)
    assert not await take(one, 60.0)


async def test_a_plan_of_a_replay_is_forgotten_at_once_and_its_items_in_portions(bench: Bench) -> None:
    """No replay plan with missing items is ever applied."""
    one = await bench.worker()
    plan = replay_items.ReplayPlan("p", 0, "ada", "why", None, 3, 0, 0, {})
    await one.transactions.write(
        lambda tx: replay_items.add_items(
            tx, "p", [replay_items.ReplayItem(n, None, "t", "nothing", "") for n in range(PORTION + 3)]
        )
    )
    await one.transactions.write(lambda tx: replay_plans.add_plan(tx, plan))
    assert await one.transactions.write(lambda tx: replay_plans.forget(tx, DETAILS, PORTION)) == 0
    await change(one, "UPDATE plan SET at = 1")
    assert await one.transactions.write(lambda tx: replay_plans.forget(tx, DETAILS, PORTION)) == PORTION
    assert await count(one, "plan", "plan_item") == {"plan": 0, "plan_item": 3}
    await Retention(one.transactions).forget_all(Ages(KEEP, DETAILS))
    assert await count(one, "plan", "plan_item", "forgotten_plan") == {"plan": 0, "plan_item": 0, "forgotten_plan": 0}


async def test_exports_and_their_parts_are_details(bench: Bench) -> None:
    """A published version is remembered without them, so that the same lines are never published twice."""
    one = await bench.worker()
    await accept(one, command("1", customer="1"))
    work = await only(one)
    await one.exports.hold(work, "d", "us")
    begun = await one.exports.begin(work, Export("e", "", "d", "graph", "x"))
    await one.exports.put_part(work, Part(begun.id, "source/part", "source", 1, 1, "ab", "staged"))
    version = DatasetVersion("d", "c", "v", VersionState.PUBLISHED, "e", None, "m", None, 1)
    await one.exports.begin_version(work, version)
    await one.conclude(work, ended(work))
    await sent(one)
    await age(one, 29)
    await pruned(one)
    assert await count(one, "export", "export_part") == {"export": 1, "export_part": 1}
    await age(one, 2)
    await pruned(one)
    left = await count(one, "export", "export_part", "dataset_version", "dataset")
    assert left == {"export": 0, "export_part": 0, "dataset_version": 1, "dataset": 1}
