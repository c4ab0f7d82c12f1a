"""The checks of everything that a worker needs: what works, what does not, and what to do about it."""

from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID, uuid4

from worker.assembly.accounts import open_accounts, share, unused_proxies
from worker.assembly.parts import open_engine, tenants_of
from worker.broker.port import BrokerError, BrokerRefused
from worker.broker.rights import Right
from worker.broker.topics import TopicChange, WantedTopic
from worker.clock import Clock
from worker.errors import JournalError, JournalMissing, JournalRefused
from worker.operators import connections
from worker.operators.pauses import held_pauses, in_force
from worker.operators.setup import permissions
from worker.partner_center.client.account import Account
from worker.partner_center.client.trouble_explanations import trouble_of
from worker.partner_center.errors import CallError, NeverSent, NotPermitted, Refused, TokenUnavailable, Unanswered
from worker.partner_center.operation import Operation
from worker.partner_center.port import Call
from worker.partner_center.resources import agreements, customers
from worker.redaction import redact
from worker.settings.journal_url import shown
from worker.settings.model import Settings, SettingsError, load
from worker.settings.reference import effective

USER_TOKEN, USER_CALL = "user token", "user call"
"""The two checks of an account that has a user's refresh token."""


class Result(StrEnum):
    """How a check ended."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"
    WARNING = "warning"


class Problem(StrEnum):
    """What kind of problem a failed check found."""

    CONFIGURATION = "configuration"
    """A setting is wrong, or a right is missing."""
    UNAVAILABLE = "unavailable"
    """A service does not answer, or something is not there."""
    REFUSED = "refused"
    """Partner Center refuses the call."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. `advice` says what to do; `problem` is None unless the check failed."""

    check: str
    result: Result
    detail: str
    advice: str | None = None
    partner: str | None = None
    problem: Problem | None = None


def _ok(check: str, detail: str, partner: str | None = None) -> Finding:
    return Finding(check, Result.OK, detail, partner=partner)


def _skipped(check: str, because: str, partner: str | None = None) -> Finding:
    return Finding(check, Result.SKIPPED, f"not looked at, because {because}", partner=partner)


def _failed(check: str, problem: Problem, detail: str, advice: str, partner: str | None = None) -> Finding:
    return Finding(check, Result.FAILED, detail, advice, partner, problem)


async def findings() -> AsyncIterator[Finding]:
    """Every finding, as soon as its check has ended. A wrong set-up is a finding, and no error."""
    try:
        settings = load()
    except SettingsError as error:
        advice = "Correct them; `azplan config show` shows where each value came from."
        yield _failed("settings", Problem.CONFIGURATION, " ".join(error.problems), advice)
        for check in ("broker", "topics", "rights", "journal", "token", "call"):
            yield _skipped(check, "the settings are not right")
        return
    given = sum(each.origin != "default" for each in effective())
    yield _ok("settings", f"{given} given, the others at their defaults")
    async for finding in _broker(settings):
        yield finding
    async for finding in _journal(settings):
        yield finding
    async for finding in _pauses(settings):
        yield finding
    async for finding in _partners(settings):
        yield finding


async def _broker(settings: Settings) -> AsyncIterator[Finding]:
    servers = settings.kafka.bootstrap_servers
    try:
        async with connections.admin(settings) as admin:
            count = await admin.ping()
            yield _ok("broker", f"{servers} answers, {count} broker{'s' if count > 1 else ''}")
            changes = await admin.plan([WantedTopic(name, 1) for name in _topics(settings)])
            lacking = await admin.lacking(permissions.needed_rights(settings.kafka))
    except BrokerError as error:
        refused = isinstance(error, BrokerRefused)
        advice = (
            "Check AZPLAN_KAFKA__SASL_*, AZPLAN_KAFKA__SECURITY_PROTOCOL and what the user may do."
            if refused
            else "Start the broker, or set AZPLAN_KAFKA__BOOTSTRAP_SERVERS to where it is."
        )
        yield _failed("broker", Problem.CONFIGURATION if refused else Problem.UNAVAILABLE, str(error), advice)
        for check in ("topics", "rights"):
            yield _skipped(check, "the broker does not answer")
        return
    for finding in (*_topics_found(changes, lacking), *_rights(settings, lacking)):
        yield finding


def _topics_found(changes: Sequence[TopicChange], lacking: Sequence[Right]) -> Iterator[Finding]:
    hidden = {right.name for right in lacking if right.resource == "topic"}
    missing = [change.wanted.name for change in changes if change.creates and change.wanted.name not in hidden]
    there = [change for change in changes if not change.creates]
    if missing:
        advice = "Make them with `azplan topics apply`, or correct AZPLAN_KAFKA__*_TOPIC."
        yield _failed("topics", Problem.UNAVAILABLE, f"missing: {', '.join(missing)}", advice)
    elif len(there) < len(changes):
        yield _skipped("topics", "a user who may not use a topic does not see whether it exists")
    else:
        yield _ok("topics", ", ".join(f"{change.wanted.name} ({change.partitions} partitions)" for change in there))
    for change in there:
        if change.warning:
            advice = permissions.keep_all(change.wanted.name)
            yield Finding("topics", Result.WARNING, f"{change.wanted.name} {change.warning}", advice)


def _rights(settings: Settings, lacking: list[Right]) -> Iterator[Finding]:
    kafka = settings.kafka
    for right in lacking:
        if not permissions.comes_with_others(right, lacking):
            detail, advice = permissions.may_not(right, kafka), permissions.how_to_allow(right, kafka)
            yield _failed("rights", Problem.CONFIGURATION, detail, advice)
    if not lacking:
        who = f"may read {kafka.commands_topic} as {kafka.group_id}"
        yield _ok("rights", f"{who}, and write {kafka.events_topic} and {kafka.dead_letters_topic}")


def _topics(settings: Settings) -> tuple[str, ...]:
    kafka = settings.kafka
    return kafka.commands_topic, kafka.events_topic, kafka.dead_letters_topic


async def _journal(settings: Settings) -> AsyncIterator[Finding]:
    engine = open_engine(settings, Clock())
    try:
        await engine.open()
    except JournalMissing as error:
        yield _ok("journal", redact(f"{error}; `azplan run` makes it"))
    except JournalError as error:
        problem = Problem.CONFIGURATION if isinstance(error, JournalRefused) else Problem.UNAVAILABLE
        yield _failed("journal", problem, redact(str(error)), "Start the database, or correct AZPLAN_JOURNAL__URL.")
    else:
        yield _ok("journal", f"{shown(settings.journal.url.get_secret_value())} answers")
    finally:
        await engine.close()
    for warning in engine.warnings:
        yield Finding("journal", Result.WARNING, warning)


async def _pauses(settings: Settings) -> AsyncIterator[Finding]:
    """The pauses in force: no fault of the set-up, but the reason why commands wait."""
    try:
        async with connections.journal(settings) as journal:
            held, now = await held_pauses(journal), journal.now()
    except JournalError:
        return  # the finding before this one says what is wrong with the journal
    for pause in held:
        yield Finding("pause", Result.WARNING, in_force(pause, now), "`azplan resume` with the same words ends it.")


async def _partners(settings: Settings) -> AsyncIterator[Finding]:
    if not settings.partners:
        advice = "Set AZPLAN_PARTNERS__<NAME>__TENANT_ID, __CLIENT_ID and __CLIENT_SECRET."
        yield _failed("token", Problem.CONFIGURATION, "no partner account is configured", advice)
        yield _skipped("call", "no partner account is configured")
        return
    try:
        accounts = open_accounts(settings, Clock())
    except SettingsError as error:
        yield _failed("token", Problem.CONFIGURATION, " ".join(error.problems), "Correct the file or the setting.")
        yield _skipped("call", "the partner accounts cannot be used")
        return
    for name, warning in unused_proxies(settings):
        yield Finding("proxy", Result.WARNING, f"{warning}.", partner=name)
    async with _counted(settings, accounts):
        for account in accounts.values():
            async for finding in _partner(account):
                yield finding
            await account.close()


@asynccontextmanager
async def _counted(settings: Settings, accounts: Mapping[str, Account]) -> AsyncIterator[None]:
    """Let the calls of these accounts count for the ceilings of the workers, if there is a journal that answers."""
    async with AsyncExitStack() as ending:
        try:
            journal = await ending.enter_async_context(connections.journal(settings))
            tenants = await journal.tenants.directory(tenants_of(settings))
        except JournalError:
            pass  # an earlier finding says what is wrong with the journal
        else:
            leases = share(accounts, tenants, journal.ceilings, Clock(), settings)
            ending.push_async_callback(leases.end)
        yield


async def _partner(account: Account) -> AsyncIterator[Finding]:
    """A harmless call for each kind of token that is configured: it needs the network, the token and the permission."""
    probe = Probe()
    center = account.center(probe)
    async for finding in _flow(account, "token", "call", customers.page(center, size=1), probe):
        yield finding
    if center.permits(agreements.METADATA):
        async for finding in _flow(account, USER_TOKEN, USER_CALL, agreements.metadata(center), probe):
            yield finding


async def _flow(
    account: Account, token: str, call: str, asked: Awaitable[object], probe: "Probe"
) -> AsyncIterator[Finding]:
    """Two findings: about the `token`, and about the `call` that `asked` makes with the token."""
    name = account.name
    try:
        await asked
    except TokenUnavailable as error:
        yield _failed(token, Problem.UNAVAILABLE, error.description, error.advice, name)
        yield _skipped(call, "there is no token", name)
        return
    except CallError as error:
        yield _ok(token, "there is one", name)
        yield _call_failed(call, error, name)
        return
    yield _ok(token, "there is one", name)
    yield _ok(call, f"{probe.operation} answered in {probe.milliseconds} ms", name)


def _call_failed(call: str, error: CallError, name: str) -> Finding:
    match error:
        case NeverSent():
            why = trouble_of(error.trouble).at(name, "BASE_URL")
            return _failed(call, Problem.UNAVAILABLE, f"{error}. {why.title}.", why.advice, name)
        case Refused() | NotPermitted():
            advice = "Check that the application is registered in Partner Center's app management, in that tenant."
            known = f" `azplan errors explain {error.code}` says more." if error.code else ""
            return _failed(call, Problem.REFUSED, str(error), advice + known, name)
        case Unanswered():
            return _failed(
                call, Problem.UNAVAILABLE, str(error), "Look at Microsoft's service health; try again.", name
            )
        case _:
            return _failed(call, Problem.UNAVAILABLE, str(error), "Try again in a while.", name)


class Probe:
    """What a call needs of a run, for a call that belongs to no command and changes nothing."""

    def __init__(self) -> None:
        self.command: UUID = uuid4()
        self.correlation_id = str(uuid4())
        self.milliseconds = 0
        self.operation = ""

    def gate(self, operation: Operation[object], step: str | None) -> None:
        """A read may always leave."""

    def answers(self, key: str) -> int:
        """No call was made before."""
        return 0

    def called(self, call: Call) -> None:
        """Keep the operation and the duration of the call."""
        self.operation = call.operation
        self.milliseconds = round(call.duration * 1000)
