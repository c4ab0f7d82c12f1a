"""What is said of JSON lines: rows, sums, attributes and dates, exact and streamed."""

import gzip
import json
import tracemalloc
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

import pytest

from worker.exports.line_facts import Facts, LineReader, UnreadableLines, merged, plain
from worker.exports.line_files import CHUNK, read_file
from worker.files.amounts import amount_of
from worker.files.comparison.from_sources import rows_of
from worker.files.comparison.sums import Sums

USAGE = {"BillingPreTaxTotal": 1.5, "BillingCurrency": "EUR", "ChargeType": "new", "UsageDate": "2026-10-05T00:00:00Z"}


def of(lines: str, *items: object) -> Facts:
    """The facts of these items, each written as it is if it is a text."""
    reader = LineReader(lines)
    for item in items:
        reader.add(item.encode() if isinstance(item, str) else json.dumps(item).encode())
    return reader.facts()


def packed(path: Path, content: bytes) -> Path:
    """A file of gzip with this content."""
    path.write_bytes(gzip.compress(content, mtime=0))
    return path


def sums(facts: Facts) -> list[str]:
    """The sums before tax."""
    return [total["beforeTax"] for total in facts.totals]


@pytest.mark.parametrize(
    ("amounts", "total"),
    [
        (["1.50", "2.50"], "4.00"),
        (["0.1", "0.2"], "0.3"),
        (["0.123456789012345678901234567890123456789", "1e2"], "100.123456789012345678901234567890123456789"),
        (['"16"', "1.5E-7"], "16.00000015"),
        (["-3.10", "3.10"], "0.00"),
        (["-0.0"], "0.0"),
        (["null", '""', '"  "', "7"], "7"),
        (['".50"', '"+0.50"', '"-.50"', '"2."', '" 1.25 "'], "3.75"),
        (["99999999999999999999999999999999999999999", "0.01"], "99999999999999999999999999999999999999999.01"),
    ],
)
def test_sums_keep_every_digit(amounts: list[str], total: str) -> None:
    """Numbers and texts, exponents and long fractions: Microsoft's digits are added, and nothing is rounded."""
    lines = [f'{{"BillingPreTaxTotal": {amount}, "BillingCurrency": "EUR"}}' for amount in amounts]

    found = of("usage", *lines)

    assert (sums(found), found.notices) == ([total], ())


def test_sums_are_apart_by_currency_and_type_of_charge() -> None:
    """A reconciliation has tax and total beside the amount before tax."""
    line = {"subtotal": 10.5, "taxTotal": "2.1", "totalForCustomer": 12.6, "currency": "EUR", "chargeType": "new"}

    found = of("reconciliation", line, line, {**line, "chargeType": "cancelImmediate"}, {**line, "currency": "CHF"})

    assert [dict(each) for each in found.totals] == [
        {"currency": "CHF", "chargeType": "new", "rows": 1, "beforeTax": "10.5", "tax": "2.1", "total": "12.6"},
        {
            "currency": "EUR",
            "chargeType": "cancelImmediate",
            "rows": 1,
            "beforeTax": "10.5",
            "tax": "2.1",
            "total": "12.6",
        },
        {"currency": "EUR", "chargeType": "new", "rows": 2, "beforeTax": "21.0", "tax": "4.2", "total": "25.2"},
    ]


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        ("usage", {"billingPreTaxTotal": 3, "billingCurrency": "EUR"}),
        ("usage", {"BILLINGPRETAXTOTAL": "3", "Billingcurrency": "EUR"}),
        ("reconciliation", {"Subtotal": 3, "Tax": 0, "Total": 3, "Currency": "EUR"}),
        ("reconciliation", {"pretaxCharges": 3, "taxAmount": 0, "postTaxTotal": 3, "currency": "EUR"}),
        ("reconciliation", {"Amount": 3, "tax": 0, "totalForCustomer": 3, "currency": "EUR"}),
    ],
)
def test_keys_are_matched_in_any_case_and_by_both_names(lines: str, line: dict[str, object]) -> None:
    """Exports and pages, new and legacy commerce name the same amount differently."""
    found = of(lines, line)

    assert [(total["currency"], total["beforeTax"]) for total in found.totals] == [("EUR", "3")]


def test_an_amount_that_is_no_number_is_told_and_left_out() -> None:
    """The line counts, and its bytes stay as they are."""
    found = of("usage", USAGE, {**USAGE, "BillingPreTaxTotal": "n/a"}, {**USAGE, "BillingPreTaxTotal": "1e9999"})

    assert found.rows == 3
    assert sums(found) == ["1.5"]
    assert found.notices == ("unreadable_amount:BillingPreTaxTotal",)


LEGACY = {"offerId": "o", "customerId": "c", "currency": "EUR"}


@pytest.mark.parametrize(
    ("line", "before_tax"),
    [
        ({"amount": "10.00", "totalForCustomer": "11.90", "tax": "1.90"}, "10.00"),
        ({"subtotal": "9.00", "amount": "10.00", "totalForCustomer": "9.00"}, "9.00"),
        ({"subtotal": "", "amount": "10.00", "totalForCustomer": "10.00"}, "10.00"),
        ({"subtotal": "n/a", "amount": "10.00", "totalForCustomer": "10.00"}, "10.00"),
        ({"pretaxCharges": "+.50", "taxAmount": "0", "postTaxTotal": ".50"}, "0.50"),
    ],
)
def test_a_legacy_line_has_the_amount_before_tax_that_the_comparison_reads(
    tmp_path: Path, line: dict[str, str], before_tax: str
) -> None:
    """Licenses have an amount and may have no subtotal."""
    text = json.dumps({**LEGACY, **line})
    sums_of = Sums()
    for row in rows_of(packed(tmp_path / "part", text.encode()), "reconciliation"):
        sums_of.add_line(row)

    (total,) = of("reconciliation", text).totals

    compared = sums_of.currencies["EUR"]
    assert (total["beforeTax"], Decimal(total["total"])) == (before_tax, compared.total)
    assert compared.before_tax == Decimal(before_tax)


def test_the_next_amount_of_a_line_stands_in_for_one_that_is_no_number() -> None:
    """The comparison reads a line in the same way."""
    found = of("reconciliation", {"Subtotal": "n/a", "PretaxCharges": "4", "Currency": "EUR"})

    assert (sums(found), found.notices) == (["4"], ("unreadable_amount:Subtotal",))


@pytest.mark.parametrize("value", [True, {}, [], "", ".", "+", "1e", "0x10", "1_000", "١", float("nan"), 1.5])
def test_only_numbers_of_json_are_amounts(value: object) -> None:
    """A float has lost its digits already: it is none either."""
    assert amount_of(value) is None


def test_the_range_is_that_of_the_dates() -> None:
    """Dates that Microsoft left unset do not count."""
    found = of("usage", USAGE, {**USAGE, "UsageDate": "2026-10-31"}, {**USAGE, "UsageDate": "0001-01-01T00:00:00"})

    assert found.range == {"usageFrom": "2026-10-05", "usageTo": "2026-10-31"}
    assert of("usage", {"a": 1}).range == {}


@pytest.mark.parametrize(
    ("texts", "days"),
    [
        (["10/31/2026", "2026-10-05", "yesterday", "2026-13-01", "", "x" * 100_000], ("2026-10-05", "2026-10-05")),
        ([" 2026-10-01", "2026-10-02T00:00:00.0000000Z"], ("2026-10-01", "2026-10-02")),
        (["2026-10-31T23:30:00-05:00", "2026-10-03T00:30:00+01:00"], ("2026-10-02", "2026-11-01")),
        (["20261004", "2026-10-05"], ("2026-10-04", "2026-10-05")),
    ],
)
def test_the_range_has_iso_dates_in_utc_and_leaves_out_what_is_no_date(texts: list[str], days: tuple[str, str]) -> None:
    """First and last are the first and the last day, not the first and the last text."""
    found = of("usage", *({**USAGE, "UsageDate": text} for text in texts))

    assert found.range == {"usageFrom": days[0], "usageTo": days[1]}


def test_the_first_or_the_last_day_alone_is_told() -> None:
    """A range is what can be read of it."""
    assert of("usage", {"UsageDate": "10/31/2026"}).range == {}
    line = {"ChargeStartDate": "soon", "ChargeEndDate": "2026-10-31"}
    assert of("reconciliation", line).range == {"chargeTo": "2026-10-31"}


def test_texts_of_an_older_azplan_that_are_no_dates_are_left_out() -> None:
    """The journal may keep them beside a part."""
    ranges = [
        {"usageFrom": "10/31/2026", "usageTo": "10/31/2026"},
        {"usageFrom": "2026-10-05", "usageTo": " 2026-10-0"},
    ]

    assert merged([Facts(1, (), (), each, ()) for each in ranges]).range == {"usageFrom": "2026-10-05"}


def test_the_facts_of_parts_are_those_of_the_whole() -> None:
    """A version is told from its parts; a crash costs no second look at the lines."""
    lines = [{**USAGE, "BillingPreTaxTotal": number / 8, f"extra{number % 3}": 1} for number in range(20)]

    parts = [of("usage", *lines[:7]), of("usage", *lines[7:8]), of("usage", *lines[8:]), of("usage")]

    assert merged([Facts.of(part.rows, json.loads(json.dumps(part.to_json()))) for part in parts]) == of(
        "usage", *lines
    )


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"", 0),
        (b"{}\n{}\n", 2),
        (b"{}\r\n{}", 2),
        (b"\xef\xbb\xbf{}\n\n{}\n \n", 2),
        (b'{"a": "\xc3\xa4"}\n' * 3, 3),
    ],
)
def test_lines_are_counted(tmp_path: Path, content: bytes, rows: int) -> None:
    """Blank lines are none, and the last line may lack its end."""
    assert read_file(packed(tmp_path / "part", content), "usage").facts.rows == rows


def test_gzip_of_several_members_is_read_to_its_end(tmp_path: Path) -> None:
    """Microsoft's writers join files; zeros may fill the last block."""
    path = tmp_path / "part"
    path.write_bytes(gzip.compress(b"{}\n{}") + gzip.compress(b"\n{}\n") + b"\0" * 512)

    assert read_file(path, "usage").facts.rows == 3


def damaged(kind: str) -> bytes:
    """A blob that cannot be read."""
    whole = gzip.compress(b'{"a": 1}\n' * 1_000)
    return {
        "empty": b"",
        "no gzip": b"<html>busy</html>",
        "cut off": whole[:-9],
        "cut in its trailer": whole[:-1],
        "wrong check sum": whole[:-8] + bytes([whole[-8] ^ 1]) + whole[-7:],
        "rubbish behind": whole + b"rubbish",
        "no JSON": gzip.compress(b'{"a": 1}\n<html>\n'),
        "NaN": gzip.compress(b'{"a": NaN}\n'),
        "no object": gzip.compress(b"[1]\n"),
        "two objects in a line": gzip.compress(b"{}{}\n"),
        "no UTF-8": gzip.compress(b'{"a": "\xff"}\n'),
        "too deep": gzip.compress(b'{"a": ' + b"[" * 100_000 + b"\n"),
        "a number of a million digits": gzip.compress(b'{"a": ' + b"1" * 1_000_000 + b"}\n"),
        "too many attributes": gzip.compress(json.dumps({f"a{n}": n for n in range(1_001)}).encode()),
        "too many sums": gzip.compress(b"".join(b'{"ChargeType": "%d"}\n' % n for n in range(1_001))),
    }[kind]


@pytest.mark.parametrize(
    "kind",
    [
        "empty", "no gzip", "cut off", "cut in its trailer", "wrong check sum", "rubbish behind", "no JSON", "NaN",
        "no object", "two objects in a line", "no UTF-8", "too deep", "a number of a million digits",
        "too many attributes", "too many sums",
    ],
)  # fmt: skip
def test_a_damaged_blob_is_found_out(tmp_path: Path, kind: str) -> None:
    """Whatever the bytes are, the reader says in words what is wrong, without the content."""
    path = tmp_path / "part"
    path.write_bytes(damaged(kind))

    with pytest.raises(UnreadableLines) as found:
        read_file(path, "usage")

    assert "html" not in str(found.value)


def test_a_blob_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    """30 MB of lines, and a bomb of one line: a few chunks at most."""
    many = packed(tmp_path / "many", repeated(b'{"a": "' + b"x" * 990 + b'"}\n', 30_000))

    assert peak(lambda: read_file(many, "usage")) < 16 * CHUNK

    bomb = packed(tmp_path / "bomb", repeated(b" " * 1_000_000, 40))
    with pytest.raises(UnreadableLines, match="more than"):
        read_file(bomb, "usage")


def repeated(piece: bytes, times: int) -> bytes:
    """The piece so many times."""
    return piece * times


def peak(work: object) -> int:
    """The most bytes that the work holds at once."""
    tracemalloc.start()
    try:
        work()  # type: ignore[operator]
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_amounts_are_written_without_exponent() -> None:
    """Every digit, and no minus before zero."""
    texts: Iterable[str] = ("1E+3", "1.50", "-0.00", "1e-9")

    assert [plain(amount) for amount in map(amount_of, texts) if amount is not None] == [
        "1000", "1.50", "0.00", "0.000000001",
    ]  # fmt: skip


def test_a_currency_is_one_in_either_case() -> None:
    """Microsoft writes `usd` and `USD`: the sums are one, in upper case."""
    found = of("usage", *({"billingPreTaxTotal": 1, "billingCurrency": each} for each in ("usd", "USD", "Usd")))

    assert [(each["currency"], each["rows"], each["beforeTax"]) for each in found.totals] == [("USD", 3, "3")]
