"""ConfirmCustomerAgreement: its decisions, and the faults that it survives (section 2 of the lifecycle)."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from events.codes import RejectedCode, WaitingReason
from events.messages.agreements import ConfirmCustomerAgreement, CustomerAgreementConfirmed
from events.messages.command_status import CommandRejected, CommandValidated
from events.messages.plans import AzurePlanCreated, CreateAzurePlan
from events.wire.instants import format_instant
from ops.simulator.resources.agreements import MCA, TEMPLATES
from ops.simulator.state import Confirmation, Customer
from tests.handlers.stage import POLICY, Cast, Stage
from tests.support.virtual_time import START
from worker.steps import AccountPolicy

ANA = {"firstName": "Ana", "lastName": "Ruiz", "email": "ana@example.com", "phoneNumber": "5550100"}
YESTERDAY = f"{START - timedelta(days=1):%Y-%m-%d}"
APP_ONLY = pytest.mark.parametrize("cast", [Cast(user=False)], indirect=True, ids=["app_only"])
OFF = pytest.mark.parametrize(
    "cast",
    [Cast(policy=replace(POLICY, accounts={"contoso": AccountPolicy(attestation="off")}))],
    indirect=True,
    ids=["off"],
)


def confirm(customer: Customer, **members: object) -> ConfirmCustomerAgreement:
    """The command for a customer."""
    given = {"customerId": customer.id, "primaryContact": ANA, "dateAgreed": YESTERDAY, **members}
    return ConfirmCustomerAgreement.model_validate(given)


async def test_an_acceptance_is_recorded(stage: Stage) -> None:
    """The request has the contact, the date, the template and the type; the answer is Microsoft's."""
    customer = stage.simulator.customer("no_agreement")
    confirmed = await stage.done(CustomerAgreementConfirmed, confirm(customer))
    assert confirmed.wire_data() | {"commandId": ""} == {
        **confirmed.wire_data(),
        "commandId": "",
        "agreedOn": f"{YESTERDAY}T00:00:00Z",
        "how": "attested",
        "alreadyConfirmed": False,
        "templateId": TEMPLATES[MCA],
    }
    (request,) = stage.simulator.books.requests_of("agreements.confirm")
    assert request.body == {
        "primaryContact": ANA,
        "dateAgreed": f"{YESTERDAY}T00:00:00Z",
        "templateId": TEMPLATES[MCA],
        "type": "MicrosoftCustomerAgreement",
    }
    assert stage.effects("agreement.confirmed") == 1
    assert not stage.simulator.books.warnings


async def test_a_customer_without_agreement_is_brought_to_a_plan(stage: Stage) -> None:
    """Two commands sent at once take effect in order: first the agreement, then the purchase."""
    customer = stage.simulator.customer("no_agreement")
    first, second = await stage.send(confirm(customer)), await stage.send(CreateAzurePlan(customer_id=customer.id))
    assert isinstance(await stage.answer(first), CustomerAgreementConfirmed)
    assert isinstance(await stage.answer(second), AzurePlanCreated)


async def test_a_purchase_without_agreement_names_this_command(stage: Stage) -> None:
    """`CreateAzurePlan` that is refused with `agreement_missing` names this command in its advice."""
    rejected = await stage.rejected(CreateAzurePlan(customer_id=stage.simulator.customer("no_agreement").id))
    assert rejected.code is RejectedCode.AGREEMENT_MISSING
    assert "ConfirmCustomerAgreement" in rejected.advice


# ---- an acceptance that is there


@pytest.mark.parametrize(
    ("profile", "how", "dated"), [("ready", "attested", True), ("signed_directly", "direct", False)]
)
async def test_an_acceptance_that_is_there_answers(stage: Stage, profile: str, how: str, dated: bool) -> None:
    """An acceptance that is there (attested or direct) answers `alreadyConfirmed`.

    `agreedOn` and `templateId` are null where Microsoft names none: a direct acceptance has no date.
    """
    confirmed = await stage.done(CustomerAgreementConfirmed, confirm(stage.simulator.customer(profile)))
    assert (confirmed.already_confirmed, confirmed.how) == (True, how)
    assert (confirmed.agreed_on is not None, confirmed.template_id is not None) == (dated, dated)
    assert "agreements.confirm" not in stage.calls()


async def test_the_newest_acceptance_is_named(stage: Stage) -> None:
    """Several acceptances are allowed."""
    customer = stage.simulator.customer("ready")
    newest = Confirmation("Bo", "Li", "bo@example.com", stage.clock.monotonic() - 3600)
    customer.confirmations.append(newest)
    confirmed = await stage.done(CustomerAgreementConfirmed, confirm(customer))
    assert confirmed.agreed_on == START - timedelta(hours=1)


@OFF
@pytest.mark.parametrize("profile", ["ready", "signed_directly"])
async def test_with_attestation_off_an_acceptance_that_is_there_still_answers(stage: Stage, profile: str) -> None:
    """With `ATTESTATION=off` an acceptance that is there still answers `alreadyConfirmed`."""
    confirmed = await stage.done(CustomerAgreementConfirmed, confirm(stage.simulator.customer(profile)))
    assert confirmed.already_confirmed


# ---- refusals


@OFF
@pytest.mark.parametrize("validate_only", [False, True])
async def test_with_attestation_off_nothing_is_recorded(stage: Stage, validate_only: bool) -> None:
    """`off`: the command is refused with `not_permitted`, and the advice says how the customer accepts directly."""
    customer = stage.simulator.customer("no_agreement")
    rejected = await stage.rejected(confirm(customer, validateOnly=validate_only))
    assert rejected.code is RejectedCode.NOT_PERMITTED
    assert "accept the agreement directly" in rejected.advice
    assert "Microsoft 365 admin center" in rejected.advice
    assert "ATTESTATION" in rejected.advice
    assert not customer.agreed


@APP_ONLY
@pytest.mark.parametrize("validate_only", [False, True])
async def test_without_a_users_token_it_is_not_permitted(stage: Stage, validate_only: bool) -> None:
    """App+user only: `not_permitted` without, with advice."""
    customer = stage.simulator.customer("no_agreement")
    rejected = await stage.rejected(confirm(customer, validateOnly=validate_only))
    assert rejected.code is RejectedCode.NOT_PERMITTED
    assert "REFRESH_TOKEN_FILE" in rejected.advice
    assert not customer.agreed


async def test_microsoft_refuses_the_legacy_way(stage: Stage) -> None:
    """`refused_by_partner_center` carries Microsoft's words, and the advice names direct acceptance."""
    customer = stage.simulator.customer("no_agreement", settings={"refuse_attestation": 2032})
    rejected = await stage.rejected(confirm(customer))
    assert rejected.code is RejectedCode.REFUSED_BY_PARTNER_CENTER
    assert rejected.partner_center is not None
    assert rejected.partner_center.code == "2032"
    assert rejected.detail == rejected.partner_center.description
    assert "accept the agreement directly" in rejected.advice


async def test_a_refusal_that_another_code_describes_keeps_that_code(stage: Stage) -> None:
    """A customer of somebody else is `no_relationship`, at whichever call this shows."""
    customer = stage.simulator.customer("no_agreement", settings={"refuse_attestation": 20002})
    assert (await stage.rejected(confirm(customer))).code is RejectedCode.NO_RELATIONSHIP


async def test_no_template_is_no_guess(stage: Stage) -> None:
    """Without a template nothing can be recorded."""
    stage.simulator.faults.add("empty", operation="agreements.metadata", count=None)
    customer = stage.simulator.customer("no_agreement")
    sent = await stage.send(confirm(customer))
    await stage.until("agreements.metadata")
    assert stage.effects("agreement.confirmed") == 0
    stage.simulator.faults.clear()
    assert isinstance(await stage.answer(sent), CustomerAgreementConfirmed)


async def test_the_deadline_stops_the_write(stage: Stage) -> None:
    """The acceptance is not recorded after the deadline."""
    customer = stage.simulator.customer("no_agreement")
    rejected = await stage.rejected(confirm(customer, deadline=format_instant(START - timedelta(seconds=1))))
    assert rejected.code is RejectedCode.DEADLINE_PASSED
    assert not customer.agreed


# ---- the same contact again


async def test_the_same_contact_again_is_looked_at(stage: Stage) -> None:
    """600061, and the confirmation is there: it was recorded between the look and the write."""
    customer = stage.simulator.customer("no_agreement")
    stage.fault("throttle", "agreements.confirm", retry_after=1)
    sent = await stage.send(confirm(customer))
    await stage.until("agreements.confirm")
    customer.confirmations.append(
        Confirmation("Ana", "Ruiz", "ana@example.com", stage.clock.monotonic(), phone_number="5550100")
    )
    confirmed = await stage.answer(sent)
    assert isinstance(confirmed, CustomerAgreementConfirmed)
    assert confirmed.already_confirmed
    assert stage.effects("agreement.confirmed") == 0


async def test_the_same_contact_without_a_confirmation_is_a_refusal(stage: Stage) -> None:
    """600061, and no confirmation is there: `refused_by_partner_center`, with Microsoft's words."""
    customer = stage.simulator.customer("no_agreement", settings={"refuse_attestation": 600061})
    rejected = await stage.rejected(confirm(customer))
    assert rejected.code is RejectedCode.REFUSED_BY_PARTNER_CENTER
    assert rejected.partner_center is not None
    assert rejected.partner_center.code == "600061"
    assert stage.calls().count("agreements.confirmations") == 2


async def test_after_a_lost_answer_the_confirmations_are_read(stage: Stage) -> None:
    """The write is a `state` effect: the confirmations are read before it and after a lost answer."""
    customer = stage.simulator.customer("no_agreement")
    stage.fault("reset_after", "agreements.confirm")
    confirmed = await stage.done(CustomerAgreementConfirmed, confirm(customer))
    assert not confirmed.already_confirmed
    assert confirmed.agreed_on == datetime.fromisoformat(f"{YESTERDAY}T00:00:00Z")
    assert stage.calls().count("agreements.confirm") == 1
    assert stage.calls().count("agreements.confirmations") == 2
    assert stage.effects("agreement.confirmed") == 1


async def test_a_late_request_is_not_recorded_twice(stage: Stage) -> None:
    """The second request overtakes the first: Microsoft refuses the first, whose answer nobody hears."""
    customer = stage.simulator.customer("no_agreement")
    stage.simulator.change(remember_request_ids=False)
    stage.fault("late", "agreements.confirm", seconds=200)
    confirmed = await stage.done(CustomerAgreementConfirmed, confirm(customer))
    assert not confirmed.already_confirmed
    assert len(customer.confirmations) == 1


# ---- what the command holds


async def test_validation_says_what_would_be_recorded(stage: Stage) -> None:
    """Name, country and language are the customer's where the command gives none; nothing is changed."""
    customer = stage.simulator.customer("no_agreement")
    asked = await stage.done(CommandValidated, confirm(customer, validateOnly=True))
    (sentence,) = asked.would_do
    assert sentence.startswith("agreements.confirm: record that Ana Ruiz (ana@example.com)")
    assert f"{customer.name} (US, en-US)" in sentence
    assert not customer.agreed


async def test_the_command_may_name_company_country_and_language(stage: Stage) -> None:
    """These stand above the customer's own."""
    customer = stage.simulator.customer("no_agreement")
    own = {"companyName": "Fabrikam Ltd", "country": "at", "language": "de-AT"}
    asked = await stage.done(CommandValidated, confirm(customer, validateOnly=True, **own))
    assert "Fabrikam Ltd (AT, de-AT)" in asked.would_do[0]


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("2026-01-31", "2026-01-31T00:00:00Z"),
        ("2026-01-31T09:30:00+02:00", "2026-01-31T07:30:00Z"),
    ],
)
async def test_a_date_is_sent_as_midnight_utc(stage: Stage, written: str, sent: str) -> None:
    """A date is sent as 00:00 UTC, an instant as it is."""
    customer = stage.simulator.customer("no_agreement")
    await stage.done(CustomerAgreementConfirmed, confirm(customer, dateAgreed=written))
    (request,) = stage.simulator.books.requests_of("agreements.confirm")
    assert request.body["dateAgreed"] == sent


@pytest.mark.parametrize("ahead", [timedelta(seconds=1), timedelta(days=1)])
async def test_a_date_in_the_future_is_refused_at_receipt(stage: Stage, ahead: timedelta) -> None:
    """ "Not in the future" is judged at receipt: `invalid_command`, without `CommandAccepted` and without a call."""
    customer = stage.simulator.customer("no_agreement")
    sent = await stage.send(confirm(customer, dateAgreed=format_instant(START + ahead)))
    (rejected,) = await stage.events(sent)
    assert isinstance(rejected, CommandRejected)
    assert rejected.code is RejectedCode.INVALID_COMMAND
    assert rejected.detail.startswith("dateAgreed must not be in the future")
    assert stage.calls() == []


async def test_a_new_customer_is_waited_for(stage: Stage) -> None:
    """A customer that does not show yet is looked for again, as in every command."""
    customer = stage.simulator.customer("no_agreement", settings={"customer_lag": [60, 60]})
    sent = await stage.send(confirm(customer))
    assert isinstance(await stage.answer(sent), CustomerAgreementConfirmed)
    assert await stage.waits(sent) == [WaitingReason.RETRY]
