"""The pages of a list of customers: at most 500 customers, and never more than an event may hold."""

import pytest

from events.messages.base import Origin
from events.messages.customers import CustomersListed, ListedCustomer
from events.report_pages import in_pages
from events.wire.codec import encode
from events.wire.dead_letter import record_size
from events.wire.identity import event_id
from tests.support.virtual_time import START

ORIGIN = Origin("c-1", "/crm", "azplan.ReportCustomers.v1", "3c0e5f4a-9d2b-4a6e-8f1c-5b7d2e9a0c11", "contoso")
DEFAULT_LIMIT = 1_000_000
"""AZPLAN_KAFKA__MAX_REQUEST_BYTES."""


def customers(number: int, name: str = "Fabrikam") -> list[ListedCustomer]:
    """So many customers of this name."""
    return [
        ListedCustomer(customer_id=str(each), name=name, domain=name, relationship="reseller") for each in range(number)
    ]


@pytest.mark.parametrize(
    ("number", "sizes"), [(0, []), (1, [1]), (500, [500]), (501, [500, 1]), (1_500, [500, 500, 500])]
)
def test_a_page_is_full_before_the_next_begins(number: int, sizes: list[int]) -> None:
    """No page is empty, and every customer is on one page, in order."""
    given = customers(number)
    pages = list(in_pages(given))
    assert [len(page) for page in pages] == sizes
    assert [each for page in pages for each in page] == given


@pytest.mark.parametrize("letter", ["x", "é", "漢", "🏢", '"'])
def test_a_page_fits_an_event_whatever_the_names_are(letter: str) -> None:
    """Names of the greatest length make smaller pages: no customer is cut off an event of the default size."""
    given = customers(2_000, letter * 256)
    pages = list(in_pages(given))
    assert [each for page in pages for each in page] == given
    for number, page in enumerate(pages, start=1):
        event = CustomersListed.of(ORIGIN, page=number, pages=len(pages), customers=page)
        id_ = event_id(ORIGIN.command_source, ORIGIN.command_id, 0, CustomersListed.nth_place(number))
        whole = encode(event, id=id_, time=START, correlation_id="c", causation_id="c-1")
        assert record_size(whole) < DEFAULT_LIMIT
