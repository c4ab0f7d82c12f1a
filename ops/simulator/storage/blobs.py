"""Handles one request to Azure Storage: a blob, for a signed address without an Authorization header.

Errors: learn.microsoft.com rest/api/storageservices/blob-service-error-codes, get-blob,
authorize-with-azure-active-directory.
"""

import asyncio
import email.utils
import re
from dataclasses import replace
from urllib.parse import unquote

from starlette.requests import Request

from ops.simulator.billing.releases import Release
from ops.simulator.books import Received
from ops.simulator.delivery import deliver
from ops.simulator.faults import FaultPlan
from ops.simulator.requests.answers import Answer
from ops.simulator.requests.door import Door
from ops.simulator.storage.damage import damaged
from ops.simulator.storage.signatures import has_expired, is_signed
from ops.simulator.world import World

RANGE = re.compile(r"bytes=(\d+)-(\d*)")
DENIED = (
    "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly "
    "including the signature."
)


class StorageRefused(Exception):
    """Azure Storage says no: becomes an error in XML."""

    def __init__(self, status: int, code: str, message: str, detail: str = "") -> None:
        self.status, self.code, self.message, self.detail = status, code, message, detail
        super().__init__(f"{status}/{code}")


class Storage(Door):
    """The ASGI application of one storage account."""

    def __init__(self, world: World, faults: FaultPlan) -> None:
        super().__init__(world)
        self._faults = faults

    async def _answer(self, request: Request, received: Received, content: bytes) -> tuple[Answer, dict[str, str]]:
        received.operation = "storage.blob"
        query = dict(received.query)
        if "sig" in received.query:
            received.query["sig"] = "signed"
        try:
            release, blob = self._admit(request, received, query)
        except StorageRefused as refused:
            answer = _refusal(self._world, refused)
            return answer, self._headers(received, answer)
        if release.is_small(blob):
            release.write(blob)
        else:
            await asyncio.to_thread(release.write, blob)
        fault = self._faults.pick(received)
        received.fault = fault.kind.value if fault else None
        answer = await deliver(self._world, fault, lambda: self._act(request, received, release, blob))
        await self._world.clock.sleep(self._world.rng.uniform(*self._world.settings.latency))
        answer = _in_its_words(self._world, answer)
        return answer, self._headers(received, answer)

    def _admit(self, request: Request, received: Received, query: dict[str, str]) -> tuple[Release, int]:
        if authorization := request.headers.get("authorization"):
            raise _never_both(authorization, request.headers.get("x-ms-version", ""))
        folder, _, name = unquote(received.path).rpartition("/")
        if "sig" not in query:
            raise StorageRefused(
                409, "PublicAccessNotPermitted", "Public access is not permitted on this storage account."
            )
        if not is_signed(self._world.ledger.storage_key, folder, query):
            raise StorageRefused(403, "AuthenticationFailed", DENIED, "Signature did not match.")
        if has_expired(query, self._world.clock.date()):
            detail = f"Signature not valid in the specified time frame: Expiry [{query.get('se')}]"
            raise StorageRefused(403, "AuthenticationFailed", DENIED, detail)
        if received.method not in ("GET", "HEAD"):
            raise StorageRefused(403, "AuthorizationPermissionMismatch", "This request is not authorized.")
        release = self._world.ledger.releases.get(folder)
        if release is None or name not in release.names or self._is_gone(release):
            raise StorageRefused(404, "BlobNotFound", "The specified blob does not exist.")
        received.partner = release.invoice.partner
        return release, release.names.index(name)

    def _is_gone(self, release: Release) -> bool:
        newest = self._world.ledger.invoices.get(release.invoice.id.lower())
        old = newest is not None and newest is not release.invoice
        return old and self._world.settings.old_blobs == "gone"

    def _act(self, request: Request, received: Received, release: Release, blob: int) -> Answer:
        answer = self._served(request, release, blob)
        received.outcome, received.acted_at = answer.status, self._world.now
        return answer

    def _served(self, request: Request, release: Release, blob: int) -> Answer:
        whole = damaged(self._world, release, blob)
        if whole is None and self._world.settings.blob_damage == "redirect":
            return Answer(302, headers={"Location": "https://elsewhere.example/blob"})
        if whole is None:
            return _refusal(self._world, StorageRefused(404, "BlobNotFound", "The specified blob does not exist."))
        size, speed = whole.stat().st_size, self._world.settings.blob_speed
        headers = {
            "Content-Type": "application/octet-stream",
            "ETag": f'"0x{release.id[:8].upper()}{blob:04X}"',
            "Accept-Ranges": "bytes",
            "x-ms-blob-type": "BlockBlob",
        }
        if self._world.settings.blob_header == "gzip":
            headers["Content-Encoding"] = "gzip"
        self._count(release)
        if request.method == "HEAD":
            return Answer(200, headers={**headers, "Content-Length": str(size)})
        asked = RANGE.fullmatch(request.headers.get("range", ""))
        if asked is None:
            return Answer(200, file=whole, span=(0, size), headers=headers, speed=speed)
        begin, end = int(asked[1]), min(int(asked[2]) + 1 if asked[2] else size, size)
        if begin >= size:
            return _refusal(self._world, StorageRefused(416, "InvalidRange", "The range specified is invalid."))
        headers["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
        return Answer(206, file=whole, span=(begin, end), headers=headers, speed=speed)

    def _count(self, release: Release) -> None:
        """Count a download, and give the invoice new data where the knobs say so."""
        ledger, settings = self._world.ledger, self._world.settings
        served = ledger.served[release.path] = ledger.served.get(release.path, 0) + 1
        newest = ledger.invoices.get(release.invoice.id.lower())
        due = newest is release.invoice and served >= settings.etag_after_blobs
        if newest is not None and due and newest.version <= settings.etag_changes:
            ledger.renew(newest, same_content=False)

    def _headers(self, received: Received, answer: Answer) -> dict[str, str]:
        headers = {
            "Date": email.utils.format_datetime(self._world.clock.date(), usegmt=True),
            "Server": "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0",
            "x-ms-request-id": self._world.new_id(),
            "x-ms-version": received.headers.get("x-ms-version", "2022-11-02"),
        }
        return headers | dict(answer.headers)


def _never_both(authorization: str, version: str) -> StorageRefused:
    """Return the refusal of a request that has an Authorization header beside its signed address."""
    scheme = authorization.partition(" ")[0]
    if scheme.lower() == "bearer" and version >= "2017-11-09":
        text = (
            "Server failed to authenticate the request. Please refer to the information in the www-authenticate header."
        )
        return StorageRefused(401, "InvalidAuthenticationInfo", text, "Issuer validation failed.")
    detail = f"Authentication scheme {scheme} is not supported in this version."
    return StorageRefused(403, "AuthenticationFailed", DENIED, detail)


def _refusal(world: World, refused: StorageRefused) -> Answer:
    detail = f"<AuthenticationErrorDetail>{refused.detail}</AuthenticationErrorDetail>" if refused.detail else ""
    stamp = world.clock.date().strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
    text = (
        f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{refused.code}</Code>'
        f"<Message>{refused.message}\nTime:{stamp}</Message>{detail}</Error>"
    )
    headers = {"Content-Type": "application/xml", "x-ms-error-code": refused.code}
    return Answer(refused.status, raw=("\ufeff" + text).encode(), headers=headers)


def _in_its_words(world: World, answer: Answer) -> Answer:
    """Return an answer that a fault made in Partner Center's words in those of Azure Storage."""
    page = answer.from_gateway and answer.status != 429
    if answer.body is None or answer.status < 400 or page:
        return answer
    code = "ServerBusy" if answer.status in (429, 503) else "InternalError" if answer.status >= 500 else "InvalidInput"
    said = _refusal(world, StorageRefused(answer.status, code, "Refused by a fault."))
    return replace(said, headers={**said.headers, **answer.headers})
