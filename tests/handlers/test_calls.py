"""How many calls a command makes, by operation, while Microsoft takes the times that it documents.

    pytest -s tests/handlers/test_calls.py

prints the calls by operation.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any

import pytest

from events.messages.agreements import ConfirmCustomerAgreement, CustomerAgreementConfirmed
from events.messages.base import Command, Event
from events.messages.customers import CustomerReported, ReportCustomer
from events.messages.plans import (
    AzurePlanCreated,
    CreateAzurePlan,
    PlanReactivated,
    PlanSuspended,
    ReactivatePlan,
    SuspendPlan,
)
from events.messages.upgrades import ProductUpgradeCompleted, StartProductUpgrade
from events.messages.usage import ReportUsage, SetUsageBudget, UsageBudgetSet, UsageReported
from ops.simulator.behaviour import Settings
from ops.simulator.seed import PROFILES, Profile
from ops.simulator.state import Customer
from tests.crash.paths import ACCEPTED
from tests.handlers.stage import ARM, Cast, Stage
from worker.partner_center.all_operations import operations

PAGE = (FilePath(__file__).parents[2] / "docs" / "calls.md").read_text("utf-8")
ROW = re.compile(r"^\| `([\w.]+)` \| `(\w+)` \| ((?:about )?[\d.]+) \|", re.MULTILINE)
CEILING = 500
CUSTOMERS = 40
STRIDE = 17
"""Has no factor in common with the number of customers: the lags come in no order of size."""


@dataclass(frozen=True)
class Path:
    """A command on one of its ways, for many customers one after the other."""

    name: str
    command: type[Command]
    answer: type[Event]
    profile: Profile
    most: float
    """The calls of one command on average, at most."""
    asks: Mapping[str, Any] = field(default_factory=dict)
    cast: Cast = field(default_factory=Cast)
    """The settings of the worker."""
    by_id: bool = False
    """Whether the command names the plan."""
    lags: Sequence[str] = ()
    """The simulator's lags that this path meets. Each is spread evenly over its documented range."""
    slow: bool = False
    """Whether Partner Center accepts every second change of a plan and makes it later (202)."""

    def command_for(self, customer: Customer) -> Command:
        """The command for this customer."""
        named = {"subscription_id": next(iter(customer.subscriptions))} if self.by_id else {}
        return self.command.model_validate({"customer_id": customer.id, **self.asks, **named})

    def customer(self, stage: Stage, number: int) -> Customer:
        """One of the customers, whose lags stand at this place of their ranges."""
        place = (number * STRIDE % CUSTOMERS + 0.5) / CUSTOMERS
        documented = Settings()
        lags = {name: [between(getattr(documented, name), place)] * 2 for name in self.lags}
        mode = {"patch_mode": "slow"} if self.slow and number % 2 else {}
        return stage.simulator.customer(self.profile, settings={**lags, **mode})


def between(span: tuple[float, float], place: float) -> float:
    """The number at this place of a range: 0 is its begin, 1 its end."""
    low, high = span
    return low + (high - low) * place


PATHS = (
    Path(
        "CreateAzurePlan",
        CreateAzurePlan,
        AzurePlanCreated,
        PROFILES["ready"],
        most=10.2,
        lags=("order_provisioning", "order_list_lag", "order_get_lag"),
    ),
    Path(
        "SuspendPlan",
        SuspendPlan,
        PlanSuspended,
        PROFILES["quiet_plan"],
        most=6.2,
        lags=("patch_seconds",),
        slow=True,
    ),
    Path(
        "SuspendPlan with cancel",
        SuspendPlan,
        PlanSuspended,
        replace(PROFILES["plan"], azure_subscriptions=2),
        most=12.5,
        asks={"active_assets": "cancel"},
        lags=("entitlement_flip", "patch_seconds"),
        slow=True,
    ),
    Path(
        "SuspendPlan with cancel through arm",
        SuspendPlan,
        PlanSuspended,
        replace(PROFILES["plan"], azure_subscriptions=2),
        most=14.5,
        asks={"active_assets": "cancel"},
        cast=ARM,
        lags=("entitlement_flip", "patch_seconds"),
        slow=True,
    ),
    Path(
        "SuspendPlan with return",
        SuspendPlan,
        PlanSuspended,
        replace(PROFILES["two_reserved"], azure_subscriptions=0),
        most=36.5,
        asks={"reservations": "return"},
        lags=("return_seconds", "reservation_flip", "patch_seconds"),
        slow=True,
    ),
    Path(
        "ReactivatePlan",
        ReactivatePlan,
        PlanReactivated,
        PROFILES["suspended_plan"],
        most=4.2,
        lags=("patch_seconds",),
        slow=True,
    ),
    Path(
        "ReactivatePlan by id",
        ReactivatePlan,
        PlanReactivated,
        PROFILES["suspended_plan"],
        most=3.2,
        by_id=True,
        lags=("patch_seconds",),
        slow=True,
    ),
    Path(
        "ReactivatePlan with Azure subscriptions",
        ReactivatePlan,
        PlanReactivated,
        replace(PROFILES["suspended_plan"], inactive_azure_subscriptions=2),
        most=13.0,
        asks={"azure_subscriptions": "reactivate"},
        lags=("entitlement_flip", "patch_seconds"),
        slow=True,
    ),
    Path(
        "StartProductUpgrade",
        StartProductUpgrade,
        ProductUpgradeCompleted,
        PROFILES["legacy"],
        most=9.6,
        lags=("upgrade_pending", "upgrade_running"),
    ),
    Path(
        "ConfirmCustomerAgreement",
        ConfirmCustomerAgreement,
        CustomerAgreementConfirmed,
        PROFILES["no_agreement"],
        most=5.0,
        asks=ACCEPTED,
    ),
    Path("ReportCustomer", ReportCustomer, CustomerReported, PROFILES["plan"], most=7.0),
    Path("ReportUsage", ReportUsage, UsageReported, PROFILES["plan"], most=1.0),
    Path(
        "ReportUsage by resource",
        ReportUsage,
        UsageReported,
        PROFILES["plan"],
        most=2.0,
        by_id=True,
        asks={"scope": "subscription", "by": "resource"},
    ),
    Path("SetUsageBudget", SetUsageBudget, UsageBudgetSet, PROFILES["plan"], most=2.0, asks={"amount": "500.10"}),
)


async def average(stage: Stage, path: Path) -> dict[str, float]:
    """The calls of one command of this path, by operation: the average of many customers."""
    stage.cast = path.cast
    for number in range(CUSTOMERS):
        await stage.done(path.answer, path.command_for(path.customer(stage, number)))
    calls = Counter(stage.calls())
    return {operation: count / CUSTOMERS for operation, count in sorted(calls.items())}


@dataclass(frozen=True)
class Stated:
    """What the page says of one operation of a path."""

    family: str
    calls: float
    about: bool
    """Whether the number depends on how long Partner Center takes."""

    def fits(self, counted: float) -> bool:
        """Whether so many calls are what the page says."""
        return abs(counted - self.calls) <= (max(0.2, self.calls / 4) if self.about else 0.1)


def stated(path: str) -> dict[str, Stated]:
    """The table of the page for a path, by operation."""
    _, _, section = PAGE.partition(f"\n## {path}\n")
    rows = ROW.findall(section.partition("\n## ")[0])
    return {
        operation: Stated(family, float(calls.removeprefix("about ")), calls.startswith("about "))
        for operation, family, calls in rows
    }


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
async def test_a_command_makes_the_calls_that_the_page_states(stage: Stage, path: Path) -> None:
    """Partner Center's ceiling is counted in calls: a command makes those of docs/calls.md, and no more than stated."""
    calls = await average(stage, path)
    told = "\n".join(f"{count:8.2f}  {operation}" for operation, count in calls.items())
    print(f"{path.name}: {sum(calls.values()):.2f} calls\n{told}")  # noqa: T201 - shown with -s
    assert sum(calls.values()) <= path.most, told
    page = stated(path.name)
    assert set(page) == set(calls), told
    assert [each for each, counted in calls.items() if not page[each].fits(counted)] == [], told


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_the_page_computes_what_a_ceiling_carries(path: Path) -> None:
    """The families are those of the operations, and the overview has the sums of the tables."""
    page, families = stated(path.name), defaultdict[str, float](float)
    for operation, each in page.items():
        assert each.family == operations()[operation].family, operation
        families[each.family] += each.calls
    family, most = max(families.items(), key=lambda item: item[1])
    anchor = path.name.lower().replace(" ", "-")
    total = sum(each.calls for each in page.values())
    row = f"| [{path.name}](#{anchor}) | {total:.1f} | {most:.1f} `{family}` | {int(CEILING / most)} |"
    assert row in PAGE, row
