"""Commands as a person names them: by id, or by what they have in common."""

from difflib import get_close_matches

from worker.cli.exit_codes import Code, Stop
from worker.journal.operator_journal import OperatorJournal
from worker.journal.reading.views import Summary
from worker.journal.selection import Selection


async def the_command(journal: OperatorJournal, id_: str, source: str | None) -> Summary:
    """The command of this id. Raises Stop where there is none, or more than one."""
    found = await journal.commands.find(id_, source)
    if not found:
        raise await _unknown(journal, id_, source)
    if len(found) > 1:
        sources = ", ".join(each.source for each in found)
        raise Stop(Code.USAGE, f"{len(found)} sources share the id {id_!r}: {sources}.", "Say which with --source.")
    return found[0]


async def _unknown(journal: OperatorJournal, id_: str, source: str | None) -> Stop:
    newest = await journal.commands.newest(Selection(), 1_000)
    near = get_close_matches(id_, {each.id for each in newest}, n=3, cutoff=0.8)
    of = f" from {source}" if source else ""
    hint = f"Did you mean {', '.join(near)}?" if near else "`azplan commands list` shows the newest."
    return Stop(Code.NOTHING, f"no command {id_!r}{of} is in the journal.", hint)
