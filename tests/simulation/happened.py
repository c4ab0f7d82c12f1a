"""What really happened in a run, read from the books afterwards: proof that the chaos came."""

from collections import Counter
from collections.abc import Iterable

from events.messages.command_status import CommandFailed, CommandIdReused, CommandRejected, CommandWaiting
from ops.simulator.books import Received
from tests.support.harness import World
from tests.support.invariants import CHANGES

SPOILT = frozenset({"reset_after", "late", "truncated", "cut_json", "empty", "garbage", "error_after", "gateway"})


async def happened(world: World) -> Counter[str]:
    """How often each thing happened."""
    books = world.simulator.books
    found = Counter(
        {
            "commands": len(world.sent),
            "workers": len(world.workers),
            "changes at Microsoft": sum(effect.kind in CHANGES for effect in books.effects),
            "requests": len(books.requests),
            "writes whose answer was lost after the effect": sum(map(_lost, books.requests)),
            "writes that took effect more than a second later": sum(map(_late, books.requests)),
            "writes answered from the memory of request ids": sum(request.replayed for request in books.requests),
            "requests refused by the quota": refused_by_quota(books.requests),
        }
    )
    found.update(f"fault {request.fault}" for request in books.requests if request.fault is not None)
    (epochs,) = await world.rows("SELECT coalesce(sum(epoch), 0) AS n FROM lane WHERE customer <> ''")
    found["times a lane was taken"] = epochs["n"]
    (bare,) = await world.rows("SELECT count(*) AS n FROM command WHERE pruned_at IS NOT NULL")
    found["commands whose details were forgotten"] = bare["n"]
    for each in {said.id: said.event for said in world.said()}.values():
        if each.terminal:
            code = f" {each.code}" if isinstance(each, CommandRejected | CommandFailed) else ""
            found[f"answer {type(each).__name__}{code}"] += 1
        elif isinstance(each, CommandIdReused):
            found["ids used again with other content"] += 1
        elif isinstance(each, CommandWaiting):
            found[f"waits {each.reason}"] += 1
    return found


def refused_by_quota(requests: Iterable[Received]) -> int:
    """How many requests Partner Center refused because they passed its ceiling, and not because of a fault."""
    return sum(request.status == 429 and request.fault is None for request in requests)


def _lost(request: Received) -> bool:
    return request.method != "GET" and request.outcome is not None and request.outcome < 300 and request.fault in SPOILT


def _late(request: Received) -> bool:
    return request.method != "GET" and request.acted_at is not None and request.acted_at - request.at > 1
