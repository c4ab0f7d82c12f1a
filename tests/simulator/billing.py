"""Plain callers of Microsoft Graph and of the storage, with nothing of the worker's client in them."""

import gzip
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import httpx

from ops.simulator.simulator import Simulator
from tests.simulator.caller import Answered, answered

BILLED = "/reports/partners/billing/{}/billed/export"
UNBILLED = "/reports/partners/billing/{}/unbilled/export"
Manifest = dict[str, Any]


class GraphCaller:
    """Calls Microsoft Graph and the storage of a simulator in process, as the partner's application."""

    def __init__(self, simulator: Simulator, *, token: str | None = None) -> None:
        self.simulator = simulator
        self.token = token

    async def call(self, method: str, path: str, body: object = None, version: str = "v1.0") -> Answered:
        """Send one request; `path` is under the version, or absolute."""
        headers = {"Authorization": f"Bearer {self.token or self.simulator.graph_token()}"}
        url = path if path.startswith("http") else f"http://graph/{version}{path}"
        async with httpx.AsyncClient(transport=self.simulator.graph_transport(), trust_env=False) as client:
            return answered(await client.request(method, url, json=body, headers=headers))

    async def begin(self, lines: str = "usage", invoice: str = "G000000001", **more: object) -> str:
        """Begin an export of an invoice's lines. Returns the address of the operation."""
        begun = await self.call("POST", BILLED.format(lines), {"invoiceId": invoice, **more})
        assert begun.status == 202
        return str(begun.headers["Location"])

    async def manifest(self, lines: str = "usage", invoice: str = "G000000001", **more: object) -> Manifest:
        """Export an invoice's lines. Returns the manifest, which must be there at once."""
        looked = await self.call("GET", await self.begin(lines, invoice, **more))
        found: Manifest = looked.body["resourceLocation"]
        return found

    async def blob(self, manifest: Manifest, number: int = 0, headers: Mapping[str, str] | None = None) -> Answered:
        """Download a blob of a manifest."""
        url = f"{manifest['rootDirectory']}/{manifest['blobs'][number]['name']}?{manifest['sasToken']}"
        async with httpx.AsyncClient(transport=self.simulator.storage_transport(), trust_env=False) as client:
            return answered(await client.get(url, headers=headers))

    async def lines(self, manifest: Manifest) -> list[dict[str, Any]]:
        """Download every blob. Returns its lines, numbers as decimals."""
        found = []
        for number in range(manifest["blobCount"]):
            content = gzip.decompress((await self.blob(manifest, number)).content)
            found += [json.loads(line, parse_float=Decimal, parse_int=Decimal) for line in content.splitlines()]
        return found


def summed(lines: list[dict[str, Any]], name: str) -> Decimal:
    """The exact sum of an attribute."""
    return sum((Decimal(line[name]) for line in lines), Decimal(0))
