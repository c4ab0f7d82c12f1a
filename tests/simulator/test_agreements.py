"""Agreements: the templates, the acceptances, and the trap of the default type."""

from typing import Any

import pytest

from ops.simulator.simulator import Simulator
from tests.simulator.caller import Caller

MCA = {"agreementType": "MicrosoftCustomerAgreement"}
ANA = {"firstName": "Ana", "lastName": "Ruiz", "email": "ana@example.com"}
ACCEPTANCE = {
    "primaryContact": ANA,
    "dateAgreed": "2026-02-28T00:00:00Z",
    "templateId": "1b7a77b0-0000-4000-8000-c6dedc750cf9",
    "type": "MicrosoftCustomerAgreement",
}


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


async def test_a_recorded_acceptance_is_listed(simulator: Simulator, caller: Caller) -> None:
    """The answer has the request's members and the user of the token; the customer can then buy."""
    customer = simulator.customer("no_agreement")
    made = await caller.post(f"/customers/{customer.id}/agreements", ACCEPTANCE)
    assert (made.status, made.body["userId"]) == (201, simulator.partner.user_id)
    (listed,) = (await caller.get(f"/customers/{customer.id}/agreements", MCA)).body["items"]
    assert listed["primaryContact"]["email"] == ANA["email"]
    assert customer.agreed
    assert simulator.books.counts()["agreement.confirmed"] == 1


async def test_the_same_contact_again_is_refused(simulator: Simulator, caller: Caller) -> None:
    """As documented: 600061 in shape B for equal values, and a new record for any other value."""
    path = f"/customers/{simulator.customer('ready').id}/agreements"
    again = await caller.post(path, ACCEPTANCE)
    assert (again.status, again.code, again.body["isRetryable"]) == (400, 600061, False)
    phoned = await caller.post(path, {**ACCEPTANCE, "primaryContact": {**ANA, "phoneNumber": "5550100"}})
    assert phoned.status == 201


@pytest.mark.parametrize(
    "change",
    [
        {"primaryContact": {"firstName": "Ana", "lastName": "Ruiz"}},
        {"dateAgreed": "2199-01-01T00:00:00Z"},
        {"dateAgreed": "yesterday"},
        {"templateId": "998b88de-0000-4000-8000-1b3517d49490"},
        {"type": "MicrosoftCloudAgreement"},
    ],
    ids=["no e-mail", "the future", "no date", "another template", "another type"],
)
async def test_an_acceptance_that_is_not_whole_is_refused(
    simulator: Simulator, caller: Caller, change: dict[str, Any]
) -> None:
    """Nothing is recorded."""
    customer = simulator.customer("no_agreement")
    refused = await caller.post(f"/customers/{customer.id}/agreements", {**ACCEPTANCE, **change})
    assert refused.status == 400
    assert not customer.agreed


async def test_attestation_can_be_refused(simulator: Simulator, caller: Caller) -> None:
    """Microsoft ended this way of attestation, with a code that is not known: a knob sets it."""
    customer = simulator.customer("no_agreement", settings={"refuse_attestation": 2032})
    refused = await caller.post(f"/customers/{customer.id}/agreements", ACCEPTANCE)
    assert refused.code == 2032
    assert not customer.agreed


async def test_a_recorded_acceptance_may_be_listed_late(simulator: Simulator, caller: Caller) -> None:
    """Fact sheet 8.2 and 8.3: the duplicate is refused although the list does not show the first one yet."""
    customer = simulator.customer("no_agreement", settings={"agreement_lag": (60, 60)})
    path = f"/customers/{customer.id}/agreements"
    assert (await caller.post(path, ACCEPTANCE)).status == 201
    assert ((await caller.get(path, MCA)).body["items"], (await caller.post(path, ACCEPTANCE)).code) == ([], 600061)
    simulator.clock.advance(60)
    assert len((await caller.get(path, MCA)).body["items"]) == 1
