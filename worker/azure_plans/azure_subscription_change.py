"""A change of an Azure subscription under a plan, asked for once: of Azure Resource Manager or of Partner Center.

The setting CANCEL_THROUGH of the account says of which. What is asked of Azure Resource Manager is read there first.
Partner Center shows either change about ten minutes later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from events.codes import WaitingReason
from worker.azure_plans.lookup import blocker_of
from worker.errors import Wait
from worker.handling import Change, Context, wait_out_refusal
from worker.looks.awaited import Awaited
from worker.partner_center.errors import CallError, NotPermitted, Refused
from worker.partner_center.operation import Operation
from worker.partner_center.resources import arm_subscriptions
from worker.partner_center.resources.azure_entitlements import AzureEntitlement
from worker.step_view import StepView
from worker.steps import Act, State

FLIP = 900.0
"""Seconds to wait for a change to show at Partner Center. An Azure subscription shows it after about ten minutes."""


class Way(StrEnum):
    """Of whom a change is asked."""

    PARTNER_CENTER = "partner_center"
    ARM = "arm"
    NOBODY = "nobody"
    """The change is made or under way already."""


@dataclass(frozen=True, slots=True)
class Ask:
    """The request for a change at one of the two services."""

    step: str
    operation: Operation[Any]
    act: Act


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of change, and what shows it."""

    sentence: str
    """What is done to an Azure subscription, for people: `cancel the Azure subscription`."""
    made: frozenset[str]
    """States at Azure Resource Manager in which the change is made."""
    begun: frozenset[str]
    """States at Azure Resource Manager in which the change is under way, if the command has asked for it."""
    reason: WaitingReason
    awaits: Awaited


@dataclass(frozen=True, slots=True)
class AzureChange:
    """A change of one Azure subscription."""

    kind: Kind
    customer_id: str
    entitlement: AzureEntitlement
    """The Azure subscription as Partner Center showed it in this run."""
    shows: bool
    """Whether Partner Center shows the change."""
    by_arm: Ask
    by_center: Ask

    def views(self, ctx: Context) -> list[StepView]:
        """The states of the steps of both requests."""
        return [ctx.step_state(ask.step) for ask in (self.by_arm, self.by_center)]

    def was_sent(self, ctx: Context) -> bool:
        """Whether the command has asked for the change, in any story."""
        return any(view.was_sent for view in self.views(ctx))

    def is_applied(self, ctx: Context) -> bool:
        """Whether a service took the request of the present story."""
        return any(view.is_applied for view in self.views(ctx))


def way_of(kind: Kind, state: str | None, *, asked: bool) -> Way:
    """Whether Azure Resource Manager is to be asked, by the state that it shows.

    `asked`: whether the command may have asked it before.
    """
    return Way.NOBODY if state in kind.made or (asked and state in kind.begun) else Way.ARM


async def choose(ctx: Context, change: AzureChange) -> Way:
    """Of whom the change is to be asked. Reads the state at Azure Resource Manager if that is asked first.

    Raises `NotPermitted` and `Refused` of Azure Resource Manager if nobody else may be asked, and `Wait` if a request
    to it is in doubt and it cannot be read.
    """
    through = ctx.account_policy.cancel_through
    if change.shows:
        return Way.NOBODY
    if through == "partner_center" or change.is_applied(ctx):
        return Way.PARTNER_CENTER if not ctx.step_state(change.by_arm.step).is_applied else Way.NOBODY
    asked = ctx.step_state(change.by_arm.step)
    try:
        found = await arm_subscriptions.get(ctx.center, change.customer_id, change.entitlement.id)
    except (Refused, NotPermitted) as no:
        if asked.may_have_happened:
            raise _shows_later(change, no) from no
        if through == "arm":
            raise
        _note(ctx, change, no)
        return Way.PARTNER_CENTER
    return way_of(change.kind, found.state, asked=asked.was_sent)


def planned(ctx: Context, change: AzureChange, way: Way) -> Sequence[Change]:
    """The change for `Context.about_to`: one, or none if nothing is asked any more."""
    if way is Way.NOBODY or change.is_applied(ctx):
        return ()
    ask = change.by_arm if way is Way.ARM else change.by_center
    name = change.entitlement.friendly_name
    return (Change(ask.operation, f"{change.kind.sentence} {change.entitlement.id} ({name})"),)


async def make(ctx: Context, change: AzureChange, way: Way) -> None:
    """Ask for the change once. It shows later.

    Partner Center is asked after Azure Resource Manager only if the settings say so, and only after a definite refusal.
    Raises the refusal of the service that was asked last, and `Wait` while a lost request may still show.
    """
    if way is Way.NOBODY:
        for ask in (change.by_arm, change.by_center):
            if change.shows or ask is change.by_arm:
                await _record(ctx, ask)
        return
    if way is Way.ARM:
        try:
            await _ask(ctx, change, change.by_arm)
        except (Refused, NotPermitted) as no:
            if ctx.account_policy.cancel_through == "arm":
                raise
            _note(ctx, change, no)
        else:
            return
    await _ask(ctx, change, change.by_center)


async def _record(ctx: Context, ask: Ask) -> None:
    """Record that the change is there, if this was asked for it."""
    if ctx.step_state(ask.step).was_sent:
        await ctx.step(ask.step, State(there=True, act=ask.act))


async def _ask(ctx: Context, change: AzureChange, ask: Ask) -> None:
    may_show = _may_show_yet(ctx, ctx.step_state(ask.step))
    try:
        await ctx.step(ask.step, State(there=False, act=ask.act))
    except (Refused, NotPermitted) as no:
        if not may_show:
            raise
        raise _shows_later(change, no) from no


def _may_show_yet(ctx: Context, step: StepView) -> bool:
    """Whether a request without an answer may have made a change that does not show yet.

    How a second request is answered is not documented: a refusal may mean that the first was taken.
    """
    now, shown_by = ctx.now().timestamp(), f"{step.name} shows by"
    if step.may_have_happened:
        ctx.memory[shown_by] = now + FLIP
    return now < float(ctx.memory.get(shown_by, 0))


def _shows_later(change: AzureChange, no: CallError) -> Wait:
    detail = f"Azure subscription {change.entitlement.id} shows in about ten minutes what a lost request did: {no}"
    return wait_out_refusal(
        change.kind.reason, detail, no, change.kind.awaits, blockers=[blocker_of(change.entitlement)]
    )


def _note(ctx: Context, change: AzureChange, no: CallError) -> None:
    ctx.note(f"Partner Center is asked for the Azure subscription {change.entitlement.id}, after this refusal: {no}")
