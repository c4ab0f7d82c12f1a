"""What must be true of a world at rest, whatever happened to its workers: read from the topics, the books, the journal.

Each check names the promise that it tests. The simulator's books say what Partner Center really did.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any

from events.codes import FailedCode
from events.messages.agreements import CustomerAgreementConfirmed
from events.messages.base import Command, Event
from events.messages.command_status import (
    CommandAccepted,
    CommandFailed,
    CommandIdReused,
    CommandRejected,
    CommandValidated,
)
from events.messages.plans import AzurePlanCreated, PlanReactivated, PlanSuspended
from events.messages.upgrades import ProductUpgradeCompleted, StartProductUpgrade
from events.wire.identity import command_uid
from ops.simulator.books import Effect
from tests.support.budget_invariants import budgets
from tests.support.harness import COMMANDS, GROUP, SOURCE, Said, World
from tests.support.published_files import broken_files

CHANGES = frozenset(
    {
        "order.created",
        "upgrade.created",
        "subscription.suspended",
        "subscription.active",
        "entitlement.cancel_requested",
        "entitlement.reactivate_requested",
        "agreement.confirmed",
        "reservation.return_requested",
    }
)
"""Effects for which a command is answerable. A cart that nobody checks out is no effect: the cart expires."""
STOPPED = "subscription.suspended", "entitlement.cancel_requested"
STARTED = "subscription.active", "entitlement.reactivate_requested"
"""The effects of a command on a plan and on the Azure subscriptions under it."""
TICK = timedelta(milliseconds=1)
"""Seconds by which two workers may differ in their estimate of the database's clock."""
ENDED_BY_MICROSOFT = frozenset({FailedCode.ORDER_FAILED, FailedCode.UPGRADE_FAILED})


@dataclass(frozen=True, slots=True)
class Truth:
    """What Partner Center did for one command."""

    command_id: str
    command: Command
    effects: tuple[Effect, ...]

    def of(self, kind: str) -> list[Effect]:
        """The effects of one kind."""
        return [effect for effect in self.effects if effect.kind == kind]


class Findings(AssertionError):
    """Broken promises, one sentence each."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


async def check(world: World) -> None:
    """Raise `Findings` if a world at rest breaks a promise."""
    rows = {row["uid"]: row for row in await world.rows("SELECT * FROM command")}
    findings = [
        *_nothing_is_lost(world, rows),
        *_one_answer(world),
        *_stories_are_in_order(world),
        *_nothing_is_bought_twice(world, rows),
        *_answers_are_true(world, rows),
        *_customers_are_served_in_order(world, rows),
        *_it_ends_as_the_last_command_wanted(world, rows),
        *budgets(world),
        *await _the_journal_is_at_rest(world),
        *broken_files(world.folder / "files", world.simulator),
    ]
    if findings:
        raise Findings(findings)


async def check_committed(world: World) -> None:
    """G1: every committed record is in the journal. True at any moment."""
    commands = await world.rows("SELECT id, partition, position FROM command")
    letters = await world.rows("SELECT partition, position FROM dead_letter")
    places = {(row["partition"], row["position"]) for row in (*commands, *letters)}
    known = {row["id"].encode() for row in commands}
    records = {(record.partition, record.offset): record for record in world.broker.records(COMMANDS)}
    lost = [
        f"G1: {COMMANDS}/{partition.number} is committed up to {end}, and offset {offset} is nowhere in the journal"
        for partition, end in world.broker.committed(GROUP).items()
        for offset in range(end)
        if (partition.number, offset) not in places
        and dict(records[partition.number, offset].headers)["ce_id"] not in known  # a repeat leaves no row of its own
    ]
    if lost:
        raise Findings(lost)


async def check_forgotten(world: World) -> None:
    """Nothing is deleted while it is unfinished or something still depends on it. True at any moment."""
    findings = [
        f"G1: forgotten too soon: {what} {row['id']}"
        for what, sql in (
            ("the bytes of the open command", "SELECT id FROM command WHERE pruned_at < coalesce(concluded_at, 1e30)"),
            (
                "the command of the open effect",
                """SELECT key AS id FROM effect WHERE NOT EXISTS (
                     SELECT 1 FROM command WHERE command.uid = effect.uid AND pruned_at IS NULL)""",
            ),
            (
                "the bytes of the open dead letter",
                "SELECT seq AS id FROM dead_letter WHERE pruned_at IS NOT NULL AND (state = 'open' OR sent_at IS NULL)",
            ),
            (
                "the lane of the command",
                "SELECT id FROM command WHERE NOT EXISTS (SELECT 1 FROM lane WHERE lane.id = command.lane)",
            ),
        )
        for row in await world.rows(sql)
    ]
    if findings:
        raise Findings(findings)


def truths(world: World) -> dict[str, Truth]:
    """What Partner Center did for each command, by its uid."""
    effects: dict[str, list[Effect]] = defaultdict(list)
    for effect in world.simulator.books.effects:
        uid = world.runs.get(effect.correlation_id or "")
        if uid is not None and effect.kind in CHANGES:
            effects[uid].append(effect)
    return {
        uid: Truth(command_id, command, tuple(effects[uid]))
        for command_id, command in world.sent.items()
        for uid in [str(command_uid(SOURCE, command_id))]
    }


# ---- G1, G3


def _nothing_is_lost(world: World, rows: Mapping[str, Any]) -> Iterator[str]:
    for command_id in world.sent:
        row = rows.get(str(command_uid(SOURCE, command_id)))
        if row is None:
            yield f"G1: {command_id} is not in the journal"
        elif row["state"] in ("accepted", "waiting"):
            yield f"G3: {command_id} is still {row['state']} ({row['reason']})"
        elif not world.answers(command_id):
            yield f"G3: {command_id} has no answer"


def _one_answer(world: World) -> Iterator[str]:
    contents: dict[Any, set[Any]] = defaultdict(set)
    ends: dict[tuple[str, int], set[Any]] = defaultdict(set)
    for each in world.said():
        contents[each.id].add((each.record.key, each.record.value, each.record.headers))
        if each.event.terminal:
            ends[each.command_id, each.event.redrive].add(each.id)
    for event_id, found in contents.items():
        if len(found) > 1:
            yield f"G3: event {event_id} was published with {len(found)} contents"
    for (command_id, redrive), ids in ends.items():
        if len(ids) > 1:
            yield f"G3: {command_id} has {len(ids)} answers in story {redrive}"


def _stories_are_in_order(world: World) -> Iterator[str]:
    """The first event is `CommandAccepted`, the last is the answer, each new event stands behind the earlier ones."""
    stories: dict[tuple[str, int], dict[Any, Said]] = defaultdict(dict)
    for each in world.said():
        if not isinstance(each.event, CommandIdReused):  # which is published beside the story
            stories[each.command_id, each.event.redrive].setdefault(each.id, each)
    for (command_id, redrive), firsts in stories.items():
        events = [each.event for each in firsts.values()]
        names = [type(event).__name__ for event in events]
        if not isinstance(events[0], CommandAccepted) and not _refused_at_once(events):
            yield f"the story {redrive} of {command_id} begins with {names[0]}: {names}"
        if any(event.terminal for event in events[:-1]):
            yield f"the story {redrive} of {command_id} goes on after its answer: {names}"
        times = [each.at for each in firsts.values()]
        if any(later < earlier - TICK for earlier, later in pairwise(times)):
            yield f"the story {redrive} of {command_id} is told out of order: {list(zip(names, times, strict=True))}"


def _refused_at_once(events: list[Event]) -> bool:
    return len(events) == 1 and isinstance(events[0], CommandRejected)


# ---- G2


def _nothing_is_bought_twice(world: World, rows: Mapping[str, Any]) -> Iterator[str]:
    for uid, truth in truths(world).items():
        for kind in ("order.created", "upgrade.created"):
            most = 1 + (rows[uid]["redrive"] if uid in rows else 0)
            if len(truth.of(kind)) > most:
                yield f"G2: {truth.command_id} caused {len(truth.of(kind))} times {kind}"
    ended = {order.id for order in world.simulator.books.orders if order.status in ("error", "cancelled")}
    orders = Counter(order.customer_id for order in world.simulator.books.orders if order.id not in ended)
    yield from (f"G2: customer {customer} was sold {n} plans" for customer, n in orders.items() if n > 1)
    failed = [upgrade for upgrade in world.simulator.books.upgrades if upgrade.stage != "failed"]
    upgrades = Counter(upgrade.customer_id for upgrade in failed)
    yield from (f"G2: customer {customer} was upgraded {n} times" for customer, n in upgrades.items() if n > 1)
    confirmed = Counter(effect.customer for effect in world.simulator.books.effects_of(kind="agreement.confirmed"))
    yield from (f"G2: the acceptance of {each} was recorded {n} times" for each, n in confirmed.items() if n > 1)
    cancelled = Counter(effect.target for effect in world.simulator.books.effects_of(kind="entitlement.inactive"))
    back = Counter(effect.target for effect in world.simulator.books.effects_of(kind="entitlement.active"))
    for each, n in cancelled.items():
        if n > 1 + back[each]:
            yield f"G2: Azure subscription {each} was cancelled {n} times, and brought back {back[each]} times"
    returned = Counter(
        effect.target for effect in world.simulator.books.effects_of(kind="reservation.return_requested")
    )
    yield from (f"G2: reservation {each} was returned {n} times" for each, n in returned.items() if n > 1)


# ---- G6


def _answers_are_true(world: World, rows: Mapping[str, Any]) -> Iterator[str]:
    for uid, truth in truths(world).items():
        answers = sorted(world.answers(truth.command_id), key=lambda each: each.event.redrive)
        if not answers:
            continue
        event = answers[-1].event
        lie = _lie(world, event, truth)
        if lie is not None:
            done = [f"{effect.kind} {effect.target}" for effect in truth.effects]
            yield f"G6: {truth.command_id} was answered with {_named(event)}, but {lie}; it caused {done}"
        if isinstance(event, CommandFailed) != (rows[uid]["state"] == "failed"):
            yield f"{truth.command_id} was answered with {_named(event)} and is {rows[uid]['state']}"


def _lie(world: World, event: Event, truth: Truth) -> str | None:
    """What is untrue about an answer."""
    match event:
        case AzurePlanCreated():
            return _lie_about_a_plan(world, event, truth)
        case ProductUpgradeCompleted(adopted=False) if not truth.of("upgrade.created"):
            return "it started no upgrade"
        case PlanSuspended():
            named = [each.id for each in event.cancelled_assets]
            return _lie_about_a_status(event.already_suspended, named, truth, STOPPED) or _lie_about_refunds(
                event, truth
            )
        case PlanReactivated():
            named = [each.id for each in event.azure_subscriptions]
            return _lie_about_a_status(event.already_active, named, truth, STARTED)
        case CustomerAgreementConfirmed(already_confirmed=False) if not truth.of("agreement.confirmed"):
            return "it recorded no acceptance"
        case CustomerAgreementConfirmed(already_confirmed=True) if truth.effects:
            return "it did it"
        case CommandValidated() if truth.effects:
            return "it changed something"
        case CommandRejected() if truth.effects and "changed at Microsoft before that" not in event.detail:
            return "it took effect"
        case CommandFailed(outcome_unknown=False) if truth.effects and event.code not in (
            "order_failed",
            "upgrade_failed",
        ):
            return "it took effect"
        case _:
            return None


def _lie_about_a_status(already: bool, named: Sequence[str], truth: Truth, kinds: tuple[str, str]) -> str | None:
    """What is untrue about a plan that was suspended or reactivated, and the Azure subscriptions that are named."""
    of_plan, of_azure = map(truth.of, kinds)
    if already == bool(of_plan):
        return "it did it" if already else "it changed no plan"
    left = [effect.target for effect in of_azure if effect.target.lower() not in named]
    return f"it does not name the Azure subscriptions {left}" if left else None


def _lie_about_refunds(event: PlanSuspended, truth: Truth) -> str | None:
    """What is untrue about the returned reservations, and about the refund of each."""
    told = {each.id: f"{each.refund.amount} {each.refund.currency}" for each in event.cancelled_assets if each.refund}
    returns = truth.of("reservation.return_requested")
    given = {effect.target: f"{effect.detail['amount']} {effect.detail['currency']}" for effect in returns}
    return f"Microsoft gave {given} for reservations" if told != given else None


def _lie_about_a_plan(world: World, event: AzurePlanCreated, truth: Truth) -> str | None:
    plans = {plan.id.lower() for plan in world.simulator.books.subscriptions}
    if event.subscription_id.lower() not in plans:
        return "there is no such plan"
    if event.already_existed:
        return "it bought it" if truth.of("order.created") else None
    ordered = [effect.target for effect in truth.of("order.created")]
    return None if event.order_id in ordered else f"it bought {ordered or 'nothing'}"


def _named(event: Event) -> str:
    return json.dumps({"type": type(event).__name__, **event.wire_data()})


# ---- G4


def _customers_are_served_in_order(world: World, rows: Mapping[str, Any]) -> Iterator[str]:
    """Changes of a customer happen in the order of the accepted commands. A redrive goes to the end of its lane."""
    customers: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
    known = truths(world)
    for effect in world.simulator.books.effects:
        uid = world.runs.get(effect.correlation_id or "")
        if uid in rows and uid in known and effect.kind in CHANGES and rows[uid]["redrive"] == 0:
            customers[effect.customer].append((rows[uid]["seq"], known[uid].command_id, effect.kind))
    for customer, changes in customers.items():
        places = [place for place, _, _ in changes]
        if places != sorted(places):
            yield f"G4: customer {customer} was served out of order: {[change[1:] for change in changes]}"


def _it_ends_as_the_last_command_wanted(world: World, rows: Mapping[str, Any]) -> Iterator[str]:
    """A plan is as the last successful command wanted it, unless an outcome is unknown."""
    wanted: dict[str, tuple[int, str, str]] = {}
    unknown = set()
    for command_id, command in world.sent.items():
        answers = sorted(world.answers(command_id), key=lambda each: each.event.redrive)
        row = rows.get(str(command_uid(SOURCE, command_id)))
        if not answers or row is None or isinstance(command, StartProductUpgrade):
            continue
        event = answers[-1].event
        if isinstance(event, CommandFailed) or row["redrive"]:
            unknown.add(command.customer_id)
        status = {PlanSuspended: "suspended", PlanReactivated: "active"}.get(type(event))
        place = (row["turn"], status or "", command_id)
        if status is not None and place > wanted.get(command.customer_id, (0, "", "")):
            wanted[command.customer_id] = place
    for customer, (_, status, command_id) in wanted.items():
        plans = [each for each in world.simulator.books.subscriptions if each.customer_id == customer]
        of_azure = [each for each in plans if each.kind == "azure_plan"]
        if customer not in unknown and len(of_azure) == 1 and of_azure[0].status != status:
            yield f"G4: {command_id} was the last, and the plan of {customer} is {of_azure[0].status}"


# ---- the journal


async def _the_journal_is_at_rest(world: World) -> list[str]:
    findings = []
    for what, sql in (
        ("events that Kafka has not acknowledged", "SELECT id FROM event WHERE sent_at IS NULL"),
        ("dead letters that Kafka has not acknowledged", "SELECT seq FROM dead_letter WHERE sent_at IS NULL"),
        ("unfinished lanes", "SELECT id FROM lane WHERE unfinished = 1"),
        (
            "effects that are open although their outcome is known",
            """SELECT effect.uid FROM effect JOIN command ON command.uid = effect.uid
               WHERE command.state IN ('succeeded', 'rejected')""",
        ),
    ):
        found = await world.rows(sql)
        if found:
            findings.append(f"the journal holds {what}: {[next(iter(row.values())) for row in found]}")
    letters = {each.headers for each in world.letters()}
    failed = [each for each in world.said() if isinstance(each.event, CommandFailed)]
    if len(letters) < len({each.id for each in failed}):
        findings.append(f"{len(failed)} commands failed, and there are {len(letters)} dead letters")
    return findings
