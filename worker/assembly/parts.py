"""Makes parts of a worker from settings: database, broker, files, policies. Connects to nothing.

The worker consists of these parts and of `worker.assembly.accounts`. The command line opens them one by one.
"""

import asyncio
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from worker.broker.kafka_clients import KafkaConfig
from worker.broker.port import Source, StartFrom
from worker.broker.source import KafkaSource, Membership
from worker.clock import Clock
from worker.files.conversion.process import Converter
from worker.files.destination import Destination, FileOptions
from worker.files.opening import open_store
from worker.files.scratch import Scratch
from worker.journal.database.postgres.engine import PostgresEngine
from worker.journal.database.protocol import Engine
from worker.journal.database.sqlite.engine import SqliteEngine
from worker.journal.operating.retention_kinds import Ages
from worker.runtime.lane_heartbeat import Lease
from worker.settings.model import Settings
from worker.steps import AccountPolicy, Policy


def open_engine(settings: Settings, clock: Clock, *, exclusive: bool = False) -> Engine:
    """The database of the journal.

    `exclusive`: for a worker; an SQLite file serves one worker only. Other processes are guests: they neither create a
    journal nor change its schema.
    """
    url = settings.journal.url.get_secret_value()
    if url.startswith("sqlite:///"):
        path = Path(url.removeprefix("sqlite:///"))
        return SqliteEngine(path, clock=clock, exclusive=exclusive, guest=not exclusive)
    password = settings.journal.password.get_secret_value() if settings.journal.password else None
    return PostgresEngine(url, password=password, ca_file=settings.journal.ca_file, guest=not exclusive)


def kafka_config(settings: Settings) -> KafkaConfig:
    """How to connect to the brokers."""
    kafka = settings.kafka
    return KafkaConfig(
        bootstrap_servers=kafka.bootstrap_servers,
        security_protocol=kafka.security_protocol,
        sasl_mechanism=kafka.sasl_mechanism,
        sasl_username=kafka.sasl_username,
        sasl_password=kafka.sasl_password.get_secret_value() if kafka.sasl_password else None,
        ca_file=kafka.ca_file,
        certificate_file=kafka.certificate_file,
        key_file=kafka.key_file,
        max_request_bytes=kafka.max_request_bytes,
        max_inflated=kafka.max_inflated,
    )


def open_source(settings: Settings, clock: Clock) -> Source:
    """The commands topic, read as a member of the group."""
    kafka = settings.kafka
    membership = Membership(kafka.commands_topic, kafka.group_id, StartFrom(kafka.start_from))
    return KafkaSource(kafka_config(settings), membership, clock)


def open_destination(settings: Settings) -> Destination:
    """Where exported files go. Connects to nothing: what is wrong with it shows when it is used."""
    files = settings.files
    formats = files.formats or ("source,parquet,focus" if find_spec("pyarrow") else "source")
    options = FileOptions(
        formats=tuple(formats.split(",")),
        trust_etag=files.trust_etag,
        concurrency=files.concurrency,
        downloads=files.downloads,
        keep_unbilled=files.keep_unbilled,
        records_in_events=files.records_in_events,
        tolerance=settings.compare.tolerance,
    )
    scratch = Scratch(Path(files.scratch) if files.scratch else None)
    return Destination(
        partial(open_store, files.url), options, scratch, in_thread=asyncio.to_thread, converter=Converter(scratch)
    )


def tenants_of(settings: Settings) -> dict[str, str]:
    """The tenant id of each configured account, by the account's name."""
    return {name: partner.tenant_id for name, partner in settings.partners.items()}


def policy(settings: Settings) -> Policy:
    """The time limits and attempts that steps and outcomes use."""
    waits, retries = settings.waits, settings.retries
    return Policy(
        call_timeout=settings.worker.call_timeout.total_seconds(),
        settle=waits.settle.total_seconds(),
        order_list_lag=waits.order_list_lag.total_seconds(),
        attempts=retries.attempts,
        retry_first=retries.first.total_seconds(),
        retry_max=retries.max.total_seconds(),
        wait_first=waits.first.total_seconds(),
        wait_max=waits.max.total_seconds(),
        deadlines={name: duration.total_seconds() for name, duration in settings.deadlines().items()},
        customer_lag=waits.customer_lag.total_seconds(),
        quote_age=waits.quote_age.total_seconds(),
        pauses={
            "export": (waits.export_first.total_seconds(), waits.export_max.total_seconds()),
            "data": (waits.data_first.total_seconds(), waits.data_max.total_seconds()),
        },
        accounts={
            name: AccountPolicy(each.attestation, each.cancel_through, sandbox=each.sandbox)
            for name, each in settings.partners.items()
        },
    )


def lease(settings: Settings) -> Lease:
    """How long this worker owns its lanes without a heartbeat."""
    worker = settings.worker
    return Lease(
        lease=worker.lease.total_seconds(),
        heartbeat=worker.heartbeat.total_seconds(),
        call_timeout=worker.call_timeout.total_seconds(),
    )


def ages(settings: Settings) -> Ages:
    """How long the journal keeps commands that have ended."""
    return Ages(settings.journal.retention.total_seconds(), settings.journal.detail_retention.total_seconds())
