"""The authority gives no token for an hour: commands wait, readiness says what to do, and work resumes by itself."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from events.codes import WaitingReason
from events.messages.command_status import CommandAccepted, CommandWaiting
from events.messages.plans import PlanReactivated, ReactivatePlan
from tests.operators.asking import later
from tests.support.boundaries import Life
from tests.support.harness import World
from tests.support.invariants import check
from tests.trouble.conftest import Play
from tests.trouble.ledger import rest
from worker.clock import Clock
from worker.partner_center.client.token_requests import NoToken
from worker.partner_center.client.tokens import Tokens, TokenSource
from worker.partner_center.client.trouble_explanations import trouble_of
from worker.runtime.observability.readiness import Readiness
from worker.settings.model import Settings

HOUR = 3_600.0
EXPIRED = "https://login.microsoftonline.com/t gives no token: invalid_client AADSTS7000222: the secret has expired"


class Entra:
    """An authority that may refuse. Its tokens are valid for twenty minutes."""

    def __init__(self) -> None:
        self.refuses = False
        self.asked = 0

    def __call__(self, world: World, tenant: str) -> dict[str, Any]:
        """Answer with a token of the application, or with none."""
        self.asked += 1
        if self.refuses:
            raise NoToken(EXPIRED, trouble=trouble_of("AADSTS7000222"))
        return {"access_token": world.simulator.token(partner=tenant), "expires_in": 1_200}


class OneSource:
    """The tokens of an account whose application asks the authority as a real one does."""

    user = graph_app = graph_user = None

    def __init__(self, app: TokenSource) -> None:
        self.app = app

    trouble = Tokens.trouble
    _own = Tokens._own


class SignedIn(World):
    """A world whose workers get their tokens from `entra` through the product's own code."""

    entra: Entra

    def _accounts(self, settings: Settings, life: Life, clock: Clock) -> Any:
        accounts = super()._accounts(settings, life, clock)
        for name, account in accounts.items():
            tenant = settings.partners[name].tenant_id
            source = TokenSource(name, "app", partial(self.entra, self, tenant), clock)
            account._state.tokens = OneSource(source)
        return accounts


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads answer at once: virtual time does not wait for threads."""

    async def to_thread(function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)

    monkeypatch.setattr(asyncio, "to_thread", to_thread)


@pytest.mark.usefixtures("_at_once")
def test_an_hour_without_tokens_costs_no_attempt_and_ends_by_itself(play: Play) -> None:
    """A held token works until it expires. Then commands wait, and readiness tells the operator what to do."""
    entra = Entra()

    async def story(world: World) -> None:
        worker = await world.begin()
        assert isinstance(await world.do(ReactivatePlan(customer_id=suspended(world))), PlanReactivated)
        entra.refuses = True
        assert isinstance(await world.do(ReactivatePlan(customer_id=suspended(world))), PlanReactivated), (
            "it has a token"
        )
        await world.until(later(world, 1_200), "the token has expired")
        asked, called = entra.asked, len(world.simulator.books.requests)
        sent = [await world.send(ReactivatePlan(customer_id=suspended(world))) for _ in range(5)]
        await world.until(later(world, HOUR), "an hour has passed")
        now = worker.service.readiness()
        (complaint,) = now.degraded
        assert now.ready, "the next worker would get no token either"
        assert "The client secret has expired (AADSTS7000222). Make a new client secret" in complaint
        assert "no attempt is used up" in complaint
        assert EXPIRED not in complaint, "the authority's words are in the log"
        assert {each.event.reason for each in world.said(sent[-1]) if isinstance(each.event, CommandWaiting)} == {
            WaitingReason.TOKEN_UNAVAILABLE
        }
        assert all(
            EXPIRED in each.event.detail and "put its value" in each.event.detail
            for each in world.said(sent[-1])
            if isinstance(each.event, CommandWaiting)
        )
        assert {type(each.event) for command in sent for each in world.said(command)} == {
            CommandAccepted,
            CommandWaiting,
        }
        assert entra.asked - asked <= HOUR / 60 + 10, "one for all asks the authority, about once a minute"
        assert len(world.simulator.books.requests) == called, "and nobody asks Partner Center"
        entra.refuses = False
        back = world.clock.monotonic()
        await rest(world)
        assert world.clock.monotonic() - back < 180
        assert {type(await world.answer(each)) for each in sent} == {PlanReactivated}
        assert [row["n"] for row in await world.rows("SELECT max(attempts) AS n FROM command")] == [0]
        assert (worker.service.readiness(), world.letters()) == (Readiness(), [])
        await check(world)

    SignedIn.entra = entra
    play(story, kind=SignedIn)


def suspended(world: World) -> str:
    """A customer whose plan is suspended."""
    return str(world.simulator.customer("suspended_plan").id)
