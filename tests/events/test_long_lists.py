"""Lists of an event hold at most 500 items, at every level, and `truncated` says which members were cut."""

from typing import Any

from events.messages.base import MOST_ITEMS, Origin
from events.messages.invoice_lines import ExportedDataset, InvoiceLinesExported

ORIGIN = Origin("c-1", "/erp", "azplan.ExportInvoiceLines.v1", "5e11e500-0000-4000-8000-000000000001", "contoso")


def dataset(*, files: int = 1, totals: int = 1, notices: int = 0) -> dict[str, Any]:
    """A dataset with lists of these lengths."""
    file = {"uri": "file:///a", "format": "source", "rows": 1, "bytes": 1, "sha256": "a"}
    total = {"currency": "EUR", "chargeType": "new", "rows": 1, "beforeTax": "1"}
    return {
        "lines": "usage",
        "way": "graph",
        "version": "v",
        "alreadyExported": False,
        "source": {"createdAt": "2026-11-08T08:19:59Z", "contentSha256": "a", "blobs": files, "bytes": 1},
        "rows": 1,
        "manifestUri": "file:///m",
        "manifestSha256": "a",
        "files": [file] * files,
        "totals": [total] * totals,
        "notices": [f"new_attribute:{number}" for number in range(notices)],
    }


def exported(*datasets: object) -> InvoiceLinesExported:
    """The event about these datasets."""
    return InvoiceLinesExported.of(ORIGIN, invoice_id="G1", unbilled=None, datasets=datasets)


def lengths(event: InvoiceLinesExported) -> list[tuple[int, int, int]]:
    """How long the lists of each dataset are."""
    return [(len(each.files), len(each.totals), len(each.notices)) for each in event.datasets]


def test_a_list_inside_a_list_is_cut_and_the_member_of_the_event_is_named() -> None:
    """Files, sums and notices of a dataset; from JSON or from objects."""
    long = dataset(files=501, totals=502, notices=503)
    for given in (long, ExportedDataset.model_validate(long)):
        told = exported(dataset(), given)

        assert lengths(told) == [(1, 1, 0), (MOST_ITEMS, MOST_ITEMS, MOST_ITEMS)]
        assert told.wire_data()["truncated"] == ["datasets"]


def test_lists_that_fit_are_whole() -> None:
    """500 items are not too many, and nothing is said then."""
    told = exported(ExportedDataset.model_validate(dataset(files=500, totals=500, notices=500)))

    assert lengths(told) == [(500, 500, 500)]
    assert "truncated" not in told.wire_data()
