"""Object stores as the destination: a real S3 server, a real Azure Blob Storage, and the library's own store in memory.

The store in memory stands for Google Cloud Storage, of which no server runs on this machine: the same calls of obstore
go through the same code of azplan.
"""

import asyncio
import hashlib
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from obstore.store import MemoryStore

from ops.local import object_stores
from ops.local.object_stores import LocalAzurite, LocalS3
from tests.datasets.stage import CREATED, DATASET, bench_in, end, export
from tests.support.missing import missing
from worker.files import catalog
from worker.files.errors import DestinationRefused, DestinationUnavailable
from worker.files.folder import FolderStore
from worker.files.object_store import PIECE, ObjectStore, may_be_plain
from worker.files.opening import open_store
from worker.files.store import Entry, Store
from worker.files.verification import verify

pytestmark = pytest.mark.xdist_group("object stores")
"""One process starts the servers, and fetches Azurite once."""

STAGING, VERSION = "v1/d/.tmp-e", "v1/d/version=20261108T101959Z-6b1f0c9d2a47"
CONTENT = os.urandom(1024) * 20 * 1024
"""Two pieces and a half: an upload of several parts."""


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalS3]:
    """An S3 server with a bucket."""
    server = LocalS3(tmp_path_factory.mktemp("s3"))
    server.start()
    server.create("bucket")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAzurite]:
    """An Azure Blob Storage with a container."""
    if lack := object_stores.why_no_azurite():
        missing("Azurite on this machine", lack)
    server = LocalAzurite(tmp_path_factory.mktemp("azurite"))
    server.start()
    server.create("bucket")
    yield server
    server.stop()


@pytest.fixture(params=["s3", "az", "abfss", "memory", "folder"])
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Store:
    """An empty destination of each kind."""
    prefix = hashlib.sha256(str(tmp_path).encode()).hexdigest()[:8]
    match request.param:
        case "s3":
            known(monkeypatch, request.getfixturevalue("s3").environment)
            return open_store(f"s3://bucket/{prefix}")
        case "az":
            known(monkeypatch, request.getfixturevalue("azurite").environment)
            return open_store(f"az://bucket/{prefix}")
        case "abfss":
            environment = request.getfixturevalue("azurite").environment
            known(monkeypatch, {name: environment[name] for name in environment if not name.endswith("NAME")})
            return open_store(f"abfss://bucket@{object_stores.ACCOUNT}.dfs.core.windows.net/{prefix}")
        case "memory":
            return in_memory()
        case _:
            return FolderStore(tmp_path / "destination")


def in_memory() -> ObjectStore:
    """The code for Google Cloud Storage, with the library's store in memory behind it."""
    made = ObjectStore("gs://bucket/prefix")
    made._store = MemoryStore()
    return made


def known(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    """Set the variables by which a client finds a server."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def file_in(folder: Path, content: bytes = CONTENT) -> Path:
    """A finished local file."""
    path = folder / f"part-{len(list(folder.iterdir()))}"
    path.write_bytes(content)
    return path


async def whole(store: Store, path: str) -> bytes:
    """The content of a file, read piece by piece."""
    return b"".join([piece async for piece in store.chunks(path)])


async def names(store: Store, folder: str) -> set[Entry]:
    """All files below a folder."""
    return {entry async for entry in store.entries(folder)}


async def test_staged_parts_become_a_version_with_its_manifest(store: Store, tmp_path: Path) -> None:
    """A file above the size of one request arrives byte for byte; the manifest makes the version appear, once."""
    await store.put(f"{STAGING}/source/part.6b1f", file_in(tmp_path))
    await store.prepare(STAGING, {f"{STAGING}/source/part.6b1f": "source/part"}, VERSION)
    assert await store.read(f"{VERSION}/manifest.json") is None
    assert await store.commit(STAGING, VERSION, b'{"a": 1}')
    assert not await store.commit(STAGING, VERSION, b'{"a": 2}')
    assert await store.read(f"{VERSION}/manifest.json") == b'{"a": 1}'
    assert await whole(store, f"{VERSION}/source/part") == CONTENT
    await store.delete_folder(STAGING)
    present = {Entry(f"{VERSION}/manifest.json", 8), Entry(f"{VERSION}/source/part", len(CONTENT))}
    assert await names(store, "v1") == present
    assert await names(store, "v1/d/version") == set()


async def test_parts_are_brought_to_their_place_again_after_a_crash(store: Store, tmp_path: Path) -> None:
    """Staged parts stay until they are removed, and nothing changes what stands."""
    await store.put(f"{STAGING}/a", file_in(tmp_path, b"content"))
    for _ in range(2):
        await store.prepare(STAGING, {f"{STAGING}/a": "source/a"}, VERSION)
    assert await store.commit(STAGING, VERSION, b"{}")
    assert await whole(store, f"{VERSION}/source/a") == b"content"


async def test_a_small_file_is_replaced_unless_what_is_there_speaks_against_it(store: Store) -> None:
    """Also where many replace it at once, the newest stays."""
    assert await store.replace("v1/latest.json", b"1", lambda _: True)
    assert not await store.replace("v1/latest.json", b"2", lambda present: present == b"1")

    async def put(number: int) -> None:
        await store.replace("v1/latest.json", b"%d" % number, lambda present: int(present) > number)

    await asyncio.gather(*(put(number) for number in (3, 5, 4)))
    assert await store.read("v1/latest.json") == b"5"


async def test_a_single_file_is_created_once(store: Store, tmp_path: Path) -> None:
    """What stands stays."""
    assert await store.create("v1/a.pdf", file_in(tmp_path, b"first"))
    assert not await store.create("v1/a.pdf", file_in(tmp_path, b"second"))
    assert await store.read("v1/a.pdf") == b"first"


async def test_what_is_not_there_is_said_so(store: Store) -> None:
    """No file, no folder, and nothing to delete are no errors of the destination."""
    assert await store.read("v1/none.json") is None
    assert await names(store, "v1/none") == set()
    await store.delete_folder("v1/none")
    with pytest.raises(FileNotFoundError):
        await whole(store, "v1/none")


@pytest.mark.parametrize("url", ["s3://none/p", "az://none/p"])
async def test_a_bucket_that_does_not_exist_is_refused_with_advice(
    url: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """To wait would not help: a person has to create it."""
    known(monkeypatch, request.getfixturevalue("s3" if url.startswith("s3") else "azurite").environment)
    with pytest.raises(DestinationRefused) as refused:
        await open_store(url).put("a", file_in(tmp_path))
    assert refused.value.advice == "Create the bucket or the container, or name another one in AZPLAN_FILES__URL."


async def test_a_wrong_key_is_refused_and_its_signature_not_said(
    azurite: LocalAzurite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A shared access signature stands in the address, and the address stands in the library's error."""
    environment = {**azurite.environment, "AZURE_STORAGE_SAS_TOKEN": "sv=2021-08-06&sig=geheim123geheim"}
    del environment["AZURE_STORAGE_ACCOUNT_KEY"]
    known(monkeypatch, environment)
    with pytest.raises(DestinationRefused) as refused:
        await open_store("az://bucket/p").put("a", file_in(tmp_path))
    assert "right to list, read, write and delete" in str(refused.value.advice)
    assert "geheim123" not in f"{refused.value}{refused.value.advice}"


async def test_a_store_that_does_not_answer_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library has tried a few times; the command looks again later."""
    known(monkeypatch, {**LocalS3(Path()).environment})
    monkeypatch.setattr("worker.files.object_store.RETRIES", {"max_retries": 0})
    with pytest.raises(DestinationUnavailable):
        await open_store("s3://bucket/p").read("a")


def test_an_address_that_lacks_its_account_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variable's subject."""
    for name in list(os.environ):
        if name.startswith("AZURE_"):
            monkeypatch.delenv(name)
    with pytest.raises(DestinationRefused, match="Account must be specified"):
        open_store("az://bucket/p")


def test_without_the_extra_a_bucket_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder works without it."""
    monkeypatch.setattr("worker.files.opening.OBJECT_STORE", "worker.files.no_such_module")
    with pytest.raises(DestinationRefused) as refused:
        open_store("s3://bucket/p")
    assert "azplan[finance]" in str(refused.value.advice)
    open_store("file:azplan-files")


@pytest.mark.parametrize(
    ("environment", "plain"),
    [
        ({}, False),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9000"}, True),
        ({"AZURE_STORAGE_ENDPOINT": "http://localhost:10000/devstoreaccount1"}, True),
        ({"AWS_ENDPOINT_URL": "http://minio:9000"}, False),
        ({"AWS_ENDPOINT_URL": "http://minio:9000", "AWS_ALLOW_HTTP": "true"}, True),
        ({"AWS_ENDPOINT_URL": "https://127.0.0.1:9000"}, False),
    ],
)
def test_plain_http_is_for_this_machine_or_where_a_person_says_so(environment: dict[str, str], *, plain: bool) -> None:
    """Credentials and lines of invoices do not travel in the clear by accident."""
    assert may_be_plain(environment) is plain


def test_a_piece_is_smaller_than_the_file_of_these_tests() -> None:
    """The upload of several parts is what the tests above are about."""
    assert len(CONTENT) > 2 * PIECE


async def test_a_command_publishes_reads_and_removes_versions_there(store: Store, tmp_path: Path) -> None:
    """Two versions, the pointer between them, every byte verified, and nothing under way left; then one is removed."""
    async with bench_in(tmp_path, store=store) as bench:
        first = await export(bench, await bench.begin(id="c-1"))
        await end(bench, "c-1")
        later = CREATED + timedelta(hours=1)
        second = await export(bench, await bench.begin(id="c-2"), contents=(b"other\n",), created=later)
        destination = bench.files
        (found,) = await catalog.datasets(destination)
        latest = await destination.latest(DATASET)
        assert found.standing == [second["version"], first["version"]]
        assert found.staging == {}
        assert latest is not None
        assert (latest.version, latest.manifest.supersedes) == (second["version"], first["version"])
        assert latest.manifest_uri == f"{store.url}/{DATASET.version_folder(latest.version)}/manifest.json"
        for version in found.standing:
            published = await destination.published(DATASET, version)
            assert published is not None
            assert (await verify(destination, published, lambda _: None)).problems == []
        await destination.probe()
        await destination.remove(DATASET, first["version"])
        (found,) = await catalog.datasets(destination, DATASET)
        assert found.standing == [second["version"]]


async def test_a_large_file_is_never_whole_in_memory(
    s3: LocalS3, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither on its way to the store nor on its way back: the process grows by a few pieces."""
    known(monkeypatch, s3.environment)
    store, size = open_store("s3://bucket/large"), 160 * 1024 * 1024
    source = tmp_path / "large"
    with source.open("wb") as file:
        file.truncate(size)
    await store.put("warm", file_in(tmp_path))
    before = psutil.Process().memory_info().rss
    await store.put("large", source)
    read = most = 0
    async for piece in store.chunks("large"):
        read += len(piece)
        most = max(most, psutil.Process().memory_info().rss - before)
    assert read == size
    assert most < size / 2
