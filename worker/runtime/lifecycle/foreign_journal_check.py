"""Checks before a worker begins: the journal must belong to the consumer group."""

from typing import NamedTuple

import structlog

from worker.broker.port import Admin
from worker.errors import JournalError, JournalMissing, JournalRefused
from worker.journal.database.protocol import Engine
from worker.journal.journal import Journal

log = structlog.get_logger("azplan.app")


class Group(NamedTuple):
    """The consumer group of the workers, and the topics that it reads commands from and writes events to."""

    id: str
    commands: str
    events: str


async def open_journal(journal: Journal, guest: Engine, admin: Admin, group: Group, *, new: bool) -> None:
    """Open the journal of a worker. `new`: the journal may be empty although the group has worked before.

    A missing journal is created last, after the broker has answered: a start that fails leaves nothing behind. `guest`
    is an engine of the same journal which creates none.

    Raises `JournalRefused`, `JournalUnavailable` and `BrokerError`.
    """
    try:
        if await is_missing(guest):
            await admin.start()
            if not new:
                await refuse_foreign(None, admin, *group)
            await journal.open()
        else:
            await journal.open()
            await admin.start()
            if not new:
                await refuse_foreign(journal, admin, *group)
    finally:
        await admin.stop()
    for warning in journal.warnings:
        log.warning("journal.warning", warning=warning)


async def is_missing(guest: Engine) -> bool:
    """Whether there is no journal yet. Creates none. False for a journal that cannot be used: opening it says why."""
    try:
        await guest.open()
    except JournalMissing:
        return True
    except JournalError:
        return False
    finally:
        await guest.close()
    return False


async def refuse_foreign(journal: Journal | None, admin: Admin, group: str, commands: str, events: str) -> None:
    """Refuse an empty journal beside a group that has worked before: the worker would do all commands again.

    `journal` is None where there is no journal yet. Raises `JournalRefused` with what to do, and what `Admin` raises.
    """
    if journal is not None and await journal.is_half_rebuilt():
        raise JournalRefused("the journal is half built: run `azplan journal rebuild` again, to its end.")
    if journal is not None and not await journal.is_empty():
        return
    committed = await admin.committed(group, commands)
    beginnings, ends = await admin.beginnings(events), await admin.ends(events)
    answered = any(ends[partition] > beginnings.get(partition, 0) for partition in ends)
    if not committed and not answered:
        return
    found = f"the group {group} has committed offsets on {commands}" if committed else f"{events} holds answers"
    raise JournalRefused(
        f"the journal is empty, but {found}: commands that were done would be done again. "
        "Set AZPLAN_JOURNAL__URL to the journal that belongs to the group. If that is lost, run `azplan journal "
        "rebuild`; if this is meant to be a beginning, run `azplan run --new-journal`."
    )
