"""One call of Partner Center, from token to answer: the page to read first.

An `Account` is made once per configured partner, and makes a `Center` for each run of a command. A call tries its
request, again only where nothing can have been executed or repeating does no harm, and at most twice. Each try takes a
token, a turn under the ceiling, leave of the circuit, and then holds a conversation.
"""

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from worker.clock import Clock
from worker.partner_center.answers.model import Link
from worker.partner_center.api import Center, Query, Run
from worker.partner_center.client.account_state import Lines
from worker.partner_center.client.authority import Identity, NoToken
from worker.partner_center.client.exchange import Conversation
from worker.partner_center.client.proxy import Proxy
from worker.partner_center.client.quota import Alone, Full, Shared
from worker.partner_center.client.request import Request, follow, prepare
from worker.partner_center.client.tokens import AccessToken, Tokens, TokenSource
from worker.partner_center.client.transport import Departure, Transport
from worker.partner_center.client.trouble import refused_token
from worker.partner_center.errors import CallError, NotPermitted, Refused, Throttled, TokenUnavailable
from worker.partner_center.operation import Auth, Operation
from worker.trusted_certificates import tls_context

T = TypeVar("T")

RETRIES = 2
FIRST_PAUSE = 0.2
"""Seconds before a request that never left is tried again; doubling."""
SHORT_DELAY = 2.0
"""Seconds. A longer `Retry-After` is waited out elsewhere, without a connection."""


@dataclass(frozen=True, slots=True)
class Partner:
    """What an account is configured by."""

    name: str
    identity: Identity
    base_url: str
    ca_file: Path | None = None
    """Authority that is trusted beside the usual ones, for the base URL and for the authority of tokens."""
    refresh_token_file: Path | None = None
    requests_per_minute: int = 500
    proxy: Proxy | None = None
    """Leads to base URL and authority, unless they are this very machine."""


class Account:
    """A partner account at Partner Center. Calls nothing before a run needs it."""

    def __init__(
        self,
        partner: Partner,
        clock: Clock,
        *,
        call_timeout: float,
        connections: int = 100,
        shared: Shared | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`call_timeout`: seconds from the departure of a request to the end of its answer.

        Raises ValueError and OSError where the base URL or the CA file cannot be used.
        """
        self.name = partner.name
        self._call_timeout = call_timeout
        tls = tls_context(partner.ca_file)
        self._lines = Lines(
            partner.name,
            Tokens(partner.name, partner.identity, tls, partner.refresh_token_file, clock, partner.proxy),
            Transport(partner.base_url, tls, connections=connections, call_timeout=call_timeout, proxy=partner.proxy),
            clock,
            limit=partner.requests_per_minute,
            shared=shared or Alone(),
            jitter=jitter,
        )

    def center(self, run: Run) -> Center:
        """This account for one run of a command."""
        return _Client(self._lines, run)

    def hold(self, family: str, seconds: float) -> None:
        """Hold back all calls to a resource family: another worker of this account was told to wait."""
        self._lines.quota(family).hold(seconds)

    def recall(self, family: str, ages: Iterable[float]) -> None:
        """Requests to a resource family that were made before a restart, so many seconds ago, count for its ceiling."""
        self._lines.quota(family).recall(ages)

    def ceilings(self) -> Iterable[tuple[str, int, int]]:
        """Of each resource family that was called: its name, its ceiling now, and the requests of the last minute."""
        return self._lines.ceilings()

    def try_now(self) -> None:
        """Let open circuits probe at once, and ask the authority for a token without a further pause."""
        self._lines.try_now()

    def complaints(self) -> tuple[str, ...]:
        """Why calls of this account cannot be made, as sentences for people; none where nothing is wrong."""
        return self._lines.complaints()

    async def keep_fresh(self) -> None:
        """Keep the account's refresh token alive. Runs until it is cancelled; returns where there is none."""
        await self._lines.tokens.keep_fresh()

    async def close(self) -> None:
        """Wait for the writes that are under way, which their time-out ends, and close the connections."""
        await self._lines.close(self._call_timeout)


class _Client:
    """A `Center`: the lines of one account, bound to one run of one command and perhaps to a step of it."""

    def __init__(self, lines: Lines, run: Run, step: str | None = None) -> None:
        self._lines = lines
        self._run = run
        self._step = step

    @property
    def account(self) -> str:
        return self._lines.account

    def permits(self, operation: Operation[T]) -> bool:
        return self._lines.tokens.user is not None or not self._needs_user(operation)

    def within(self, step: str) -> Center:
        return _Client(self._lines, self._run, step)

    async def call(
        self, operation: Operation[T], path: Mapping[str, str], *, query: Query | None = None, body: object = None
    ) -> T:
        return await self._perform(operation, prepare(operation, path, query, body))

    async def follow(self, operation: Operation[T], link: Link) -> T:
        return await self._perform(operation, follow(operation, link, self._lines.transport.base_url))

    async def _perform(self, operation: Operation[T], request: Request) -> T:
        refused: AccessToken | None = None
        for retry in count():
            source = self._source(operation)
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
        talk = self._once(operation, request, token, departure)
        return await self._lines.uninterrupted(talk, departure, write=operation.writes)

    async def _once(self, operation: Operation[T], request: Request, token: AccessToken, departure: Departure) -> T:
        lines = self._lines
        try:
            async with (
                lines.quota(operation.family).slot(self._run.command, self._run.correlation_id) as slot,
                lines.transport.place,
            ):
                with lines.circuit(operation, self._run.command):
                    try:
                        conversation = Conversation(lines, self._run, self._step, operation, request)
                        return await conversation.hold(token, departure)
                    finally:
                        slot.left = departure.left
        except Full as full:
            what = f"the ceiling for {operation.family} of the account {self.account} is reached"
            raise Throttled(operation.name, what, full.delay) from None

    async def _other_token(
        self, operation: Operation[Any], source: TokenSource, token: AccessToken, no: TokenUnavailable, *, again: bool
    ) -> AccessToken:
        """The token that is to be replaced before the request is repeated at once. Raises `no` where it is not."""
        if again:
            why = refused_token(no.code).at(self.account)
            no.advice = why.advice
            source.refused(f"Partner Center refuses its tokens: {no.description}", why)
            raise no
        if no.in_doubt:  # what the request did is looked at before it is repeated, with the new token
            await _token(operation, source, token)
            no.delay = SHORT_DELAY
            raise no
        return token

    def _needs_user(self, operation: Operation[Any]) -> bool:
        return operation.auth is Auth.USER or operation.name in self._lines.user_only

    def _source(self, operation: Operation[Any]) -> TokenSource:
        """The application's token wherever it is taken: a user's depends on a sign-in that can expire."""
        if not self._needs_user(operation):
            return self._lines.tokens.app
        if self._lines.tokens.user is None:
            what = f"it takes a user's token (app+user), and the account {self.account} has only the application's"
            raise NotPermitted(operation.name, what)
        return self._lines.tokens.user

    def _turn_to_user(self, operation: Operation[Any]) -> bool:
        """After 900329: whether it can be tried again with a user's token, which the operation gets from now on."""
        if operation.auth is not Auth.EITHER or operation.name in self._lines.user_only:
            return False
        self._lines.user_only.add(operation.name)
        return self._lines.tokens.user is not None


async def _token(operation: Operation[Any], source: TokenSource, refused: AccessToken | None) -> AccessToken:
    try:
        return await (source.get() if refused is None else source.replace(refused))
    except NoToken as error:
        unavailable = TokenUnavailable(operation.name, error.reason, error.delay)
        unavailable.advice = error.trouble.advice
        raise unavailable from None


def _pause(error: CallError, retry: int) -> float | None:
    """Seconds until the same call is tried once more; None where it is not."""
    if retry >= RETRIES:
        return None
    if isinstance(error, Throttled):
        is_short = error.status is not None and error.delay <= SHORT_DELAY
        return error.delay if is_short and not error.in_doubt else None
    return FIRST_PAUSE * 2.0**retry if error.retry_now else None
