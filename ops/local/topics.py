"""Topics of a test's own on a broker that many tests share."""

import uuid
from dataclasses import dataclass, field

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import InvalidReplicationFactorError, KafkaError, TopicAlreadyExistsError

from ops.local.waiting import eventually

PARTITIONS = 6


def _suffix() -> str:
    return uuid.uuid4().hex[:10]


@dataclass(frozen=True)
class Topics:
    """Names that nobody used before. `create` makes the topics; `env` are the settings that point a worker at them."""

    bootstrap_servers: str
    suffix: str = field(default_factory=_suffix)

    @property
    def commands(self) -> str:
        """The commands topic."""
        return f"commands.{self.suffix}"

    @property
    def events(self) -> str:
        """The events topic."""
        return f"events.{self.suffix}"

    @property
    def dead_letters(self) -> str:
        """The dead letters topic."""
        return f"dead-letters.{self.suffix}"

    @property
    def group(self) -> str:
        """The consumer group."""
        return f"group.{self.suffix}"

    @property
    def env(self) -> dict[str, str]:
        """The worker's settings for them."""
        return {
            "AZPLAN_KAFKA__BOOTSTRAP_SERVERS": self.bootstrap_servers,
            "AZPLAN_KAFKA__GROUP_ID": self.group,
            "AZPLAN_KAFKA__COMMANDS_TOPIC": self.commands,
            "AZPLAN_KAFKA__EVENTS_TOPIC": self.events,
            "AZPLAN_KAFKA__DEAD_LETTERS_TOPIC": self.dead_letters,
        }

    async def create(self, partitions: int = PARTITIONS, **configuration: str) -> None:
        """Make the three topics, with a configuration of the broker's own names where one is given."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap_servers)
        await eventually(lambda: _started(admin), "the broker lets clients in", within=30)
        names = (self.commands, self.events, self.dead_letters)

        async def visible() -> bool:
            return set(names) <= {each["topic"] for each in await admin.describe_topics() if each["partitions"]}

        async def made() -> bool:
            answer = await admin.create_topics([NewTopic(n, partitions, 1, topic_configs=configuration) for n in names])
            # A broker that was frozen a moment ago may not count itself among the living yet.
            codes = {code for _, code, *_ in answer.topic_errors}
            assert codes <= {0, *(error.errno for error in (TopicAlreadyExistsError, InvalidReplicationFactorError))}
            return InvalidReplicationFactorError.errno not in codes

        try:
            await eventually(made, "the broker makes topics", within=30)
            await eventually(visible, "the broker knows the new topics", within=10)
        finally:
            await admin.close()


async def _started(admin: AIOKafkaAdminClient) -> bool:
    # A broker that came back a moment ago answers before it counts itself among the living.
    try:
        await admin.start()
        return bool((await admin.describe_cluster())["brokers"])
    except KafkaError:
        return False
