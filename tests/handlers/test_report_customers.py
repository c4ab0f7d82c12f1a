"""ReportCustomers: the pages of the partner's customers, and the answer after them (section 1 of the lifecycle)."""

import pytest

from events.codes import RejectedCode
from events.messages.base import Event
from events.messages.command_status import CommandAccepted, CommandValidated
from events.messages.customers import CustomersListed, CustomersReported, ReportCustomers
from tests.handlers.stage import Stage
from worker.handlers import report_customers


def ask(stage: Stage, **members: object) -> ReportCustomers:
    """The command for the partner account of the stage."""
    return ReportCustomers.model_validate({"customer_id": stage.simulator.partner.tenant_id, **members})


async def told(stage: Stage, command: ReportCustomers) -> list[Event]:
    """The events of the command, up to its answer."""
    sent = await stage.send(command)
    await stage.answer(sent)
    return await stage.events(sent)


async def listed(stage: Stage, **members: object) -> list[str]:
    """The ids of the customers on all pages of a report."""
    found = await told(stage, ask(stage, **members))
    pages = [event for event in found if isinstance(event, CustomersListed)]
    return [each.customer_id for page in pages for each in page.customers]


async def test_the_customers_are_listed_on_a_page_before_the_answer(stage: Stage) -> None:
    """A page has id, name, domain and relationship; `country` is null, since the list does not say it."""
    first, second = stage.simulator.customer("ready"), stage.simulator.customer("plan")
    accepted, page, answer = await told(stage, ask(stage))
    assert isinstance(accepted, CommandAccepted)
    assert isinstance(page, CustomersListed)
    assert (page.page, page.pages) == (1, 1)
    assert [each.customer_id for each in page.customers] == [first.id, second.id]
    assert page.wire_data()["customers"][0] == {
        "customerId": first.id,
        "name": first.name,
        "domain": first.domain,
        "country": None,
        "relationship": "reseller",
    }
    assert isinstance(answer, CustomersReported)
    assert (answer.customers, answer.pages, answer.truncated) == (2, 1, ())


async def test_customers_are_not_read_one_by_one(stage: Stage) -> None:
    """A report of many customers is the calls of the list, and nothing else."""
    for _ in range(3):
        stage.simulator.customer("ready")
    await stage.done(CustomersReported, ask(stage))
    assert stage.calls() == ["customers.list"]


async def test_no_customer_is_no_page(stage: Stage) -> None:
    """Zero pages: the answer alone says that there is nobody."""
    answer = await stage.done(CustomersReported, ask(stage))
    assert (answer.customers, answer.pages) == (0, 0)


async def test_a_page_has_at_most_500_customers(stage: Stage) -> None:
    """Customers of many pages of Partner Center come in few pages, each with its number."""
    made = [stage.simulator.customer("ready").id for _ in range(1_001)]
    found = await told(stage, ask(stage))
    pages = [event for event in found if isinstance(event, CustomersListed)]
    assert [(page.page, page.pages, len(page.customers)) for page in pages] == [(1, 3, 500), (2, 3, 500), (3, 3, 1)]
    assert [each.customer_id for page in pages for each in page.customers] == made
    assert stage.calls() == ["customers.list"] * 11


async def test_all_pages_are_published_with_the_answer(stage: Stage) -> None:
    """All pages of one report go into the outbox in the transaction of the terminal event: never a page alone."""
    stage.simulator.change(page_size=1)
    for _ in range(3):
        stage.simulator.customer("ready")
    stage.fault("error_before", "customers.list", skip=2, status=503)
    sent = await stage.send(ask(stage))
    await stage.until("customers.list", 3)
    assert not [event for event in await stage.events(sent) if isinstance(event, CustomersListed)]
    await stage.answer(sent)
    rows = [row for row in await stage.journal.unsent(100) if row.type != CommandAccepted.wire_type()]
    assert {row.type for row in rows} >= {CustomersListed.wire_type(), CustomersReported.wire_type()}


async def test_a_name_is_filtered_by_microsoft(stage: Stage) -> None:
    """`name`: companies whose name begins so, in any case."""
    stage.simulator.customer("ready")
    other = stage.simulator.customer("ready")
    other.name = "Contoso Retail"
    assert await listed(stage, name="contoso r") == [other.id]
    assert stage.simulator.books.requests[-1].query["filter"]


async def test_a_domain_means_begins_so(stage: Stage) -> None:
    """`domain` alone is filtered by Microsoft too."""
    one = stage.simulator.customer("ready")
    for _ in range(9):
        stage.simulator.customer("ready")
    last = stage.simulator.customer("ready")
    one.domain, last.domain = "tailspin.example", "TAILSPIN-toys.example"
    assert await listed(stage, domain="tailspin") == [one.id, last.id]
    assert "Domain" in stage.simulator.books.requests[-1].query["filter"]


async def test_with_both_filters_microsoft_filters_by_name_and_azplan_by_domain(stage: Stage) -> None:
    """Partner Center filters by one field."""
    one, other = stage.simulator.customer("ready"), stage.simulator.customer("ready")
    one.domain, other.domain = "tailspin.example", "wingtip.example"
    assert await listed(stage, name="Fabrikam", domain="Wing") == [other.id]
    assert "CompanyName" in stage.simulator.books.requests[-1].query["filter"]


async def test_a_validated_report_would_do_nothing(stage: Stage) -> None:
    """`validateOnly` on a report answers `CommandValidated` with an empty `wouldDo`, and no page."""
    stage.simulator.customer("ready")
    found = await told(stage, ask(stage, validate_only=True))
    assert [type(event) for event in found] == [CommandAccepted, CommandValidated]
    assert found[-1].would_do == ()  # type: ignore[attr-defined]


async def test_the_command_is_about_the_partner_account(stage: Stage) -> None:
    """`customerId` is the partner account's tenant id; a customer's id is refused."""
    customer = stage.simulator.customer("ready")
    rejected = await stage.rejected(ReportCustomers(customer_id=customer.id))
    assert rejected.code is RejectedCode.INVALID_COMMAND


async def test_a_very_large_list_stays_bounded(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report holds so many customers and no more; `truncated` says that Partner Center has more."""
    monkeypatch.setattr(report_customers, "MOST_CUSTOMERS", 3)
    stage.simulator.change(page_size=2)
    made = [stage.simulator.customer("ready").id for _ in range(9)]
    found = await told(stage, ask(stage))
    assert [each.customer_id for page in found if isinstance(page, CustomersListed) for each in page.customers] == made[
        :3
    ]
    assert isinstance(found[-1], CustomersReported)
    assert (found[-1].customers, found[-1].truncated) == (3, ("customers",))
    assert stage.calls() == ["customers.list"] * 2


async def test_a_list_longer_than_the_ceiling_ends(stage: Stage) -> None:
    """More pages than requests in a minute: the run waits for its next request instead of beginning again."""
    stage.simulator.change(page_size=1)
    for _ in range(501):
        stage.simulator.customer("ready")
    answer = await stage.done(CustomersReported, ask(stage))
    assert answer.customers == 501
    assert stage.calls().count("customers.list") == 501
