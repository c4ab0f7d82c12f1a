"""The composition root: settings in, a running worker out. The only module that imports every part."""

import asyncio
import os
import platform
import random
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import structlog
from prometheus_client import start_http_server

from events.messages.base import Command
from worker import metrics
from worker.assembly.accounts import open_accounts, share, unused_proxies
from worker.assembly.parts import (
    ages,
    kafka_config,
    lease,
    open_destination,
    open_engine,
    open_source,
    policy,
    tenants_of,
)
from worker.assembly.rooms import Rooms
from worker.broker.admin import KafkaAdmin
from worker.broker.port import Sink, Source
from worker.broker.sink import KafkaSink
from worker.broker.writing.in_flight_limit import largest_record
from worker.clock import Clock
from worker.files.destination import Destination
from worker.gate import Traffic
from worker.handling import Handler, load
from worker.http.health import HealthServer
from worker.journal.database.transactions import Transactions
from worker.journal.journal import Journal
from worker.journal.processing.lane_prefixes_of_accounts import Directory
from worker.journal.records import Work
from worker.operating_system import on_stop
from worker.partner_center.all_operations import operations
from worker.partner_center.client.account import Account
from worker.runtime.conclusion import Sender
from worker.runtime.consumer import Consumer
from worker.runtime.controls.circuit_probe_requests import ProbeRequests
from worker.runtime.controls.database_notifications import Wakeups
from worker.runtime.controls.pauses import Pauses
from worker.runtime.controls.requests import Requests
from worker.runtime.dead_letter_storm import Poison
from worker.runtime.dispatch import Dispatch
from worker.runtime.handler_run import TurnParts
from worker.runtime.intake_rules import IntakeRules
from worker.runtime.lane_heartbeat import Ownership
from worker.runtime.learned_lags import LearnedLags
from worker.runtime.lifecycle.foreign_journal_check import Group, open_journal
from worker.runtime.lifecycle.service import Service, ServiceParts
from worker.runtime.lifecycle.stop_limit import end_within
from worker.runtime.observability.gauges import Gauges
from worker.runtime.publisher import Publisher, Topics
from worker.runtime.retention import REST, Retention
from worker.runtime.scheduler import LaneLimits, Lanes
from worker.settings.model import Settings
from worker.trace_export import exported_traces
from worker.version import revision, version

log = structlog.get_logger("azplan.app")


class Worker:
    """A worker made from the settings."""

    def __init__(self, settings: Settings, *, new_journal: bool = False) -> None:
        self._settings = settings
        self._new_journal = new_journal
        self._clock = Clock()
        self._signal = 0
        self._stop = asyncio.Event()

    async def run(self) -> int:
        """Work until SIGTERM or SIGINT. The exit code: 128 and the signal's number.

        Raises `JournalRefused`, `JournalUnavailable` and `BrokerError` where the worker cannot begin.
        """
        on_stop(self._signalled)
        settings = self._settings
        journal = await self._open_journal()
        await journal.bind(settings.kafka.group_id, settings.kafka.commands_topic)
        tenants = await journal.register_tenants(tenants_of(settings))
        accounts, files = open_accounts(settings, self._clock), open_destination(settings)
        for name, warning in unused_proxies(settings):
            log.warning("proxy.unused", partner=name, warning=warning)
        try:
            source, sink = open_source(settings, self._clock), KafkaSink(kafka_config(settings))
            given = Dependencies(self._clock, journal, accounts, tenants, source, sink, load("worker.handlers"), files)
            with exported(settings):
                await assemble(settings, given).run(self._stop)
        finally:
            for account in accounts.values():
                await account.close()
            files.scratch.close()
            await journal.close()
        return 128 + self._signal

    async def _open_journal(self) -> Journal:
        settings, kafka = self._settings, self._settings.kafka
        journal = Journal(Transactions(open_engine(settings, self._clock, exclusive=True), self._clock))
        guest, admin = open_engine(settings, self._clock), KafkaAdmin(kafka_config(settings))
        group = Group(kafka.group_id, kafka.commands_topic, kafka.events_topic)
        await open_journal(journal, guest, admin, group, new=self._new_journal)
        return journal

    def _signalled(self, number: signal.Signals) -> None:
        """Stop in good order at the first signal, at once at the second: as safe, and slower for the next worker."""
        if self._stop.is_set():
            log.warning("worker.killed", signal=number.name)
            os._exit(128 + number)
        self._signal = number
        self._stop.set()
        end_within(self._settings.worker.drain_timeout.total_seconds(), number)


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What a worker needs from outside, ready to be used."""

    clock: Clock
    journal: Journal
    accounts: Mapping[str, Account]
    tenants: Directory
    source: Source
    sink: Sink
    handlers: Mapping[type[Command], Handler]
    files: Destination
    spread: Callable[[], float] = random.random
    attention: float = 0.5
    """Seconds between two looks at the requests of persons."""
    rest: float = REST
    """Seconds between two searches for rows that are old enough to be deleted."""


def assemble(settings: Settings, given: Dependencies) -> Service:
    """The service of a worker, not yet begun."""
    journal, clock, accounts, tenants = given.journal, given.clock, given.accounts, given.tenants
    kafka = settings.kafka
    ownership = Ownership(journal, clock, lease(settings), socket.gethostname(), version())
    sender = Sender(kafka.group_id, version(), largest_record(kafka.max_request_bytes, kafka.events_topic))

    def closed(work: Work, claimed_by: str) -> str | None:
        if service.stopping:
            return "this worker is stopping"
        if not ownership.may_send(claimed_by):
            return "this worker may not own the lane for long enough"
        return paused.holds(work)

    learned = LearnedLags(journal, settings.waits.max.total_seconds(), given.spread)
    partners = [*(tenant.lanes for tenant in tenants.accounts.values()), ""]
    limits, rooms = LaneLimits(settings.worker.concurrency, settings.worker.max_pending), Rooms(accounts, tenants)
    lanes = Lanes(journal, Dispatch(turn_parts(settings, given, closed, learned), sender), partners, limits, rooms)
    rules = IntakeRules(tenants.resolve, sender, settings.journal.retention.total_seconds())
    publisher = Publisher(journal, given.sink, Topics(kafka.events_topic, kafka.dead_letters_topic), clock)
    consumer = Consumer(given.source, journal, lanes, rules, clock, poison=poison(settings))
    paused = Pauses(journal, lanes.wake, given.attention)

    def carried_out() -> None:
        lanes.meet()
        publisher.wake()

    asked = Requests(journal, tenants.resolve, carried_out, given.attention)
    probes = ProbeRequests(journal, [account.try_now for account in accounts.values()], given.attention)
    retention = Retention(journal, ages(settings), clock, given.spread, given.rest)
    gauges = Gauges(journal, given.source, kafka.commands_topic, clock, consumer.newest, accounts)
    parts = ServiceParts(
        journal=journal,
        source=given.source,
        sink=given.sink,
        ownership=ownership,
        lanes=lanes,
        consumer=consumer,
        publisher=publisher,
        clock=clock,
        background=[
            share(accounts, tenants, journal.ceilings, clock, settings, exchanged=lanes.ease).run,
            gauges.run,
            paused.run,
            asked.run,
            probes.run,
            retention.run,
            learned.run,
            Wakeups(journal, [lanes.meet, publisher.wake, asked.wake, paused.wake, probes.wake]).run,
            *(accounts[name].keep_fresh for name, one in settings.partners.items() if one.refresh_token_file),
        ],
        degraded=[paused.in_force, *(account.complaints for account in accounts.values())],
    )
    service = Service(
        parts,
        drain_timeout=settings.worker.drain_timeout.total_seconds(),
        pages=lambda probes: HealthServer(probes, settings.http.host, settings.http.port),
    )
    metrics.READY.set_function(service.shows_ready)
    return service


def poison(settings: Settings) -> Poison:
    """What pauses a partition whose records are mostly dead letters."""
    return Poison(settings.worker.poison_window, settings.worker.poison_share)


def turn_parts(
    settings: Settings, given: Dependencies, closed: Callable[[Work, str], str | None], learned: LearnedLags
) -> TurnParts:
    """What every turn needs. `closed`: why no request of a command claimed by a worker may leave; None if one may."""
    return TurnParts(
        journal=given.journal,
        handlers=given.handlers,
        files=given.files,
        traffic=lambda work: join(given, work, partial(closed, work)),
        clock=given.clock,
        policy=policy(settings),
        spread=given.spread,
        tenant_ids=tenants_of(settings),
        lags=learned.of,
        validate_only=settings.worker.validate_only,
    )


def join(given: Dependencies, work: Work, closed: Callable[[str], str | None]) -> Traffic:
    """The traffic of one run, bound to the account that the command's tenant has now, if there is one."""
    traffic = Traffic(work, given.clock, closed, given.journal.now)
    name = given.tenants.account_of(work.partner)
    traffic.center = given.accounts[name].center(traffic) if name else None
    return traffic


async def serve(settings: Settings, *, new_journal: bool = False) -> int:
    """Run a worker until a signal. Returns the exit code. Raises what `Worker.run` raises."""
    with exported_traces(os.environ):
        return await Worker(settings, new_journal=new_journal).run()


@contextmanager
def exported(settings: Settings) -> Iterator[None]:
    """Serve the metrics from a thread of their own: a stuck event loop can be seen from outside.

    Raises OSError where the address cannot be had.
    """
    metrics.prepare(
        [(one.name, one.method, one.success) for one in operations().values()],
        topics={
            "commands": settings.kafka.commands_topic,
            "events": settings.kafka.events_topic,
            "dead_letters": settings.kafka.dead_letters_topic,
        },
        build={"version": version(), "revision": revision(), "python": platform.python_version()},
    )
    server, thread = start_http_server(settings.metrics.port, settings.metrics.host, registry=metrics.REGISTRY)
    # Accepted connections inherit this option: head and body of an answer are two packets.
    server.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
