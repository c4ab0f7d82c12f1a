"""The lines of an invoice as pages of Partner Center, item by item, as the bytes that were sent.

Lines of new commerce are read by tokens: each page tells the token of the next one, in its body or in a link, and the
same question is asked again with the token in a header. Lines of legacy commerce are read by the links of the pages.
Microsoft's own links to pages of tokens are malformed in places, so they are followed only where no token is told.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

from worker.partner_center.answers.resource import Collection, Link, Resource, member
from worker.partner_center.errors import Gone, Throttled, Unanswered
from worker.partner_center.item_stream import OpenPage
from worker.partner_center.operation import Auth, EffectClass, Operation
from worker.partner_center.paging import LONGEST_HOLD, THROTTLED
from worker.partner_center.port import AnswerStream, PartnerCenter

SIZE = 2_000
"""Lines of a page: Microsoft's default, and the most that it gives."""
MOST_PAGES = 100_000
"""No invoice has more pages than this. A longer one counts as endless."""
READINGS = 3
"""How often a page is read whose answer breaks."""
FIRST_PAUSE = 1.0
"""Seconds before a broken page is read again. Doubles with each time."""
UNBILLED = "unbilled"
"""In place of an invoice: the lines of a month that has none yet."""
TOKEN = "MS-ContinuationToken"  # noqa: S105 - the name of a header
_GONE = 410
_BY_LINKS = frozenset({"office", "azure"})
"""The providers of legacy commerce."""


class Line(Resource):
    """A line. Its members are read from its bytes."""


LINES: Operation[Collection[Line]] = Operation(
    name="invoices.list_lines",
    method="GET",
    path="/invoices/{invoice_id}/lineitems",
    answer=Collection[Line],
    page=True,
    effect=EffectClass.READ,
    auth=Auth.EITHER,
    source="https://learn.microsoft.com/partner-center/developer/get-invoiceline-items",
    patient=True,
)


@dataclass(frozen=True, slots=True)
class LinesPath:
    """Which lines: of an invoice, or of a month without one (`currency` and `period` are needed then)."""

    provider: str
    line_type: Literal["billinglineitems", "usagelineitems"]
    invoice_id: str | None = None
    currency: str | None = None
    period: Literal["current", "previous"] | None = None

    @property
    def path(self) -> Mapping[str, str]:
        """The names of the operation's path."""
        return {"invoice_id": self.invoice_id or UNBILLED}

    def query(self, size: int) -> Mapping[str, str]:
        """The question, which is asked again for every page."""
        given = {
            "provider": self.provider,
            "invoicelineitemtype": self.line_type,
            "currencycode": self.currency,
            "period": self.period,
            "size": str(size),
        }
        return {name: value for name, value in given.items() if value is not None}

    @property
    def by_links(self) -> bool:
        """Whether the pages are those of legacy commerce."""
        return self.invoice_id is not None and self.provider.lower() in _BY_LINKS


async def items(center: PartnerCenter, lines: LinesPath, *, size: int = SIZE) -> AsyncGenerator[bytes]:
    """Yield every line as the bytes that were sent, on one line, with the digits of every number.

    A page whose answer breaks is read again, and goes on behind the lines that were yielded. A caller that stops early
    closes the iterator. Raises the errors of `PartnerCenter.stream`, and `Unanswered` where pages form a circle, do not
    end, or differ between two readings.
    """
    page, seen = _Page(), set[str]()
    for _ in range(MOST_PAGES):
        async with aclosing(_whole(center, lines, size, page)) as found:
            async for item in found:
                yield item
        page = _following(lines, page)
        if page.place is None:
            return
        if page.place in seen:
            raise Unanswered(LINES.name, "the pages of these lines form a circle")
        seen.add(page.place)
    raise Unanswered(LINES.name, f"these lines have not ended after {MOST_PAGES} pages")


@dataclass(slots=True)
class _Page:
    """One page: where it is, and what has been read of it."""

    token: str | None = None
    link: Link | None = None
    read: OpenPage = field(default_factory=OpenPage)

    @property
    def place(self) -> str | None:
        """Tells pages apart. None of the first page, and of the page behind the last one."""
        return self.token or (self.link.model_dump_json() if self.link else None)


async def _whole(center: PartnerCenter, lines: LinesPath, size: int, page: _Page) -> AsyncGenerator[bytes]:
    """All items of a page, also if its answer breaks on the way."""
    yielded, pause = _Prefix(), FIRST_PAUSE
    for reading in range(READINGS):
        begun, again = False, _Prefix()
        try:
            async with AsyncExitStack() as opened:
                answer = await _open(opened, center, lines, size, page)
                begun = True
                async for item in await opened.enter_async_context(aclosing(page.read.items(answer))):
                    again.add(item)
                    if again.count > yielded.count:
                        yielded.add(item)
                        yield item
                    elif again.count == yielded.count and not again.equals(yielded):
                        raise _Differs
            if again.count < yielded.count:
                raise _Differs
        except _Differs:
            raise Unanswered(LINES.name, "a page of lines has changed while it was read") from None
        except Unanswered:
            if not begun or reading + 1 == READINGS:
                raise
            await asyncio.sleep(pause)
            pause *= 2
        else:
            return


class _Differs(Exception):
    """Two readings of one page differ."""


class _Prefix:
    """The items of a page from the first to one of them, as a number and a digest."""

    def __init__(self) -> None:
        self.count = 0
        self.digest = sha256()

    def add(self, item: bytes) -> None:
        """One more item."""
        self.count += 1
        self.digest.update(item + b"\n")

    def equals(self, other: "_Prefix") -> bool:
        """Whether both have the same items."""
        return self.digest.digest() == other.digest.digest()


async def _open(
    opened: AsyncExitStack, center: PartnerCenter, lines: LinesPath, size: int, page: _Page
) -> AnswerStream:
    """Open a page. Behind the first one, wait where the request is throttled: a run would begin at the first again."""
    for _ in range(THROTTLED if page.place else 0):
        try:
            return await opened.enter_async_context(_stream(center, lines, size, page))
        except Throttled as slow:
            if slow.delay > LONGEST_HOLD:
                raise
            await asyncio.sleep(slow.delay)
    try:
        return await opened.enter_async_context(_stream(center, lines, size, page))
    except Unanswered as error:
        if error.status == _GONE:  # Microsoft has ended pages of lines, and does not say what they answer since
            raise Gone(LINES.name, error.description, status=_GONE, request_id=error.request_id) from None
        raise


def _stream(
    center: PartnerCenter, lines: LinesPath, size: int, page: _Page
) -> AbstractAsyncContextManager[AnswerStream]:
    if page.token is not None:
        query = {**lines.query(size), "seekOperation": "Next"}
        return center.stream(LINES, lines.path, query=query, headers={TOKEN: page.token})
    if page.link is not None:
        return center.stream_link(LINES, page.link, lines.path)
    return center.stream(LINES, lines.path, query=lines.query(size))


def _following(lines: LinesPath, page: _Page) -> _Page:
    """The page behind this one; a page without a place behind the last one."""
    link = page.read.next_of(LINES)
    if lines.by_links:
        return _Page(link=link)
    said = page.read.rest.get(member(page.read.rest, "continuationToken"))
    named = (header.value for header in link.headers if (header.key or "").lower() == TOKEN.lower()) if link else ()
    token = said if isinstance(said, str) and said.strip() else next(filter(None, named), None)
    if token is not None and not (token.isascii() and token.isprintable()):
        raise Unanswered(LINES.name, "the token of the next page cannot be sent")
    return _Page(token=token, link=None if token else link)
