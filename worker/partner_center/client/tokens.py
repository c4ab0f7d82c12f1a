"""Access tokens: the application's own, a user's by a refresh token, and the user's in customers' tenants.

MSAL requests them in threads, one at a time of each kind and tenant.

A token is requested only when a call needs it, except for the weekly renewal of an unused refresh token.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from ssl import SSLContext
from typing import Any, Literal

import structlog

from worker import metrics
from worker.clock import Clock
from worker.partner_center.answers.customer_access import LOCKED_OUT
from worker.partner_center.client.proxy import Proxy
from worker.partner_center.client.refresh_token import LIFE, RefreshTokenFile
from worker.partner_center.client.token_requests import Authority, Identity, NoToken
from worker.partner_center.client.trouble_explanations import Trouble, refused_token, trouble_of
from worker.partner_center.operation import SERVICES, Api

Flow = Literal["app", "app_user", "customer", "graph_app", "graph_user"]
_WHOSE: Mapping[Flow, str] = {
    "app": "application",
    "app_user": "user",
    "customer": "user at the customer",
    "graph_app": "application for Microsoft Graph",
    "graph_user": "user for Microsoft Graph",
}
_API: Mapping[Flow, Api] = {
    "app": Api.CENTER,
    "app_user": Api.CENTER,
    "customer": Api.ARM,
    "graph_app": Api.GRAPH,
    "graph_user": Api.GRAPH,
}
_AUDIENCE: Mapping[Api, str] = {Api.CENTER: "AUDIENCE", Api.ARM: "ARM_AUDIENCE", Api.GRAPH: "GRAPH_AUDIENCE"}
"""The account's setting with the audience of a service's tokens."""
_OWN_NEEDS = frozenset({"app", "app_user"})
"""The flows of the tokens that every worker needs all the time. The others are requested where a command needs them."""
MOST_CUSTOMERS = 1_000
"""Customers whose tokens are kept. The customer that was called longest ago goes first."""

log = structlog.get_logger("azplan.tokens")

EARLY = 300.0
"""Seconds before its expiry that a token is renewed. Less for short-lived tokens."""
HOUR, WEEK = 3_600.0, 7 * 86_400.0
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0
"""Seconds after a failure before the token authority is asked again. Doubles with each failure."""
LOCKED_OUT_PAUSE = 0.5
"""Seconds after a customer's tenant refused the partner before it is asked again. The next command may come right after
somebody has granted access."""
FORCED_PAUSE = 10.0
"""Seconds between two renewals after a 401: if a fresh token is refused, another one does not help."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token, with its times in Unix seconds."""

    value: str
    renew_at: float
    expires_at: float

    def __repr__(self) -> str:
        return f"AccessToken(expires_at={self.expires_at:.0f})"


class TokenSource:
    """The current access token of one account and flow."""

    def __init__(self, account: str, flow: Flow, fetch: Callable[[], Mapping[str, Any]], clock: Clock) -> None:
        """`fetch` requests a token. It blocks, runs in a thread, never twice at a time, and raises `NoToken`.

        The flow `customer` is that of a user's token in a customer's tenant, for Azure Resource Manager.
        """
        self._refuses = SERVICES[_API[flow]]
        self._account = account
        self._flow = flow
        self._fetch = fetch
        self._clock = clock
        self._token: AccessToken | None = None
        self._renewal: asyncio.Task[AccessToken] | None = None
        self._failures = 0
        self._not_before = 0.0
        self._forced_at = float("-inf")
        self._why = trouble_of("other")
        self.trouble: str | None = None
        """Why there is no token, in the words of the authority or of Partner Center. None if nothing is wrong."""
        self.plain: str | None = None
        """Why there is no token, in azplan's own words: they may be shown to anybody."""

    async def get(self) -> AccessToken:
        """The current token, renewed if it is about to expire. Raises `NoToken`."""
        token, now = self._token, self._now()
        if token is not None and now < token.renew_at:
            metrics.TOKEN_REQUESTS.labels(self._flow, "cached", "none").inc()
            return token
        try:
            return await self.renew()
        except NoToken:
            if token is not None and now < token.expires_at:
                return token
            raise

    async def replace(self, refused: AccessToken) -> AccessToken:
        """Another token than the refused one. Raises `NoToken`, also if the token was replaced a moment ago."""
        if self._token is not None and self._token != refused:
            return self._token
        pause = self._forced_at + FORCED_PAUSE - self._clock.monotonic()
        if self._renewal is None and pause > 0:
            why = refused_token(None, _API[self._flow]).at(self._account)
            raise NoToken(f"{self._refuses} refuses the token that was just renewed", pause, why)
        self._forced_at = self._clock.monotonic()
        return await self.renew()

    def refused(self, reason: str, why: Trouble) -> None:
        """Partner Center refused a fresh token. `trouble` and `plain` tell so until it accepts one."""
        if self.trouble != reason:
            facts = {"reason": reason, "trouble": why.kind, "advice": why.advice}
            log.warning("token.refused", partner=self._account, flow=self._flow, **facts)
        self.trouble, self._why = reason, why
        self.plain = f"{self._refuses} refuses the tokens of the {_WHOSE[self._flow]}. {why.named}. {why.advice}"

    def taken(self) -> None:
        """Partner Center accepted the token."""
        self.trouble = self.plain = None

    def try_now(self) -> None:
        """Let the authority be asked at once, despite earlier failures."""
        self._failures, self._not_before = 0, 0.0
        self._forced_at = float("-inf")

    async def renew(self) -> AccessToken:
        """A new token. All callers share one renewal; a cancelled caller does not cancel it. Raises `NoToken`."""
        if self._renewal is None:
            pause = self._not_before - self._clock.monotonic()
            if pause > 0:
                raise NoToken(self.trouble or "no token", pause, self._why)
            self._renewal = asyncio.create_task(self._fetched(), name=f"token {self._account} {self._flow}")
            self._renewal.add_done_callback(self._renewed)
        return await asyncio.shield(self._renewal)

    def _renewed(self, task: asyncio.Task[AccessToken]) -> None:
        self._renewal = None
        if not task.cancelled():
            task.exception()

    async def _fetched(self) -> AccessToken:
        asked_at = self._now()
        try:
            result = await asyncio.to_thread(self._fetch)
        except NoToken as error:
            raise self._failed(error) from None
        token = _access_token(result, asked_at)
        self._token, self.trouble, self.plain = token, None, None
        self._failures, self._not_before = 0, 0.0
        metrics.TOKEN_REQUESTS.labels(self._flow, "ok", "none").inc()
        if self._flow in _OWN_NEEDS:
            metrics.EARLIEST_ACCESS_TOKEN_EXPIRY.set(self._account, token.expires_at, self._flow)
        return token

    def _failed(self, error: NoToken) -> NoToken:
        if self._flow == "customer" and error.trouble.kind in LOCKED_OUT:
            pause = LOCKED_OUT_PAUSE
        else:
            pause = min(FIRST_PAUSE * 2.0**self._failures, LONGEST_PAUSE)
            self._failures = min(self._failures + 1, 30)
        self._not_before = self._clock.monotonic() + pause
        self._why = why = error.trouble.at(self._account, audience=_AUDIENCE[_API[self._flow]])
        self.trouble = error.reason
        self.plain = f"the authority gives no access token for the {_WHOSE[self._flow]}. {why.named}. {why.advice}"
        metrics.TOKEN_REQUESTS.labels(self._flow, "error", why.code or "none").inc()
        facts = {"reason": error.reason, "trouble": why.kind, "advice": why.advice}
        log.warning("token.unavailable", partner=self._account, flow=self._flow, **facts)
        return NoToken(error.reason, pause, why)

    def _now(self) -> float:
        return self._clock.now().timestamp()


class Tokens:
    """The tokens of one account: the application's own, and a user's if a refresh token is configured."""

    def __init__(
        self,
        account: str,
        identity: Identity,
        tls: SSLContext,
        refresh_token_file: Path | None,
        clock: Clock,
        proxy: Proxy | None = None,
    ) -> None:
        authority, at_graph = Authority(identity, tls, proxy), Authority(identity.at_graph(), tls, proxy)
        self._account = account
        self._clock = clock
        self._file = RefreshTokenFile(refresh_token_file, clock) if refresh_token_file else None
        self._authority_at = partial(_authority_at, identity, tls, proxy)
        self._customers: dict[str, TokenSource] = {}
        self.app = TokenSource(account, "app", authority.by_credential, clock)
        self.user = (
            TokenSource(account, "app_user", partial(authority.by_refresh_token, self._file), clock)
            if self._file
            else None
        )
        self.graph_app = TokenSource(account, "graph_app", at_graph.by_credential, clock)
        """For Microsoft Graph, in the partner's own tenant."""
        self.graph_user = (
            TokenSource(account, "graph_user", partial(at_graph.by_refresh_token, self._file), clock)
            if self._file
            else None
        )

    def of_customer(self, tenant: str) -> TokenSource:
        """The user's tokens for Azure Resource Manager in a customer's tenant. At most `MOST_CUSTOMERS` are kept.

        Raises ValueError if the account has no refresh token.
        """
        if self._file is None:
            raise ValueError(f"the account {self._account} has no refresh token")
        name = tenant.lower()
        source = self._customers.pop(name, None)
        if source is None:
            fetch = partial(self._authority_at(tenant).by_lent_refresh_token, self._file)
            source = TokenSource(self._account, "customer", fetch, self._clock)
        self._customers[name] = source
        while len(self._customers) > MOST_CUSTOMERS:
            del self._customers[next(iter(self._customers))]
        return source

    @property
    def trouble(self) -> tuple[str, ...]:
        """Which of the account's own sign-ins fail, in azplan's own words (the authority's are in the log).

        Empty if all work. What one customer's tenant refuses is told to the commands of that customer.
        """
        return tuple(source.plain for source in self._own() if source.plain)

    def try_now(self) -> None:
        """Let the authority be asked at once for any token of the account."""
        for source in (*self._own(), *self._customers.values()):
            source.try_now()

    def _own(self) -> list[TokenSource]:
        return [source for source in (self.app, self.user, self.graph_app, self.graph_user) if source]

    async def keep_fresh(self) -> None:
        """Renew the refresh token when it is a week old, and show its expiry as a metric. Runs until cancelled.

        An unused refresh token expires after 90 days. Returns at once if the account has no refresh token.
        """
        if self._file is None or self.user is None:
            return
        renewed_at = 0.0
        while True:
            issued_at = await asyncio.to_thread(self._file.issued_at)
            if issued_at is not None:
                metrics.EARLIEST_REFRESH_TOKEN_EXPIRY.set(self._account, issued_at + LIFE)
                now = self._clock.now().timestamp()
                if now - max(issued_at, renewed_at) >= WEEK:
                    with suppress(NoToken):
                        await self.user.renew()
                        renewed_at = now
                        continue
            else:
                advice = "sign the user in again and store the refresh token in that file; `azplan check` tries it"
                log.warning("refresh_token.missing", account=self._account, file=str(self._file), advice=advice)
            await asyncio.sleep(HOUR)


def _authority_at(identity: Identity, tls: SSLContext, proxy: Proxy | None, tenant: str) -> Authority:
    return Authority(identity.at_customer(tenant), tls, proxy)


def _access_token(result: Mapping[str, Any], asked_at: float) -> AccessToken:
    life = float(result.get("expires_in", 3599))
    expires_at = asked_at + life
    return AccessToken(str(result["access_token"]), expires_at - min(EARLY, life / 5), expires_at)
