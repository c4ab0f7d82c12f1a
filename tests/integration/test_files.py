"""Exported lines in an object store: a worker as a process, a real S3 server, and the verbs that look at the files."""

import json
from pathlib import Path
from typing import Any

import pytest

from ops.local.azplan import azplan
from ops.local.object_stores import LocalS3
from ops.local.simulator import SimulatorProcess
from tests.integration.conftest import WorkerFactory

pytestmark = [pytest.mark.kafka]


@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
def test_an_invoice_is_exported_into_a_bucket_and_every_byte_is_verified_there(
    settings: dict[str, str], start_worker: WorkerFactory, partner_center: SimulatorProcess, tmp_path: Path
) -> None:
    """Exported twice it is one version. A statement goes there too, and a key of the store is in no output."""
    invoice = partner_center.invoice(month="2026-01", currency="EUR", blobs=3)
    server = LocalS3(tmp_path)
    server.start()
    server.create("bucket")
    quick = {"AZPLAN_WAITS__EXPORT_FIRST": "0.3", "AZPLAN_WAITS__EXPORT_MAX": "1"}
    there = {**settings, **quick, **server.environment, "AZPLAN_FILES__URL": "s3://bucket/finance"}

    def said(*words: str) -> Any:
        ended = azplan(*words, "--json", settings=there, cwd=tmp_path)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert server.environment["AWS_SECRET_ACCESS_KEY"] not in ended.stdout + ended.stderr
        return json.loads(ended.stdout)

    try:
        start_worker(**{name: value for name, value in there.items() if name not in settings})
        words = ("invoices", "export", invoice, "--lines", "usage", "--formats", "source", "--wait", "50s")
        first, second = said(*words), said(*words)
        statement = said("invoices", "statement", invoice, "--wait", "50s")
        (listed,) = said("files", "--invoice", invoice)
        (verified,) = said("files", "verify", listed["dataset"], "--all")
        shown = said("files", "show", listed["dataset"])
    finally:
        server.stop()
    (usage,), (again,) = first["datasets"], second["datasets"]
    books = partner_center.figures(invoice)
    assert (usage["alreadyExported"], again["alreadyExported"]) == (False, True)
    assert usage["version"] == again["version"] == listed["latest"]["version"]
    assert [file["sha256"] for file in usage["files"]] == [blob["sha256"] for blob in books["blobs"]]
    assert usage["files"][0]["uri"].startswith(f"s3://bucket/finance/v1/{listed['dataset']}/version=")
    assert (verified["ok"], verified["files"]) == (True, 3)
    assert shown["manifest"]["rows"] == usage["rows"] == books["rows"]
    assert statement["uri"].startswith(f"s3://bucket/finance/v1/partner=contoso/statements/{invoice}/")
