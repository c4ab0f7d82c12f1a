"""Figures, budgets and invoices from a Partner Center that is not our simulator: every form that an answer may have."""

import json
from typing import Any

import pytest

from events.messages.command_status import CommandRejected
from events.messages.invoices import InvoicesReported, ReportInvoices
from events.messages.usage import ReportUsage, SetUsageBudget, UsageBudgetSet, UsageRecorded, UsageReported
from ops.simulator.state import Customer
from tests.handlers.foreign import Foreign, answering
from tests.handlers.stage import Stage

CUSTOMERS = "GET /customers/usagerecords"
INVOICE = "GET /invoices/g000000001"
ITEM = {"id": "C-1", "name": "Contoso", "totalCost": 1.5, "currencyCode": "EUR", "usdTotalCost": 2}
SECOND = {"items": [{**ITEM, "id": "C-2", "totalCost": "0.25"}]}
BILLED = {"id": "G000000001", "invoiceDate": "2026-02-07T22:40:37.58Z", "totalCharges": "120.50", "currencyCode": "usd"}
NO_USAGE = {"code": 3000, "description": "Customer does not have usage data."}


def customers(stage: Stage, **members: object) -> ReportUsage:
    """The report of all customers."""
    return ReportUsage.model_validate(
        {"customerId": stage.simulator.partner.tenant_id, "scope": "customers", **members}
    )


def invoices(stage: Stage, **members: object) -> ReportInvoices:
    """The report of invoices."""
    return ReportInvoices.model_validate({"customerId": stage.simulator.partner.tenant_id, **members})


def next_page(link: object) -> list[object]:
    """Two pages, the first one with this link."""
    return [{"totalCount": 1, "items": [ITEM], "links": {"next": link}}, SECOND]


@pytest.mark.parametrize(
    ("answers", "totals"),
    [
        (
            {
                "TotalCount": 9,
                "Items": [{"RESOURCEID": "C-1", "TotalCost": "15e-1", "CurrencyCode": "eur"}],
                "Links": {},
            },
            ["1.5"],
        ),
        ({"items": [None, ITEM, {**ITEM, "totalCost": -2.25}], "totalCount": 77, "links": None}, ["-0.75"]),
        ({"items": [{**ITEM, "totalCost": None}], "links": {}}, []),
        ({"items": [], "totalCount": 5}, []),
        ({"items": None, "totalCount": 5}, []),
        (next_page({"uri": "/customers/usagerecords?p=2", "method": "GET"}), ["1.75"]),
        (next_page({"uri": "/v1/customers/usagerecords?p=2", "headers": [None]}), ["1.75"]),
        (next_page("/customers/usagerecords?p=2"), ["1.75"]),
        (next_page({"uri": ""}), ["1.5"]),
        *(((status, NO_USAGE), []) for status in (200, 400, 403, 404, 500)),
    ],
    ids=str,
)
async def test_a_list_is_summed_in_every_form(stage: Stage, answers: object, totals: list[str]) -> None:
    """Case of names, nulls, numbers as text, exponents, empty lists, wrong counts, links; no usage with any status."""
    answering(stage, {CUSTOMERS: answers})
    sent = await stage.send(customers(stage))
    answer = await stage.answer(sent)
    assert isinstance(answer, UsageReported), answer
    assert [each["total"] for each in answer.wire_data()["totals"]] == totals
    told = [each for page in await stage.events(sent) if isinstance(page, UsageRecorded) for each in page.records]
    assert {each.currency for each in told} <= {"EUR"}, "as the totals write it"
    assert answer.has_usage is bool(told)


@pytest.mark.parametrize(
    "body",
    [
        *({"items": [{**ITEM, "totalCost": odd}, ITEM]} for odd in ("1,234.50", True, {"value": 1}, "1e400")),
        {"totalCount": 2, "items": {"0": ITEM}},
        {"items": [ITEM], "links": "next"},
    ],
    ids=json.dumps,
)
async def test_a_sum_that_would_lack_something_is_not_told(stage: Stage, body: object) -> None:
    """An amount that is no number is not left out of the sums, and a list that is none is not an empty one.

    The list is read again.
    """
    answering(stage, {CUSTOMERS: [body, {"items": [ITEM, ITEM]}]})
    told = await stage.done(UsageReported, customers(stage))
    assert (told.records, str(told.totals[0].total)) == (2, "3.0")


@pytest.mark.parametrize(
    ("path", "command", "advice"),
    [
        ("/usagesummary", {"scope": "partner"}, "scope=customers"),
        ("/customers/{0}/subscriptions/{1}/usagerecords/resources", {"scope": "subscription"}, "by=meter"),
    ],
)
async def test_a_report_that_has_ended_is_not_available(
    stage: Stage, path: str, command: dict[str, str], advice: str
) -> None:
    """410: the advice says what is there in its place."""
    customer = stage.simulator.customer("legacy")
    (subscription,) = customer.subscriptions
    answering(stage, {f"GET {path.format(customer.id, subscription)}": (410, {"code": "1000", "description": "gone"})})
    of_one = {"customerId": customer.id, "subscriptionId": subscription, "by": "legacyResource"}
    no = await stage.rejected(customers(stage, **(command if "partner" in command.values() else of_one | command)))
    assert no.code == "not_available"
    assert advice in no.advice


# ---- the budget


def set_budget(customer: Customer, **members: object) -> SetUsageBudget:
    """The command that sets 100."""
    return SetUsageBudget.model_validate({"customerId": customer.id, "amount": "100", **members})


def present(stage: Stage, customer: Customer, answer: object) -> Foreign:
    """Let this be the answer to the question for the budget."""
    return answering(stage, {f"GET /customers/{customer.id}/usagebudget": answer})


@pytest.mark.parametrize(
    ("answer", "previous"),
    [
        (None, None),
        ((204, b""), None),
        ({"attributes": {"objectType": "SpendingBudget"}}, None),
        ({"Amount": None}, None),
        ((404, {"code": "1000", "description": "no budget"}), None),
        ({"AMOUNT": "5e1"}, "50"),
        ({"ammount": 7.10}, "7.1"),
        ({"amount": 0, "usageSpendingBudget": 0}, "0"),
    ],
    ids=str,
)
async def test_the_budget_before_is_read_in_every_form(stage: Stage, answer: object, previous: str | None) -> None:
    """`null`, no content and an object without an amount mean that there is none."""
    customer = stage.simulator.customer("plan")
    present(stage, customer, answer)
    told = await stage.done(UsageBudgetSet, set_budget(customer))
    assert (told.wire_data()["previous"], told.already_set) == (previous, False)


@pytest.mark.parametrize(
    "answer",
    [b"", [1], 50, "none", {"amount": "abc"}, {"amount": "1,5"}, {"amount": True}, {"amount": {"value": 5}}],
    ids=str,
)
async def test_a_budget_that_cannot_be_read_is_not_taken_for_none(stage: Stage, answer: object) -> None:
    """Else a command would set what it was told to leave, and `previous` would be wrong. It is read again."""
    customer = stage.simulator.customer("plan")
    foreign = present(stage, customer, [answer, {"amount": "50"}])
    no = await stage.rejected(set_budget(customer, ifAmount=None))
    assert (no.code, "the present budget is 50" in no.detail) == ("budget_changed", True)
    assert not [each for each in foreign.seen if each.startswith("PATCH")]


@pytest.mark.parametrize("answer", [{"amount": "99.99"}, {}, (204, b""), {"amount": None}], ids=str)
async def test_a_budget_is_set_when_a_look_shows_it(stage: Stage, answer: object) -> None:
    """The answer to the change has no amount, or another one: the look after it decides."""
    customer = stage.simulator.customer("plan")
    place = f"/customers/{customer.id}/usagebudget"
    answers = {f"PATCH {place}": answer, f"GET {place}": [{"amount": "7"}, {"amount": "100.0"}]}
    answering(stage, answers)
    told = await stage.done(UsageBudgetSet, set_budget(customer))
    assert (told.wire_data()["previous"], told.wire_data()["current"]) == ("7", "100")


@pytest.mark.parametrize("answer", [{"amount": "99.99"}, {}, (204, b""), {"amount": None}], ids=str)
async def test_a_budget_that_no_look_shows_is_not_set(stage: Stage, answer: object) -> None:
    """A success of the change is no success of the command."""
    customer = stage.simulator.customer("plan", budget="7")
    answering(stage, {f"PATCH /customers/{customer.id}/usagebudget": answer})
    failed = await stage.failed(set_budget(customer))
    assert (failed.code, "the budget 100, took it, and shows 7;" in failed.detail) == ("outcome_unknown", True)


# ---- invoices


@pytest.mark.parametrize("identity", ["G000000001", "OneTime-G000000001", "g000000001"])
async def test_an_invoice_has_its_number_without_the_type(stage: Stage, identity: str) -> None:
    """Descriptive lists of another form count as absent."""
    odd: dict[str, Any] = {"taxReceipts": {}, "invoiceDetails": "x", "amendments": [None, "x", {"id": "A1"}]}
    answering(stage, {INVOICE: {**BILLED, **odd, "id": identity}, "GET /invoices/summaries": {"items": []}})
    told = await stage.done(InvoicesReported, invoices(stage, invoiceId="G000000001"))
    (invoice,) = told.wire_data()["invoices"]
    assert (invoice["id"].upper(), invoice["total"], invoice["currency"]) == ("G000000001", "120.50", "USD")
    assert [each["id"] for each in invoice["amendments"]] == ["A1"]


@pytest.mark.parametrize(
    "answer", [{}, {"totalCount": 1, "items": [BILLED]}, {**BILLED, "id": "G000000002"}, None], ids=str
)
async def test_an_answer_about_no_or_another_invoice_is_none(stage: Stage, answer: object) -> None:
    """Nothing is reported under the id that was asked for but this invoice, which is read again."""
    answering(stage, {INVOICE: [answer, BILLED], "GET /invoices/summaries": {"items": []}})
    told = await stage.done(InvoicesReported, invoices(stage, invoiceId="G000000001"))
    assert [(each.id, str(each.total)) for each in told.invoices] == [("G000000001", "120.50")]


async def test_an_invoice_that_stands_on_every_page_is_reported_once(stage: Stage) -> None:
    """Size and offset are heeded for legacy invoices only, and the links lead on. Dates are those of UTC."""
    late = {**BILLED, "id": "D2", "invoiceDate": "2026-01-31T20:00:00-07:00"}
    pages: list[object] = [
        {"items": [BILLED, {**BILLED, "id": "D1"}], "links": {"next": {"uri": "/invoices?size=200&offset=200"}}},
        {"items": [{**BILLED, "id": "g000000001"}, late]},
    ]
    answering(
        stage, {"GET /invoices": pages, "GET /invoices/summaries": (403, {"code": "900150", "description": "no"})}
    )
    told = await stage.done(InvoicesReported, invoices(stage, **{"from": "2026-02-01"}))
    assert [each.id for each in told.invoices] == ["G000000001", "D1", "D2"]
    assert told.balances is None


async def test_an_answer_that_ends_in_the_middle_is_read_again(stage: Stage) -> None:
    """No record of the first reading is told."""
    whole = json.dumps({"items": [ITEM, {**ITEM, "id": "C-2"}]}).encode()
    answering(stage, {CUSTOMERS: [whole[:-20], whole]})
    told = await stage.done(UsageReported, customers(stage))
    assert (told.records, str(told.totals[0].total)) == (2, "3.0")


@pytest.mark.parametrize(("status", "code"), [(403, "2032"), (404, "20002")])
async def test_a_refusal_of_microsofts_own_is_final(stage: Stage, status: int, code: str) -> None:
    """Its code and its words are in the answer."""
    answering(stage, {CUSTOMERS: (status, {"Code": code, "Description": "Access denied", "data": None})})
    no = await stage.done(CommandRejected, customers(stage))
    assert no.partner_center is not None
    assert (no.partner_center.http_status, no.partner_center.code, no.detail) == (status, code, "Access denied")
