"""Everything that can be configured: default, unit, meaning, and what must fit together. Read once, by `app` and `cli`.

A setting is an environment variable AZPLAN_<SECTION>__<KEY>, a file of that name in the folder of secrets, or a key in
`azplan.toml`; the first of them that has a value counts. How these are read is in `settings_sources`, what a single
value may be in `settings_values`, what a person is told in `settings_problems` and `settings_reference`.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails

from worker.settings.journal_url import unused
from worker.settings.problems import ANY_NAME, sentences, split_unknown
from worker.settings.sections import (
    Http,
    Log,
    Metrics,
    Section,
)
from worker.settings.sources import (
    Found,
    SettingPath,
    UnreadableSource,
    find_all,
    nested,
)
from worker.settings.values import (
    AnyCaseToLower,
    AnyCaseToUpper,
    BaseUrl,
    Bytes,
    Duration,
    JournalUrl,
    PartnerNames,
    ProxyUrl,
    SecureUrl,
    Servers,
    TenantId,
    Text,
    Topic,
    all_hold,
    one_account_each,
)


class SettingsError(Exception):
    """The settings cannot be used. `problems` are sentences, each complete in itself; none holds a secret."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Kafka(Section):
    """AZPLAN_KAFKA__*."""

    bootstrap_servers: Servers = Field(
        "localhost:9092", description="brokers to ask first: `host:port`, several with commas"
    )
    group_id: Text = Field("azplan-worker", description="consumer group; one for all replicas")
    commands_topic: Topic = Field("azplan.commands.v1", description="commands; read")
    events_topic: Topic = Field("azplan.events.v1", description="events; written")
    dead_letters_topic: Topic = Field("azplan.dead-letters.v1", description="dead letters; written")
    security_protocol: Annotated[Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"], AnyCaseToUpper] = Field(
        "PLAINTEXT", description="`PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL` (Azure Event Hubs)"
    )
    sasl_mechanism: Annotated[Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None, AnyCaseToUpper] = Field(
        None, description="`PLAIN` (Azure Event Hubs), `SCRAM-SHA-256` or `SCRAM-SHA-512`"
    )
    sasl_username: Text | None = Field(None, description="with Azure Event Hubs `$ConnectionString`")
    sasl_password: SecretStr | None = Field(None, description="with Azure Event Hubs the connection string")
    ca_file: Text | None = Field(None, description="authority of the brokers' certificates, beside the system's")
    certificate_file: Text | None = Field(
        None, description="mutual TLS: PEM file with the worker's certificate, and those between it and its authority"
    )
    key_file: Text | None = Field(None, description="mutual TLS: PEM file with its private key, not encrypted")
    max_request_bytes: Bytes = Field(
        1_000_000,
        ge=100_000,
        le=64 * 1024 * 1024,
        description="the largest produce request (Azure Event Hubs closes the connection above 1046528 bytes)",
    )
    max_inflated: Bytes = Field(
        64 * 1024 * 1024,
        ge=2 * 1024 * 1024,
        description="the most that the compressed batches of one poll may inflate to: bytes, or `64 MiB`",
    )
    start_from: Annotated[Literal["earliest", "latest", "none"], AnyCaseToLower] = Field(
        "earliest", description="where a group with no committed offset begins; `none` refuses"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        all_hold(self._contradictions())
        return self

    def _contradictions(self) -> Iterator[str]:
        given = {"MECHANISM": self.sasl_mechanism, "USERNAME": self.sasl_username, "PASSWORD": self.sasl_password}
        protocol = f"AZPLAN_KAFKA__SECURITY_PROTOCOL is {self.security_protocol}"
        for key, value in given.items():
            name = f"AZPLAN_KAFKA__SASL_{key}"
            if self.security_protocol.startswith("SASL") and value is None:
                yield f"{name} is missing: {protocol}."
            if not self.security_protocol.startswith("SASL") and value is not None:
                yield f"{name} would not be used: {protocol}. Set that to SASL_SSL, or leave the name out."
        files = {"CA": self.ca_file, "CERTIFICATE": self.certificate_file, "KEY": self.key_file}
        for key, file in files.items():
            if file and not self.security_protocol.endswith("SSL"):
                yield f"AZPLAN_KAFKA__{key}_FILE would not be used: {protocol}. Set that to SSL or SASL_SSL."
        if (self.certificate_file is None) != (self.key_file is None):
            only, missing = ("KEY", "CERTIFICATE") if self.certificate_file is None else ("CERTIFICATE", "KEY")
            yield (
                f"AZPLAN_KAFKA__{missing}_FILE is missing: AZPLAN_KAFKA__{only}_FILE is set, and mutual TLS needs "
                "both. Where one file holds certificate and key, name it in both."
            )
        topics = {self.commands_topic, self.events_topic, self.dead_letters_topic}
        if len(topics) < 3:
            yield "AZPLAN_KAFKA__COMMANDS_TOPIC, __EVENTS_TOPIC and __DEAD_LETTERS_TOPIC must be different topics."


class Journal(Section):
    """AZPLAN_JOURNAL__*."""

    url: JournalUrl = Field(
        SecretStr("sqlite:///azplan.db"),
        description="`sqlite:///azplan.db`, `sqlite:////absolute/path.db` or `postgresql://user:password@host/db`",
    )
    password: SecretStr | None = Field(
        None, description="password of PostgreSQL, as it is, where the URL has none (there it is percent-encoded)"
    )
    ca_file: Text | None = Field(None, description="authority of PostgreSQL's certificate, beside the system's")
    retention: Duration = Field(timedelta(days=400), description="identity, content hash and answer are kept")
    detail_retention: Duration = Field(
        timedelta(days=30), description="bytes, steps and calls are kept; workers forget by themselves"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        all_hold(self._contradictions())
        return self

    def _contradictions(self) -> Iterator[str]:
        if self.detail_retention > self.retention:
            yield "AZPLAN_JOURNAL__DETAIL_RETENTION must not be longer than AZPLAN_JOURNAL__RETENTION."
        given = {"PASSWORD": self.password, "CA_FILE": self.ca_file}
        yield from unused(self.url.get_secret_value(), [name for name, value in given.items() if value is not None])


class Partner(Section):
    """AZPLAN_PARTNERS__<NAME>__*: one partner account (CSP tenant). Exactly one kind of credential."""

    tenant_id: TenantId = Field(description="the partner's tenant; no other account may have the same")
    client_id: Text = Field(description="application that is registered there")
    client_secret: SecretStr | None = Field(None, description="its secret")
    certificate_file: Text | None = Field(None, description="instead: PEM file with its certificate and private key")
    federated_token_file: Text | None = Field(None, description="instead: token of a workload identity, read afresh")
    base_url: BaseUrl = Field(
        "https://api.partnercenter.microsoft.com", description="plain http for loopback hosts only"
    )
    authority: SecureUrl | None = Field(None, description="default `https://login.microsoftonline.com/<tenant id>`")
    audience: Text = Field(
        "https://api.partnercenter.microsoft.com", description="audience of tokens; never derived from the base URL"
    )
    ca_file: Text | None = Field(None, description="authority for base URL and authority, beside the system's")
    proxy: ProxyUrl | None = Field(
        None, description="`http://user:password@host:port`, asked for a tunnel to base URL and authority"
    )
    refresh_token_file: Text | None = Field(
        None, description="app+user: holds the newest refresh token, rewritten atomically on rotation"
    )
    requests_per_minute: int = Field(500, ge=1, description="ceiling in any 60 seconds per resource family")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        given = (self.client_secret, self.certificate_file, self.federated_token_file)
        if sum(credential is not None for credential in given) != 1:
            raise ValueError("needs exactly one of CLIENT_SECRET, CERTIFICATE_FILE and FEDERATED_TOKEN_FILE")
        return self

    @property
    def authority_url(self) -> str:
        """Where tokens come from."""
        return self.authority or f"https://login.microsoftonline.com/{self.tenant_id}"


class Worker(Section):
    """AZPLAN_WORKER__*."""

    concurrency: int = Field(64, ge=1, description="commands running at once")
    max_pending: int = Field(
        2000, ge=1, description="commands in memory that could run now; beyond it partitions are paused"
    )
    drain_timeout: Duration = Field(timedelta(seconds=45), description="to finish after SIGTERM")
    lease: Duration = Field(timedelta(seconds=60), description="how long a silent worker keeps its lanes")
    heartbeat: Duration = Field(timedelta(seconds=5), description="how often a worker says that it lives")
    call_timeout: Duration = Field(timedelta(seconds=40), description="the longest write to Partner Center")
    poison_window: int = Field(
        200, ge=0, description="records of a partition that are looked at for a storm of dead letters; 0: never"
    )
    poison_share: float = Field(0.5, gt=0, le=1, description="more dead letters than this share pause the partition")
    validate_only: bool = Field(
        default=False, description="treat every command as `validateOnly`: for the first day on a real tenant"
    )


class Waits(Section):
    """AZPLAN_WAITS__*."""

    first: Duration = Field(timedelta(seconds=5), description="first pause between two looks at something slow")
    max: Duration = Field(timedelta(seconds=300), description="longest such pause")
    order_deadline: Duration = Field(timedelta(days=1), description="the end of waiting, but for upgrades")
    upgrade_deadline: Duration = Field(timedelta(days=2), description="the end of waiting for upgrades")
    settle: Duration = Field(
        timedelta(minutes=5), description="how long a request that was never answered may still arrive"
    )
    order_list_lag: Duration = Field(timedelta(minutes=15), description="how late an order may appear in the list")
    customer_lag: Duration = Field(
        timedelta(minutes=2),
        description="how late a new customer may show; until then one that is not found is waited for",
    )


class Retries(Section):
    """AZPLAN_RETRIES__*."""

    first: Duration = Field(timedelta(seconds=1), description="first pause before a retry")
    max: Duration = Field(timedelta(seconds=600), description="longest pause")
    attempts: int = Field(10, ge=1, description="attempts of one command before it fails")


class Settings(Section):
    """All settings. Partner accounts go by their name in lower case."""

    kafka: Kafka = Kafka()
    journal: Journal = Journal()
    partners: Annotated[dict[str, Partner], PartnerNames] = Field(default_factory=dict)
    worker: Worker = Worker()
    waits: Waits = Waits()
    retries: Retries = Retries()
    http: Http = Http()
    metrics: Metrics = Metrics()
    log: Log = Log()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        all_hold(self._contradictions())
        return self

    def _contradictions(self) -> Iterator[str]:
        call, heartbeat = self.worker.call_timeout, self.worker.heartbeat
        # A worker may send a write only while its lanes are certainly its own until that write's time-out.
        if self.worker.lease < call + 2 * heartbeat:
            yield (
                "AZPLAN_WORKER__LEASE must be at least AZPLAN_WORKER__CALL_TIMEOUT plus two AZPLAN_WORKER__HEARTBEAT: "
                f"{_seconds(self.worker.lease)} is less than {_seconds(call)} + 2 * {_seconds(heartbeat)} seconds."
            )
        if self.waits.settle < call:
            yield (
                "AZPLAN_WAITS__SETTLE must be at least AZPLAN_WORKER__CALL_TIMEOUT: "
                f"{_seconds(self.waits.settle)} is less than {_seconds(call)} seconds."
            )
        yield from one_account_each({name: partner.tenant_id for name, partner in self.partners.items()})
        yield from self._forgotten_too_soon()

    def _forgotten_too_soon(self) -> Iterator[str]:
        """Whoever waits for a command must still find what it was, and Partner Center may answer as late as that."""
        waits = self.waits
        longest, name = max(
            (waits.order_deadline, "AZPLAN_WAITS__ORDER_DEADLINE"),
            (waits.upgrade_deadline, "AZPLAN_WAITS__UPGRADE_DEADLINE"),
            (waits.settle + waits.order_list_lag, "AZPLAN_WAITS__SETTLE plus AZPLAN_WAITS__ORDER_LIST_LAG"),
        )
        kept = {"RETENTION": self.journal.retention, "DETAIL_RETENTION": self.journal.detail_retention}
        for key, duration in kept.items():
            if duration < longest:
                yield (
                    f"AZPLAN_JOURNAL__{key} must be at least {name}: {_seconds(duration)} is less than "
                    f"{_seconds(longest)} seconds. A command is remembered while somebody may wait for it."
                )


def _seconds(duration: timedelta) -> str:
    return f"{duration.total_seconds():g}"


def names() -> Iterator[SettingPath]:
    """The path of every setting; ANY_NAME stands for the name of a partner account."""
    for section, field in Settings.model_fields.items():
        if section == "partners":
            yield from ((section, ANY_NAME, key) for key in Partner.model_fields)
        elif isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from ((section, key) for key in field.annotation.model_fields)


def load() -> Settings:
    """Read the settings of this process. Raises one SettingsError that lists everything that is wrong with them."""
    try:
        found, problems = split_unknown(find_all(), names())
    except UnreadableSource as error:
        raise SettingsError([str(error)]) from error
    settings, errors = _validated(found)
    problems += sentences(errors, found)
    if settings is None or problems:
        raise SettingsError(problems)
    return settings


def _validated(found: list[Found]) -> tuple[Settings | None, list[ErrorDetails]]:
    try:
        return Settings.model_validate(nested(found)), []
    except ValidationError as error:
        errors = error.errors()
    # What must fit together is looked at only where each value is right: once more without the wrong ones.
    wrong = {tuple(map(str, each["loc"])) for each in errors}
    accounts = {path[:2] for path in wrong if path[:1] == ("partners",)}
    right = [setting for setting in found if setting.path not in wrong and setting.path[:2] not in accounts]
    if len(right) < len(found):
        errors += _validated(right)[1]
    return None, errors
