"""Checks before a worker begins: the journal must belong to the consumer group."""

from worker.broker.port import Admin
from worker.errors import JournalRefused
from worker.journal.journal import Journal


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
