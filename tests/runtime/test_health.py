"""The pages that an orchestrator asks, over a real socket."""

from collections.abc import Sequence

import httpx
import pytest

from worker.runtime.health import HealthServer, Probes


async def asked(
    page: str, *, host: str = "127.0.0.1", stuck: Sequence[str] = (), missing: Sequence[str] = ()
) -> httpx.Response:
    """The answer of a page, with these reasons for a no."""
    server = HealthServer(Probes(stuck=lambda: stuck, missing=lambda: missing), host, 0)
    await server.start()
    try:
        async with httpx.AsyncClient() as client:
            at = f"[{host}]" if ":" in host else host
            return await client.get(f"http://{at}:{server.port}{page}")
    finally:
        await server.stop()


@pytest.mark.parametrize(("page", "word"), [("/livez", "alive"), ("/readyz", "ready")])
async def test_a_healthy_worker_says_so(page: str, word: str) -> None:
    """With status 200 and no reasons."""
    answer = await asked(page)
    assert (answer.status_code, answer.json()) == (200, {word: True, "reasons": []})


async def test_a_stuck_worker_is_not_alive() -> None:
    """And says what is stuck."""
    answer = await asked("/livez", stuck=["the consumer's loop has not come round for 200 s"])
    assert answer.status_code == 503
    assert answer.json() == {"alive": False, "reasons": ["the consumer's loop has not come round for 200 s"]}


async def test_what_is_missing_is_no_reason_to_restart() -> None:
    """A broker that is down makes the worker unready, never dead."""
    assert (await asked("/livez", missing=["the broker does not answer"])).status_code == 200
    assert (await asked("/readyz", missing=["the broker does not answer"])).status_code == 503


async def test_the_pages_are_served_over_ipv6_too() -> None:
    """Where the host is an address of it."""
    assert (await asked("/livez", host="::1")).status_code == 200


async def test_a_taken_port_is_an_error_at_start() -> None:
    """Before anything else has begun."""
    first = HealthServer(Probes(stuck=list, missing=list), "127.0.0.1", 0)
    await first.start()
    second = HealthServer(Probes(stuck=list, missing=list), "127.0.0.1", first.port)
    with pytest.raises(OSError, match="in use"):
        await second.start()
    await second.stop()
    await first.stop()
