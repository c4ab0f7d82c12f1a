"""The client against the simulator over sockets: exports, files behind TLS, pages of lines and documents."""

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ops.simulator.clock import Clock as Time
from ops.simulator.server import Addresses, Ports, serving, write_ca
from ops.simulator.simulator import Simulator, build
from tests.partner_center.conftest import Recorder
from tests.simulator.conftest import PROMPT
from worker.clock import Clock
from worker.partner_center.client.account import Account, AccountConfig
from worker.partner_center.client.token_requests import Identity
from worker.partner_center.errors import Gone, NotPermitted, Refused, SignatureRefused, Unanswered
from worker.partner_center.port import PartnerCenter
from worker.partner_center.resources import billing_exports
from worker.partner_center.resources.billing_exports import Lines, Wanted
from worker.partner_center.resources.billing_manifests import Blob, Manifest
from worker.partner_center.resources.spending import invoice_documents, invoice_lines
from worker.partner_center.resources.spending.invoice_lines import LinesPath

WANTED = Wanted(Lines.USAGE, invoice_id="G000000001")


@pytest.fixture
async def running() -> AsyncIterator[tuple[Simulator, Addresses]]:
    """A simulator that follows the machine's clock, with prompt exports."""
    simulator = build(clock=Time.wall(), settings=PROMPT)
    simulator.change(export_queued=(0.0, 0.0), export_seconds=(0.0, 0.0))
    async with serving(simulator, Ports(api_tls=True)) as addresses:
        yield simulator, addresses


@pytest.fixture
def simulator(running: tuple[Simulator, Addresses]) -> Simulator:
    """The simulator."""
    return running[0]


@pytest.fixture
async def center(running: tuple[Simulator, Addresses], tmp_path: Path) -> AsyncIterator[PartnerCenter]:
    """The account of its partner. All services have certificates of one authority."""
    simulator, addresses = running
    write_ca(addresses, tmp_path / "ca.pem")
    (tmp_path / "refresh-token").write_text(simulator.refresh_token())
    account = Account(
        AccountConfig(
            name="contoso",
            identity=Identity(
                f"{addresses.authority}/{simulator.partner.tenant_id}",
                simulator.partner.client_id,
                "https://api.partnercenter.microsoft.com",
                client_secret=simulator.partner.client_secret,
            ),
            base_url=addresses.api,
            ca_file=tmp_path / "ca.pem",
            refresh_token_file=tmp_path / "refresh-token",
            graph_url=addresses.graph,
            graph_requests_per_minute=100,
            storage_hosts=("localhost",),
        ),
        Clock(),
        call_timeout=20.0,
    )
    yield account.center(Recorder())
    await account.close()


async def exported(center: PartnerCenter, wanted: Wanted = WANTED) -> Manifest:
    """The manifest of an export that is asked for now."""
    operation = await billing_exports.look(center, (await billing_exports.begin(center, wanted)).location)
    assert operation.manifest is not None
    return operation.manifest


async def digest(center: PartnerCenter, manifest: Manifest, blob: Blob) -> str:
    """The hash of a file."""
    found = hashlib.sha256()
    async with billing_exports.blob(center, manifest, blob) as answer:
        async for piece in answer:
            found.update(piece)
    return found.hexdigest()


FORMS: list[tuple[dict[str, Any], Lines]] = [
    ({}, Lines.USAGE),
    ({"resource_location": "link", "manifest_form": "beta"}, Lines.USAGE),
    ({"resource_location": "url", "success_word": "completed"}, Lines.RECONCILIATION),
    ({"blob_header": "gzip"}, Lines.AGGREGATED_USAGE),
]


async def test_an_export_is_had_with_every_byte(simulator: Simulator, center: PartnerCenter) -> None:
    """Whatever form the manifest has: the files are those of the simulator's books."""
    simulator.invoice(usage_lines=300, blobs=3)
    for knobs, lines in FORMS:
        simulator.change(**knobs)
        manifest = await exported(center, Wanted(lines, invoice_id="G000000001"))
        found = [await digest(center, manifest, blob) for blob in manifest.blobs]
        assert found == [blob.sha256 for blob in simulator.figures("G000000001", lines.value).blobs]
        assert found


async def test_lines_of_a_month_without_an_invoice(simulator: Simulator, center: PartnerCenter) -> None:
    """They have a currency and a month in place of the invoice."""
    simulator.unbilled("USD", "previous", usage_lines=30)
    manifest = await exported(center, Wanted(Lines.USAGE, currency="USD", period="previous"))
    assert manifest.blobs


async def test_an_export_without_data(simulator: Simulator, center: PartnerCenter) -> None:
    """An unknown invoice is accepted, and the operation fails."""
    simulator.invoice()
    location = (await billing_exports.begin(center, Wanted(Lines.USAGE, invoice_id="G999999999"))).location
    assert (await billing_exports.look(center, location)).error_code == "5000"


async def test_what_expires(simulator: Simulator, center: PartnerCenter) -> None:
    """A signature of yesterday is refused by storage, an operation of yesterday is gone."""
    simulator.invoice()
    simulator.change(sas_lifetime=0.0)
    location = (await billing_exports.begin(center, WANTED)).location
    manifest = (await billing_exports.look(center, location)).manifest
    assert manifest is not None
    with pytest.raises(SignatureRefused):
        await digest(center, manifest, manifest.blobs[0])
    simulator.change(export_lifetime=0.0)
    with pytest.raises(Gone):
        await billing_exports.look(center, location)


async def test_faults_on_the_way(simulator: Simulator, center: PartnerCenter) -> None:
    """A file that is cut, or is not there, is never whole."""
    simulator.invoice()
    manifest = await exported(center)
    simulator.faults.add("truncated", operation="storage.blob")
    with pytest.raises(Unanswered):
        await digest(center, manifest, manifest.blobs[0])
    simulator.change(blob_damage="missing")
    with pytest.raises(Refused) as no:
        await digest(center, manifest, manifest.blobs[0])
    assert no.value.status == 404


async def test_without_the_permission(simulator: Simulator, center: PartnerCenter) -> None:
    """The advice names it."""
    simulator.partner.billing_permission = False
    with pytest.raises(NotPermitted) as no:
        await billing_exports.begin(center, WANTED)
    assert "PartnerBilling.Read.All" in no.value.advice


async def test_pages_of_lines(simulator: Simulator, center: PartnerCenter) -> None:
    """The lines of all pages, of new commerce and of legacy commerce, are as many as the books say."""
    simulator.change(retired_lines="no", lines_page=20)
    simulator.invoice(usage_lines=70)
    simulator.invoice(id="D000000001", usage_lines=50)
    new = LinesPath("onetime", "usagelineitems", invoice_id="G000000001", currency="USD")
    legacy = LinesPath("azure", "usagelineitems", invoice_id="D000000001")
    for token, lines in (("body", new), ("header", new), ("both", new), ("both", legacy)):
        simulator.change(lines_token=token)
        found = [json.loads(item) async for item in invoice_lines.items(center, lines, size=20)]
        assert len(found) == simulator.figures(str(lines.invoice_id), blobs=False).rows
        assert len(found) > 40


async def test_a_statement(simulator: Simulator, center: PartnerCenter) -> None:
    """It is a PDF."""
    simulator.invoice()
    async with invoice_documents.statement(center, "G000000001") as pieces:
        assert b"".join([piece async for piece in pieces]).startswith(b"%PDF-")
