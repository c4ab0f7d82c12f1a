"""Commands about the partner account itself: their subject is the account, and its tenant id is their customerId."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from events import messages
from events.messages.base import commands, events
from events.wire.record import Record
from tests.runtime.bench import CUSTOMER, SUSPEND, TENANT_ID, Bench, record
from worker import handling
from worker.handling import load
from worker.journal.reading import command_queries
from worker.journal.selection import Selection

MESSAGES = '''"""A family of messages about the partner account."""

from typing import ClassVar

from events.messages.base import Command, Event, Subject


class PartnerCounted(Event):
    """The partner account was counted."""

    terminal: ClassVar[bool] = True


class CountPartner(Command):
    """Count the partner account."""

    answered_by: ClassVar[type[Event]] = PartnerCounted
    subject: ClassVar[Subject] = "partner_account"
'''
HANDLER = '''"""CountPartner: count."""

from events.messages.base import Event
from events.messages.planted_counts import CountPartner, PartnerCounted
from worker.handling import Context, handles


@handles(CountPartner)
async def count_partner(ctx: Context, command: CountPartner) -> Event:
    """Count."""
    ctx.note("the handler has run")
    return ctx.answer(PartnerCounted)
'''
OURS = TENANT_ID.lower()

Make = Callable[[str], Record]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Defines a command class and its handler in folders of their own. Gives a function that makes records."""
    for folder, name, source in (("said", "planted_counts", MESSAGES), ("planted_handlers", "count_partner", HANDLER)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{name}.py").write_text(source)
    (tmp_path / "planted_handlers" / "__init__.py").write_text('"""One handler."""\n')
    monkeypatch.setattr(messages, "__path__", [*messages.__path__, str(tmp_path / "said")])
    monkeypatch.syspath_prepend(tmp_path)
    _forget_messages()
    kind = import_module("events.messages.planted_counts").CountPartner

    def made(customer_id: str) -> Record:
        lower = record(kind(customer_id=customer_id))
        as_written = (lower.value or b"").replace(customer_id.lower().encode(), customer_id.encode())
        return replace(lower, key=customer_id.encode(), value=as_written)

    yield made
    handling._HANDLERS.pop(kind, None)
    for name in [each for each in sys.modules if "planted" in each]:
        del sys.modules[name]
    del messages.planted_counts
    monkeypatch.undo()
    _forget_messages()


def _forget_messages() -> None:
    commands.cache_clear()
    events.cache_clear()


async def told(bench: Bench, given: Record, **changes: Any) -> dict[str, Any]:
    """The terminal event of a record, after its intake and its turn."""
    await bench.accept(given)
    (work,) = await bench.claim()
    await bench.dispatch(None, handlers=load("planted_handlers"), **changes)(work)
    return (await bench.said())[-1]


def test_a_command_class_says_whether_its_subject_is_a_customer_or_the_account(make: Make) -> None:
    """Without a word about it, a command belongs to a customer."""
    assert commands()["azplan.CountPartner.v1"].subject == "partner_account"
    assert commands()["azplan.SuspendPlan.v1"].subject == "customer"


@pytest.mark.parametrize("written", [OURS, OURS.upper()], ids=["lower", "upper"])
async def test_a_command_about_the_account_is_carried_out_under_its_tenant_id(
    bench: Bench, make: Make, written: str
) -> None:
    """Lane, key and subject use the tenant id, in whatever case the sender and the settings write it."""
    answer = await told(bench, make(written))
    row = await bench.command()
    assert answer["type"] == "azplan.PartnerCounted.v1"
    assert (answer["customerId"], answer["ce_subject"]) == (OURS, OURS)
    assert (row["customer"], row["lane"], row["state"]) == (OURS, f"contoso/{OURS}", "succeeded")
    assert {each.key for each in await bench.journal.unsent(10)} == {OURS.encode()}


@pytest.mark.parametrize("changes", [{}, {"validate_only": True}], ids=["acting", "asking"])
async def test_a_command_about_the_account_under_another_id_is_refused(
    bench: Bench, make: Make, changes: dict[str, Any]
) -> None:
    """The refusal comes before the handler runs: another lane would not keep such commands in order."""
    answer = await told(bench, make(CUSTOMER), **changes)
    assert (answer["type"], answer["code"]) == ("azplan.CommandRejected.v1", "invalid_command")
    assert answer["detail"] == (
        "azplan.CountPartner.v1 is about the partner account itself: customerId must be "
        f"{OURS}, the tenant id of the account contoso, and is {CUSTOMER}"
    )
    assert await bench.rows("SELECT * FROM note WHERE kind = 'note'") == []


async def test_an_account_whose_tenant_is_known_by_a_domain_only_cannot_be_told_apart(bench: Bench, make: Make) -> None:
    """The sender did nothing wrong. An operator completes the settings and redrives."""
    answer = await told(bench, make(OURS), tenant_ids={"contoso": "contoso.onmicrosoft.com"})
    assert (answer["type"], answer["code"]) == ("azplan.CommandFailed.v1", "partner_not_configured")
    assert "set AZPLAN_PARTNERS__CONTOSO__TENANT_ID to the tenant's GUID" in answer["detail"]


async def test_commands_about_the_account_are_found_by_its_tenant_id(bench: Bench, make: Make) -> None:
    """A selection by tenant id works as a selection by customer id."""
    await bench.accept(make(OURS), record(SUSPEND, id="c-2", offset=1))
    found = await bench.journal.transactions.read(lambda tx: command_queries.newest(tx, Selection(customer=OURS), 10))
    assert [each.type for each in found] == ["azplan.CountPartner.v1"]
