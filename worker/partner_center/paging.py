"""Reads a collection to its end by the links of its pages, never by a count."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import TypeVar

from worker.partner_center.answers.resource import Collection, Link
from worker.partner_center.errors import Throttled, Unanswered
from worker.partner_center.operation import Operation
from worker.partner_center.port import PartnerCenter, Query

T = TypeVar("T")

PAGES = 1_000
"""No collection that the worker reads has more pages than this. A longer one counts as endless."""


THROTTLED = 5
"""How often in a row a patient read is throttled at one page before it gives up."""
LONGEST_HOLD = 120.0
"""The longest seconds that a patient read waits for one request."""


async def pages(
    center: PartnerCenter,
    operation: Operation[Collection[T]],
    path: Mapping[str, str],
    *,
    query: Query | None = None,
    patient: bool = False,
) -> AsyncIterator[Collection[T]]:
    """Yield the pages of a collection, from the first to the page without a next link.

    `patient`: behind the first page, wait where a request is throttled. The collection may need more requests than the
    ceiling allows in a minute, and a run that ended instead would begin at the first page again.

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
        page = await _follow(center, operation, page.next, path, patient=patient)
    raise Unanswered(operation.name, f"this collection has not ended after {PAGES} pages")


async def _follow(
    center: PartnerCenter, operation: Operation[Collection[T]], link: Link, path: Mapping[str, str], *, patient: bool
) -> Collection[T]:
    for _ in range(THROTTLED if patient else 0):
        try:
            return await center.follow(operation, link, path)
        except Throttled as slow:
            if slow.delay > LONGEST_HOLD:
                raise
            await asyncio.sleep(slow.delay)
    return await center.follow(operation, link, path)


async def collect(
    center: PartnerCenter, operation: Operation[Collection[T]], path: Mapping[str, str], *, query: Query | None = None
) -> list[T]:
    """All items of all pages. Raises the errors of `pages`."""
    return [item async for page in pages(center, operation, path, query=query) for item in page.items]
