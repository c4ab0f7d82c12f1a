"""Reads the items of a collection one by one, as the bytes that were sent: any collection in little memory.

Reads other documents that have one long list too: the entries are decoded as they come.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from worker.partner_center.answers.exact_json import NotJson, loads
from worker.partner_center.answers.item_splitter import ITEMS, ItemSplitter
from worker.partner_center.answers.resource import CallReference, Collection, Link, member
from worker.partner_center.errors import Unanswered
from worker.partner_center.operation import Operation
from worker.partner_center.paging import PAGES
from worker.partner_center.port import AnswerStream, PartnerCenter, Query

ACCEPTED = 202
"""The status of an answer that may have no body."""
PAUSES = (0.2, 0.4)
"""Seconds after which a document that broke on the way is read again."""


class OpenPage:
    """One page of a collection, read from an open answer."""

    def __init__(self) -> None:
        self.rest: Mapping[str, object] = {}
        """What the page has beside its items: links, a token. Known when the items have ended."""

    async def items(self, answer: AnswerStream) -> AsyncGenerator[bytes]:
        """The items, each on one line, null left out. Raises the error that the answer means, if it is no page."""
        splitter = ItemSplitter()
        try:
            async for piece in answer:
                for item in splitter.feed(piece):
                    yield item
            splitter.end()
        except NotJson as error:
            raise answer.unreadable(f"its body is {error}") from None
        self.rest = splitter.rest
        if not splitter.found:
            fault = answer.fault_in(splitter.rest)
            if fault is not None:
                raise fault
            if self.rest.get(member(self.rest, ITEMS)) is not None:
                raise answer.unreadable("its items are no list")
            if {name.lower() for name in self.rest}.isdisjoint({"totalcount", "attributes"}):
                raise answer.unreadable("its body is no collection")

    def next_of(self, operation: Operation[Any]) -> Link | None:
        """The link to the next page. None at the end. Raises `Unanswered` for a link that cannot be read."""
        try:
            return Collection[Any].model_validate({**self.rest, member(self.rest, ITEMS): []}).next
        except ValidationError:
            raise Unanswered(operation.name, "the link to the next page cannot be read") from None


async def items(
    center: PartnerCenter, operation: Operation[Any], path: Mapping[str, str], *, query: Query | None = None
) -> AsyncGenerator[bytes]:
    """Yield every item of a collection as the bytes that were sent, on one line. Null entries are left out.

    Follows the links of the pages. A caller that stops early closes the iterator (`contextlib.aclosing`): the
    connection is closed at once. Raises the errors of `PartnerCenter.stream`, and `Unanswered` if a page is cut or no
    collection, or if the links form a circle or do not end.
    """
    followed: set[str] = set()
    opened: AbstractAsyncContextManager[AnswerStream] = center.stream(operation, path, query=query)
    for _ in range(PAGES):
        page = OpenPage()
        async with opened as answer, aclosing(page.items(answer)) as raw:
            async for item in raw:
                yield item
        link = page.next_of(operation)
        if link is None:
            return
        named = link.model_dump_json()
        if named in followed:
            raise Unanswered(operation.name, "the next links of this collection form a circle")
        followed.add(named)
        opened = center.stream_link(operation, link, path)
    raise Unanswered(operation.name, f"this collection has not ended after {PAGES} pages")


@dataclass(frozen=True, slots=True)
class Told:
    """A document that has one long list, as it was sent."""

    document: dict[str, object] | None
    """None if the request was accepted, and the answer has no body."""
    source_call: CallReference
    """The call whose answer it is, with the seconds of the answer's `Retry-After`."""


async def document(
    center: PartnerCenter, operation: Operation[Any], link: Link, long: str, *, inside: str | None = None
) -> Told:
    """Read the object that `link` names. Its member `long` may be a list of any length, whose entries are read as they
    come; null entries are left out.

    `inside`: the member whose object may have the list in place of the whole. Both names are in lower case. A body that
    breaks is asked for again, as `PartnerCenter.follow` does. Raises the errors of `follow`, and `Unanswered` where the
    body is no JSON object or a member beside the list is larger than a megabyte.
    """
    for pause in PAUSES:
        try:
            return await _document(center, operation, link, long, inside)
        except Unanswered as error:
            if not error.retry_now:
                raise
            await asyncio.sleep(pause)
    return await _document(center, operation, link, long, inside)


async def _document(
    center: PartnerCenter, operation: Operation[Any], link: Link, long: str, inside: str | None
) -> Told:
    splitter, entries, begun = ItemSplitter(long, inside), list[object](), False
    async with center.stream_link(operation, link, {}) as answer:
        try:
            async for piece in answer:
                begun = begun or bool(piece.strip())
                entries.extend(map(loads, splitter.feed(piece)))
            if not begun:
                if answer.status != ACCEPTED:
                    raise answer.unreadable("its body is missing")
                return Told(None, answer.source_call)
            splitter.end()
        except NotJson as error:
            raise answer.unreadable(f"its body is {error}") from None
        if splitter.found:
            splitter.around[long] = entries
        fault = answer.fault_in(splitter.rest)
        if fault is not None:
            raise fault
        return Told(splitter.rest, answer.source_call)
