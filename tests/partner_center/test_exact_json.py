"""JSON that can be sent back exactly as it came."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.partner_center.answers.exact_json import NotJson, dumps, loads


@pytest.mark.parametrize(
    "text",
    [
        b'{"price":1.10}',
        b'{"price":0.1999968000511991808131}',
        b'{"price":1E5,"small":1e-7,"negative":-0.0}',
        b'{"count":12345678901234567890123}',
        b'{"a":null,"b":[true,false,{}],"c":[],"d":""}',
        rb'{"name":"Zo\u00eb \ud83d\ude00 \u0000","lone":"\ud800"}',
    ],
)
def test_a_read_value_is_written_digit_for_digit(text: bytes) -> None:
    """Numbers keep their digits, members their order, and text its characters."""
    assert dumps(loads(text)) == text


def test_a_byte_order_mark_is_no_part_of_the_value() -> None:
    """Most successful answers of Partner Center begin with one."""
    assert loads(b"\xef\xbb\xbf[1]") == [1]


def test_a_fraction_is_a_decimal() -> None:
    """No amount of money is ever a float."""
    assert loads(b"[0.1]") == [Decimal("0.1")]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xef\xbb\xbf",
        b'{"id": "cut',
        b"<html></html>",
        b"\xff\xfe{\x00}\x00",
        b'{"a": NaN}',
        b"[Infinity]",
        b"{} {}",
        b"[" * 100_000,
        b"9" * 10_000,
        b"[1e99999999999999999999]",
    ],
    ids=["empty", "mark only", "cut", "html", "utf-16", "nan", "infinity", "two", "deep", "long", "huge exponent"],
)
def test_text_that_is_not_one_json_value_is_unreadable(body: bytes) -> None:
    """All such texts raise the same kind of error."""
    with pytest.raises(NotJson):
        loads(body)


def test_a_decimal_is_written_as_a_number() -> None:
    """Bodies can therefore hold money."""
    assert dumps({"amount": Decimal("2.50"), "of": [1, "x", None, True]}) == b'{"amount":2.50,"of":[1,"x",null,true]}'


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), float("nan")])
def test_a_value_that_json_cannot_express_is_not_written(value: object) -> None:
    """An error is better than an unreadable body."""
    with pytest.raises(ValueError, match="JSON"):
        dumps([value])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(max_examples=50, deadline=None)
@given(json_values)
def test_a_written_value_can_be_read_again(value: object) -> None:
    """This holds for every value."""
    assert loads(dumps(value)) == value
