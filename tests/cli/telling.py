"""A journal with stories in it, written by a worker of the journal's own tests."""

from datetime import UTC, datetime
from uuid import uuid4

from events.codes import FailedCode, RejectedCode, WaitingReason
from events.messages.base import Event, Origin
from events.messages.command_status import CommandAccepted, CommandFailed, CommandRejected, CommandWaiting
from events.wire.codec import encode
from tests.journal.bench import SUSPEND, UPGRADE, Bench, accept, change, claim, command, ended, event, intent, waiting
from worker.journal.records import Call, NewEvent, Note, State, Waits

CUSTOMER = "3c0e5f4a-9d2b-4a6e-8f1c-5b7d2e9a0c11"
NOON = 1_770_000_000_000_000
"""An instant in microseconds: 2026-02-02T02:40:00Z."""


def said(told: Event, at: int) -> NewEvent:
    """An event as the outbox keeps it, in columns."""
    id_, time = uuid4(), datetime.fromtimestamp(at / 1e6, UTC)
    out = encode(told, id=id_, time=time, correlation_id="correlation-1", causation_id=told.command_id)
    return NewEvent(str(id_), told.wire_type(), out.key or b"", out.value or b"", out.headers, at)


async def tell(url: str) -> None:
    """Write commands: one waits, one is behind it, one is in doubt, one is rejected, one has an id of two sources."""
    async with Bench(url) as bench:
        one = await bench.worker()
        await accept(one, command("waits-1", customer=CUSTOMER), command("behind-1", customer=CUSTOMER))
        await accept(one, command("failed-1", customer="c-2"), command("rejected-1", customer="c-3", type=UPGRADE))
        await accept(one, command("rejected-1", source="/erp", customer="c-4"))
        works = {(work.source, work.id): work for work in await claim(one)}

        wait = works["/crm", "waits-1"]
        reason, until = WaitingReason.ASSETS_STOPPING, NOON + 60_000_000
        notes = [
            Note(NOON, "wait", "one is still active", reason, until),
            Note(NOON - 1, "note", "customers.get was left out"),
        ]
        told = CommandWaiting.of(origin("waits-1"), reason=reason, detail="one is still active", until=None, attempt=0)
        call = Call(NOON - 2, "", "subscriptions.list", "200", 120, "request-1", "ms-1", None, "key", answered=True)
        await one.conclude(
            wait, waiting(600, waits=Waits(1, reason), notes=notes, calls=[call], events=[said(told, NOON)])
        )

        failed = works["/crm", "failed-1"]
        await one.intend(failed, intent(details={"cart_id": "cart-1"}), 900.0, "azure-plan")
        calls = [
            Call(NOON, "checkout", "carts.checkout", "timeout", 40_000, "request-2", "ms-2", None, "k", answered=False),
            Call(NOON + 1, "", "orders.list", "403", 80, "request-3", "ms-2", "900115", "k", answered=True),
        ]
        answer = CommandFailed.of(
            origin("failed-1", "c-2"),
            code=FailedCode.OUTCOME_UNKNOWN,
            detail="never told",
            attempts=2,
            outcome_unknown=True,
        )
        end = ended(
            failed, State.FAILED, attempts=2, keep_effects=True, calls=calls, events=[said(answer, NOON + 60_000_000)]
        )
        await one.conclude(failed, end)

        rejected = works["/crm", "rejected-1"]
        no = CommandRejected.of(origin("rejected-1", "c-3"), code=RejectedCode.NOT_ELIGIBLE_FOR_UPGRADE, detail="no")
        await one.conclude(
            rejected, ended(rejected, State.REJECTED, code="not_eligible_for_upgrade", events=[said(no, NOON)])
        )
        await change(one, "UPDATE command SET received_at = ?", NOON - 3)


def origin(id_: str, customer: str = CUSTOMER) -> Origin:
    """The command of an event."""
    padded = customer if len(customer) == 36 else CUSTOMER
    return Origin(id_, "/crm", SUSPEND, padded, "us")


async def say_more(url: str, id_: str) -> None:
    """Accept one more command, with its event."""
    async with Bench(url) as bench:
        one = await bench.worker("two")
        item = command(id_, customer=CUSTOMER)
        accepted = CommandAccepted.of(origin(id_), received_at=datetime.now(UTC))
        await accept(one, type(item)(**{**_fields(item), "events": (said(accepted, one.now()),)}))


def _fields(item: object) -> dict[str, object]:
    return {name: getattr(item, name) for name in item.__dataclass_fields__}  # type: ignore[attr-defined]


__all__ = ["CUSTOMER", "NOON", "event", "say_more", "tell"]
