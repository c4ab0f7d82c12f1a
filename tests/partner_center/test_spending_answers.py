"""Answers about usage, budgets and invoices in every form that Microsoft's samples have, and in odd ones."""

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic.alias_generators import to_camel

from events.messages.invoices import ExportedVersions
from tests.partner_center.conftest import MakeAccount, Recorder
from tests.partner_center.wire import Wire, answers
from worker.partner_center.errors import CallError, Refused, Unanswered
from worker.partner_center.port import PartnerCenter
from worker.partner_center.resources.spending import budgets, invoices, usage
from worker.spending.invoice_facts import balance, estimate_link, invoice
from worker.spending.usage_figures import Sums, partner_summary, period, record

C = "0a1b2c3d-0000-4000-8000-00000000cafe"
NOTHING = ExportedVersions(reconciliation=None, usage=None)
ODD: list[Any] = [None, True, 0, -1, "", "x", "0001-01-01T00:00:00", "9999-12-31T23:59:59-11:00", [], [None], {}, 1e300]
"""Values that no member of these answers should have."""
TOTAL = "totalCost"
USAGE = [name for name in map(to_camel, usage.UsageItem.model_fields) if name != TOTAL]
SUMMARY = [name for name in map(to_camel, usage.Summary.model_fields) if name != TOTAL]
INVOICE = [info.alias or name for name, info in invoices.InvoiceDocument.model_fields.items()]


@pytest.fixture
def center(make_account: MakeAccount, run: Recorder, tmp_path: Path) -> PartnerCenter:
    """An account with a user's token."""
    file = tmp_path / "refresh-token"
    file.write_text("a-refresh-token")
    return make_account(refresh_token_file=file).center(run)


async def all_of(found: AsyncIterator[Any]) -> list[Any]:
    """Everything that an iterator gives."""
    return [each async for each in found]


@pytest.mark.parametrize(
    "body",
    [
        {"items": [None, {"ID": "A", "TOTALCOST": "1.50", "CurrencyCode": "eur", "more": {}}, None]},
        {"Items": [{"id": "A", "totalCost": 1.5, "currencyCode": "EUR", "budget": None, "lastModifiedDate": "soon"}]},
        [{"resourceId": "a", "totalCost": "15e-1", "currencyCode": "EUR", "budget": {"amount": None}}],
        {"totalCount": 9, "items": [5, "x", {"id": "A", "totalCost": 1.5, "currencyCode": "EUR", "isUpgraded": "yes"}]},
    ],
    ids=["nulls", "another case", "a bare list", "entries that are no objects"],
)
async def test_usage_is_read_in_every_form(body: object, center: PartnerCenter, partner_center: Wire) -> None:
    """Entries may be null or no objects, names in another case, numbers text with an exponent."""
    partner_center.will(answers(200, body))
    sums = Sums()
    for each in await all_of(usage.records(center, usage.CUSTOMERS, {})):
        sums.add(each)
        assert record("customer", each).kind == "customer"
    assert [(each.currency, each.total) for each in sums.totals] == [("EUR", Decimal("1.5"))]


@pytest.mark.parametrize("body", [{"items": []}, {"items": None, "totalCount": 0}, {"totalCount": 0}, []], ids=str)
async def test_no_records_are_no_error(body: object, center: PartnerCenter, partner_center: Wire) -> None:
    """A collection may be empty in several ways."""
    partner_center.will(answers(200, body))
    assert await all_of(usage.records(center, usage.CUSTOMERS, {})) == []


async def test_the_next_page_is_followed_wherever_the_link_stands(center: PartnerCenter, partner_center: Wire) -> None:
    """Before or behind the items, with or without the version, with headers."""
    link = {
        "next": {"uri": "/v1/customers/usagerecords?page=2", "headers": [{"key": "MS-ContinuationToken", "value": "T"}]}
    }
    partner_center.will(answers(200, {"links": link, "items": [{"id": "1"}]}), answers(200, {"items": [{"id": "2"}]}))
    assert [each.id for each in await all_of(usage.records(center, usage.CUSTOMERS, {}))] == ["1", "2"]
    assert partner_center.seen[1].target == "/v1/customers/usagerecords?page=2"


@pytest.mark.parametrize("status", [400, 404, 200])
async def test_no_usage_has_a_code_whatever_its_status(
    status: int, center: PartnerCenter, partner_center: Wire
) -> None:
    """Code 3000, as a number or as text; the status is not documented."""
    partner_center.will(answers(status, {"code": 3000, "description": "Customer does not have usage data."}))
    with pytest.raises(Refused) as no:
        await usage.summary(center, usage.CUSTOMER, {"customer_id": C})
    assert no.value.code == usage.NO_USAGE
    partner_center.will(answers(status, {"code": "3000", "description": "Customer does not have usage data."}))
    with pytest.raises(Refused):
        await all_of(usage.records(center, usage.SUBSCRIPTIONS, {"customer_id": C}))


@pytest.mark.parametrize("value", ODD, ids=repr)
async def test_odd_values_of_usage_are_absent_and_never_an_error(
    value: Any, center: PartnerCenter, partner_center: Wire
) -> None:
    """Each member in turn, and all of them: the report says the rest."""
    items = [{name: value} for name in USAGE] + [dict.fromkeys(USAGE, value), {"totalCost": 2, "currencyCode": "EUR"}]
    partner_center.will(answers(200, {"items": items}))
    sums = Sums()
    for each in await all_of(usage.records(center, usage.CUSTOMERS, {})):
        sums.add(each)
        assert json.loads(record("meter", each).model_dump_json())["kind"] == "meter"
    assert sums.totals
    for name in (*SUMMARY, None):
        body = dict.fromkeys(SUMMARY, value) if name is None else {name: value}
        partner_center.will(answers(200, body))
        found = await usage.summary(center, usage.CUSTOMER, {"customer_id": C})
        Sums().add(found)
        assert len(period(found)) == 2
        assert partner_summary(found).excludes_plan_customers


@pytest.mark.parametrize("value", [True, "x", "1,5", "1_000", [], [None], {}, 1e300, "NaN"], ids=repr)
async def test_a_total_or_a_budget_that_is_no_number_is_an_error(
    value: Any, center: PartnerCenter, partner_center: Wire
) -> None:
    """Sums without it would be too small, and a command about a budget would act on another one."""
    partner_center.will(
        answers(200, {"items": [{TOTAL: 2, "currencyCode": "EUR"}, {TOTAL: value}]}),
        answers(200, {TOTAL: value}),
        answers(200, {"amount": value}),
    )
    with pytest.raises(Unanswered):
        await all_of(usage.records(center, usage.CUSTOMERS, {}))
    with pytest.raises(Unanswered):
        await usage.summary(center, usage.CUSTOMER, {"customer_id": C})
    with pytest.raises(Unanswered):
        await budgets.get(center, C)


@pytest.mark.parametrize("value", ODD, ids=repr)
async def test_odd_values_of_invoices_are_absent_and_never_an_error(
    value: Any, center: PartnerCenter, partner_center: Wire
) -> None:
    """Each member in turn, also inside amendments; balances and links too."""
    others = [name for name in INVOICE if name != "id"]
    bodies = [{"id": "G1", name: value} for name in others] + [{"id": "G1", **dict.fromkeys(others, value)}]
    items = [*bodies, *({"id": "G1", "amendments": [None, each]} for each in bodies), {"id": None}]
    items = [{**each, "id": each["id"] and f"G1{number}"} for number, each in enumerate(items)]
    partner_center.will(answers(200, {"items": items}))
    found = [each for each in await invoices.list_all(center) if each.id]
    assert len(found) == len(items) - 1
    for each in found:
        assert json.loads(invoice(each, NOTHING).model_dump_json())["id"].startswith("G1")
    names = [info.alias or name for name, info in invoices.BalanceSummary.model_fields.items()]
    partner_center.will(answers(200, {"items": [dict.fromkeys(names, value)]}))
    assert [balance(each) for each in await invoices.summaries(center)]
    partner_center.will(answers(200, {"items": [{"type": value, "link": value}]}))
    assert [estimate_link(each) for each in await invoices.estimate_links(center, "EUR")]


@pytest.mark.parametrize(
    ("body", "amount"),
    [
        (b'{"amount": 100, "usageSpendingBudget": 100}', "100"),
        (b'{"Amount": "97.50"}', "97.50"),
        (b'{"attributes": {"objectType": "SpendingBudget"}}', None),
        (b'{"amount": null}', None),
        (b'{"amount": 1.50e2}', "150"),
        (b'{"": {"amount": 5}}', None),
        (b"{}", None),
    ],
    ids=str,
)
async def test_a_budget_is_read_in_every_form(
    body: bytes, amount: str | None, center: PartnerCenter, partner_center: Wire
) -> None:
    """Without an amount there is no budget."""
    partner_center.will(answers(200, body))
    assert (await budgets.get(center, C)).value == (None if amount is None else Decimal(amount))


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b'{"amount": 1 {"x": 2}}'], ids=str)
async def test_an_answer_to_a_change_that_cannot_be_read_leaves_the_change_in_doubt(
    body: bytes, center: PartnerCenter, partner_center: Wire
) -> None:
    """As the documentation's own sample, which is no JSON: the command looks at the budget."""
    partner_center.will(answers(200, body))
    with pytest.raises(Unanswered) as lost:
        await budgets.set(center, C, "1")
    assert lost.value.in_doubt


@pytest.mark.parametrize("body", [b'{"items": [{"id": "1"}', b'{"items": [{"id": "1"}, {', b"<html>"], ids=str)
async def test_a_cut_list_is_no_list(body: bytes, center: PartnerCenter, partner_center: Wire) -> None:
    """Half of the records is never taken for all of them."""
    partner_center.will(*[answers(200, body)] * 5)
    with pytest.raises(CallError):
        await all_of(usage.records(center, usage.CUSTOMERS, {}))
