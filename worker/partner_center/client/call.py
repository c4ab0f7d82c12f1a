"""One call of Partner Center, from token to answer: the page to read first.

A call sends its request, and repeats the request only if Partner Center cannot have executed it or if repeating does no
harm; at most two retries. Each try takes an access token, a slot under the request ceiling, a free connection and a
permit of the circuit. Then an `Exchange` sends the request and reads the answer.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any, TypeVar

from pydantic import SecretStr

from worker.partner_center.answers.resource import Link
from worker.partner_center.client.ceilings.quota import CeilingReached
from worker.partner_center.client.exchange import Exchange
from worker.partner_center.client.request import Request, follow, prepare
from worker.partner_center.client.state_shared_by_calls import AccountState, spent
from worker.partner_center.client.streams.open_answer import OpenAnswer
from worker.partner_center.client.token_choice import TokenChoice
from worker.partner_center.client.tokens import AccessToken, TokenSource
from worker.partner_center.client.transport import Departure, Transport
from worker.partner_center.client.trouble_explanations import refused_token
from worker.partner_center.errors import CallError, NotPermitted, Refused, Throttled, TokenUnavailable
from worker.partner_center.operation import Operation
from worker.partner_center.port import AnswerStream, PartnerCenter, Query, Run
from worker.partner_center.recent_answers import RecentAnswers

T = TypeVar("T")

Attempt = Callable[[Operation[Any], Request, AccessToken], Awaitable[T]]
"""One try of a call, with one token."""

RETRIES = 2
FIRST_PAUSE = 0.2
"""Seconds before the first retry of a request that never left. Doubles with each retry."""
SHORT_DELAY = 2.0
"""Seconds. A call waits out a `Retry-After` up to this; for a longer one the command waits, without a connection."""


class BoundAccount:
    """A `PartnerCenter`: one account, bound to one run of a command and, inside a step, to that step."""

    def __init__(self, state: AccountState, run: Run, step: str | None = None) -> None:
        self._state = state
        self._tokens = TokenChoice(state)
        self._run = run
        self._step = step

    @property
    def account(self) -> str:
        return self._state.account

    @property
    def catalog_items(self) -> RecentAnswers[str]:
        return self._state.catalog_items

    def permits(self, operation: Operation[T]) -> bool:
        return self._tokens.permits(operation)

    def within(self, step: str) -> PartnerCenter:
        return BoundAccount(self._state, self._run, step)

    async def call(
        self, operation: Operation[T], path: Mapping[str, str], *, query: Query | None = None, body: object = None
    ) -> T:
        request = prepare(operation, path, query, body, self._state.service(operation).root)
        return await self._perform(operation, request, self._try)

    @asynccontextmanager
    async def stream(
        self,
        operation: Operation[Any],
        path: Mapping[str, str],
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[AnswerStream]:
        request = prepare(operation, path, query, None, self._state.service(operation).root)
        async with self._streamed(operation, replace(request, headers=headers or {})) as answer:
            yield answer

    @asynccontextmanager
    async def stream_link(
        self, operation: Operation[Any], link: Link, path: Mapping[str, str]
    ) -> AsyncIterator[AnswerStream]:
        async with self._streamed(operation, self._followed(operation, link, path)) as answer:
            yield answer

    @asynccontextmanager
    async def download(self, operation: Operation[Any], address: SecretStr) -> AsyncIterator[AnswerStream]:
        transport, request = await self._state.storage.place(operation, address)
        for retry in count():
            try:
                answer = await self._open_at(transport, operation, request, None, self._departure(operation))
                break
            except CallError as error:
                await _rest(error, retry)
        try:
            yield answer
        finally:
            await answer.close()

    async def sign_in(self, operation: Operation[Any], tenant: str) -> None:
        """Get a token with which the operation can be called in the customer's tenant. Raises the errors of `call`."""
        await self._tokens.get(operation, self._tokens.source(operation, tenant), None)

    async def follow(self, operation: Operation[T], link: Link, path: Mapping[str, str]) -> T:
        return await self._perform(operation, self._followed(operation, link, path), self._try)

    def _followed(self, operation: Operation[Any], link: Link, path: Mapping[str, str]) -> Request:
        service = self._state.service(operation)
        return follow(operation, link, service.transport.base_url, path, service.root)

    @asynccontextmanager
    async def _streamed(self, operation: Operation[Any], request: Request) -> AsyncIterator[AnswerStream]:
        answer = await self._perform(operation, request, self._open)
        try:
            yield answer
        finally:
            await answer.close()

    async def _perform(self, operation: Operation[Any], request: Request, attempt: Attempt[T]) -> T:
        refused: AccessToken | None = None
        for retry in count():
            source = self._tokens.source(operation, request.tenant)
            token = await self._tokens.get(operation, source, refused)
            try:
                value = await attempt(operation, request, token)
            except TokenUnavailable as error:
                refused = await self._other_token(operation, source, token, error, again=refused is not None)
            except NotPermitted:
                if not self._tokens.turn_to_user(operation, source):
                    raise
                refused = None
            except CallError as error:
                if isinstance(error, Refused):
                    source.taken()
                await _rest(error, retry)
            else:
                source.taken()
                return value
        raise AssertionError  # `count` has no end

    async def _try(self, operation: Operation[T], request: Request, token: AccessToken) -> T:
        departure = self._departure(operation)
        attempt = self._once(operation, request, token, departure)
        if not operation.writes:  # a cancelled read is simply given up
            return await attempt
        return await self._state.uninterrupted(attempt, departure)

    async def _once(self, operation: Operation[T], request: Request, token: AccessToken, departure: Departure) -> T:
        state, transport = self._state, self._state.service(operation).transport
        async with self._slot(operation, departure), transport.free_connection:
            with state.circuit(operation, self._run.command):
                exchange = Exchange(state, self._run, self._step, operation, request, transport)
                return await exchange.perform(token, departure)

    async def _open(self, operation: Operation[Any], request: Request, token: AccessToken) -> OpenAnswer:
        departure, transport = self._departure(operation), self._state.service(operation).transport
        async with self._slot(operation, departure):  # a slot is used when the head of the answer is there
            return await self._open_at(transport, operation, request, token, departure)

    async def _open_at(
        self,
        transport: Transport,
        operation: Operation[Any],
        request: Request,
        token: AccessToken | None,
        departure: Departure,
    ) -> OpenAnswer:
        """The open answer, which holds its connection, and its permit of the circuit unless others wait for that."""
        state = self._state
        async with AsyncExitStack() as held:
            await held.enter_async_context(transport.free_connection)
            permit = state.admit(operation)
            learn = partial(state.learn, operation, command=self._run.command)
            try:
                exchange = Exchange(state, self._run, self._step, operation, request, transport)
                answer = await exchange.open(token, departure)
            except BaseException as error:
                learn(permit, error)
                raise
            if permit.probe:
                learn(permit, None)
            else:
                answer.settled = partial(learn, permit)
            answer.held = held.pop_all()
            return answer

    @asynccontextmanager
    async def _slot(self, operation: Operation[Any], departure: Departure) -> AsyncIterator[None]:
        """A slot under the ceiling, for one request. Raises `Throttled`."""
        try:
            async with self._state.quota(operation.family).slot(self._run.command, self._run.correlation_id) as slot:
                try:
                    yield
                finally:
                    slot.left = departure.left
        except CeilingReached as reached:
            raise Throttled(operation.name, spent(self.account, operation.family), reached.delay) from None

    def _departure(self, operation: Operation[Any]) -> Departure:
        return Departure(lambda: self._run.gate(operation, self._step))

    async def _other_token(
        self, operation: Operation[Any], source: TokenSource, token: AccessToken, no: TokenUnavailable, *, again: bool
    ) -> AccessToken:
        """The refused token, which the repeated request must replace. Raises `no` if the request must not be repeated.

        `again`: Partner Center has refused a fresh token of this call too.
        """
        if again:
            why = refused_token(no.code, operation.api).at(self.account)
            no.advice = why.advice
            source.refused(f"{operation.service} refuses its tokens: {no.description}", why)
            raise no
        if no.in_doubt:  # the command must first look, with a new token, at what the request did
            await self._tokens.get(operation, source, token)
            no.delay = SHORT_DELAY
            raise no
        return token


async def _rest(error: CallError, retry: int) -> None:
    """Wait until the next retry of the same call. Raises the error if there is no further retry."""
    pause = _pause(error, retry)
    if pause is None:
        raise error
    await asyncio.sleep(pause)


def _pause(error: CallError, retry: int) -> float | None:
    """Seconds until the next retry of the same call. None if there is no further retry."""
    if retry >= RETRIES:
        return None
    if isinstance(error, Throttled):
        is_short = error.status is not None and error.delay <= SHORT_DELAY
        return error.delay if is_short and not error.in_doubt else None
    return FIRST_PAUSE * 2.0**retry if error.retry_now else None
