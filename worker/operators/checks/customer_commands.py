"""Which commands work for one customer, which do not, and who has to grant what. Reads only."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from events.messages.base import Command, commands
from events.messages.customers import CustomerReported, ReportCustomer
from worker.assembly.parts import policy
from worker.operators.checks import trial_verdict
from worker.operators.checks.azure_access import azure_findings
from worker.operators.checks.command_trial import Trials
from worker.operators.checks.findings import Finding, ok, skipped, warning
from worker.partner_center.client.account import Account
from worker.runtime.outcome import Ended
from worker.settings.model import Settings

CUSTOMER = "customer"
"""The check of the customer itself. Each other check has the name of a command."""
MOST_PLANS = 5
"""A command about a plan is tried for so many of the customer's plans at most."""
PLAN = "subscriptionId"


def skip_all(because: str, partner: str | None = None) -> list[Finding]:
    """What is said of the customer and of each command if none can be tried."""
    return [skipped(name, because, partner) for name in (CUSTOMER, *(kind.__name__ for kind in _kinds()))]


async def customer_findings(settings: Settings, account: Account, customer_id: str) -> AsyncIterator[Finding]:
    """A finding about the customer, and one or more about each command for a customer, as soon as each is known."""
    trials, name = Trials(settings, account, customer_id), account.name
    asked = await trials.outcome(ReportCustomer, {}, answer=True)
    reported = asked.outcome.event if isinstance(asked.outcome, Ended) else None
    if not isinstance(reported, CustomerReported):
        yield trial_verdict.finding(CUSTOMER, asked, name)
        for kind in _kinds():
            yield skipped(kind.__name__, "the customer could not be read", name)
        return
    yield _customer(reported, name)
    yield _report(reported, name)
    there = [plan for plan in reported.plans or () if plan.status != "deleted"]
    active = [each.id for plan in there for each in plan.azure_subscriptions if each.status == "active"]
    async for finding in azure_findings(account, customer_id, active, policy(settings).accounts[name]):
        yield finding
    plans = [plan.subscription_id for plan in there]
    for kind in _kinds():
        if kind is ReportCustomer:
            continue
        for words, data in _variants(kind, plans):
            found = trial_verdict.finding(kind.__name__, await trials.outcome(kind, data), name)
            yield replace(found, detail=f"{words}: {found.detail}") if words else found


def _kinds() -> list[type[Command]]:
    """The commands for a customer, the report first."""
    found = [kind for kind in commands().values() if kind.subject == "customer"]
    return sorted(found, key=lambda kind: kind is not ReportCustomer)


def _variants(kind: type[Command], plans: Sequence[str]) -> list[tuple[str, Mapping[str, Any]]]:
    """The data with which a command is tried, with words that tell the trials apart.

    A command about a plan names none if the customer has one plan at most: the command then finds the plan by itself.
    A command with a scope is tried with the scope that it has by itself, which names no plan.
    """
    about_plan = "subscription_id" in kind.model_fields and not kind.scoped
    several = plans[:MOST_PLANS] if len(plans) > 1 and about_plan else []
    named: list[tuple[str, dict[str, Any]]] = [(f"plan {plan}", {PLAN: plan}) for plan in several] or [("", {})]
    return [
        (", ".join(filter(None, (plan_words, words))), {**data, **plan})
        for plan_words, plan in named
        for words, data in kind.trials.items()
    ]


def _customer(reported: CustomerReported, partner: str) -> Finding:
    place = ", ".join(filter(None, (reported.domain, reported.country, reported.relationship)))
    return ok(CUSTOMER, f"{reported.name or reported.customer_id} ({place})", partner)


def _report(reported: CustomerReported, partner: str) -> Finding:
    check = ReportCustomer.__name__
    if not reported.left_out:
        return ok(check, "works: every part can be read", partner)
    parts = "; ".join(f"{part.member} ({part.reason})" for part in reported.left_out)
    advice = (
        "Grant what each reason names. What takes a user's token needs AZPLAN_PARTNERS__<NAME>__REFRESH_TOKEN_FILE."
    )
    return warning(check, f"works, and leaves out: {parts}", advice, partner)
