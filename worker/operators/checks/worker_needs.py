"""The checks of everything that a worker needs: what works, what does not, and what to do about it."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from worker.assembly.accounts import open_accounts, share, unused_proxies
from worker.assembly.parts import open_engine, tenants_of
from worker.broker.port import BrokerError, BrokerRefused
from worker.broker.rights import Right
from worker.broker.topics import TopicChange, WantedTopic
from worker.clock import Clock
from worker.errors import JournalError, JournalMissing, JournalRefused
from worker.operators import connections
from worker.operators.checks.customer_commands import customer_findings, skip_all
from worker.operators.checks.destination import destination_finding
from worker.operators.checks.findings import Finding, Problem, Result, failed, ok, skipped, warning
from worker.operators.checks.partner_calls import CALL, GRAPH_CALL, GRAPH_TOKEN, TOKEN, account_findings, graph_findings
from worker.operators.errors import InvalidRequest, InvalidValue
from worker.operators.pauses import held_pauses, in_force
from worker.operators.selection import customer_id, partner_name
from worker.operators.setup import permissions
from worker.partner_center.client.account import Account
from worker.redaction import redact
from worker.settings.journal_url import shown
from worker.settings.model import Settings, SettingsError, load
from worker.settings.reference import effective


@dataclass(frozen=True, slots=True)
class Scope:
    """What a person asks to look at. `partner`: this account only; `customer`: this customer too.

    None as `partner` means every account and, with a customer, the only one.
    """

    partner: str | None = None
    customer: str | None = None

    def __post_init__(self) -> None:
        """Raise `InvalidValue` for a customer that is no GUID."""
        if self.customer is not None:
            customer_id(self.customer)

    def accounts(self, settings: Settings) -> list[str]:
        """The names of the accounts to look at.

        Raises `InvalidValue` for an account that is not configured, and `InvalidRequest` where several accounts are
        configured and the customer's is not named.
        """
        known = list(settings.partners)
        named = None if self.partner is None else partner_name(self.partner)
        if named is not None and named not in known:
            there = f"Configured are: {', '.join(known)}." if known else "No account is configured."
            raise InvalidValue("partner", f"names no configured account: {self.partner}.", there)
        if self.customer is not None and named is None and len(known) > 1:
            raise InvalidRequest(
                f"the customer belongs to one of the accounts {', '.join(known)}.", "Name the account with --partner."
            )
        return known if named is None else [named]


async def findings(scope: Scope) -> AsyncIterator[Finding]:
    """Every finding, as soon as its check has ended. A wrong set-up is a finding, and no error.

    Raises `InvalidRequest` if the scope does not fit the settings.
    """
    try:
        settings = load()
    except SettingsError as error:
        advice = "Correct them; `azplan config show` shows where each value came from."
        yield failed("settings", Problem.CONFIGURATION, " ".join(error.problems), advice)
        because = "the settings are not right"
        for check in ("broker", "topics", "rights", "journal", "files", TOKEN):
            yield skipped(check, because)
        for finding in _without_account(scope.customer, because):
            yield finding
        return
    names = scope.accounts(settings)
    given = sum(each.origin != "default" for each in effective())
    yield ok("settings", f"{given} given, the others at their defaults")
    async for finding in _broker(settings):
        yield finding
    async for finding in _journal(settings):
        yield finding
    async for finding in _pauses(settings):
        yield finding
    yield await destination_finding(settings)
    async for finding in _partners(settings, names, scope.customer):
        yield finding


async def _broker(settings: Settings) -> AsyncIterator[Finding]:
    servers = settings.kafka.bootstrap_servers
    try:
        async with connections.admin(settings) as admin:
            count = await admin.ping()
            yield ok("broker", f"{servers} answers, {count} broker{'s' if count > 1 else ''}")
            changes = await admin.plan([WantedTopic(name, 1) for name in _topics(settings)])
            lacking = await admin.lacking(permissions.needed_rights(settings.kafka))
    except BrokerError as error:
        refused = isinstance(error, BrokerRefused)
        advice = (
            "Check AZPLAN_KAFKA__SASL_*, AZPLAN_KAFKA__SECURITY_PROTOCOL and what the user may do."
            if refused
            else "Start the broker, or set AZPLAN_KAFKA__BOOTSTRAP_SERVERS to where it is."
        )
        yield failed("broker", Problem.CONFIGURATION if refused else Problem.UNAVAILABLE, str(error), advice)
        for check in ("topics", "rights"):
            yield skipped(check, "the broker does not answer")
        return
    for finding in (*_topics_found(changes, lacking), *_rights(settings, lacking)):
        yield finding


def _topics_found(changes: Sequence[TopicChange], lacking: Sequence[Right]) -> Iterator[Finding]:
    hidden = {right.name for right in lacking if right.resource == "topic"}
    missing = [change.wanted.name for change in changes if change.creates and change.wanted.name not in hidden]
    there = [change for change in changes if not change.creates]
    if missing:
        advice = "Make them with `azplan topics apply`, or correct AZPLAN_KAFKA__*_TOPIC."
        yield failed("topics", Problem.UNAVAILABLE, f"missing: {', '.join(missing)}", advice)
    elif len(there) < len(changes):
        yield skipped("topics", "a user who may not use a topic does not see whether it exists")
    else:
        yield ok("topics", ", ".join(f"{change.wanted.name} ({change.partitions} partitions)" for change in there))
    for change in there:
        if change.warning:
            advice = permissions.keep_all(change.wanted.name)
            yield warning("topics", f"{change.wanted.name} {change.warning}", advice)


def _rights(settings: Settings, lacking: list[Right]) -> Iterator[Finding]:
    kafka = settings.kafka
    for right in lacking:
        if not permissions.comes_with_others(right, lacking):
            detail, advice = permissions.may_not(right, kafka), permissions.how_to_allow(right, kafka)
            yield failed("rights", Problem.CONFIGURATION, detail, advice)
    if not lacking:
        who = f"may read {kafka.commands_topic} as {kafka.group_id}"
        yield ok("rights", f"{who}, and write {kafka.events_topic} and {kafka.dead_letters_topic}")


def _topics(settings: Settings) -> tuple[str, ...]:
    kafka = settings.kafka
    return kafka.commands_topic, kafka.events_topic, kafka.dead_letters_topic


async def _journal(settings: Settings) -> AsyncIterator[Finding]:
    engine = open_engine(settings, Clock())
    try:
        await engine.open()
    except JournalMissing as error:
        yield ok("journal", redact(f"{error}; `azplan run` makes it"))
    except JournalError as error:
        problem = Problem.CONFIGURATION if isinstance(error, JournalRefused) else Problem.UNAVAILABLE
        yield failed("journal", problem, redact(str(error)), "Start the database, or correct AZPLAN_JOURNAL__URL.")
    else:
        yield ok("journal", f"{shown(settings.journal.url.get_secret_value())} answers")
    finally:
        await engine.close()
    for weakness in engine.warnings:
        yield warning("journal", weakness)


async def _pauses(settings: Settings) -> AsyncIterator[Finding]:
    """The pauses in force: no fault of the set-up, but the reason why commands wait."""
    try:
        async with connections.journal(settings) as journal:
            held, now = await held_pauses(journal), journal.now()
    except JournalError:
        return  # the finding before this one says what is wrong with the journal
    for pause in held:
        yield warning("pause", in_force(pause, now), "`azplan resume` with the same words ends it.")


async def _partners(settings: Settings, names: Sequence[str], customer: str | None) -> AsyncIterator[Finding]:
    if not settings.partners:
        advice = "Set AZPLAN_PARTNERS__<NAME>__TENANT_ID, __CLIENT_ID and __CLIENT_SECRET."
        yield failed(TOKEN, Problem.CONFIGURATION, "no partner account is configured", advice)
        for finding in _without_account(customer, "no partner account is configured"):
            yield finding
        return
    try:
        accounts = open_accounts(settings, Clock())
    except SettingsError as error:
        yield failed(TOKEN, Problem.CONFIGURATION, " ".join(error.problems), "Correct the file or the setting.")
        for finding in _without_account(customer, "the partner accounts cannot be used"):
            yield finding
        return
    for name, unused in unused_proxies(settings):
        if name in names:
            yield warning("proxy", f"{unused}.", partner=name)
    async with _counted(settings, accounts):
        for name in names:
            async for finding in _partner(settings, accounts[name], customer):
                yield finding
        for account in accounts.values():
            await account.close()


def _without_account(customer: str | None, because: str) -> Iterator[Finding]:
    """What would be looked at behind the token of an account, of each kind once."""
    for check in (CALL, GRAPH_TOKEN, GRAPH_CALL):
        yield skipped(check, because)
    if customer is not None:
        yield from skip_all(because)


async def _partner(settings: Settings, account: Account, customer: str | None) -> AsyncIterator[Finding]:
    answers = signed_in = True
    async for finding in account_findings(account):
        answers = answers and finding.result is Result.OK
        signed_in = signed_in and (finding.check, finding.result) != (TOKEN, Result.FAILED)
        yield finding
    if signed_in:
        async for finding in graph_findings(account):
            yield finding
    else:
        for check in (GRAPH_TOKEN, GRAPH_CALL):
            yield skipped(check, "the application has no token for Partner Center", account.name)
    if customer is None:
        return
    if answers:
        async for finding in customer_findings(settings, account, customer_id(customer)):
            yield finding
    else:
        for finding in skip_all("the account cannot call Partner Center", account.name):
            yield finding


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
