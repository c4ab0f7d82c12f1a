"""StartProductUpgrade: its decisions, and the faults that it survives."""

import asyncio
from datetime import timedelta

import pytest

from events.codes import FailedCode, RejectedCode
from events.messages.command_status import CommandFailed, CommandRejected
from events.messages.plans import AzurePlanCreated, CreateAzurePlan, SuspendPlan
from events.messages.upgrades import (
    ProductUpgradeCompleted,
    ProductUpgradeProgressed,
    ProductUpgradeStarted,
    StartProductUpgrade,
)
from ops.simulator.state import Customer
from tests.handlers.portal import start_upgrade
from tests.handlers.stage import IMPATIENT, Cast, Stage
from tests.support.virtual_time import START


def upgrade(customer: Customer, **members: object) -> StartProductUpgrade:
    """The command for a customer."""
    return StartProductUpgrade.model_validate({"customer_id": customer.id, **members})


async def story(stage: Stage, command_id: str) -> list[tuple[str, object]]:
    """The events about the upgrade before the answer: started (adopted or not), and each status."""
    said: list[tuple[str, object]] = []
    for event in await stage.events(command_id):
        if isinstance(event, ProductUpgradeStarted):
            said.append(("started", event.adopted))
        if isinstance(event, ProductUpgradeProgressed):
            said.append(("progressed", event.status.lower()))
    return said


async def test_legacy_subscriptions_are_upgraded(stage: Stage) -> None:
    """The upgrade of an eligible customer is started, followed for hours, and answered with its line items."""
    customer = stage.simulator.customer("legacy", legacy=2)
    sent = await stage.send(upgrade(customer))
    completed = await stage.answer(sent)
    assert isinstance(completed, ProductUpgradeCompleted), completed
    (made,) = stage.simulator.books.upgrades
    assert (completed.upgrade_id, completed.adopted) == (made.id, False)
    assert [(line.status or "").lower() for line in completed.line_items] == ["completed", "completed"]
    assert all(line.upgraded_date and line.source_product and line.target_product for line in completed.line_items)
    assert await story(stage, sent) == [
        ("started", False),
        ("progressed", "pending"),
        ("progressed", "inprogress"),
    ]
    assert await stage.waits(sent) == ["upgrade_running"]
    assert await stage.open_effects() == []


@pytest.mark.parametrize("family", ["azure", "Azure", "AZURE"])
async def test_the_case_of_the_product_family_does_not_matter(stage: Stage, family: str) -> None:
    """The product family is passed on as given. Partner Center reads it in any case."""
    assert isinstance(
        await stage.do(upgrade(stage.simulator.customer("legacy"), product_family=family)), ProductUpgradeCompleted
    )


async def test_an_unknown_status_means_that_it_runs(stage: Stage) -> None:
    """The words of statuses are not documented. Every status that is neither completed nor failed means waiting."""
    stage.simulator.change(upgrade_statuses=["Queued", "Wandering", "completed", "Failed"])
    sent = await stage.send(upgrade(stage.simulator.customer("legacy")))
    assert isinstance(await stage.answer(sent), ProductUpgradeCompleted)
    assert await story(stage, sent) == [("started", False), ("progressed", "queued"), ("progressed", "wandering")]


async def test_an_upgrade_does_not_hold_up_the_customers_other_commands(stage: Stage) -> None:
    """From the moment at which the upgrade exists, the next command runs beside it."""
    customer = stage.simulator.customer("legacy")
    first = await stage.send(upgrade(customer))
    second = await stage.send(SuspendPlan(customer_id=customer.id))
    rejected = await stage.answer(second)
    assert isinstance(rejected, CommandRejected)
    assert [each.kind for each in rejected.blockers] == ["productUpgrade"]
    assert stage.clock.now() < START + timedelta(minutes=5)
    assert isinstance(await stage.answer(first), ProductUpgradeCompleted)


async def test_after_an_upgrade_the_plan_is_there(stage: Stage) -> None:
    """CreateAzurePlan finds the plan that the upgrade made."""
    customer = stage.simulator.customer("legacy")
    await stage.done(ProductUpgradeCompleted, upgrade(customer))
    assert (await stage.done(AzurePlanCreated, CreateAzurePlan(customer_id=customer.id))).already_existed


# ---- an existing upgrade


@pytest.mark.parametrize("stage_of_it", ["pending", "running"])
async def test_an_upgrade_that_runs_is_adopted(stage: Stage, stage_of_it: str) -> None:
    """The command starts nothing and follows that upgrade to its end."""
    customer = stage.simulator.customer("upgrading", upgrade=stage_of_it)
    (running,) = customer.upgrades
    sent = await stage.send(upgrade(customer))
    await asyncio.sleep(3600)
    stage.simulator.move_upgrade(running, "completed")
    completed = await stage.answer(sent)
    assert isinstance(completed, ProductUpgradeCompleted), completed
    assert (completed.upgrade_id, completed.adopted) == (running.id, True)
    assert (await story(stage, sent))[0] == ("started", True)
    assert "upgrades.create" not in stage.calls()


async def test_an_upgrade_that_was_completed_before_is_adopted(stage: Stage) -> None:
    """The answer comes at once."""
    customer = stage.simulator.customer("legacy", legacy_status="suspended", upgrade="completed")
    completed = await stage.done(ProductUpgradeCompleted, upgrade(customer))
    assert completed.adopted
    assert "upgrades.create" not in stage.calls()


async def test_an_upgrade_that_partner_center_only_calls_completed_is(stage: Stage) -> None:
    """900110 in place of a status means completed."""
    customer = stage.simulator.customer("legacy", upgrade="completed")
    stage.fault("error_before", "upgrades.status", status=400, code=900110, count=None)
    assert (await stage.done(ProductUpgradeCompleted, upgrade(customer))).adopted


async def test_an_upgrade_that_failed_is_not_adopted(stage: Stage) -> None:
    """The customer is still eligible, and a new upgrade is started."""
    customer = stage.simulator.customer("legacy", upgrade="failed")
    completed = await stage.done(ProductUpgradeCompleted, upgrade(customer))
    (made,) = stage.simulator.books.upgrades
    assert (completed.upgrade_id, completed.adopted) == (made.id, False)


async def test_an_upgrade_that_failed_for_good_is_named(stage: Stage) -> None:
    """If the customer is no longer eligible, the failed upgrade is the reason."""
    customer = stage.simulator.customer("legacy", upgrade="failed", settings={"failed_upgrade_stays_eligible": False})
    rejected = await stage.rejected(upgrade(customer))
    assert rejected.code is RejectedCode.NOT_ELIGIBLE_FOR_UPGRADE
    assert [(each.kind, each.id) for each in rejected.blockers] == [("productUpgrade", customer.upgrades[0].id)]


async def test_an_upgrade_that_another_person_starts_meanwhile_is_adopted(stage: Stage) -> None:
    """900109 says that there is an upgrade. The command looks for it and follows it."""
    customer = stage.simulator.customer("legacy")
    stage.fault("slow_answer", "upgrades.eligibility", seconds=10)
    sent = await stage.send(upgrade(customer))
    await stage.until("upgrades.eligibility")
    await start_upgrade(stage.simulator, customer)
    completed = await stage.answer(sent)
    assert isinstance(completed, ProductUpgradeCompleted), completed
    assert completed.adopted
    assert len(stage.simulator.books.upgrades) == 1


async def test_two_commands_follow_one_upgrade(stage: Stage) -> None:
    """The second command adopts the upgrade of the first while the first still follows it."""
    customer = stage.simulator.customer("legacy")
    first, second = await stage.send(upgrade(customer)), await stage.send(upgrade(customer))
    started, adopted = await stage.answer(first), await stage.answer(second)
    assert isinstance(started, ProductUpgradeCompleted), started
    assert isinstance(adopted, ProductUpgradeCompleted), adopted
    assert (started.adopted, adopted.adopted) == (False, True)
    assert started.upgrade_id == adopted.upgrade_id
    assert len(stage.simulator.books.upgrades) == 1


# ---- obstacles


@pytest.mark.parametrize("profile", ["ready", "legacy_suspended"])
async def test_a_customer_that_is_not_eligible_is_refused_with_microsofts_reason(stage: Stage, profile: str) -> None:
    """Without legacy subscriptions, or with suspended ones, there is nothing to upgrade."""
    rejected = await stage.rejected(upgrade(stage.simulator.customer(profile)))
    assert rejected.code is RejectedCode.NOT_ELIGIBLE_FOR_UPGRADE
    assert "Azure" in rejected.detail


async def test_the_reason_is_passed_on(stage: Stage) -> None:
    """The words are Microsoft's own."""
    reason = "The customer has shared services."
    rejected = await stage.rejected(upgrade(stage.simulator.customer("legacy", settings={"ineligible_reason": reason})))
    assert reason in rejected.detail


@pytest.mark.parametrize("code", [900105, 900108, 900119, 900120, 900130])
async def test_a_refused_start_is_no_eligibility(stage: Stage, code: int) -> None:
    """The creation may give a reason that eligibility did not give."""
    rejected = await stage.rejected(upgrade(stage.simulator.customer("legacy", settings={"refuse_upgrade": code})))
    assert rejected.code is RejectedCode.NOT_ELIGIBLE_FOR_UPGRADE
    assert rejected.partner_center is not None
    assert rejected.partner_center.code == str(code)
    assert await stage.open_effects() == []


async def test_any_other_no_is_partner_centers(stage: Stage) -> None:
    """The refusal has the facts that Microsoft support asks for."""
    rejected = await stage.rejected(upgrade(stage.simulator.customer("legacy", settings={"refuse_upgrade": 900107})))
    assert rejected.code is RejectedCode.REFUSED_BY_PARTNER_CENTER


async def test_a_product_family_that_does_not_exist_is_refused(stage: Stage) -> None:
    """Partner Center knows one family."""
    rejected = await stage.rejected(upgrade(stage.simulator.customer("legacy"), product_family="office"))
    assert rejected.code is RejectedCode.REFUSED_BY_PARTNER_CENTER
    assert stage.simulator.books.upgrades == []


async def test_a_customer_of_another_partner_is_refused(stage: Stage) -> None:
    """Without a relationship nothing is started."""
    rejected = await stage.rejected(upgrade(stage.simulator.customer("legacy", related=False)))
    assert rejected.code is RejectedCode.NO_RELATIONSHIP


@pytest.mark.parametrize("cast", [Cast(user=False)], indirect=True, ids=["app_only"])
@pytest.mark.parametrize("only_asked", [True, False])
async def test_with_the_application_alone_it_is_not_permitted(stage: Stage, only_asked: bool) -> None:
    """Every call needs a user's token. The advice says how to get one."""
    command = upgrade(stage.simulator.customer("legacy"), validate_only=only_asked)
    rejected = await stage.rejected(command)
    assert rejected.code is RejectedCode.NOT_PERMITTED
    assert "REFRESH_TOKEN_FILE" in rejected.advice


# ---- the end of the upgrade


async def test_an_upgrade_that_fails_is_told_with_microsofts_reasons(stage: Stage) -> None:
    """Nothing is in doubt, and a redrive may start another upgrade."""
    failed = await stage.failed(upgrade(stage.simulator.customer("upgrade_fails")))
    (made,) = stage.simulator.books.upgrades
    assert failed.code is FailedCode.UPGRADE_FAILED
    assert not failed.outcome_unknown
    assert "900192" in failed.detail
    assert [each.id for each in failed.blockers] == [made.id]
    assert await stage.open_effects() == []
    assert await stage.letters() == ["upgrade_failed"]


@IMPATIENT
async def test_an_upgrade_that_never_ends_is_an_unknown_outcome(stage: Stage) -> None:
    """At the end of the wait a person gets the evidence. The next command still adopts the upgrade."""
    customer = stage.simulator.customer("legacy", settings={"upgrade_outcome": "never"})
    failed = await stage.failed(upgrade(customer))
    (made,) = stage.simulator.books.upgrades
    assert failed.code is FailedCode.OUTCOME_UNKNOWN
    assert [each.id for each in failed.blockers] == [made.id]
    assert stage.clock.now() >= START + timedelta(hours=2)
    sent = await stage.send(upgrade(customer))
    await asyncio.sleep(60)
    stage.simulator.move_upgrade(made, "completed")
    completed = await stage.answer(sent)
    assert isinstance(completed, ProductUpgradeCompleted), completed
    assert completed.adopted
    assert await stage.open_effects() == []


async def test_an_upgrade_that_may_no_longer_be_looked_at_is_an_unknown_outcome(stage: Stage) -> None:
    """The upgrade was started. A refused look is therefore no refusal of the command."""
    stage.fault("error_before", "upgrades.status", status=403, code=900308, count=None)
    failed = await stage.failed(upgrade(stage.simulator.customer("legacy")))
    assert failed.code is FailedCode.OUTCOME_UNKNOWN
    assert [each.kind for each in failed.blockers] == ["productUpgrade"]


async def test_an_upgrade_that_is_not_found_at_first_is_waited_for(stage: Stage) -> None:
    """An upgrade that cannot be read right after its start is no failure."""
    stage.fault("error_before", "upgrades.status", status=404, code=900106, count=3)
    assert isinstance(await stage.do(upgrade(stage.simulator.customer("legacy"))), ProductUpgradeCompleted)


# ---- validation and deadlines


async def test_validating_names_the_operations_that_would_be_called(stage: Stage) -> None:
    """The list has one start, or nothing if there is an upgrade."""
    assert await stage.would_do(upgrade(stage.simulator.customer("legacy"))) == ["upgrades.create"]
    assert await stage.would_do(upgrade(stage.simulator.customer("upgrading"))) == []
    assert await stage.would_do(upgrade(stage.simulator.customer("legacy", upgrade="completed"))) == []
    assert stage.simulator.books.effects == []
    assert not [event for event in await stage.events() if isinstance(event, ProductUpgradeStarted)]


async def test_after_its_deadline_nothing_is_started(stage: Stage) -> None:
    """An existing upgrade is still followed."""
    late = START - timedelta(hours=1)
    rejected = await stage.rejected(upgrade(stage.simulator.customer("legacy"), deadline=late))
    assert rejected.code is RejectedCode.DEADLINE_PASSED
    there = upgrade(stage.simulator.customer("legacy", upgrade="completed"), deadline=late)
    assert (await stage.done(ProductUpgradeCompleted, there)).adopted


async def test_a_deadline_does_not_end_the_following(stage: Stage) -> None:
    """The command follows an upgrade beyond the deadline if it was started in time."""
    command = upgrade(stage.simulator.customer("legacy"), deadline=START + timedelta(seconds=30))
    assert isinstance(await stage.do(command), ProductUpgradeCompleted)


# ---- faults


@pytest.mark.parametrize("kind", ["reset_after", "error_after", "truncated"])
async def test_a_lost_start_that_took_effect_is_not_called_adopted(stage: Stage, kind: str) -> None:
    """An upgrade that was not there before the request belongs to the command.

    This holds after a failed upgrade too.
    """
    for customer in (stage.simulator.customer("legacy"), stage.simulator.customer("legacy", upgrade="failed")):
        stage.fault(kind, "upgrades.create")
        assert not (await stage.done(ProductUpgradeCompleted, upgrade(customer))).adopted


async def test_a_lost_start_whose_upgrade_fails_at_once_is_not_repeated(stage: Stage) -> None:
    """An upgrade that was not there before the request and has failed is the command's own, and has failed."""
    quick = {"upgrade_outcome": "failed", "upgrade_pending": [0, 0], "upgrade_running": [0, 0]}
    stage.fault("reset_after", "upgrades.create")
    failed = await stage.failed(upgrade(stage.simulator.customer("legacy", upgrade="failed", settings=quick)))
    assert failed.code is FailedCode.UPGRADE_FAILED
    assert len(stage.simulator.books.upgrades) == 1


async def test_a_start_is_repeated_only_when_the_first_cannot_arrive_any_more(stage: Stage) -> None:
    """An upgrade that fails at once frees its key: a late first request would start another upgrade.

    Rule SameCart, promise G2.
    """
    quick = {"upgrade_outcome": "failed", "upgrade_pending": [0, 0], "upgrade_running": [0, 0]}
    stage.fault("late", "upgrades.create", seconds=250)
    failed = await stage.failed(upgrade(stage.simulator.customer("legacy", settings=quick)))
    assert failed.code is FailedCode.UPGRADE_FAILED
    assert len(stage.simulator.books.upgrades) == 1


async def test_a_look_that_is_refused_after_a_lost_start_proves_nothing(stage: Stage) -> None:
    """If eligibility may no longer be read, nobody knows whether an upgrade was started."""
    stage.fault("reset_after", "upgrades.create")
    sent = await stage.send(upgrade(stage.simulator.customer("legacy")))
    await stage.until("upgrades.create")
    stage.fault("error_before", "upgrades.*", status=403, code=900308, count=None)
    failed = await stage.answer(sent)
    assert isinstance(failed, CommandFailed), failed
    assert failed.code is FailedCode.OUTCOME_UNKNOWN
    assert await stage.open_effects() == ["product_upgrade"]


@pytest.mark.parametrize("kind", ["reset_after", "reset_before"])
async def test_what_an_earlier_command_left_open_is_looked_at(stage: Stage, kind: str) -> None:
    """If its upgrade is there, the command adopts it. Otherwise the command starts a new one."""
    customer = stage.simulator.customer("legacy")
    stage.fault(kind, "upgrades.create")
    first = await stage.send(upgrade(customer))
    await stage.until("upgrades.create")
    blind = stage.fault("error_before", "upgrades.*", status=403, code=900308, count=None)
    assert isinstance(await stage.answer(first), CommandFailed)
    stage.simulator.faults.remove(blind)
    completed = await stage.done(ProductUpgradeCompleted, upgrade(customer))
    assert completed.adopted is (kind == "reset_after")
    assert len(stage.simulator.books.upgrades) == 1
    assert await stage.open_effects() == []


@pytest.mark.parametrize("seconds", [0.5, 60])
async def test_a_worker_that_dies_in_the_middle_is_followed_by_another(stage: Stage, seconds: float) -> None:
    """The worker was killed before the answer to the start. There is one upgrade, published once as started."""
    stage.fault("delay", "upgrades.create", seconds=seconds)
    sent = await stage.send(upgrade(stage.simulator.customer("legacy")))
    await stage.until("upgrades.create")
    await stage.kill()
    await stage.begin_work()
    assert isinstance(await stage.answer(sent), ProductUpgradeCompleted)
    assert len(stage.simulator.books.upgrades) == 1
    assert [word for word, _ in await story(stage, sent)].count("started") == 1


async def test_a_worker_that_dies_while_following_repeats_nothing(stage: Stage) -> None:
    """The next worker publishes a change only if no worker has published it."""
    sent = await stage.send(upgrade(stage.simulator.customer("legacy")))
    for _ in range(5):
        await asyncio.sleep(120)
        await stage.kill()
        await stage.begin_work()
    assert isinstance(await stage.answer(sent), ProductUpgradeCompleted)
    assert await story(stage, sent) == [("started", False), ("progressed", "pending"), ("progressed", "inprogress")]
