"""What a run reads: a look of a wait is one call, and nothing that the story knows is read again."""

import json
from collections.abc import Callable

import pytest

from events.messages.base import Command
from events.messages.plans import (
    AzurePlanCreated,
    CreateAzurePlan,
    PlanReactivated,
    PlanSuspended,
    ReactivatePlan,
    SuspendPlan,
)
from events.messages.upgrades import ProductUpgradeCompleted, StartProductUpgrade
from ops.simulator.state import Customer
from tests.handlers.portal import buy_plan
from tests.handlers.stage import IMPATIENT, Stage
from worker.journal.database.protocol import Transaction

SLOW = {"patch_mode": "slow", "patch_seconds": [1200, 1200]}
TWENTY_MINUTES = {"order_provisioning": [1200, 1200], "order_get_lag": [0, 0]}


def since(stage: Stage, operation: str) -> set[str]:
    """The operations that were called after the last call of this one."""
    calls = stage.calls()
    return set(calls[len(calls) - calls[::-1].index(operation) :])


async def forget(stage: Stage) -> None:
    """Let every command forget what its story knows, as if an earlier version had begun it."""

    async def strip(tx: Transaction) -> None:
        for row in await tx.rows("SELECT uid, memory FROM command"):
            kept = {name: fact for name, fact in json.loads(row["memory"]).items() if not name.startswith("known")}
            await tx.run("UPDATE command SET memory = ? WHERE uid = ?", json.dumps(kept), row["uid"])

    await stage.journal.transactions.write_at_once(strip)


# ---- a look at something pending


async def test_a_look_at_cancelled_azure_subscriptions_is_one_list(stage: Stage) -> None:
    """While they stop, the plan and the reservations are not read. Before the suspension all are read again."""
    customer = stage.simulator.customer("plan", azure_subscriptions=2)
    await stage.done(PlanSuspended, SuspendPlan(customer_id=customer.id, active_assets="cancel"))
    calls = stage.calls()
    first, last = len(calls) - calls[::-1].index("azure_entitlements.cancel"), calls.index("subscriptions.patch")
    assert set(calls[first : last - 2]) == {"azure_entitlements.list"}
    assert calls[last - 2 : last] == ["subscriptions.get", "reservations.list"]
    assert calls.count("subscriptions.list") == 1


@pytest.mark.parametrize(
    ("command", "profile", "answer"),
    [(SuspendPlan, "quiet_plan", PlanSuspended), (ReactivatePlan, "suspended_plan", PlanReactivated)],
)
async def test_a_look_at_a_plan_that_changes_is_one_read_of_it(
    stage: Stage, command: type[Command], profile: str, answer: type[PlanSuspended]
) -> None:
    """The command knows the plan's id. The list is read once."""
    customer = stage.simulator.customer(profile, settings=SLOW)
    await stage.done(answer, command(customer_id=customer.id))
    assert since(stage, "subscriptions.patch") == {"subscriptions.get"}
    assert stage.calls().count("subscriptions.list") == 1


async def test_a_look_at_an_order_is_one_read_of_it(stage: Stage) -> None:
    """The answer to the check-out says that the order is open, so the first look comes after a wait."""
    customer = stage.simulator.customer(settings=TWENTY_MINUTES)
    sent = await stage.send(CreateAzurePlan(customer_id=customer.id))
    await stage.until("orders.get", 2)
    assert since(stage, "carts.checkout") == {"orders.get"}
    (order,) = stage.simulator.books.orders
    looks = stage.simulator.books.requests_of("orders.get")
    assert looks[0].at > order.created_at
    assert isinstance(await stage.answer(sent), AzurePlanCreated)
    assert stage.calls()[-2:] == ["subscriptions.get", "azure_entitlements.list"]


async def test_an_order_that_had_to_be_found_is_found_once(stage: Stage) -> None:
    """The answer to the check-out was lost, and the order shows late. Once it shows, it alone is read."""
    customer = stage.simulator.customer(settings={**TWENTY_MINUTES, "order_list_lag": [100, 100]})
    stage.fault("reset_after", "carts.checkout")
    await stage.done(AzurePlanCreated, CreateAzurePlan(customer_id=customer.id))
    assert stage.calls().count("orders.get") > 1
    assert since(stage, "orders.list") == {"orders.get", "subscriptions.get", "azure_entitlements.list"}
    assert stage.effects("order.created") == 1


async def test_a_look_at_somebody_elses_order_is_one_read_of_it(stage: Stage) -> None:
    """When that order has ended, the command looks at everything again."""
    customer = stage.simulator.customer(settings={**TWENTY_MINUTES, "order_list_lag": [0, 0]})
    await buy_plan(stage.simulator, customer)
    before = len(stage.calls())
    created = await stage.done(AzurePlanCreated, CreateAzurePlan(customer_id=customer.id))
    assert created.already_existed
    calls = stage.calls()[before:]
    assert calls[:3] == ["customers.get", "orders.list", "subscriptions.list"]
    assert set(calls[3:-3]) == {"orders.get"}
    assert calls[-3:] == ["orders.list", "subscriptions.list", "azure_entitlements.list"]


async def test_a_look_at_an_upgrade_is_one_read_of_its_status(stage: Stage) -> None:
    """The first comes after a wait: an upgrade that was requested a moment ago runs."""
    customer = stage.simulator.customer("legacy")
    await stage.done(ProductUpgradeCompleted, StartProductUpgrade(customer_id=customer.id))
    assert since(stage, "upgrades.create") == {"upgrades.status"}
    (made,) = stage.simulator.books.upgrades
    assert stage.simulator.books.requests_of("upgrades.status")[0].at > made.created_at


async def test_an_upgrade_that_is_adopted_is_read_once(stage: Stage) -> None:
    """The look that decides to follow the upgrade is the first look at its status."""
    customer = stage.simulator.customer("legacy")
    await stage.done(ProductUpgradeCompleted, StartProductUpgrade(customer_id=customer.id))
    before = len(stage.calls())
    adopted = await stage.done(ProductUpgradeCompleted, StartProductUpgrade(customer_id=customer.id))
    assert adopted.adopted
    assert stage.calls()[before:] == ["upgrades.eligibility", "upgrades.status"]


# ---- reads that are not needed


@pytest.mark.parametrize(
    ("members", "looks"),
    [
        ({}, False),
        ({"licences": 2}, False),
        ({"legacy": 1, "legacy_status": "deleted"}, True),
        ({"plans": 1, "plan_status": "deleted"}, True),
    ],
)
async def test_an_upgrade_is_looked_for_where_the_customer_may_have_had_a_legacy_subscription(
    stage: Stage, members: dict[str, object], looks: bool
) -> None:
    """The list of subscriptions tells, because it names suspended and deleted ones too."""
    customer = stage.simulator.customer("ready", **members)
    await stage.done(AzurePlanCreated, CreateAzurePlan(customer_id=customer.id))
    assert ("upgrades.eligibility" in stage.calls()) is looks


async def test_a_plan_that_is_not_there_is_not_looked_for_among_upgrades_of_a_customer_without_legacy(
    stage: Stage,
) -> None:
    """One call tells that a customer without Azure has no plan."""
    await stage.rejected(SuspendPlan(customer_id=stage.simulator.customer("with_licences").id))
    assert stage.calls() == ["subscriptions.list"]


async def test_a_plan_that_has_the_wanted_status_is_not_read_alone(stage: Stage) -> None:
    """The list of subscriptions tells its status. Only a plan that is changed is read alone."""
    await stage.done(PlanReactivated, ReactivatePlan(customer_id=stage.simulator.customer("plan").id))
    assert stage.calls() == ["subscriptions.list"]


async def test_a_refusal_that_says_what_is_active_is_not_followed_by_a_look_at_the_plan(stage: Stage) -> None:
    """The plan cannot have been suspended meanwhile."""
    stage.fault("error_before", "subscriptions.patch", status=403, code=900115)
    await stage.rejected(SuspendPlan(customer_id=stage.simulator.customer("quiet_plan").id))
    assert since(stage, "subscriptions.patch") == {"azure_entitlements.list"}


# ---- the catalog


async def test_customers_of_one_country_share_a_look_into_the_catalog(stage: Stage) -> None:
    """What a country's catalog sells is the same for every customer of the account."""
    for country in ("US", "US", "GB", "US"):
        await stage.done(AzurePlanCreated, CreateAzurePlan(customer_id=stage.simulator.customer(country=country).id))
    assert stage.calls().count("catalog.list_availabilities") == 2


async def test_a_shared_item_that_has_become_stale_is_replaced_for_all(stage: Stage) -> None:
    """One cart meets it. The command replaces the item, and the next one buys the new item."""
    await stage.done(AzurePlanCreated, CreateAzurePlan(customer_id=stage.simulator.customer().id))
    stage.simulator.rotate_catalog()
    for _ in range(2):
        await stage.done(AzurePlanCreated, CreateAzurePlan(customer_id=stage.simulator.customer().id))
    calls = stage.calls()
    assert calls.count("catalog.list_availabilities") == 2
    assert calls.count("carts.update") == 1
    assert len(stage.simulator.books.orders) == 3


async def test_an_item_that_is_refused_is_not_shared(stage: Stage) -> None:
    """Whatever was said against it, the next command reads the catalog."""
    for profile in ("bad_item", "ready"):
        await stage.do(CreateAzurePlan(customer_id=stage.simulator.customer(profile).id))
    assert stage.calls().count("catalog.list_availabilities") == 2


# ---- what a story knows


async def test_a_command_that_waits_for_its_ceiling_reads_the_customer_and_the_agreement_once(stage: Stage) -> None:
    """What guards against a second purchase is read in every run that may buy."""
    stage.fault("throttle", "carts.create", retry_after=60)
    await stage.done(AzurePlanCreated, CreateAzurePlan(customer_id=stage.simulator.customer().id))
    calls = stage.calls()
    assert (calls.count("customers.get"), calls.count("agreements.confirmations")) == (1, 1)
    assert (calls.count("orders.list"), calls.count("subscriptions.list")) == (2, 2)


@IMPATIENT
async def test_the_next_story_looks_at_everything_again(stage: Stage) -> None:
    """A person redrives because something may have changed."""
    never = {"patch_mode": "slow", "patch_seconds": [1e9, 1e9]}
    sent = await stage.send(SuspendPlan(customer_id=stage.simulator.customer("quiet_plan", settings=never).id))
    await stage.answer(sent)
    assert stage.calls().count("subscriptions.list") == 1
    await stage.redrive(sent)
    assert stage.calls().count("subscriptions.list") == 2


MIDDLES: list[tuple[Callable[[Customer], Command], dict[str, object], str]] = [
    (lambda of: SuspendPlan(customer_id=of.id), {"profile": "quiet_plan", "settings": SLOW}, "subscriptions.patch"),
    (
        lambda of: ReactivatePlan(customer_id=of.id),
        {"profile": "suspended_plan", "settings": SLOW},
        "subscriptions.get",
    ),
    (
        lambda of: SuspendPlan(customer_id=of.id, active_assets="cancel"),
        {"profile": "plan", "azure_subscriptions": 2},
        "azure_entitlements.cancel",
    ),
    (lambda of: CreateAzurePlan(customer_id=of.id), {"settings": TWENTY_MINUTES}, "orders.get"),
    (lambda of: StartProductUpgrade(customer_id=of.id), {"profile": "legacy"}, "upgrades.status"),
]


@pytest.mark.parametrize(("command", "members", "operation"), MIDDLES, ids=[operation for _, _, operation in MIDDLES])
async def test_a_command_that_an_earlier_version_began_goes_on(
    stage: Stage, command: Callable[[Customer], Command], members: dict[str, object], operation: str
) -> None:
    """Its memory names none of the facts. The command reads them, and changes nothing twice."""
    customer = stage.simulator.customer(**members)
    sent = await stage.send(command(customer))
    await stage.until(operation)
    await stage.kill()
    await forget(stage)
    await stage.begin_work()
    answer = await stage.answer(sent)
    assert answer.terminal
    assert type(answer).__name__ not in ("CommandRejected", "CommandFailed"), answer
    changed = [each.kind for each in stage.simulator.books.effects if each.kind.startswith("subscription.")]
    assert len(changed) == len(set(changed))
    assert stage.effects("order.created") <= 1
    assert stage.effects("upgrade.created") <= 1
