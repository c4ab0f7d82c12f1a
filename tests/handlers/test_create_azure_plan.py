"""The decisions of CreateAzurePlan."""

import asyncio
from datetime import timedelta

import pytest

from events.codes import FailedCode, RejectedCode
from events.messages.plans import AzurePlanCreated, CreateAzurePlan
from ops.simulator.state import Customer
from tests.handlers.portal import buy_plan
from tests.handlers.stage import IMPATIENT, Cast, Stage
from tests.support.virtual_time import START

APP_ONLY = pytest.mark.parametrize("cast", [Cast(user=False)], indirect=True, ids=["app_only"])
RESELLER, OTHER_RESELLER = "5550001", "5550002"


def create(customer: Customer, **members: object) -> CreateAzurePlan:
    """The command for a customer."""
    return CreateAzurePlan.model_validate({"customer_id": customer.id, **members})


async def test_an_azure_plan_is_bought(stage: Stage) -> None:
    """A customer without a plan gets one plan with one order. The answer names everything."""
    customer = stage.simulator.customer()
    created = await stage.done(AzurePlanCreated, create(customer))
    (order,) = stage.simulator.books.orders
    (cart,) = stage.simulator.books.carts
    (plan,) = stage.simulator.books.subscriptions
    assert (created.subscription_id, created.status, created.order_id) == (plan.id, "active", order.id)
    assert (created.cart_id, created.catalog_item_id) == (cart.id, cart.lines[0].catalog_item_id)
    assert [(each.id, each.status) for each in created.azure_subscriptions] == [
        (each.id, "active") for each in plan.azure_subscriptions
    ]
    assert not created.already_existed
    assert not stage.simulator.books.warnings
    assert await stage.open_effects() == []


# ---- an existing plan or an open order


@pytest.mark.parametrize("status", ["active", "suspended", "expired", "disabled"])
async def test_a_plan_that_exists_is_the_answer(stage: Stage, status: str) -> None:
    """A plan in any status but deleted answers the command, with its status, its order and its Azure subscriptions."""
    customer = stage.simulator.customer("plan", plan_status=status)
    (plan,) = stage.simulator.books.subscriptions
    created = await stage.done(AzurePlanCreated, create(customer))
    assert created.already_existed
    assert (created.subscription_id, created.status, created.order_id) == (plan.id, status, plan.order_id)
    assert created.cart_id is None
    assert len(created.azure_subscriptions) == 1
    assert stage.effects("cart.created") == 0


async def test_an_active_plan_is_named_before_others(stage: Stage) -> None:
    """Of several plans the active one is the answer."""
    customer = stage.simulator.customer("plan", plan_status="suspended")
    active = stage.simulator.add_plan(customer)
    created = await stage.done(AzurePlanCreated, create(customer))
    assert (created.subscription_id, created.status) == (active.id, "active")


async def test_a_deleted_plan_does_not_count(stage: Stage) -> None:
    """Beside a deleted plan a new one is bought."""
    customer = stage.simulator.customer("plan", plan_status="deleted")
    created = await stage.done(AzurePlanCreated, create(customer))
    assert not created.already_existed
    assert stage.effects("order.created") == 1


async def test_an_open_order_is_waited_for(stage: Stage) -> None:
    """While an order for a plan is open no second one is placed. The plan of that order is the answer."""
    customer = stage.simulator.customer(settings={"order_list_lag": [0, 0], "order_provisioning": [7200, 7200]})
    await buy_plan(stage.simulator, customer)
    second = await stage.send(create(customer))
    created = await stage.answer(second)
    assert isinstance(created, AzurePlanCreated)
    assert created.already_existed
    assert await stage.waits(second) == ["order_provisioning"]
    assert [order.id for order in stage.simulator.books.orders] == [created.order_id]


@IMPATIENT
async def test_an_open_order_that_never_ends_is_an_unknown_outcome(stage: Stage) -> None:
    """At the end of the wait the answer names the order, and nothing was bought beside it."""
    customer = stage.simulator.customer(
        "order_never_ends", settings={"order_outcome": "never", "order_list_lag": [0, 0]}
    )
    await buy_plan(stage.simulator, customer)
    failed = await stage.failed(create(customer))
    (order,) = stage.simulator.books.orders
    assert failed.code is FailedCode.OUTCOME_UNKNOWN
    assert [(each.kind, each.id, each.status) for each in failed.blockers] == [("order", order.id, "pending")]


async def test_an_order_that_failed_is_not_waited_for(stage: Stage) -> None:
    """An order that Microsoft ended does not prevent a purchase."""
    customer = stage.simulator.customer(settings={"order_outcome": "error", "order_list_lag": [0, 0]})
    await buy_plan(stage.simulator, customer)
    await asyncio.sleep(120)
    customer.overrides.clear()
    created = await stage.done(AzurePlanCreated, create(customer))
    assert not created.already_existed


# ---- resellers


@pytest.mark.parametrize("cast", [Cast(indirect=True)], indirect=True, ids=["indirect_provider"])
class TestIndirectProvider:
    """An indirect provider sells through resellers."""

    async def test_a_plan_of_another_reseller_does_not_count(self, stage: Stage) -> None:
        """Each reseller may sell a plan of its own to the customer."""
        customer = stage.simulator.customer("plan", reseller=OTHER_RESELLER)
        created = await stage.done(AzurePlanCreated, create(customer, reseller_id=RESELLER))
        assert not created.already_existed
        (order,) = stage.simulator.books.orders
        assert [line.reseller for line in order.lines] == [RESELLER]

    async def test_a_plan_of_the_named_reseller_counts(self, stage: Stage) -> None:
        """Each reseller sells one plan at most."""
        customer = stage.simulator.customer("plan", reseller=RESELLER)
        created = await stage.done(AzurePlanCreated, create(customer, reseller_id=RESELLER))
        assert created.already_existed

    async def test_without_a_named_reseller_any_plan_counts(self, stage: Stage) -> None:
        """A command without a reseller asks for any plan, whichever reseller sold it."""
        customer = stage.simulator.customer("plan", reseller=OTHER_RESELLER)
        assert (await stage.done(AzurePlanCreated, create(customer))).already_existed

    async def test_an_open_order_of_another_reseller_does_not_count(self, stage: Stage) -> None:
        """The command does not wait for the order of another reseller."""
        slow = {"order_list_lag": [0, 0], "order_provisioning": [7200, 7200]}
        customer = stage.simulator.customer(settings=slow)
        await buy_plan(stage.simulator, customer, reseller_id=OTHER_RESELLER)
        customer.overrides.clear()
        created = await stage.done(AzurePlanCreated, create(customer, reseller_id=RESELLER))
        assert not created.already_existed
        assert len(stage.simulator.books.orders) == 2

    @pytest.mark.parametrize("reseller", [None, "5559999", "5550009"], ids=["missing", "unknown", "not_active"])
    async def test_a_missing_or_wrong_reseller_is_an_order_that_was_refused(
        self, stage: Stage, reseller: str | None
    ) -> None:
        """Without a reseller that may sell, Partner Center refuses the cart or its item."""
        rejected = await stage.rejected(create(stage.simulator.customer(), reseller_id=reseller))
        assert rejected.code is RejectedCode.ORDER_REFUSED
        assert rejected.partner_center is not None
        assert stage.simulator.books.orders == []


async def test_an_unwanted_reseller_is_an_order_that_was_refused(stage: Stage) -> None:
    """A partner that sells directly may name no reseller."""
    rejected = await stage.rejected(create(stage.simulator.customer(), reseller_id=RESELLER))
    assert rejected.code is RejectedCode.ORDER_REFUSED
    assert rejected.partner_center is not None
    assert rejected.partner_center.code == "10004"


# ---- obstacles


async def test_a_customer_that_does_not_exist_is_not_found(stage: Stage) -> None:
    """Partner Center knows no such tenant."""
    rejected = await stage.rejected(CreateAzurePlan(customer_id="3c0e5f4a-9d2b-4a6e-8f1c-5b7d2e9a0c11"))
    assert rejected.code is RejectedCode.CUSTOMER_NOT_FOUND
    assert rejected.partner_center is not None
    assert rejected.partner_center.operation == "customers.get"


async def test_a_customer_of_another_partner_is_refused(stage: Stage) -> None:
    """Without a reseller relationship nothing is sold."""
    rejected = await stage.rejected(create(stage.simulator.customer("no_relationship")))
    assert rejected.code is RejectedCode.NO_RELATIONSHIP


async def test_without_an_agreement_nothing_is_bought(stage: Stage) -> None:
    """The customer must have accepted the Microsoft Customer Agreement."""
    rejected = await stage.rejected(create(stage.simulator.customer("no_agreement")))
    assert rejected.code is RejectedCode.AGREEMENT_MISSING
    assert stage.effects("cart.created") == 0


async def test_an_agreement_that_was_signed_directly_suffices(stage: Stage) -> None:
    """A customer that accepted in Microsoft's own pages has no attestation and needs none."""
    assert not (await stage.done(AzurePlanCreated, create(stage.simulator.customer("signed_directly")))).already_existed


@APP_ONLY
async def test_checks_that_need_a_users_token_are_skipped_and_noted(stage: Stage) -> None:
    """With the application alone a plan is bought. The timeline names the skipped checks."""
    await stage.done(AzurePlanCreated, create(stage.simulator.customer(legacy=1, legacy_status="deleted")))
    agreement, upgrade = await stage.notes()
    assert "Microsoft Customer Agreement" in agreement
    assert "product upgrade" in upgrade
    assert not {call for call in stage.calls() if call.startswith(("agreements.", "upgrades."))}


@APP_ONLY
@pytest.mark.parametrize("where", ["cart", "checkout"])
async def test_partner_center_itself_misses_the_agreement(stage: Stage, where: str) -> None:
    """If the check was skipped, Partner Center refuses the purchase with 13605, at the cart or at check-out."""
    customer = stage.simulator.customer("no_agreement", settings={"agreement_checked": where})
    rejected = await stage.rejected(create(customer))
    assert rejected.code is RejectedCode.AGREEMENT_MISSING
    assert rejected.partner_center is not None
    assert rejected.partner_center.code == "13605"


@pytest.mark.parametrize("stage_of_it", ["pending", "running"])
async def test_a_running_upgrade_is_in_progress(stage: Stage, stage_of_it: str) -> None:
    """While legacy subscriptions are being upgraded no plan is bought. The answer names the upgrade."""
    customer = stage.simulator.customer("upgrading", upgrade=stage_of_it)
    rejected = await stage.rejected(create(customer))
    assert rejected.code is RejectedCode.UPGRADE_IN_PROGRESS
    (blocker,) = rejected.blockers
    assert (blocker.kind, blocker.id) == ("productUpgrade", customer.upgrades[0].id)


@APP_ONLY
@pytest.mark.parametrize(("stage_of_it", "code"), [("pending", "900112"), ("running", "900113"), ("failed", "900114")])
async def test_partner_center_itself_names_the_upgrade(stage: Stage, stage_of_it: str, code: str) -> None:
    """If the worker may not read the upgrade, Partner Center refuses the cart because of it."""
    customer = stage.simulator.customer(upgrade=stage_of_it)
    rejected = await stage.rejected(create(customer))
    assert rejected.code is RejectedCode.UPGRADE_IN_PROGRESS
    assert rejected.partner_center is not None
    assert rejected.partner_center.code == code


@pytest.mark.parametrize(
    ("status", "advice"),
    [("active", "Send StartProductUpgrade"), ("suspended", "Reactivate the legacy"), ("disabled", "back to active")],
)
async def test_a_legacy_subscription_is_in_the_way(stage: Stage, status: str, advice: str) -> None:
    """Beside a legacy Azure subscription no plan is bought. The advice depends on the subscription's status."""
    rejected = await stage.rejected(create(stage.simulator.customer("legacy", legacy_status=status)))
    assert rejected.code is RejectedCode.LEGACY_AZURE_SUBSCRIPTION
    assert advice in rejected.advice
    assert stage.effects("cart.created") == 0


async def test_a_deleted_legacy_subscription_does_not_prevent_a_purchase(stage: Stage) -> None:
    """Once Microsoft has deleted the subscription a plan can be bought."""
    customer = stage.simulator.customer("legacy", legacy_status="deleted")
    assert not (await stage.done(AzurePlanCreated, create(customer))).already_existed


# ---- country and catalog item


@pytest.mark.parametrize(
    ("members", "profile", "country"),
    [
        ({"country": "de"}, {"country": "DE", "company_country": "FR"}, "DE"),
        ({}, {"country": "DE", "company_country": "FR"}, "DE"),
        ({}, {"country": "FR", "company_country": "FR", "billing_profile": False}, "FR"),
    ],
    ids=["command", "billing_profile", "company_profile"],
)
async def test_the_country_of_the_command_counts_before_that_of_the_customer(
    stage: Stage, members: dict[str, str], profile: dict[str, object], country: str
) -> None:
    """Without a country in the command, the billing profile counts, then the company profile."""
    await stage.done(AzurePlanCreated, create(stage.simulator.customer(**profile), **members))
    asked = [each.query for each in stage.simulator.books.requests if each.operation == "catalog.list_availabilities"]
    assert [query["country"] for query in asked] == [country]


async def test_without_a_known_country_the_customers_own_catalog_counts(stage: Stage) -> None:
    """Partner Center lists the catalog of a customer without asking for a country."""
    customer = stage.simulator.customer(billing_profile=False, delegated=False)
    await stage.done(AzurePlanCreated, create(customer))
    assert "catalog.list_availabilities_by_customer" in stage.calls()


@pytest.mark.parametrize("command_country", [None, "CN"])
async def test_in_a_country_without_the_plan_none_is_bought(stage: Stage, command_country: str | None) -> None:
    """The refusal says that the country has no Azure plan."""
    rejected = await stage.rejected(create(stage.simulator.customer("not_for_sale"), country=command_country))
    assert rejected.code is RejectedCode.CATALOG_ITEM_UNAVAILABLE
    assert stage.effects("cart.created") == 0


async def test_an_item_that_cannot_be_bought_is_not_put_into_a_cart(stage: Stage) -> None:
    """Availabilities that are not purchasable do not count."""
    stage.simulator.change(plan_for_sale=False)
    rejected = await stage.rejected(create(stage.simulator.customer()))
    assert rejected.code is RejectedCode.CATALOG_ITEM_UNAVAILABLE


async def test_a_country_that_the_customer_does_not_buy_in_is_refused(stage: Stage) -> None:
    """The refusal of another country's item is about the order or the catalog. Nothing is bought."""
    rejected = await stage.rejected(create(stage.simulator.customer(country="US"), country="DE"))
    assert rejected.code in {RejectedCode.ORDER_REFUSED, RejectedCode.CATALOG_ITEM_UNAVAILABLE}
    assert stage.simulator.books.orders == []


# ---- stale items


async def test_a_stale_item_is_replaced_in_the_same_cart_at_check_out(stage: Stage) -> None:
    """If the item has rotated since the cart was made, the cart gets the new item and is checked out again."""
    customer = stage.simulator.customer()
    stage.fault("throttle", "carts.checkout", retry_after=60)
    sent = await stage.send(create(customer))
    await stage.until("carts.checkout")
    stage.simulator.rotate_catalog()
    created = await stage.answer(sent)
    assert isinstance(created, AzurePlanCreated)
    assert stage.effects("cart.created") == stage.effects("cart.updated") == stage.effects("order.created") == 1
    (order,) = stage.simulator.books.orders
    assert created.catalog_item_id == order.lines[0].offer_id


async def test_an_item_in_error_is_replaced_in_the_same_cart(stage: Stage) -> None:
    """A cart made with a stale item reports so at the item. The item is replaced; the cart stays."""
    customer = stage.simulator.customer(settings={"cart_item_error": 10001})
    stage.fault("slow_answer", "carts.create", seconds=20)
    sent = await stage.send(create(customer))
    await stage.until("carts.create")
    customer.overrides.clear()
    stage.simulator.rotate_catalog()
    assert isinstance(await stage.answer(sent), AzurePlanCreated)
    assert stage.effects("cart.created") == stage.effects("cart.updated") == stage.effects("order.created") == 1


async def test_an_item_that_stays_stale_cannot_be_bought(stage: Stage) -> None:
    """If the catalog has only the refused item, no plan can be bought."""
    customer = stage.simulator.customer(settings={"cart_item_error": 10001})
    rejected = await stage.rejected(create(customer))
    assert rejected.code is RejectedCode.CATALOG_ITEM_UNAVAILABLE
    assert stage.effects("cart.created") == 1
    assert stage.simulator.books.orders == []


async def test_a_catalog_that_always_rotates_is_not_followed_for_ever(stage: Stage) -> None:
    """After a few refused items the answer says that no plan can be bought."""
    customer = stage.simulator.customer(settings={"cart_item_error": 10001})
    stage.fault("slow_answer", "carts.*", seconds=1, count=None)
    sent = await stage.send(create(customer))
    rotating = asyncio.create_task(_keep_rotating(stage))
    rejected = await stage.answer(sent)
    rotating.cancel()
    assert getattr(rejected, "code", None) is RejectedCode.CATALOG_ITEM_UNAVAILABLE
    assert (stage.effects("cart.created"), stage.effects("cart.updated")) == (1, 3)


# ---- refusals of cart and order


@pytest.mark.parametrize("code", [10002, 10003, 10006, 10009, 10010, 10012])
async def test_an_item_that_is_refused_is_an_order_that_was_refused(stage: Stage, code: int) -> None:
    """The cart's item has the reason. The sandbox limit is one of the reasons."""
    rejected = await stage.rejected(create(stage.simulator.customer(settings={"cart_item_error": code})))
    assert rejected.code is RejectedCode.ORDER_REFUSED
    said = rejected.partner_center
    assert said is not None
    (told,) = stage.simulator.books.requests_of("carts.get")
    assert (said.operation, said.http_status, said.code) == ("carts.get", 200, str(code))
    assert (said.request_id, said.correlation_id) == (told.request_id, told.correlation_id)
    assert "carts.checkout" not in stage.calls()


@pytest.mark.parametrize("knob", ["refuse_checkout", "order_error"])
@pytest.mark.parametrize("code", [800023, 800069, 800073])
async def test_credit_risk_and_review_have_a_code_of_their_own(stage: Stage, knob: str, code: int) -> None:
    """This holds whether the check-out is refused or its result holds the error."""
    rejected = await stage.rejected(create(stage.simulator.customer(settings={knob: code})))
    assert rejected.code is RejectedCode.CREDIT_OR_REVIEW
    assert rejected.partner_center is not None
    assert (rejected.partner_center.operation, rejected.partner_center.code) == ("carts.checkout", str(code))
    assert stage.simulator.books.orders == []
    assert await stage.open_effects() == []


@pytest.mark.parametrize("knob", ["refuse_checkout", "order_error"])
@pytest.mark.parametrize("code", [900116, 800018, 800020, 800066])
async def test_other_refusals_of_the_order_say_so(stage: Stage, knob: str, code: int) -> None:
    """These are the sandbox limit and every other definite refusal."""
    rejected = await stage.rejected(create(stage.simulator.customer(settings={knob: code})))
    assert rejected.code is RejectedCode.ORDER_REFUSED
    assert rejected.partner_center is not None
    assert rejected.partner_center.code == str(code)


async def test_a_check_out_that_blames_an_item_that_looks_good_is_refused(stage: Stage) -> None:
    """800009 without an error at the item cannot be corrected, and the check-out is not repeated for ever."""
    stage.fault("error_before", "carts.checkout", status=400, code=800009, count=None)
    rejected = await stage.rejected(create(stage.simulator.customer()))
    assert rejected.code is RejectedCode.ORDER_REFUSED
    assert stage.calls().count("carts.checkout") == 1


@pytest.mark.parametrize("code", [800002, 900206])
async def test_a_cart_that_is_refused_is_an_order_that_was_refused(stage: Stage, code: int) -> None:
    """Nothing was made, and nothing is left behind."""
    rejected = await stage.rejected(create(stage.simulator.customer(settings={"refuse_cart": code})))
    assert rejected.code is RejectedCode.ORDER_REFUSED
    assert stage.effects("cart.created") == 0


# ---- the end of the order


async def test_an_order_that_takes_hours_is_waited_for(stage: Stage) -> None:
    """The wait is published once. The plan is the answer when it is there."""
    customer = stage.simulator.customer(settings={"order_provisioning": [14_400, 14_400]})
    sent = await stage.send(create(customer))
    assert isinstance(await stage.answer(sent), AzurePlanCreated)
    assert await stage.waits(sent) == ["order_provisioning"]


async def test_an_order_in_review_waits_like_any_other(stage: Stage) -> None:
    """A person decides in Partner Center. Until then the command waits."""
    customer = stage.simulator.customer(settings={"order_outcome": "pending_review"})
    sent = await stage.send(create(customer))
    await asyncio.sleep(3 * 3600)
    (order,) = stage.simulator.books.orders
    assert order.status == "pending_review"
    stage.simulator.end_order(order)
    assert isinstance(await stage.answer(sent), AzurePlanCreated)
    assert await stage.waits(sent) == ["order_provisioning"]


@pytest.mark.parametrize("outcome", ["error", "cancelled"])
async def test_an_order_that_microsoft_ends_has_failed(stage: Stage, outcome: str) -> None:
    """The answer names the order. Nothing is in doubt."""
    failed = await stage.failed(create(stage.simulator.customer(settings={"order_outcome": outcome})))
    (order,) = stage.simulator.books.orders
    assert failed.code is FailedCode.ORDER_FAILED
    assert not failed.outcome_unknown
    assert [(each.id, each.status) for each in failed.blockers] == [(order.id, outcome)]
    assert await stage.open_effects() == []


async def test_after_an_order_that_failed_another_command_buys_again(stage: Stage) -> None:
    """An order that Microsoft ended can no longer become a plan."""
    customer = stage.simulator.customer(settings={"order_outcome": "error"})
    await stage.failed(create(customer))
    customer.overrides.clear()
    assert not (await stage.done(AzurePlanCreated, create(customer))).already_existed
    assert len(stage.simulator.books.orders) == 2


@IMPATIENT
async def test_an_order_that_never_ends_is_an_unknown_outcome(stage: Stage) -> None:
    """After the deadline of the wait a person gets the evidence. Nothing is bought again."""
    sent = await stage.send(create(stage.simulator.customer("order_never_ends")))
    failed = await stage.answer(sent)
    (order,) = stage.simulator.books.orders
    assert getattr(failed, "code", None) is FailedCode.OUTCOME_UNKNOWN
    assert getattr(failed, "outcome_unknown", None) is True
    assert [(each.kind, each.id) for each in getattr(failed, "blockers", ())] == [("order", order.id)]
    assert await stage.open_effects() == ["azure_plan"]
    assert stage.clock.now() - START >= timedelta(hours=2)


async def test_an_order_that_is_not_found_at_first_is_waited_for(stage: Stage) -> None:
    """An order that cannot be read right after its check-out is no failure."""
    customer = stage.simulator.customer(settings={"order_get_lag": [300, 300]})
    sent = await stage.send(create(customer))
    assert isinstance(await stage.answer(sent), AzurePlanCreated)
    assert await stage.waits(sent) == ["order_provisioning"]


async def test_azure_subscriptions_that_may_not_be_read_are_not_named(stage: Stage) -> None:
    """The answer says that the plan was bought. The timeline says what could not be read."""
    stage.fault("error_before", "azure_entitlements.list", status=403, code=900308, count=None)
    created = await stage.done(AzurePlanCreated, create(stage.simulator.customer()))
    assert created.azure_subscriptions == ()
    (note,) = await stage.notes()
    assert "could not be read" in note


# ---- validation and deadlines


async def test_validating_names_the_operations_that_would_be_called(stage: Stage) -> None:
    """Every check is made, and nothing is changed."""
    would_do = await stage.would_do(create(stage.simulator.customer()))
    assert would_do == ["carts.create", "carts.checkout"]
    assert stage.simulator.books.effects == []


@pytest.mark.parametrize("profile", ["plan", "suspended_plan"])
async def test_validating_beside_a_plan_leaves_nothing_to_do(stage: Stage, profile: str) -> None:
    """The list is empty, and the answer does not claim to have created a plan."""
    assert await stage.would_do(create(stage.simulator.customer(profile))) == []


async def test_validating_beside_an_open_order_leaves_nothing_to_do(stage: Stage) -> None:
    """A validation does not wait for the order."""
    customer = stage.simulator.customer(settings={"order_list_lag": [0, 0], "order_provisioning": [7200, 7200]})
    await buy_plan(stage.simulator, customer)
    assert await stage.would_do(create(customer)) == []


@pytest.mark.parametrize(
    ("profile", "code"),
    [
        ("no_agreement", RejectedCode.AGREEMENT_MISSING),
        ("no_relationship", RejectedCode.NO_RELATIONSHIP),
        ("legacy", RejectedCode.LEGACY_AZURE_SUBSCRIPTION),
        ("upgrading", RejectedCode.UPGRADE_IN_PROGRESS),
        ("not_for_sale", RejectedCode.CATALOG_ITEM_UNAVAILABLE),
    ],
)
async def test_validating_refuses_as_doing_would(stage: Stage, profile: str, code: RejectedCode) -> None:
    """A check that refuses the command refuses the validation too."""
    rejected = await stage.rejected(create(stage.simulator.customer(profile), validate_only=True))
    assert rejected.code is code


@pytest.mark.parametrize("cast", [Cast(validate_only=True)], indirect=True, ids=["validating_worker"])
async def test_a_worker_that_only_validates_buys_nothing(stage: Stage) -> None:
    """The setting treats every command as a validation."""
    assert await stage.would_do(create(stage.simulator.customer())) == ["carts.create", "carts.checkout"]
    assert stage.simulator.books.effects == []


async def test_after_its_deadline_nothing_is_bought(stage: Stage) -> None:
    """A command that is too late changes nothing."""
    rejected = await stage.rejected(create(stage.simulator.customer(), deadline=START - timedelta(hours=1)))
    assert rejected.code is RejectedCode.DEADLINE_PASSED
    assert stage.simulator.books.effects == []


async def test_after_its_deadline_a_plan_that_exists_is_still_the_answer(stage: Stage) -> None:
    """The deadline ends writes, not looks."""
    command = create(stage.simulator.customer("plan"), deadline=START - timedelta(hours=1))
    assert (await stage.done(AzurePlanCreated, command)).already_existed


async def test_a_deadline_does_not_end_the_wait_for_an_order(stage: Stage) -> None:
    """The command waits beyond the deadline for an order placed in time."""
    customer = stage.simulator.customer(settings={"order_provisioning": [7200, 7200]})
    created = await stage.done(AzurePlanCreated, create(customer, deadline=START + timedelta(minutes=30)))
    assert not created.already_existed


async def _keep_rotating(stage: Stage) -> None:
    while True:
        stage.simulator.rotate_catalog()
        await asyncio.sleep(0.5)
