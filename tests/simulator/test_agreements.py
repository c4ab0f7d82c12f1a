"""Agreements: the templates, the acceptances, and the trap of the default type."""

import pytest

from ops.simulator.simulator import Simulator
from tests.simulator.caller import Caller

MCA = {"agreementType": "MicrosoftCustomerAgreement"}


async def test_without_a_type_the_old_cloud_agreement_is_meant(simulator: Simulator, caller: Caller) -> None:
    """The trap is documented: a customer that accepted seems not to have."""
    customer = simulator.customer()
    assert (await caller.get("/agreements")).body["items"][0]["agreementType"] == "MicrosoftCloudAgreement"
    assert (await caller.get(f"/customers/{customer.id}/agreements")).body["items"] == []
    assert len((await caller.get(f"/customers/{customer.id}/agreements", MCA)).body["items"]) == 1


@pytest.mark.parametrize(
    ("profile", "attested", "signed"), [("ready", 1, False), ("signed_directly", 0, True), ("no_agreement", 0, False)]
)
async def test_attested_and_signed_acceptance_are_two_reads(
    simulator: Simulator, caller: Caller, profile: str, attested: int, signed: bool
) -> None:
    """A customer that signed directly has no confirmation, and the other way round."""
    customer = simulator.customer(profile)
    confirmations = await caller.get(f"/customers/{customer.id}/agreements", MCA)
    status = await caller.get(f"/customers/{customer.id}/directSignedMicrosoftCustomerAgreementStatus")
    assert confirmations.body["totalCount"] == len(confirmations.body["items"]) == attested
    assert status.body == {"isSigned": signed}


async def test_a_template_says_which_agreement_it_is(caller: Caller) -> None:
    """Metadata are listed for one type and for all types."""
    (only,) = (await caller.get("/agreements", MCA)).body["items"]
    assert only["agreementType"] == "MicrosoftCustomerAgreement"
    assert len((await caller.get("/agreements", {"agreementType": "*"})).body["items"]) == 2
    assert (await caller.get("/agreements", {"agreementType": "Handshake"})).code == 900126


async def test_agreements_need_a_user(simulator: Simulator, app_only: Caller) -> None:
    """The application alone gets 403/900329 on all three."""
    customer = simulator.customer()
    for path in ("agreements", "directSignedMicrosoftCustomerAgreementStatus"):
        answer = await app_only.get(f"/customers/{customer.id}/{path}", MCA)
        assert (answer.status, answer.code) == (403, 900329)
    assert (await app_only.get("/agreements", MCA)).code == 900329
