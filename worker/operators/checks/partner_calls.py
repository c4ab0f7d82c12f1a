"""A harmless call of a partner account with each kind of token, and what a call needs that belongs to no command."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from uuid import UUID, uuid4

from worker.operators.checks.findings import Finding, Problem, failed, ok, skipped, warning
from worker.partner_center.answers.graph_access import GRANT_PERMISSION
from worker.partner_center.client.account import Account
from worker.partner_center.client.trouble_explanations import trouble_of
from worker.partner_center.errors import (
    CallError,
    GateClosed,
    NeverSent,
    NotPermitted,
    Refused,
    Throttled,
    TokenUnavailable,
    Unanswered,
)
from worker.partner_center.operation import Operation
from worker.partner_center.port import Call
from worker.partner_center.resources import agreements, billing_exports, customers

TOKEN, CALL = "token", "call"
"""The two checks of an account at Partner Center, as the application."""
USER_TOKEN, USER_CALL = "user token", "user call"
"""The two checks of an account that has a user's refresh token."""
GRAPH_TOKEN, GRAPH_CALL = "graph token", "graph call"
"""The two checks of an account at Microsoft Graph, which only ExportInvoiceLines calls."""


class Probe:
    """What a call needs of a run, for calls that belong to no command and change nothing."""

    def __init__(self) -> None:
        self.command: UUID = uuid4()
        self.correlation_id = str(uuid4())
        self.milliseconds = 0
        self.operation = ""
        self._answers: Counter[str] = Counter()

    def gate(self, operation: Operation[object], step: str | None) -> None:
        """A read may always leave. Raises `GateClosed` for a write."""
        if operation.writes:
            raise GateClosed(operation.name, "a check changes nothing")

    def answers(self, key: str) -> int:
        """How many requests with this key have been answered."""
        return self._answers[key]

    def called(self, call: Call) -> None:
        """Keep the operation and the duration of the call, and count its answer."""
        self.operation = call.operation
        self.milliseconds = round(call.duration * 1000)
        self._answers[call.key] += call.answered


async def account_findings(account: Account) -> AsyncIterator[Finding]:
    """A harmless call for each kind of token that is configured: it needs the network, the token and the permission."""
    probe = Probe()
    center = account.center(probe)
    async for finding in _flow(account, TOKEN, CALL, customers.page(center, size=1), probe):
        yield finding
    if center.permits(agreements.METADATA):
        async for finding in _flow(account, USER_TOKEN, USER_CALL, agreements.metadata(center), probe):
            yield finding


async def graph_findings(account: Account) -> AsyncIterator[Finding]:
    """A harmless call of Microsoft Graph: it needs the network, a token with the right audience, and the permission.

    A missing permission is a warning: only the export of lines needs it.
    """
    probe, name = Probe(), account.name
    try:
        await billing_exports.try_permission(account.center(probe))
    except TokenUnavailable as error:
        yield failed_call(GRAPH_TOKEN, error, name)
        yield skipped(GRAPH_CALL, "there is no token", name)
        return
    except NotPermitted as error:
        detail = f"ExportInvoiceLines cannot export lines from Microsoft Graph: {error}"
        found = warning(GRAPH_CALL, detail, GRANT_PERMISSION, name)
    except Refused as error:
        advice = f"Check AZPLAN_PARTNERS__{name.upper()}__GRAPH_URL: it ends with the version, such as /v1.0."
        found = failed(GRAPH_CALL, Problem.REFUSED, str(error), advice, name)
    except Throttled as error:
        found = warning(GRAPH_CALL, str(error), "Try again in a minute: the worker's own exports count too.", name)
    except CallError as error:
        found = failed_call(GRAPH_CALL, error, name, address="GRAPH_URL")
    else:
        found = ok(GRAPH_CALL, f"{probe.operation} answered in {probe.milliseconds} ms", name)
    yield ok(GRAPH_TOKEN, "there is one", name)
    yield found


async def _flow(
    account: Account, token: str, call: str, asked: Awaitable[object], probe: Probe
) -> AsyncIterator[Finding]:
    """Two findings: about the `token`, and about the `call` that `asked` makes with the token."""
    name = account.name
    try:
        await asked
    except TokenUnavailable as error:
        yield failed_call(token, error, name)
        yield skipped(call, "there is no token", name)
        return
    except CallError as error:
        yield ok(token, "there is one", name)
        yield failed_call(call, error, name)
        return
    yield ok(token, "there is one", name)
    yield ok(call, f"{probe.operation} answered in {probe.milliseconds} ms", name)


def failed_call(call: str, error: CallError, name: str, *, address: str = "BASE_URL") -> Finding:
    """What a call without a value found. `address`: the account's setting with the address that was called."""
    match error:
        case TokenUnavailable():
            return failed(call, Problem.UNAVAILABLE, error.description, error.advice, name)
        case NotPermitted() if error.advice:
            return failed(call, Problem.REFUSED, str(error), error.advice, name)
        case NeverSent():
            why = trouble_of(error.trouble).at(name, address)
            return failed(call, Problem.UNAVAILABLE, f"{error}. {why.title}.", why.advice, name)
        case Refused() | NotPermitted():
            advice = "Check that the application is registered in Partner Center's app management, in that tenant."
            known = f" `azplan errors explain {error.code}` says more." if error.code else ""
            return failed(call, Problem.REFUSED, str(error), advice + known, name)
        case Unanswered():
            return failed(call, Problem.UNAVAILABLE, str(error), "Look at Microsoft's service health; try again.", name)
        case _:
            return failed(call, Problem.UNAVAILABLE, str(error), "Try again in a while.", name)
