"""Bearer tokens: their owner, audience, kind and life."""

import pytest

from ops.simulator.simulator import Simulator
from tests.simulator.caller import Caller


async def refusal_of(simulator: Simulator, token: str) -> tuple[int, int | None]:
    """The refusal that a token gets."""
    answer = await Caller(simulator, token=token).get("/customers")
    return answer.status, answer.code


async def test_a_request_without_a_token_is_refused(simulator: Simulator, caller: Caller) -> None:
    """The answer is 401/800001."""
    answer = await caller.get("/customers", headers={"Authorization": ""})
    assert (answer.status, answer.code) == (401, 800001)


async def test_bad_tokens_are_refused(simulator: Simulator) -> None:
    """Nonsense, a broken signature, an expired token and one for another API each get a challenge."""
    good = simulator.token()
    broken = good[:-4] + ("AAAA" if not good.endswith("AAAA") else "BBBB")
    assert await refusal_of(simulator, "nonsense") == (401, 400)
    assert await refusal_of(simulator, broken) == (401, 400)
    assert await refusal_of(simulator, simulator.token(audience="https://graph.windows.net")) == (401, 900420)
    assert await refusal_of(simulator, good) == (200, None)
    simulator.clock.advance(3600)
    answer = await Caller(simulator, token=good).get("/customers")
    assert (answer.status, answer.code) == (401, 400)
    assert "invalid_token" in answer.headers["WWW-Authenticate"]


async def test_revoked_tokens_are_refused_and_new_ones_taken(simulator: Simulator) -> None:
    """This holds at the same instant too."""
    old = simulator.token()
    simulator.tokens.revoke_all()
    assert await refusal_of(simulator, old) == (401, 400)
    assert await refusal_of(simulator, simulator.token()) == (200, None)


async def test_a_user_without_multifactor_sign_in_is_refused(simulator: Simulator) -> None:
    """The answer is 401/900421 or the older empty 401. The application needs no such sign-in."""
    weak = simulator.token(user=True, mfa=False)
    assert await refusal_of(simulator, weak) == (401, 900421)
    simulator.change(mfa_answer="empty")
    answer = await Caller(simulator, token=weak).get("/customers")
    assert (answer.status, answer.content) == (401, b"")


@pytest.mark.parametrize("user", [True, False])
async def test_either_kind_may_read_customers(simulator: Simulator, user: bool) -> None:
    """Most operations take both kinds."""
    assert (await Caller(simulator, user=user).get("/customers")).status == 200


async def test_tokens_of_one_simulator_mean_nothing_to_another(simulator: Simulator, caller: Caller) -> None:
    """Each simulator signs with a key of its own."""
    other = type(simulator)(
        simulator.clock,
        simulator.settings,
        [simulator.partner],
        seed=1,
        audience="https://api.partnercenter.microsoft.com",
    )
    assert await refusal_of(simulator, other.token()) == (401, 400)
