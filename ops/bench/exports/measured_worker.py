"""A real worker, ready to be measured: it has answered one command before."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from ops.bench.exports.memory import Memory
from ops.bench.ground.load import Line
from ops.demo.embedded_broker import EmbeddedBroker
from ops.local.azplan import Azplan
from ops.local.databases import run_apart
from ops.local.kafka_messages import Sent
from ops.local.simulator import TENANT
from ops.local.topics import Topics


@dataclass(frozen=True, slots=True)
class MeasuredWorker:
    """The worker, and what is needed to send it commands and to look at it."""

    topics: Topics
    line: Line
    process: psutil.Process
    idle: int
    """Resident bytes after its first answer."""
    memory: Memory


@contextmanager
def measured_worker(
    folder: Path, settings: Mapping[str, str], warm: str, *, kafka: str | None = None
) -> Iterator[MeasuredWorker]:
    """A worker with journal and files in the folder, that ends with the block.

    `settings`: the others. `warm`: the type of the command that it answers first. `kafka`: bootstrap servers; a broker
    of this process if it is None, which hands a command over up to half a second late.
    """
    with ExitStack() as ending:
        topics = ending.enter_context(_topics(kafka))
        ours = {
            **topics.env,
            "AZPLAN_JOURNAL__URL": f"sqlite:///{folder / 'journal.db'}",
            "AZPLAN_FILES__URL": f"file:{folder / 'files'}",
            "AZPLAN_HTTP__PORT": "0",
            "AZPLAN_METRICS__PORT": "0",
            "AZPLAN_LOG__FORMAT": "json",
        }
        worker = Azplan(settings={**ours, **settings}, cwd=folder)
        ending.callback(worker.stop)
        worker.start()
        line = ending.enter_context(Line(topics, any_answer=True))
        first = Sent(warm, TENANT, source="/bench")
        line.send([first])
        line.wait([first.id])
        process = psutil.Process(worker.pid)
        yield MeasuredWorker(topics, line, process, process.memory_info().rss, Memory(process))


@contextmanager
def _topics(kafka: str | None) -> Iterator[Topics]:
    if kafka is not None:
        topics = Topics(kafka)
        run_apart(topics.create())
        yield topics
        return
    names = Topics(EmbeddedBroker(()).bootstrap_servers)
    broker = EmbeddedBroker((names.commands, names.events, names.dead_letters))
    yield Topics(broker.bootstrap_servers, names.suffix)
