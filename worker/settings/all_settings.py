"""The settings: name, type, default, unit, bounds and meaning, and which settings of a section must fit together.

Those of a partner account are in `partner`, those of waits in `waits`.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator

from worker.settings.journal_url import unused
from worker.settings.section import Section
from worker.settings.values import (
    AnyCaseToLower,
    AnyCaseToUpper,
    Bytes,
    Duration,
    JournalUrl,
    Port,
    Servers,
    Text,
    Topic,
    all_hold,
)


class Kafka(Section):
    """AZPLAN_KAFKA__*."""

    bootstrap_servers: Servers = Field(
        "localhost:9092", description="brokers to ask first: `host:port`, several with commas"
    )
    group_id: Text = Field("azplan-worker", description="consumer group; one for all replicas")
    commands_topic: Topic = Field("azplan.commands.v1", description="topic of commands; read")
    events_topic: Topic = Field("azplan.events.v1", description="topic of events; written")
    dead_letters_topic: Topic = Field("azplan.dead-letters.v1", description="topic of dead letters; written")
    security_protocol: Annotated[Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"], AnyCaseToUpper] = Field(
        "PLAINTEXT", description="`PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL` (Azure Event Hubs)"
    )
    sasl_mechanism: Annotated[Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None, AnyCaseToUpper] = Field(
        None, description="`PLAIN` (Azure Event Hubs), `SCRAM-SHA-256` or `SCRAM-SHA-512`"
    )
    sasl_username: Text | None = Field(None, description="for Azure Event Hubs `$ConnectionString`")
    sasl_password: SecretStr | None = Field(None, description="for Azure Event Hubs the connection string")
    ca_file: Text | None = Field(
        None, description="PEM file: authority of the brokers' certificates, in addition to the system's"
    )
    certificate_file: Text | None = Field(
        None, description="mutual TLS: PEM file with the worker's certificate and its intermediate certificates"
    )
    key_file: Text | None = Field(None, description="mutual TLS: PEM file with the private key, not encrypted")
    max_request_bytes: Bytes = Field(
        1_000_000,
        ge=100_000,
        le=64 * 1024 * 1024,
        description="bytes of the largest produce request (Azure Event Hubs closes the connection above 1046528)",
    )
    max_inflated: Bytes = Field(
        64 * 1024 * 1024,
        ge=2 * 1024 * 1024,
        description="bytes that the compressed batches of one poll may inflate to in sum; also as `64 MiB`",
    )
    start_from: Annotated[Literal["earliest", "latest", "none"], AnyCaseToLower] = Field(
        "earliest",
        description="where a group without committed offsets begins: `earliest`, `latest`, or `none` (does not start)",
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
                yield f"{name} would not be used: {protocol}. Set that to SASL_SSL, or remove {name}."
        files = {"CA": self.ca_file, "CERTIFICATE": self.certificate_file, "KEY": self.key_file}
        for key, file in files.items():
            if file and not self.security_protocol.endswith("SSL"):
                yield f"AZPLAN_KAFKA__{key}_FILE would not be used: {protocol}. Set that to SSL or SASL_SSL."
        if (self.certificate_file is None) != (self.key_file is None):
            only, missing = ("KEY", "CERTIFICATE") if self.certificate_file is None else ("CERTIFICATE", "KEY")
            yield (
                f"AZPLAN_KAFKA__{missing}_FILE is missing: AZPLAN_KAFKA__{only}_FILE is set, and mutual TLS needs "
                "both. If one file holds certificate and key, set both settings to that file."
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
        None, description="PostgreSQL's password as it is, if the URL has none (in the URL it is percent-encoded)"
    )
    ca_file: Text | None = Field(
        None, description="PEM file: authority of PostgreSQL's certificate, in addition to the system's"
    )
    retention: Duration = Field(
        timedelta(days=400), description="how long identity, content hash and answer of a command are kept"
    )
    detail_retention: Duration = Field(
        timedelta(days=30), description="how long bytes, steps and calls of a command are kept; workers delete them"
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


class Worker(Section):
    """AZPLAN_WORKER__*."""

    concurrency: int = Field(64, ge=1, description="how many commands run at once")
    max_pending: int = Field(
        2000, ge=1, description="how many runnable commands are held in memory; above it, partitions are paused"
    )
    drain_timeout: Duration = Field(
        timedelta(seconds=45), description="how long running commands may take to finish after SIGTERM"
    )
    lease: Duration = Field(timedelta(seconds=60), description="how long a silent worker keeps its lanes")
    heartbeat: Duration = Field(timedelta(seconds=5), description="how often a worker reports that it is alive")
    call_timeout: Duration = Field(
        timedelta(seconds=40),
        description="how long a request to Microsoft may take, from departure to answer; where the answer may be long,"
        " its longest silence. An answer about usage, invoice lines or documents may take 4.5 times as long to begin",
    )
    poison_window: int = Field(
        200, ge=0, description="the last records of a partition, among which dead letters are counted; 0: never"
    )
    poison_share: float = Field(
        0.5, gt=0, le=1, description="a larger share of dead letters among these records pauses the partition"
    )
    validate_only: bool = Field(
        default=False, description="treat every command as `validateOnly`: for the first day on a real tenant"
    )


class Retries(Section):
    """AZPLAN_RETRIES__*."""

    first: Duration = Field(timedelta(seconds=1), description="first pause before a retry")
    max: Duration = Field(timedelta(seconds=600), description="longest pause before a retry")
    attempts: int = Field(10, ge=1, description="after how many attempts a command fails")


class Http(Section):
    """AZPLAN_HTTP__*."""

    host: Text = Field(
        "127.0.0.1",
        description="address of `/livez` and `/readyz`. `/readyz` is 503 while the worker starts or stops, or has no "
        "journal or no broker. Trouble that a rollout cannot fix (Partner Center, tokens, a pause, a poisoned "
        "partition) is 200 with `degraded[]`",
    )
    port: Port = Field(8080, description="port of the same; 0 takes any free one")


class Metrics(Section):
    """AZPLAN_METRICS__*."""

    host: Text = Field("127.0.0.1", description="address of `/metrics`, served by a thread of its own")
    port: Port = Field(9464, description="port of the same; 0 takes any free one")


class Log(Section):
    """AZPLAN_LOG__*."""

    level: Annotated[Literal["debug", "info", "warning", "error"], AnyCaseToLower] = Field(
        "info", description="`debug`, `info`, `warning` or `error`"
    )
    format: Annotated[Literal["auto", "console", "json"], AnyCaseToLower] = Field(
        "auto", description="`console`, `json`, or `auto`: console on a terminal, JSON lines elsewhere"
    )
