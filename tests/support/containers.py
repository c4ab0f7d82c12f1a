"""Kafka and PostgreSQL as containers, if a Docker engine answers."""

import functools
import os
import socket
from urllib.parse import urlsplit

from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from ops.local.server import free_port

KAFKA_IMAGE = "apache/kafka:4.3.1"
POSTGRES_IMAGE = "postgres:17-alpine"


@functools.cache
def engine_answers() -> bool:
    """True if a Docker engine listens. Asked once in a test run."""
    where = urlsplit(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"))
    local = where.scheme == "unix"
    with socket.socket(socket.AF_UNIX if local else socket.AF_INET) as probe:
        probe.settimeout(5)
        return probe.connect_ex(where.path if local else (where.hostname, where.port or 2375)) == 0


class KafkaContainer(DockerContainer):
    """Apache's own image with one node. (The class that testcontainers brings starts Confluent's image only.)

    The port on the host is chosen before the start, because the broker has to advertise it.
    """

    def __init__(self) -> None:
        port = free_port()
        super().__init__(KAFKA_IMAGE)
        self.bootstrap_servers = f"127.0.0.1:{port}"
        self.with_bind_ports(9092, port)
        self.waiting_for(LogMessageWaitStrategy("Kafka Server started").with_startup_timeout(60))
        # The image drops all its defaults as soon as one of these is set. All of them are therefore here.
        for name, value in {
            "NODE_ID": "1",
            "PROCESS_ROLES": "broker,controller",
            "CONTROLLER_QUORUM_VOTERS": "1@localhost:29093",
            "CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:29093",
            "ADVERTISED_LISTENERS": f"PLAINTEXT://{self.bootstrap_servers}",
            "LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "INTER_BROKER_LISTENER_NAME": "PLAINTEXT",
            "AUTO_CREATE_TOPICS_ENABLE": "false",
            "OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
            "OFFSETS_TOPIC_NUM_PARTITIONS": "4",
            "TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
            "TRANSACTION_STATE_LOG_MIN_ISR": "1",
            "SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "1",
            "SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR": "1",
            "GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        }.items():
            self.with_env(f"KAFKA_{name}", value)


def postgres_container() -> PostgresContainer:
    """A PostgreSQL of the newest version that the project is tested with."""
    return PostgresContainer(POSTGRES_IMAGE, username="azplan", password="azplan", dbname="postgres", driver=None)
