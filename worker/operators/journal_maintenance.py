"""The journal itself: counted, pruned, and rebuilt from the topics."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from worker.assembly.parts import ages, open_engine, tenants_of
from worker.broker.port import Admin
from worker.clock import Clock
from worker.journal.database.transactions import Transactions
from worker.journal.operating.retention import Pruned
from worker.journal.operator_journal import OperatorJournal
from worker.journal.reading.counts import Stats
from worker.journal.records import Micros, Pause
from worker.operators.errors import InvalidValue
from worker.operators.rebuild import Rebuild, Rebuilt, Sources
from worker.operators.replay.plans import record_desk
from worker.operators.who_and_why import Signature
from worker.settings.model import Settings


@dataclass(frozen=True, slots=True)
class JournalStatistics:
    """How much the journal holds, and the pauses in force."""

    counts: Stats
    pauses: Sequence[Pause]
    now: Micros


async def count_journal(journal: OperatorJournal) -> JournalStatistics:
    """Count everything in the journal. Reads all of it."""
    held = await journal.pauses.in_force()
    return JournalStatistics(await journal.statistics.whole(), held, journal.now())


async def plan_prune(journal: OperatorJournal, settings: Settings) -> Pruned:
    """How much is older than the settings keep. Changes nothing."""
    return await journal.retention.due(ages(settings))


async def prune(journal: OperatorJournal, settings: Settings, signature: Signature) -> Pruned:
    """Forget everything that is older than the settings keep; how much that was. Open work is kept."""
    return await journal.retention.prune(signature.who, signature.why, ages(settings))


def settling_time(settings: Settings) -> timedelta:
    """How long it takes until every request that a worker ever sent has arrived and is visible at Partner Center."""
    return settings.worker.call_timeout + settings.waits.settle + settings.waits.order_list_lag


def former_name(text: str, settings: Settings) -> tuple[str, str]:
    """`OLD=NEW` as two names of one account. Raises `InvalidValue` if NEW is not configured, or OLD is."""
    old, _, new = (part.strip().casefold() for part in text.partition("="))
    if not old or new not in settings.partners or old in settings.partners:
        raise InvalidValue(
            "renamed",
            f"{text!r} does not say which account was renamed.",
            f"Write OLD=NEW; NEW is one of {', '.join(settings.partners) or 'the configured accounts'}, OLD is none.",
        )
    return old, new


async def rebuild_journal(
    settings: Settings,
    admin: Admin,
    signature: Signature,
    *,
    former_names: Sequence[tuple[str, str]] = (),
    tell: Callable[[str], None],
) -> Rebuilt:
    """Bring an empty or older journal up to the commands and events topics, and say what was done.

    `former_names` are pairs of a former and a present name of an account. `tell` is called with sentences about the
    progress. Raises `JournalRefused` while a worker is alive. May be run again after it was interrupted.
    """
    clock, kafka = Clock(), settings.kafka
    engine = open_engine(settings, clock, exclusive=True)
    journal = OperatorJournal(Transactions(engine, clock))
    await journal.open()
    try:
        tenants = await journal.tenants.enrol(tenants_of(settings), former_names)
        sources = Sources(
            admin,
            kafka.commands_topic,
            kafka.events_topic,
            kafka.group_id,
            record_desk(settings, tenants),
            tenants,
            settling_time(settings).total_seconds(),
        )
        return await Rebuild(journal, sources, tell).run(signature.who, signature.why, alone=engine.alone)
    finally:
        await journal.close()
