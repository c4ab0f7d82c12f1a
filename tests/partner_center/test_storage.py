"""Files at Azure Storage: which hosts are asked, what is sent there, and what their answers mean."""

import gzip
from collections.abc import Callable
from urllib.parse import unquote

import pytest
from pydantic import SecretStr

from tests.partner_center.conftest import MakeAccount, Recorder
from tests.partner_center.wire import Move, Wire, answers, hangs_up
from worker.partner_center.errors import (
    CallError,
    Gone,
    HostRefused,
    NeverSent,
    Refused,
    SignatureRefused,
    Throttled,
    Unanswered,
)
from worker.partner_center.port import PartnerCenter
from worker.partner_center.resources import billing_exports
from worker.partner_center.resources.billing_manifests import Manifest

SIGNATURE = "sv=2026&sp=rl&sig=canary-sas%2Fa%2Bb%3D"
LINES = gzip.compress(b'{"a":1}\n' * 1000)


def manifest(storage: Wire) -> Manifest:
    """A manifest with one file at this storage."""
    return Manifest.model_validate(
        {"rootDirectory": f"{storage.url}/billed/Id=1", "sasToken": SIGNATURE, "blobs": [{"name": "part-0.json.gz"}]}
    )


async def read(center: PartnerCenter, of: Manifest) -> bytes:
    """The only file."""
    async with billing_exports.blob(center, of, of.blobs[0]) as answer:
        return b"".join([piece async for piece in answer])


async def test_a_file_is_asked_for_with_its_signature_and_nothing_else(
    center: PartnerCenter, storage: Wire, run: Recorder
) -> None:
    """No token, no cookie, no id. The bytes are those of the file, also if the answer calls them compressed."""
    storage.will(answers(200, LINES, Content_Encoding="gzip", Set_Cookie="a=b"), answers(200, LINES))
    assert [await read(center, manifest(storage)) for _ in range(2)] == [LINES, LINES]
    for seen in storage.seen:
        assert (seen.method, seen.target) == ("GET", f"/billed/Id=1/part-0.json.gz?{SIGNATURE}")
        assert set(seen.headers) == {"host", "accept", "accept-encoding", "connection", "user-agent"}
        assert seen.headers["accept-encoding"] == "identity"
    assert storage.connections == 1
    assert [(call.operation, call.status) for call in run.calls] == [("billing_exports.blob", 200)] * 2
    assert "canary" not in repr(run.calls)


@pytest.mark.parametrize(
    ("address", "hosts"),
    [
        ("https://files.example/x", (".example.net",)),
        ("https://evilfiles.example/x", ("files.example",)),
        ("https://a.files.example/x", ("files.example",)),
        ("https://blob.core.windows.net/x", (".blob.core.windows.net",)),
        ("https://a.blob.core.windows.net.evil.example/x", (".blob.core.windows.net",)),
        ("https://a.blob.core.windows.net@evil.example/x", (".blob.core.windows.net",)),
        ("https://evil.example/a.blob.core.windows.net", (".blob.core.windows.net",)),
        ("http://files.example/x", ("files.example",)),
        ("ftp://files.example/x", ("files.example",)),
        ("file:///etc/passwd", ("files.example",)),
        ("//files.example/x", ("files.example",)),
        ("/x", ("files.example",)),
        ("https://[::1/x", ("files.example",)),
        ("https://files.example:port/x", ("files.example",)),
        ("", ("files.example",)),
    ],
)
async def test_other_hosts_are_not_asked(
    make_account: MakeAccount, run: Recorder, address: str, hosts: tuple[str, ...]
) -> None:
    """Whatever Microsoft Graph answers: the list counts, and https. The text does not hold the signature."""
    center = make_account(storage_hosts=hosts).center(run)
    with pytest.raises(HostRefused) as no:
        async with center.download(billing_exports.BLOB, SecretStr(f"{address}?{SIGNATURE}")):
            pass
    assert "canary" not in f"{no.value} {no.value!r} {no.value.description}"
    assert run.calls == []


@pytest.mark.parametrize(
    ("host", "hosts"),
    [
        ("a.blob.core.windows.net", (".blob.core.windows.net",)),
        ("A.Blob.Core.Windows.NET:8443", (".blob.core.windows.net",)),
        ("files.example", (".blob.core.windows.net", "Files.Example")),
    ],
)
async def test_the_hosts_of_the_list_are_asked(
    make_account: MakeAccount, run: Recorder, host: str, hosts: tuple[str, ...]
) -> None:
    """A leading dot makes an end of names; case and port do not count. Here nothing answers at such a host."""
    center = make_account(storage_hosts=hosts).center(run)
    center._state.storage._connect = _refused  # type: ignore[attr-defined]
    with pytest.raises(LookupError, match=host):
        async with center.download(billing_exports.BLOB, SecretStr(f"https://{host}/x?{SIGNATURE}")):
            pass


def _refused(origin: str) -> None:
    raise LookupError(origin)


EXPIRED = b"<?xml version='1.0'?><Error><Code>AuthenticationFailed</Code><Message>canary-sas</Message></Error>"


@pytest.mark.parametrize(
    ("move", "error"),
    [
        (answers(403, EXPIRED, X_Ms_Error_Code="AuthenticationFailed"), SignatureRefused),
        (answers(401, b""), SignatureRefused),
        (answers(404, b"", X_Ms_Error_Code="BlobNotFound"), Refused),
        (answers(410, b""), Gone),
        (answers(400, b""), Refused),
        (answers(409, b""), Refused),
        (answers(429, b"", Retry_After="40"), Throttled),
        (answers(500, b""), Unanswered),
        (answers(503, b"", X_Ms_Error_Code="ServerBusy"), Unanswered),
        (answers(206, LINES), Unanswered),
        (answers(302, b"", Location="https://files.example/canary-sas"), HostRefused),
        (answers(307, b"", Location="/canary-sas"), HostRefused),
    ],
)
async def test_the_meaning_of_its_answers(
    center: PartnerCenter, storage: Wire, run: Recorder, move: Move, error: type[CallError]
) -> None:
    """No redirect is followed, and nothing of the answer is quoted."""
    storage.will(move)
    with pytest.raises(CallError) as raised:
        await read(center, manifest(storage))
    assert type(raised.value) is error
    assert "canary" not in f"{raised.value!r} {raised.value.description} {run.calls!r}"
    assert len(storage.seen) == 1
    assert getattr(raised.value, "delay", 40) == 40


async def test_nobody_there(center: PartnerCenter, storage: Wire, run: Recorder, unused: Callable[[], int]) -> None:
    """A connection that is not made was tried three times; the request never left."""
    nowhere = Manifest.model_validate(
        {"rootDirectory": f"http://localhost:{unused()}", "sasToken": SIGNATURE, "blobs": [{"name": "x"}]}
    )
    with pytest.raises(NeverSent):
        await read(center, nowhere)
    assert [call.status for call in run.calls] == ["connect"] * 3
    storage.will(hangs_up, answers(200, LINES))
    assert await read(center, manifest(storage)) == LINES, "a read on a connection that broke is repeated"


@pytest.fixture
def unused() -> Callable[[], int]:
    """A port at which nothing listens."""
    return lambda: 1


async def test_the_connections_to_hosts_are_bounded(make_account: MakeAccount, run: Recorder) -> None:
    """The host that was called longest ago goes first."""
    center = make_account(storage_hosts=(".example",)).center(run)
    storage = center._state.storage  # type: ignore[attr-defined]
    for number in range(40):
        await storage.place(billing_exports.BLOB, SecretStr(f"https://h{number % 20}.example/x"))
    assert list(storage._open) == [f"https://h{number}.example" for number in range(4, 20)]


@pytest.mark.parametrize(("given", "told"), [("5e2a-0001", "5e2a-0001"), ("sig=canary sas", None), (None, None)])
async def test_a_refusal_has_the_id_that_storage_gave_it(
    center: PartnerCenter, storage: Wire, given: str | None, told: str | None
) -> None:
    """Microsoft's support asks for it. azplan sends no id of its own; text that is no id is left out."""
    storage.will(answers(403, b"<Error/>", **({"x_ms_request_id": given} if given else {})))
    with pytest.raises(SignatureRefused) as refused:
        await read(center, manifest(storage))
    assert refused.value.request_id == told


@pytest.mark.parametrize("name", ["part 0+%#?.json.gz", "100%.gz", "a%20b/part%2F0.gz", "größe=1;~.gz"])
async def test_storage_finds_the_name_that_the_manifest_has(center: PartnerCenter, storage: Wire, name: str) -> None:
    """The address of the place comes written; the name comes as it is, and is written once."""
    place = f"{storage.url}/billed/Id%3D1"
    of = Manifest.model_validate({"rootDirectory": place, "sasToken": SIGNATURE, "blobs": [{"name": name}]})
    storage.will(answers(200, LINES))
    await read(center, of)
    (seen,) = storage.seen
    path, _, signature = seen.target.partition("?")
    assert path.startswith("/billed/Id%3D1/")
    assert unquote(path.removeprefix("/billed/Id%3D1/")) == name
    assert signature == SIGNATURE
