"""Answers that are read piece by piece: what arrives, what breaks, and what is reported."""

import asyncio
import gzip
import zlib
from contextlib import aclosing
from typing import Any

import pytest

from tests.partner_center.conftest import MakeAccount, Recorder
from tests.partner_center.wire import Line, Move, Wire, answers, hangs_up, raw, resets, says_nothing
from worker.partner_center.answers.resource import Collection, Link, Resource, Text
from worker.partner_center.client.account import Account
from worker.partner_center.errors import GateClosed, NotPermitted, Refused, Throttled, Unanswered
from worker.partner_center.item_stream import items
from worker.partner_center.operation import Auth, EffectClass, Operation
from worker.partner_center.port import PartnerCenter


class Thing(Resource):
    """An item of a collection."""

    id: Text = None


THINGS: Operation[Collection[Thing]] = Operation(
    name="test.things",
    method="GET",
    path="/things",
    answer=Collection[Thing],
    page=True,
    effect=EffectClass.READ,
    auth=Auth.APP,
    source="https://learn.microsoft.com/x",
)
BODY = b'{"items":[{"id":"1"}]}'


def begins(length: int, body: bytes, end: Move, **headers: str) -> Move:
    """The head of an answer with this length, these bytes of its body, and then something else."""
    named = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())

    async def move(line: Line) -> None:
        await line.send(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n{named}\r\n".encode() + body)
        await asyncio.sleep(0.02)
        await end(line)

    return move


async def read(center: PartnerCenter, operation: Operation[Any] = THINGS) -> bytes:
    """The whole body."""
    async with center.stream(operation, {}) as answer:
        return b"".join([piece async for piece in answer])


async def test_the_bytes_of_an_answer_arrive_as_they_were_sent(
    center: PartnerCenter, partner_center: Wire, run: Recorder
) -> None:
    """The call has one row in the timeline, with the status, when the answer has ended."""
    body = bytes(range(256)) * 5_000
    partner_center.will(answers(200, body, X_Thing="yes"))
    async with center.stream(THINGS, {}, query={"size": "2"}, headers={"X-Own": "1"}) as answer:
        assert (answer.status, answer.headers["x-thing"]) == (200, "yes")
        assert run.calls == []
        assert b"".join([piece async for piece in answer]) == body
    (call,) = run.calls
    assert (call.operation, call.status, call.answered) == ("test.things", 200, True)
    seen = partner_center.seen[0]
    assert (seen.target, seen.headers["x-own"], seen.headers["ms-requestid"]) == (
        "/v1/things?size=2",
        "1",
        call.request_id,
    )
    assert run.gated == [("test.things", None)]


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [
        (gzip.compress(BODY), "gzip"),
        (zlib.compress(BODY), "deflate"),
        (BODY, "identity"),
        (gzip.compress(BODY[:9]) + gzip.compress(BODY[9:]), "gzip"),
        (b"", "gzip"),
    ],
    ids=["gzip", "deflate", "identity", "two gzip members", "gzip without a byte"],
)
async def test_a_compressed_answer_is_unpacked(
    center: PartnerCenter, partner_center: Wire, packed: bytes, encoding: str
) -> None:
    """So is one of several streams, and one that is empty."""
    partner_center.will(answers(200, packed, Content_Encoding=encoding))
    assert await read(center) == (BODY if packed else b"")
    assert partner_center.seen[0].headers["accept-encoding"] == "gzip"


async def test_an_answer_that_unpacks_to_very_much_is_handed_over_in_pieces(
    center: PartnerCenter, partner_center: Wire
) -> None:
    """A small body can stand for a thousand times as many bytes: they are never held at once."""
    partner_center.will(answers(200, gzip.compress(bytes(20_000_000)), Content_Encoding="gzip"))
    async with center.stream(THINGS, {}) as answer:
        sizes = [len(piece) async for piece in answer]
    assert sum(sizes) == 20_000_000
    assert max(sizes) <= 256 * 1024


GZIPPED = gzip.compress(BODY * 1000)


@pytest.mark.parametrize(
    "move",
    [
        begins(100, BODY, resets),
        begins(100, BODY, hangs_up),
        raw(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n{"item\r\n'),
        raw(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n{"item\r\n'),
        begins(100, BODY, says_nothing),
        answers(200, GZIPPED[:-9], Content_Encoding="gzip"),
        answers(200, GZIPPED[:-8] + b"12345678", Content_Encoding="gzip"),
        answers(200, BODY, Content_Encoding="gzip"),
        answers(200, BODY, Content_Encoding="br"),
    ],
    ids=["reset", "short", "chunked short", "chunked broken", "late", "gzip short", "gzip wrong", "no gzip", "unasked"],
)
async def test_a_body_that_breaks_is_unanswered(
    make_account: MakeAccount, partner_center: Wire, run: Recorder, move: Move
) -> None:
    """Whatever the cause is: no reader takes a part for the whole. The call is no answer in the timeline."""
    partner_center.will(move)
    with pytest.raises(Unanswered) as error:
        await read(make_account(call_timeout=0.3).center(run))
    (call,) = run.calls
    assert call.status in {"lost", "timeout", "unreadable"}
    assert not call.answered
    assert (error.value.request_id, error.value.in_doubt) == (call.request_id, True)
    assert len(partner_center.seen) == 1, "a broken body is not asked for again"


async def test_a_slow_answer_is_no_late_one(make_account: MakeAccount, partner_center: Wire, run: Recorder) -> None:
    """The time-out is for each silence: as long as bytes come, the answer may take any time."""

    async def drips(line: Line) -> None:
        await line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n")
        for _ in range(12):
            await asyncio.sleep(0.05)
            await line.send(b"x")

    partner_center.will(drips)
    assert await read(make_account(call_timeout=0.3).center(run)) == b"x" * 12


async def test_a_patient_read_waits_longer_for_the_head(
    make_account: MakeAccount, partner_center: Wire, run: Recorder
) -> None:
    """Microsoft's own client waits three minutes for usage and lines: 4.5 times as long as azplan for the rest."""
    whole = answers(200, BODY)

    async def late(line: Line) -> None:
        await asyncio.sleep(0.5)
        await whole(line)

    slow = Operation(**{name: getattr(THINGS, name) for name in THINGS.__slots__} | {"patient": True})
    center = make_account(call_timeout=0.3).center(run)
    partner_center.will(late, late, late)
    assert await read(center, slow) == BODY
    assert [each.id for each in (await center.call(slow, {})).items] == ["1"]
    with pytest.raises(Unanswered):
        await read(center)


@pytest.mark.parametrize(
    ("move", "error"),
    [
        (answers(404, {"code": "20003", "description": "no"}), Refused),
        (answers(403, {"code": "900329", "description": "no"}), NotPermitted),
        (answers(429, {"statusCode": 429, "message": "slow"}, Retry_After="30"), Throttled),
        (answers(500, b"<html>"), Unanswered),
        (answers(302, b"", Location="https://elsewhere.example"), Unanswered),
        (answers(202, b""), Unanswered),
        (answers(404, b"x" * 2_000_000), Unanswered),
    ],
)
async def test_an_answer_that_is_no_success_is_the_error_of_a_call(
    center: PartnerCenter, partner_center: Wire, run: Recorder, move: Move, error: type[Exception]
) -> None:
    """It is reported at once, and its body is bounded."""
    partner_center.will(move)
    with pytest.raises(error) as raised:
        await read(center)
    assert type(raised.value) is error
    assert [call.status for call in run.calls] == [raised.value.status]


async def test_a_reader_that_leaves_closes_the_connection(
    account: Account, partner_center: Wire, run: Recorder
) -> None:
    """At once, also where it is cancelled: nothing more of the answer is taken from the network."""
    gone = asyncio.Event()

    async def endless(line: Line) -> None:
        await line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        try:
            while True:
                await line.send(bytes(100_000))
        finally:
            gone.set()

    partner_center.will(endless, endless)
    center = account.center(run)
    async with center.stream(THINGS, {}) as answer:
        async for _ in answer:
            break
    await asyncio.wait_for(gone.wait(), 5)
    gone.clear()
    begun = asyncio.Event()

    async def reads() -> None:
        async with center.stream(THINGS, {}) as answer:
            async for _ in answer:
                begun.set()

    reader = asyncio.create_task(reads())
    await asyncio.wait_for(begun.wait(), 5)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    await asyncio.wait_for(gone.wait(), 5)
    assert [call.status for call in run.calls] == [200, 200]
    assert account._state.service(THINGS).transport.free_connection._value == 100


async def test_a_stream_counts_for_ceiling_and_circuit(make_account: MakeAccount, partner_center: Wire) -> None:
    """Broken bodies open the circuit as other failures do, and a ceiling of two admits two requests a minute."""
    account, run = make_account(limit=2), Recorder()
    partner_center.will(*[answers(200, BODY)] * 2)
    center = account.center(run)
    assert [await read(center), await read(center)] == [BODY, BODY]
    assert list(account.ceilings()) == [("things", 2, 2)]
    other = make_account(call_timeout=0.2)
    partner_center.will(*[begins(100, BODY, hangs_up)] * 5)
    for _ in range(5):
        with pytest.raises(Unanswered):
            await read(other.center(Recorder()))
    assert other.complaints() == ("account contoso: Partner Center does not answer requests for things",)


async def test_a_closed_gate_holds_a_stream_back(account: Account, partner_center: Wire) -> None:
    """Nothing is sent and nothing is reported."""
    run = Recorder(gate_raises=GateClosed("test.things", "the lane is lost"))
    with pytest.raises(GateClosed):
        await read(account.center(run))
    assert (partner_center.seen, run.calls) == ([], [])


async def test_the_errors_of_a_reader_are_its_own(center: PartnerCenter, partner_center: Wire, run: Recorder) -> None:
    """What is raised inside the block passes through. The answer was a good one."""
    partner_center.will(answers(200, BODY))
    with pytest.raises(LookupError):
        async with center.stream(THINGS, {}):
            raise LookupError
    assert [(call.status, call.answered) for call in run.calls] == [(200, True)]


def page(*things: str, next_uri: str | None = None) -> bytes:
    """A page of the collection, as text whose form is to be kept."""
    link = (
        f',"links":{{"next":{{"uri":"{next_uri}","headers":[{{"key":"X-Token","value":"a+/="}}]}}}}' if next_uri else ""
    )
    return f'\ufeff{{"totalCount": 7, "Items": [ {", ".join(things)} ]{link}}}'.encode()


async def all_of(center: PartnerCenter) -> list[bytes]:
    """All items."""
    return [item async for item in items(center, THINGS, {})]


async def test_items_keep_every_byte(center: PartnerCenter, partner_center: Wire) -> None:
    """Numbers keep their digits, and escapes stay. Line breaks between the parts of an item go: it is one line."""
    first = '{"id":"1",\r\n "amount": 1.50, "of": 1E-7, "name": "\\u00e4 ä \\n"}'
    partner_center.will(
        answers(200, page(first, "null", "{}", next_uri="/v1/things?page=2")), answers(200, page("7", '"x"'))
    )
    found = await all_of(center)
    assert found == [first.replace("\r\n", "").encode(), b"{}", b"7", b'"x"']
    assert [seen.target for seen in partner_center.seen] == ["/v1/things", "/v1/things?page=2"]
    assert partner_center.seen[1].headers["x-token"] == "a+/="


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"items":[{"id":"1"}', Unanswered),
        (b'{"items":[{"id":"1"},]}', Unanswered),
        (b'{"items":[{"id":"1"}{}]}', Unanswered),
        (b'{"items":[{"id":"1"}]} more', Unanswered),
        (b'{"items":[{"id":NaN}]}', Unanswered),
        (b'{"items":[{"id":"\xff"}]}', Unanswered),
        (b'{"items":[{"id":"\xc3', Unanswered),
        (b"<html>", Unanswered),
        (b"", Unanswered),
        (b"[" * 100_000, Unanswered),
        (b'{"other": 1}', Unanswered),
        (b'{"items": 3}', Unanswered),
        (b'{"items": [' + b'"' + b"x" * 1_100_000, Unanswered),
        (b'{"code": 3000, "description": "Customer does not have usage data."}', Refused),
    ],
)
async def test_a_body_that_is_no_collection(
    center: PartnerCenter, partner_center: Wire, run: Recorder, body: bytes, error: type[Exception]
) -> None:
    """Cut, foreign or an error: the reader is told, and the timeline counts a foreign answer as none."""
    partner_center.will(answers(200, body))
    with pytest.raises(error) as raised:
        await all_of(center)
    assert type(raised.value) is error
    assert [call.answered for call in run.calls] == [error is Refused]


@pytest.mark.parametrize(
    "body", [b"[]", b'{"totalCount":0}', b'{"attributes":{}}', b'{"items":null,"totalCount":0}', b'{"items":[]}']
)
async def test_an_empty_collection(center: PartnerCenter, partner_center: Wire, body: bytes) -> None:
    """Its list may be absent."""
    partner_center.will(answers(200, body))
    assert await all_of(center) == []


async def test_links_in_a_circle_end(center: PartnerCenter, partner_center: Wire) -> None:
    """The same link twice is an error, and no endless reading."""
    partner_center.will(*[answers(200, page("1", next_uri="/things?page=2"))] * 3)
    with pytest.raises(Unanswered, match="circle"):
        await all_of(center)


async def test_who_stops_reading_items_closes_the_connection(center: PartnerCenter, partner_center: Wire) -> None:
    """The iterator is closed, and with it the answer."""
    partner_center.will(begins(1000, b'{"items":[1,2,3,', says_nothing))
    async with aclosing(items(center, THINGS, {})) as found:
        async for item in found:
            assert item == b"1"
            break


async def test_a_link_to_another_host_is_not_followed(center: PartnerCenter, partner_center: Wire) -> None:
    """The token must not go there."""
    with pytest.raises(Unanswered, match="another host"):
        async with center.stream_link(THINGS, Link(uri="https://elsewhere.example/x"), {}):
            pass
    assert partner_center.seen == []
