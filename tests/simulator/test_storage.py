"""The storage of blobs: a signed address opens it, and nothing else does."""

import pytest

from ops.simulator.simulator import Simulator
from tests.simulator.billing import GraphCaller


@pytest.fixture
def graph(simulator: Simulator) -> GraphCaller:
    """The partner's application, before a simulator with one invoice."""
    simulator.invoice(usage_lines=90, blobs=2)
    return GraphCaller(simulator)


async def test_a_token_beside_the_signature_is_refused(graph: GraphCaller) -> None:
    """Azure Storage refuses a request that has an Authorization header beside its signed address."""
    manifest = await graph.manifest()
    refused = await graph.blob(manifest, headers={"Authorization": "Bearer x"})
    assert (refused.status, refused.headers["x-ms-error-code"]) == (403, "AuthenticationFailed")
    newer = await graph.blob(manifest, headers={"Authorization": "Bearer x", "x-ms-version": "2022-11-02"})
    assert (newer.status, newer.headers["x-ms-error-code"]) == (401, "InvalidAuthenticationInfo")


async def test_a_signature_is_for_one_folder_and_for_a_time(simulator: Simulator, graph: GraphCaller) -> None:
    """Another folder, a changed signature and a later hour are 403; a missing signature is 409, a missing blob 404."""
    manifest, other = await graph.manifest(), await graph.manifest("reconciliation")
    assert (await graph.blob({**other, "sasToken": manifest["sasToken"]})).status == 403
    assert (await graph.blob({**manifest, "sasToken": manifest["sasToken"].replace("sig=", "sig=A")})).status == 403
    assert (await graph.blob({**manifest, "sasToken": ""})).status == 409
    assert (await graph.blob({**manifest, "blobs": [{"name": "part-00009.json.gz"}]})).status == 404
    assert (await graph.blob(manifest)).status == 200
    simulator.clock.advance(43201)
    assert (await graph.blob(manifest)).headers["x-ms-error-code"] == "AuthenticationFailed"


async def test_the_books_hold_no_signature(simulator: Simulator, graph: GraphCaller) -> None:
    """A request for a blob is in the books without what opens it."""
    await graph.blob(await graph.manifest())
    (request,) = simulator.books.requests_of("storage.blob")
    assert (request.query["sig"], request.status, request.partner) == ("signed", 200, simulator.partner.tenant_id)


async def test_a_part_of_a_blob_can_be_asked_for(graph: GraphCaller) -> None:
    """A range is answered 206 with its place in the whole."""
    manifest = await graph.manifest()
    whole = (await graph.blob(manifest)).content
    part = await graph.blob(manifest, headers={"Range": "bytes=10-19"})
    assert (part.status, part.content, part.headers["Content-Range"]) == (
        206,
        whole[10:20],
        f"bytes 10-19/{len(whole)}",
    )
