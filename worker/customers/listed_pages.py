"""A list of customers, divided into the pages of a report. Pure."""

from collections.abc import Iterable, Iterator

from events.messages.base import MOST_ITEMS
from events.messages.customers import ListedCustomer

PAGE_BYTES = 400_000
"""The most bytes of the customers of a page: well below the largest event of the default settings, so that no customer
is cut off a page."""


def in_pages(customers: Iterable[ListedCustomer]) -> Iterator[list[ListedCustomer]]:
    """The customers in pages of at most 500, and of at most `PAGE_BYTES` as JSON. No page is empty."""
    page: list[ListedCustomer] = []
    left = PAGE_BYTES
    for customer in customers:
        size = len(customer.model_dump_json().encode()) + 1
        if page and (len(page) == MOST_ITEMS or size > left):
            yield page
            page, left = [], PAGE_BYTES
        page.append(customer)
        left -= size
    if page:
        yield page
