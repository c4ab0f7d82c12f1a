"""From settings to parts: the database, the broker, the partner accounts. Nothing is called here yet.

The worker is put together from these, and the command line looks at them one by one.
"""

from collections.abc import Collection
from pathlib import Path

from worker.broker.connection import KafkaConfig
from worker.broker.port import Source, StartFrom
from worker.broker.source import KafkaSource, Membership
from worker.clock import Clock
from worker.journal.postgres import PostgresEngine
from worker.journal.sql import Engine
from worker.journal.sqlite import SqliteEngine
from worker.partner_center import client
from worker.partner_center.client import Account
from worker.partner_center.tokens import Identity
from worker.settings import Partner, Settings, SettingsError
from worker.steps import Policy


def open_engine(settings: Settings, clock: Clock, *, exclusive: bool = False) -> Engine:
    """The database of the journal. `exclusive` for a worker: an SQLite file serves one. Whoever is none is a guest, who
    neither makes a journal nor changes its schema."""
    url = settings.journal.url.get_secret_value()
    if url.startswith("sqlite:///"):
        path = Path(url.removeprefix("sqlite:///"))
        return SqliteEngine(path, clock=clock, exclusive=exclusive, guest=not exclusive)
    return PostgresEngine(url, guest=not exclusive)


def kafka_config(settings: Settings) -> KafkaConfig:
    """Where the brokers are."""
    kafka = settings.kafka
    return KafkaConfig(
        bootstrap_servers=kafka.bootstrap_servers,
        security_protocol=kafka.security_protocol,
        sasl_mechanism=kafka.sasl_mechanism,
        sasl_username=kafka.sasl_username,
        sasl_password=kafka.sasl_password.get_secret_value() if kafka.sasl_password else None,
        ca_file=kafka.ca_file,
    )


def open_source(settings: Settings, clock: Clock) -> Source:
    """The commands topic, read as a member of the group."""
    kafka = settings.kafka
    membership = Membership(kafka.commands_topic, kafka.group_id, StartFrom(kafka.start_from))
    return KafkaSource(kafka_config(settings), membership, clock)


def open_accounts(settings: Settings, clock: Clock) -> dict[str, Account]:
    """The partner accounts by name. Nobody is called yet. Raises `SettingsError` where a file cannot be used."""
    accounts = {}
    for name, partner in settings.partners.items():
        try:
            accounts[name] = Account(
                account_of(name, partner),
                clock,
                call_timeout=settings.worker.call_timeout.total_seconds(),
                connections=settings.worker.concurrency,
            )
        except OSError as error:
            setting = f"AZPLAN_PARTNERS__{name.upper()}__CA_FILE {partner.ca_file}"
            raise SettingsError([f"{setting} cannot be used: {error.strerror or error}"]) from error
        except ValueError as error:
            raise SettingsError([f"AZPLAN_PARTNERS__{name.upper()}__BASE_URL cannot be used: {error}"]) from error
    return accounts


def account_of(name: str, partner: Partner) -> client.Partner:
    """A partner's settings as the client takes them."""
    secret = partner.client_secret
    return client.Partner(
        name=name,
        identity=Identity(
            authority=partner.authority_url,
            client_id=partner.client_id,
            audience=partner.audience,
            client_secret=secret.get_secret_value() if secret else None,
            certificate_file=_path(partner.certificate_file),
            federated_token_file=_path(partner.federated_token_file),
        ),
        base_url=partner.base_url,
        ca_file=_path(partner.ca_file),
        refresh_token_file=_path(partner.refresh_token_file),
        requests_per_minute=partner.requests_per_minute,
    )


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def resolve(accounts: Collection[str], asked: str | None) -> str | None:
    """The account that a command is for: the one it names, or the only one; None where that cannot be told."""
    if asked is None:
        return next(iter(accounts)) if len(accounts) == 1 else None
    return asked.casefold() if asked.casefold() in accounts else None


def policy(settings: Settings) -> Policy:
    """The settings that steps and outcomes go by."""
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
        order_deadline=waits.order_deadline.total_seconds(),
        upgrade_deadline=waits.upgrade_deadline.total_seconds(),
    )
