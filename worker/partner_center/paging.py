"""Reads a collection to its end by the links of its pages, never by a count."""

from collections.abc import AsyncIterator, Mapping
from typing import TypeVar

from worker.partner_center.answers.resource import Collection
from worker.partner_center.errors import Unanswered
from worker.partner_center.operation import Operation
from worker.partner_center.port import PartnerCenter, Query

T = TypeVar("T")

PAGES = 1_000
"""No collection that the worker reads has more pages than this. A longer one counts as endless."""


async def pages(
    center: PartnerCenter, operation: Operation[Collection[T]], path: Mapping[str, str], *, query: Query | None = None
) -> AsyncIterator[Collection[T]]:
    """Yield the pages of a collection, from the first to the page without a next link.

    Raises the errors of `PartnerCenter.call`, and `Unanswered` if the links form a circle or do not end.
    """
    page = await center.call(operation, path, query=query)
    followed = set()
    for _ in range(PAGES):
        yield page
        if page.next is None:
            return
        link = page.next.model_dump_json()
        if link in followed:
            raise Unanswered(operation.name, "the next links of this collection form a circle")
        followed.add(link)
        page = await center.follow(operation, page.next)
    raise Unanswered(operation.name, f"this collection has not ended after {PAGES} pages")


async def collect(
    center: PartnerCenter, operation: Operation[Collection[T]], path: Mapping[str, str], *, query: Query | None = None
) -> list[T]:
    """All items of all pages. Raises the errors of `pages`."""
    return [item async for page in pages(center, operation, path, query=query) for item in page.items]
