"""The pages that an orchestrator requests, over a real socket."""

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
    """The answer of a page of a worker with this health."""
    server = HealthServer(Probes(stuck=lambda: stuck, readiness=lambda: now), host, 0)
    await server.start()
    try:
        async with httpx.AsyncClient() as client:
            at = f"[{host}]" if ":" in host else host
            return await client.get(f"http://{at}:{server.port}{page}")
    finally:
        await server.stop()


async def test_a_healthy_worker_says_so() -> None:
    """The status is 200, and there are no reasons."""
    alive, ready = await asked("/livez"), await asked("/readyz")
    assert (alive.status_code, alive.json()) == (200, {"alive": True, "reasons": []})
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "reasons": [], "degraded": []})


async def test_a_stuck_worker_is_not_alive() -> None:
    """The answer names the stuck part."""
    answer = await asked("/livez", stuck=["the consumer's loop has not come round for 200 s"])
    assert answer.status_code == 503
    assert answer.json() == {"alive": False, "reasons": ["the consumer's loop has not come round for 200 s"]}


async def test_a_missing_server_is_no_reason_to_restart() -> None:
    """A broker that is down makes the worker not ready, never dead."""
    now = Readiness(reasons=["Kafka does not answer"], degraded=["somebody has paused something"])
    assert (await asked("/livez", now=now)).status_code == 200
    answer = await asked("/readyz", now=now)
    said = {"ready": False, "reasons": ["Kafka does not answer"], "degraded": ["somebody has paused something"]}
    assert (answer.status_code, answer.json()) == (503, said)


async def test_trouble_outside_a_rollout_is_reported_and_does_not_hold_it_up() -> None:
    """A new worker would find Partner Center down too."""
    down = "account contoso: Partner Center does not answer requests for carts"
    answer = await asked("/readyz", now=Readiness(degraded=[down]))
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "reasons": [], "degraded": [down]})


async def test_the_pages_are_served_over_ipv6_too() -> None:
    """The host of the settings is an IPv6 address."""
    assert (await asked("/livez", host="::1")).status_code == 200


async def test_an_answer_waits_for_nothing_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small packets leave at once: a probe measures the worker, not the network."""
    with accepted(monkeypatch) as connections:
        await asked("/livez")
        await asked("/livez", host="::1")
        assert connections.without_delay() == [True, True]


async def test_a_taken_port_is_an_error_at_start() -> None:
    """The error comes before any other part begins."""
    first = HealthServer(Probes(stuck=list, readiness=Readiness), "127.0.0.1", 0)
    await first.start()
    second = HealthServer(Probes(stuck=list, readiness=Readiness), "127.0.0.1", first.port)
    with pytest.raises(OSError, match="in use"):
        await second.start()
    await second.stop()
    await first.stop()
