"""Object stores on this machine: an S3 server of the library moto, and Azurite, which is Azure Blob Storage.

Azurite comes once by npm with `ops/azurite/package-lock.json` into `.cache/azurite`. Both keep their data in memory.
"""

import base64
import fcntl
import hashlib
import hmac
import shutil
import subprocess
import sys
from email.utils import formatdate
from pathlib import Path

import httpx

from ops.local.server import Server, free_port, listens, tether

ROOT = Path(__file__).parents[2]
AZURITE = ROOT / "ops" / "azurite"
CACHE = ROOT / ".cache" / "azurite"
PROGRAM = Path("node_modules", "azurite", "dist", "src", "blob", "main.js")
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Account and key that Microsoft's documentation of Azurite gives to everybody."""


class LocalS3(Server):
    """An S3 server. `environment`: the variables by which a client finds it."""

    def __init__(self, folder: Path) -> None:
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        command = [*tether(), sys.executable, "-m", "moto.server", "-p", str(self._port)]
        super().__init__("S3 server", command, log=folder / "s3.log")

    @property
    def environment(self) -> dict[str, str]:
        """Address and credentials, as a worker finds them."""
        keys = {"AWS_ACCESS_KEY_ID": "an-id", "AWS_SECRET_ACCESS_KEY": "a-key"}
        return {"AWS_ENDPOINT_URL": self.url, "AWS_REGION": "us-east-1", **keys}

    def ready(self) -> bool:
        return listens(self._port)

    def create(self, bucket: str) -> None:
        """Create a bucket."""
        httpx.put(f"{self.url}/{bucket}").raise_for_status()


class LocalAzurite(Server):
    """An Azure Blob Storage. `environment`: the variables by which a client finds it."""

    def __init__(self, folder: Path) -> None:
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}/{ACCOUNT}"
        options = ["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent"]
        place = ["--blobHost", "127.0.0.1", "--blobPort", str(self._port)]
        command = [*tether(), "node", str(installed() / PROGRAM), *place, *options]
        super().__init__("Azurite", command, log=folder / "azurite.log")

    @property
    def environment(self) -> dict[str, str]:
        """Address and credentials, as a worker finds them."""
        account = {"AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT, "AZURE_STORAGE_ACCOUNT_KEY": KEY}
        return {"AZURE_STORAGE_ENDPOINT": self.url, **account}

    def ready(self) -> bool:
        return listens(self._port)

    def create(self, container: str) -> None:
        """Create a container. Source: Microsoft, "Authorize with Shared Key"."""
        signed = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
        lines = [f"{name}:{value}" for name, value in sorted(signed.items())]
        text = "\n".join(["PUT", *[""] * 11, *lines, f"/{ACCOUNT}/{ACCOUNT}/{container}", "restype:container"])
        code = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
        headers = {**signed, "Authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(code).decode()}"}
        httpx.put(f"{self.url}/{container}", params={"restype": "container"}, headers=headers).raise_for_status()


def why_no_azurite() -> str | None:
    """What this machine lacks for Azurite, or None."""
    if shutil.which("node") is None:
        return "install Node.js 18 or newer (Debian: nodejs)"
    if not _folder().is_dir() and shutil.which("npm") is None:
        return "install npm, which fetches Azurite (Debian: npm)"
    return None


def installed() -> Path:
    """The folder with Azurite, filled on first use; several test runs may ask at once."""
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = _folder()
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            unfinished = folder.with_suffix(".part")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            for name in ("package.json", "package-lock.json"):
                shutil.copy(AZURITE / name, unfinished)
            words = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
            subprocess.run(words, cwd=unfinished, check=True, timeout=600)
            unfinished.rename(folder)
    return folder


def _folder() -> Path:
    return CACHE / hashlib.sha256((AZURITE / "package-lock.json").read_bytes()).hexdigest()[:12]
