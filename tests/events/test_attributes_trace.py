"""Trace context on a command: kept if valid, and never a reason to refuse."""

import pytest

from events.wire.codec import AcceptedCommand, decode
from tests.events.sample_records import binary, structured

HOP = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
START = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def trace_of(sample) -> tuple[str | None, str | None]:
    """The trace that decoding keeps."""
    decoded = decode(sample)
    assert isinstance(decoded, AcceptedCommand)
    return decoded.envelope.traceparent, decoded.envelope.tracestate


def test_the_bare_headers_are_read() -> None:
    """The W3C headers of the record are kept."""
    assert trace_of(binary(extra=(("traceparent", HOP.encode()), ("tracestate", b"a=1,b=2")))) == (HOP, "a=1,b=2")


@pytest.mark.parametrize("mode", [binary, structured])
def test_the_extension_is_read_too(mode) -> None:
    """The distributed tracing extension of CloudEvents is kept if there are no bare headers."""
    assert trace_of(mode(traceparent=START, tracestate="a=1")) == (START, "a=1")


@pytest.mark.parametrize("mode", [binary, structured])
def test_the_latest_hop_comes_first(mode) -> None:
    """If both are there, the bare headers count, without the extension's state."""
    assert trace_of(mode(traceparent=START, tracestate="a=1", extra=(("traceparent", HOP.encode()),))) == (HOP, None)


def test_a_broken_bare_header_gives_way_to_the_extension() -> None:
    """A broken hop does not hide the beginning of the trace."""
    assert trace_of(binary(traceparent=START, extra=(("traceparent", b"?"),))) == (START, None)


BROKEN = {
    "not UTF-8": b"\xff",
    "empty": b"",
    "upper case": HOP.upper().encode(),
    "version ff": b"ff" + HOP[2:].encode(),
    "no trace id": b"00-" + b"0" * 32 + HOP[35:].encode(),
    "no parent id": HOP[:36].encode() + b"0" * 16 + b"-01",
    "too short": HOP[:-1].encode(),
    "too long": HOP.encode() + b"0",
    "a line break at the end": HOP.encode() + b"\n",
}


@pytest.mark.parametrize("value", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_traceparent_is_dropped_with_its_state(value: bytes) -> None:
    """A trace that W3C Trace Context calls invalid counts as none."""
    assert trace_of(binary(extra=(("traceparent", value), ("tracestate", b"a=1")))) == (None, None)


@pytest.mark.parametrize("state", [b"\xff", b"", "ä=1".encode(), b"a=" + b"1" * 511])
def test_a_broken_tracestate_is_dropped_alone(state: bytes) -> None:
    """An invalid state does not remove its valid parent."""
    assert trace_of(binary(extra=(("traceparent", HOP.encode()), ("tracestate", state)))) == (HOP, None)


def test_doubled_traceparents_are_dropped() -> None:
    """Two trace parents count as none."""
    assert trace_of(binary(extra=(("traceparent", HOP.encode()), ("traceparent", START.encode())))) == (None, None)
