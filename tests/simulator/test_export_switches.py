"""What exports and blobs do when somebody turns a knob: other forms, new versions, damage, faults of the network."""

import asyncio
import gzip
import json
from decimal import Decimal

import pytest

from ops.simulator.behaviour import Hostility
from ops.simulator.delivery import ConnectionDropped
from ops.simulator.simulator import Simulator
from tests.simulator.billing import BILLED, GraphCaller, summed
from tests.simulator.caller import Answered

BASIC = {
    *("AdditionalInfo", "BenefitOrderID", "BenefitType", "BillingCurrency", "BillingPreTaxTotal"),
    *("ChargeEndDate", "ChargeStartDate", "ChargeType", "CreditPercentage", "CreditType"),
    *("CustomerId", "CustomerName", "EffectiveUnitPrice", "EntitlementId", "InvoiceNumber"),
    *("PartnerId", "PartnerName", "PCToBCExchangeRate", "PricingCurrency", "PricingPreTaxTotal"),
    *("ProductId", "PublisherName", "Quantity", "ResourceURI", "SkuId"),
    *("SkuName", "SubscriptionId", "UnitPrice", "UnitType", "UsageDate"),
}
FULL_ONLY = {
    *("AvailabilityId", "BenefitID", "ConsumedService", "CustomerCountry", "CustomerDomainName"),
    *("EntitlementDescription", "MeterCategory", "MeterId", "MeterName", "MeterRegion"),
    *("MeterSubCategory", "MeterType", "MpnId", "PartnerEarnedCreditPercentage", "ProductName"),
    *("PublisherId", "ResourceGroup", "ResourceLocation", "ServiceInfo1", "ServiceInfo2"),
    *("SubscriptionDescription", "Tags", "Tier2MpnId", "Unit"),
}
NUMBERS = ("quantity", "unitprice", "effectiveunitprice", "billingpretaxtotal", "pricingpretaxtotal")


@pytest.fixture
def graph(simulator: Simulator) -> GraphCaller:
    """The partner's application, before a simulator with one invoice."""
    simulator.invoice(usage_lines=90, blobs=3)
    return GraphCaller(simulator)


async def test_the_manifest_can_be_elsewhere(simulator: Simulator, graph: GraphCaller) -> None:
    """Inline, behind a navigation link, or behind a plain address: the same manifest."""
    inline = await graph.manifest()
    address = await graph.begin()
    for form, member in (("link", "resourceLocation@odata.navigationLink"), ("url", "resourceLocation")):
        simulator.change(resource_location=form)
        link = (await graph.call("GET", address)).body[member]
        manifest = (await graph.call("GET", link)).body
        assert {name: value for name, value in manifest.items() if name[0] != "@"} == inline


async def test_the_manifest_can_have_the_names_of_the_beta(simulator: Simulator, graph: GraphCaller) -> None:
    """Then the sizes of the blobs stand in it too."""
    simulator.change(manifest_form="beta", success_word="completed")
    manifest = await graph.manifest()
    sizes = [blob.bytes for blob in simulator.figures("G000000001").blobs]
    assert [blob["sizeInBytes"] for blob in manifest["blobs"]] == sizes
    assert {"rootFolder", "rootFolderSAS", "utcCreatedDateTime", "version"} <= set(manifest)


@pytest.mark.parametrize(
    ("outcome", "status"), [("5000", "failed"), ("failed", "failed"), ("skipped", "skipped"), ("never", "running")]
)
async def test_exports_can_end_otherwise(simulator: Simulator, graph: GraphCaller, outcome: str, status: str) -> None:
    """Without data, with another error, or never; a test can end one by hand."""
    simulator.change(export_outcome=outcome)
    address = await graph.begin()
    simulator.clock.advance(7 * 3600)
    looked = await graph.call("GET", address)
    assert looked.body["status"] == status
    assert (looked.body.get("error", {}).get("code") == "5000") == (outcome == "5000")
    (export,) = simulator.books.exports
    simulator.end_export(export.id, "succeeded")
    assert (await graph.call("GET", address)).body["status"] == "succeeded"
    simulator.end_export(export.id, "expired")
    assert (await graph.call("GET", address)).status == 410


async def test_data_can_change_between_two_looks(simulator: Simulator, graph: GraphCaller) -> None:
    """A new version has another eTag, and other bytes only where its lines differ; a pinned manifest stays."""
    address = await graph.begin()
    first = (await graph.call("GET", address)).body["resourceLocation"]
    simulator.renew_invoice("G000000001", same_content=True)
    second = (await graph.call("GET", address)).body["resourceLocation"]
    assert (second["eTag"] == first["eTag"], second["rootDirectory"] == first["rootDirectory"]) == (False, False)
    assert (await graph.blob(first)).content == (await graph.blob(second)).content
    simulator.renew_invoice("G000000001", same_content=False)
    third = (await graph.call("GET", address)).body["resourceLocation"]
    assert (await graph.blob(third)).content != (await graph.blob(second)).content
    assert summed(await graph.lines(third), "BillingPreTaxTotal") == summed(
        await graph.lines(first), "BillingPreTaxTotal"
    )
    simulator.change(pinned_manifests=True)
    assert (await graph.call("GET", address)).body["resourceLocation"]["eTag"] == first["eTag"]


async def test_data_can_change_during_a_download(simulator: Simulator, graph: GraphCaller) -> None:
    """After some blobs the data are another version, as often as wished; old blobs may be gone."""
    simulator.change(etag_changes=1, etag_after_blobs=2, old_blobs="gone")
    address = await graph.begin()
    first = (await graph.call("GET", address)).body["resourceLocation"]
    statuses = [(await graph.blob(first, number)).status for number in range(3)]
    second = (await graph.call("GET", address)).body["resourceLocation"]
    assert (statuses, second["eTag"] == first["eTag"]) == ([200, 200, 404], False)
    assert [(await graph.blob(second, number)).status for number in range(3)] == [200, 200, 200]
    assert (await graph.call("GET", address)).body["resourceLocation"]["eTag"] == second["eTag"]


@pytest.mark.parametrize("damage", ["truncated", "crc", "not_json", "not_utf8", "not_gzip", "missing", "redirect"])
async def test_the_last_blob_can_be_damaged(simulator: Simulator, graph: GraphCaller, damage: str) -> None:
    """A given number of downloads are damaged, the others whole."""
    simulator.change(blob_damage=damage, blob_damage_times=1)
    manifest = await graph.manifest()
    wrong, right = await graph.blob(manifest, 2), await graph.blob(manifest, 2)
    assert (await graph.blob(manifest, 0)).status == 200
    assert len([json.loads(line) for line in gzip.decompress(right.content).splitlines()]) == 30
    if damage in ("missing", "redirect"):
        assert wrong.status == (404 if damage == "missing" else 302)
    else:
        assert (wrong.status, wrong.headers["Content-Length"]) == (200, str(len(wrong.content)))
        with pytest.raises((EOFError, OSError, ValueError)):
            [json.loads(line) for line in gzip.decompress(wrong.content).splitlines()]


@pytest.mark.parametrize("count", [0, 1, 40])
async def test_an_export_has_any_number_of_blobs(simulator: Simulator, count: int) -> None:
    """None, one or many; without blobs there are no lines."""
    simulator.invoice(usage_lines=90 if count else 0, blobs=count)
    graph = GraphCaller(simulator)
    manifest = await graph.manifest()
    assert (manifest["blobCount"], len(manifest["blobs"])) == (count, count)
    assert len(await graph.lines(manifest)) == (90 if count else 0) == simulator.figures("G000000001").rows


@pytest.mark.parametrize("keys", ["pascal", "camel"])
@pytest.mark.parametrize("synonyms", ["export", "api"])
@pytest.mark.parametrize("numbers", ["number", "text", "mixed", "exponent"])
async def test_lines_come_in_every_documented_spelling(
    simulator: Simulator, graph: GraphCaller, keys: str, synonyms: str, numbers: str
) -> None:
    """Case, synonyms and forms of numbers change, what the lines say does not."""
    plain = await graph.lines(await graph.manifest())
    simulator.change(line_keys=keys, line_synonyms=synonyms, line_numbers=numbers, unknown_attributes=["PriceBenefits"])
    manifest = await graph.manifest()
    (first, *_) = gzip.decompress((await graph.blob(manifest)).content).splitlines()
    raw = json.loads(first, parse_float=Decimal, parse_int=Decimal)
    lines = [{name.lower(): value for name, value in line.items()} for line in await graph.lines(manifest)]
    assert summed(lines, "billingpretaxtotal") == summed(plain, "BillingPreTaxTotal")
    assert ("PartnerId" in raw, "PriceBenefits" in raw) == (keys == "pascal", True)
    assert ("unit" in lines[0], "unitofmeasure" in lines[0]) == (synonyms == "export", synonyms == "api")
    rate = "partnerearnedcreditpercentage" if synonyms == "export" else "rateofpartnerearnedcredit"
    assert {Decimal(line[rate]) for line in lines} == {0, 15 if synonyms == "export" else Decimal("0.15")}
    texts = {type(value) for name, value in raw.items() if name.lower() in NUMBERS}
    assert (str in texts, Decimal in texts) == (numbers in ("text", "mixed"), numbers != "text")


@pytest.mark.parametrize("keys", ["pascal", "camel"])
async def test_dates_and_single_lines_can_be_odd(simulator: Simulator, graph: GraphCaller, keys: str) -> None:
    """Dates lack their zone; the first line of a blob has what readers stumble over, and no amount changes."""
    plain = await graph.lines(await graph.manifest())
    kinds = ["empty_number", "null_number", "many_decimals", "nested", "doubled_key"]
    simulator.change(line_keys=keys, line_dates="bare", line_oddities=kinds)
    manifest = await graph.manifest()
    (first, second, *_) = gzip.decompress((await graph.blob(manifest)).content).decode().splitlines()
    assert first.lower().count('"partnerid"') == 2
    lines = [{name.lower(): value for name, value in line.items()} for line in await graph.lines(manifest)]
    assert (lines[0]["creditpercentage"], lines[0]["pctobcexchangerate"]) == ("", None)
    assert (len(str(lines[0]["unitprice"])), lines[0]["benefits"]["Names"]) == (27, ["a", "b"])
    assert (lines[1]["creditpercentage"] == "", "benefits" in second.lower()) == (False, False)
    assert {line["usagedate"][-3:] for line in lines} == {":00"}
    assert summed(lines, "billingpretaxtotal") == summed(plain, "BillingPreTaxTotal")


async def test_ids_of_the_reconciliation_can_have_capitals(simulator: Simulator, graph: GraphCaller) -> None:
    """Usage and reconciliation then name the same customer in another case."""
    simulator.change(line_ids="mixed")
    usage, reconciliation = await graph.lines(await graph.manifest()), await graph.manifest("reconciliation")
    ids = {line["CustomerId"] for line in usage}
    assert {line["CustomerId"] for line in await graph.lines(reconciliation)} == {each.upper() for each in ids} != ids


async def test_basic_attributes_are_fewer(graph: GraphCaller) -> None:
    """Both sets have what the page of attributeSet lists, and nothing that is Partner Center's alone."""
    full = set((await graph.lines(await graph.manifest(attributeSet="full")))[0])
    basic = set((await graph.lines(await graph.manifest(attributeSet="basic")))[0])
    assert (basic, full) == (BASIC, BASIC | FULL_ONLY)


async def test_aggregated_usage_is_in_the_beta_alone(graph: GraphCaller) -> None:
    """Its POST takes an invoice and no set of attributes."""
    path = BILLED.format("aggregatedUsage")
    assert (await graph.call("POST", path, {"invoiceId": "G000000001"})).status == 400
    begun = await graph.call("POST", path, {"invoiceId": "G000000001"}, version="beta")
    manifest = (await graph.call("GET", begun.headers["Location"])).body["resourceLocation"]
    assert len(await graph.lines(manifest)) == 12


@pytest.mark.parametrize("operation", ["graph.usage.billed", "graph.operation", "storage.blob"])
async def test_faults_of_the_network_hit_the_new_services(
    simulator: Simulator, graph: GraphCaller, operation: str
) -> None:
    """A lost answer, an error in each service's own words, a page of a gateway, and too many requests."""

    address, manifest = await graph.begin(), await graph.manifest()

    async def call() -> Answered:
        if operation == "storage.blob":
            return await graph.blob(manifest)
        if operation == "graph.operation":
            return await graph.call("GET", address)
        return await graph.call("POST", BILLED.format("usage"), {"invoiceId": "G000000001"})

    for kind in ("reset_after", "truncated"):
        simulator.faults.add(kind, operation=operation)
        with pytest.raises(ConnectionDropped):
            await call()
    simulator.faults.add("error_before", operation=operation, status=503, code=1)
    simulator.faults.add("throttle", operation=operation, retry_after=7)
    simulator.faults.add("gateway", operation=operation)
    answers = [await call() for _ in range(4)]
    good = 202 if operation == "graph.usage.billed" else 200
    assert [answer.status for answer in answers] == [503, 429, 404, good]
    assert answers[1].headers["Retry-After"] == "7"


async def test_refusals_by_a_fault_are_in_the_words_of_their_service(simulator: Simulator, graph: GraphCaller) -> None:
    """Graph answers with error and innerError, storage with XML."""
    address, manifest = await graph.begin(), await graph.manifest()
    for operation in ("graph.operation", "storage.blob"):
        simulator.faults.add("error_before", operation=operation, status=503, code=1, retry_after=3)
    of_graph, of_storage = await graph.call("GET", address), await graph.blob(manifest)
    assert (of_graph.status, of_graph.headers["Retry-After"]) == (503, "3")
    assert {"code", "message", "innerError"} == set(of_graph.body["error"])
    assert (of_storage.status, of_storage.headers["x-ms-error-code"]) == (503, "ServerBusy")
    assert b"<Code>ServerBusy</Code>" in of_storage.content
    simulator.faults.add("gateway", operation="storage.blob", page="json")
    assert (await graph.blob(manifest)).body == {"statusCode": 404, "message": "Resource not found"}


async def test_a_ceiling_of_graph_is_answered_429(simulator: Simulator, graph: GraphCaller) -> None:
    """One call too many in a minute is told when to come again."""
    simulator.change(graph_requests_per_minute=2)
    address = await graph.begin()
    assert [(await graph.call("GET", address)).status for _ in range(2)] == [200, 429]
    simulator.clock.advance(61)
    assert (await graph.call("GET", address)).status == 200


async def test_hostile_answers_of_graph_have_no_byte_order_mark(simulator: Simulator, graph: GraphCaller) -> None:
    """Dates lack their zone now and then, and members are there that no page names; the JSON is plain UTF-8."""
    simulator.change(hostility=Hostility())
    looked = await graph.call("GET", await graph.begin())
    assert looked.content.startswith(b"{")
    assert not looked.body["lastActionDateTime"].endswith("Z")


async def test_small_knobs_of_exports(simulator: Simulator, graph: GraphCaller) -> None:
    """Retry-After may be absent, an address be short-lived, and a blob say that it is gzip."""
    simulator.change(export_seconds=(60, 60), export_retry_after=None, sas_lifetime=5, blob_header="gzip")
    address = await graph.begin()
    assert "Retry-After" not in (await graph.call("GET", address)).headers
    simulator.clock.advance(60)
    manifest = (await graph.call("GET", address)).body["resourceLocation"]
    served = await graph.blob(manifest)
    assert (served.status, served.headers["Content-Encoding"]) == (200, "gzip")
    simulator.clock.advance(6)
    assert (await graph.blob(manifest)).status == 403
    fresh = (await graph.call("GET", address)).body["resourceLocation"]
    assert (await graph.blob(fresh)).status == 200
    assert (fresh["eTag"], fresh["rootDirectory"]) == (manifest["eTag"], manifest["rootDirectory"])


async def test_a_download_can_be_slow(simulator: Simulator, graph: GraphCaller) -> None:
    """A blob leaves at a chosen number of bytes a second; other requests are answered meanwhile."""
    manifest = await graph.manifest()
    size = len((await graph.blob(manifest)).content)
    simulator.change(blob_speed=size // 10)
    slow = asyncio.create_task(graph.blob(manifest))
    for second in range(11):
        await asyncio.sleep(0.01)
        assert not slow.done(), second
        assert (await graph.call("GET", await graph.begin())).status == 200
        simulator.clock.advance(1)
    assert len((await asyncio.wait_for(slow, 5)).content) == size
