"""Connecting and closing Kafka clients: common arguments, deadlines, and aiokafka's errors as errors of `port`."""

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
"""How long a client may take to start."""
ANSWER_SECONDS: Final = 20.0
"""How long a broker may take to answer a request."""
STOP_SECONDS: Final = 5.0
"""How long a client may take to stop."""
CUT_SECONDS: Final = 1.0
"""How long closing the connections of such a client may take."""
APPEAR_SECONDS: Final = 3.0
"""How long a new topic may be unknown to a broker."""

# Azure Event Hubs closes connections that are idle for four minutes, and asks clients to renew metadata before that.
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
    """Addresses of the brokers, and how to connect to them. `repr` does not show the password."""

    bootstrap_servers: str
    security_protocol: str = "PLAINTEXT"
    """PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."""
    sasl_mechanism: str | None = None
    """PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."""
    sasl_username: str | None = None
    sasl_password: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    """PEM file of a certificate authority that is trusted in addition to the system's."""
    certificate_file: str | None = None
    """PEM file with the worker's own certificate, for mutual TLS. `key_file` holds its private key."""
    key_file: str | None = None
    max_request_bytes: int = 1_000_000
    """The largest produce request."""
    max_inflated: int = 64 * 1024 * 1024
    """Bytes that the compressed batches of one poll may inflate to, in sum."""
    client_id: str = "azplan"


def client_arguments(config: KafkaConfig) -> dict[str, Any]:
    """The keyword arguments of every aiokafka client. Raises BrokerRefused if a file cannot be used."""
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
    """Start an aiokafka client. On failure close it, and raise BrokerUnavailable or BrokerRefused with the reason."""
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
    # A client that cannot connect only logs the reason. A second attempt with a bare connection raises the reason.
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
        # With TLS 1.3 the handshake ends on our side before the broker has checked our certificate. A broker that
        # refuses the certificate then closes the connection.
        if isinstance(error.__cause__, ssl.SSLError):
            return _tls_fails(servers, error.__cause__)
        return BrokerUnavailable(
            f"no Kafka broker answers at {servers}: {_brief(error)}. Check that the broker runs and that the port "
            f"speaks {config.security_protocol} (AZPLAN_KAFKA__SECURITY_PROTOCOL)."
        )
    connection.close()
    return None


def _tls_fails(servers: str, error: ssl.SSLError) -> BrokerRefused:
    reason = error.reason or str(error)
    advice = "Check AZPLAN_KAFKA__CA_FILE."
    if "ALERT" in reason:
        advice = "Check AZPLAN_KAFKA__CERTIFICATE_FILE and __KEY_FILE: the broker must trust that certificate."
    return BrokerRefused(f"TLS with Kafka at {servers} fails: {reason}. {advice}")


@contextmanager
def translated_errors(doing: str) -> Iterator[None]:
    """Turn aiokafka's exceptions into errors of `port`. `doing` says what was tried, for example "commit offsets"."""
    try:
        yield
    except errors.UnknownTopicOrPartitionError as error:
        raise TopicMissing(
            f"could not {doing}: the topic does not exist. Create it with `azplan topics apply`"
        ) from error
    except _TOO_LARGE as error:
        raise TooLarge(f"could not {doing}: the broker accepts no record of that size") from error
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
    """Wait for an answer at most `seconds`; aiokafka itself may wait forever. Raises TimeoutError."""
    # Not `wait_for`: in Python 3.11 it loses a cancellation that arrives together with the answer.
    async with asyncio.timeout(seconds):
        return await work


async def partitions_of(topic: str, ask: Callable[[], Awaitable[Collection[int] | None]]) -> tuple[int, ...]:
    """The partitions of a topic, sorted. Raises TopicMissing if the topic is still unknown after a few seconds.

    A new topic is not known to every broker at once (KRaft metadata arrives with a delay).
    """
    end = asyncio.get_running_loop().time() + APPEAR_SECONDS
    while not (numbers := await ask()):
        if asyncio.get_running_loop().time() > end:
            raise TopicMissing(f"the topic {topic} does not exist. Create it with `azplan topics apply`")
        await asyncio.sleep(0.1)
    return tuple(sorted(numbers))


_leaving: set[asyncio.Future[Any]] = set()


async def stop_client(client: Any) -> None:
    """Stop a client, or abandon it: stopping may hang on a broker that does not answer (aiokafka #773, #647).

    After a few seconds this closes the client's connections, so all its pending requests fail. The client then goes on
    stopping in the background, and nothing waits for it. Never raises.
    """
    stopping = asyncio.ensure_future(client.stop() if hasattr(client, "stop") else client.close())
    if not await wait_until_done(stopping, STOP_SECONDS):
        log.warning("kafka.client_left_behind", client=type(client).__name__, seconds=STOP_SECONDS)
        await close_connections(client)


async def close_connections(client: Any) -> None:
    """Close a client's connections without stopping the client."""
    await wait_until_done(asyncio.ensure_future(_network(client).close()), CUT_SECONDS)


def _network(client: Any) -> Any:
    # The attribute is public in producers, and private in consumers and admins.
    return client.client if hasattr(client, "client") else client._client  # noqa: SLF001


async def wait_until_done(work: "asyncio.Future[Any]", seconds: float) -> bool:
    """Wait at most `seconds` for the end of `work`, whatever its result. False if `work` is still running."""
    _leaving.add(work)
    work.add_done_callback(_has_ended)
    await asyncio.wait({work}, timeout=seconds)
    return work.done()


def _has_ended(work: "asyncio.Future[Any]") -> None:
    _leaving.discard(work)
    if not work.cancelled() and (error := work.exception()) is not None:
        log.debug("kafka.client_stop_failed", error=_brief(error))
