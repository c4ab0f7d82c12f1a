"""Makes, lists, finds and carries out replay plans, for people."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from worker.assembly.parts import tenants_of
from worker.broker.port import Admin
from worker.broker.writing.in_flight_limit import largest_record
from worker.clock import Clock, instant
from worker.journal.intake_records import Intake
from worker.journal.operating.replay_items import ReplayItem, ReplayPlan
from worker.journal.operating.replay_plans import OutcomeReason
from worker.journal.operator_journal import OperatorJournal
from worker.journal.processing.lane_prefixes_of_accounts import Directory
from worker.journal.records import Micros, NewDeadLetter, Pause
from worker.journal.selection import Selection
from worker.operators.errors import InvalidRequest, NoAnswer, NothingFound, NotReachable, Unsuccessful
from worker.operators.replay.applying import Applier, Ended, Manner
from worker.operators.replay.canary_pace import Standing
from worker.operators.replay.candidates import Candidate, NotThere, of_journal, of_records, ranges, shortened
from worker.operators.replay.decisions import Outcome, Wanted
from worker.operators.replay.planning import Order, make
from worker.operators.selection import check_partner
from worker.operators.who_and_why import Signature
from worker.runtime import intake_rules
from worker.runtime.conclusion import Sender
from worker.settings.model import Settings
from worker.version import version

LATEST: Final = "latest"
"""The name of the newest plan."""

ACTED: Final = (Outcome.START.value, Outcome.RESUME.value, Outcome.RE_EMIT.value)
"""The outcomes of commands that the replay acts on."""


@dataclass(frozen=True, slots=True)
class ReplaySource:
    """Which commands to replay, and where they are read from.

    `offsets` are partitions of the commands topic, each with its range of offsets. Without them the topic is read from
    the begin to the end of the selection. `from_journal`: the journal is read instead.
    """

    selection: Selection
    offsets: tuple[tuple[int, range], ...] = ()
    from_journal: bool = False

    def check(self) -> None:
        """Raises `InvalidRequest` if the source contradicts itself, or does not say which commands."""
        during = self.selection.begin is not None or self.selection.end is not None
        if not self.from_journal and not self.offsets and not during:
            raise InvalidRequest(
                "say which commands: --from and --to, --offsets, or --journal.", "See `azplan replay plan --help`."
            )
        if self.offsets and (self.from_journal or during):
            raise InvalidRequest("--offsets is enough: leave out --from, --to and --journal.")
        if len({number for number, _ in self.offsets}) < len(self.offsets):
            raise InvalidRequest("a partition is named twice.", "Make a plan for each of the two ranges.")

    def asked(self) -> dict[str, Any]:
        """The source, as the plan keeps it."""
        which = self.selection
        return {
            "journal": self.from_journal,
            "from": _instant(which.begin),
            "to": _instant(which.end),
            "offsets": [[number, each.start, each.stop - 1] for number, each in self.offsets],
            "customer": which.customer,
            "type": which.type,
            "code": which.code,
            "partner": which.partner,
        }


@dataclass(frozen=True, slots=True)
class MadePlan:
    """A plan, the reasons for its outcomes, and the partitions from which records of its span may be deleted."""

    plan: ReplayPlan
    reasons: Sequence[OutcomeReason]
    deleted: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class KeptPlans:
    """The newest plans, and the pauses in force. `now` is the journal's clock."""

    plans: Sequence[ReplayPlan]
    pauses: Sequence[Pause]
    now: Micros


@dataclass(frozen=True, slots=True)
class KeptPlan:
    """A plan with the reasons for its outcomes.

    `standing` counts the commands that the replay acts on: planned, sent, done, failed or left.
    """

    plan: ReplayPlan
    reasons: Sequence[OutcomeReason]
    standing: Mapping[str, int]
    pauses: Sequence[Pause]
    now: Micros


def record_desk(settings: Settings, tenants: Directory) -> intake_rules.IntakeRules:
    """The intake rules of a worker with these settings."""
    largest = largest_record(settings.kafka.max_request_bytes, settings.kafka.events_topic)
    return intake_rules.IntakeRules(
        resolve=tenants.resolve,
        sender=Sender(settings.kafka.group_id, version(), largest),
        retention=settings.journal.retention.total_seconds(),
    )


def calls_per_minute(settings: Settings) -> Mapping[str, int]:
    """The ceilings of the partner accounts, in calls a minute."""
    return {name: partner.requests_per_minute for name, partner in settings.partners.items()}


def to_do(plan: ReplayPlan) -> int:
    """How many commands of the plan the replay acts on."""
    return sum(plan.outcomes.get(outcome, 0) for outcome in ACTED)


async def plan_replay(
    journal: OperatorJournal,
    settings: Settings,
    signature: Signature,
    source: ReplaySource,
    *,
    re_emit: bool = False,
    open_admin: Callable[[Settings], AbstractAsyncContextManager[Admin]],
) -> MadePlan:
    """Decide what a replay would do with each of these commands, and keep the decisions as a plan. Changes no command.

    `re_emit`: the recorded events of finished commands are published again. `open_admin` opens the broker, unless the
    journal is read. Raises `InvalidRequest`, and `NothingFound` if no command matches.
    """
    source.check()
    await check_partner(journal, settings, source.selection.partner)
    order = Order(signature.who, signature.why, source.asked(), Wanted(re_emit=re_emit))
    if source.from_journal:
        return await _made(journal, settings, of_journal(journal, source.selection), order)
    async with open_admin(settings) as admin:
        topic, begin, end = settings.kafka.commands_topic, source.selection.begin, source.selection.end
        first, last = _instant(begin), _instant(end)
        try:
            wanted = await ranges(admin, topic, begin=first, end=last, offsets=source.offsets)
        except NotThere as error:
            raise NothingFound(f"{error}.") from error
        deleted = await shortened(admin, topic, first) if first is not None else []
        tenants = await journal.tenants.directory(tenants_of(settings))
        # The topic is read by the times of the records, so the instants are not compared again.
        selection = replace(source.selection, begin=None, end=None)
        found = of_records(journal, admin.read(wanted), record_desk(settings, tenants), selection)
        return await _made(journal, settings, found, order, deleted)


async def list_plans(journal: OperatorJournal, limit: int = 100) -> KeptPlans:
    """The newest plans, at most `limit`; 0 for all. The plans of `plan_redrive` are among them."""
    return KeptPlans(await journal.replay_plans.newest(limit), await journal.pauses.in_force(), journal.now())


async def find_plan(journal: OperatorJournal, name: str) -> ReplayPlan:
    """The plan whose id is `name` or begins with it, or the newest plan for `LATEST`.

    Raises `NothingFound`, and `InvalidRequest` if several ids begin so.
    """
    found = await (journal.replay_plans.newest(1) if name == LATEST else journal.replay_plans.find(name))
    if len(found) == 1:
        return found[0]
    if found:
        raise InvalidRequest(f"{len(found)} plans begin with {name!r}.", "Write more of the id.")
    raise NothingFound(
        f"there is no plan {name!r}.",
        "`azplan replay list` shows all plans; `azplan replay plan` makes one.",
    )


async def read_plan(journal: OperatorJournal, name: str) -> KeptPlan:
    """A plan, and how far it has been carried out. Raises as `find_plan` does."""
    found = await find_plan(journal, name)
    return await describe_plan(journal, found)


async def describe_plan(journal: OperatorJournal, plan: ReplayPlan) -> KeptPlan:
    """How far a plan that was found already has been carried out."""
    return KeptPlan(
        plan,
        await journal.replay_plans.reasons(plan.id),
        await journal.replay_plans.states(plan.id, ACTED),
        await journal.pauses.in_force(),
        journal.now(),
    )


async def insist_on_workers(journal: OperatorJournal, plan: ReplayPlan) -> None:
    """Raises `NotReachable` if no worker is alive to carry a plan out."""
    if not await journal.statistics.living_workers():
        raise NotReachable(
            "nothing was begun: a replay is watched while it runs, and no worker is alive to carry it out.",
            f"Start a worker with `azplan run`, then `azplan replay apply {plan.id}`.",
        )


async def carry_out_plan(
    journal: OperatorJournal, settings: Settings, plan: ReplayPlan, manner: Manner, tell: Callable[[Standing], None]
) -> Ended:
    """Carry a plan out beside running workers. Returns how far it came. `tell` is called with the progress.

    A caller may interrupt this and call it again. Raises `NotReachable` if no worker is alive.
    """
    await insist_on_workers(journal, plan)
    tenants = await journal.tenants.remember(tenants_of(settings))
    desk = record_desk(settings, tenants)
    applier = Applier(journal, Clock(), enter=lambda items: _enter(journal, desk, items), tell=tell)
    return await applier.apply(plan, manner)


def judge(plan: ReplayPlan, ended: Ended) -> None:
    """Raises `Unsuccessful` if a command failed or the replay stopped; `NoAnswer` if nothing moved for long."""
    again = f"`azplan replay apply {plan.id}` goes on with the rest."
    if ended.stopped:
        hint = f"Find out why: `azplan commands list --state failed`. {again}"
        raise Unsuccessful(f"stopped: {ended.standing.failed} of {ended.standing.ended} failed again.", hint)
    if ended.stalled:
        raise NoAnswer("nothing has moved for ten minutes.", again)
    if ended.standing.failed:
        raise Unsuccessful(f"{ended.standing.failed} failed again.", "`azplan dead-letters list` shows them.")


async def _made(
    journal: OperatorJournal,
    settings: Settings,
    found: AsyncIterator[Candidate],
    order: Order,
    deleted: Sequence[int] = (),
) -> MadePlan:
    plan = await make(journal, found, order, calls_per_minute(settings))
    if plan.commands == 0:
        hint = "--from and --to compare the times of the records, or with --journal the times of their receipt."
        raise NothingFound("no command matches.", hint)
    return MadePlan(plan, await journal.replay_plans.reasons(plan.id), deleted)


async def _enter(journal: OperatorJournal, desk: intake_rules.IntakeRules, items: Sequence[ReplayItem]) -> None:
    """Take records in, as a worker takes in every record."""

    def refused(item: Intake, error: Exception) -> NewDeadLetter:
        return intake_rules.refused_by_database(item, error, desk)

    taken = [intake_rules.intake(item.record, journal.now(), desk) for item in items if item.record is not None]
    await journal.accept(taken, refused)


def _instant(micros: Micros | None) -> datetime | None:
    return None if micros is None else instant(micros)
