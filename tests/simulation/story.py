"""The story of a seed: customers, their commands and sending times, and the faults that happen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import Any

from events.messages.agreements import ConfirmCustomerAgreement
from events.messages.base import Command
from events.messages.customers import ReportCustomer
from events.messages.invoice_lines import ExportInvoiceLines
from events.messages.plans import CreateAzurePlan, ReactivatePlan, SuspendPlan
from events.messages.upgrades import StartProductUpgrade
from events.messages.usage import ReportUsage, SetUsageBudget
from ops.simulator.faults import Kind
from tests.crash.enumeration import SETTLE
from tests.crash.paths import ACCEPTED, INVOICE
from tests.simulation.chaos import Weather
from tests.simulation.poison import POISONS, Poison
from tests.support.virtual_time import START
from worker.journal.selection import Selection

PROFILES = (
    *("ready",) * 5,
    *("quiet_plan",) * 4,
    *("legacy",) * 4,
    *("plan",) * 2,
    *("suspended_plan", "no_credit", "order_error", "order_fails", "upgrade_fails", "two_plans", "reserved"),
)
HARMLESS = (Kind.RESET_BEFORE, Kind.ERROR_BEFORE, Kind.ERROR_BEFORE, Kind.THROTTLE, Kind.REFUSED)
DOUBTFUL = (
    *(Kind.RESET_AFTER, Kind.ERROR_AFTER, Kind.TRUNCATED, Kind.CUT_JSON, Kind.EMPTY, Kind.GARBAGE),
    *(Kind.LATE, Kind.DELAY, Kind.SLOW_ANSWER, Kind.GATEWAY),
)
LATE = (Kind.LATE, Kind.DELAY, Kind.SLOW_ANSWER)
TROUBLE = (500, 502, 503, 504)
PAGES = (401, 403, 404, 404, 429)
"""Statuses of error pages that Partner Center did not write."""
DEADLY = (
    "records",
    "offsets",
    "event",
    "checkout",
    "carts.create",
    "patch",
    "entitlements",
    "upgrades",
    "leaves",
    "acted",
)
FREEZING = 0.15
"""Share of the stories in which workers are stopped just before a request leaves."""
LATEST = SETTLE - 5.0
"""Virtual seconds after which no delayed request acts any more: less than the sender's assumption."""
FORMATS = (*(("source",),) * 2, ("source", "parquet"), ("source", "parquet", "focus"))
"""What an export writes."""
FEW = 12
"""Requests a minute that Partner Center allows in a quarter of the stories."""
KNOWN = 0.7
"""Share of these in which the settings of the workers know it: then no request may pass the ceiling."""
LASTS = 300.0
"""Virtual seconds of bad weather."""
HAPPENINGS = (
    *("kill", "kill", "stop", "pause", "pause", "rebalance", "rebalance", "rewind"),
    *("broker down", "database down", "authority down", "Microsoft down", "jump forward", "jump back"),
)


@dataclass(frozen=True, slots=True)
class Sending:
    """A command, its sending times and its partitions.

    Some commands are sent more than once, some the second time with other content.
    """

    at: float
    id: str
    customer: int
    command: type[Command]
    asks: Mapping[str, Any]
    partition: int | None


@dataclass(frozen=True, slots=True)
class Poisoning:
    """A record that nobody can read, with its sending time and its partition."""

    at: float
    poison: Poison
    customer: int
    partition: int


@dataclass(frozen=True, slots=True)
class Event:
    """A change of the set-up at some time."""

    at: float
    what: str
    worker: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Braking:
    """A person pauses commands and resumes them later. `dies`: in the middle of resuming, before any command is due."""

    at: float
    which: Selection
    seconds: float
    dies: bool


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that a seed decides beforehand."""

    seed: int
    workers: int
    profiles: Sequence[str | Mapping[str, Any]]
    """Of each customer: the name of a profile of the simulator, or its members."""
    sendings: Sequence[Sending]
    poisonings: Sequence[Poisoning]
    events: Sequence[Event]
    faults: Sequence[Mapping[str, Any]]
    knobs: Mapping[str, Any]
    weather: Weather
    brakings: Sequence[Braking] = ()
    ceiling: int | None = None
    """Requests a minute and family, where the settings of the workers know how few Partner Center allows."""
    through: str = "partner_center"
    """Through which service Azure subscriptions are cancelled and brought back."""
    invoices: Sequence[Mapping[str, Any]] = ()
    """Members of the invoices of the partner account."""


def tell(seed: int) -> Story:
    """Make the story of a seed."""
    rng = Random(seed)
    workers = rng.choice((1, 1, 2, 3))
    profiles = [rng.choice(PROFILES) for _ in range(rng.choice((1, 1, 2, 3, 4)))]
    newcomer = _newcomer(Random(f"agreement of {seed}"), len(profiles))
    leaver = _leaver(Random(f"reservations of {seed}"), len(profiles) + len(newcomer.profiles))
    azure = Random(f"azure of {seed}")
    through = azure.choice(("partner_center", "partner_center", "arm", "arm_then_partner_center"))
    owner = _owner(azure, len(profiles) + len(newcomer.profiles) + len(leaver.profiles))
    others = len(profiles) + len(newcomer.profiles) + len(leaver.profiles) + len(owner.profiles)
    spender = _spender(Random(f"budgets of {seed}"), others)
    accountant = _accountant(Random(f"invoices of {seed}"), Random(f"formats of {seed}"))
    sendings = [
        *_sendings(rng, profiles),
        *(each for more in (newcomer, leaver, owner, spender, accountant) for each in more.sendings),
    ]
    known = Random(f"ceiling of {seed}").random() < KNOWN
    return Story(
        seed=seed,
        workers=workers,
        profiles=[*profiles, *newcomer.profiles, *leaver.profiles, *owner.profiles, *spender.profiles],
        sendings=sorted(sendings, key=lambda sending: sending.at),
        poisonings=[_poisoning(rng, len(profiles)) for _ in range(rng.choice((0, 0, 1, 3)))],
        events=sorted(_events(rng, workers), key=lambda event: event.at),
        faults=(
            faults := [
                *(_fault(rng, profiles) for _ in range(rng.choice((0, 2, 4, 8)))),
                *newcomer.faults,
                *leaver.faults,
                *owner.faults,
                *spender.faults,
                *accountant.faults,
            ]
        ),
        knobs=(
            knobs := {
                **_knobs(rng, remembers=seed % 2 == 0),
                **_returns(Random(f"returns of {seed}")),
                **_azure_knobs(azure),
                **_export_knobs(Random(f"exports of {seed}")),
                **_damage(Random(f"damage of {seed}")),
            }
        ),
        weather=_around_files(
            Random(f"files of {seed}"),
            _weather(rng, longest_late=LATEST - max((fault["seconds"] for fault in faults), default=0.0)),
        ),
        brakings=_brakings(Random(f"brakes of {seed}")),
        ceiling=FEW if known and knobs["quota_per_minute"] == FEW else None,
        through=through,
        invoices=accountant.invoices,
    )


@dataclass(frozen=True, slots=True)
class Another:
    """One more customer, with commands and faults of its own."""

    profiles: Sequence[str | Mapping[str, Any]] = ()
    sendings: Sequence[Sending] = ()
    faults: Sequence[Mapping[str, Any]] = ()
    invoices: Sequence[Mapping[str, Any]] = ()


def _owner(rng: Random, customer: int) -> Another:
    """A customer whose Azure subscriptions are cancelled and brought back: in a third of the stories."""
    if rng.random() >= 0.33:
        return Another()
    profile = {
        "profile": rng.choice(("plan", "suspended_plan", "quiet_plan")),
        "inactive_azure_subscriptions": rng.choice((0, 1, 2)),
        "consent": rng.choice(("granted",) * 6 + ("missing", "unknown_application")),
        "azure_role": rng.choice(("owner",) * 6 + ("reader", None)),
    }
    begin = rng.uniform(0.0, LASTS / 3)
    commands = rng.choice(((SuspendPlan, ReactivatePlan) * 2, (ReactivatePlan, SuspendPlan, ReactivatePlan)))
    sendings = [
        Sending(begin + 3.0 * number, f"o-{number}", customer, command, _of_azure(rng, command), None)
        for number, command in enumerate(commands)
    ]
    return Another([profile], sendings, [_fault(rng, ["azure"]) for _ in range(rng.choice((0, 1, 2, 4)))])


def _spender(rng: Random, customer: int) -> Another:
    """A customer whose budget is set, removed and reported: in a third of the stories."""
    if rng.random() >= 1 / 3:
        return Another()
    amounts: Sequence[str | None] = ("100", "100.00", "250.5", None)
    profile = {"profile": "plan", "azure_subscriptions": 1, "budget": rng.choice(amounts)}
    begin = rng.uniform(0.0, LASTS / 2)
    commands = rng.choice(((SetUsageBudget, ReportUsage), (SetUsageBudget,) * 3, (SetUsageBudget,) * 5))
    sendings = [
        Sending(begin + 3.0 * number, f"b-{number}", customer, command, _budgeted(rng, command, amounts), None)
        for number, command in enumerate(commands)
    ]
    again = replace(sendings[0], at=begin + rng.uniform(0.0, LASTS / 2), partition=_partition(rng))
    faults = [
        {**_fault(rng, ["plan"]), "operation": rng.choice(("budgets.set",) * 3 + ("budgets.*",))}
        for _ in range(rng.choice((0, 1, 2, 4)))
    ]
    return Another([profile], [*sendings, again], faults)


def _budgeted(rng: Random, command: type[Command], amounts: Sequence[str | None]) -> dict[str, Any]:
    if command is not SetUsageBudget:
        return {}
    condition = {"if_amount": rng.choice(amounts)} if rng.random() < 0.3 else {}
    return {"amount": rng.choice(amounts), **condition}


def _of_azure(rng: Random, command: type[Command]) -> dict[str, Any]:
    if command is SuspendPlan:
        return {"active_assets": "cancel"}
    return {"azure_subscriptions": rng.choice(("reactivate", "reactivate", "leave"))}


def _accountant(rng: Random, formats: Random) -> Another:
    """The lines of an invoice are exported, by several commands at once: in a quarter of the stories.

    Half of the commands want Parquet or FOCUS too. In a quarter of these stories Microsoft has a part of the usage at
    first.
    """
    if rng.random() >= 0.25:
        return Another()
    invoice: dict[str, Any] = {
        "id": INVOICE,
        "blobs": rng.choice((0, 1, 3, 6)),
        "usage_lines": 24,
        "groups": 4,
        "customers": 1,
    }
    asks: list[dict[str, Any]] = [
        {"invoice_id": INVOICE, "lines": rng.choice((["usage"], ["reconciliation"], ["usage", "reconciliation"]))}
        for _ in range(rng.choice((1, 1, 2, 3)))
    ]
    for each in asks:
        each["formats"] = list(formats.choice(FORMATS))
    if formats.random() < 0.25:
        invoice["usage_complete_after"] = formats.uniform(0.0, LASTS)
    begin = rng.uniform(0.0, LASTS / 3)
    sendings = [
        Sending(begin + rng.uniform(0.0, 30.0), f"e-{number}", 0, ExportInvoiceLines, each, _partition(rng))
        for number, each in enumerate(asks)
    ]
    faults = [
        {**_fault(rng, ["plan"]), "operation": rng.choice(("graph.*", "graph.operation", "storage.*", "invoices.list"))}
        for _ in range(rng.choice((0, 1, 2, 4)))
    ]
    return Another(sendings=sendings, faults=faults, invoices=[invoice])


def _export_knobs(rng: Random) -> dict[str, Any]:
    return {
        "export_queued": (0.0, 5.0),
        "export_seconds": (1.0, rng.choice((5.0, 60.0))),
        "export_lifetime": rng.choice((86_400.0, 86_400.0, 120.0)),
        "sas_lifetime": rng.choice((43_200.0, 43_200.0, 30.0)),
        "etag_changes": rng.choice((0, 0, 0, 1)),
        "old_blobs": rng.choice(("kept", "gone")),
        "resource_location": rng.choice(("inline", "link", "url")),
    }


def _damage(rng: Random) -> dict[str, Any]:
    """What is wrong with the last blob, for some downloads or for all of them: in a tenth of the stories."""
    if rng.random() >= 0.1:
        return {}
    return {
        "blob_damage": rng.choice(("truncated", "crc", "not_json", "not_gzip", "missing")),
        "blob_damage_times": rng.choice((1, 2, None)),
    }


def _around_files(rng: Random, weather: Weather) -> Weather:
    """The same weather; in some stories workers die around files, or the destination falls silent."""
    deadly = "files" if rng.random() < 0.25 else weather.deadly
    return replace(weather, deadly=deadly, files_fail=rng.choice((0.0, 0.0, 0.02, 0.1)))


def _azure_knobs(rng: Random) -> dict[str, Any]:
    return {
        "azure_warned": (0.0, rng.choice((0.0, 5.0))),
        "azure_disabled": (5.0, 60.0),
        "azure_enabled": (0.0, rng.choice((0.0, 30.0))),
        "azure_repeat": rng.choice(("accepted", "refused")),
    }


def _newcomer(rng: Random, customer: int) -> Another:
    """A customer without agreement, who is attested and sold a plan at once: in a fifth of the stories."""
    if rng.random() >= 0.2:
        return Another()
    begin = rng.uniform(0.0, LASTS / 2)
    commands = (ConfirmCustomerAgreement, CreateAzurePlan, ConfirmCustomerAgreement, ReportCustomer)
    sendings = [
        Sending(at, f"n-{number}", customer, command, _asks(rng, command, at), _partition(rng))
        for number, command in enumerate(commands)
        for at in [begin + 3.0 * number]
    ]
    again = replace(sendings[0], at=begin + rng.uniform(0.0, LASTS / 2), partition=_partition(rng))
    faults = [_fault(rng, ["no_agreement"]) for _ in range(rng.choice((0, 1, 2)))]
    return Another(["no_agreement"], [*sendings, again], faults)


def _leaver(rng: Random, customer: int) -> Another:
    """A customer whose plan is suspended and whose reservations are returned: in a third of the stories."""
    if rng.random() >= 1 / 3:
        return Another()
    profile = rng.choice(("reserved", "two_reserved", "split_reserved"))
    begin = rng.uniform(0.0, LASTS / 2)
    asks = {"active_assets": "cancel", "reservations": "return"}
    sendings = [
        Sending(begin + 3.0 * number, f"r-{number}", customer, command, asks if command is SuspendPlan else {}, None)
        for number, command in enumerate((SuspendPlan, ReactivatePlan, SuspendPlan)[: rng.choice((1, 1, 2, 3))])
    ]
    again = replace(sendings[0], at=begin + rng.uniform(0.0, LASTS / 2), partition=_partition(rng))
    faults = [
        {**_fault(rng, ["reserved"]), "operation": rng.choice(("arm.reservations.return",) * 3 + ("arm.*",))}
        for _ in range(rng.choice((0, 1, 2, 3)))
    ]
    return Another([profile], [*sendings, again], faults)


def _brakings(rng: Random) -> list[Braking]:
    """Pauses by a person: in a fifth of the stories, and often two that overlap."""
    if rng.random() >= 0.2:
        return []
    return [
        Braking(
            rng.uniform(0.0, LASTS / 2),
            rng.choice(
                (Selection(), Selection(type=SuspendPlan.wire_type()), Selection(type=CreateAzurePlan.wire_type()))
            ),
            rng.uniform(1.0, LASTS / 2),
            rng.random() < 0.5,
        )
        for _ in range(rng.choice((1, 2)))
    ]


def _sendings(rng: Random, profiles: Sequence[str]) -> list[Sending]:
    """Commands are sent in bursts: the commands of a customer queue in its lane."""
    bursts = [rng.uniform(0.0, LASTS / 2) for _ in range(rng.choice((1, 1, 2, 3)))]
    found = []
    for number in range(len(profiles) + rng.randint(1, 5)):
        customer = number if number < len(profiles) else rng.randrange(len(profiles))
        command = rng.choice(_likely(profiles[customer])[: 1 if number < len(profiles) else None])
        at = rng.choice(bursts) + rng.uniform(0.0, 3.0)
        first = Sending(at, f"c-{number}", customer, command, _asks(rng, command, at), _partition(rng))
        found.append(first)
        if rng.random() < 0.2:  # the sender sends the command again
            found.append(replace(first, at=at + rng.uniform(0.0, LASTS / 2), partition=_partition(rng)))
        if rng.random() < 0.05:  # the sender uses an id twice
            found.append(replace(first, at=at + rng.uniform(0.0, LASTS / 2), asks=_asks(rng, command, at)))
    return sorted(found, key=lambda sending: sending.at)


def _partition(rng: Random) -> int | None:
    """Mostly the partition of the key. Producers in several languages do not agree on that partition."""
    return rng.choice((None, None, 0, 1))


def _likely(profile: str) -> tuple[type[Command], ...]:
    """Likely commands for a customer, first of all commands that change something."""
    if profile in ("legacy", "upgrade_fails"):
        return (*(StartProductUpgrade,) * 3, SuspendPlan, CreateAzurePlan)
    if profile in ("ready", "no_credit", "order_error", "order_fails"):
        return (*(CreateAzurePlan,) * 2, SuspendPlan, ReactivatePlan)
    if profile == "suspended_plan":
        return (ReactivatePlan, SuspendPlan, ReactivatePlan, SuspendPlan)
    return (SuspendPlan, ReactivatePlan, SuspendPlan, ReactivatePlan, CreateAzurePlan)


def _asks(rng: Random, command: type[Command], at: float) -> dict[str, Any]:
    asks: dict[str, Any] = dict(ACCEPTED) if command is ConfirmCustomerAgreement else {}
    if rng.random() < 0.1:
        asks["validate_only"] = True
    if rng.random() < 0.2:
        asks["deadline"] = START + timedelta(seconds=at + rng.uniform(0.0, 400.0))
    if command is SuspendPlan and rng.random() < 0.7:
        asks["active_assets"] = "cancel"
    return asks


def _poisoning(rng: Random, customers: int) -> Poisoning:
    return Poisoning(rng.uniform(0.0, LASTS / 2), rng.choice(POISONS), rng.randrange(customers), rng.choice((0, 1)))


def _events(rng: Random, workers: int) -> list[Event]:
    return [
        Event(rng.uniform(1.0, LASTS), rng.choice(HAPPENINGS), rng.randrange(workers), rng.uniform(1.0, 120.0))
        for _ in range(rng.choice((0, 1, 2, 4, 8)))
    ]


def _fault(rng: Random, profiles: Sequence[str]) -> dict[str, Any]:
    doubtful = rng.random() < 0.7
    kind = rng.choice(DOUBTFUL if doubtful else HARMLESS)
    anywhere = 0.5 if kind is Kind.GATEWAY else 0.1
    return {
        "kind": kind,
        "operation": "*" if rng.random() < anywhere else rng.choice(_writes(rng.choice(profiles))),
        "seconds": rng.uniform(0.0, LATEST) if kind in LATE else 0.0,
        "count": rng.choice((1, 1, 2, 5)),
        "skip": rng.choice((0, 0, 0, 1)),
        **_answer(rng, kind),
    }


def _writes(profile: str) -> tuple[str, ...]:
    """The operations that write for the commands of such a customer."""
    if profile in ("legacy", "upgrade_fails"):
        return ("upgrades.create",)
    if profile == "no_agreement":
        return ("agreements.confirm",)
    if profile == "azure":
        return (
            *("arm.subscriptions.cancel", "arm.subscriptions.enable", "arm.subscriptions.*"),
            *("azure_entitlements.cancel", "azure_entitlements.reactivate", "subscriptions.patch"),
        )
    if profile in ("ready", "no_credit", "order_error", "order_fails"):
        return ("carts.create", "carts.checkout", "carts.checkout", "subscriptions.patch")
    return ("subscriptions.patch", "subscriptions.patch", "azure_entitlements.cancel")


def _answer(rng: Random, kind: Kind) -> dict[str, Any]:
    match kind:
        case Kind.THROTTLE:
            return {"retry_after": rng.uniform(1.0, 30.0), "retry_after_form": rng.choice(("seconds", "date"))}
        case Kind.ERROR_BEFORE:
            return {"status": rng.choice((*TROUBLE, 401))}
        case Kind.ERROR_AFTER:
            return {"status": rng.choice(TROUBLE)}
        case Kind.GATEWAY:
            page, status, acts = rng.choice(("html", "empty", "json")), rng.choice(PAGES), rng.choice((True, False))
            # A 429 in JSON is Microsoft's own answer for too many requests, which says that nothing was executed.
            return {"status": status, "page": page, "acts": acts and (status, page) != (429, "json")}
        case _:
            return {}


def _knobs(rng: Random, *, remembers: bool) -> dict[str, Any]:
    slow = rng.random() < 0.5
    return {
        "remember_request_ids": remembers,
        "checkout_repeat": rng.choice(("first_result", "800065")),
        "checkout_seconds": (0.0, rng.choice((0.0, 0.0, 10.0))),
        "order_outcome": rng.choice(("completed",) * 8 + ("error", "never")),
        "order_provisioning": (0.0, rng.choice((1.0, 60.0))),
        "order_list_lag": (0.0, rng.choice((0.0, 90.0))),
        "entitlement_flip": (10.0, 60.0),
        "upgrade_pending": (1.0, 20.0),
        "upgrade_running": (1.0, 60.0),
        "upgrade_outcome": rng.choice(("completed", "completed", "failed")),
        "patch_mode": rng.choice(("now", "slow")),
        "patch_seconds": (1.0, 30.0),
        "latency": (0.0, rng.choice((0.1, 5.0)) if slow else 0.0),
        "quota_per_minute": rng.choice((500, 500, 500, FEW)),
        "retry_after": rng.choice(("seconds", "date", "none")),
    }


def _returns(rng: Random) -> dict[str, Any]:
    """How Azure Resource Manager carries out returns of reservations."""
    return {
        "return_status": rng.choice((200, 202)),
        "return_seconds": (1.0, rng.choice((5.0, 90.0))),
        "return_headers": rng.choice(("both", "location", "async")),
        "return_state": rng.choice(("PendingBilling", "Succeeded")),
        "return_repeat": rng.choice(("refused", "first_answer")),
        "quote_change": rng.choice((0.0, 10.0)),
        "refund_limit": rng.choice((50_000.0, 50_000.0, 1_500.0)),
        "reservation_flip": (0.0, rng.choice((0.0, 60.0))),
    }


def _weather(rng: Random, *, longest_late: float) -> Weather:
    return Weather(
        lags=rng.choice((0.0, 0.1, 0.5)),
        longest_lag=rng.choice((0.05, 2.0, 25.0)),
        journal_fails=rng.choice((0.0, 0.0, 0.01, 0.05)),
        broker_fails=rng.choice((0.0, 0.0, 0.05)),
        dies=rng.choice((0.0, 0.0, 0.0, 0.01)),
        deadly=rng.choice(("", "", *DEADLY)),
        freezes=rng.random() < FREEZING,
        late=rng.choice((0.0, 0.5, 1.0)),
        longest_late=longest_late,
    )
