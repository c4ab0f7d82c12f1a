"""Commands that an earlier version accepted with values that today's version refuses."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from events.codes import RejectedCode
from events.messages.command_status import CommandRejected
from events.messages.plans import SuspendPlan
from events.wire.record import Record
from tests.handlers.stage import TENANT, Stage, record
from worker.journal.intake_records import Intake, Taken
from worker.journal.records import State
from worker.runtime import intake_rules
from worker.runtime.conclusion import Sender

CUSTOMER = "c0ffee00-0000-4000-8000-000000000001"
DESK = intake_rules.IntakeRules(resolve=lambda _: TENANT, sender=Sender("azplan-worker", "test"), retention=1e9)


def written(**members: object) -> Record:
    """A record with these members, as its sender wrote it."""
    good = record(SuspendPlan(customer_id=CUSTOMER), "old")
    return replace(good, value=json.dumps({"customerId": CUSTOMER, **members}).encode())


def as_then(stage: Stage, old: Record) -> Intake:
    """The earlier version's result: a good command with its content hash."""
    today = intake_rules.intake(old, stage.journal.now(), DESK)
    assert today.command is not None
    print_ = today.command.former_fingerprint or "of then"
    return replace(
        today, command=replace(today.command, state=State.ACCEPTED, code=None, fingerprint=print_), events=()
    )


def refuse(_item: object, error: Exception) -> Any:
    """The database accepts everything here."""
    raise error


async def begin(stage: Stage) -> None:
    """A worker of today on an empty journal."""
    await stage.journal.open()
    await stage.begin_work()


@pytest.mark.parametrize("value", ["not-a-guid", "..", "a/b"])
async def test_a_command_that_is_refused_today_is_answered_as_invalid_if_nothing_was_begun(
    stage: Stage, value: str
) -> None:
    """There is no internal error and no call of Microsoft. The sender reads the problem."""
    await begin(stage)
    await stage.journal.accept([as_then(stage, written(subscriptionId=value))], refuse)
    stage._wake.set()
    answer = await stage.answer("old")
    assert isinstance(answer, CommandRejected), answer
    assert answer.code is RejectedCode.INVALID_COMMAND
    assert "subscriptionId must be a GUID" in answer.detail
    assert stage.calls() == []
    repeated = intake_rules.intake(written(subscriptionId=value), stage.journal.now(), DESK)
    again = await stage.journal.accept([repeated], refuse)
    assert list(again) == [Taken.DUPLICATE], "the same record again is the same content"


async def test_a_command_that_a_later_version_accepted_is_not_refused_by_an_earlier_one(stage: Stage) -> None:
    """A newer worker beside this one may understand the unknown key and take the lane: the command waits for that."""
    await begin(stage)
    await stage.journal.accept([as_then(stage, written(newer=True))], refuse)
    stage._wake.set()
    await asyncio.sleep(600)
    assert await stage.waits("old") == ["retry"]
    assert not [event for event in await stage.events("old") if event.terminal]
