"""A manifest: canonical bytes, read back, and no float."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.files.layout import Dataset, Unbilled
from worker.files.manifest import Blob, Manifest, PublishedFile, Source, UnreadableManifest, canonical

EXAMPLE = Manifest(
    dataset=Dataset("contoso", "lines=usage", invoice_id="G016907411"),
    version="20261108T101959Z-6b1f0c9d2a47",
    supersedes=None,
    published_at=datetime(2026, 11, 8, 10, 31, 7, tzinfo=UTC),
    worker="0.9.0",
    source=Source(
        "graph", "op", '"etag"', "2", "2026-11-08T10:19:59Z", "6b" * 32, (Blob(0, "p.json.gz", 9, 2, "ab" * 32),)
    ),
    files=(PublishedFile("source/part-00000.jsonl.gz", "source", 2, 9, "ab" * 32, 0),),
    rows=2,
    columns=({"name": "billingPreTaxTotal", "wire": "BillingPreTaxTotal", "type": "decimal(38,20)"},),
    totals=({"currency": "EUR", "chargeType": "new", "rows": 2, "beforeTax": "71204.1182031142"},),
    range={"usageFrom": "2026-10-01", "usageTo": "2026-10-31"},
    notices=("new_attribute:priceBenefits",),
    more={"comparison": {"status": "equal"}},
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def test_a_manifest_has_the_members_of_the_contract() -> None:
    """As the contract's page shows it."""
    found = json.loads(EXAMPLE.to_bytes())
    assert found["schema"] == "azplan.files.v1"
    assert found["dataset"] == {
        "partner": "contoso", "lines": "usage", "invoiceId": "G016907411", "unbilled": None, "attributes": "full",
    }  # fmt: skip
    assert found["publishedAt"] == "2026-11-08T10:31:07Z"
    assert found["source"]["blobs"] == [{"ordinal": 0, "name": "p.json.gz", "bytes": 9, "rows": 2, "sha256": "ab" * 32}]
    assert found["files"][0] == {
        "path": "source/part-00000.jsonl.gz", "format": "source", "rows": 2, "bytes": 9, "sha256": "ab" * 32, "blob": 0,
    }  # fmt: skip
    assert found["totals"][0]["beforeTax"] == "71204.1182031142"
    assert list(found) == sorted(found)


@pytest.mark.parametrize(
    "dataset",
    [EXAMPLE.dataset, Dataset("a", "focus=1.2", unbilled=Unbilled("2026-11", "EUR"), attributes="basic")],
)
def test_a_manifest_is_read_back_as_it_was(dataset: Dataset) -> None:
    """And written again it gives the same bytes."""
    manifest = replace(EXAMPLE, dataset=dataset)
    content = manifest.to_bytes()
    assert Manifest.from_bytes(content).to_bytes() == content


@given(st.dictionaries(st.text(), JSON_VALUES))
def test_canonical_json_depends_on_the_value_alone(value: dict[str, Any]) -> None:
    """Whatever the order of its members was, and it says the same value."""
    turned = dict(reversed(value.items()))
    assert canonical(value) == canonical(turned)
    assert json.loads(canonical(value)) == value


@pytest.mark.parametrize("amount", [1.5, float("nan"), Decimal("1.50")])
@pytest.mark.parametrize("place", ["totals", "more"])
def test_an_amount_that_is_no_text_is_refused(amount: object, place: str) -> None:
    """A float has lost digits, and nobody can tell which."""
    given = {"totals": [{"beforeTax": amount}]} if place == "totals" else {"more": {"focus": {"billed": [amount]}}}
    with pytest.raises(TypeError):
        replace(EXAMPLE, **given).to_bytes()


def test_members_of_a_newer_azplan_are_no_trouble() -> None:
    """The schema stays, and what is new is left out."""
    found = json.loads(EXAMPLE.to_bytes())
    found["files"][0]["colour"] = "red"
    found["source"]["blobs"][0]["colour"] = "red"
    assert Manifest.from_bytes(json.dumps(found).encode()).files == EXAMPLE.files


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b'{"schema": "azplan.files.v2"}',
        b'{"schema": "azplan.files.v1", "dataset": 3}',
        b"\xff",
    ],
)
def test_anything_else_is_no_manifest(content: bytes) -> None:
    """One error, and not a crash of the reader."""
    with pytest.raises(UnreadableManifest):
        Manifest.from_bytes(content)
