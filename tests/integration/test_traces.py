"""Traces of a real worker, as a collector receives them: their parents, their lengths, and no secrets."""

import socket
from pathlib import Path

import pytest

from ops.local.azplan import Azplan
from ops.local.kafka_messages import Sent, answered, send_raw
from ops.local.simulator import SECRET, SimulatorProcess
from ops.local.topics import Topics
from tests.integration.conftest import QUICK
from tests.support.otlp_receiver import Received, receiving

pytestmark = pytest.mark.kafka

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PROCESS = "process "


def by_trace(spans: list[Received]) -> dict[str, list[Received]]:
    """The spans of each trace."""
    found: dict[str, list[Received]] = {}
    for span in spans:
        found.setdefault(span.trace, []).append(span)
    return found


async def buy(topics: Topics, partner_center: SimulatorProcess, settings: dict[str, str], folder: Path) -> Azplan:
    """Let a worker carry out a command whose record carries a trace, and which waits for Microsoft; then stop it."""
    (customer,) = partner_center.customers("ready", 1)
    command = Sent("CreateAzurePlan", customer)
    worker = Azplan(settings={**topics.env, **partner_center.env, **QUICK, **settings}, cwd=folder)
    worker.start()
    try:
        headers = [*command.headers, ("traceparent", f"00-{TRACE}-{SPAN}-01".encode())]
        await send_raw(topics, [(customer.encode(), command.value, headers)])
        await answered(topics, [command], within=60)
    finally:
        worker.stop()
    return worker


async def test_a_command_that_waits_is_traced_turn_by_turn_and_tells_no_secret(
    topics: Topics, partner_center: SimulatorProcess, tmp_path: Path
) -> None:
    """G10: the first turn is in the sender's trace. Each later turn is a trace of its own with a link to the first."""
    partner_center.fault("error_before", operation="orders.*", status=500, count=2)
    with receiving() as receiver:
        key = "canary-key-of-the-collector"
        collector = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_EXPORTER_OTLP_HEADERS": f"api-key={key}"}
        worker = await buy(topics, partner_center, collector, tmp_path)
        spans, raw = receiver.spans(), receiver.bytes()
    turns = [span for span in spans if span.name.startswith(PROCESS)]
    first, *later = sorted(turns, key=lambda span: int(span.attributes["azplan.command.turn"]))
    assert (first.trace, first.parent, first.links) == (TRACE, SPAN, ())
    assert later, "it waited"
    assert {(span.parent, span.links) for span in later} == {("", ((TRACE, SPAN),))}
    assert len({span.trace for span in turns}) == len(turns)
    for trace, members in by_trace(spans).items():
        (turn,) = (span for span in members if span.name.startswith(PROCESS))
        assert {span.parent for span in members if span is not turn} <= {turn.id}, f"calls stand under turn {trace}"
    assert {"customers.get", "carts.checkout"} <= {span.name for span in spans}
    assert any(span.failed for span in spans)
    assert {span.resource["service.name"] for span in spans} == {"azplan"}
    refresh_token = partner_center.refresh_token_file.read_bytes().strip()
    assert not [each for each in (SECRET.encode(), key.encode(), refresh_token, b"eyJ", b"Bearer") if each in raw]
    assert key not in worker.output()


async def test_a_collector_that_is_down_holds_nothing_up_and_says_little(
    topics: Topics, partner_center: SimulatorProcess, tmp_path: Path
) -> None:
    """The command has its answer, the worker stops in good order, and the log stays readable."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
        taken.close()
        settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": nobody, "OTEL_BSP_SCHEDULE_DELAY": "20"}
        worker = await buy(topics, partner_center, settings, tmp_path)
    lines = [line for line in worker.output().splitlines() if "opentelemetry" in line or "azplan.traces" in line]
    assert "worker.stopped" in worker.output()
    assert 2 <= len(lines) <= 8, "\n".join(lines)
