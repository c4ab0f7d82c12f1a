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

import structlog
from prometheus_client import start_http_server

from events.messages.base import Command
from worker import metrics
from worker.broker.in_flight_limit import largest_record
from worker.broker.port import Sink, Source
from worker.broker.sink import KafkaSink
from worker.clock import Clock
from worker.gate import Traffic
from worker.handling import Handler, load
from worker.http.health import HealthServer
from worker.journal.journal import Journal
from worker.journal.processing.tenants import Directory
from worker.journal.records import Work
from worker.journal_opening import open_journal
from worker.operating_system import on_stop
from worker.partner_center.client.account import Account
from worker.partner_center.client.sliding_window import SPAN
from worker.partner_center.registry import operations
from worker.runtime import intake, requests
from worker.runtime.conclusion import Sender
from worker.runtime.consumer import Consumer
from worker.runtime.dispatch import Dispatch
from worker.runtime.gauges import Gauges
from worker.runtime.lanes import Lanes, Limits
from worker.runtime.ownership import Ownership
from worker.runtime.pauses import Brake
from worker.runtime.poison import Poison
from worker.runtime.probe_requests import Probing
from worker.runtime.publisher import Publisher, Topics
from worker.runtime.requests import Requests
from worker.runtime.retention import REST, Forgetting
from worker.runtime.service import Parts, Service
from worker.runtime.stop_limit import end_within
from worker.runtime.turn import Desk
from worker.runtime.wakeups import Hints
from worker.settings.accounts import open_accounts, unused_proxies
from worker.settings.build import (
    ages,
    kafka_config,
    lease,
    open_source,
    policy,
    tenants_of,
)
from worker.settings.model import Settings
from worker.trace_export import exported_traces
from worker.version import revision, version

log = structlog.get_logger("azplan.app")


class Worker:
    """A worker made of the settings. `run` works until a signal, and gives the exit code."""

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
        journal = await open_journal(settings, self._clock, new=self._new_journal)
        await journal.bind(settings.kafka.group_id, settings.kafka.commands_topic)
        tenants = await journal.register_tenants(tenants_of(settings))
        accounts = open_accounts(settings, self._clock)
        for name, warning in unused_proxies(settings):
            log.warning("proxy.unused", partner=name, warning=warning)
        await recall(journal, accounts, tenants)
        try:
            source, sink = open_source(settings, self._clock), KafkaSink(kafka_config(settings))
            around = Around(self._clock, journal, accounts, tenants, source, sink, load("worker.handlers"))
            with exported(settings):
                await assemble(settings, around).run(self._stop)
        finally:
            for account in accounts.values():
                await account.close()
            await journal.close()
        return 128 + self._signal

    def _signalled(self, number: signal.Signals) -> None:
        """The first signal stops in good order; the second at once: as safe, and slower for the next worker."""
        if self._stop.is_set():
            log.warning("worker.killed", signal=number.name)
            os._exit(128 + number)
        self._signal = number
        self._stop.set()
        end_within(self._settings.worker.drain_timeout.total_seconds(), number)


@dataclass(frozen=True, slots=True)
class Around:
    """What a worker stands on, ready to be used."""

    clock: Clock
    journal: Journal
    accounts: Mapping[str, Account]
    tenants: Directory
    source: Source
    sink: Sink
    handlers: Mapping[type[Command], Handler]
    spread: Callable[[], float] = random.random
    attention: float = 0.5
    """Seconds between two looks at what people ask for."""
    rest: float = REST
    """Seconds between two looks at what is old enough to be forgotten."""


def assemble(settings: Settings, around: Around) -> Service:
    """A worker of these parts, not yet begun."""
    journal, clock, accounts, tenants = around.journal, around.clock, around.accounts, around.tenants
    ownership = Ownership(journal, clock, lease(settings), socket.gethostname(), version())
    largest = largest_record(settings.kafka.max_request_bytes, settings.kafka.events_topic)
    sender = Sender(settings.kafka.group_id, version(), largest)

    def closed(claimed_by: str) -> str | None:
        if service.stopping:
            return "this worker is stopping"
        return None if ownership.may_send(claimed_by) else "this worker may not own the lane for long enough"

    desk = Desk(
        journal=journal,
        handlers=around.handlers,
        traffic=lambda work: join(around, work, lambda claimed_by: closed(claimed_by) or brake.holds(work)),
        clock=clock,
        policy=policy(settings),
        spread=around.spread,
        tenant_ids=tenants_of(settings),
        validate_only=settings.worker.validate_only,
    )
    limits = Limits(settings.worker.concurrency, settings.worker.max_pending)
    partners = [*(tenant.lanes for tenant in tenants.accounts.values()), ""]
    lanes = Lanes(journal, Dispatch(desk, sender), partners, limits)
    taking = intake.Desk(
        resolve=tenants.resolve,
        sender=sender,
        retention=settings.journal.retention.total_seconds(),
    )
    topics = Topics(settings.kafka.events_topic, settings.kafka.dead_letters_topic)
    publisher = Publisher(journal, around.sink, topics, clock)
    poison = Poison(settings.worker.poison_window, settings.worker.poison_share)
    consumer = Consumer(around.source, journal, lanes, taking, clock, poison=poison)
    brake = Brake(journal, lanes.wake, around.attention)

    def carried_out() -> None:
        lanes.meet()
        publisher.wake()

    asked = Requests(requests.Desk(journal, taking.resolve, carried_out), around.attention)
    probing = Probing(journal, [account.try_now for account in accounts.values()], around.attention)
    forgetting = Forgetting(journal, ages(settings), clock, around.spread, around.rest)

    def ceilings() -> Iterator[tuple[str, str, int, int]]:
        return ((name, *each) for name, account in accounts.items() for each in account.ceilings())

    parts = Parts(
        journal=journal,
        source=around.source,
        sink=around.sink,
        ownership=ownership,
        lanes=lanes,
        consumer=consumer,
        publisher=publisher,
        clock=clock,
        background=[
            Gauges(journal, around.source, settings.kafka.commands_topic, clock, consumer.newest, ceilings).run,
            brake.run,
            asked.run,
            probing.run,
            forgetting.run,
            Hints(journal, [lanes.meet, publisher.wake, asked.wake, brake.wake, probing.wake]).run,
            *(accounts[name].keep_fresh for name, one in settings.partners.items() if one.refresh_token_file),
        ],
        degraded=[brake.in_force, *(account.complaints for account in accounts.values())],
    )
    service = Service(
        parts,
        drain_timeout=settings.worker.drain_timeout.total_seconds(),
        pages=lambda probes: HealthServer(probes, settings.http.host, settings.http.port),
    )
    metrics.READY.set_function(service.shows_ready)
    return service


async def recall(journal: Journal, accounts: Mapping[str, Account], tenants: Directory) -> None:
    """A ceiling holds in any 60 seconds, also in those in which a worker was stopped and started again."""
    ages: dict[tuple[str, str], list[float]] = {}
    for call in await journal.recent_calls(SPAN):
        if call.operation in operations():
            ages.setdefault((call.partner, operations()[call.operation].family), []).append(call.age)
    for (partner, family), each in ages.items():
        account = tenants.account_of(partner)
        if account is not None:
            accounts[account].recall(family, each)


def join(around: Around, work: Work, closed: Callable[[str], str | None]) -> Traffic:
    """The traffic of one run, between the account that its tenant has now, if it has one, and the journal."""
    traffic = Traffic(work, around.clock, closed, around.journal.now)
    name = around.tenants.account_of(work.partner)
    traffic.center = around.accounts[name].center(traffic) if name else None
    return traffic


async def serve(settings: Settings, *, new_journal: bool = False) -> int:
    """Run a worker until a signal. The exit code. Raises what `Worker.run` raises."""
    with exported_traces(os.environ):
        return await Worker(settings, new_journal=new_journal).run()


@contextmanager
def exported(settings: Settings) -> Iterator[None]:
    """The metrics, served from a thread of their own, so that an event loop that is stuck can be seen from outside.

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
    # What is accepted has it from here: head and body of an answer are two packets.
    server.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
