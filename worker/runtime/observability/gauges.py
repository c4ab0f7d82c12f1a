"""Metrics that are measured every few seconds: lag, backlog, ages, the event loop's own lateness."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Protocol

import structlog

from events.messages.base import commands
from worker import metrics
from worker.broker.port import BrokerError, Partition, Source
from worker.clock import Clock
from worker.errors import JournalUnavailable
from worker.files.layout import Dataset
from worker.journal.journal import Journal
from worker.journal.records import SECOND, Micros

log = structlog.get_logger("azplan.gauges")

EVERY = 5.0
LOOP_EVERY = 1.0
VERSIONS_EVERY = 60.0
"""Seconds between two looks at what all workers have published."""
MOST_VERSIONS, IN_A_ROW = 10_000, 100
"""The newest versions that a look reads, since the journal keeps every version; and those between two turns of others.
Fifty accounts whose unbilled months are exported every day publish so many in a quarter."""


class OfAccount(Protocol):
    """What is measured of a partner account."""

    def ceilings(self) -> Iterable[tuple[str, int, int]]:
        """For each resource family that was called: name, ceiling, requests of this worker in the last minute."""


class Gauges:
    """Sets the gauges until cancelled. A gauge that cannot be measured now keeps its last value."""

    def __init__(
        self,
        journal: Journal,
        source: Source,
        topic: str,
        clock: Clock,
        newest: Mapping[Partition, float],
        accounts: Mapping[str, OfAccount],
    ) -> None:
        """`newest` has the timestamp of the newest record taken in from each partition, in Unix time.

        `accounts` are the configured ones, by their names. Versions of other accounts are not shown.
        """
        self._accounts = accounts
        self._newest = newest
        self._begun = clock.now().timestamp()
        self._shown: set[Partition] = set()
        self._journal = journal
        self._source = source
        self._topic = topic
        self._clock = clock
        self._rebalances = 0
        self._versions_at = float("-inf")
        self._versions: Mapping[str, Micros] = {}

    async def run(self) -> None:
        """Measure every few seconds."""
        while True:
            await self._late()
            self._reading()
            self._quota()
            for measure in (self._published, self._lag, self._backlog):
                try:
                    await measure()
                except (BrokerError, JournalUnavailable) as error:
                    log.debug("gauges.skipped", error=str(error))
            metrics.show_dataset_ages(self._clock.now().timestamp())
            await asyncio.sleep(EVERY)

    async def _late(self) -> None:
        begun = self._clock.monotonic()
        await asyncio.sleep(LOOP_EVERY)
        metrics.EVENT_LOOP_LAG.set(max(0.0, self._clock.monotonic() - begun - LOOP_EVERY))

    def _reading(self) -> None:
        metrics.ASSIGNED_PARTITIONS.labels(self._topic).set(len(self._source.assignment()))
        health = self._source.health()
        metrics.REBALANCES.inc(health.rebalances - self._rebalances)
        self._rebalances = health.rebalances

    def _quota(self) -> None:
        for partner, account in self._accounts.items():
            for family, ceiling, used in account.ceilings():
                metrics.CEILING.labels(partner, family).set(ceiling)
                metrics.CEILING_USED.labels(partner, family).set(used)

    async def _published(self) -> None:
        """Learn what this worker's predecessors and the other workers have published."""
        if self._clock.monotonic() - self._versions_at < VERSIONS_EVERY:
            return
        versions = await self._journal.exports.newest(MOST_VERSIONS)
        changed = [(path, at) for path, at in versions.items() if self._versions.get(path) != at]
        for number, (path, at) in enumerate(changed, start=1):
            if number % IN_A_ROW == 0:
                await asyncio.sleep(0)
            try:
                dataset = Dataset.parse(path)
            except ValueError:
                continue  # of a newer azplan beside this one
            if dataset.lines is not None and dataset.partner in self._accounts:
                billed = dataset.invoice_id is not None
                metrics.version_published(dataset.partner, dataset.lines, at / SECOND, billed=billed)
        self._versions, self._versions_at = versions, self._clock.monotonic()

    async def _lag(self) -> None:
        lags = await self._source.lag()
        for gone in self._shown - set(lags):
            metrics.CONSUMER_LAG.remove(gone.topic, str(gone.number))
            metrics.CONSUMER_LAG_SECONDS.remove(gone.topic, str(gone.number))
        self._shown = set(lags)
        now = self._clock.now().timestamp()
        for partition, lag in lags.items():
            where = partition.topic, str(partition.number)
            metrics.CONSUMER_LAG.labels(*where).set(lag.messages)
            # The oldest waiting record is younger than the last one taken in, or than this worker's first look.
            last = self._newest.get(partition, self._begun)
            metrics.CONSUMER_LAG_SECONDS.labels(*where).set(max(0.0, now - last) if lag.messages else 0.0)

    async def _backlog(self) -> None:
        now = await self._journal.gauges()
        metrics.OUTBOX_PENDING.set(now.outbox_pending)
        metrics.OUTBOX_OLDEST.set(now.outbox_oldest_age)
        metrics.DEAD_LETTER_BACKLOG.set(now.dead_letters)
        metrics.OLDEST_DETAIL.set(now.oldest_detail_age)
        ages = {metrics.command_label(command): age for command, age in now.oldest_open_age.items()}
        for label in {*map(metrics.command_label, commands()), *ages}:
            metrics.OLDEST_OPEN_COMMAND.labels(label).set(ages.get(label, 0.0))
