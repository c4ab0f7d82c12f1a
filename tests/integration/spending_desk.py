"""One worker between a real Kafka, a PostgreSQL and a simulator, and a person who asks it about money in both ways."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.local.azplan import azplan
from ops.local.kafka_messages import Heard, Sent, answered, send
from ops.local.simulator import TENANT, SimulatorProcess
from ops.local.topics import Topics
from tests.support.looking import calls_of, commands_of
from tests.support.verbs import type_verb

AT_MICROSOFT = {
    "billing_exports.operation": "graph.operation",
    "billing_exports.manifest": "graph.manifest",
    "billing_exports.blob": "storage.blob",
    "billing_exports.usage_billed": "graph.usage.billed",
    "billing_exports.usage_unbilled": "graph.usage.unbilled",
    "billing_exports.reconciliation_billed": "graph.reconciliation.billed",
    "billing_exports.reconciliation_unbilled": "graph.reconciliation.unbilled",
    "invoices.list_lines": "invoices.lines",
}
"""What the simulator calls the operations that it names otherwise than the worker."""


@dataclass(frozen=True)
class Desk:
    """Sends commands to the worker, and types verbs that do."""

    topics: Topics
    center: SimulatorProcess
    settings: dict[str, str]
    folder: Path
    """Where the worker and the verbs run: the destination of files is below it."""

    async def ask(self, *commands: Sent) -> list[list[Heard]]:
        """Send the commands at once. Returns the events of each, in order."""
        await send(self.topics, *commands)
        stories = await answered(self.topics, commands, within=60)
        return [stories[each.id] for each in commands]

    def type(self, *words: str) -> Any:
        """Type a verb with `--json` in this process. Returns what it printed; it must have ended well."""
        done = type_verb(*words, "--json", settings=self.settings, cwd=self.folder)
        assert done.code == 0, f"{words} ended with {done.code}:\n{done.out}\n{done.err}"
        return done.json

    def start(self, *words: str, code: int = 0) -> Any:
        """The same in a process of its own, which takes a second longer. It must have ended with this exit code."""
        done = azplan(*words, "--json", settings=self.settings, cwd=self.folder)
        assert done.returncode == code, f"{words} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout)

    @contextmanager
    def every_call_told(self) -> Iterator[None]:
        """The timelines of the commands of this block have the calls that the simulator saw, and no others."""
        url = self.settings["AZPLAN_JOURNAL__URL"]
        known, seen = set(commands_of(url)), self.center.counts()["requests"]
        yield
        told = Counter(AT_MICROSOFT.get(each, each) for each in calls_of(url, set(commands_of(url)) - known))
        made = Counter(str(each["operation"]) for each in self.center.book("requests")[seen:])
        called = Counter({name: count for name, count in made.items() if not name.startswith("token.")})
        assert told == called, f"told and not made: {told - called}; made and not told: {called - told}"
        assert told, "nobody called Microsoft"


def of_account(type_: str, **data: object) -> Sent:
    """A command about the whole partner account."""
    return Sent(type_, TENANT, dict(data))
