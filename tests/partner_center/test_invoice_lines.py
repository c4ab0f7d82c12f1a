"""Pages of invoice lines and documents: tokens, links, broken pages, and what is no document."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.partner_center.conftest import MakeAccount, Recorder
from tests.partner_center.wire import Line, Move, Wire, answers, raw
from worker.partner_center.client.account import Account
from worker.partner_center.errors import Gone, NotPermitted, Refused, Throttled, Unanswered
from worker.partner_center.port import PartnerCenter
from worker.partner_center.resources.spending import invoice_documents, invoice_lines
from worker.partner_center.resources.spending.invoice_lines import LinesPath

BILLED = LinesPath("onetime", "billinglineitems", invoice_id="G000000001")
LEGACY = LinesPath("azure", "usagelineitems", invoice_id="D000000001")
ASKED = "/v1/invoices/G000000001/lineitems?provider=onetime&invoicelineitemtype=billinglineitems&size=2"
TOKEN = "AQ,/+==_x"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken page is read again without a pause."""
    monkeypatch.setattr(invoice_lines, "FIRST_PAUSE", 0.0)


async def read(center: PartnerCenter, lines: LinesPath = BILLED) -> list[bytes]:
    """All lines, on pages of two."""
    return [item async for item in invoice_lines.items(center, lines, size=2)]


def page(*lines: int, token: str | None = None, **links: Any) -> dict[str, object]:
    """A page of lines."""
    told = {"continuationToken": token} if token else {}
    return {**told, "totalCount": len(lines), "items": [{"n": each} for each in lines], "links": links or None}


def named(*lines: int) -> list[bytes]:
    """The lines as they are sent."""
    return [json.dumps({"n": each}).encode() for each in lines]


@pytest.mark.parametrize(
    "first",
    [
        page(1, 2, token=TOKEN),
        page(
            1,
            2,
            next={
                "uri": "/x?a=1?seekOperation=Next",
                "headers": [None, {"key": "MS-ContinuationToken", "value": TOKEN}],
            },
        ),
        page(1, 2, next={"URI": "/x", "Headers": [{"Key": "ms-continuationtoken", "Value": TOKEN}]}),
        {**page(1, 2), "ContinuationToken": TOKEN},
        {
            **page(1, 2, next={"headers": [{"key": "MS-ContinuationToken", "value": TOKEN}], "uri": "/y"}),
            "continuationToken": " ",
        },
    ],
)
async def test_the_next_page_is_the_same_question_with_a_token(
    center: PartnerCenter, partner_center: Wire, first: object
) -> None:
    """The token comes from the body or from the link's header, and is sent as it came."""
    partner_center.will(answers(200, first), answers(200, page(3)))
    assert await read(center) == named(1, 2, 3)
    assert [seen.target for seen in partner_center.seen] == [ASKED, f"{ASKED}&seekOperation=Next"]
    assert "ms-continuationtoken" not in partner_center.seen[0].headers
    assert partner_center.seen[1].headers["ms-continuationtoken"] == TOKEN


async def test_an_empty_page_with_a_token_is_not_the_last(center: PartnerCenter, partner_center: Wire) -> None:
    """Only the token tells whether there are more."""
    partner_center.will(answers(200, page(token="a")), answers(200, page(1, token="b")), answers(200, page()))
    assert await read(center) == named(1)


@pytest.mark.parametrize(
    "link",
    [
        {"uri": "/invoices/D000000001/lineitems/azure/usagelineitems?size=2&offset=2", "headers": []},
        "/v1/invoices/D000000001/lineitems/azure/usagelineitems?size=2&offset=2",
    ],
)
async def test_lines_of_legacy_commerce_are_read_by_links(
    center: PartnerCenter, partner_center: Wire, link: object
) -> None:
    """A link is an object or only its address."""
    partner_center.will(answers(200, page(1, 2, next=link, token="ignored")), answers(200, page(3, next=None)))
    assert await read(center, LEGACY) == named(1, 2, 3)
    assert partner_center.seen[1].target == "/v1/invoices/D000000001/lineitems/azure/usagelineitems?size=2&offset=2"


@pytest.mark.parametrize(
    ("lines", "second"),
    [(BILLED, page(3, token="a")), (LEGACY, page(3, next={"uri": "/x?offset=2"}))],
)
async def test_pages_in_a_circle_end(
    center: PartnerCenter, partner_center: Wire, lines: LinesPath, second: dict[str, object]
) -> None:
    """The same token, or the same link, twice is an error and no endless reading."""
    partner_center.will(*[answers(200, second)] * 4)
    with pytest.raises(Unanswered, match="circle"):
        await read(center, lines)
    assert len(partner_center.seen) == 2


def breaks(*lines: int) -> Move:
    """A page that breaks behind these lines."""
    body = json.dumps(page(*lines)).encode().partition(b"]")[0] + b', {"n": '
    return raw(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n" + body)


async def test_a_page_that_breaks_goes_on_behind_what_was_read(
    center: PartnerCenter, partner_center: Wire, run: Recorder
) -> None:
    """Each line comes once, and the same page is asked for with the same token."""
    partner_center.will(
        answers(200, page(1, 2, token="a")),
        breaks(3),
        breaks(),
        answers(200, page(3, 4, token="b")),
        answers(200, page(5)),
    )
    assert await read(center) == named(1, 2, 3, 4, 5)
    tokens = [seen.headers.get("ms-continuationtoken") for seen in partner_center.seen]
    assert tokens == [None, "a", "a", "a", "b"]
    assert [call.answered for call in run.calls] == [True, False, False, True, True]


async def test_a_page_that_always_breaks_is_unanswered(center: PartnerCenter, partner_center: Wire) -> None:
    """It is read three times."""
    partner_center.will(*[breaks(1)] * 4)
    with pytest.raises(Unanswered):
        await read(center)
    assert len(partner_center.seen) == 3


@pytest.mark.parametrize("again", [page(9, 2), page()])
async def test_a_page_that_has_changed_is_not_believed(
    center: PartnerCenter, partner_center: Wire, again: dict[str, object]
) -> None:
    """Nobody knows which lines the two readings have in common."""
    partner_center.will(breaks(1), answers(200, again))
    with pytest.raises(Unanswered, match="has changed"):
        await read(center)


@pytest.mark.parametrize(
    "body",
    [
        {"items": [], "links": {"next": 7}},
        {"items": [], "links": {"next": {"uri": "/x", "headers": "no"}}},
        {"items": [], "links": "none"},
        {"items": [], "continuationToken": "a\r\nX: 1"},
        b"<html>",
        b"",
    ],
)
async def test_a_foreign_page_is_no_harm(center: PartnerCenter, partner_center: Wire, body: object) -> None:
    """It is an error of the call."""
    partner_center.will(*[answers(200, body)] * 3)
    with pytest.raises(Unanswered):
        await read(center)


async def test_the_first_page_tells_a_long_wait_and_the_others_wait(
    make_account: MakeAccount, partner_center: Wire, run: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reading that has begun is not given up for a short wait: it would begin at the first page again."""
    slow = answers(429, {"statusCode": 429, "message": "slow"}, Retry_After="30")
    waits: list[float] = []

    async def rest(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(invoice_lines.asyncio, "sleep", rest)
    partner_center.will(slow)
    with pytest.raises(Throttled):
        await read(make_account().center(run))
    partner_center.will(answers(200, page(1, token="a")), *[answers(200, page(2))] * 2)
    center = make_account().center(run)
    assert await read(center) == named(1, 2)


async def test_a_refusal_is_a_refusal(center: PartnerCenter, partner_center: Wire) -> None:
    """Also in the body of a success."""
    no = {"code": "3000", "description": "no"}
    partner_center.will(answers(404, no), answers(200, no))
    for _ in range(2):
        with pytest.raises(Refused):
            await read(center)
    assert len(partner_center.seen) == 2


@pytest.mark.parametrize("body", [b"", b"<html>", {"code": "2000", "description": "ended"}])
async def test_pages_that_microsoft_has_ended_are_gone(
    center: PartnerCenter, partner_center: Wire, body: object
) -> None:
    """Nobody says what they answer. A 410 means it, also from a gateway; another foreign page proves nothing."""
    partner_center.will(answers(410, body))
    with pytest.raises(Gone):
        await read(center)
    partner_center.will(answers(404, b""))
    with pytest.raises(Unanswered):
        await read(center)


@pytest.fixture
def with_user(make_account: MakeAccount, tmp_path: Any) -> PartnerCenter:
    """An account with a user, bound to a run."""
    file = tmp_path / "refresh-token"
    file.write_text("the-refresh-token")
    return make_account(refresh_token_file=file).center(Recorder())


async def whole(pieces: AsyncIterator[bytes]) -> bytes:
    """All pieces."""
    return b"".join([piece async for piece in pieces])


PDF = b"%PDF-1.7\n" + bytes(range(256)) * 4_000


async def test_a_document_is_known_by_its_bytes(with_user: PartnerCenter, partner_center: Wire) -> None:
    """Whatever kind of content Microsoft calls it."""
    partner_center.will(answers(200, PDF), answers(200, b"\n\n" + PDF, Content_Type="application/pdf"))
    async with invoice_documents.statement(with_user, "G1") as pieces:
        assert await whole(pieces) == PDF
    async with invoice_documents.receipt(with_user, "G1", "R1") as pieces:
        assert await whole(pieces) == b"\n\n" + PDF
    assert {seen.headers["accept"] for seen in partner_center.seen} == {"application/pdf"}


async def test_a_document_may_come_byte_by_byte(with_user: PartnerCenter, partner_center: Wire) -> None:
    """Its beginning is looked for in what has come so far."""

    async def drips(line: Line) -> None:
        await line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
        for each in b"%PDF-1.7\n":
            await line.send(bytes([each]))

    partner_center.will(drips)
    async with invoice_documents.statement(with_user, "G1") as pieces:
        assert await whole(pieces) == b"%PDF-1.7\n"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"<html>" * 1000, Unanswered),
        (b"", Unanswered),
        (b"{}", Unanswered),
        (b'{"code": "2000", "description": "no"}', Refused),
    ],
)
async def test_what_is_no_document(
    with_user: PartnerCenter, partner_center: Wire, body: bytes, error: type[Exception]
) -> None:
    """A page, nothing, or an error in the body of a success."""
    partner_center.will(answers(200, body))
    async with invoice_documents.statement(with_user, "G1") as pieces:
        with pytest.raises(error):
            await whole(pieces)


async def test_documents_take_a_users_token(account: Account, partner_center: Wire) -> None:
    """Without one nothing is sent."""
    with pytest.raises(NotPermitted):
        async with invoice_documents.statement(account.center(Recorder()), "G1"):
            pass
    assert partner_center.seen == []
