"""An export at the simulated Microsoft Graph, as a plain client asks for it: the addresses of its blobs."""

import ssl
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

PREFIX = "AZPLAN_PARTNERS__CONTOSO__"
PAUSE = 0.2
DOCUMENTS = 120.0
"""Seconds that one answer may take."""


def blob_addresses(settings: Mapping[str, str], invoice: str) -> list[str]:
    """The signed addresses of the blobs of the usage lines of an invoice. `settings`: those of the partner account."""
    given = {name.removeprefix(PREFIX): value for name, value in settings.items()}
    trusted = ssl.create_default_context(cafile=given["CA_FILE"])
    with httpx.Client(verify=trusted, timeout=DOCUMENTS) as client:
        asked = client.post(
            f"{given['AUTHORITY']}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials",
                "client_id": given["CLIENT_ID"],
                "client_secret": given["CLIENT_SECRET"],
                "scope": "https://graph.microsoft.com/.default",
            },
        )
        headers = {"Authorization": f"Bearer {asked.raise_for_status().json()['access_token']}"}
        path = f"{given['GRAPH_URL']}/reports/partners/billing/usage/billed/export"
        taken = client.post(path, json={"invoiceId": invoice, "attributeSet": "full"}, headers=headers)
        location = taken.raise_for_status().headers["Location"]
        address = given["GRAPH_URL"] + location[location.index("/reports") :]
        while (seen := client.get(address, headers=headers).raise_for_status().json())["status"] != "succeeded":
            time.sleep(PAUSE)
    manifest = seen["resourceLocation"]
    return [f"{manifest['rootDirectory']}/{blob['name']}?{manifest['sasToken']}" for blob in manifest["blobs"]]


def curl_config(addresses: list[str], folder: Path) -> Path:
    """A configuration of curl that downloads these addresses into a folder."""
    lines = [f'url = "{each}"\noutput = "{folder}/{number:05}"\n' for number, each in enumerate(addresses)]
    config = folder / "curl.conf"
    config.write_text("".join(lines))
    return config
