"""One call of Partner Center, from token to answer: the page to read first.

A call sends its request, and repeats the request only if Partner Center cannot have executed it or if repeating does no
harm; at most two retries. Each try takes an access token, a slot under the request ceiling, a free connection and a
permit of the circuit. Then an `Exchange` sends the request and reads the answer.
"""

import asyncio
from collections.abc import Mapping
from itertools import count
from typing import Any, TypeVar

from worker.partner_center.answers.customer_access import LOCKED_OUT, need_access
from worker.partner_center.answers.resource import Link
from worker.partner_center.client.ceilings.quota import CeilingReached
from worker.partner_center.client.exchange import Exchange
from worker.partner_center.client.request import Request, follow, prepare
from worker.partner_center.client.state_shared_by_calls import AccountState, spent
from worker.partner_center.client.token_requests import NoToken
from worker.partner_center.client.tokens import AccessToken, TokenSource
from worker.partner_center.client.transport import Departure
from worker.partner_center.client.trouble_explanations import refused_token
from worker.partner_center.errors import CallError, NotPermitted, Refused, Throttled, TokenUnavailable
from worker.partner_center.operation import Auth, Operation
from worker.partner_center.port import PartnerCenter, Query, Run
from worker.partner_center.recent_answers import RecentAnswers

T = TypeVar("T")

RETRIES = 2
FIRST_PAUSE = 0.2
"""Seconds before the first retry of a request that never left. Doubles with each retry."""
SHORT_DELAY = 2.0
"""Seconds. A call waits out a `Retry-After` up to this; for a longer one the command waits, without a connection."""


class BoundAccount:
    """A `PartnerCenter`: one account, bound to one run of a command and, inside a step, to that step."""

    def __init__(self, state: AccountState, run: Run, step: str | None = None) -> None:
        self._state = state
        self._run = run
        self._step = step

    @property
    def account(self) -> str:
        return self._state.account

    @property
    def catalog_items(self) -> RecentAnswers[str]:
        return self._state.catalog_items

    def permits(self, operation: Operation[T]) -> bool:
        return self._state.tokens.user is not None or not self._needs_user(operation)

    def within(self, step: str) -> PartnerCenter:
        return BoundAccount(self._state, self._run, step)

    async def call(
        self, operation: Operation[T], path: Mapping[str, str], *, query: Query | None = None, body: object = None
    ) -> T:
        return await self._perform(operation, prepare(operation, path, query, body))

    async def sign_in(self, operation: Operation[Any], tenant: str) -> None:
        """Get a token with which the operation can be called in the customer's tenant. Raises the errors of `call`."""
        await _token(operation, self._source(operation, tenant), None)

    async def follow(self, operation: Operation[T], link: Link, path: Mapping[str, str]) -> T:
        base_url = self._state.transport_of(operation).base_url
        return await self._perform(operation, follow(operation, link, base_url, path))

    async def _perform(self, operation: Operation[T], request: Request) -> T:
        refused: AccessToken | None = None
        for retry in count():
            source = self._source(operation, request.tenant)
            token = await _token(operation, source, refused)
            try:
                value = await self._try(operation, request, token)
            except TokenUnavailable as error:
                refused = await self._other_token(operation, source, token, error, again=refused is not None)
            except NotPermitted:
                if not self._turn_to_user(operation):
                    raise
                refused = None
            except CallError as error:
                if isinstance(error, Refused):
                    source.taken()
                pause = _pause(error, retry)
                if pause is None:
                    raise
                await asyncio.sleep(pause)
            else:
                source.taken()
                return value
        raise AssertionError  # `count` has no end

    async def _try(self, operation: Operation[T], request: Request, token: AccessToken) -> T:
        departure = Departure(lambda: self._run.gate(operation, self._step))
        attempt = self._once(operation, request, token, departure)
        if not operation.writes:  # a cancelled read is simply given up
            return await attempt
        return await self._state.uninterrupted(attempt, departure)

    async def _once(self, operation: Operation[T], request: Request, token: AccessToken, departure: Departure) -> T:
        state = self._state
        try:
            async with (
                state.quota(operation.family).slot(self._run.command, self._run.correlation_id) as slot,
                state.transport_of(operation).free_connection,
            ):
                with state.circuit(operation, self._run.command):
                    try:
                        exchange = Exchange(state, self._run, self._step, operation, request)
                        return await exchange.perform(token, departure)
                    finally:
                        slot.left = departure.left
        except CeilingReached as reached:
            raise Throttled(operation.name, spent(self.account, operation.family), reached.delay) from None

    async def _other_token(
        self, operation: Operation[Any], source: TokenSource, token: AccessToken, no: TokenUnavailable, *, again: bool
    ) -> AccessToken:
        """The refused token, which the repeated request must replace. Raises `no` if the request must not be repeated.

        `again`: Partner Center has refused a fresh token of this call too.
        """
        if again:
            why = refused_token(no.code, arm=operation.arm is not None).at(self.account)
            no.advice = why.advice
            source.refused(f"{operation.service} refuses its tokens: {no.description}", why)
            raise no
        if no.in_doubt:  # the command must first look, with a new token, at what the request did
            await _token(operation, source, token)
            no.delay = SHORT_DELAY
            raise no
        return token

    def _needs_user(self, operation: Operation[Any]) -> bool:
        return operation.auth is Auth.USER or operation.name in self._state.user_only

    def _source(self, operation: Operation[Any], tenant: str | None) -> TokenSource:
        """The application's tokens if the operation takes them: a user's token depends on a sign-in that can expire.

        `tenant`: the customer's tenant, if the token must be one of that tenant.
        """
        if not self._needs_user(operation):
            return self._state.tokens.app
        if self._state.tokens.user is None:
            what = f"it takes a user's token (app+user), and the account {self.account} has no refresh token"
            raise NotPermitted(operation.name, what)
        return self._state.tokens.user if tenant is None else self._state.tokens.of_customer(tenant)

    def _turn_to_user(self, operation: Operation[Any]) -> bool:
        """After 900329: use a user's token for this operation from now on. True if the call can be tried again."""
        if operation.auth is not Auth.EITHER or operation.name in self._state.user_only:
            return False
        self._state.user_only.add(operation.name)
        return self._state.tokens.user is not None


async def _token(operation: Operation[Any], source: TokenSource, refused: AccessToken | None) -> AccessToken:
    try:
        return await (source.get() if refused is None else source.replace(refused))
    except NoToken as error:
        if operation.arm and error.trouble.kind in LOCKED_OUT:
            no = NotPermitted(
                operation.name, f"no token of the customer's tenant: {error.reason}", code=error.trouble.kind
            )
            no.advice = need_access(error.trouble.kind, operation.arm)
            raise no from None
        unavailable = TokenUnavailable(operation.name, error.reason, error.delay)
        unavailable.advice = error.trouble.advice
        raise unavailable from None


def _pause(error: CallError, retry: int) -> float | None:
    """Seconds until the next retry of the same call. None if there is no further retry."""
    if retry >= RETRIES:
        return None
    if isinstance(error, Throttled):
        is_short = error.status is not None and error.delay <= SHORT_DELAY
        return error.delay if is_short and not error.in_doubt else None
    return FIRST_PAUSE * 2.0**retry if error.retry_now else None
