"""Collections in several pages: the client follows their links, with the links' headers, to the end."""

import pytest

from tests.partner_center.conftest import Recorder
from tests.partner_center.wire import Move, Wire, answers
from worker.partner_center import paging
from worker.partner_center.errors import Unanswered
from worker.partner_center.port import PartnerCenter
from worker.partner_center.resources import customers, subscriptions


def page(ids: str, uri: str | None = None, token: str = "") -> Move:
    """A page of subscriptions, with the link to the next."""
    links = {}
    if uri:
        links["next"] = {"uri": uri, "method": "GET", "headers": [{"key": "MS-ContinuationToken", "value": token}]}
    return answers(200, {"totalCount": 1, "items": [{"id": each} for each in ids], "links": links})


async def test_pages_are_followed_to_the_end(center: PartnerCenter, partner_center: Wire, run: Recorder) -> None:
    """The next page is requested as its link says. The count of items is not used."""
    uri = "/customers/c/subscriptions?seekOperation=Next"
    partner_center.will(page("ab", uri, "token-1"), page("", f"v1{uri}", "token-2"), page("c"))
    assert [each.id for each in await subscriptions.list_all(center, "c")] == ["a", "b", "c"]
    assert [(seen.target, seen.headers.get("ms-continuationtoken")) for seen in partner_center.seen] == [
        ("/v1/customers/c/subscriptions", None),
        ("/v1/customers/c/subscriptions?seekOperation=Next", "token-1"),
        ("/v1/customers/c/subscriptions?seekOperation=Next", "token-2"),
    ]
    assert len({seen.headers["ms-requestid"] for seen in partner_center.seen}) == 3
    assert {call.operation for call in run.calls} == {"subscriptions.list"}


async def test_very_many_customers_come_page_by_page(center: PartnerCenter, partner_center: Wire) -> None:
    """The second page is not asked for before the first has been used."""
    partner_center.will(page("ab", "/customers?seekOperation=Next", "t"), page("c"))
    found = []
    async for customer in customers.list_all(center, size=2):
        found.append(customer.id)
        assert len(partner_center.seen) == (1 if customer.id in "ab" else 2)
    assert found == ["a", "b", "c"]
    assert partner_center.seen[0].target == "/v1/customers?size=2"


async def test_one_page_is_one_request(center: PartnerCenter, partner_center: Wire) -> None:
    """A check whether Partner Center answers reads one page only."""
    partner_center.will(page("a", "/customers?seekOperation=Next", "t"))
    first = await customers.page(center, size=1)
    assert (len(first.items), len(partner_center.seen)) == (1, 1)


async def test_pages_that_lead_in_a_circle(center: PartnerCenter, partner_center: Wire) -> None:
    """The read fails instead of following the links forever."""
    uri = "/customers/c/subscriptions?seekOperation=Next"
    partner_center.react = lambda _: page("a", uri, "same")
    with pytest.raises(Unanswered, match="circle"):
        await subscriptions.list_all(center, "c")
    assert len(partner_center.seen) == 2


async def test_pages_without_end(center: PartnerCenter, partner_center: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """An endless chain of new links fails too."""
    monkeypatch.setattr(paging, "PAGES", 5)
    partner_center.react = lambda _: page("a", f"/customers/c/subscriptions?n={len(partner_center.seen)}", "x")
    with pytest.raises(Unanswered, match="not ended after 5 pages"):
        await subscriptions.list_all(center, "c")


async def test_a_page_at_another_host_is_not_asked_for(center: PartnerCenter, partner_center: Wire) -> None:
    """The token does not go to another host, and a part of a list is not returned."""
    partner_center.will(page("a", "https://evil.example/v1/customers", "t"))
    with pytest.raises(Unanswered, match="another host"):
        await subscriptions.list_all(center, "c")


async def test_a_page_that_fails_fails_the_list(center: PartnerCenter, partner_center: Wire) -> None:
    """The pages before it are not returned as the whole list."""
    partner_center.will(page("a", "/customers/c/subscriptions?n=2", "t"), answers(500, {}))
    with pytest.raises(Unanswered):
        await subscriptions.list_all(center, "c")
