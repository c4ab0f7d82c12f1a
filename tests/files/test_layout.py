"""The paths of datasets and versions: Hive names, and no id that leads elsewhere."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.files.layout import (
    Dataset,
    Unbilled,
    UnsafeName,
    content_sha256,
    is_version,
    part_path,
    safe_path,
    version_name,
)

HOSTILE = [
    "../etc",
    "..",
    ".",
    ".hidden",
    "a/b",
    "a\\b",
    "a b",
    "a%2fb",
    "a\x00b",
    "ä",
    "a\nb",
    "",
    "a" * 129,
    "C:",
    "~",
    "$x",
]


@pytest.mark.parametrize(
    ("dataset", "path"),
    [
        (
            Dataset("contoso", "lines=usage", invoice_id="G016907411"),
            "partner=contoso/lines=usage/billed/invoice=G016907411",
        ),
        (
            Dataset("contoso", "lines=usage", unbilled=Unbilled("2026-11", "EUR")),
            "partner=contoso/lines=usage/unbilled/currency=EUR/month=2026-11",
        ),
        (
            Dataset("contoso", "lines=reconciliation", invoice_id="D0", attributes="basic"),
            "partner=contoso/lines=reconciliation/billed/invoice=D0/attributes=basic",
        ),
        (Dataset("a.b", "focus=1.2", invoice_id="G1"), "partner=a.b/focus=1.2/billed/invoice=G1"),
    ],
)
def test_a_dataset_has_a_path_and_is_read_back_from_it(dataset: Dataset, path: str) -> None:
    """The path is what people type and what the journal keeps."""
    assert dataset.path == path
    assert Dataset.parse(path) == dataset
    assert dataset.folder == f"v1/{path}"


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_id_of_an_account_or_an_invoice_is_refused(name: str) -> None:
    """An id of Microsoft's, or the name of an account, never leads out of the folder."""
    with pytest.raises(UnsafeName):
        Dataset(name, "lines=usage", invoice_id="G1")
    with pytest.raises(UnsafeName):
        Dataset("contoso", "lines=usage", invoice_id=name)


@pytest.mark.parametrize("name", [each for each in HOSTILE if each != "a/b"])
def test_a_hostile_name_is_no_part_of_a_path(name: str) -> None:
    """A path of several parts is looked at part by part."""
    with pytest.raises(UnsafeName):
        safe_path(f"statements/{name}/x.pdf")


@pytest.mark.parametrize(
    "path",
    [
        "", "partner=contoso", "partner=contoso/lines=usage/billed/G1", "partner=contoso/lines=usage/billed/invoice=..",
        "partner=contoso/lines=usage/billed/invoice=G1/extra", "partner=contoso/usage/billed/invoice=G1",
        "other=contoso/lines=usage/billed/invoice=G1",
        "partner=contoso/lines=usage/unbilled/currency=EUR/month=2026-13",
        "partner=contoso/lines=usage/unbilled/month=2026-11/currency=EUR", "partner=a/../lines=x/billed/invoice=G1",
    ],
)  # fmt: skip
def test_another_path_is_no_dataset(path: str) -> None:
    """A person who types something else is told so."""
    with pytest.raises(UnsafeName):
        Dataset.parse(path)


@given(st.text(max_size=200))
def test_whatever_an_invoice_is_called_its_path_has_plain_names_or_is_refused(name: str) -> None:
    """Nothing but letters, digits and four signs, at the same depth."""
    try:
        path = Dataset("contoso", "lines=usage", invoice_id=name).path
    except UnsafeName:
        return
    parts = path.split("/")
    assert len(parts) == 4
    assert all(re.fullmatch(r"[A-Za-z0-9._=-]+", part) for part in parts)


@given(
    st.integers(0, 4_000_000_000),
    st.integers(-14, 14),
    st.binary(min_size=32, max_size=32),
)
def test_the_name_of_a_version_is_the_instant_in_utc_and_twelve_digits(second: int, hours: int, content: bytes) -> None:
    """The same instant in another zone gives the same name, and names sort by their instants."""
    aware = datetime.fromtimestamp(second, timezone(timedelta(hours=hours)))
    name = version_name(aware, content.hex())
    assert is_version(name)
    assert name == version_name(aware.astimezone(UTC), content.hex())
    assert name.endswith(content.hex()[:12])
    assert version_name(aware + timedelta(seconds=1), content.hex()) > name


@given(
    st.lists(
        st.tuples(st.integers(0, 99), st.text("0123456789abcdef", min_size=64, max_size=64), st.integers(0)),
        unique=True,
    )
)
def test_the_content_of_a_version_is_its_parts_in_their_order(parts: list[tuple[int, str, int]]) -> None:
    """Another order, another hash, another size or a missing part is another content."""
    known = content_sha256(parts)
    assert known == content_sha256(iter(parts))
    if parts:
        assert known != content_sha256(parts[1:])
        ordinal, sha256, size = parts[0]
        assert known != content_sha256([(ordinal, sha256, size + 1), *parts[1:]])
    if len(parts) > 1:
        assert known != content_sha256(reversed(parts))


def test_parts_are_named_by_their_blob() -> None:
    """The number has five digits, so that names sort."""
    assert part_path("source", 7) == "source/part-00007.jsonl.gz"
    assert part_path("parquet", 12345) == "parquet/part-12345.parquet"
