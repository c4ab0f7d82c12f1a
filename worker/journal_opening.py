"""Opens the journal of a worker once it is certain that the journal belongs to the worker's group."""

import structlog

from worker.broker.admin import KafkaAdmin
from worker.clock import Clock
from worker.errors import JournalError, JournalMissing
from worker.journal.database.transactions import Transactions
from worker.journal.journal import Journal
from worker.runtime.lifecycle.startup_check import refuse_foreign
from worker.settings.build import kafka_config, open_engine
from worker.settings.model import Settings

log = structlog.get_logger("azplan.app")


async def open_journal(settings: Settings, clock: Clock, *, new: bool) -> Journal:
    """Open the journal of a worker. `new`: the journal may be empty although the group has worked before.

    A missing journal is created last, after the broker has answered: a start that fails leaves nothing behind.

    Raises `JournalRefused`, `JournalUnavailable` and `BrokerError`.
    """
    journal = Journal(Transactions(open_engine(settings, clock, exclusive=True), clock))
    admin, kafka = KafkaAdmin(kafka_config(settings)), settings.kafka
    group = (kafka.group_id, kafka.commands_topic, kafka.events_topic)
    try:
        if await missing(settings, clock):
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
    return journal


async def missing(settings: Settings, clock: Clock) -> bool:
    """Whether the journal does not exist yet. Creates none. False for an unusable journal: opening it fails."""
    engine = open_engine(settings, clock)
    try:
        await engine.open()
    except JournalMissing:
        return True
    except JournalError:
        return False
    finally:
        await engine.close()
    return False
