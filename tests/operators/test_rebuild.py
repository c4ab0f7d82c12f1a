"""A lost journal is rebuilt from the topics, and nothing is bought again."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from events.messages.base import Event, Origin
from events.messages.command_status import (
    CommandAccepted,
    CommandFailed,
    CommandIdReused,
    CommandRejected,
    CommandWaiting,
)
from events.messages.plans import AzurePlanCreated, CreateAzurePlan, SuspendPlan
from events.wire.codec import encode
from events.wire.identity import TERMINAL, event_id
from events.wire.record import Outgoing
from tests.operators.asking import WHO, WHY, ask, beside, later, types
from tests.operators.memory_admin import MemoryAdmin
from tests.support.harness import COMMANDS, EVENTS, GROUP, SOURCE, World, settings_of
from tests.support.memory_broker import MemoryBroker
from tests.support.virtual_time import START
from worker.assembly.parts import tenants_of
from worker.errors import JournalRefused
from worker.journal.journal import Journal
from worker.journal.operator_journal import OperatorJournal
from worker.operators.rebuild import Rebuild, Rebuilt, Sources
from worker.runtime import intake_rules
from worker.runtime.conclusion import Sender
from worker.runtime.lifecycle.foreign_journal_check import refuse_foreign

Play = Callable[..., None]
GUARD = 40.0 + 300.0 + 900.0
"""Seconds by the default settings: the longest call, settling, and the lag of the order list."""


async def rebuild(world: World, *renamed: tuple[str, str]) -> Rebuilt:
    """Rebuild the journal from the topics."""
    async with beside(world) as journal:
        return await Rebuild(journal, await sources(world, journal, *renamed), lambda _: None).run(
            WHO, WHY, alone=False
        )


async def sources(world: World, journal: OperatorJournal, *renamed: tuple[str, str]) -> Sources:
    """The topics of the world, with its present accounts."""
    tenants = await journal.tenants.enrol(tenants_of(world.settings), renamed)
    desk = intake_rules.IntakeRules(tenants.resolve, Sender("azplan-worker", "test"), 1e9)
    return Sources(MemoryAdmin(world.broker), COMMANDS, EVENTS, GROUP, desk, tenants, GUARD)


def lose(folder: Path) -> None:
    """Lose the disk of the journal."""
    for file in folder.glob("journal.db*"):
        file.unlink()


async def contents(world: World) -> dict[str, Any]:
    """Everything that the journal knows of each command and each event."""
    commands = await world.rows("SELECT id, state, code, redrive, fingerprint, lane FROM command ORDER BY id")
    said = await world.rows("SELECT id, type, redrive, key, value, headers, at FROM event ORDER BY id")
    return {"commands": commands, "events": said}


def test_a_rebuilt_journal_has_everything_that_is_over(play: Play, tmp_path: Path) -> None:
    """Commands, answers, stories and events have the same ids, times and bytes. No call is made."""

    async def story(world: World) -> None:
        worker = await world.begin()
        done = await world.send(CreateAzurePlan(customer_id=world.simulator.customer().id))
        refused = await world.send(SuspendPlan(customer_id=world.simulator.customer().id))
        failing = world.simulator.customer("order_fails")
        failed = await world.send(CreateAzurePlan(customer_id=failing.id))
        for each in (done, refused, failed):
            await world.answer(each)
        await ask(world, "redrive", failed)
        await world.until(lambda: len(world.answers(failed)) == 2, "it failed again")
        await worker.stop()
        before = await contents(world)
        lose(tmp_path)
        found = await rebuild(world)
        assert (found.commands, found.concluded, found.open, found.gone) == (3, 3, 0, 0)
        assert await contents(world) == before
        calls, said = len(world.simulator.books.requests), len(world.said())
        world.broker.rewind(GROUP, COMMANDS)
        await world.begin()
        await world.until(later(world, 1.2 * GUARD), "everything has been read again")
        assert (len(world.simulator.books.requests), len(world.said())) == (calls, said)

    play(story)


def test_a_command_that_was_open_waits_looks_and_is_bought_once(play: Play, tmp_path: Path) -> None:
    """The id of its cart is lost.

    The command waits out settling and the order list's lag, and finds the plan that it bought.
    """

    async def story(world: World) -> None:
        worker = await world.begin()
        customer = world.simulator.customer()
        command_id = await world.send(CreateAzurePlan(customer_id=customer.id))
        await world.until(lambda: bool(world.simulator.books.effects_of(kind="order.created")), "it is ordered")
        await worker.kill()
        assert not world.answers(command_id)
        lose(tmp_path)
        found = await rebuild(world)
        assert (found.commands, found.open) == (1, 1)
        begun = world.clock.monotonic()
        calls = len(world.simulator.books.requests)
        await world.begin()
        await world.until(later(world, GUARD - 10), "the guard is almost over")
        assert len(world.simulator.books.requests) == calls
        answer = await world.answer(command_id)
        assert world.clock.monotonic() - begun >= GUARD - 1
        assert isinstance(answer, AzurePlanCreated)
        assert answer.already_existed
        assert len(world.simulator.books.effects_of(kind="order.created")) == 1
        assert types(world, command_id)[0] == "CommandAccepted 0"
        numbers = [each.id for each in world.said(command_id) if isinstance(each.event, CommandWaiting)]
        assert len(set(numbers)) == len(numbers)

    play(story)


def test_a_command_that_may_have_begun_is_not_cancelled_after_a_rebuild(play: Play, tmp_path: Path) -> None:
    """Its order is placed, but the journal has lost that: an answer must not claim that nothing was changed."""

    async def story(world: World) -> None:
        worker = await world.begin()
        command_id = await world.send(CreateAzurePlan(customer_id=world.simulator.customer().id))
        await world.until(lambda: bool(world.simulator.books.effects_of(kind="order.created")), "it is ordered")
        await worker.kill()
        lose(tmp_path)
        await rebuild(world)
        await rebuild(world)
        notes = await world.rows("SELECT kind, detail FROM note")
        assert [(note["kind"], "looks before it acts" in note["detail"]) for note in notes] == [("rebuilt", True)]
        await world.begin()
        assert "the command may have begun to write" in await ask(world, "cancel", command_id)
        assert isinstance(await world.answer(command_id), AzurePlanCreated)

    play(story)


def test_a_later_command_of_the_customer_waits_too(play: Play, tmp_path: Path) -> None:
    """A command after the rebuild does not act before every sent request is visible."""

    async def story(world: World) -> None:
        worker = await world.begin()
        customer = world.simulator.customer()
        await world.send(CreateAzurePlan(customer_id=customer.id), id="lost")
        await world.until(lambda: bool(world.simulator.books.effects_of(kind="order.created")), "it is ordered")
        await worker.kill()
        lose(tmp_path)
        await rebuild(world)
        await world.begin()
        answer = await world.do(CreateAzurePlan(customer_id=customer.id))
        assert isinstance(answer, AzurePlanCreated)
        assert answer.already_existed
        assert len(world.simulator.books.effects_of(kind="order.created")) == 1

    play(story)


def test_an_older_journal_from_a_backup_is_brought_up(play: Play, tmp_path: Path) -> None:
    """Commands that are open in the backup and answered on the topic are concluded. Unknown commands enter."""

    async def story(world: World) -> None:
        worker = await world.begin()
        early = await world.send(CreateAzurePlan(customer_id=world.simulator.customer().id))
        await world.until(lambda: len(world.said(early)) > 0, "it is accepted")
        await worker.stop()
        shutil.copy(tmp_path / "journal.db", tmp_path / "backup")
        second = await world.begin()
        late = await world.send(CreateAzurePlan(customer_id=world.simulator.customer().id))
        for each in (early, late):
            await world.answer(each)
        await second.stop()
        before = await contents(world)
        lose(tmp_path)
        shutil.copy(tmp_path / "backup", tmp_path / "journal.db")
        found = await rebuild(world)
        assert (found.commands, found.concluded) == (1, 2)
        assert await contents(world) == before
        await world.begin()
        await world.until(later(world, 1.2 * GUARD), "nothing more comes of it")
        assert len(world.simulator.books.effects_of(kind="order.created")) == 2
        assert all(len(world.answers(each)) == 1 for each in (early, late))

    play(story)


def test_a_failed_command_is_a_dead_letter_again_and_can_be_redriven(play: Play, tmp_path: Path) -> None:
    """The dead letter is not published again. The command's next story has the next number."""

    async def story(world: World) -> None:
        worker = await world.begin()
        command_id = await world.send(CreateAzurePlan(customer_id=world.simulator.customer().id))
        assert isinstance(await world.answer(command_id), CommandFailed)
        await world.until(lambda: len(world.letters()) == 1, "its dead letter is published")
        await worker.stop()
        lose(tmp_path)
        world.settings = settings_of()
        await rebuild(world)
        await world.begin()
        assert await ask(world, "redrive", command_id) == "done"
        await world.until(lambda: len(world.answers(command_id)) == 2, "the second story has its answer")
        assert types(world, command_id)[-1] == "AzurePlanCreated 1"
        assert len(world.letters()) == 1
        assert [row["state"] for row in await world.rows("SELECT state FROM dead_letter")] == ["redriven"]

    play(story, settings=settings_of(("contoso", "fabrikam")))


def test_a_command_whose_record_is_gone_is_answered_and_its_id_stays_used(play: Play, tmp_path: Path) -> None:
    """Nobody can run the command any more: it is outcome_unknown, and a record with its id starts nothing."""

    async def story(world: World) -> None:
        worker = await world.begin()
        customer = world.simulator.customer("order_never_ends")
        command = CreateAzurePlan(customer_id=customer.id)
        command_id = await world.send(command)
        await world.until(lambda: "CommandWaiting 0" in types(world, command_id), "it waits for its order")
        await worker.kill()
        lose(tmp_path)
        forget(world.broker)
        found = await rebuild(world)
        assert (found.commands, found.gone) == (0, 1)
        await world.begin()
        answer = await world.answer(command_id)
        assert isinstance(answer, CommandFailed)
        assert (answer.code, answer.outcome_unknown) == ("outcome_unknown", True)
        await world.send(command, id=command_id)
        await world.until(later(world, 1.2 * GUARD), "the record is read")
        assert len(world.simulator.books.effects_of(kind="order.created")) == 1

    play(story)


def forget(broker: MemoryBroker) -> None:
    """Kafka deletes the oldest records of the commands topic, and the group begins at the first that is left."""
    for log in broker._topics[COMMANDS]:
        log.clear()
    broker.group(GROUP).committed.clear()


def test_a_rebuild_is_refused_while_a_worker_lives(play: Play) -> None:
    """The journal never changes under a working worker."""

    async def story(world: World) -> None:
        await world.begin()
        with pytest.raises(JournalRefused, match="1 workers live on this journal"):
            await rebuild(world)

    play(story)


def test_a_rebuild_that_was_cut_off_is_finished_before_a_worker_begins(play: Play, tmp_path: Path) -> None:
    """A worker refuses half a journal. A second rebuild completes it."""

    async def story(world: World) -> None:
        worker = await world.begin()
        done = await world.send(CreateAzurePlan(customer_id=world.simulator.customer().id))
        await world.answer(done)
        await worker.stop()
        lose(tmp_path)
        async with beside(world) as journal:
            broken = replace(await sources(world, journal), admin=Broken(world.broker))
            with pytest.raises(ConnectionError):
                await Rebuild(journal, broken, lambda _: None).run(WHO, WHY, alone=False)
            with pytest.raises(JournalRefused, match="half built"):
                await refuse_foreign(Journal(journal.transactions), MemoryAdmin(world.broker), GROUP, COMMANDS, EVENTS)
        assert (await rebuild(world)).concluded == 1

    play(story)


def test_what_others_wrote_to_the_events_topic_concludes_nothing(play: Play, tmp_path: Path) -> None:
    """Answers under any other id or source, and unreadable ones, are skipped and named."""

    async def story(world: World) -> None:
        worker = await world.begin()
        opened = await world.send(CreateAzurePlan(customer_id=world.simulator.customer().id))
        await world.until(lambda: bool(world.simulator.books.effects_of(kind="order.created")), "it is ordered")
        await worker.kill()
        customer = world.sent[opened].customer_id
        origin = Origin(opened, SOURCE, CreateAzurePlan.wire_type(), customer, "contoso")
        answer = CommandRejected.of(origin, code="order_refused", detail="")
        rightful = event_id(SOURCE, opened, 0, TERMINAL)
        place = {"topic": COMMANDS, "partition": 0, "offset": 0}
        reused = CommandIdReused.of(origin, received_at=START, detail="", **place)
        gone = CommandIdReused.of(origin, received_at=START, detail="", **place | {"offset": 99})
        for each, why in (
            (published(answer, rightful, b"/crm"), "its ce_source is not /azplan"),
            (published(answer, uuid4()), "its ce_id does not follow"),
            (published(CommandAccepted.of(origin, received_at=START), rightful), "its ce_id does not follow"),
            (Outgoing(b"k", b"{", ()), "JSON"),
            (replace(published(answer, rightful), value=CUT), "its data is not that of CommandRejected"),
            (published(reused, rightful), "its ce_id does not follow"),
            (published(gone, rightful), "the record that it is about is not on the commands topic"),
        ):
            await world.broker.write(EVENTS, each, partition=0)
            lose(tmp_path)
            found = await rebuild(world)
            assert (found.commands, found.open, found.concluded, found.passed.number) == (1, 1, 0, 1)
            assert why in found.passed.first[0].why
            world.broker._topics[EVENTS][0].pop()

    play(story)


def test_a_refused_repeat_of_an_id_is_believed_by_its_record(play: Play, tmp_path: Path) -> None:
    """That event says nothing about the command that has the id. It is not published again."""

    async def story(world: World) -> None:
        worker = await world.begin()
        customer = world.simulator.customer()
        done = await world.send(CreateAzurePlan(customer_id=customer.id))
        await world.answer(done)
        await world.send(SuspendPlan(customer_id=customer.id), id=done)
        await world.until(lambda: "CommandIdReused 0" in types(world, done), "the other content is refused")
        await worker.stop()
        before = await contents(world)
        lose(tmp_path)
        found = await rebuild(world)
        assert (found.passed.number, found.concluded) == (0, 1)
        assert await contents(world) == before

    play(story)


CUT = json.dumps({"customerId": str(UUID(int=9)), "blockers": [{}] * 501, "truncated": 5}).encode()


def published(event: Event, id: UUID, source: bytes = b"/azplan") -> Outgoing:  # noqa: A002
    """An event as any program may write it."""
    made = encode(event, id=id, time=START, correlation_id="x", causation_id="x")
    return replace(made, headers=tuple((name, source if name == "ce_source" else text) for name, text in made.headers))


class Broken(MemoryAdmin):
    """A broker that goes away when the commands are to be read."""

    async def ends(self, topic: str) -> Any:
        """The newest offsets, of the events alone."""
        if topic == COMMANDS:
            raise ConnectionError("the broker is gone")
        return await super().ends(topic)
