"""How every Kafka client of ours connects, what its errors mean to us, and how it is left without waiting for ever."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import structlog
from aiokafka import errors
from aiokafka.conn import create_conn

from worker.broker.port import BrokerError, BrokerRefused, BrokerUnavailable, TooLarge, TopicMissing
from worker.broker.tls import broker_tls_context

T = TypeVar("T")

CONNECT_SECONDS: Final = 30.0
ANSWER_SECONDS: Final = 20.0
STOP_SECONDS: Final = 5.0
CUT_SECONDS: Final = 1.0
APPEAR_SECONDS: Final = 3.0

# Azure Event Hubs closes connections that are idle for four minutes and wants metadata renewed before that.
# Source: https://learn.microsoft.com/azure/event-hubs/apache-kafka-configurations
IDLE_MS: Final = 180_000

_REFUSALS: Final = (
    errors.AuthenticationFailedError,
    errors.AuthenticationMethodNotSupported,
    errors.ClusterAuthorizationFailedError,
    errors.GroupAuthorizationFailedError,
    errors.IllegalSaslStateError,
    errors.InvalidConfigurationError,
    errors.InvalidGroupIdError,
    errors.InvalidPartitionsError,
    errors.InvalidReplicationFactorError,
    errors.InvalidTopicError,
    errors.PolicyViolationError,
    errors.SaslAuthenticationFailed,
    errors.SecurityDisabled,
    errors.TopicAuthorizationFailedError,
    errors.UnsupportedSaslMechanismError,
    errors.UnsupportedVersionError,
)
_TOO_LARGE: Final = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)

log = structlog.get_logger("azplan.broker")


@dataclass(frozen=True, slots=True)
class KafkaConfig:
    """Where the brokers are and how they are spoken to. The password shows in no text of it."""

    bootstrap_servers: str
    security_protocol: str = "PLAINTEXT"
    """PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."""
    sasl_mechanism: str | None = None
    """PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."""
    sasl_username: str | None = None
    sasl_password: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    """PEM file with an authority to trust beside the system's."""
    certificate_file: str | None = None
    """PEM file with our own certificate, where the brokers want one; `key_file` is its private key."""
    key_file: str | None = None
    max_request_bytes: int = 1_000_000
    """No produce request is larger."""
    max_inflated: int = 64 * 1024 * 1024
    """What the compressed batches of one poll may inflate to, together."""
    client_id: str = "azplan"


def client_arguments(config: KafkaConfig) -> dict[str, Any]:
    """The keyword arguments that aiokafka's clients share. Raises BrokerRefused where a file cannot be used."""
    shared: dict[str, Any] = {
        "bootstrap_servers": config.bootstrap_servers.split(","),
        "client_id": config.client_id,
        "security_protocol": config.security_protocol,
        "ssl_context": _tls(config),
        "connections_max_idle_ms": IDLE_MS,
        "metadata_max_age_ms": IDLE_MS,
        "request_timeout_ms": int(ANSWER_SECONDS * 1000),
    }
    if config.security_protocol.startswith("SASL"):
        shared["sasl_mechanism"] = config.sasl_mechanism
        shared["sasl_plain_username"] = config.sasl_username
        shared["sasl_plain_password"] = config.sasl_password
    return shared


def _tls(config: KafkaConfig) -> ssl.SSLContext | None:
    if not config.security_protocol.endswith("SSL"):
        return None
    return broker_tls_context(config.ca_file, config.certificate_file, config.key_file)


async def start_client(client: Any, config: KafkaConfig, seconds: float = CONNECT_SECONDS) -> None:
    """Start a client of aiokafka; close it where that fails.

    Raises BrokerUnavailable or BrokerRefused with the reason.
    """
    try:
        with translated_errors(f"connect to Kafka at {config.bootstrap_servers}"):
            await within(client.start(), seconds)
    except BrokerError as error:
        await stop_client(client)
        raise await _reason(config) or error from error
    except BaseException:
        await stop_client(client)
        raise


async def _reason(config: KafkaConfig) -> BrokerError | None:
    # A client that cannot bootstrap says only that, and logs why: asked once more, a bare connection gives the reason.
    shared = client_arguments(config)
    servers = ", ".join(shared.pop("bootstrap_servers"))
    host, _, port = servers.split(", ")[0].rpartition(":")
    shared["max_idle_ms"] = shared.pop("connections_max_idle_ms")
    del shared["metadata_max_age_ms"]
    try:
        connection = await within(create_conn(host.strip("[]"), int(port), **shared), CONNECT_SECONDS)
    except ssl.SSLError as error:
        return _tls_fails(servers, error)
    except (
        errors.AuthenticationFailedError,
        errors.SaslAuthenticationFailed,
        errors.UnsupportedSaslMechanismError,
    ) as error:
        return BrokerRefused(f"Kafka at {servers} refuses the sign-in: {_brief(error)}. Check AZPLAN_KAFKA__SASL_*.")
    except (OSError, errors.KafkaError, TimeoutError) as error:
        # TLS 1.3 is done on our side before the broker has looked at our certificate: then it closes the connection.
        if isinstance(error.__cause__, ssl.SSLError):
            return _tls_fails(servers, error.__cause__)
        return BrokerUnavailable(
            f"no Kafka broker answers at {servers}: {_brief(error)}. Is it up, and does that port speak "
            f"{config.security_protocol} (AZPLAN_KAFKA__SECURITY_PROTOCOL)?"
        )
    connection.close()
    return None


def _tls_fails(servers: str, error: ssl.SSLError) -> BrokerRefused:
    reason = error.reason or str(error)
    advice = "Check AZPLAN_KAFKA__CA_FILE."
    if "ALERT" in reason:
        advice = "Check AZPLAN_KAFKA__CERTIFICATE_FILE and __KEY_FILE: the broker wants a certificate that it believes."
    return BrokerRefused(f"TLS with Kafka at {servers} fails: {reason}. {advice}")


@contextmanager
def translated_errors(doing: str) -> Iterator[None]:
    """Turn what aiokafka raises into the port's errors. `doing` says what was tried, as in "commit offsets"."""
    try:
        yield
    except errors.UnknownTopicOrPartitionError as error:
        raise TopicMissing(f"could not {doing}: the topic does not exist. `azplan topics apply` makes it") from error
    except _TOO_LARGE as error:
        raise TooLarge(f"could not {doing}: the broker takes no record of that size") from error
    except _REFUSALS as error:
        raise BrokerRefused(f"could not {doing}: {_brief(error)}") from error
    except TimeoutError as error:
        raise BrokerUnavailable(f"could not {doing}: no answer in time") from error
    except (errors.KafkaError, errors.IllegalOperation, errors.ConsumerStoppedError, OSError) as error:
        raise BrokerUnavailable(f"could not {doing}: {_brief(error)}") from error


def _brief(error: BaseException) -> str:
    text = " ".join(str(error).split())[:300]
    return text or type(error).__name__


async def within(work: Awaitable[T], seconds: float) -> T:
    """Wait for an answer that aiokafka itself may await for ever. Raises TimeoutError."""
    # Not `wait_for`: in Python 3.11 that loses a cancellation which comes just as the answer does.
    async with asyncio.timeout(seconds):
        return await work


async def partitions_of(topic: str, ask: Callable[[], Awaitable[Collection[int] | None]]) -> tuple[int, ...]:
    """The partitions of a topic, sorted. Raises TopicMissing where it is still not there after a few seconds.

    A topic that was made a moment ago is not known to every broker yet (KRaft metadata arrives with a delay).
    """
    end = asyncio.get_running_loop().time() + APPEAR_SECONDS
    while not (numbers := await ask()):
        if asyncio.get_running_loop().time() > end:
            raise TopicMissing(f"the topic {topic} does not exist. `azplan topics apply` makes it")
        await asyncio.sleep(0.1)
    return tuple(sorted(numbers))


_leaving: set[asyncio.Future[Any]] = set()


async def stop_client(client: Any) -> None:
    """Stop a client, or leave it behind: stopping may hang on a broker that does not answer (aiokafka #773, #647).

    After a few seconds its connections are closed under it, which fails whatever it still waits for; then it goes on
    stopping in the background and nothing waits for it. Never raises.
    """
    stopping = asyncio.ensure_future(client.stop() if hasattr(client, "stop") else client.close())
    if not await wait_until_done(stopping, STOP_SECONDS):
        log.warning("kafka.client_left_behind", client=type(client).__name__, seconds=STOP_SECONDS)
        await close_connections(client)


async def close_connections(client: Any) -> None:
    """Close a client's connections without asking it."""
    await wait_until_done(asyncio.ensure_future(_network(client).close()), CUT_SECONDS)


def _network(client: Any) -> Any:
    # Producers have it in public, consumers and admins have not.
    return client.client if hasattr(client, "client") else client._client  # noqa: SLF001


async def wait_until_done(work: "asyncio.Future[Any]", seconds: float) -> bool:
    """Wait for the end of something whose result does not matter. False where it goes on without us."""
    _leaving.add(work)
    work.add_done_callback(_has_ended)
    await asyncio.wait({work}, timeout=seconds)
    return work.done()


def _has_ended(work: "asyncio.Future[Any]") -> None:
    _leaving.discard(work)
    if not work.cancelled() and (error := work.exception()) is not None:
        log.debug("kafka.client_stop_failed", error=_brief(error))
