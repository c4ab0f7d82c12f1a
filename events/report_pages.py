"""A long list of an answer, divided into the pages of a report, each of which is an event. Pure."""

from collections.abc import Iterable, Iterator
from typing import ClassVar, TypeVar

from events.messages.base import MOST_ITEMS, Event, Message
from events.messages.fields import Count

ItemT = TypeVar("ItemT", bound=Message)

PAGE_BYTES = 400_000
"""The most bytes of the items of a page: well below the largest event of the default settings, so that no item is cut
off a page."""


class ReportPage(Event):
    """One page of a report. All pages are of one reading, and come before the answer."""

    numbered: ClassVar[bool] = True

    page: Count
    """Number of this page, from 1."""
    pages: Count
    """Number of pages of the report."""


def in_pages(items: Iterable[ItemT]) -> Iterator[list[ItemT]]:
    """The items in pages of at most 500, and of at most `PAGE_BYTES` as JSON. No page is empty."""
    page: list[ItemT] = []
    left = PAGE_BYTES
    for item in items:
        size = len(item.model_dump_json().encode()) + 1
        if page and (len(page) == MOST_ITEMS or size > left):
            yield page
            page, left = [], PAGE_BYTES
        page.append(item)
        left -= size
    if page:
        yield page
