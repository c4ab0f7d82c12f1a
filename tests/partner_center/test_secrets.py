"""Planted secrets appear nowhere: not in logs, errors, metrics, traces or calls, whatever fails."""

import logging
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import generate_latest

from tests.partner_center.authority import Authority
from tests.partner_center.conftest import SECRET, MakeAccount, Recorder
from tests.partner_center.wire import Move, Wire, answers, hangs_up, raw
from tests.support.quiet import overheard
from worker import metrics
from worker.exports.graph_export import without_signature
from worker.partner_center.errors import CallError, Unanswered
from worker.partner_center.port import PartnerCenter
from worker.partner_center.resources import arm_subscriptions, billing_exports, carts, customers, upgrades
from worker.partner_center.resources.billing_exports import Lines, Wanted

REFRESH = "canary-refresh-token-77aa"
SIGNATURE = "canary-sas-signature-90c2"
BODY = "canary-body-31f0"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """All spans."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    yield exporter
    provider.shutdown()


async def export(
    center: PartnerCenter, graph: Wire, storage: Wire, *moves: Move, rest: Sequence[Move] = (), place: str = ""
) -> list[str]:
    """An export from its request to its file. Returns all that is told on the way."""
    told = []
    graph.will(*moves)
    storage.will(*rest)
    inside = {"rootDirectory": place or storage.url, "sasToken": f"sig={SIGNATURE}", "blobs": [{"name": "x"}]}
    try:
        await billing_exports.begin(center, Wanted(Lines.USAGE, invoice_id="G1"))
        graph.will(answers(200, {"status": "succeeded", "resourceLocation": inside | {"blobs": [{}]}}))
        with suppress(Unanswered):
            await billing_exports.look(center, "/v1.0/reports/1")
        graph.will(answers(200, {"status": "succeeded", "resourceLocation": inside}))
        found = (await billing_exports.look(center, "/v1.0/reports/1")).manifest
        assert found is not None
        told.append(f"{found!r} {found} {without_signature(found, 0)}")
        async with billing_exports.blob(center, found, found.blobs[0]) as answer:
            told.append(f"{answer!r} {answer.headers}")
            assert b"".join([piece async for piece in answer])
    except CallError as error:
        told.append(f"{error!s} {error!r} {error.description} {getattr(error, 'advice', '')}")
        told.append("".join(traceback.format_exception(error)))
    return told


async def test_planted_secrets_turn_up_nowhere(
    make_account: MakeAccount,
    partner_center: Wire,
    arm: Wire,
    graph: Wire,
    storage: Wire,
    tokens: Authority,
    tmp_path: Path,
    spans: InMemorySpanExporter,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Secrets, tokens, signed addresses and bodies stay hidden through success, refusal and failure."""
    caplog.set_level(logging.DEBUG)
    file = tmp_path / "refresh-token"
    file.write_text(REFRESH)
    account, run, told = make_account(refresh_token_file=file), Recorder(), []
    center = account.center(run)
    body = {"id": "c", "note": BODY}

    async def attempt(*moves: Move) -> None:
        partner_center.will(*moves)
        for call in (customers.get(center, "c"), carts.update(center, "c", "1", body), upgrades.create(center, "c")):
            try:
                await call
            except CallError as error:
                told.append(f"{error!s} {error!r} {error.description}")

    async def attempt_at_a_customer(tenant: str, *moves: Move) -> None:
        arm.will(*moves)
        for call in (arm_subscriptions.get(center, tenant, "s"), arm_subscriptions.cancel(center, tenant, "s")):
            try:
                await call
            except CallError as error:
                told.append(f"{error!s} {error!r} {error.description} {getattr(error, 'advice', '')}")

    with overheard() as logged:
        started, body_of = answers(202, b"", Location="/v1.0/reports/1"), SIGNATURE.encode()
        told += await export(center, graph, storage, started, rest=[answers(200, b"lines")])
        for answer in (answers(403, body_of), answers(302, b"", Location=f"/?sig={SIGNATURE}"), answers(500, body_of)):
            told += await export(center, graph, storage, started, rest=[answer])
        told += await export(
            center, graph, storage, started, rest=[raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx")]
        )
        told += await export(center, graph, storage, started, rest=[raw(body_of)])
        told += await export(center, graph, storage, started, place="https://elsewhere.example")
        told += await export(center, graph, storage, started, place="http://localhost:1")
        told += await export(center, graph, storage, answers(403, {"error": {"code": "UnknownError", "message": "no"}}))
        told += await export(
            center,
            graph,
            storage,
            *[answers(401, {"error": {"code": "InvalidAuthenticationToken", "message": "no"}})] * 3,
        )
        await attempt(answers(200, body), answers(201, body), answers(202, b"", Location="productUpgrades/1"))
        await attempt(answers(400, b'{"code":1,"description":"no"}'), hangs_up, answers(500, body))
        await attempt(*[answers(401, {"code": 400, "description": "denied"})] * 6)
        await attempt_at_a_customer("t", answers(200, body), answers(202, b"", Location="/operations/1"))
        await attempt_at_a_customer(
            "t", answers(403, {"error": {"code": "AuthorizationFailed", "message": "no"}}), hangs_up
        )
        await attempt_at_a_customer("t", *[answers(401, {"error": {"code": "Expired", "message": "denied"}})] * 4)
        tokens.echoes = True
        await attempt_at_a_customer("another")
        other = make_account(refresh_token_file=file)
        for call in (customers.get(other.center(run), "c"), upgrades.create(other.center(run), "c")):
            with suppress(CallError):
                await call
        assert len(other.complaints()) == 2
        told.extend(other.complaints())
    places = {
        "errors": " ".join((*told, *account.complaints())),
        "our log": repr(logged),
        "other logs": caplog.text + repr([record.__dict__ for record in caplog.records]),
        "metrics": generate_latest(metrics.REGISTRY).decode(),
        "calls": repr(run.calls),
        "spans": " ".join(span.to_json() for span in spans.get_finished_spans()),
        "objects": f"{account!r} {center!r} {account.__dict__!r} {account._state.tokens.__dict__!r}",
    }
    planted = {SECRET, REFRESH, BODY, SIGNATURE, *tokens.issued}
    assert {(place, secret) for place, text in places.items() for secret in planted if secret in text} == set()
    assert all(places.values())
    assert len(spans.get_finished_spans()) >= 9
    assert len(logged) >= 9
