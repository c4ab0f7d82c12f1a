"""How far the exports of a command are, as its events say: each change of stage, and at most one event a minute."""

from collections.abc import Collection
from typing import Any, Protocol

from events.messages.invoice_lines import InvoiceExportProgressed
from worker.handling import Context
from worker.journal.records import SECOND

EVERY = 60 * SECOND
"""Between two events about one dataset in one stage."""


class Counted(Protocol):
    """A source part that is stored: its lines, and its bytes as Microsoft sends them."""

    @property
    def rows(self) -> int: ...

    @property
    def bytes(self) -> int: ...


def tell(
    ctx: Context,
    lines: str,
    stage: str,
    parts: Collection[Counted],
    *,
    blobs: int | None,
    operation_id: str | None = None,
) -> None:
    """Say how far the export of these lines is, if its stage has changed or a minute has passed.

    The events are published when the run is concluded, with what the command remembers of them. `parts`: the source
    parts that are there. `blobs`: how many there will be.
    """
    told: dict[str, Any] = ctx.memory.setdefault(f"told {ctx.redrive}", {})
    before, now = told.get(lines) or {}, ctx.instant()
    is_new = before.get("stage") != stage
    if not is_new and (now - before.get("at", 0) < EVERY or before.get("done") == len(parts)):
        return
    told[lines] = {"stage": stage, "at": now, "done": len(parts)}
    told["events"] = told.get("events", 0) + 1
    ctx.say(
        InvoiceExportProgressed.nth_place(told["events"]),
        InvoiceExportProgressed,
        lines=lines,
        stage=stage,
        operation_id=operation_id,
        blobs_done=len(parts),
        blobs=blobs,
        rows=sum(part.rows for part in parts),
        bytes=sum(part.bytes for part in parts),
    )
