"""Lines of invoices in pages: by continuation token for new commerce, by index for legacy commerce."""

from typing import Any

import pytest

from ops.simulator.behaviour import Hostility
from ops.simulator.simulator import Simulator
from tests.simulator.billing import summed
from tests.simulator.caller import Answered, Caller

OLD: dict[str, Any] = {"month": "2022-08", "usage_lines": 25, "groups": 6}
USAGE = {"provider": "onetime", "invoicelineitemtype": "usagelineitems", "currencycode": "USD", "size": "10"}


async def walk(caller: Caller, path: str, query: dict[str, str]) -> list[Answered]:
    """Every page: the same query with the token of the page before."""
    pages = [await caller.get(path, query)]
    while token := pages[-1].body.get("continuationToken"):
        headers = {"MS-ContinuationToken": token}
        pages.append(await caller.get(path, {**query, "seekOperation": "Next"}, headers=headers))
    return pages


def items(pages: list[Answered]) -> list[dict[str, Any]]:
    """The lines of some pages."""
    return [item for page in pages for item in page.body["items"]]


async def test_pages_are_followed_by_the_token_alone(simulator: Simulator, caller: Caller) -> None:
    """Three pages hold every line once; totalCount counts the page; the token stands in the body and in the link."""
    simulator.invoice(**OLD)
    pages = await walk(caller, "/invoices/G000000001/lineitems", USAGE)
    assert [page.body["totalCount"] for page in pages] == [10, 10, 5]
    assert len({(line["resourceUri"], line["usageDate"]) for line in items(pages)}) == 25
    (header,) = pages[0].body["links"]["next"]["headers"]
    assert header == {"key": "MS-ContinuationToken", "value": pages[0].body["continuationToken"]}
    assert set(",/+=_") <= set(header["value"])
    assert "next" not in pages[-1].body["links"]
    total = sum(each.before_tax for each in simulator.figures("G000000001", blobs=False).totals)
    assert abs(float(summed(items(pages), "billingPreTaxTotal")) - float(total)) < 1e-6


@pytest.mark.parametrize("provider", ["onetime", "OneTime", "marketplace", "all"])
async def test_old_names_of_providers_and_any_case_are_taken(
    simulator: Simulator, caller: Caller, provider: str
) -> None:
    """Parameter names and values are read without regard to case, in the query and in the path."""
    simulator.invoice(**OLD)
    query = {"PROVIDER": provider, "invoiceLineItemType": "BillingLineItems", "CurrencyCode": "usd"}
    of_query = await caller.get("/invoices/OneTime-G000000001/lineitems", query)
    of_path = await caller.get(f"/invoices/G000000001/lineitems/{provider}/BillingLineItems")
    assert of_query.status == 200
    assert of_query.body["items"] == of_path.body["items"] != []


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({**USAGE, "provider": "other"}, 400),
        ({**USAGE, "invoicelineitemtype": "lines"}, 400),
        ({**USAGE, "provider": "office"}, 400),
        ({**USAGE, "currencycode": ""}, 400),
        ({**USAGE, "size": "many"}, 400),
        ({**USAGE, "seekOperation": "Next"}, 400),
        ({**USAGE, "seekOperation": "Last"}, 400),
        ({**USAGE, "size": "9999"}, 200),
    ],
)
async def test_what_is_missing_or_wrong_is_400(
    simulator: Simulator, caller: Caller, query: dict[str, str], status: int
) -> None:
    """Provider, kind and currency are needed, and Next needs its token; a size above 2000 is 2000."""
    simulator.invoice(**OLD)
    assert (await caller.get("/invoices/G000000001/lineitems", query)).status == status


async def test_a_token_of_another_query_is_refused(simulator: Simulator, caller: Caller) -> None:
    """A token is good for the query that it came from."""
    simulator.invoice(**OLD)
    first = await caller.get("/invoices/G000000001/lineitems", USAGE)
    headers = {"MS-ContinuationToken": first.body["continuationToken"]}
    other = {**USAGE, "size": "11", "seekOperation": "Next"}
    assert (await caller.get("/invoices/G000000001/lineitems", other, headers=headers)).code == 800002


async def test_a_page_that_is_read_again_has_the_same_bytes(simulator: Simulator, caller: Caller) -> None:
    """Its oddities follow from the page, so that a reader whose page broke can go on where it was."""
    simulator.change(hostility=Hostility(), omit_discriminators=True, odd_next_uri=True)
    simulator.invoice(**OLD)
    pages = [await caller.get("/invoices/G000000001/lineitems", USAGE) for _ in range(3)]
    assert len({page.content for page in pages}) == 1


async def test_legacy_invoices_are_paged_by_index(simulator: Simulator, caller: Caller) -> None:
    """Licences and Azure have members of their own, and links.next names the next offset."""
    simulator.invoice(id="D000000001", usage_lines=5, groups=4, seats=3)
    pages = []
    for provider, kind, count in (
        ("office", "billinglineitems", 7),
        ("azure", "billinglineitems", 4),
        ("azure", "usagelineitems", 5),
    ):
        query = {"provider": provider, "invoicelineitemtype": kind, "size": "4"}
        first = await caller.get("/invoices/D000000001/lineitems", query)
        assert ("next" in first.body["links"]) == (count > 4)
        if count > 4:
            assert first.body["links"]["next"]["uri"].endswith("&offset=4")
        rest = await caller.get("/invoices/D000000001/lineitems", {**query, "offset": "4"})
        assert len(items([first, rest])) == count
        pages.append(first.body["items"][0])
    assert [page["attributes"]["objectType"] for page in pages] == [
        "LicenseBasedLineItem",
        "UsageBasedLineItem",
        "DailyUsageLineItem",
    ]
    assert [("amount" in page, "pretaxCharges" in page, "usageDate" in page) for page in pages] == [
        (True, False, False),
        (False, True, False),
        (False, False, True),
    ]


@pytest.mark.parametrize(("answer", "status"), [("410", 410), ("404", 404), ("400", 400), ("empty", 200), ("no", 200)])
async def test_the_calls_for_new_commerce_have_ended(
    simulator: Simulator, caller: Caller, answer: str, status: int
) -> None:
    """What they answer since is a knob; lines that exports never had stay."""
    simulator.change(retired_lines=answer)
    simulator.invoice(month="2026-02")
    simulator.invoice(**OLD)
    after = await caller.get("/invoices/G000000001/lineitems", USAGE)
    assert after.status == status
    assert answer in ("400", "404", "410") or bool(after.body["items"]) == (answer == "no")
    assert (await caller.get("/invoices/G000000002/lineitems", USAGE)).body["items"]


async def test_purchases_not_billed_yet_end_later(simulator: Simulator, caller: Caller) -> None:
    """Unbilled purchases could be read until 2026-03-15, unbilled usage no longer; both need currency and period."""
    simulator.unbilled("USD")
    query = {"provider": "onetime", "currencycode": "usd", "period": "current"}
    path = "/invoices/unbilled/lineitems"
    assert (await caller.get(path, {**query, "invoicelineitemtype": "billinglineitems"})).body["items"]
    assert (await caller.get(path, {**query, "invoicelineitemtype": "usagelineitems"})).status == 410
    assert (await caller.get(path, {"provider": "onetime", "invoicelineitemtype": "billinglineitems"})).status == 400
    simulator.clock.advance(15 * 86400)
    assert (await caller.get(path, {**query, "invoicelineitemtype": "billinglineitems"})).status == 410


async def test_lines_with_earned_credit_can_be_asked_for(simulator: Simulator, caller: Caller) -> None:
    """hasPartnerEarnedCredit=true leaves the others out."""
    simulator.invoice(**OLD)
    all_of_them = items([await caller.get("/invoices/G000000001/lineitems", {**USAGE, "size": "99"})])
    query = {**USAGE, "size": "99", "hasPartnerEarnedCredit": "true"}
    earned = items([await caller.get("/invoices/G000000001/lineitems", query)])
    assert earned == [line for line in all_of_them if line["hasPartnerEarnedCredit"]]
    assert 0 < len(earned) < len(all_of_them)


async def test_a_page_has_two_thousand_lines_at_most(simulator: Simulator, caller: Caller) -> None:
    """Whatever size asks for; without size it is as many."""
    simulator.invoice(**{**OLD, "usage_lines": 2_100})
    for size in ({"size": "9999"}, {}):
        query = {name: value for name, value in USAGE.items() if name != "size"} | size
        assert (await caller.get("/invoices/G000000001/lineitems", query)).body["totalCount"] == 2000


@pytest.mark.parametrize("place", ["body", "header"])
async def test_the_token_can_stand_in_one_place_alone(simulator: Simulator, caller: Caller, place: str) -> None:
    """In the body, or in the headers of the next link."""
    simulator.change(lines_token=place)
    simulator.invoice(**OLD)
    body = (await caller.get("/invoices/G000000001/lineitems", USAGE)).body
    assert ("continuationToken" in body, bool(body["links"]["next"]["headers"])) == (place == "body", place == "header")


async def test_the_next_link_has_the_mistakes_of_the_samples(simulator: Simulator, caller: Caller) -> None:
    """A second question mark, a lost letter, or none: a caller that repeats its query with the token misses nothing."""
    simulator.change(odd_next_uri=True)
    simulator.invoice(**{**OLD, "usage_lines": 300})
    pages = await walk(caller, "/invoices/G000000001/lineitems", USAGE)
    uris = [page.body["links"]["next"]["uri"] for page in pages[:-1]]
    assert any("size=10?seekOperation=Next" in uri for uri in uris)
    assert any("&nvoicelineitemtype=" in uri for uri in uris)
    assert any("&invoicelineitemtype=" in uri and uri.endswith("&seekOperation=Next") for uri in uris)
    assert len(items(pages)) == 300


async def test_some_lines_do_not_say_what_they_are(simulator: Simulator, caller: Caller) -> None:
    """Lines of usage are called marketplace, whatever provider was asked for; some lack both discriminators."""
    simulator.change(omit_discriminators=True)
    simulator.invoice(**{**OLD, "usage_lines": 60})
    lines = items([await caller.get("/invoices/G000000001/lineitems", {**USAGE, "size": "60"})])
    assert {line.get("billingProvider") for line in lines} == {"marketplace", None}
    assert {line["attributes"]["objectType"] for line in lines} == {"DailyRatedUsageLineItem"}


async def test_the_older_path_seeks_from_its_beginning(simulator: Simulator, caller: Caller) -> None:
    """There the samples send seekOperation=Next without a token for the first page."""
    simulator.invoice(**OLD)
    path = "/invoices/G000000001/lineitems/OneTime/UsageLineItems"
    first = await caller.get(path, {"seekOperation": "Next", "size": "20"})
    headers = {"MS-ContinuationToken": first.body["continuationToken"]}
    second = await caller.get(path, {"seekOperation": "Next", "size": "20"}, headers=headers)
    assert [page.body["totalCount"] for page in (first, second)] == [20, 5]


@pytest.mark.parametrize(("answer", "status"), [("empty", 200), ("400", 400)])
async def test_another_currency_has_no_unbilled_lines(
    simulator: Simulator, caller: Caller, answer: str, status: int
) -> None:
    """What a currency meets that the partner does not use is a knob."""
    simulator.change(other_currency=answer)
    simulator.unbilled("USD")
    query = {
        "provider": "onetime",
        "invoicelineitemtype": "billinglineitems",
        "currencycode": "CHF",
        "period": "current",
    }
    answered = await caller.get("/invoices/unbilled/lineitems", query)
    assert (answered.status, (answered.body or {}).get("items", [])) == (status, [])
