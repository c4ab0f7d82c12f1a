"""The commands that the benchmark sends, and the calls that a worker makes for each."""

import uuid
from typing import Final

from ops.bench.ground.load import Line
from ops.bench.ground.subjects import MockCenter
from ops.local.kafka_messages import Sent

STORY: Final = ("CreateAzurePlan", "SuspendPlan", "ReactivatePlan", "SuspendPlan", "ReactivatePlan")
"""The commands of each customer, in this order."""
Recipes = dict[str, list[tuple[str, str, str]]]
"""Method, address and body of each call, by the CloudEvents type of the command."""


def stories(customers: int, turns: int = len(STORY)) -> list[Sent]:
    """The first `turns` commands of the story for each of so many new customers, turn by turn."""
    ids = [str(uuid.uuid4()) for _ in range(customers)]
    return [Sent(STORY[turn], customer, source="/bench") for turn in range(turns) for customer in ids]


def recorded(center: MockCenter, line: Line) -> Recipes:
    """The calls that a worker makes for each type of command, once it knows what it remembers across commands."""
    recipes: Recipes = {}
    for customer in (str(uuid.uuid4()), str(uuid.uuid4())):
        for kind in STORY:
            center.reset(0.0)
            one = Sent(kind, customer, source="/bench")
            line.send([one])
            line.wait([one.id])
            recipes[f"azplan.{kind}.v1"] = [
                (method, blank(target, customer), blank(body, customer)) for _, method, target, body in center.calls()
            ]
    return recipes


def blank(text: str, customer: str) -> str:
    """An address or a body with places for the parts of the customer's id instead of the id.

    The mock makes all other ids from these parts.
    """
    return text.replace(customer[8:], "<rest>").replace(customer[:8], "<first>")
