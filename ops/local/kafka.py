"""Apache Kafka on the machine's own Java: the broker that tests may kill. One node, KRaft, on free loopback ports.

The jars come once from Maven Central by `ops/kafka/pom.xml` into `.cache/kafka`. Beside the plain listener there is
one with TLS and SASL (SCRAM and PLAIN), as Azure Event Hubs and most hosted brokers want it, and one with mutual TLS.
"""

import fcntl
import hashlib
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import trustme
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from cryptography.hazmat.primitives import serialization

from ops.local.server import Server, free_port, tether

ROOT = Path(__file__).parents[2]
POM = ROOT / "ops" / "kafka" / "pom.xml"
CACHE = ROOT / ".cache" / "kafka"
USER, PASSWORD = "azplan", "correct-horse-battery"


@dataclass(frozen=True)
class Secured:
    """The listener with TLS and SASL of a broker."""

    bootstrap_servers: str
    ca_file: Path
    username: str = USER
    password: str = PASSWORD


@dataclass(frozen=True)
class Mutual:
    """The listener of a broker that wants a certificate of its clients."""

    bootstrap_servers: str
    ca_file: Path
    certificate_file: Path
    key_file: Path


def why_not() -> str | None:
    """What this machine lacks for a broker of its own, or None."""
    if shutil.which("java") is None:
        return "install a Java runtime 17 or newer (Debian: openjdk-17-jre-headless)"
    if not _libraries().is_dir() and shutil.which("mvn") is None:
        return "install Maven, which fetches Kafka's jars (Debian: maven)"
    return None


def jars() -> Path:
    """The folder of jars, filled on first use; several test runs may ask at once."""
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = _libraries()
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            unfinished = folder.with_suffix(".part")
            shutil.rmtree(unfinished, ignore_errors=True)
            goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={unfinished}"]
            subprocess.run(["mvn", "-B", "-q", "-C", "-f", str(POM), *goal], check=True, timeout=600)
            unfinished.rename(folder)
    return folder


def _libraries() -> Path:
    return CACHE / hashlib.sha256(POM.read_bytes()).hexdigest()[:12]


class LocalKafka(Server):
    """A broker in `folder`. `bootstrap_servers` is the plain listener, `secured` the one with TLS and SASL.

    The methods of `Server` block; an async test calls them with `asyncio.to_thread`. `kill` and `start` keep ports and
    data, so clients find the same broker again.
    """

    def __init__(self, folder: Path, **more: str) -> None:
        """`more` properties, by the broker's names with `_` for `.`."""
        folder.mkdir(parents=True, exist_ok=True)
        self._port, secured, mutual, self._controller = free_port(), free_port(), free_port(), free_port()
        self.bootstrap_servers = f"127.0.0.1:{self._port}"
        self.secured = Secured(f"127.0.0.1:{secured}", folder / "ca.pem")
        files = (folder / name for name in ("ca.pem", "client.pem", "client.key"))
        self.mutual = Mutual(f"127.0.0.1:{mutual}", *files)
        properties = folder / "server.properties"
        wanted = [f"{name.replace('_', '.')}={value}" for name, value in more.items()]
        properties.write_text("\n".join([self._properties(folder), *wanted]))
        java = ["java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        java += ["-Dorg.apache.logging.log4j.level=INFO", "-cp", f"{jars()}/*"]
        self._format(java, properties)
        command = [*tether(), *java, "kafka.Kafka", str(properties)]
        super().__init__("Apache Kafka", command, log=folder / "broker.log")
        self._starts = 0

    def start(self, *, within: float = 60) -> None:
        """Start, or start again on the data of the last run."""
        self._starts = self._times_started()
        super().start(within=within)

    def ready(self) -> bool:
        """The broker says in its log when it takes requests; its port is open before that.

        It may still answer then that the cluster has no broker: it learns of itself a moment later.
        """
        return self._times_started() > self._starts and self._knows_itself()

    def _knows_itself(self) -> bool:
        client = AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 0})
        try:
            return bool(client.list_topics(timeout=2).brokers)
        except KafkaException:
            return False

    def _times_started(self) -> int:
        if not self.log.exists():
            return 0
        return len(re.findall(r"Kafka Server started", self.log.read_text(errors="replace")))

    @staticmethod
    def _format(java: list[str], properties: Path) -> None:
        tool = [*java, "kafka.tools.StorageTool", "format", "-c", str(properties), "-t", "MkU3OEVBNTcwNTJENDM2Qg"]
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
            tool += ["--add-scram", f"{mechanism}=[name={USER},password={PASSWORD}]"]
        done = subprocess.run(tool, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def _properties(self, folder: Path) -> str:
        plain, secured = self.bootstrap_servers, self.secured.bootstrap_servers
        listeners = f"PLAIN://{plain},SECURED://{secured},MUTUAL://{self.mutual.bootstrap_servers}"
        module = "org.apache.kafka.common.security"
        return "\n".join(
            [
                "process.roles=broker,controller",
                "node.id=1",
                f"controller.quorum.voters=1@127.0.0.1:{self._controller}",
                f"listeners={listeners},CONTROLLER://127.0.0.1:{self._controller}",
                f"advertised.listeners={listeners}",
                "controller.listener.names=CONTROLLER",
                "inter.broker.listener.name=PLAIN",
                "listener.security.protocol.map=PLAIN:PLAINTEXT,SECURED:SASL_SSL,MUTUAL:SSL,CONTROLLER:PLAINTEXT",
                "listener.name.mutual.ssl.client.auth=required",
                "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
                f"listener.name.secured.scram-sha-256.sasl.jaas.config={module}.scram.ScramLoginModule required;",
                f"listener.name.secured.scram-sha-512.sasl.jaas.config={module}.scram.ScramLoginModule required;",
                f"listener.name.secured.plain.sasl.jaas.config={module}.plain.PlainLoginModule required "
                f'user_{USER}="{PASSWORD}";',
                *self._certificate(),
                f"log.dirs={folder / 'data'}",
                "auto.create.topics.enable=false",
                "offsets.topic.replication.factor=1",
                "offsets.topic.num.partitions=4",
                "transaction.state.log.replication.factor=1",
                "transaction.state.log.min.isr=1",
                "share.coordinator.state.topic.replication.factor=1",
                "share.coordinator.state.topic.min.isr=1",
                "group.initial.rebalance.delay.ms=0",
                # A killed broker may register again only when its old session has ended.
                "broker.session.timeout.ms=3000",
                "broker.heartbeat.interval.ms=500",
            ]
        )

    def _certificate(self) -> list[str]:
        authority = trustme.CA()
        server = authority.issue_cert("127.0.0.1", "localhost")
        authority.cert_pem.write_to_path(self.secured.ca_file)
        key = _one_line(_pkcs8(server.private_key_pem.bytes()))
        chain = _one_line(b"".join(blob.bytes() for blob in server.cert_chain_pems))
        client = authority.issue_cert("worker.example.org", common_name="azplan")
        client.private_key_pem.write_to_path(self.mutual.key_file)
        client.cert_chain_pems[0].write_to_path(self.mutual.certificate_file)
        return [
            "ssl.keystore.type=PEM",
            f"ssl.keystore.key={key}",
            f"ssl.keystore.certificate.chain={chain}",
            "ssl.truststore.type=PEM",
            f"ssl.truststore.certificates={_one_line(authority.cert_pem.bytes())}",
        ]


def _pkcs8(pem: bytes) -> bytes:
    key = serialization.load_pem_private_key(pem, None)
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _one_line(pem: bytes) -> str:
    return pem.decode().replace("\n", "\\n")
