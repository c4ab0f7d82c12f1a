"""SetUsageBudget: its decisions, and the faults that it survives."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from events.codes import FailedCode, RejectedCode
from events.messages.command_status import CommandFailed, CommandValidated
from events.messages.usage import SetUsageBudget, UsageBudgetSet
from ops.simulator.behaviour import Hostility
from ops.simulator.state import Customer
from tests.handlers.faults import EVERY_LOSS
from tests.handlers.stage import POLICY, Cast, Stage
from worker.steps import AccountPolicy

APP_ONLY = pytest.mark.parametrize("cast", [Cast(user=False)], indirect=True, ids=["app_only"])
SANDBOX = pytest.mark.parametrize(
    "cast",
    [Cast(policy=replace(POLICY, accounts={"contoso": AccountPolicy(sandbox=True)}))],
    indirect=True,
    ids=["sandbox"],
)
HOUR = 3_600.0


def budget(customer: Customer, amount: str | None, **members: object) -> SetUsageBudget:
    """The command for a customer."""
    return SetUsageBudget.model_validate({"customerId": customer.id, "amount": amount, **members})


def said(answer: UsageBudgetSet) -> tuple[object, object, bool]:
    """What the answer says: previous, current, alreadySet."""
    data = answer.wire_data()
    return data["previous"], data["current"], data["alreadySet"]


@APP_ONLY
async def test_a_budget_is_set_with_exactly_the_digits_of_the_command(stage: Stage) -> None:
    """The request is as Microsoft's samples write it, with a JSON number. The application's token is enough."""
    customer = stage.simulator.customer("plan", budget="100")
    answer = await stage.done(UsageBudgetSet, budget(customer, "5000.00"))
    assert said(answer) == ("100", "5000.00", False)
    (request,) = stage.simulator.books.requests_of("budgets.set")
    assert request.body == {"Amount": Decimal("5000.00"), "Attributes": {"ObjectType": "SpendingBudget"}}
    assert stage.effects("budget.set") == 1
    assert not stage.simulator.books.warnings


async def test_a_budget_is_removed_with_null(stage: Stage) -> None:
    """`amount` null removes the budget. `Amount` is in the request, and null."""
    customer = stage.simulator.customer("plan", budget="12.5")
    assert said(await stage.done(UsageBudgetSet, budget(customer, None))) == ("12.5", None, False)
    (request,) = stage.simulator.books.requests_of("budgets.set")
    assert request.body == {"Amount": None, "Attributes": {"ObjectType": "SpendingBudget"}}
    assert customer.budget is None


@pytest.mark.parametrize(("present", "amount"), [("100", "100.00"), ("0", "0"), ("1.50", "1.5"), (None, None)])
async def test_an_equal_budget_is_not_set_again(stage: Stage, present: str | None, amount: str | None) -> None:
    """Amounts are compared as numbers. The answer has Microsoft's digits."""
    customer = stage.simulator.customer("plan", budget=present)
    assert said(await stage.done(UsageBudgetSet, budget(customer, amount))) == (present, present, True)
    assert "budgets.set" not in stage.calls()


@pytest.mark.parametrize(
    ("present", "condition", "set_"),
    [("100", "100.0", True), ("100", "99", False), ("100", None, False), (None, None, True), (None, "0", False)],
)
async def test_a_condition_is_about_the_present_amount(
    stage: Stage, present: str | None, condition: str | None, set_: bool
) -> None:
    """`ifAmount` as text: only if that is the present amount. As null: only if there is none."""
    customer = stage.simulator.customer("plan", budget=present)
    command = budget(customer, "500", ifAmount=condition)
    if set_:
        assert said(await stage.done(UsageBudgetSet, command)) == (present, "500", False)
        return
    no = await stage.rejected(command)
    assert no.code is RejectedCode.BUDGET_CHANGED
    assert f"the present budget is {present or 'none'}, and ifAmount is {condition or 'null'}" in no.detail
    assert "budgets.set" not in stage.calls()


async def test_a_budget_that_is_as_wanted_answers_whatever_the_condition_says(stage: Stage) -> None:
    """The same content under a new id finds its own effect, and sets nothing twice."""
    customer = stage.simulator.customer("plan", budget="100")
    assert said(await stage.done(UsageBudgetSet, budget(customer, "500", ifAmount="100"))) == ("100", "500", False)
    assert said(await stage.done(UsageBudgetSet, budget(customer, "500", ifAmount="100"))) == ("500", "500", True)


@pytest.mark.parametrize("shape", ["flat", "twin", "empty"])
@pytest.mark.parametrize("numbers", ["number", "text", "exponent"])
async def test_the_present_amount_is_read_in_every_form(stage: Stage, shape: str, numbers: Any) -> None:
    """The answer to a change may be empty, and amounts may be numbers, text, or have exponents."""
    stage.simulator.change(budget_shape=shape, hostility=Hostility(amounts=numbers))
    customer = stage.simulator.customer("plan", budget="1234.50")
    assert said(await stage.done(UsageBudgetSet, budget(customer, "99.95"))) == ("1234.50", "99.95", False)


async def test_a_customer_without_budget_may_be_answered_with_404(stage: Stage) -> None:
    """No page says what Microsoft answers there; the customer's own read tells an unknown customer from this one."""
    stage.simulator.change(budget_without_amount="404")
    customer = stage.simulator.customer("plan")
    assert said(await stage.done(UsageBudgetSet, budget(customer, "10"))) == (None, "10", False)
    unknown = await stage.rejected(
        SetUsageBudget.model_validate({"customerId": "0a1b2c3d-0000-4000-8000-00000000cafe", "amount": "1"})
    )
    assert unknown.code in (RejectedCode.CUSTOMER_NOT_FOUND, RejectedCode.NO_RELATIONSHIP)


@SANDBOX
async def test_a_sandbox_account_has_no_budgets(stage: Stage) -> None:
    """The setting says so, because Microsoft documents no signal. Nothing is asked."""
    customer = stage.simulator.customer("plan", budget="100")
    no = await stage.rejected(budget(customer, "1"))
    assert no.code is RejectedCode.BUDGET_NOT_SUPPORTED
    assert "SANDBOX" in no.advice
    assert stage.calls(customer) == []


async def test_a_command_that_only_asks_says_what_it_would_replace(stage: Stage) -> None:
    """`validateOnly` reads the present amount and changes nothing."""
    customer = stage.simulator.customer("plan", budget="100")
    asked = await stage.done(CommandValidated, budget(customer, "1", validateOnly=True))
    assert asked.would_do == ("budgets.set: replace the budget 100 by 1",)
    asked = await stage.done(CommandValidated, budget(customer, "100.0", validateOnly=True))
    assert asked.would_do == ()
    assert stage.effects("budget.set") == 0


# ---- answers of 200 that are no success


@pytest.mark.parametrize(("amount", "shown"), [("5", "3"), (None, "3")])
async def test_a_change_that_microsoft_takes_and_does_not_make_is_no_success(
    stage: Stage, amount: str | None, shown: str
) -> None:
    """The PATCH is answered 200 with the former amount, and so are the looks after it. The detail has both amounts."""
    stage.simulator.change(budget_change="ignored")
    customer = stage.simulator.customer("plan", budget=shown)
    begun = stage.clock.now()
    sent = await stage.send(budget(customer, amount))
    failed = await stage.answer(sent)
    assert isinstance(failed, CommandFailed), failed
    assert (failed.code, failed.outcome_unknown) == (FailedCode.OUTCOME_UNKNOWN, True)
    assert f"the budget {amount or 'none'}, took it, and shows {shown};" in failed.detail
    assert await stage.waits(sent) == ["settling"]
    (request,) = stage.simulator.books.requests_of("budgets.set")
    told = failed.partner_center
    assert told is not None
    assert (told.operation, told.http_status, told.request_id) == ("budgets.set", 200, request.request_id)
    assert (stage.clock.now() - begun).total_seconds() >= POLICY.settle


async def test_an_amount_that_microsoft_rounds_is_another_amount(stage: Stage) -> None:
    """The detail has the amount that Microsoft keeps. A command with that amount finds it."""
    stage.simulator.change(budget_change="rounded")
    customer = stage.simulator.customer("plan", budget="3")
    failed = await stage.failed(budget(customer, "5.001"))
    assert failed.code is FailedCode.OUTCOME_UNKNOWN
    assert "the budget 5.001, took it, and shows 5.00;" in failed.detail
    assert "rounded" in failed.advice
    assert said(await stage.done(UsageBudgetSet, budget(customer, "5.00"))) == ("5.00", "5.00", True)


@pytest.mark.parametrize("shape", ["flat", "empty"])
async def test_a_change_that_shows_late_is_waited_for(stage: Stage, shape: str) -> None:
    """The answer to the PATCH, and the first look, show the former amount or none."""
    stage.simulator.change(budget_change="ignored", budget_shape=shape)
    customer = stage.simulator.customer("plan", budget="3")
    sent = await stage.send(budget(customer, "5"))
    await stage.until("budgets.set")
    await asyncio.sleep(60)
    customer.budget = Decimal(5)
    answer = await stage.answer(sent)
    assert isinstance(answer, UsageBudgetSet), answer
    assert said(answer) == ("3", "5", False)
    assert stage.calls().count("budgets.set") == 1


@pytest.mark.parametrize("amount", ["5", None])
async def test_an_answer_without_an_amount_is_looked_after(stage: Stage, amount: str | None) -> None:
    """An empty answer does not say that the change is made: the look does."""
    stage.simulator.change(budget_shape="empty")
    customer = stage.simulator.customer("plan", budget="3")
    assert said(await stage.done(UsageBudgetSet, budget(customer, amount))) == ("3", amount, False)
    assert stage.calls()[-3:] == ["budgets.get", "budgets.set", "budgets.get"]


async def test_a_person_can_let_azplan_set_the_budget_once_more(stage: Stage) -> None:
    """After `resolve --not-applied` the next story asks Microsoft again."""
    stage.simulator.change(budget_change="ignored")
    customer = stage.simulator.customer("plan", budget="3")
    sent = await stage.send(budget(customer, "5"))
    assert isinstance(await stage.answer(sent), CommandFailed)
    stage.simulator.change(budget_change="kept")
    answer = await stage.resolve(sent, "not_applied")
    assert isinstance(answer, UsageBudgetSet), answer
    assert said(answer) == ("3", "5", False)


# ---- lost answers and crashes


@EVERY_LOSS
@pytest.mark.parametrize("condition", [{}, {"ifAmount": "100"}], ids=["no condition", "condition"])
async def test_previous_is_right_after_a_lost_answer(
    stage: Stage, kind: str, details: dict[str, object], condition: dict[str, object]
) -> None:
    """What the change replaces is durable before the request leaves, so the second look cannot hide it."""
    stage.fault(kind, "budgets.set", **details)
    customer = stage.simulator.customer("plan", budget="100")
    assert said(await stage.done(UsageBudgetSet, budget(customer, "500.10", **condition))) == ("100", "500.10", False)
    assert customer.budget == Decimal("500.10")


async def test_previous_is_right_after_a_crash(stage: Stage) -> None:
    """The worker dies while the request is under way, and the next one finds the budget set."""
    customer = stage.simulator.customer("plan", budget="100")
    stage.fault("late", "budgets.set", seconds=20)
    sent = await stage.send(budget(customer, "7", ifAmount="100"))
    await stage.until("budgets.set")
    await stage.kill()
    await asyncio.sleep(60)
    await stage.begin_work()
    answer = await stage.answer(sent)
    assert isinstance(answer, UsageBudgetSet), answer
    assert said(answer) == ("100", "7", False)


async def test_a_change_by_a_person_in_between_is_not_overwritten(stage: Stage) -> None:
    """With a condition: the request was lost, a person sets another amount, and the command is refused for good."""
    customer = stage.simulator.customer("plan", budget="100")
    fault = stage.fault("reset_before", "budgets.set")
    sent = await stage.send(budget(customer, "500", ifAmount="100"))
    await stage.until("budgets.set")
    stage.simulator.faults.remove(fault)
    customer.budget = Decimal(250)
    no = await stage.answer(sent)
    assert getattr(no, "code", None) is RejectedCode.BUDGET_CHANGED
    assert customer.budget == Decimal(250)
