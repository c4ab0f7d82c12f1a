"""Records as the open world may send them: any bytes, examples with one byte changed, known killers of consumers."""

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from events.contract_files import example
from events.messages.base import commands
from events.wire.record import Headers, Outgoing

CUSTOMER = "3c0e5f4a-9d2b-4a6e-8f1c-5b7d2e9a0c11"
LARGEST = 1_048_576
"""The most bytes that the broker takes, as `message.max.bytes` says by default."""
ROOM = 300
"""The most bytes of a record's own frame, as the broker counts it."""

Attributes = dict[str, str | bytes | None]

GOOD: Attributes = {
    "ce_id": "c-1",
    "ce_source": "/crm",
    "ce_type": "azplan.SuspendPlan.v1",
    "ce_specversion": "1.0",
    "content-type": "application/json",
}


def headers_of(attributes: Attributes, *more: tuple[str, bytes | None]) -> Headers:
    """Record headers: those of the attributes, then the given ones."""
    named = tuple((name, value.encode() if isinstance(value, str) else value) for name, value in attributes.items())
    return (*named, *more)


def binary(value: bytes | None = None, *more: tuple[str, bytes | None], **changes: str | bytes | None) -> Outgoing:
    """A good command in binary mode, except for the given parts. Names of attributes are without `ce_`."""
    attributes = GOOD | {f"ce_{name}": changed for name, changed in changes.items()}
    return Outgoing(None, document() if value is None else value, headers_of(attributes, *more))


def structured(data: bytes, **changes: str) -> Outgoing:
    """A command in structured mode whose data may be any bytes."""
    members = {"specversion": "1.0", "id": "c-1", "source": "/crm", "type": "azplan.SuspendPlan.v1", **changes}
    envelope = json.dumps(members)[:-1].encode()
    return Outgoing(None, envelope + b', "data": ' + data + b"}", (("content-type", b"application/cloudevents+json"),))


def document(**members: Any) -> bytes:
    """Data with the customer and the given members."""
    return json.dumps({"customerId": CUSTOMER, **members}).encode()


def golden() -> list[Outgoing]:
    """The shipped example of every command."""
    made = []
    for type_ in commands():
        shipped = example(type_)
        headers = tuple((name, value.encode()) for name, value in shipped["headers"].items())
        made.append(Outgoing(shipped["key"].encode(), json.dumps(shipped["value"]).encode(), headers))
    return made


def classics() -> list[Outgoing]:
    """One record of each kind that has brought down consumers before."""
    deep = b'{"a":' * 5_000 + b"1" + b"}" * 5_000
    return [
        Outgoing(None, None, ()),
        Outgoing(b"", b"", ()),
        Outgoing(b"\xff\xfe", b"\x00", (("", None),)),
        Outgoing(None, None, headers_of(GOOD)),
        binary(),
        binary(document(activeAssets="cancel")),
        binary(b"\xff\xfe{}"),
        binary(b"NaN"),
        binary(b"[]"),
        binary(b"null"),
        binary(deep, id="deep"),
        binary(b"[" * 100_000, id="deeper"),
        binary(document(n=1)[:-1] + b', "n": ' + b"9" * 999 + b"}", id="number"),
        binary(b'{"n": ' + b"9" * 200_000 + b"}", id="long-number"),
        binary(b'{"customerId": "' + CUSTOMER.encode() + b'", "n": 1e999999999}', id="exponent"),
        binary(document(note="\x00"), id="nul-in-value"),
        binary(b'{"customerId": "' + CUSTOMER.encode() + b'", "\\ud800": "\\udc00\\ud800"}', id="surrogates"),
        binary(b'{"customerId": "' + CUSTOMER.encode() + b'", "customerId": "' + CUSTOMER.encode() + b'"}', id="twice"),
        binary(b'{"customerId": "\\ud800"}', id="no-guid"),
        binary(document(deadline="9999-12-31T23:59:59.999999999999Z"), id="far"),
        binary(document(deadline="-262144-01-01T00:00:00Z"), id="past"),
        binary(id=None),
        binary(id=b"\x00"),
        binary(id="a\x00b"),
        binary(id=b"\xed\xa0\x80"),
        binary(id="i" * 1_024),
        binary(id="\U0001f9ff" * 256, source="\U0001f9ff" * 256, type="\U0001f9ff" * 256),
        binary(id="i" * 1_025),
        binary(id="\u202e\u2066", source="\u2028"),
        binary(source="'; DROP TABLE command; --", id="$1 ? %s"),
        binary(id="unknown", type="azplan.BuyEverything.v1"),
        binary(id="newer", type="azplan.SuspendPlan.v2"),
        binary(id="odd-version", type="azplan.SuspendPlan.v01"),
        binary(id="an-event", type="azplan.PlanSuspended.v1"),
        binary(id="odd-spec", specversion="0.3"),
        binary(id="subject", subject="somebody else"),
        binary(id="partner", partner="\U0001f9ff" * 256),
        binary(id="nobody", partner="nobody"),
        binary(None, ("ce_id", b"again"), id="doubled-header"),
        binary(None, ("\x00", b"v"), ("gr\\xf6\\xdfe", b"v"), ("n" * 10_000, None), id="odd-names"),
        binary(None, *((f"h{number}", b"v") for number in range(2_000)), id="many-headers"),
        binary(None, ("azplan_dlq_code", b"forged"), ("azplan_dlq_truncated", b"true"), id=None),
        binary(None, ("traceparent", b"00-" + b"f" * 99), ("tracestate", b"\xff"), id="trace"),
        structured(b"null"),
        structured(b'{"customerId": "' + CUSTOMER.encode() + b'"}', id="structured\u0000"),
        structured(b'{"customerId": "' + CUSTOMER.encode() + b'"}', id="structured \ud800"),
        structured(document(), id="structured", type="\ud800"),
        structured(document(), id="s" * 1_024, source="\x7f"),
        Outgoing(None, b"[{}]", (("content-type", b"application/cloudevents-batch+json"),)),
    ]


def oversized() -> list[Outgoing]:
    """A record as large as the broker takes: its dead letter, with headers of its own, would be larger."""
    fill = LARGEST - ROOM
    return [
        Outgoing(None, b"x" * fill, ()),
        Outgoing(b"k" * fill, b"x", ()),
        Outgoing(None, b"x", (("h", b"v" * fill),)),
        Outgoing(None, b"x", (("h" * fill, b"v"),)),
        binary(document(note="x" * (fill - 1_000)), id="large"),
    ]


# ---- by chance

_CHANCE_NAMES = st.sampled_from([*GOOD, "ce_subject", "ce_partner", "ce_time", "traceparent"]) | st.text(max_size=6)
_CHANCE_VALUES = st.none() | st.binary(max_size=20) | st.sampled_from([b"1.0", b"c-1", b"azplan.SuspendPlan.v1"])
_CHANCE_HEADERS = st.lists(st.tuples(_CHANCE_NAMES, _CHANCE_VALUES), max_size=10).map(tuple)

anything = st.builds(Outgoing, st.none() | st.binary(max_size=40), st.none() | st.binary(max_size=80), _CHANCE_HEADERS)

_WEDGES = [b"\x00", b"\\u0000", b"\\ud800", b"\xef\xbb\xbf", b"}", b'"']


@st.composite
def mutated(draw: st.DrawFn) -> Outgoing:
    """An example with some of its bytes changed, left out, doubled or moved: in value, key or a header."""
    record = draw(st.sampled_from(golden()))
    parts: list[bytes] = [record.key or b"", record.value or b"", *(value or b"" for _, value in record.headers)]
    chosen = draw(st.sets(st.integers(0, len(parts) - 1), min_size=1, max_size=2))
    for number in chosen:
        parts[number] = draw(_spoiled(parts[number]))
    names = [name for name, _ in record.headers]
    headers = list(zip(names, parts[2:], strict=True))
    match draw(st.sampled_from(["as it is", "one less", "one twice", "another order"])):
        case "one less":
            del headers[draw(st.integers(0, len(headers) - 1))]
        case "one twice":
            headers.append(draw(st.sampled_from(headers)))
        case "another order":
            headers.reverse()
    return Outgoing(parts[0], parts[1], tuple(headers))


@st.composite
def _spoiled(draw: st.DrawFn, good: bytes) -> bytes:
    at = draw(st.integers(0, len(good)))
    length = draw(st.integers(0, 4))
    inserted = draw(
        st.binary(max_size=4) | st.sampled_from([b"\x00", b"\\u0000", b"\\ud800", b"\xef\xbb\xbf", b"}", b'"'])
    )
    return good[:at] + inserted + good[at + length :]


def batches(most: int) -> st.SearchStrategy[Sequence[Outgoing]]:
    """Some hostile records of all kinds."""
    return st.lists(anything | mutated() | st.sampled_from(classics()), min_size=1, max_size=most)
