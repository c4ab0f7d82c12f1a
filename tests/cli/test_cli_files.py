"""`azplan files`: what is at the destination, whether it is whole, and what can go."""

import asyncio
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Azplan
from tests.datasets.stage import DATASET, bench_in, export, versions_of_month
from worker.files.layout import MANIFEST

PATH = DATASET.path
LINES = (gzip.compress(b'{"a":1}\n{"a":2}\n{"a":1}\n'), gzip.compress(b'{"a":1}\n'))


@pytest.fixture
def place(clean_place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a journal and a destination."""
    monkeypatch.setenv("AZPLAN_FILES__URL", "file:files")
    monkeypatch.setenv("AZPLAN_JOURNAL__URL", f"sqlite:///{clean_place / 'journal.db'}")
    return clean_place


def publish(folder: Path, **named: Any) -> dict[str, Any]:
    """A published version of the example's dataset."""

    async def made() -> dict[str, Any]:
        async with bench_in(folder) as bench:
            return await export(bench, await bench.begin(id=f"c-{named.pop('number', 1)}"), **named)

    return asyncio.run(made())


def test_the_list_has_each_dataset_with_its_newest_version(place: Path, azplan: Azplan) -> None:
    """The path is what `show` and `verify` take."""
    published = publish(place, contents=LINES)
    ended = azplan("files", "--json")
    assert ended.code == 0
    (one,) = ended.json
    assert (one["dataset"], one["partner"], one["lines"], one["invoiceId"]) == (PATH, "contoso", "usage", "G016907411")
    assert one["versions"] == [published["version"]]
    assert one["latest"]["manifestSha256"] == published["manifestSha256"]
    assert one["latest"]["rows"] == 4
    table = azplan("files", "list", "--lines", "usage", "--invoice", "G016907411").out
    assert PATH in table
    assert published["version"] in table


def test_a_laptop_reads_files_without_a_credential(
    place: Path, azplan: Azplan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the verbs do that send a command: nothing here calls Microsoft."""
    publish(place, contents=LINES)
    for name in ("TENANT_ID", "CLIENT_ID"):
        monkeypatch.setenv(f"AZPLAN_PARTNERS__CONTOSO__{name}", "5e11e500-0000-4000-8000-000000000001")
    for words in (("list",), ("show", PATH), ("verify",)):
        assert azplan("files", *words).code == 0
    assert azplan("files", "prune", "--yes").code == 3
    ended = azplan("invoices", "compare", "G016907411")
    assert ended.code == 3
    assert ended.err.startswith("azplan: no export has compared the invoice G016907411 at file://")


def test_a_wrong_word_is_named_with_the_right_ones(place: Path, azplan: Azplan) -> None:
    """Without the words that a library puts before each reason."""
    ended = azplan("usage", "--by", "colour")
    assert ended.code == 2
    assert "Invalid value for '--by': 'colour' is not one of 'resource'" in " ".join(ended.err.split())


@pytest.mark.parametrize("words", [("--invoice", "G0"), ("--lines", "reconciliation"), ("--partner", "us")])
def test_nothing_that_matches_is_exit_code_3(words: tuple[str, str], place: Path, azplan: Azplan) -> None:
    """Also an empty destination, which may be another one than the worker's."""
    ended = azplan("files")
    assert ended.code == 3
    assert "azplan invoices export" in ended.err
    assert "AZPLAN_FILES__URL" in ended.err
    publish(place)
    ended = azplan("files", *words)
    assert ended.code == 3
    assert "no dataset matches" in ended.err


def test_a_dataset_is_shown_with_its_versions_and_the_newest_manifest(place: Path, azplan: Azplan) -> None:
    """Its path may have `v1/` before it, as a folder shows it."""
    publish(place, contents=LINES)
    ended = azplan("files", "show", f"v1/{PATH}/", "--json")
    assert ended.json["manifest"]["source"]["blobs"][0]["name"] == "part-0.json.gz"
    assert [each["rows"] for each in ended.json["versions"]] == [4]
    told = azplan("files", "show", PATH).out
    assert "source/part-00001.jsonl.gz" in told
    assert "newest" in told


def test_a_path_that_is_none_is_a_mistake_in_the_words(place: Path, azplan: Azplan) -> None:
    """And one without a dataset is exit code 3."""
    publish(place)
    assert azplan("files", "show", "../../etc").code == 2
    assert azplan("files", "show", PATH.replace("G0", "G1")).code == 3


def test_a_version_whose_files_are_whole_is_verified_and_its_same_lines_are_counted(
    place: Path, azplan: Azplan
) -> None:
    """Lines that are equal in every attribute are a notice, over all parts of the source."""
    publish(place, contents=LINES)
    ended = azplan("files", "verify", "--json")
    assert ended.code == 0
    (one,) = ended.json
    assert (one["ok"], one["files"], one["problems"], one["notices"]) == (True, 2, [], ["identical_lines:2"])


def cut(file: Path) -> None:
    """One byte less."""
    file.write_bytes(file.read_bytes()[:-1])


def turn(file: Path) -> None:
    """Another byte, and the same size."""
    content = bytearray(file.read_bytes())
    content[0] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "problem"), [(cut, "differs"), (turn, "differs"), (lambda file: file.unlink(), "missing")]
)
def test_a_file_that_differs_is_exit_code_1(
    damage: Callable[[Path], None], problem: str, place: Path, azplan: Azplan
) -> None:
    """The file is named, and so is what is wrong with it."""
    published = publish(place, contents=LINES)
    name = "source/part-00001.jsonl.gz"
    damage(place / "files" / DATASET.version_folder(published["version"]) / name)
    ended = azplan("files", "verify", PATH, "--json")
    assert ended.code == 1
    assert ended.json[0]["problems"] == [{"path": name, "problem": problem}]
    assert name in azplan("files", "verify").err


def fetch(folder: Path, name: str, content: bytes) -> Path:
    """A single file, as a command leaves it."""

    async def made() -> str:
        async with bench_in(folder) as bench:
            source = folder / "fetched"
            source.write_bytes(content)
            files = bench.of(await bench.begin(id=name))
            return (await files.document(name, source)).uri

    return Path(asyncio.run(made()).removeprefix("file://"))


def test_statements_and_usage_records_are_verified_by_their_names(place: Path, azplan: Azplan) -> None:
    """Also where no dataset was exported. A dataset that is named is verified alone."""
    statement = fetch(place, "statements/G016907411/{sha}.pdf", b"%PDF-1.7")
    records = fetch(
        place, "usage-records/customers/20261128T060000Z-{sha}.jsonl.gz", gzip.compress(b'{"total":"1.50"}')
    )
    (statement.parent / "my notes.txt").write_bytes(b"nothing of azplan's")
    ended = azplan("files", "verify", "--json")
    assert ended.code == 0
    folders = ["partner=contoso/statements/G016907411", "partner=contoso/usage-records/customers"]
    assert [(each["dataset"], each["version"], each["ok"], each["files"]) for each in ended.json] == [
        (folder, None, True, 1) for folder in folders
    ]
    turn(statement)
    cut(records)
    ended = azplan("files", "verify", "--json")
    assert ended.code == 1
    assert [each["problems"] for each in ended.json] == [
        [{"path": file.name, "problem": "differs"}] for file in (statement, records)
    ]
    publish(place, number=7)
    assert f"{folders[0]}: {statement.name} differs" in azplan("files", "verify").err
    assert [each["dataset"] for each in azplan("files", "verify", PATH, "--json").json] == [PATH]
    assert azplan("files", "verify", "--partner", "us").code == 3


def test_older_versions_are_verified_with_all(place: Path, azplan: Azplan) -> None:
    """Otherwise the newest alone."""
    versions_of_month(place, 3)
    assert len(azplan("files", "verify", "--json").json) == 1
    assert len(azplan("files", "verify", "--all", "--json").json) == 3


def test_pruning_removes_old_versions_of_an_unbilled_month_and_says_who_and_why(
    place: Path, azplan: Azplan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan comes first, the newest stays, and the journal remembers the person."""
    versions = versions_of_month(place, 4)
    monkeypatch.setenv("AZPLAN_FILES__KEEP_UNBILLED", "2")
    asked = azplan("files", "prune")
    assert asked.code == 2
    assert versions[0] in asked.err
    assert len(azplan("files", "--json").json[0]["versions"]) == 4
    ended = azplan("files", "prune", "--yes", "--who", "ada", "--why", "the disk is full", "--json")
    assert ended.code == 0
    assert ended.json[0]["versions"] == versions[:2]
    assert azplan("files", "--json").json[0]["versions"] == versions[:1:-1]
    assert azplan("files", "prune", "--yes").code == 3
    assert acts(place) == [("ada", "the disk is full", "files prune")]


def acts(place: Path) -> list[tuple[str, str, str]]:
    """What people did, as the journal remembers it."""

    async def read() -> list[tuple[str, str, str]]:
        async with bench_in(place) as bench:
            return [(row["who"], row["why"], row["verb"]) for row in await bench.rows("SELECT who, why, verb FROM act")]

    return asyncio.run(read())


def test_pruning_keeps_every_version_of_an_invoice_and_what_is_under_way(place: Path, azplan: Azplan) -> None:
    """A command that is open has the dataset: what it has staged stays, though no version has it yet."""
    publish(place, contents=LINES)
    staged = place / "files" / DATASET.folder / ".tmp-other" / "source" / "part"
    staged.parent.mkdir(parents=True)
    staged.write_bytes(b"under way")
    assert azplan("files", "prune", "--yes").code == 3
    assert staged.exists()
    asyncio.run(conclude(place))
    assert azplan("files", "prune", "--yes").code == 0
    assert not staged.exists()
    assert len(azplan("files", "--json").json[0]["versions"]) == 1


async def conclude(place: Path) -> None:
    """All commands have their answer."""
    async with bench_in(place) as bench:
        ended = "UPDATE command SET state = 'succeeded', due_at = NULL, concluded_at = 1"
        await bench.journal.transactions.write(lambda tx: tx.run(ended))


def test_a_manifest_that_cannot_be_read_is_no_traceback(place: Path, azplan: Azplan) -> None:
    """A sentence and exit code 78: a person has to look."""
    published = publish(place)
    (place / "files" / DATASET.version_folder(published["version"]) / MANIFEST).write_bytes(b"{}")
    ended = azplan("files", "show", PATH)
    assert ended.code == 78
    assert MANIFEST in ended.err


def test_a_bucket_without_the_extra_is_exit_code_78(
    place: Path, azplan: Azplan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence says what to install."""
    monkeypatch.setenv("AZPLAN_FILES__URL", "s3://bucket/p")
    monkeypatch.setattr("worker.files.opening.OBJECT_STORE", "worker.files.no_such_module")
    ended = azplan("files")
    assert ended.code == 78
    assert "azplan[finance]" in ended.err


def test_files_that_do_not_come_in_time_are_exit_code_5(
    place: Path, azplan: Azplan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network disk that hangs does not hold a person for ever."""
    publish(place)

    async def never(*_: Any) -> bytes:
        await asyncio.sleep(60)
        return b""

    monkeypatch.setattr("worker.files.folder.FolderStore.read", never)
    for words in (("files",), ("files", "show", PATH), ("files", "verify")):
        ended = azplan(*words, "--wait", "0.2")
        assert ended.code == 5
        assert "--wait" in ended.err
