"""A program without a terminal that calls every function of `worker.operators`, as a page would.

Run in a process of its own, `python -m tests.operators.page`, on a journal that `tests.cli.telling` has filled. Imports
of typer, rich and click fail here. Prints nothing. The exit code is 0 if every call did what its docstring promises.
"""

# ruff: noqa: E402 - the refusal stands before the imports

import asyncio
import io
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any, TypeVar

TERMINALS = ("typer", "rich", "click")


class NoTerminal(MetaPathFinder):
    """Refuses every library that is made for terminals."""

    def find_spec(self, name: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:
        """Raises ImportError for a terminal's library."""
        if name.partition(".")[0] in TERMINALS:
            raise ImportError(f"{name} is for terminals")
        return None


sys.meta_path.insert(0, NoTerminal())

from events import contract_files
from events.codes import FailedCode
from events.messages.base import Event, Origin, commands
from events.messages.command_status import CommandFailed, CommandValidated
from events.messages.customers import CustomersListed, CustomersReported, ReportCustomers
from events.messages.plans import SuspendPlan
from events.messages.usage import UsageRecorded, UsageReported
from events.wire.codec import encode
from events.wire.event_reader import PublishedEvent
from events.wire.identity import TERMINAL, event_id
from events.wire.record import Outgoing
from tests.operators.memory_admin import MemoryAdmin
from tests.support.memory_broker import MemoryBroker
from worker import logs
from worker.assembly.accounts import open_accounts
from worker.assembly.parts import open_destination
from worker.broker.admin import KafkaAdmin
from worker.broker.port import Ack, BrokerUnavailable, Partition
from worker.broker.rights import Right, RightTo
from worker.broker.topics import TopicChange, WantedTopic
from worker.clock import Clock
from worker.files import catalog
from worker.files.layout import Dataset, Unbilled
from worker.journal.journal import Journal
from worker.journal.operator_journal import OperatorJournal
from worker.journal.records import Resolution
from worker.journal.selection import Selection
from worker.operators import command_reports as commands_of_people
from worker.operators import (
    connections,
    dead_letters,
    files,
    journal_event_watch,
    journal_maintenance,
    pauses,
    requests,
    selection,
    unknown_outcome,
    wakeups,
    who_and_why,
)
from worker.operators.checks import customer_commands, trial_verdict, worker_needs
from worker.operators.checks.azure_access import azure_findings
from worker.operators.checks.command_trial import Trial
from worker.operators.checks.destination import destination_finding
from worker.operators.checks.findings import Problem, Result, failed, ok, skipped, warning
from worker.operators.checks.partner_calls import account_findings, failed_call, graph_findings
from worker.operators.errors import NothingFound, NotPossible
from worker.operators.invoices import bridge, bridge_picture, comparisons, svg
from worker.operators.replay import applying, canary_pace, candidates, cost, decisions, planning, plans
from worker.operators.sending import (
    asking,
    compose,
    customer_reports,
    fetched_document,
    follow_events,
    send,
    usage_reports,
)
from worker.operators.sending.genuine_events import PublishedEvents
from worker.operators.setup import permissions, topics
from worker.operators.tenants_of_events import PublishedAccounts
from worker.operators.usage import bullets, bullets_picture, curves_picture, monthly_costs
from worker.operators.wording import durations, error_codes, message_types
from worker.partner_center.errors import Unanswered
from worker.runtime.outcome import Ended
from worker.settings import model
from worker.settings.model import Settings
from worker.steps import AccountPolicy

CUSTOMER = "3c0e5f4a-9d2b-4a6e-8f1c-5b7d2e9a0c11"
MONTH = date(2026, 11, 1)
EventT = TypeVar("EventT", bound=Event)
NAME = who_and_why.sign(" ada@desk ", "to see whether a page can")


class PageAdmin(MemoryAdmin):
    """Topics in memory, of which one is missing."""

    def __init__(self, broker: MemoryBroker) -> None:
        super().__init__(broker)
        self.created: list[str] = []

    async def plan(self, wanted: Sequence[WantedTopic]) -> list[TopicChange]:
        """The first topic is missing."""
        return [TopicChange(each, None if number == 0 else 1, None) for number, each in enumerate(wanted)]

    async def apply(self, changes: Sequence[TopicChange]) -> None:
        """Note the created topics."""
        self.created.extend(change.wanted.name for change in changes)


class PageSink:
    """Writes into memory."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    async def send(self, topic: str, record: Outgoing, *, partition: int | None = None) -> Ack:
        """Acknowledge at once."""
        end = self._broker.end(Partition(topic, partition or 0))
        await self._broker.write(topic, record, partition=partition or 0)
        return Ack(Partition(topic, partition or 0), end)


async def words() -> None:
    """Parse words as a person types them, and make sentences as a person reads them."""
    assert (NAME.who, who_and_why.name(" a\nb "), who_and_why.reason("why")) == ("ada@desk", "a b", "why")
    assert selection.select(type="suspend-plan", state="open").open
    assert selection.select_dead_letters(code="invalid_json").code == "invalid_json"
    assert selection.partner_name(" US ") == "us"
    assert selection.customer_id(CUSTOMER.upper()) == CUSTOMER
    assert selection.wire_type("SuspendPlan") == selection.known_type("suspendplan") == SuspendPlan.wire_type()
    assert selection.code_word("Outcome-Unknown", FailedCode) == "outcome_unknown"
    assert "retry" in selection.meant("retri", ["retry"])
    noon = selection.instant("1970-01-01T12:00:00Z", "from")
    assert noon is not None
    assert selection.micros(noon) == 43_200_000_000
    assert selection.offsets("0:1-2") == (0, range(1, 3))
    assert (durations.rough(61), durations.spoken(timedelta(minutes=90))) == ("1 m", "1 h 30 m")
    assert error_codes.explain("active_assets").meanings
    assert message_types.find("suspend_plan", commands()) is SuspendPlan
    assert message_types.short(SuspendPlan.wire_type()) in message_types.suggestion("SuspendPlann", commands())


async def rights(settings: Settings, admin: PageAdmin) -> None:
    """Find the rights that the broker demands."""
    kafka, lacking = settings.kafka, [Right(RightTo.WRITE, "t"), Right(RightTo.WRITE_ONCE, "kafka-cluster")]
    assert len(permissions.needed_rights(kafka)) == 5
    assert permissions.comes_with_others(lacking[1], lacking)
    assert permissions.principal(kafka) in permissions.may_not(lacking[0], kafka)
    assert "kafka-acls" in permissions.how_to_allow(lacking[0], kafka)
    assert "cleanup.policy=delete" in permissions.keep_all("t")
    changes = await topics.plan_topics(admin, topics.wanted_topics(settings, partitions=1))
    assert await topics.create_topics(admin, changes) == admin.created == [settings.kafka.commands_topic]


async def checked(settings: Settings) -> None:
    """Every check ends in a finding, even without a broker and without Partner Center."""
    scope = worker_needs.Scope("us", CUSTOMER)
    found = [finding async for finding in worker_needs.findings(scope)]
    results = {(finding.check, finding.result) for finding in found}
    assert {("settings", Result.OK), ("journal", Result.OK), ("broker", Result.FAILED)} <= results
    assert all(
        finding in found for finding in customer_commands.skip_all("the account cannot call Partner Center", "us")
    )
    (account,) = open_accounts(settings, Clock()).values()
    assert [finding.problem async for finding in account_findings(account)] == [Problem.UNAVAILABLE, None]
    assert [finding.problem async for finding in graph_findings(account)] == [Problem.UNAVAILABLE, None]
    tried = [finding async for finding in customer_commands.customer_findings(settings, account, CUSTOMER)]
    assert tried[0].problem is Problem.UNAVAILABLE
    assert [finding.problem async for finding in azure_findings(account, CUSTOMER, [], AccountPolicy())] == [
        Problem.UNAVAILABLE
    ]
    unanswered = failed_call("call", Unanswered("customers.get", "silence"), "us")
    assert unanswered.problem is Problem.UNAVAILABLE
    event = CommandValidated.of(Origin("page", "/page", SuspendPlan.wire_type(), CUSTOMER, "us"), would_do=[])
    said = trial_verdict.finding("SuspendPlan", Trial(Ended("succeeded", event, 0), ()), "us")
    assert said == ok("SuspendPlan", said.detail, "us")
    others = (warning("a", "b"), skipped("a", "b"), failed("a", Problem.REFUSED, "b", "c"))
    assert [each.result for each in others] == [Result.WARNING, Result.SKIPPED, Result.FAILED]
    await account.close()


async def unreachable(settings: Settings) -> None:
    """A broker that cannot be reached raises the broker's error."""
    for door in (connections.admin(settings), connections.sink(settings)):
        try:
            async with door as client:
                if isinstance(client, KafkaAdmin):
                    await client.ping()
        except BrokerUnavailable:
            continue


async def sent(settings: Settings, broker: MemoryBroker, admin: PageAdmin) -> None:
    """Compose, send and follow a command to its answer."""
    (member,) = (each for each in compose.members(SuspendPlan) if each.name == "validateOnly")
    given = {**compose.parse_data(b"{}", "the form"), member.name: compose.value_of(member, True)}
    assert compose.own_tenant_id(settings, None) == settings.partners["us"].tenant_id
    data, identity = compose.with_customer(given, CUSTOMER, None), compose.CommandIdentity("page-1", "/page", None)
    outgoing = compose.compose(SuspendPlan, data, identity)
    request = send.SendRequest(SuspendPlan.wire_type(), CUSTOMER, identity, outgoing, timedelta(seconds=9))
    command = await send.send_command(settings, admin, PageSink(broker), request)
    await broker.write(settings.kafka.events_topic, answer(identity))
    (event,) = [each async for each in send.follow_answer(settings, admin, command)]
    assert command.answer(event) is send.AnswerKind.FAILED
    told = PublishedEvents(admin, settings.kafka.commands_topic)
    async for again in follow_events.events_after(admin, settings.kafka.events_topic, {}, told):
        assert again.id == event.id
        break


def answer(identity: compose.CommandIdentity) -> Outgoing:
    """Answer as a worker does."""
    origin = Origin(identity.id, identity.source, SuspendPlan.wire_type(), CUSTOMER, "us", 0)
    failed: Event = CommandFailed.of(
        origin, code=FailedCode.RETRIES_EXHAUSTED, detail="it kept failing", attempts=1, outcome_unknown=False
    )
    return encode(
        failed,
        id=event_id(identity.source, identity.id, 0, TERMINAL),
        time=datetime.now(UTC),
        correlation_id="c",
        causation_id=identity.id,
    )


async def reported(settings: Settings) -> None:
    """Ask for the customers and for one of them, and read the answers."""
    wait = timedelta(seconds=9)
    asked = customer_reports.ask_for_customers(settings, name="Fabrikam", partner=None, wait=wait)
    assert asked.customer == settings.partners["us"].tenant_id
    assert customer_reports.ask_for_customer(CUSTOMER.upper(), partner="us", wait=wait).customer == CUSTOMER
    origin = Origin(asked.identity.id, asked.identity.source, asked.type, asked.customer, "us", 0)
    page = CustomersListed.of(origin, page=1, pages=1, customers=[{"customerId": CUSTOMER}])
    told = [page, CustomersReported.of(origin, customers=1, pages=1)]

    async def published() -> AsyncIterator[PublishedEvent]:
        for event in told:
            yield PublishedEvent("1", "/azplan", None, None, None, event)

    found = await asking.answered(published())
    assert [each.customer_id for each in customer_reports.listed(found)] == [CUSTOMER]
    again = asking.about_account(settings, ReportCustomers, {"name": None}, "us", wait)
    plain = asking.request(ReportCustomers, {compose.CUSTOMER: asked.customer}, "us", wait)
    assert again.type == plain.type == asked.type


async def spent(settings: Settings) -> None:
    """Ask for usage and budgets, read an answer, and explain an invoice from the files."""
    wait = timedelta(seconds=9)
    with TemporaryDirectory() as folder:
        pdf, copy = Path(folder) / "files" / "a.pdf", Path(folder) / "copy.pdf"
        pdf.parent.mkdir()
        pdf.write_bytes(b"%PDF-")
        placed = settings.files.model_copy(update={"url": f"file:{pdf.parent}"})
        there = settings.model_copy(update={"files": placed})
        await fetched_document.copy_document(there, pdf.as_uri(), sha256(b"%PDF-").hexdigest(), copy)
        assert copy.read_bytes() == b"%PDF-"
    assert usage_reports.ask_for_account(settings, "customers", partner=None, wait=wait).customer
    assert usage_reports.ask_for_customer(CUSTOMER, "customer", {}, partner="us", wait=wait).customer == CUSTOMER
    assert usage_reports.ask_for_budget(CUSTOMER, "1.50", {}, partner="us", wait=wait).customer == CUSTOMER
    answer = example(UsageReported)
    told = usage_reports.usage_report([example(UsageRecorded), answer])
    assert told.answer is answer
    assert len(usage_reports.rows(told.records, order="total", top=1)) == 1
    assert usage_reports.over(told.records, Decimal(10**9)) == []
    assert usage_reports.share_of_budget(told.records[0]) is not None
    found = bullets.bullets(usage_reports.rows(told.records, order="share"))
    assert bullets.axis_end(found) == Decimal(100)
    assert found[0].name in bullets_picture.picture(bridge_picture.Caption("title", "footer"), found)
    month = monthly_costs.MonthCosts(MONTH, "20261101T000000Z-0", monthly_costs.cumulative({MONTH: Decimal(2)}, MONTH))
    costs = monthly_costs.TwoMonths("EUR", month, None)
    assert [*curves_picture.panel(costs, 0, 0), *curves_picture.told(costs), curves_picture.sources(costs)]
    with connections.destination(settings) as destination:
        assert await monthly_costs.monthly_costs(destination, "us", datetime.now(UTC)) == []
    sums = {"usage": "1.00", "linesBeforeTax": "1.00", "lines": "1.00", "invoice": "1.00", "unexplained": "0.00"}
    steps = bridge.bridge({**sums, "explained": []})
    assert (bridge.bound("0.001"), bridge.percent("0.190000")) == ("0.01", "19.0 %")
    drawn = bridge_picture.picture(bridge_picture.Caption("title", "footer"), [("EUR", steps)])
    assert bridge_picture.two(steps[-1].amount) in drawn
    assert "title" in svg.document("title", "about", 1, 1, [])
    assert comparisons.shares([], "customer") == []
    try:
        await comparisons.compared_invoice(open_destination(settings), ["us"], "G1")
    except NothingFound:
        return
    raise AssertionError("an invoice is compared that nobody exported")


def example(kind: type[EventT]) -> EventT:
    """The published example of an event."""
    return kind.model_validate(contract_files.example(kind.wire_type())["value"])


async def read(journal: OperatorJournal, settings: Settings) -> None:
    """Read lists, stories, evidence and counts."""
    await selection.check_partner(journal, settings, "us")
    found = await commands_of_people.list_commands(journal, settings, Selection(), since=timedelta(days=3650))
    assert len(found.commands) == 5
    assert (await commands_of_people.find_command(journal, "waits-1")).id == "waits-1"
    story = (await commands_of_people.read_story(journal, "failed-1")).story
    assert unknown_outcome.evidence(story) is not None
    watched = await journal_event_watch.watch_events(journal, settings, Selection())
    assert [change async for page in watched.pages() for change in page] == []
    assert (await journal_maintenance.count_journal(journal)).counts.effects == 1
    assert await PublishedAccounts(journal).tenant("us") is not None


async def held(journal: OperatorJournal, settings: Settings) -> None:
    """Pause and resume."""
    plan = await pauses.plan_pause(journal, settings, customer=CUSTOMER)
    made = await pauses.pause(journal, NAME, plan.selection)
    assert pauses.spoken(made.which) in pauses.in_force(made, journal.now())
    assert [each.id for each in await pauses.held_pauses(journal)] == [made.id]
    ended = await pauses.plan_resume(journal, settings, every=True)
    await pauses.resume(journal, NAME, ended.pauses)
    assert not await pauses.held_pauses(journal)


async def asked(journal: OperatorJournal, settings: Settings) -> None:
    """Write requests. No worker of this test carries them out."""
    assert [worker.name for worker in await requests.living_workers(journal)] == ["page"]
    numbers = await requests.request_cancel(
        journal, NAME, await requests.plan_cancel(journal, settings, Selection(type=SuspendPlan.wire_type()))
    )
    command = await unknown_outcome.command_to_resolve(journal, "failed-1")
    more = await unknown_outcome.request_resolve(journal, NAME, command, Resolution.NOT_APPLIED)

    async def one() -> AsyncIterator[Sequence[str]]:
        yield [command.uid]

    last = await requests.ask(journal, NAME, "redrive", one())
    answers = [each async for each in requests.answers(journal, [*numbers, *more], 0.0)]
    assert answers
    assert not any(each.done for each in answers)
    assert max(last) > max(more) > max(numbers)
    plan = await wakeups.plan_wake(journal, settings, every=True)
    assert await wakeups.wake(journal, NAME, plan.selection) == plan.commands


async def buried(journal: OperatorJournal, settings: Settings) -> None:
    """List, read, archive and restore dead letters. A record that is no command is not redriven."""
    found = await dead_letters.list_dead_letters(journal, settings, Selection())
    letter = next(each for each in found.letters if each.id is None)
    number = letter.letter.seq
    assert (await dead_letters.read_dead_letter(journal, number))[0] == letter
    choice = await dead_letters.choose_dead_letters(journal, settings, Selection(), numbers=[number])
    assert [page async for page in dead_letters.move_dead_letters(journal, NAME, choice, "archive")] == [(1, [number])]
    (moved,) = await dead_letters.dead_letters_numbered(journal, [number])
    assert moved.letter.state == "archived"
    try:
        await dead_letters.plan_redrive(journal, settings, NAME, choice)
    except NotPossible:
        return
    raise AssertionError("a record that never was a command is redriven")


async def replayed(journal: OperatorJournal, settings: Settings, admin: PageAdmin) -> None:
    """Plan, list, read and carry out replays."""

    @asynccontextmanager
    async def opened(_: Settings) -> AsyncIterator[PageAdmin]:
        yield admin

    source = plans.ReplaySource(Selection(code="not_eligible_for_upgrade"), from_journal=True)
    made = await plans.plan_replay(journal, settings, NAME, source, open_admin=opened)
    topic = plans.ReplaySource(Selection(), ((0, range(1)),))
    assert (await plans.plan_replay(journal, settings, NAME, topic, open_admin=opened)).plan.commands == 1
    assert len((await plans.list_plans(journal)).plans) == 2
    plan = await plans.find_plan(journal, made.plan.id)
    assert (await plans.describe_plan(journal, plan)).reasons == (await plans.read_plan(journal, plan.id)).reasons
    assert plans.to_do(plan) == 0
    await plans.insist_on_workers(journal, plan)
    ended = await plans.carry_out_plan(
        journal, settings, plan, applying.Manner(NAME.who, canary_pace.Pace()), lambda standing: None
    )
    plans.judge(plan, ended)
    assert plans.calls_per_minute(settings)["us"] > 0
    assert plans.record_desk(settings, await journal.tenants.directory({})).retention > 0


async def replay_parts(journal: OperatorJournal, settings: Settings, admin: PageAdmin) -> None:
    """Make the decisions inside a replay."""
    topic, now = settings.kafka.commands_topic, datetime.now(UTC)
    ranges = await candidates.ranges(admin, topic)
    assert await candidates.shortened(admin, topic, now) == []
    desk = plans.record_desk(settings, await journal.tenants.directory({}))
    found = [each async for each in candidates.of_records(journal, admin.read(ranges), desk, Selection())]
    (rejected, *_) = [each async for each in candidates.of_journal(journal, Selection(code="not_eligible_for_upgrade"))]
    assert rejected.known is not None
    assert await candidates.of_commands(journal, [rejected.known.uid]) == [rejected]
    assert candidates.fresh(rejected, set())
    assert candidates.fits(rejected, Selection(type=rejected.type))
    wanted = decisions.Wanted()
    outcome = decisions.decide(rejected.known, readable=True, too_old=False, wanted=wanted).outcome
    assert planning.planned(rejected, 1, wanted).outcome == outcome.value
    order = planning.Order(NAME.who, NAME.why, {}, wanted)
    assert (await planning.make(journal, each(found), order, {})).commands == len(found) == 1
    assert cost.expect([("us", SuspendPlan.wire_type())], {SuspendPlan.wire_type(): 2.0}, {"us": 60}).calls == 2
    standing = canary_pace.Standing(planned=3)
    assert canary_pace.portion(standing, canary_pace.Pace(), begun=0, seconds=0.0) == 3
    assert not canary_pace.too_many_failed(standing, canary_pace.Pace())
    going = applying.SentItem(1, uid="u", redrive=0, asked=True, answer=None, state=None, story=None, reason=None)
    assert applying.verdict(going) is None
    assert not applying.is_patient(going)


async def each(found: Sequence[candidates.Candidate]) -> AsyncIterator[candidates.Candidate]:
    """Yield one record after the other."""
    for candidate in found:
        yield candidate


async def forgotten(journal: OperatorJournal, settings: Settings) -> None:
    """Find nothing to delete: no row here is old."""
    assert await journal_maintenance.plan_prune(journal, settings) == await journal_maintenance.prune(
        journal, settings, NAME
    )


async def filed(journal: OperatorJournal, settings: Settings) -> None:
    """Look at a destination without files, and find nothing to remove."""
    destination = open_destination(settings)
    assert (await destination_finding(settings)).result is Result.OK
    assert files.dataset_of("v1/partner=us/lines=usage/billed/invoice=G1/").invoice_id == "G1"
    for nothing in (
        files.found(destination, files.Which()),
        files.to_verify(destination, files.Which(), every=True),
        files.plan_prune(destination, journal, None),
    ):
        try:
            await nothing
        except NothingFound:
            continue
        raise AssertionError("something is there")
    month = catalog.DatasetFiles(Dataset("us", "lines=usage", unbilled=Unbilled("2026-11", "EUR")))
    assert await files.versions_of(destination, files.Listed(month, None), every=True) == []
    assert [each async for each in files.verified(destination, [], lambda _: None)] == []
    assert files.bytes_of([]) == 0
    assert await files.prune(destination, journal, NAME, [files.Removal(month.dataset, [], [], 0)]) != []


async def visit() -> None:
    """Call all functions one after the other."""
    settings = model.load()
    kafka = settings.kafka
    broker = MemoryBroker(Clock(), {kafka.commands_topic: 1, kafka.events_topic: 1})
    admin = PageAdmin(broker)
    assert journal_maintenance.former_name("old=us", settings) == ("old", "us")
    assert journal_maintenance.settling_time(settings) > timedelta(0)
    told: list[str] = []
    await journal_maintenance.rebuild_journal(settings, admin, NAME, tell=told.append)
    await words()
    await rights(settings, admin)
    async with connections.journal(settings) as journal:
        await Journal(journal.transactions).register("page", "test", 60)
        await sent(settings, broker, admin)
        await reported(settings)
        await spent(settings)
        await read(journal, settings)
        await held(journal, settings)
        await buried(journal, settings)
        await replayed(journal, settings, admin)
        await replay_parts(journal, settings, admin)
        await asked(journal, settings)
        await forgotten(journal, settings)
        await filed(journal, settings)
    await checked(settings)
    await unreachable(settings)


if __name__ == "__main__":
    logs.configure("error", "console", stream=io.StringIO())
    asyncio.run(visit())
    assert not any(name.partition(".")[0] in TERMINALS for name in sys.modules)
