"""The pages that an orchestrator asks, over a real socket."""

from collections.abc import Sequence

import httpx
import pytest

from tests.support.accepted import accepted
from worker.http.health import HealthServer
from worker.runtime.observability.readiness import Probes, Readiness

READY = Readiness()


async def asked(
    page: str, *, host: str = "127.0.0.1", stuck: Sequence[str] = (), now: Readiness = READY
) -> httpx.Response:
    """The answer of a page of a worker that fares like this."""
    server = HealthServer(Probes(stuck=lambda: stuck, readiness=lambda: now), host, 0)
    await server.start()
    try:
        async with httpx.AsyncClient() as client:
            at = f"[{host}]" if ":" in host else host
            return await client.get(f"http://{at}:{server.port}{page}")
    finally:
        await server.stop()


async def test_a_healthy_worker_says_so() -> None:
    """With status 200 and no reasons."""
    alive, ready = await asked("/livez"), await asked("/readyz")
    assert (alive.status_code, alive.json()) == (200, {"alive": True, "reasons": []})
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "reasons": [], "degraded": []})


async def test_a_stuck_worker_is_not_alive() -> None:
    """And says what is stuck."""
    answer = await asked("/livez", stuck=["the consumer's loop has not come round for 200 s"])
    assert answer.status_code == 503
    assert answer.json() == {"alive": False, "reasons": ["the consumer's loop has not come round for 200 s"]}


async def test_what_is_missing_is_no_reason_to_restart() -> None:
    """A broker that is down makes the worker unready, never dead."""
    now = Readiness(reasons=["Kafka does not answer"], degraded=["somebody has paused something"])
    assert (await asked("/livez", now=now)).status_code == 200
    answer = await asked("/readyz", now=now)
    said = {"ready": False, "reasons": ["Kafka does not answer"], "degraded": ["somebody has paused something"]}
    assert (answer.status_code, answer.json()) == (503, said)


async def test_what_a_rollout_cannot_help_is_told_and_holds_no_rollout_up() -> None:
    """A new worker would find Partner Center down as well."""
    down = "account contoso: Partner Center does not answer requests for carts"
    answer = await asked("/readyz", now=Readiness(degraded=[down]))
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "reasons": [], "degraded": [down]})


async def test_the_pages_are_served_over_ipv6_too() -> None:
    """Where the host is an address of it."""
    assert (await asked("/livez", host="::1")).status_code == 200


async def test_an_answer_waits_for_nothing_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small packets leave at once: a probe measures the worker, and not the network's patience."""
    with accepted(monkeypatch) as connections:
        await asked("/livez")
        await asked("/livez", host="::1")
        assert connections.without_delay() == [True, True]


async def test_a_taken_port_is_an_error_at_start() -> None:
    """Before anything else has begun."""
    first = HealthServer(Probes(stuck=list, readiness=Readiness), "127.0.0.1", 0)
    await first.start()
    second = HealthServer(Probes(stuck=list, readiness=Readiness), "127.0.0.1", first.port)
    with pytest.raises(OSError, match="in use"):
        await second.start()
    await second.stop()
    await first.stop()
