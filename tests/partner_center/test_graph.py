"""The door to Microsoft Graph: its tokens, its addresses, and the meaning of its answers."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.partner_center.authority import Authority
from tests.partner_center.conftest import MakeAccount, Recorder
from tests.partner_center.wire import Line, Move, Seen, Wire, answers, hangs_up
from worker.exports.graph_export import without_signature
from worker.partner_center.client.account import Account
from worker.partner_center.errors import CallError, Gone, NotPermitted, Refused, Throttled, TokenUnavailable, Unanswered
from worker.partner_center.port import PartnerCenter
from worker.partner_center.resources import billing_exports
from worker.partner_center.resources.billing_exports import Lines, Wanted
from worker.partner_center.resources.billing_manifests import Manifest

WANTED = Wanted(Lines.USAGE, invoice_id="G000000001")
PLACE = "/v1.0/reports/partners/billing/operations/1"
STARTED = answers(202, b"", Location=PLACE)


def fault(code: str, message: str | None = "no") -> dict[str, object]:
    """The form of its errors."""
    return {"error": {"code": code, "message": message, "innerError": {"date": "2026-11-08", "request-id": "r"}}}


@pytest.fixture
def with_user(make_account: MakeAccount, tmp_path: Path) -> Account:
    """An account with a user's refresh token."""
    file = tmp_path / "refresh-token"
    file.write_text("the-refresh-token")
    return make_account(refresh_token_file=file)


async def test_a_token_of_the_application_for_an_audience_of_its_own(
    center: PartnerCenter, graph: Wire, tokens: Authority, run: Recorder
) -> None:
    """The token is kept; the headers are those of Microsoft Graph, and none of Partner Center's."""
    graph.will(STARTED, STARTED)
    await billing_exports.begin(center, WANTED)
    await billing_exports.begin(center, WANTED)
    (form,) = tokens.asked
    assert form["grant_type"] == "client_credentials"
    assert "https://graph.microsoft.com/.default" in form["scope"]
    headers = graph.seen[0].headers
    assert headers["authorization"] == f"Bearer {tokens.issued[0]}"
    assert headers["client-request-id"] == run.calls[0].request_id
    assert not [name for name in headers if name.startswith(("ms-", "x-"))]


@pytest.mark.parametrize(
    "answer",
    [
        answers(410, b""),
        answers(410, b"<html>", **{"Content-Type": "text/html"}),
        answers(404, fault("itemNotFound")),
        answers(404, fault("ResourceNotFound")),
    ],
    ids=["gone without a body", "gone with a page", "not found", "resource not found"],
)
async def test_an_operation_that_microsoft_has_forgotten_is_gone(
    center: PartnerCenter, graph: Wire, answer: Move
) -> None:
    """What its answer says is not documented. To look again and again would end in no export."""
    graph.will(*[answer] * 9)
    with pytest.raises(Gone):
        await billing_exports.look(center, PLACE)


async def test_an_empty_404_does_not_say_that_an_operation_is_gone(center: PartnerCenter, graph: Wire) -> None:
    """A gateway answers so too."""
    graph.will(*[answers(404, b"")] * 9)
    with pytest.raises(Unanswered):
        await billing_exports.look(center, PLACE)


async def test_a_repeated_request_keeps_its_id(center: PartnerCenter, graph: Wire, run: Recorder) -> None:
    """As at Partner Center: an unanswered request is repeated under its id, an answered one under another."""
    graph.will(hangs_up, STARTED, STARTED)
    with pytest.raises(Unanswered):
        await billing_exports.begin(center, WANTED)
    await billing_exports.begin(center, WANTED)
    await billing_exports.begin(center, WANTED)
    first, second, third = (seen.headers["client-request-id"] for seen in graph.seen)
    assert first == second != third


async def test_where_the_application_may_not_the_user_may(
    with_user: Account, graph: Wire, tokens: Authority, run: Recorder
) -> None:
    """After a 403 for the application, the user's token is used, and from then on at once."""
    graph.will(answers(403, fault("Authorization_RequestDenied")), STARTED, STARTED)
    center = with_user.center(run)
    await billing_exports.begin(center, WANTED)
    await billing_exports.begin(center, WANTED)
    assert [form["grant_type"] for form in tokens.asked] == ["client_credentials", "refresh_token"]
    assert "https://graph.microsoft.com/.default" in tokens.asked[1]["scope"]
    used = [seen.headers["authorization"] for seen in graph.seen]
    assert used == [f"Bearer {token}" for token in (tokens.issued[0], tokens.issued[1], tokens.issued[1])]


async def test_where_neither_may_the_advice_names_the_permission(
    with_user: Account, make_account: MakeAccount, graph: Wire, run: Recorder
) -> None:
    """The next command asks with the application's token first: the permission may have been granted to either."""
    graph.will(*[answers(403, fault("UnknownError", ""))] * 3)
    for account, times in ((with_user, 2), (make_account(), 1)):
        graph.seen.clear()
        with pytest.raises(NotPermitted) as no:
            await billing_exports.begin(account.center(run), WANTED)
        assert "PartnerBilling.Read.All" in no.value.advice
        assert len(graph.seen) == times
    graph.will(STARTED)
    await billing_exports.begin(with_user.center(run), WANTED)


async def test_a_user_without_consent_is_a_missing_permission_too(
    with_user: Account, graph: Wire, tokens: Authority, run: Recorder
) -> None:
    """The application may not, and the user has not consented: the command does not wait for a token."""
    graph.will(*[answers(403, fault("Authorization_RequestDenied"))] * 2)
    center = with_user.center(run)
    application = tokens.react

    def no_user(seen: Seen) -> Move:
        if b"grant_type=refresh_token" in seen.body:
            return answers(400, {"error": "invalid_grant", "error_description": "AADSTS65001: no consent"})
        return application(seen)

    tokens.wire.react = no_user
    for _ in range(2):
        with pytest.raises(NotPermitted, match="AADSTS65001") as no:
            await billing_exports.begin(center, WANTED)
        assert "PartnerBilling.Read.All" in no.value.advice
    assert len(graph.seen) == 2, "the application's token is tried first each time"


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, fault("BadRequest"), Refused),
        (404, fault("NotFound", None), Refused),
        (410, fault("Gone"), Gone),
        (429, fault("TooManyRequests"), Throttled),
        (500, fault("generalException"), Unanswered),
        (503, b"", Unanswered),
        (404, {"code": "3000", "description": "of Partner Center"}, Unanswered),
        (404, {"error": {"code": 404, "message": "of another API"}}, Unanswered),
        (403, {"error": "forbidden"}, Unanswered),
        (400, b"<html>", Unanswered),
        (302, b"", Unanswered),
        (200, fault("BadRequest"), Refused),
    ],
)
async def test_its_answers(
    center: PartnerCenter, graph: Wire, status: int, body: object, error: type[CallError]
) -> None:
    """An error has a code inside `error`. What has not is no answer of Microsoft Graph's."""
    graph.will(answers(status, body, Retry_After="60"))
    with pytest.raises(CallError) as raised:
        await billing_exports.begin(center, WANTED)
    assert type(raised.value) is error
    if isinstance(raised.value, Throttled):
        assert raised.value.delay >= 60


async def test_a_token_that_is_refused_is_replaced_once(
    center: PartnerCenter, account: Account, graph: Wire, tokens: Authority
) -> None:
    """Then the command waits, and a person is told which settings to look at."""
    graph.will(*[answers(401, fault("InvalidAuthenticationToken"))] * 2)
    with pytest.raises(TokenUnavailable) as no:
        await billing_exports.begin(center, WANTED)
    assert len(tokens.issued) == 2
    assert "GRAPH_AUDIENCE" in no.value.advice
    assert any("Microsoft Graph refuses the tokens" in each for each in account.complaints())


async def test_its_ceiling_is_its_own(make_account: MakeAccount, graph: Wire, run: Recorder) -> None:
    """Partner Center's families have no part in it."""
    account = make_account(graph_limit=1)
    graph.will(STARTED)
    await billing_exports.begin(account.center(run), WANTED)
    assert list(account.ceilings()) == [("graph.billing", 1, 1)]


async def test_its_silence_is_its_own(account: Account, graph: Wire) -> None:
    """The circuit names the service."""
    graph.will(*[answers(503, b"")] * 5)
    for _ in range(5):
        with pytest.raises(Unanswered):
            await billing_exports.begin(account.center(Recorder()), WANTED)
    assert account.complaints() == ("account contoso: Microsoft Graph does not answer",)


@pytest.mark.parametrize(
    ("root", "location", "target"),
    [
        ("/v1.0", "{graph}/v1.0/reports/x/1", "/v1.0/reports/x/1"),
        ("/v1.0", "{graph}/beta/reports/x/1?a=b", "/beta/reports/x/1?a=b"),
        ("/v1.0", "/v1.0/reports/x/1", "/v1.0/reports/x/1"),
        ("/v1.0", "/beta/reports/x/1", "/beta/reports/x/1"),
        ("/v1.0", "reports/x/1", "/v1.0/reports/x/1"),
        ("/v1.0/", "/reports/x/1", "/v1.0/reports/x/1"),
        ("/own/v1.0", "/own/v1.0/reports/x/1", "/own/v1.0/reports/x/1"),
        ("/own/v1.0", "/own/beta/reports/x/1", "/own/beta/reports/x/1"),
        ("/own/v1.0", "{graph}/own/beta/reports/x/1", "/own/beta/reports/x/1"),
        ("", "/reports/x/1", "/reports/x/1"),
    ],
)
async def test_the_address_of_an_operation(
    make_account: MakeAccount, graph: Wire, run: Recorder, root: str, location: str, target: str
) -> None:
    """It is followed at the same host, whole or relative, whatever its version is."""
    graph.will(answers(200, {"status": "running"}))
    center = make_account(graph_root=root).center(run)
    await billing_exports.look(center, location.format(graph=graph.url))
    assert graph.seen[0].target == target


@pytest.mark.parametrize(
    "location",
    [
        "https://graph.evil.example/v1.0/x",
        "//evil.example/x",
        "/v1.0/../x",
        "http://localhost:1/v1.0/x",
        "http://[::1/",
    ],
)
async def test_an_address_elsewhere_is_not_followed(center: PartnerCenter, graph: Wire, location: str) -> None:
    """The token stays here."""
    with pytest.raises(Unanswered):
        await billing_exports.look(center, location)
    assert graph.seen == []


MANIFEST = {
    "id": "m1",
    "schemaVersion": "2",
    "dataFormat": "compressedJSON",
    "createdDateTime": "2026-11-08T08:19:59Z",
    "eTag": "v1",
    "partnerTenantId": "t",
    "rootDirectory": "https://files.example/billed/x/",
    "sasToken": "?sv=1&sig=canary%3D",
    "partitionType": "default",
    "blobCount": 2,
    "blobs": [None, {"name": "part-0.json.gz", "partitionValue": "default"}, {"NAME": "a b/part-1.json.gz", "more": 1}],
}
FORMER = {
    "version": "2",
    "dataFormat": "compressedJSONLines",
    "utcCreatedDateTime": "2026-11-08T08:19:59",
    "eTag": "v1",
    "partnerTenantId": "t",
    "rootFolder": "https://files.example/billed/x",
    "rootFolderSAS": "sv=1&sig=canary%3D",
    "partitionType": "default",
    "blobCount": 2,
    "sizeInBytes": 3000,
    "blobs": [
        {"name": "part-0.json.gz", "partitionValue": "default", "sizeInBytes": 1000},
        {"name": "a b/part-1.json.gz", "partitionValue": "default", "sizeInBytes": 2000},
    ],
}


@pytest.mark.parametrize("status", ["succeeded", "Succeeded", "completed", "COMPLETED", None])
@pytest.mark.parametrize("form", ["inside", "link", "address"])
@pytest.mark.parametrize("manifest", [MANIFEST, FORMER])
async def test_every_form_of_a_manifest(
    center: PartnerCenter, graph: Wire, status: str | None, form: str, manifest: dict[str, Any]
) -> None:
    """Inside the operation, linked, or as an address; with the names of Microsoft Graph or those before it."""
    place = f"{graph.url}/v1.0/reports/partners/billing/manifests/m1"
    where: dict[str, object] = {
        "inside": {"resourceLocation": manifest},
        "link": {"resourceLocation": None, "resourceLocation@odata.navigationLink": place},
        "address": {"ResourceLocation": place},
    }[form]
    graph.will(answers(200, {"id": "o1", "status": status, **where}), answers(200, manifest))
    operation = await billing_exports.look(center, PLACE)
    found = operation.manifest
    assert found is not None
    assert (operation.status, operation.id, operation.error_code) == ("succeeded", "o1", None)
    assert (found.e_tag, found.schema_version, str(found.blob_count)) == ("v1", "2", "2")
    assert found.created_date_time is not None
    assert found.created_date_time.isoformat() == "2026-11-08T08:19:59+00:00"
    assert [found.address(blob).get_secret_value() for blob in found.blobs] == [
        "https://files.example/billed/x/part-0.json.gz?sv=1&sig=canary%3D",
        "https://files.example/billed/x/a%20b/part-1.json.gz?sv=1&sig=canary%3D",
    ]
    kept = without_signature(found, 0)
    assert "canary" not in f"{operation!r} {found!r} {json.dumps(kept)}"
    assert kept["blobs"] == [blob.name for blob in found.blobs]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"status": "failed", "error": {"code": "5000", "message": "No data"}}, "failed", "5000"),
        ({"status": "Failed", "error": {"code": 5000}}, "failed", "5000"),
        ({"status": "failed"}, "failed", None),
        ({"status": "skipped"}, "failed", None),
        ({"status": "notStarted"}, "running", None),
        ({"status": "unknownFutureValue"}, "running", None),
        ({"@odata.type": "#microsoft.graph.partners.billing.failedOperation", "error": {"code": "1"}}, "failed", "1"),
        ({"@odata.type": "#microsoft.graph.partners.billing.runningOperation"}, "running", None),
        ({}, "running", None),
    ],
)
async def test_how_far_an_export_is(
    center: PartnerCenter, graph: Wire, body: dict[str, object], status: str, code: str | None
) -> None:
    """By the status in any case; without one by the type. An unknown word means that it goes on."""
    graph.will(answers(200, body, Retry_After="17"))
    operation = await billing_exports.look(center, PLACE)
    assert (operation.status, operation.error_code, operation.manifest) == (status, code, None)
    assert operation.retry_after == 17


@pytest.mark.parametrize(
    "body",
    [
        {"status": "succeeded"},
        {"status": "succeeded", "resourceLocation": []},
        {"status": "succeeded", "resourceLocation": {"blobs": [{"name": "part-0"}]}},
        {"status": "succeeded", "resourceLocation": {"rootDirectory": "https://x", "blobs": [{"name": "../part-0"}]}},
        {"status": "succeeded", "resourceLocation": {"rootDirectory": "https://x", "blobs": [{}]}},
        {"status": "succeeded", "resourceLocation": {"rootDirectory": "https://x", "blobs": "many"}},
        b"<html>",
        b"",
        b"[]",
    ],
)
async def test_an_operation_that_cannot_be_read(center: PartnerCenter, graph: Wire, body: object) -> None:
    """It is looked at again: nothing of it is believed, and nothing of it is quoted."""
    graph.will(answers(200, body))
    with pytest.raises(Unanswered):
        await billing_exports.look(center, PLACE)


async def test_an_export_without_files(center: PartnerCenter, graph: Wire) -> None:
    """A manifest may name no file, and no place."""
    graph.will(answers(200, {"status": "succeeded", "resourceLocation": {"eTag": "v1", "blobs": None}}))
    found = (await billing_exports.look(center, PLACE)).manifest
    assert found is not None
    assert (found.blobs, found.blob_count) == ((), None)


def test_a_file_that_a_manifest_names_twice_is_one_file() -> None:
    """Its lines must not count twice. The manifest's own count says whether a file is missing."""
    twice = {"rootDirectory": "https://files.example/x", "blobs": [{"name": "a"}, {"name": "b"}, {"name": "a"}]}
    assert [blob.name for blob in Manifest.model_validate(twice).blobs] == ["a", "b"]


@pytest.mark.parametrize("late", [0, 1])
async def test_what_has_expired_is_gone(center: PartnerCenter, graph: Wire, late: int) -> None:
    """The operation, or the manifest that it links to."""
    linked = answers(200, {"status": "succeeded", "resourceLocation": "/v1.0/reports/partners/billing/manifests/m1"})
    graph.will(*[linked] * late, answers(410, fault("Gone")))
    with pytest.raises(Gone):
        await billing_exports.look(center, PLACE)


async def test_an_accepted_export_without_an_address(center: PartnerCenter, graph: Wire) -> None:
    """Nobody could look at it: it is asked for again."""
    graph.will(answers(202, b""))
    with pytest.raises(Unanswered, match="does not say where"):
        await billing_exports.begin(center, WANTED)


@pytest.mark.parametrize("status", [400, 404])
async def test_aggregated_usage_that_has_left_the_beta_is_found(
    center: PartnerCenter, graph: Wire, status: int
) -> None:
    """Where the beta version has it no more, the other version has it. Other exports are asked for once."""
    graph.will(answers(status, fault("BadRequest")), STARTED, answers(status, fault("BadRequest")))
    begun = await billing_exports.begin(center, Wanted(Lines.AGGREGATED_USAGE, invoice_id="G000000001"))
    assert begun.location == PLACE
    path = "reports/partners/billing/aggregatedUsage/billed/export"
    assert [seen.target for seen in graph.seen] == [f"/beta/{path}", f"/v1.0/{path}"]
    with pytest.raises(Refused):
        await billing_exports.begin(center, WANTED)
    assert len(graph.seen) == 3


def test_aggregated_usage_needs_an_invoice() -> None:
    """Microsoft has no such export for a month without an invoice."""
    with pytest.raises(ValueError, match="no export"):
        billing_exports.begin_operation(Wanted(Lines.AGGREGATED_USAGE, currency="EUR", period="current"))


@pytest.mark.parametrize("form", ["inside", "linked"])
async def test_a_manifest_may_name_any_number_of_files(center: PartnerCenter, graph: Wire, form: str) -> None:
    """Answers above a megabyte are not held whole: they are read as they come. One that breaks is asked for again."""
    blobs = [{"name": f"part-{number:05}-{'x' * 60}.json.gz", "partitionValue": "2026"} for number in range(12_000)]
    manifest = {**MANIFEST, "blobs": blobs}
    place = "/v1.0/reports/partners/billing/manifests/m1"
    told = answers(200, {"status": "succeeded", "resourceLocation": manifest if form == "inside" else place})
    whole = answers(200, manifest) if form == "linked" else told
    graph.will(*([told] if form == "linked" else []), _cut, whole)
    found = (await billing_exports.look(center, PLACE)).manifest
    assert found is not None
    assert len(json.dumps(manifest)) > max(billing_exports.OPERATION.largest, billing_exports.MANIFEST.largest)
    assert [each.name for each in found.blobs] == [each["name"] for each in blobs]


async def _cut(line: Line) -> None:
    await line.send(b'HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{"blobs": [{"name": "a"}')
    line.writer.close()
