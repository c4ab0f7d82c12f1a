"""Exports at Microsoft Graph: asked for, looked at, described by a manifest, and forgotten."""

import hashlib

import pytest

from ops.simulator.simulator import Simulator
from tests.simulator.billing import BILLED, UNBILLED, GraphCaller, summed


@pytest.fixture
def graph(simulator: Simulator) -> GraphCaller:
    """The partner's application, before a simulator with one invoice."""
    simulator.invoice(usage_lines=500, groups=40, blobs=3)
    return GraphCaller(simulator)


async def test_an_export_waits_runs_and_tells_its_blobs(simulator: Simulator, graph: GraphCaller) -> None:
    """The POST answers 202 with an address only; the address says notStarted, running with Retry-After, succeeded."""
    simulator.change(export_queued=(10, 10), export_seconds=(60, 60))
    begun = await graph.call("POST", BILLED.format("usage"), {"invoiceId": "G000000001", "attributeSet": "full"})
    assert (begun.status, begun.content, "Retry-After" in begun.headers) == (202, b"", False)
    seen = []
    for seconds in (0, 20, 60):
        simulator.clock.advance(seconds)
        looked = await graph.call("GET", begun.headers["Location"])
        kind = looked.body["@odata.type"].rpartition(".")[2]
        seen.append((looked.status, looked.body["status"], kind, looked.headers.get("Retry-After")))
    assert seen == [
        (200, "notStarted", "runningOperation", "10"),
        (200, "running", "runningOperation", "10"),
        (200, "succeeded", "exportSuccessOperation", None),
    ]
    assert looked.body["resourceLocation"]["blobCount"] == 3


@pytest.mark.parametrize("lines", ["usage", "reconciliation"])
async def test_blobs_are_what_the_books_say(simulator: Simulator, graph: GraphCaller, lines: str) -> None:
    """Rows, hashes and sums of the downloaded blobs are those of the books, to the last digit."""
    manifest = await graph.manifest(lines)
    books = simulator.figures("G000000001", lines)  # type: ignore[arg-type]
    contents = [(await graph.blob(manifest, number)).content for number in range(manifest["blobCount"])]
    assert [hashlib.sha256(each).hexdigest() for each in contents] == [blob.sha256 for blob in books.blobs]
    found = await graph.lines(manifest)
    name = "BillingPreTaxTotal" if lines == "usage" else "Subtotal"
    assert len(found) == books.rows == sum(blob.rows for blob in books.blobs)
    assert summed(found, name) == sum(total.before_tax for total in books.totals)


@pytest.mark.parametrize("invoice", ["G999999999", "D000000001"])
async def test_an_unknown_or_legacy_invoice_is_accepted_and_fails_later(
    simulator: Simulator, graph: GraphCaller, invoice: str
) -> None:
    """The POST is 202 all the same; the operation then fails with 5000: no data."""
    simulator.invoice(id="D000000001")
    looked = await graph.call("GET", await graph.begin("reconciliation", invoice))
    assert (looked.status, looked.body["status"], looked.body["error"]["code"]) == (200, "failed", "5000")


async def test_unbilled_lines_are_asked_for_by_currency_and_period(simulator: Simulator, graph: GraphCaller) -> None:
    """The past month is called last; another currency has no data."""
    simulator.unbilled("EUR", "previous", usage_lines=70)
    body = {"currencyCode": "EUR", "billingPeriod": "last"}
    begun = await graph.call("POST", UNBILLED.format("usage"), body)
    looked = await graph.call("GET", begun.headers["Location"])
    found = await graph.lines(looked.body["resourceLocation"])
    assert (len(found), {line["InvoiceNumber"] for line in found}) == (70, {""})
    other = await graph.call("POST", UNBILLED.format("usage"), {**body, "currencyCode": "CHF"})
    assert (await graph.call("GET", other.headers["Location"])).body["error"]["code"] == "5000"


async def test_the_current_month_has_usage_until_yesterday(simulator: Simulator, graph: GraphCaller) -> None:
    """No line is of a day that has not come yet."""
    simulator.clock.advance(9 * 86400)
    simulator.unbilled("USD", "current", usage_lines=100)
    begun = await graph.call("POST", UNBILLED.format("usage"), {"currencyCode": "USD", "billingPeriod": "current"})
    lines = await graph.lines((await graph.call("GET", begun.headers["Location"])).body["resourceLocation"])
    assert (min(line["UsageDate"] for line in lines), max(line["UsageDate"] for line in lines)) == (
        "2026-03-01T00:00:00Z",
        "2026-03-09T00:00:00Z",
    )


async def test_a_month_that_is_current_becomes_the_last(simulator: Simulator, graph: GraphCaller) -> None:
    """What current and last mean follows from the day of the POST; seeding a month again is another version."""
    path = UNBILLED.format("usage")
    simulator.unbilled("USD", "current", usage_lines=70)
    simulator.clock.advance(31 * 86400)
    etags = []
    for lines in (70, 80):
        begun = await graph.call("POST", path, {"currencyCode": "USD", "billingPeriod": "last"})
        manifest = (await graph.call("GET", begun.headers["Location"])).body["resourceLocation"]
        assert len(await graph.lines(manifest)) == simulator.figures("unbilled-usd-previous").rows == lines
        etags.append(manifest["eTag"])
        simulator.unbilled("USD", "previous", usage_lines=80)
    assert len(set(etags)) == 2
    current = await graph.call("POST", path, {"currencyCode": "USD", "billingPeriod": "current"})
    assert (await graph.call("GET", current.headers["Location"])).body["status"] == "failed"


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"InvoiceId": "G000000001"},
        {"invoiceId": "G000000001", "size": 2000},
        {"invoiceId": "G000000001", "attributeSet": "all"},
    ],
)
async def test_a_wrong_body_is_refused(graph: GraphCaller, body: object) -> None:
    """Members must be spelled as the page spells them, and no other may be there."""
    refused = await graph.call("POST", BILLED.format("usage"), body)
    assert (refused.status, refused.body["error"]["code"]) == (400, "BadRequest")
    assert {"date", "request-id", "client-request-id"} <= set(refused.body["error"]["innerError"])


async def test_only_tokens_for_graph_with_the_permission_are_taken(simulator: Simulator, graph: GraphCaller) -> None:
    """A token of Partner Center is 401, a partner without the permission 403; a user's token works too."""
    address = await graph.begin()
    assert (await GraphCaller(simulator, token=simulator.token()).call("GET", address)).status == 401
    assert (await GraphCaller(simulator, token=simulator.graph_token(user=True)).call("GET", address)).status == 200
    simulator.partner.billing_permission = False
    assert (await graph.call("GET", address)).arm_code == "Authorization_RequestDenied"


async def test_an_operation_is_forgotten_with_410(simulator: Simulator, graph: GraphCaller) -> None:
    """After its lifetime the operation and its manifest are Gone; an operation nobody began is 404."""
    simulator.change(resource_location="link")
    address = await graph.begin()
    link = (await graph.call("GET", address)).body["resourceLocation@odata.navigationLink"]
    assert (await graph.call("GET", link)).status == 200
    simulator.clock.advance(86401)
    assert [(await graph.call("GET", each)).status for each in (address, link)] == [410, 410]
    assert (await graph.call("GET", address[:-4] + "ffff")).status == 404
