"""`ops/bench/ground/round_trips.py`: what counts as a round trip to PostgreSQL."""

import pytest

from ops.bench.ground.round_trips import Counter


def message(kind: bytes, body: bytes) -> bytes:
    """A message of PostgreSQL's protocol."""
    return kind + (len(body) + 4).to_bytes(4, "big") + body


ANSWER = message(b"1", b"") + message(b"2", b"") + message(b"D", b"ZZZZ" * 5) + message(b"C", b"SELECT 1\0")
READY = message(b"Z", b"I")


@pytest.mark.parametrize("piece", [1, 3, 7, 1000])
def test_each_end_of_an_answer_is_one_round_trip(piece: int) -> None:
    """However the network splits the bytes, and whatever a row holds."""
    counter, data = Counter(), (ANSWER + READY) * 3
    for at in range(0, len(data), piece):
        counter.feed(data[at : at + piece])

    assert counter.trips == 3


def test_the_answer_to_the_question_for_tls_is_no_message() -> None:
    """A server without TLS says `N`, and then the messages begin."""
    counter = Counter()
    counter.asked_for_tls()
    counter.feed(b"N")
    counter.feed(READY)

    assert counter.trips == 1
